//! A writer with a buffer.

use std::fmt;
use std::io::{self, IoSlice, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, DEFAULT_BUF_SIZE, ReadBuf};

pin_project! {
    /// Takes small pieces and writes large ones.
    ///
    /// Every write to a socket or file is a system call. With a buffer between, a program that writes
    /// many small pieces makes few of them. It does not help where the pieces are large already, or
    /// where the bytes go to memory.
    ///
    /// **Flush it before dropping it.** Dropping cannot wait, so what is in the buffer then is lost.
    /// Reading, where the writer can also read, passes through unbuffered; see
    /// [`BufStream`](super::BufStream).
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::io::{AsyncWriteExt, BufWriter};
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let mut writer = BufWriter::new(Vec::new());
    ///     for number in 0..3 {
    ///         writer.write_u8(number).await?;
    ///     }
    ///     writer.flush().await?;
    ///     assert_eq!(writer.into_inner(), [0, 1, 2]);
    ///     Ok(())
    /// }
    /// ```
    pub struct BufWriter<W> {
        #[pin]
        pub(super) writer: W,
        pub(super) pending: PendingBytes,
        pub(super) seek: SeekAfterFlush,
    }
}

/// The buffer of a [`BufWriter`]: the first `written` of its bytes are written already.
pub(super) struct PendingBytes {
    bytes: Vec<u8>,
    written: usize,
}

impl PendingBytes {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(capacity),
            written: 0,
        }
    }

    fn room(&self) -> usize {
        self.bytes.capacity() - self.bytes.len()
    }

    /// Appends as much as there is room for and gives its length.
    fn append(&mut self, bytes: &[u8]) -> usize {
        let n = bytes.len().min(self.room());
        self.bytes.extend_from_slice(&bytes[..n]);
        n
    }

    fn poll_write_to<W: AsyncWrite + ?Sized>(
        &mut self,
        mut writer: Pin<&mut W>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.written < self.bytes.len() {
            match ready!(writer.as_mut().poll_write(cx, &self.bytes[self.written..])) {
                Ok(0) => {
                    self.forget_written();
                    return Poll::Ready(Err(io::Error::new(
                        io::ErrorKind::WriteZero,
                        "failed to write the buffered data",
                    )));
                }
                Ok(n) => self.written += n,
                Err(error) => {
                    self.forget_written();
                    return Poll::Ready(Err(error));
                }
            }
        }
        self.forget_written();
        Poll::Ready(Ok(()))
    }

    fn forget_written(&mut self) {
        self.bytes.drain(..self.written);
        self.written = 0;
    }
}

impl fmt::Debug for PendingBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{}",
            self.bytes.len() - self.written,
            self.bytes.capacity()
        )
    }
}

/// How far a move of the position has come.
#[derive(Debug, Clone, Copy)]
pub(super) enum SeekAfterFlush {
    Idle,
    /// Asked for; the buffer is written first, where it belongs.
    Requested(SeekFrom),
    /// The writer below is on the way.
    Underway,
}

impl<W: AsyncWrite> BufWriter<W> {
    /// Puts a buffer of 8 KiB before `inner`.
    pub fn new(inner: W) -> Self {
        Self::with_capacity(DEFAULT_BUF_SIZE, inner)
    }

    /// Puts a buffer of `cap` bytes before `inner`.
    pub fn with_capacity(cap: usize, inner: W) -> Self {
        Self {
            writer: inner,
            pending: PendingBytes::with_capacity(cap),
            seek: SeekAfterFlush::Idle,
        }
    }

    /// The writer below.
    pub fn get_ref(&self) -> &W {
        &self.writer
    }

    /// The writer below. What is written to it directly overtakes what is in the buffer.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.writer
    }

    /// The writer below, pinned. What is written to it directly overtakes what is in the buffer.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut W> {
        self.project().writer
    }

    /// Gives the writer back. What is in the buffer is lost: flush before.
    pub fn into_inner(self) -> W {
        self.writer
    }

    /// What is in the buffer.
    pub fn buffer(&self) -> &[u8] {
        &self.pending.bytes[self.pending.written..]
    }

    fn poll_flush_buffer(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        this.pending.poll_write_to(this.writer, cx)
    }
}

impl<W: AsyncWrite> AsyncWrite for BufWriter<W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if buf.len() > self.pending.room() {
            ready!(self.as_mut().poll_flush_buffer(cx))?;
        }
        let this = self.project();
        if buf.len() >= this.pending.bytes.capacity() {
            // The buffer is empty now, and this would fill it at once.
            return this.writer.poll_write(cx, buf);
        }
        Poll::Ready(Ok(this.pending.append(buf)))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let total = bufs
            .iter()
            .fold(0, |sum: usize, buf| sum.saturating_add(buf.len()));
        if !self.writer.is_write_vectored() && total > self.pending.room() {
            // The writer below would take the first buffer only: gather them here instead, unless
            // the first one is too large for that.
            let Some(first) = bufs.iter().find(|buf| !buf.is_empty()) else {
                return Poll::Ready(Ok(0));
            };
            if first.len() > self.pending.room() {
                ready!(self.as_mut().poll_flush_buffer(cx))?;
            }
            let this = self.project();
            if first.len() >= this.pending.bytes.capacity() {
                return this.writer.poll_write(cx, first);
            }
            // The last one may fit in part: that is a short write.
            return Poll::Ready(Ok(bufs.iter().map(|buf| this.pending.append(buf)).sum()));
        }
        if total > self.pending.room() {
            ready!(self.as_mut().poll_flush_buffer(cx))?;
        }
        let this = self.project();
        if total >= this.pending.bytes.capacity() {
            return this.writer.poll_write_vectored(cx, bufs);
        }
        Poll::Ready(Ok(bufs.iter().map(|buf| this.pending.append(buf)).sum()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush_buffer(cx))?;
        self.get_pin_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush_buffer(cx))?;
        self.get_pin_mut().poll_shutdown(cx)
    }
}

/// The buffer is written before the position moves, so that its bytes land where they were meant.
impl<W: AsyncWrite + AsyncSeek> AsyncSeek for BufWriter<W> {
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        *self.project().seek = SeekAfterFlush::Requested(position);
        Ok(())
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        if let SeekAfterFlush::Requested(position) = self.seek {
            ready!(self.as_mut().poll_flush_buffer(cx))?;
            let mut this = self.as_mut().project();
            // A file still works on what it was given just now, and refuses to move meanwhile.
            ready!(this.writer.as_mut().poll_complete(cx))?;
            *this.seek = SeekAfterFlush::Idle;
            this.writer.start_seek(position)?;
            *this.seek = SeekAfterFlush::Underway;
        }
        let this = self.project();
        let result = ready!(this.writer.poll_complete(cx));
        *this.seek = SeekAfterFlush::Idle;
        Poll::Ready(result)
    }
}

impl<W: AsyncWrite + AsyncRead> AsyncRead for BufWriter<W> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.get_pin_mut().poll_read(cx, buf)
    }
}

impl<W: AsyncWrite + AsyncBufRead> AsyncBufRead for BufWriter<W> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        self.get_pin_mut().poll_fill_buf(cx)
    }

    fn consume(self: Pin<&mut Self>, amt: usize) {
        self.get_pin_mut().consume(amt);
    }
}

impl<W: fmt::Debug> fmt::Debug for BufWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufWriter")
            .field("writer", &self.writer)
            .field("buffer", &self.pending)
            .finish()
    }
}
