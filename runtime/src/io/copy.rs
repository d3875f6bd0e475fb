//! Copying a reader to a writer.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use runtime_base::coop;

use super::{AsyncBufRead, AsyncRead, AsyncWrite, DEFAULT_BUF_SIZE, ReadBuf};

/// Copies everything that `reader` gives to `writer`, and gives the number of bytes.
///
/// The bytes pass through a buffer of 8 KiB on the heap. While the reader has nothing the writer is
/// flushed, and once more at the end; it is not shut down. A [`BufReader`](super::BufReader) before
/// it would only copy everything once more; use [`copy_buf`] for a reader that has a buffer.
///
/// # Errors
///
/// Those of the reader and the writer, and [`WriteZero`](super::ErrorKind::WriteZero) when the writer
/// takes no more. What was copied until then is copied.
///
/// # Cancel safety
///
/// Not cancel safe: when the future is dropped, what was read and not yet written is lost.
///
/// # Examples
///
/// ```
/// use runtime::io;
///
/// #[runtime::main]
/// async fn main() -> std::io::Result<()> {
///     let mut reader: &[u8] = b"hello";
///     let mut writer = Vec::new();
///     assert_eq!(io::copy(&mut reader, &mut writer).await?, 5);
///     assert_eq!(writer, b"hello");
///     Ok(())
/// }
/// ```
pub async fn copy<'a, R, W>(reader: &'a mut R, writer: &'a mut W) -> io::Result<u64>
where
    R: AsyncRead + Unpin + ?Sized,
    W: AsyncWrite + Unpin + ?Sized,
{
    let mut transfer = Transfer::with_capacity(DEFAULT_BUF_SIZE);
    poll_fn(|cx| transfer.poll(cx, Pin::new(&mut *reader), Pin::new(&mut *writer))).await
}

/// Copies everything that `reader` gives to `writer`, straight from the reader's buffer, and gives
/// the number of bytes.
///
/// While the reader has nothing the writer is flushed, and once more at the end; it is not shut down.
///
/// # Errors
///
/// Those of the reader and the writer, and [`WriteZero`](super::ErrorKind::WriteZero) when the writer
/// takes no more. The reader then stands behind what was copied.
///
/// # Cancel safety
///
/// When the future is dropped no byte is lost: what was read and not written is still in the reader's
/// buffer. Only the count is lost.
///
/// # Examples
///
/// ```
/// use runtime::io::{self, BufReader};
///
/// #[runtime::main]
/// async fn main() -> std::io::Result<()> {
///     let mut reader = BufReader::new(&b"hello"[..]);
///     let mut writer = Vec::new();
///     assert_eq!(io::copy_buf(&mut reader, &mut writer).await?, 5);
///     assert_eq!(writer, b"hello");
///     Ok(())
/// }
/// ```
pub async fn copy_buf<'a, R, W>(reader: &'a mut R, writer: &'a mut W) -> io::Result<u64>
where
    R: AsyncBufRead + Unpin + ?Sized,
    W: AsyncWrite + Unpin + ?Sized,
{
    let mut copied = 0;
    let mut unflushed = false;
    poll_fn(|cx| {
        let mut reader = Pin::new(&mut *reader);
        let mut writer = Pin::new(&mut *writer);
        loop {
            let coop = ready!(coop::poll_proceed(cx));
            let Poll::Ready(bytes) = reader.as_mut().poll_fill_buf(cx) else {
                if unflushed {
                    ready!(writer.as_mut().poll_flush(cx))?;
                    unflushed = false;
                    coop.made_progress();
                }
                return Poll::Pending;
            };
            let bytes = bytes?;
            if bytes.is_empty() {
                ready!(writer.as_mut().poll_flush(cx))?;
                coop.made_progress();
                return Poll::Ready(Ok(copied));
            }
            let n = ready!(writer.as_mut().poll_write(cx, bytes))?;
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            coop.made_progress();
            unflushed = true;
            copied += n as u64;
            reader.as_mut().consume(n);
        }
    })
    .await
}

/// One direction of a copy: a buffer between a reader and a writer.
///
/// ```text
/// memory: [ written | read, not written | free ]
///                   ^ start             ^ end
/// ```
#[derive(Debug)]
pub(super) struct Transfer {
    memory: Box<[u8]>,
    start: usize,
    end: usize,
    copied: u64,
    reader_is_done: bool,
    /// Something was written since the last flush.
    unflushed: bool,
}

impl Transfer {
    /// A transfer through a buffer of `capacity` bytes, at least one.
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self {
            memory: vec![0; capacity.max(1)].into_boxed_slice(),
            start: 0,
            end: 0,
            copied: 0,
            reader_is_done: false,
            unflushed: false,
        }
    }

    /// Reads and writes until the end was read and everything is written and flushed. Gives the
    /// number of bytes.
    pub(super) fn poll<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        mut reader: Pin<&mut R>,
        mut writer: Pin<&mut W>,
    ) -> Poll<io::Result<u64>>
    where
        R: AsyncRead + ?Sized,
        W: AsyncWrite + ?Sized,
    {
        loop {
            // One unit each round, not each poll: memory is always ready, and its readers and writers
            // know no budget.
            let coop = ready!(coop::poll_proceed(cx));
            if self.end < self.memory.len() && !self.reader_is_done {
                match self.poll_read(cx, reader.as_mut()) {
                    Poll::Ready(result) => {
                        coop.made_progress();
                        result?;
                    }
                    Poll::Pending if self.start < self.end => {}
                    Poll::Pending => {
                        // The other side may have to see what was written before it answers.
                        if self.unflushed {
                            ready!(writer.as_mut().poll_flush(cx))?;
                            self.unflushed = false;
                            coop.made_progress();
                        }
                        return Poll::Pending;
                    }
                }
            }
            while self.start < self.end {
                match self.poll_write(cx, reader.as_mut(), writer.as_mut()) {
                    Poll::Ready(result) => {
                        coop.made_progress();
                        result?;
                    }
                    Poll::Pending => return Poll::Pending,
                }
            }
            self.start = 0;
            self.end = 0;
            if self.reader_is_done {
                ready!(writer.as_mut().poll_flush(cx))?;
                coop.made_progress();
                return Poll::Ready(Ok(self.copied));
            }
        }
    }

    /// Reads into the free part.
    fn poll_read<R: AsyncRead + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        reader: Pin<&mut R>,
    ) -> Poll<io::Result<()>> {
        let mut buf = ReadBuf::new(&mut self.memory);
        buf.set_filled(self.end);
        let result = reader.poll_read(cx, &mut buf);
        if matches!(result, Poll::Ready(Ok(()))) {
            let end = buf.filled().len();
            self.reader_is_done = end == self.end;
            self.end = end;
        }
        result
    }

    /// Writes some of what was read. A writer that is not ready is a good moment to read more.
    fn poll_write<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        reader: Pin<&mut R>,
        writer: Pin<&mut W>,
    ) -> Poll<io::Result<()>>
    where
        R: AsyncRead + ?Sized,
        W: AsyncWrite + ?Sized,
    {
        let Poll::Ready(result) = writer.poll_write(cx, &self.memory[self.start..self.end]) else {
            if !self.reader_is_done && self.end < self.memory.len() {
                ready!(self.poll_read(cx, reader))?;
            }
            return Poll::Pending;
        };
        let n = result?;
        if n == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.start += n;
        self.copied += n as u64;
        self.unflushed = true;
        Poll::Ready(Ok(()))
    }
}
