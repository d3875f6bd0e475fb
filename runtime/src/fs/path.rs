//! Functions for what a path names, and for the names themselves. Each is one trip to the pool.

use std::fs::{Metadata, Permissions};
use std::io;
use std::path::{Path, PathBuf};

use super::on_pool;

/// Gives the absolute form of a path, without symbolic links, `.` and `..`.
///
/// # Errors
///
/// As [`std::fs::canonicalize`]: above all when the path does not exist, or when a part of it that
/// is not the last is no directory.
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
/// let here = runtime::fs::canonicalize(".").await?;
/// assert!(here.is_absolute());
/// # Ok(())
/// # }
/// ```
pub async fn canonicalize(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    let path = path.as_ref().to_owned();
    on_pool(move || std::fs::canonicalize(path)).await
}

/// Gives a second name to a file.
///
/// # Errors
///
/// As [`std::fs::hard_link`]: above all when `original` does not exist or `link` does, and when they
/// are on different file systems.
///
/// # Cancel safety
///
/// When the future is dropped after its first poll, the link may or may not come into being.
///
/// # Examples
///
/// ```no_run
/// # #[runtime::main]
/// # async fn main() -> std::io::Result<()> {
/// runtime::fs::hard_link("a.txt", "b.txt").await?;
/// # Ok(())
/// # }
/// ```
pub async fn hard_link(original: impl AsRef<Path>, link: impl AsRef<Path>) -> io::Result<()> {
    let original = original.as_ref().to_owned();
    let link = link.as_ref().to_owned();
    on_pool(move || std::fs::hard_link(original, link)).await
}

/// Gives what the system knows about a file or directory; symbolic links are followed.
///
/// # Errors
///
/// As [`std::fs::metadata`]: above all when the path does not exist, or a directory on the way to it
/// may not be searched.
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
/// assert!(runtime::fs::metadata(".").await?.is_dir());
/// # Ok(())
/// # }
/// ```
pub async fn metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
    let path = path.as_ref().to_owned();
    on_pool(move || std::fs::metadata(path)).await
}

/// Gives what the system knows about a path itself: symbolic links are not followed.
///
/// # Errors
///
/// As [`std::fs::symlink_metadata`], which are those of [`metadata`].
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
/// assert!(!runtime::fs::symlink_metadata(".").await?.is_symlink());
/// # Ok(())
/// # }
/// ```
pub async fn symlink_metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
    let path = path.as_ref().to_owned();
    on_pool(move || std::fs::symlink_metadata(path)).await
}

/// Gives where a symbolic link points to.
///
/// # Errors
///
/// As [`std::fs::read_link`]: above all when the path does not exist or is no symbolic link.
///
/// # Cancel safety
///
/// Nothing changes when the future is dropped.
///
/// # Examples
///
/// ```no_run
/// # #[runtime::main]
/// # async fn main() -> std::io::Result<()> {
/// let current = runtime::fs::read_link("releases/current").await?;
/// println!("{}", current.display());
/// # Ok(())
/// # }
/// ```
pub async fn read_link(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    let path = path.as_ref().to_owned();
    on_pool(move || std::fs::read_link(path)).await
}

/// Removes the name of a file; the file goes with its last name, once nobody has it open.
///
/// # Errors
///
/// As [`std::fs::remove_file`]: above all when the path does not exist or is a directory, and when
/// there is no permission.
///
/// # Cancel safety
///
/// When the future is dropped after its first poll, the file may or may not be removed.
///
/// # Examples
///
/// ```no_run
/// # #[runtime::main]
/// # async fn main() -> std::io::Result<()> {
/// runtime::fs::remove_file("a.txt").await?;
/// # Ok(())
/// # }
/// ```
pub async fn remove_file(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    on_pool(move || std::fs::remove_file(path)).await
}

