//! What is in a directory.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{FileType, Metadata};
use std::future::poll_fn;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use runtime_base::blocking::{Class, Offload, offload};
use runtime_base::coop::poll_proceed;

use super::on_pool;

/// How many entries are read by one trip to the pool. Chosen: a trip is some microseconds, an entry
/// a fraction of one.
const AT_ONCE: usize = 64;

/// Opens a directory, to read what is in it.
///
/// The order is the system's; `.` and `..` are left out.
///
/// # Errors
///
/// As [`std::fs::read_dir`]: above all when the path does not exist or is no directory, and when
/// there is no permission.
///
/// # Cancel safety
///
/// Nothing changes when the future is dropped.
///
/// # Examples
///
/// ```
/// # #[runtime::main]
/// # async fn main() -> std::io::Result<()> {
/// let mut entries = runtime::fs::read_dir("/").await?;
/// while let Some(entry) = entries.next_entry().await? {
///     println!("{}", entry.path().display());
/// }
/// # Ok(())
/// # }
/// ```
pub async fn read_dir(path: impl AsRef<Path>) -> io::Result<ReadDir> {
    let path = path.as_ref().to_owned();
    let batch = on_pool(move || Ok(Batch::read(std::fs::read_dir(path)?))).await?;
    Ok(ReadDir(Progress::Here(batch)))
}

/// Reads the entries of a directory. Made by [`read_dir`].
///
/// # Errors
///
/// An error of the system is given by [`next_entry`](Self::next_entry) in its turn, after the entries
/// that were read before it.
#[derive(Debug)]
#[must_use = "nothing is read until `next_entry` is called"]
pub struct ReadDir(Progress);

#[derive(Debug)]
enum Progress {
    /// The batch is given out.
    Here(Batch),
    /// The next batch is being read.
    Reading(Offload<Batch>),
    /// There is nothing more.
    End,
}

/// Some entries, and how to get more.
#[derive(Debug)]
struct Batch {
    entries: VecDeque<io::Result<DirEntry>>,
    /// What comes after `entries`, unless that was the end.
    rest: Option<std::fs::ReadDir>,
}

impl Batch {
    /// Reads some entries; blocks.
    fn read(mut rest: std::fs::ReadDir) -> Self {
        let mut entries = VecDeque::with_capacity(AT_ONCE);
        while entries.len() < AT_ONCE {
            match rest.next() {
                Some(Ok(entry)) => entries.push_back(Ok(DirEntry::new(entry))),
                Some(Err(error)) => {
                    // Whether the system can go on after an error is found out by the next trip.
                    entries.push_back(Err(error));
                    break;
                }
                None => {
                    return Self {
                        entries,
                        rest: None,
                    };
                }
            }
        }
        Self {
            entries,
            rest: Some(rest),
        }
    }
}

impl ReadDir {
    /// Gives the next entry, or `None` after the last.
    ///
    /// # Errors
    ///
    /// Those of the system, and when the runtime shuts down.
    ///
    /// # Cancel safety
    ///
    /// No entry is lost when the future is dropped.
    pub async fn next_entry(&mut self) -> io::Result<Option<DirEntry>> {
        poll_fn(|cx| self.poll_next_entry(cx)).await
    }

    /// Polls for the next entry, or for `None` after the last.
    ///
    /// When it is pending, the waker of the last call is woken once there is more to say.
    ///
    /// # Errors
    ///
    /// As [`next_entry`](Self::next_entry).
    pub fn poll_next_entry(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<DirEntry>>> {
        loop {
            match &mut self.0 {
                Progress::Here(batch) => {
                    if let Some(entry) = batch.entries.pop_front() {
                        return Poll::Ready(entry.map(Some));
                    }
                    self.0 = match batch.rest.take() {
                        Some(rest) => {
                            Progress::Reading(offload(Class::Files, || Batch::read(rest)))
                        }
                        None => Progress::End,
                    };
                }
                Progress::Reading(reading) => {
                    let coop = ready!(poll_proceed(cx));
                    let batch = ready!(Pin::new(reading).poll(cx));
                    coop.made_progress();
                    // Without a pool there will never be more.
                    self.0 = Progress::End;
                    self.0 = Progress::Here(batch?);
                }
                Progress::End => return Poll::Ready(Ok(None)),
            }
        }
    }
}

/// An entry of a directory. Given by [`ReadDir::next_entry`].
#[derive(Debug)]
pub struct DirEntry {
    entry: Arc<std::fs::DirEntry>,
    /// Known from reading the directory, on most systems.
    file_type: Option<FileType>,
}

impl DirEntry {
    /// Blocks, on file systems that do not tell the type of an entry beside its name.
    fn new(entry: std::fs::DirEntry) -> Self {
        Self {
            file_type: entry.file_type().ok(),
            entry: Arc::new(entry),
        }
    }

    /// The path: that of the directory, as it was given to [`read_dir`], and the entry's name.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.entry.path()
    }

    /// The name, without the directory.
    #[must_use]
    pub fn file_name(&self) -> OsString {
        self.entry.file_name()
    }

    /// Gives what the system knows about the entry itself: symbolic links are not followed.
    ///
    /// # Errors
    ///
    /// As [`std::fs::DirEntry::metadata`]: above all when the entry has been removed meanwhile.
    ///
    /// # Cancel safety
    ///
    /// Nothing changes when the future is dropped.
    pub async fn metadata(&self) -> io::Result<Metadata> {
        let entry = self.entry.clone();
        on_pool(move || entry.metadata()).await
    }

    /// Gives the type of the entry itself: symbolic links are not followed.
    ///
    /// It mostly is known from reading the directory, and then costs nothing.
    ///
    /// # Errors
    ///
    /// As [`std::fs::DirEntry::file_type`].
    ///
    /// # Cancel safety
    ///
    /// Nothing changes when the future is dropped.
    pub async fn file_type(&self) -> io::Result<FileType> {
        if let Some(file_type) = self.file_type {
            return Ok(file_type);
        }
        let entry = self.entry.clone();
        on_pool(move || entry.file_type()).await
    }

    /// The number of the inode. Unix only.
    #[cfg(unix)]
    #[must_use]
    pub fn ino(&self) -> u64 {
        std::os::unix::fs::DirEntryExt::ino(&*self.entry)
    }
}
