//! Theirs for us.

use std::io::{self, IoSlice, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::io::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};
use crate::wrapper::wrapper_methods;

pin_project! {
    /// Gives our traits to a type that has those of [`futures_io`].
    ///
    /// Their readers want initialised memory, so a buffer that is not is zeroed before the read,
    /// once.
    #[derive(Debug)]
    pub struct FromFutures<T> {
        #[pin]
        theirs: T,
        // A move that was begun, which theirs does in one step.
        seek: Option<SeekFrom>,
    }
}

wrapper_methods!(FromFutures { theirs, seek: None });

impl<T> FromFutures<T> {
    /// What is wrapped, to read or write. Who does that waits for no move any more: made afterwards,
    /// it would leave where the reads and writes have come to.
    fn give_up_move(self: Pin<&mut Self>) -> Pin<&mut T> {
        let this = self.project();
        *this.seek = None;
        this.theirs
    }
}

impl<T: ::futures_io::AsyncRead> AsyncRead for FromFutures<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let n = ready!(self.give_up_move().poll_read(cx, buf.initialize_unfilled()))?;
        buf.advance(n);
        Poll::Ready(Ok(()))
    }
}

impl<T: ::futures_io::AsyncBufRead> AsyncBufRead for FromFutures<T> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        self.give_up_move().poll_fill_buf(cx)
    }

    fn consume(self: Pin<&mut Self>, amt: usize) {
        self.get_pin_mut().consume(amt);
    }
}

impl<T: ::futures_io::AsyncWrite> AsyncWrite for FromFutures<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.give_up_move().poll_write(cx, buf)
    }

    // They do not tell whether they do this well, so `is_write_vectored` stays at its default.
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

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_pin_mut().poll_close(cx)
    }
}

impl<T: ::futures_io::AsyncSeek> AsyncSeek for FromFutures<T> {
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        *self.project().seek = Some(position);
        Ok(())
    }

    fn poll_complete(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let this = self.project();
        let position = this.seek.unwrap_or(SeekFrom::Current(0));
        let result = ready!(this.theirs.poll_seek(cx, position));
        *this.seek = None;
        Poll::Ready(result)
    }
}
