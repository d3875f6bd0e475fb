//! Files and directories: the asynchronous counterpart of [`std::fs`].
//!
//! The functions here and the methods of [`File`] have the names, arguments and errors of `std`.
//! Operating systems have no good way to wait for a disk, so the work is done on the runtime's
//! blocking pool, on threads that are there for files alone; a task that waits for it does not hold
//! up others.
//!
//! # Examples
//!
//! ```
//! use runtime::fs;
//!
//! #[runtime::main]
//! async fn main() -> std::io::Result<()> {
//!     let path = std::env::temp_dir().join(format!("greeting-{}", std::process::id()));
//!     fs::write(&path, "hello").await?;
//!     assert_eq!(fs::read_to_string(&path).await?, "hello");
//!     fs::remove_file(&path).await?;
//!     assert!(!fs::try_exists(&path).await?);
//!     Ok(())
//! }
//! ```
//!
//! # Fewer trips are faster
//!
//! Every call of a function makes one trip to the pool, however much it does there: [`read`] opens
//! the file, reads all of it and closes it in one. The same by hand, with a [`File`], is a trip for
//! each step. So prefer the functions for whole files; and put a [`BufWriter`](crate::io::BufWriter)
//! before a file that is written in small pieces.
//!
//! Reading is cheaper than that: what the system has in its page cache, a [`File`] reads at once,
//! without a trip, where the file system can say that it need not wait (on Linux ext4, XFS and Btrfs
//! can).
//!
//! # Flushing
//!
//! A write to a [`File`] is done when the data are handed over, not when they are written: call
//! [`flush`](crate::io::AsyncWriteExt::flush) to learn whether it went well. See [`File`].
//!
//! # Special files
//!
//! A named pipe or a terminal can be opened as a [`File`], but reading it occupies a thread of the
//! pool until there is something, and the runtime cannot shut down before. Use a pipe's own type
//! where there is one.
//!
//! # Cancel safety
//!
//! What was given to the pool is done, also when the future that waits for it is dropped; only its
//! result is lost. No function here stops half-way.
//!
//! # Panics
//!
//! Every asynchronous function here panics outside of a runtime.
//!
//! # Where things are
//!
//! Functions for whole files are in `contents`, for names in `path`, for directories in `directory`
//! and `read_dir`. `file` is the type, `cursor` what its reads, writes and seeks share,
//! `page_cache` the reads that
//! need no pool.

use std::io;

use runtime_base::blocking::{Class, offload};
use runtime_base::coop::cooperative;

mod contents;
mod cursor;
mod directory;
mod file;
mod file_times;
mod open_options;
#[cfg(all(target_os = "linux", any(target_env = "gnu", target_env = "musl")))]
mod page_cache;
#[cfg(not(all(target_os = "linux", any(target_env = "gnu", target_env = "musl"))))]
#[path = "fs/no_page_cache.rs"]
mod page_cache;
mod path;
mod read_dir;
#[cfg(all(test, not(rt_loom)))]
mod tests;

pub use contents::{copy, read, read_to_string, write};
pub use directory::{DirBuilder, create_dir, create_dir_all, remove_dir, remove_dir_all};
pub use file::File;
pub use file_times::FileTimes;
pub use open_options::OpenOptions;
#[cfg(unix)]
pub use path::symlink;
pub use path::{
    canonicalize, hard_link, metadata, read_link, remove_file, rename, set_permissions,
    symlink_metadata, try_exists,
};
#[cfg(windows)]
pub use path::{symlink_dir, symlink_file};
pub use read_dir::{DirEntry, ReadDir, read_dir};

/// Does `work` on the pool, in one trip.
async fn on_pool<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    cooperative(offload(Class::Files, work)).await?
}
