//! Making and removing directories.

use std::io;
use std::path::Path;

use super::on_pool;

/// Makes a directory, in a directory that exists.
///
/// # Errors
///
/// As [`std::fs::create_dir`]: above all when the path exists, when the directory it is to be in does
/// not, and when there is no permission.
///
/// # Cancel safety
///
/// When the future is dropped after its first poll, the directory may or may not come into being.
///
/// # Examples
///
/// ```no_run
/// # #[runtime::main]
/// # async fn main() -> std::io::Result<()> {
/// runtime::fs::create_dir("out").await?;
/// # Ok(())
/// # }
/// ```
pub async fn create_dir(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    on_pool(move || std::fs::create_dir(path)).await
}

/// Makes a directory and those on the way to it, as far as they are missing.
///
/// # Errors
///
/// As [`std::fs::create_dir_all`]: above all when a part of the path is something else than a
/// directory, and when there is no permission. Some directories may have been made then.
///
/// # Cancel safety
///
/// When the future is dropped after its first poll, the directories may or may not come into being.
///
/// # Examples
///
/// ```
/// # #[runtime::main]
/// # async fn main() -> std::io::Result<()> {
/// use runtime::fs;
/// let top = std::env::temp_dir().join(format!("create-dir-all-{}", std::process::id()));
/// fs::create_dir_all(top.join("a/b")).await?;
/// assert!(fs::metadata(top.join("a")).await?.is_dir());
/// fs::remove_dir_all(&top).await?;
/// # Ok(())
/// # }
/// ```
pub async fn create_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    on_pool(move || std::fs::create_dir_all(path)).await
}

/// Removes a directory that is empty.
///
/// # Errors
///
/// As [`std::fs::remove_dir`]: above all when the path does not exist, is no directory or is not
/// empty, and when there is no permission.
///
/// # Cancel safety
///
/// When the future is dropped after its first poll, the directory may or may not be removed.
///
/// # Examples
///
/// ```no_run
/// # #[runtime::main]
/// # async fn main() -> std::io::Result<()> {
/// runtime::fs::remove_dir("out").await?;
/// # Ok(())
/// # }
/// ```
pub async fn remove_dir(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    on_pool(move || std::fs::remove_dir(path)).await
}

/// Removes a directory and everything in it. Symbolic links are removed, not followed.
///
/// # Errors
///
/// As [`std::fs::remove_dir_all`]. A part may have been removed then.
///
/// # Cancel safety
///
/// When the future is dropped after its first poll, the removal may go on to its end.
///
/// # Examples
///
/// ```no_run
/// # #[runtime::main]
/// # async fn main() -> std::io::Result<()> {
/// runtime::fs::remove_dir_all("out").await?;
/// # Ok(())
/// # }
/// ```
pub async fn remove_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    on_pool(move || std::fs::remove_dir_all(path)).await
}

/// Makes directories with settings of its own: the counterpart of [`std::fs::DirBuilder`].
///
/// # Examples
///
/// ```
/// # #[runtime::main]
/// # async fn main() -> std::io::Result<()> {
/// use runtime::fs::{self, DirBuilder};
/// let top = std::env::temp_dir().join(format!("dir-builder-{}", std::process::id()));
/// DirBuilder::new().recursive(true).create(top.join("a/b")).await?;
/// assert!(fs::metadata(top.join("a/b")).await?.is_dir());
/// fs::remove_dir_all(&top).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct DirBuilder {
    recursive: bool,
    /// The permissions of the new directories, less the umask.
    #[cfg(unix)]
    mode: Option<u32>,
}

impl DirBuilder {
    /// A builder that makes one directory, with the system's default permissions.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether missing directories on the way are made too; one that exists is no error then.
    pub fn recursive(&mut self, recursive: bool) -> &mut Self {
        self.recursive = recursive;
        self
    }

    /// Sets the permissions of new directories, from which the process's umask is taken. Unix only.
    #[cfg(unix)]
    pub fn mode(&mut self, mode: u32) -> &mut Self {
        self.mode = Some(mode);
        self
    }

    /// Makes the directory `path`.
    ///
    /// # Errors
    ///
    /// Those of [`create_dir`], or of [`create_dir_all`] if the builder is recursive.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped after its first poll, the directory may or may not come into
    /// being.
    pub async fn create(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = path.as_ref().to_owned();
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(self.recursive);
        #[cfg(unix)]
        if let Some(mode) = self.mode {
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, mode);
        }
        on_pool(move || builder.create(path)).await
    }
}
