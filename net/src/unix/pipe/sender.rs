//! The sending end of a pipe.

use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use runtime_base::io::AsyncWrite;

use crate::interest::Interest;
use crate::readiness::Direction;
use crate::ready::Ready;
use crate::source::{Done, Outlook, Source};

/// The sending end of a pipe.
///
/// Made by [`pipe`](super::pipe), by [`OpenOptions`](super::OpenOptions), or of a descriptor. Bytes
/// are written through [`AsyncWrite`]. The receiver sees the end when all senders are dropped;
/// shutting one down as an [`AsyncWrite`] does nothing, as Tokio's. When all receivers are gone,
/// writing gives `BrokenPipe`.
pub struct Sender {
    source: Source<File>,
}

super::impl_end!(
    Sender,
    Interest::WRITABLE,
    Outlook::Open,
    [libc::O_WRONLY, libc::O_RDWR],
    "the pipe is not open for writing"
);

impl Sender {
    /// The same sender, of a pipe that was made just now and is empty.
    pub(super) fn assuming_room(self) -> Self {
        Self {
            source: self.source.assuming(Outlook::Ready(Ready::WRITABLE)),
        }
    }

    /// Waits until there is room to write, or all receivers are gone.
    ///
    /// # Errors
    ///
    /// As [`ready`](Self::ready).
    ///
    /// # Cancel safety
    ///
    /// As [`ready`](Self::ready).
    pub async fn writable(&self) -> io::Result<()> {
        self.ready(Interest::WRITABLE).await.map(drop)
    }

    /// Polls until there is room to write, or all receivers are gone.
    ///
    /// Only the latest task that called this or `poll_write` is woken.
    /// [`writable`](Self::writable) has no such limit.
    ///
    /// # Errors
    ///
    /// As [`ready`](Self::ready).
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.source.poll_ready(cx, Direction::Write)
    }

    /// Writes as much of `buf` as there is room for, without waiting, and says how much.
    ///
    /// What is no longer than the system's `PIPE_BUF` (4096 bytes on Linux) is written whole or not at
    /// all.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no room; see [`writable`](Self::writable) for how to wait.
    /// `BrokenPipe` if all receivers are gone.
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.source
            .try_io(Interest::WRITABLE, |mut file| file.write(buf))
    }

    /// Writes as much of several buffers, in order, as there is room for, without waiting.
    ///
    /// # Errors
    ///
    /// As [`try_write`](Self::try_write).
    pub fn try_write_vectored(&self, buf: &[IoSlice<'_>]) -> io::Result<usize> {
        self.source
            .try_io(Interest::WRITABLE, |mut file| file.write_vectored(buf))
    }
}

impl AsyncWrite for Sender {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.source.poll_io(cx, Direction::Write, |mut file| {
            Ok(Done::bytes(file.write(buf)?, buf.len()))
        })
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.source.poll_io(cx, Direction::Write, |mut file| {
            file.write_vectored(bufs).map(Done::More)
        })
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Nothing is buffered here.
    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// A pipe is closed by dropping its senders.
    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
