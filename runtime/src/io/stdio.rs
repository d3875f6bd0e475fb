//! Standard input, output and error.

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::offloaded::{BlockingRead, BlockingWrite, OffloadedReader, OffloadedWriter};
use super::{AsyncRead, AsyncWrite, ReadBuf};

#[derive(Debug, Clone)]
struct StdinSource;

impl BlockingRead for StdinSource {
    fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        io::stdin().read(buf)
    }
}

#[derive(Debug, Clone)]
struct StdoutSink;

impl BlockingWrite for StdoutSink {
    fn write_all(&self, buf: &[u8]) -> io::Result<()> {
        io::stdout().write_all(buf)
    }

    fn flush(&self) -> io::Result<()> {
        io::stdout().flush()
    }
}

#[derive(Debug, Clone)]
struct StderrSink;

impl BlockingWrite for StderrSink {
    fn write_all(&self, buf: &[u8]) -> io::Result<()> {
        io::stderr().write_all(buf)
    }

    fn flush(&self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Opens the standard input of the process.
///
/// For programs that read a pipe or file. For a program that talks with a person, a thread of its own
/// that reads [`std::io::stdin`] is better: a read that waits for a key cannot be cancelled, so it
/// keeps the runtime from shutting down until the key comes.
///
/// # Examples
///
/// ```no_run
/// use runtime::io::{self, AsyncBufReadExt, BufReader};
///
/// #[runtime::main]
/// async fn main() -> std::io::Result<()> {
///     let mut lines = BufReader::new(io::stdin()).lines();
///     while let Some(line) = lines.next_line().await? {
///         println!("{line}");
///     }
///     Ok(())
/// }
/// ```
pub fn stdin() -> Stdin {
    Stdin {
        reader: OffloadedReader::new(StdinSource),
    }
}

/// The standard input of the process. Made by [`stdin`].
///
/// Reads happen on the blocking pool. A read whose future is dropped goes on; what it reads is given
/// by the next read of this value, and lost when this value is dropped.
///
/// # Panics
///
/// Reading panics outside of a runtime.
#[derive(Debug)]
pub struct Stdin {
    reader: OffloadedReader<StdinSource>,
}

impl AsyncRead for Stdin {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.reader).poll_read(cx, buf)
    }
}

/// Opens the standard output of the process.
///
/// What is handed over is written, also if the runtime shuts down before. To
/// [flush](super::AsyncWriteExt::flush) waits for that and tells whether it went well; what was not
/// flushed is lost if the process ends first, as after a shutdown that does not wait.
///
/// # Examples
///
/// ```
/// use runtime::io::{self, AsyncWriteExt};
///
/// #[runtime::main]
/// async fn main() -> std::io::Result<()> {
///     let mut stdout = io::stdout();
///     stdout.write_all(b"hello\n").await?;
///     stdout.flush().await?;
///     Ok(())
/// }
/// ```
pub fn stdout() -> Stdout {
    Stdout {
        writer: OffloadedWriter::new(StdoutSink),
    }
}

/// The standard output of the process. Made by [`stdout`].
///
/// Writes happen on the blocking pool: a write is taken over at once, and its error is told by the
/// next operation. Several of these, also with [`std::io::stdout`], write in no certain order.
///
/// # Panics
///
/// Writing panics outside of a runtime.
#[derive(Debug)]
pub struct Stdout {
    writer: OffloadedWriter<StdoutSink>,
}

/// Opens the standard error of the process.
///
/// What is handed over is written, also if the runtime shuts down before. To
/// [flush](super::AsyncWriteExt::flush) waits for that and tells whether it went well; what was not
/// flushed is lost if the process ends first, as after a shutdown that does not wait.
///
/// # Examples
///
/// ```
/// use runtime::io::{self, AsyncWriteExt};
///
/// #[runtime::main]
/// async fn main() -> std::io::Result<()> {
///     let mut stderr = io::stderr();
///     stderr.write_all(b"it did not work\n").await?;
///     stderr.flush().await?;
///     Ok(())
/// }
/// ```
pub fn stderr() -> Stderr {
    Stderr {
        writer: OffloadedWriter::new(StderrSink),
    }
}

/// The standard error of the process. Made by [`stderr`].
///
/// Writes happen on the blocking pool, as those of [`Stdout`].
///
/// # Panics
///
/// Writing panics outside of a runtime.
#[derive(Debug)]
pub struct Stderr {
    writer: OffloadedWriter<StderrSink>,
}

macro_rules! write_through {
    ($($stream:ty)*) => {$(
        impl AsyncWrite for $stream {
            fn poll_write(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &[u8],
            ) -> Poll<io::Result<usize>> {
                Pin::new(&mut self.writer).poll_write(cx, buf)
            }

            fn poll_flush(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
            ) -> Poll<io::Result<()>> {
                Pin::new(&mut self.writer).poll_flush(cx)
            }

            fn poll_shutdown(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
            ) -> Poll<io::Result<()>> {
                Pin::new(&mut self.writer).poll_shutdown(cx)
            }
        }
    )*};
}
write_through!(Stdout Stderr);

#[cfg(unix)]
mod descriptors {
    use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

    use super::{Stderr, Stdin, Stdout};

    macro_rules! descriptor {
        ($($stream:ty => $std:path;)*) => {$(
            impl AsRawFd for $stream {
                fn as_raw_fd(&self) -> RawFd {
                    $std().as_raw_fd()
                }
            }

            impl AsFd for $stream {
                fn as_fd(&self) -> BorrowedFd<'_> {
                    borrow(self)
                }
            }
        )*};
    }
    descriptor! {
        Stdin => std::io::stdin;
        Stdout => std::io::stdout;
        Stderr => std::io::stderr;
    }

    #[allow(unsafe_code)] // `std` lends these descriptors only for the life of a temporary.
    fn borrow<T: AsRawFd>(stream: &T) -> BorrowedFd<'_> {
        // SAFETY: the three standard descriptors stay open as long as the process runs.
        unsafe { BorrowedFd::borrow_raw(stream.as_raw_fd()) }
    }
}

#[cfg(windows)]
mod handles {
    use std::os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle, RawHandle};

    use super::{Stderr, Stdin, Stdout};

    macro_rules! handle {
        ($($stream:ty => $std:path;)*) => {$(
            impl AsRawHandle for $stream {
                fn as_raw_handle(&self) -> RawHandle {
                    $std().as_raw_handle()
                }
            }

            impl AsHandle for $stream {
                fn as_handle(&self) -> BorrowedHandle<'_> {
                    borrow(self)
                }
            }
        )*};
    }
    handle! {
        Stdin => std::io::stdin;
        Stdout => std::io::stdout;
        Stderr => std::io::stderr;
    }

    #[allow(unsafe_code)] // `std` lends these handles only for the life of a temporary.
    fn borrow<T: AsRawHandle>(stream: &T) -> BorrowedHandle<'_> {
        // SAFETY: the three standard handles stay open as long as the process runs.
        unsafe { BorrowedHandle::borrow_raw(stream.as_raw_handle()) }
    }
}
