//! Ours for them.

use std::io::{self, IoSlice, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::io::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};
use crate::wrapper::wrapper_methods;

pin_project! {
    /// Gives the traits of [`futures_io`] to a type that has ours.
    #[derive(Debug)]
    pub struct IntoFutures<T> {
        #[pin]
        ours: T,
        // Where the move goes that was begun and is not complete.
        seek: Option<SeekFrom>,
    }
}

wrapper_methods!(IntoFutures { ours, seek: None });

impl<T> IntoFutures<T> {
    /// What is wrapped, to read or write. Who does that waits for no move any more: to ask for the same
    /// place afterwards begins another one.
    fn give_up_move(self: Pin<&mut Self>) -> Pin<&mut T> {
        let this = self.project();
        *this.seek = None;
        this.ours
    }
}

impl<T: AsyncRead> ::futures_io::AsyncRead for IntoFutures<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buf = ReadBuf::new(buf);
        ready!(self.give_up_move().poll_read(cx, &mut buf))?;
        Poll::Ready(Ok(buf.filled().len()))
    }
}

impl<T: AsyncBufRead> ::futures_io::AsyncBufRead for IntoFutures<T> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        self.give_up_move().poll_fill_buf(cx)
    }

    fn consume(self: Pin<&mut Self>, amt: usize) {
        self.get_pin_mut().consume(amt);
    }
}

impl<T: AsyncWrite> ::futures_io::AsyncWrite for IntoFutures<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.give_up_move().poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.give_up_move().poll_write_vectored(cx, bufs)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_pin_mut().poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_pin_mut().poll_shutdown(cx)
    }
}

impl<T: AsyncSeek> ::futures_io::AsyncSeek for IntoFutures<T> {
    fn poll_seek(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pos: SeekFrom,
    ) -> Poll<io::Result<u64>> {
        let mut this = self.project();
        if *this.seek != Some(pos) {
            // A move to elsewhere that was given up, or a write, may be underway.
            ready!(this.ours.as_mut().poll_complete(cx))?;
            // If the next one is refused, there is none.
            *this.seek = None;
            this.ours.as_mut().start_seek(pos)?;
            *this.seek = Some(pos);
        }
        let result = ready!(this.ours.poll_complete(cx));
        *this.seek = None;
        Poll::Ready(result)
    }
}
