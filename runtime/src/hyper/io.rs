//! Streams for hyper.

#![allow(unsafe_code)] // One buffer type lends its memory to the other.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::hyper::rt;
use pin_project_lite::pin_project;

use crate::io::{AsyncRead, AsyncWrite, ReadBuf};
use crate::wrapper::wrapper_methods;

pin_project! {
    /// Gives hyper's traits to a stream that has ours, and ours to one that has hyper's.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::hyper::HyperIo;
    ///
    /// fn for_hyper(stream: runtime::net::TcpStream) -> impl hyper::rt::Read + hyper::rt::Write {
    ///     HyperIo::new(stream)
    /// }
    ///
    /// fn from_hyper(
    ///     upgraded: impl hyper::rt::Read + hyper::rt::Write,
    /// ) -> impl runtime::io::AsyncRead + runtime::io::AsyncWrite {
    ///     HyperIo::new(upgraded)
    /// }
    /// ```
    #[derive(Debug)]
    pub struct HyperIo<T> {
        #[pin]
        inner: T,
    }
}

wrapper_methods!(HyperIo { inner });

impl<T: AsyncRead> rt::Read for HyperIo<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        // SAFETY: the memory goes into a buffer that writes nothing uninitialised to what is
        // initialised (for it, nothing is).
        let mut lent = ReadBuf::uninit(unsafe { buf.as_mut() });
        let start = lent.filled().as_ptr();
        ready!(self.get_pin_mut().poll_read(cx, &mut lent))?;
        assert_eq!(
            lent.filled().as_ptr(),
            start,
            "a reader replaced the `ReadBuf` it was given; it must only append to it"
        );
        let filled = lent.filled().len();
        assert!(filled <= buf.remaining());
        // SAFETY: the lent buffer is still over the cursor's memory, and says that its first
        // `filled` bytes are filled.
        unsafe { buf.advance(filled) };
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite> rt::Write for HyperIo<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_pin_mut().poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_pin_mut().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_pin_mut().poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.get_ref().is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_pin_mut().poll_write_vectored(cx, bufs)
    }
}

impl<T: rt::Read> AsyncRead for HyperIo<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // SAFETY: the memory goes into a buffer that writes nothing uninitialised to what is
        // initialised (for it, nothing is).
        let mut lent = rt::ReadBuf::uninit(unsafe { buf.unfilled_mut() });
        ready!(self.get_pin_mut().poll_read(cx, lent.unfilled()))?;
        let filled = lent.filled().len();
        // SAFETY: the lent buffer was over our unfilled part (its cursor cannot replace it), and
        // says that its first `filled` bytes are filled.
        unsafe { buf.assume_init(filled) };
        buf.advance(filled);
        Poll::Ready(Ok(()))
    }
}

impl<T: rt::Write> AsyncWrite for HyperIo<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_pin_mut().poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_pin_mut().poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.get_ref().is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_pin_mut().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_pin_mut().poll_shutdown(cx)
    }
}

#[cfg(all(test, not(rt_loom)))]
mod tests {
    use super::*;
    use crate::io::script::Replacing;
    use crate::io::{AsyncReadExt, AsyncWriteExt};
    use runtime_base::driving::block_on;
    use std::future::poll_fn;

    #[test]
    fn bytes_go_through_both_ways_round() {
        let (near, mut far) = crate::io::duplex(8);
        let mut near = HyperIo::new(HyperIo::new(near));
        block_on(async {
            assert!(AsyncWrite::is_write_vectored(&near));
            near.write_all(b"ping").await.unwrap();
            let mut buf = [0; 8];
            assert_eq!(far.read(&mut buf).await.unwrap(), 4);
            far.write_all(b"pong!").await.unwrap();
            near.read_exact(&mut buf[..2]).await.unwrap();
            let mut rest = Vec::new();
            near.read_buf(&mut rest).await.unwrap();
            assert_eq!((&buf[..2], &*rest), (&b"po"[..], &b"ng!"[..]));
            AsyncWriteExt::shutdown(&mut near).await.unwrap();
            assert_eq!(far.read(&mut buf).await.unwrap(), 0);
        });
    }

    #[test]
    #[should_panic(expected = "a reader replaced the `ReadBuf`")]
    fn a_reader_that_replaces_the_buffer_is_caught() {
        let mut memory = [0; 64];
        let mut buf = rt::ReadBuf::new(&mut memory);
        let read = poll_fn(|cx| {
            let mut io = HyperIo::new(Replacing);
            rt::Read::poll_read(Pin::new(&mut io), cx, buf.unfilled())
        });
        let _ = block_on(read);
    }
}
