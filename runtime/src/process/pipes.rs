//! The ends of a child's pipes.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::pin::Pin;
use std::process::Stdio;
use std::sync::Arc;
use std::task::{Context, Poll};

use runtime_base::io::{AsyncRead, AsyncWrite, ReadBuf};
use runtime_net::{Descriptor, Interest, ReactorHandle, current_reactor, set_nonblocking};

/// The standard input of a child: what is written here, the child reads.
///
/// Found in [`Child::stdin`](super::Child::stdin) if the command was given
/// [`Stdio::piped`](std::process::Stdio::piped). Dropping it closes the pipe, and the child reads
/// the end of its input; `shutdown` alone does not. When the child reads no more, writing gives
/// [`BrokenPipe`](std::io::ErrorKind::BrokenPipe).
#[derive(Debug)]
pub struct ChildStdin {
    pipe: Descriptor<std::process::ChildStdin>,
}

/// The standard output of a child: what it writes is read here.
///
/// Found in [`Child::stdout`](super::Child::stdout) if the command was given
/// [`Stdio::piped`](std::process::Stdio::piped).
#[derive(Debug)]
pub struct ChildStdout {
    pipe: Descriptor<std::process::ChildStdout>,
}

/// The standard error of a child: what it writes is read here.
///
/// Found in [`Child::stderr`](super::Child::stderr) if the command was given
/// [`Stdio::piped`](std::process::Stdio::piped).
#[derive(Debug)]
pub struct ChildStderr {
    pipe: Descriptor<std::process::ChildStderr>,
}

/// What the three have in common; `$interest` is what they are watched for.
macro_rules! impl_pipe {
    ($name:ident, $interest:expr) => {
        impl $name {
            /// Makes one of what `std` has, and says that it is not to block.
            ///
            /// # Errors
            ///
            /// When the system refuses that.
            ///
            /// # Panics
            ///
            /// Outside of a runtime, and within one whose builder did not enable I/O.
            #[track_caller]
            pub fn from_std(inner: std::process::$name) -> io::Result<Self> {
                Self::with_home(inner, &current_reactor())
            }

            pub(super) fn with_home(
                pipe: std::process::$name,
                home: &Arc<ReactorHandle>,
            ) -> io::Result<Self> {
                set_nonblocking(&pipe, true)?;
                let pipe = Descriptor::new(pipe, home.clone(), $interest)?;
                Ok(Self { pipe })
            }

            /// Gives the descriptor away. Reading from it and writing to it block.
            ///
            /// # Errors
            ///
            /// When the system refuses to make it block.
            pub fn into_owned_fd(self) -> io::Result<OwnedFd> {
                let pipe = self.pipe.into_io()?;
                set_nonblocking(&pipe, false)?;
                Ok(pipe.into())
            }
        }

        /// For another command: what one child writes, the next reads. The descriptor blocks, as
        /// programs expect of what they inherit.
        impl TryInto<Stdio> for $name {
            type Error = io::Error;

            fn try_into(self) -> io::Result<Stdio> {
                Ok(Stdio::from(self.into_owned_fd()?))
            }
        }

        impl AsRawFd for $name {
            fn as_raw_fd(&self) -> RawFd {
                self.pipe.io().as_raw_fd()
            }
        }

        impl AsFd for $name {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.pipe.io().as_fd()
            }
        }
    };
}

impl_pipe!(ChildStdin, Interest::WRITABLE);
impl_pipe!(ChildStdout, Interest::READABLE);
impl_pipe!(ChildStderr, Interest::READABLE);

impl AsyncWrite for ChildStdin {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.pipe.poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.pipe.poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Nothing is held back here.
    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Does nothing: a pipe has no way to end its stream but to be closed, by a drop.
    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for ChildStdout {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.pipe.poll_read(cx, buf)
    }
}

impl AsyncRead for ChildStderr {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.pipe.poll_read(cx, buf)
    }
}
