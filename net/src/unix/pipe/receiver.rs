//! The receiving end of a pipe.

use std::fs::File;
use std::io::{self, IoSliceMut, Read};
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BufMut;
use runtime_base::io::{AsyncRead, ReadBuf};

use crate::interest::Interest;
use crate::readiness::Direction;
use crate::source::memory::{into_spare, receive};
use crate::source::{Done, Outlook, Source};

/// The receiving end of a pipe.
///
/// Made by [`pipe`](super::pipe), by [`OpenOptions`](super::OpenOptions), or of a descriptor. Bytes
/// are read through [`AsyncRead`]. The end is reached when all senders are gone. One that was opened
/// by name before any sender waits for the first one.
pub struct Receiver {
    source: Source<File>,
}

super::impl_end!(
    Receiver,
    Interest::READABLE,
    Outlook::Misleading,
    [libc::O_RDONLY, libc::O_RDWR],
    "the pipe is not open for reading"
);

/// One system call into the unfilled part of `buf`.
fn read(file: &File, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
    receive(buf, |memory| {
        let n = read_into(file, memory)?;
        Ok((n, n))
    })
}

#[allow(unsafe_code)] // std has no stable function to read into memory that is not initialised.
fn read_into(file: &File, memory: &mut [MaybeUninit<u8>]) -> io::Result<usize> {
    // More is an error on Apple's systems.
    let len = memory.len().min(i32::MAX as usize - 1);
    // SAFETY: the descriptor is open, as it is borrowed. The system writes at most `len` bytes to
    // `memory`, which is borrowed mutably and may hold whatever they are.
    let result = unsafe { libc::read(file.as_raw_fd(), memory.as_mut_ptr().cast(), len) };
    // Negative means an error.
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

impl Receiver {
    /// The same receiver, of a pipe that was made just now: it has a sender, so a read tells the truth.
    pub(super) fn assuming_sender(self) -> Self {
        Self {
            source: self.source.assuming(Outlook::Open),
        }
    }

    /// Waits until there is something to read, or all senders are gone.
    ///
    /// # Errors
    ///
    /// As [`ready`](Self::ready).
    ///
    /// # Cancel safety
    ///
    /// As [`ready`](Self::ready).
    pub async fn readable(&self) -> io::Result<()> {
        self.ready(Interest::READABLE).await.map(drop)
    }

    /// Polls until there is something to read, or all senders are gone.
    ///
    /// Only the latest task that called this or `poll_read` is woken. [`readable`](Self::readable) has
    /// no such limit.
    ///
    /// # Errors
    ///
    /// As [`ready`](Self::ready).
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.source.poll_ready(cx, Direction::Read)
    }

    /// Reads what is there, without waiting.
    ///
    /// Gives how many bytes were read; zero if all senders are gone or `buf` is empty.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is nothing yet; see [`readable`](Self::readable) for how to wait.
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.source
            .try_io(Interest::READABLE, |mut file| file.read(buf))
    }

    /// Reads what is there into several buffers, in order, without waiting.
    ///
    /// # Errors
    ///
    /// As [`try_read`](Self::try_read).
    pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.source
            .try_io(Interest::READABLE, |mut file| file.read_vectored(bufs))
    }

    /// Reads what is there into the spare capacity of `buf`, without waiting.
    ///
    /// # Errors
    ///
    /// As [`try_read`](Self::try_read).
    pub fn try_read_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
        self.source.try_io(Interest::READABLE, |file| {
            into_spare(buf, |buf| read(file, buf))
        })
    }
}

impl AsyncRead for Receiver {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.source
            .poll_io(cx, Direction::Read, |file| {
                // A sender may write packets (`O_DIRECT`), and the system ends a read behind one: a
                // short read does not mean that there is no more (S3).
                read(file, buf).map(Done::More)
            })
            .map_ok(drop)
    }
}
