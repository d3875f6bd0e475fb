//! A descriptor that `runtime` waits for on behalf of signals and processes: the pipes of a child,
//! the descriptor that stands for a process, the read end of the pipe that signals write to.
//!
//! It is a [`Source`] with what the crate above needs of it, and no part of the public API.

#![allow(unsafe_code)] // Reads into memory that is not initialised.

use std::fmt;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use runtime_base::io::ReadBuf;
use socket2::SockRef;

use crate::interest::Interest;
use crate::reactor::ReactorHandle;
use crate::readiness::Direction;
use crate::source::{Done, Source};

/// Says whether reads and writes of `io`, which need not be a socket, return at once.
///
/// # Errors
///
/// When the system refuses.
pub fn set_nonblocking(io: &impl AsFd, nonblocking: bool) -> io::Result<()> {
    SockRef::from(io).set_nonblocking(nonblocking)
}

/// How many buffers one call takes: `IOV_MAX` of every supported system is at least this.
const MAX_BUFFERS: usize = 1024;

/// A descriptor that does not block, and whose readiness a reactor can watch.
pub struct Descriptor<T: AsRawFd> {
    source: Source<T>,
}

impl<T: AsRawFd> Descriptor<T> {
    /// A descriptor of the runtime of `home` that is watched for `interest`. It does not block, or
    /// is never read and written.
    ///
    /// # Errors
    ///
    /// None on the systems of today.
    pub fn new(io: T, home: Arc<ReactorHandle>, interest: Interest) -> io::Result<Self> {
        Ok(Self {
            source: Source::with_interest(io, home, interest)?,
        })
    }

    /// The reactor whose runtime the descriptor belongs to.
    pub fn home(&self) -> &Arc<ReactorHandle> {
        self.source.home()
    }

    /// The descriptor.
    pub fn io(&self) -> &T {
        self.source.io()
    }

    /// Gives the descriptor back, which no reactor watches any more.
    ///
    /// # Errors
    ///
    /// When the system refuses to forget it.
    pub fn into_io(self) -> io::Result<T> {
        self.source.into_io()
    }

    /// Registers with the reactor now and not at the first "would block".
    ///
    /// # Errors
    ///
    /// When the system refuses, and when the runtime was shut down.
    pub fn register(&self) -> io::Result<()> {
        self.source.register_now()
    }

    /// Calls `operate` until it does not block, waiting for the descriptor to be readable meanwhile.
    /// The latest caller is woken.
    pub fn poll_read_with<R>(
        &self,
        cx: &mut Context<'_>,
        mut operate: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.source
            .poll_io(cx, Direction::Read, |io| Ok(Done::More(operate(io)?)))
    }

    /// Reads bytes into the unfilled part of `buf`.
    pub fn poll_read(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(self.source.poll_io(cx, Direction::Read, |io| {
            // A child may write packets (`O_DIRECT`), and the system ends a read behind one: a short
            // read does not mean that there is no more (S3 of `source`).
            Ok(Done::More(read(io, buf)?))
        }))?;
        Poll::Ready(Ok(()))
    }

    /// Writes bytes, and says how many.
    pub fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.source.poll_io(cx, Direction::Write, |io| {
            Ok(Done::bytes(write(io, bytes)?, bytes.len()))
        })
    }

    /// Writes the bytes of several buffers, and says how many.
    pub fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // More than the system takes at once would be an error; what is left over is a short write.
        let bufs = &bufs[..bufs.len().min(MAX_BUFFERS)];
        let asked = bufs
            .iter()
            .fold(0, |total: usize, buf| total.saturating_add(buf.len()));
        self.source.poll_io(cx, Direction::Write, |io| {
            Ok(Done::bytes(write_vectored(io, bufs)?, asked))
        })
    }
}

fn read(io: &impl AsRawFd, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
    // SAFETY: the memory is only written to, by the call below.
    let memory = unsafe { buf.unfilled_mut() };
    // SAFETY: the pointer and the length are those of memory that is borrowed for writing.
    let result =
        retry(|| unsafe { libc::read(io.as_raw_fd(), memory.as_mut_ptr().cast(), memory.len()) })?;
    // SAFETY: the system has written `result` bytes at the start of the unfilled part.
    unsafe { buf.assume_init(result) };
    buf.advance(result);
    Ok(result)
}

fn write(io: &impl AsRawFd, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: the pointer and the length are those of memory that is borrowed for reading.
    retry(|| unsafe { libc::write(io.as_raw_fd(), bytes.as_ptr().cast(), bytes.len()) })
}

fn write_vectored(io: &impl AsRawFd, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
    // At most `MAX_BUFFERS`, which an `int` holds.
    let count = bufs.len() as libc::c_int;
    // SAFETY: `IoSlice` has the layout of `iovec`; there are `count` of them, and what they point to
    // is borrowed for reading.
    retry(|| unsafe { libc::writev(io.as_raw_fd(), bufs.as_ptr().cast(), count) })
}

/// Makes a system call again while a signal interrupts it, and turns a negative result into errno.
fn retry(mut call: impl FnMut() -> libc::ssize_t) -> io::Result<usize> {
    loop {
        if let Ok(result) = usize::try_from(call()) {
            return Ok(result);
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

impl<T: AsRawFd + fmt::Debug> fmt::Debug for Descriptor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}
