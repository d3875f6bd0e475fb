//! The operations of sockets that carry a stream of bytes: TCP and Unix streams.
//!
//! They use `recv` and `send` through socket2, which can fill memory that is not initialised and
//! never raises `SIGPIPE`.

use std::future::poll_fn;
use std::io::{self, IoSlice, IoSliceMut, Read};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::task::{Context, Poll, ready};

use bytes::BufMut;
use runtime_base::defer::defer;
use runtime_base::io::ReadBuf;
use socket2::SockRef;

use super::memory::{into_spare, receive};
use super::{Done, Registrable, Source};
use crate::interest::Interest;
use crate::readiness::Direction;

/// Without it, a write to a connection that the peer has reset ends a process that does not ignore
/// the signal. Systems without the flag have a socket option instead, which mio sets.
#[cfg(any(
    target_os = "android",
    target_os = "dragonfly",
    target_os = "freebsd",
    target_os = "illumos",
    target_os = "linux",
    target_os = "netbsd",
    target_os = "openbsd",
))]
pub(super) const SEND_FLAGS: libc::c_int = libc::MSG_NOSIGNAL;
#[cfg(not(any(
    target_os = "android",
    target_os = "dragonfly",
    target_os = "freebsd",
    target_os = "illumos",
    target_os = "linux",
    target_os = "netbsd",
    target_os = "openbsd",
)))]
pub(super) const SEND_FLAGS: i32 = 0;

/// A socket of mio's.
pub(crate) trait Socket: Registrable {
    /// Calls `operate`. Where mio must be told that an operation would block, it is.
    fn attempt<R>(&self, operate: impl FnOnce() -> io::Result<R>) -> io::Result<R>;

    /// The socket, for options and calls that mio does not offer.
    fn as_socket(&self) -> SockRef<'_>;

    /// One `recv`, which fills `memory` from the start. Says whether there may be more (S3).
    #[inline]
    fn recv(&self, memory: &mut [MaybeUninit<u8>]) -> io::Result<Done<usize>> {
        let n = self.attempt(|| self.as_socket().recv(memory))?;
        Ok(Done::bytes(n, memory.len()))
    }
}

macro_rules! impl_socket {
    ($type:ty; $($recv:item)?) => {
        impl Socket for $type {
            #[inline]
            fn attempt<R>(&self, operate: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
                // Where there is nothing to tell, mio's `try_io` is just the call.
                #[cfg(windows)]
                return self.try_io(operate);
                #[cfg(unix)]
                return operate();
            }

            #[inline]
            fn as_socket(&self) -> SockRef<'_> {
                SockRef::from(self)
            }

            $($recv)?
        }
    };
}

impl_socket!(mio::net::TcpStream;);
impl_socket!(mio::net::UdpSocket;);
#[cfg(unix)]
impl_socket!(mio::net::UnixDatagram;);
#[cfg(unix)]
impl_socket! {
    mio::net::UnixStream;
    fn recv(&self, memory: &mut [MaybeUninit<u8>]) -> io::Result<Done<usize>> {
        super::unix_stream::recv(self, memory)
    }
}

/// One `recv` into the unfilled part of `buf`.
pub(super) fn recv(socket: &impl Socket, buf: &mut ReadBuf<'_>) -> io::Result<Done<usize>> {
    receive(buf, |memory| {
        let done = socket.recv(memory)?;
        Ok((*done.result(), done))
    })
}

/// One `recv` that leaves the bytes in the socket.
pub(super) fn peek(socket: &impl Socket, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
    receive(buf, |memory| {
        let n = socket.attempt(|| socket.as_socket().peek(memory))?;
        Ok((n, n))
    })
}

fn send(socket: &impl Socket, buf: &[u8]) -> io::Result<usize> {
    socket.attempt(|| socket.as_socket().send_with_flags(buf, SEND_FLAGS))
}

fn send_vectored(socket: &impl Socket, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
    // More than the system takes at once would be an error; what is left over is a short write.
    let bufs = &bufs[..bufs.len().min(MAX_BUFFERS)];
    socket.attempt(|| {
        socket
            .as_socket()
            .send_vectored_with_flags(bufs, SEND_FLAGS)
    })
}

