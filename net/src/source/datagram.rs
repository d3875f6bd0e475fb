//! The operations of sockets that carry datagrams: UDP and Unix datagrams.
//!
//! A datagram is received whole, so a short one says nothing about whether there are more: unlike a
//! stream's, its readiness is cleared only by a call that would block.

use std::io;
use std::task::{Context, Poll, ready};

use bytes::BufMut;
use runtime_base::io::ReadBuf;
use socket2::SockAddr;

use super::memory::{into_spare, receive};
use super::stream::{self, SEND_FLAGS, Socket, peek};
use super::{Done, Source};
use crate::interest::Interest;
use crate::readiness::Direction;

/// A socket whose datagrams have addresses.
pub(crate) trait Addressed: Socket {
    /// The form in which users see addresses.
    type Address;

    /// What the system said, in that form.
    fn address(address: SockAddr) -> io::Result<Self::Address>;
}

/// One `recv` into the unfilled part of `buf`.
fn recv(socket: &impl Socket, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
    stream::recv(socket, buf).map(Done::into_result)
}

/// One `recvfrom` into the unfilled part of `buf`.
fn recv_from<S: Addressed>(socket: &S, buf: &mut ReadBuf<'_>) -> io::Result<S::Address> {
    let sender = receive(buf, |memory| {
        socket.attempt(|| socket.as_socket().recv_from(memory))
    })?;
    S::address(sender)
}

/// One `recvfrom` that leaves the datagram in the socket.
fn peek_from<S: Addressed>(socket: &S, buf: &mut ReadBuf<'_>) -> io::Result<S::Address> {
    let sender = receive(buf, |memory| {
        socket.attempt(|| socket.as_socket().peek_from(memory))
    })?;
    S::address(sender)
}

fn peek_sender<S: Addressed>(socket: &S) -> io::Result<S::Address> {
    S::address(socket.attempt(|| socket.as_socket().peek_sender())?)
}

fn send_to(socket: &impl Socket, buf: &[u8], target: &SockAddr) -> io::Result<usize> {
    socket.attempt(|| {
        socket
            .as_socket()
            .send_to_with_flags(buf, target, SEND_FLAGS)
    })
}

