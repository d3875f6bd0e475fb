//! How a file is opened.

use std::io;
use std::path::Path;

use super::file::File;
use super::on_pool;
use super::page_cache::PageCache;

/// How a file is to be opened: the counterpart of [`std::fs::OpenOptions`].
///
/// # Examples
///
/// ```
/// # #[runtime::main]
/// # async fn main() -> std::io::Result<()> {
/// use runtime::fs::OpenOptions;
/// use runtime::io::AsyncWriteExt;
///
/// # let path = std::env::temp_dir().join(format!("open-options-{}", std::process::id()));
/// for line in ["one\n", "two\n"] {
///     let mut log = OpenOptions::new().append(true).create(true).open(&path).await?;
///     log.write_all(line.as_bytes()).await?;
///     log.flush().await?;
/// }
/// assert_eq!(runtime::fs::read_to_string(&path).await?, "one\ntwo\n");
/// # runtime::fs::remove_file(&path).await
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct OpenOptions {
    std: std::fs::OpenOptions,
}

impl OpenOptions {
    /// Options of which none is set: at least one of `read`, `write` and `append` has to be.
    #[must_use]
    pub fn new() -> Self {
        Self {
            std: std::fs::OpenOptions::new(),
        }
    }

    /// Sets whether the file can be read.
    pub fn read(&mut self, read: bool) -> &mut OpenOptions {
        self.std.read(read);
        self
    }

    /// Sets whether the file can be written. What it contains stays, unless it is overwritten or
    /// [truncated](Self::truncate).
    pub fn write(&mut self, write: bool) -> &mut OpenOptions {
        self.std.write(write);
        self
    }

    /// Sets whether every write goes to the end that the file has at that moment.
    pub fn append(&mut self, append: bool) -> &mut OpenOptions {
        self.std.append(append);
        self
    }

    /// Sets whether what the file contains is dropped.
    pub fn truncate(&mut self, truncate: bool) -> &mut OpenOptions {
        self.std.truncate(truncate);
        self
    }

    /// Sets whether a file that does not exist is created.
    pub fn create(&mut self, create: bool) -> &mut OpenOptions {
        self.std.create(create);
        self
    }

    /// Sets whether the file is created, and opening fails if it exists. `create` and `truncate` do
    /// not matter then.
    pub fn create_new(&mut self, create_new: bool) -> &mut OpenOptions {
        self.std.create_new(create_new);
        self
    }

    /// Sets the permissions of a file that is created, from which the process's umask is taken.
    /// Unix only.
    #[cfg(unix)]
    pub fn mode(&mut self, mode: u32) -> &mut OpenOptions {
        std::os::unix::fs::OpenOptionsExt::mode(&mut self.std, mode);
        self
    }

    /// Sets flags that are given to the system's `open` beside those that the options stand for.
    /// Unix only.
    #[cfg(unix)]
    pub fn custom_flags(&mut self, flags: i32) -> &mut OpenOptions {
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut self.std, flags);
        self
    }

    /// Opens `path`.
    ///
    /// # Errors
    ///
    /// As [`std::fs::OpenOptions::open`]: above all when the file does not exist, when there is no
    /// permission, when it is a directory that is to be written, and when options contradict each
    /// other.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped after its first poll, the file may still be created or truncated;
    /// it is closed again.
    pub async fn open(&self, path: impl AsRef<Path>) -> io::Result<File> {
        let path = path.as_ref().to_owned();
        let options = self.std.clone();
        let opened = on_pool(move || {
            let file = options.open(path)?;
            let page_cache = PageCache::of_own(&file);
            Ok((file, page_cache))
        });
        let (file, page_cache) = opened.await?;
        Ok(File::new(file, page_cache))
    }
}

/// The options that Windows has beside the common ones; see
/// [`std::os::windows::fs::OpenOptionsExt`].
#[cfg(windows)]
impl OpenOptions {
    /// Sets the access rights, instead of what `read`, `write` and `append` stand for.
    pub fn access_mode(&mut self, access: u32) -> &mut OpenOptions {
        std::os::windows::fs::OpenOptionsExt::access_mode(&mut self.std, access);
        self
    }

    /// Sets what others may do with the file while it is open.
    pub fn share_mode(&mut self, share: u32) -> &mut OpenOptions {
        std::os::windows::fs::OpenOptionsExt::share_mode(&mut self.std, share);
        self
    }

    /// Sets flags that are given to the system beside those that the options stand for.
    pub fn custom_flags(&mut self, flags: u32) -> &mut OpenOptions {
        std::os::windows::fs::OpenOptionsExt::custom_flags(&mut self.std, flags);
        self
    }

    /// Sets the attributes of a file that is created.
    pub fn attributes(&mut self, attributes: u32) -> &mut OpenOptions {
        std::os::windows::fs::OpenOptionsExt::attributes(&mut self.std, attributes);
        self
    }

    /// Sets how far a server at the other end of a named pipe may act in this process's name.
    pub fn security_qos_flags(&mut self, flags: u32) -> &mut OpenOptions {
        std::os::windows::fs::OpenOptionsExt::security_qos_flags(&mut self.std, flags);
        self
    }
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl From<std::fs::OpenOptions> for OpenOptions {
    fn from(std: std::fs::OpenOptions) -> OpenOptions {
        OpenOptions { std }
    }
}