/// How many buffers one call takes: `IOV_MAX` of every supported system is at least this.
const MAX_BUFFERS: usize = 1024;

/// What `bufs` hold together.
fn total_len(bufs: &[IoSlice<'_>]) -> usize {
    bufs.iter()
        .fold(0, |total, buf| total.saturating_add(buf.len()))
}

/// Whether the connection that `socket` has begun to open is open. The system says "writable" when it is
/// done, one way or the other; which way is told by the pending error and by whether there is a peer.
/// Without a peer and without an error it was a false alarm.
fn connected<S: Socket>(socket: &S) -> io::Result<()> {
    socket.attempt(|| {
        if let Some(error) = socket.as_socket().take_error()? {
            return Err(error);
        }
        match socket.as_socket().peer_addr() {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotConnected => {
                Err(io::ErrorKind::WouldBlock.into())
            }
            Err(error) => Err(error),
        }
    })
}

impl<S: Socket> Source<S> {
    /// Waits until the connection that the socket has begun to open is open.
    ///
    /// Is pending at least once, although a connection within the machine is open at once: who asks for
    /// several at a time relies on it that all are begun before the first is open.
    pub(crate) async fn connected(&self) -> io::Result<()> {
        if self.io().as_socket().peer_addr().is_ok() {
            let mut has_yielded = false;
            poll_fn(move |cx| {
                if std::mem::replace(&mut has_yielded, true) {
                    return Poll::Ready(());
                }
                defer(cx.waker());
                Poll::Pending
            })
            .await;
            match connected(self.io()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
        }
        self.perform(Interest::WRITABLE, |socket| {
            connected(socket).map(Done::More)
        })
        .await
    }

    pub(crate) fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_io(cx, Direction::Read, |socket| recv(socket, buf)))?;
        Poll::Ready(Ok(()))
    }

    pub(crate) fn poll_peek(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<usize>> {
        self.poll_io(cx, Direction::Read, |socket| {
            Ok(Done::More(peek(socket, buf)?))
        })
    }

    pub(crate) async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        let mut buf = ReadBuf::new(buf);
        self.perform(Interest::READABLE, |socket| {
            Ok(Done::More(peek(socket, &mut buf)?))
        })
        .await
    }

    pub(crate) fn poll_send(&self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_io(cx, Direction::Write, |socket| {
            Ok(Done::bytes(send(socket, buf)?, buf.len()))
        })
    }

    pub(crate) fn poll_send_vectored(
        &self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_io(cx, Direction::Write, |socket| {
            let n = send_vectored(socket, bufs)?;
            // A write that was cut to `MAX_BUFFERS` is not short of room.
            let asked = total_len(&bufs[..bufs.len().min(MAX_BUFFERS)]);
            Ok(Done::bytes(n, asked))
        })
    }

    pub(crate) fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        let mut buf = ReadBuf::new(buf);
        let done = self.try_io(Interest::READABLE, |socket| recv(socket, &mut buf))?;
        Ok(done.into_result())
    }

    pub(crate) fn try_recv_buf<B: BufMut + ?Sized>(&self, buf: &mut B) -> io::Result<usize> {
        let done = self.try_io(Interest::READABLE, |socket| {
            into_spare(buf, |buf| recv(socket, buf))
        })?;
        Ok(done.into_result())
    }

    pub(crate) fn try_recv_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize>
    where
        for<'a> &'a S: Read,
    {
        // mio's `read_vectored` tells mio by itself.
        self.try_io(Interest::READABLE, |mut socket| socket.read_vectored(bufs))
    }

    pub(crate) fn try_send(&self, buf: &[u8]) -> io::Result<usize> {
        self.try_io(Interest::WRITABLE, |socket| send(socket, buf))
    }

    pub(crate) fn try_send_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.try_io(Interest::WRITABLE, |socket| send_vectored(socket, bufs))
    }

    /// Ends the sending side. It is no error if the connection is gone.
    pub(crate) fn shutdown_write(&self) -> io::Result<()> {
        match self.io().as_socket().shutdown(Shutdown::Write) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            result => result,
        }
    }
}