/// Gives a file or directory another name, and replaces what had that name.
///
/// # Errors
///
/// As [`std::fs::rename`]: above all when `from` does not exist, when there is no permission, and
/// when the two are on different file systems.
///
/// # Cancel safety
///
/// When the future is dropped after its first poll, the file may or may not be renamed.
///
/// # Examples
///
/// ```no_run
/// # #[runtime::main]
/// # async fn main() -> std::io::Result<()> {
/// runtime::fs::rename("settings.new", "settings").await?;
/// # Ok(())
/// # }
/// ```
pub async fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    let from = from.as_ref().to_owned();
    let to = to.as_ref().to_owned();
    on_pool(move || std::fs::rename(from, to)).await
}

/// Changes the permissions of a file or directory.
///
/// # Errors
///
/// As [`std::fs::set_permissions`]: above all when the path does not exist, and when there is no
/// permission.
///
/// # Cancel safety
///
/// When the future is dropped after its first poll, the permissions may or may not change.
///
/// # Examples
///
/// ```no_run
/// # #[runtime::main]
/// # async fn main() -> std::io::Result<()> {
/// let mut permissions = runtime::fs::metadata("a.txt").await?.permissions();
/// permissions.set_readonly(true);
/// runtime::fs::set_permissions("a.txt", permissions).await?;
/// # Ok(())
/// # }
/// ```
pub async fn set_permissions(path: impl AsRef<Path>, perm: Permissions) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    on_pool(move || std::fs::set_permissions(path, perm)).await
}

/// Says whether a path exists; symbolic links are followed, so a broken one does not.
///
/// # Errors
///
/// As [`std::fs::exists`]: when the system cannot tell, for instance because a directory on the way
/// may not be searched.
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
/// assert!(runtime::fs::try_exists(".").await?);
/// assert!(!runtime::fs::try_exists("no such file").await?);
/// # Ok(())
/// # }
/// ```
pub async fn try_exists(path: impl AsRef<Path>) -> io::Result<bool> {
    let path = path.as_ref().to_owned();
    on_pool(move || std::fs::exists(path)).await
}

/// Makes `link` a symbolic link to `original`, which need not exist.
///
/// # Errors
///
/// As [`std::os::unix::fs::symlink`]: above all when `link` exists, and when there is no permission.
///
/// # Cancel safety
///
/// When the future is dropped after its first poll, the link may or may not come into being.
///
/// # Examples
///
/// ```no_run
/// # #[runtime::main]
/// # async fn main() -> std::io::Result<()> {
/// runtime::fs::symlink("releases/7", "releases/current").await?;
/// # Ok(())
/// # }
/// ```
#[cfg(unix)]
pub async fn symlink(original: impl AsRef<Path>, link: impl AsRef<Path>) -> io::Result<()> {
    let original = original.as_ref().to_owned();
    let link = link.as_ref().to_owned();
    on_pool(move || std::os::unix::fs::symlink(original, link)).await
}

/// Makes `link` a symbolic link to the directory `original`.
///
/// # Errors
///
/// As [`std::os::windows::fs::symlink_dir`].
///
/// # Cancel safety
///
/// When the future is dropped after its first poll, the link may or may not come into being.
#[cfg(windows)]
pub async fn symlink_dir(original: impl AsRef<Path>, link: impl AsRef<Path>) -> io::Result<()> {
    let original = original.as_ref().to_owned();
    let link = link.as_ref().to_owned();
    on_pool(move || std::os::windows::fs::symlink_dir(original, link)).await
}

/// Makes `link` a symbolic link to the file `original`.
///
/// # Errors
///
/// As [`std::os::windows::fs::symlink_file`].
///
/// # Cancel safety
///
/// When the future is dropped after its first poll, the link may or may not come into being.
#[cfg(windows)]
pub async fn symlink_file(original: impl AsRef<Path>, link: impl AsRef<Path>) -> io::Result<()> {
    let original = original.as_ref().to_owned();
    let link = link.as_ref().to_owned();
    on_pool(move || std::os::windows::fs::symlink_file(original, link)).await
}
