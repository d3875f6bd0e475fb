//! How a pipe with a name is opened.

use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::descriptor::must_be_pipe;
use super::{Receiver, Sender};

/// How a pipe with a name (a FIFO) is opened.
///
/// # Examples
///
/// ```
/// use runtime::io::{AsyncReadExt, AsyncWriteExt};
/// use runtime::net::unix::pipe;
///
/// #[runtime::main]
/// async fn main() -> std::io::Result<()> {
///     let path = std::env::temp_dir().join(format!("fifo-{}", std::process::id()));
///     assert!(std::process::Command::new("mkfifo").arg(&path).status()?.success());
///
///     // The receiver first: a sender cannot be opened while there is none.
///     let mut receiver = pipe::OpenOptions::new().open_receiver(&path)?;
///     let mut sender = pipe::OpenOptions::new().open_sender(&path)?;
///     sender.write_all(b"ping").await?;
///     let mut ping = [0; 4];
///     receiver.read_exact(&mut ping).await?;
///     assert_eq!(&ping, b"ping");
///     std::fs::remove_file(path)
/// }
/// ```
#[derive(Debug, Clone)]
pub struct OpenOptions {
    #[cfg(any(target_os = "android", target_os = "linux"))]
    read_write: bool,
    unchecked: bool,
}

impl OpenOptions {
    /// For one direction, and only pipes.
    pub fn new() -> Self {
        Self {
            #[cfg(any(target_os = "android", target_os = "linux"))]
            read_write: false,
            unchecked: false,
        }
    }

    /// Says whether either end is opened for both directions, which Linux can: a sender can be opened
    /// before there is a receiver then, and a receiver never sees the end.
    #[cfg(any(target_os = "android", target_os = "linux"))]
    pub fn read_write(&mut self, value: bool) -> &mut Self {
        self.read_write = value;
        self
    }

    /// Says whether it is left unchecked that the file is a pipe, which saves a system call.
    pub fn unchecked(&mut self, value: bool) -> &mut Self {
        self.unchecked = value;
        self
    }

    /// Opens the receiving end of the pipe at `path`.
    ///
    /// # Errors
    ///
    /// What the system says; `InvalidInput` if the file is not a pipe.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, and within one that has no I/O.
    #[track_caller]
    pub fn open_receiver<P: AsRef<Path>>(&self, path: P) -> io::Result<Receiver> {
        let mut options = File::options();
        options.read(true);
        #[cfg(any(target_os = "android", target_os = "linux"))]
        options.write(self.read_write);
        Receiver::from_file_unchecked(self.open(options, path.as_ref())?)
    }

    /// Opens the sending end of the pipe at `path`.
    ///
    /// # Errors
    ///
    /// What the system says, such as `ENXIO` if nobody has the receiving end open; `InvalidInput` if
    /// the file is not a pipe.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, and within one that has no I/O.
    #[track_caller]
    pub fn open_sender<P: AsRef<Path>>(&self, path: P) -> io::Result<Sender> {
        let mut options = File::options();
        options.write(true);
        #[cfg(any(target_os = "android", target_os = "linux"))]
        options.read(self.read_write);
        Sender::from_file_unchecked(self.open(options, path.as_ref())?)
    }

    fn open(&self, mut options: std::fs::OpenOptions, path: &Path) -> io::Result<File> {
        let file = options.custom_flags(libc::O_NONBLOCK).open(path)?;
        if !self.unchecked {
            must_be_pipe(&file)?;
        }
        Ok(file)
    }
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self::new()
    }
}