/// Calls `operate` with `buf`; gives how many bytes it filled, and its result.
fn counted<R>(
    buf: &mut [u8],
    operate: impl FnOnce(&mut ReadBuf<'_>) -> io::Result<R>,
) -> io::Result<(usize, R)> {
    let mut buf = ReadBuf::new(buf);
    let result = operate(&mut buf)?;
    Ok((buf.filled().len(), result))
}

/// The same with the spare capacity of `buf`.
fn counted_into_spare<B: BufMut + ?Sized, R>(
    buf: &mut B,
    operate: impl FnOnce(&mut ReadBuf<'_>) -> io::Result<R>,
) -> io::Result<(usize, R)> {
    into_spare(buf, |buf| {
        let result = operate(buf)?;
        Ok((buf.filled().len(), result))
    })
}

impl<S: Addressed> Source<S> {
    /// Reads with one system call, as soon as it does not block.
    async fn read_one<R>(&self, mut operate: impl FnMut(&S) -> io::Result<R>) -> io::Result<R> {
        self.perform(Interest::READABLE, |socket| operate(socket).map(Done::More))
            .await
    }

    /// The same for functions named `poll_…`.
    fn poll_read_one<R>(
        &self,
        cx: &mut Context<'_>,
        mut operate: impl FnMut(&S) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.poll_io(cx, Direction::Read, |socket| {
            operate(socket).map(Done::More)
        })
    }

    pub(crate) async fn recv_datagram(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.read_one(|socket| recv(socket, &mut ReadBuf::new(buf)))
            .await
    }

    pub(crate) async fn recv_datagram_from(
        &self,
        buf: &mut [u8],
    ) -> io::Result<(usize, S::Address)> {
        self.read_one(|socket| counted(buf, |buf| recv_from(socket, buf)))
            .await
    }

    pub(crate) async fn recv_datagram_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
        self.read_one(|socket| into_spare(buf, |buf| recv(socket, buf)))
            .await
    }

    pub(crate) async fn recv_datagram_buf_from<B: BufMut>(
        &self,
        buf: &mut B,
    ) -> io::Result<(usize, S::Address)> {
        self.read_one(|socket| counted_into_spare(buf, |buf| recv_from(socket, buf)))
            .await
    }

    pub(crate) fn poll_recv_datagram(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_read_one(cx, |socket| recv(socket, buf)))?;
        Poll::Ready(Ok(()))
    }

    pub(crate) fn poll_recv_datagram_from(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<S::Address>> {
        self.poll_read_one(cx, |socket| recv_from(socket, buf))
    }

    pub(crate) fn try_recv_datagram_from(&self, buf: &mut [u8]) -> io::Result<(usize, S::Address)> {
        self.try_io(Interest::READABLE, |socket| {
            counted(buf, |buf| recv_from(socket, buf))
        })
    }

    pub(crate) fn try_recv_datagram_buf_from<B: BufMut>(
        &self,
        buf: &mut B,
    ) -> io::Result<(usize, S::Address)> {
        self.try_io(Interest::READABLE, |socket| {
            counted_into_spare(buf, |buf| recv_from(socket, buf))
        })
    }

    pub(crate) async fn peek_datagram_from(
        &self,
        buf: &mut [u8],
    ) -> io::Result<(usize, S::Address)> {
        self.read_one(|socket| counted(buf, |buf| peek_from(socket, buf)))
            .await
    }

    pub(crate) fn poll_peek_datagram_from(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<S::Address>> {
        self.poll_read_one(cx, |socket| peek_from(socket, buf))
    }

    pub(crate) fn try_peek_datagram(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.try_io(Interest::READABLE, |socket| {
            peek(socket, &mut ReadBuf::new(buf))
        })
    }

    pub(crate) fn try_peek_datagram_from(&self, buf: &mut [u8]) -> io::Result<(usize, S::Address)> {
        self.try_io(Interest::READABLE, |socket| {
            counted(buf, |buf| peek_from(socket, buf))
        })
    }

    pub(crate) async fn peek_sender(&self) -> io::Result<S::Address> {
        self.read_one(peek_sender).await
    }

    pub(crate) fn poll_peek_sender(&self, cx: &mut Context<'_>) -> Poll<io::Result<S::Address>> {
        self.poll_read_one(cx, peek_sender)
    }

    pub(crate) fn try_peek_sender(&self) -> io::Result<S::Address> {
        self.try_io(Interest::READABLE, peek_sender)
    }

    pub(crate) async fn send_datagram(&self, buf: &[u8]) -> io::Result<usize> {
        self.perform(Interest::WRITABLE, |socket| {
            socket
                .attempt(|| socket.as_socket().send_with_flags(buf, SEND_FLAGS))
                .map(Done::More)
        })
        .await
    }

    pub(crate) async fn send_datagram_to(
        &self,
        buf: &[u8],
        target: &SockAddr,
    ) -> io::Result<usize> {
        self.perform(Interest::WRITABLE, |socket| {
            send_to(socket, buf, target).map(Done::More)
        })
        .await
    }

    pub(crate) fn poll_send_datagram_to(
        &self,
        cx: &mut Context<'_>,
        buf: &[u8],
        target: &SockAddr,
    ) -> Poll<io::Result<usize>> {
        self.poll_io(cx, Direction::Write, |socket| {
            send_to(socket, buf, target).map(Done::More)
        })
    }

    pub(crate) fn try_send_datagram_to(&self, buf: &[u8], target: &SockAddr) -> io::Result<usize> {
        self.try_io(Interest::WRITABLE, |socket| send_to(socket, buf, target))
    }
}
