//! Halves that borrow the stream.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BufMut;
use runtime_base::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::interest::Interest;
use crate::ready::Ready;
use crate::tcp::stream::TcpStream;

/// The reading half of a borrowed stream. Made by [`TcpStream::split`].
#[derive(Debug)]
pub struct ReadHalf<'a>(&'a TcpStream);

/// The writing half of a borrowed stream. Made by [`TcpStream::split`].
///
/// Shutting it down as an [`AsyncWrite`] ends the sending side; dropping it does nothing.
#[derive(Debug)]
pub struct WriteHalf<'a>(&'a TcpStream);

pub(super) fn split(stream: &mut TcpStream) -> (ReadHalf<'_>, WriteHalf<'_>) {
    (ReadHalf(stream), WriteHalf(stream))
}

/// What borrowed and owned halves have in common; `$stream` is the path from `self`.
macro_rules! impl_read_half {
    ($type:ty, |$this:ident| $stream:expr) => {
        impl $type {
            fn stream(&self) -> &TcpStream {
                let $this = self;
                $stream
            }

            /// Receives bytes without taking them out. See [`TcpStream::peek`].
            ///
            /// # Errors
            ///
            /// What the system says, and when the runtime shuts down.
            ///
            /// # Cancel safety
            ///
            /// Nothing is lost.
            pub async fn peek(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                self.stream().peek(buf).await
            }

            /// Polls to receive bytes without taking them out. See [`TcpStream::poll_peek`].
            ///
            /// # Errors
            ///
            /// As [`peek`](Self::peek).
            pub fn poll_peek(
                &mut self,
                cx: &mut Context<'_>,
                buf: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<usize>> {
                self.stream().poll_peek(cx, buf)
            }

            /// Waits until the stream is ready for one of `interest`. See [`TcpStream::ready`].
            ///
            /// # Errors
            ///
            /// When the system refuses to watch the stream, and when the runtime shuts down.
            ///
            /// # Cancel safety
            ///
            /// Nothing is lost.
            pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
                self.stream().ready(interest).await
            }

            /// Waits until there is something to read. See [`TcpStream::readable`].
            ///
            /// # Errors
            ///
            /// As [`ready`](Self::ready).
            ///
            /// # Cancel safety
            ///
            /// Nothing is lost.
            pub async fn readable(&self) -> io::Result<()> {
                self.stream().readable().await
            }

            /// Reads what is there, without waiting. See [`TcpStream::try_read`].
            ///
            /// # Errors
            ///
            /// `WouldBlock` if there is nothing yet.
            pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
                self.stream().try_read(buf)
            }

            /// Reads what is there into several buffers. See [`TcpStream::try_read_vectored`].
            ///
            /// # Errors
            ///
            /// As [`try_read`](Self::try_read).
            pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                self.stream().try_read_vectored(bufs)
            }

            /// Reads what is there into the spare capacity of `buf`. See
            /// [`TcpStream::try_read_buf`].
            ///
            /// # Errors
            ///
            /// As [`try_read`](Self::try_read).
            pub fn try_read_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
                self.stream().try_read_buf(buf)
            }

            /// The address of the other side.
            ///
            /// # Errors
            ///
            /// `NotConnected` if the connection is gone.
            pub fn peer_addr(&self) -> io::Result<SocketAddr> {
                self.stream().peer_addr()
            }

            /// The address of this side.
            ///
            /// # Errors
            ///
            /// What the system says.
            pub fn local_addr(&self) -> io::Result<SocketAddr> {
                self.stream().local_addr()
            }
        }

        impl AsyncRead for $type {
            #[inline]
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                self.stream().poll_read_shared(cx, buf)
            }
        }

        impl AsRef<TcpStream> for $type {
            fn as_ref(&self) -> &TcpStream {
                self.stream()
            }
        }
    };
}

/// As [`impl_read_half`]; the method `ended` is called when the sending side was ended.
macro_rules! impl_write_half {
    ($type:ty, |$this:ident| $stream:expr) => {
        impl $type {
            fn stream(&self) -> &TcpStream {
                let $this = self;
                $stream
            }

            /// Waits until the stream is ready for one of `interest`. See [`TcpStream::ready`].
            ///
            /// # Errors
            ///
            /// When the system refuses to watch the stream, and when the runtime shuts down.
            ///
            /// # Cancel safety
            ///
            /// Nothing is lost.
            pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
                self.stream().ready(interest).await
            }

            /// Waits until there is room to write. See [`TcpStream::writable`].
            ///
            /// # Errors
            ///
            /// As [`ready`](Self::ready).
            ///
            /// # Cancel safety
            ///
            /// Nothing is lost.
            pub async fn writable(&self) -> io::Result<()> {
                self.stream().writable().await
            }

            /// Writes as much as there is room for, without waiting. See
            /// [`TcpStream::try_write`].
            ///
            /// # Errors
            ///
            /// `WouldBlock` if there is no room.
            pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
                self.stream().try_write(buf)
            }

            /// Writes as much of several buffers as there is room for. See
            /// [`TcpStream::try_write_vectored`].
            ///
            /// # Errors
            ///
            /// As [`try_write`](Self::try_write).
            pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
                self.stream().try_write_vectored(bufs)
            }

            /// The address of the other side.
            ///
            /// # Errors
            ///
            /// `NotConnected` if the connection is gone.
            pub fn peer_addr(&self) -> io::Result<SocketAddr> {
                self.stream().peer_addr()
            }

            /// The address of this side.
            ///
            /// # Errors
            ///
            /// What the system says.
            pub fn local_addr(&self) -> io::Result<SocketAddr> {
                self.stream().local_addr()
            }
        }

        impl AsyncWrite for $type {
            #[inline]
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &[u8],
            ) -> Poll<io::Result<usize>> {
                self.stream().poll_write_shared(cx, buf)
            }

            #[inline]
            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                self.stream().poll_write_vectored_shared(cx, bufs)
            }

            fn is_write_vectored(&self) -> bool {
                self.stream().is_write_vectored()
            }

            /// Nothing is buffered here.
            #[inline]
            fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                let result = self.stream().shutdown_write();
                if result.is_ok() {
                    self.get_mut().ended();
                }
                Poll::Ready(result)
            }
        }

        impl AsRef<TcpStream> for $type {
            fn as_ref(&self) -> &TcpStream {
                self.stream()
            }
        }
    };
}

pub(super) use {impl_read_half, impl_write_half};

impl_read_half!(ReadHalf<'_>, |this| this.0);
impl_write_half!(WriteHalf<'_>, |this| this.0);

impl WriteHalf<'_> {
    /// Nothing depends on it: dropping a borrowed half ends nothing.
    fn ended(&mut self) {}
}
