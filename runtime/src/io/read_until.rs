//! The futures of [`AsyncBufReadExt`](super::AsyncBufReadExt).

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use runtime_base::coop;

use super::{AsyncBufRead, text};

/// The future of [`AsyncBufReadExt::read_until`](super::AsyncBufReadExt::read_until).
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct ReadUntil<'a, R: ?Sized> {
    reader: &'a mut R,
    delimiter: u8,
    buf: &'a mut Vec<u8>,
    /// How many bytes this future appended.
    appended: usize,
}

impl<'a, R: ?Sized> ReadUntil<'a, R> {
    pub(super) fn new(reader: &'a mut R, delimiter: u8, buf: &'a mut Vec<u8>) -> Self {
        Self {
            reader,
            delimiter,
            buf,
            appended: 0,
        }
    }
}

impl<R: AsyncBufRead + Unpin + ?Sized> Future for ReadUntil<'_, R> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let reader = Pin::new(&mut *this.reader);
        poll_read_until(reader, cx, this.delimiter, this.buf, &mut this.appended)
    }
}

/// Appends to `buf` up to and with `delimiter`, or to the end. `appended` counts across polls; it is
/// given and set to zero when ready.
pub(super) fn poll_read_until<R: AsyncBufRead + ?Sized>(
    mut reader: Pin<&mut R>,
    cx: &mut Context<'_>,
    delimiter: u8,
    buf: &mut Vec<u8>,
    appended: &mut usize,
) -> Poll<io::Result<usize>> {
    loop {
        let bytes = ready!(reader.as_mut().poll_fill_buf(cx))?;
        let found = bytes.iter().position(|byte| *byte == delimiter);
        let n = found.map_or(bytes.len(), |index| index + 1);
        buf.extend_from_slice(&bytes[..n]);
        reader.as_mut().consume(n);
        *appended += n;
        if found.is_some() || n == 0 {
            return Poll::Ready(Ok(std::mem::take(appended)));
        }
    }
}

/// The future of [`AsyncBufReadExt::read_line`](super::AsyncBufReadExt::read_line).
///
/// The string's bytes live in the future while they may be invalid UTF-8.
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct ReadLine<'a, R: ?Sized> {
    reader: &'a mut R,
    output: &'a mut String,
    bytes: Vec<u8>,
    /// How many of `bytes` are from `output`.
    original_len: usize,
    appended: usize,
}

impl<'a, R: ?Sized> ReadLine<'a, R> {
    pub(super) fn new(reader: &'a mut R, output: &'a mut String) -> Self {
        let bytes = std::mem::take(output).into_bytes();
        Self {
            reader,
            output,
            original_len: bytes.len(),
            bytes,
            appended: 0,
        }
    }
}

impl<R: AsyncBufRead + Unpin + ?Sized> Future for ReadLine<'_, R> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let reader = Pin::new(&mut *this.reader);
        let result = ready!(poll_read_until(
            reader,
            cx,
            b'\n',
            &mut this.bytes,
            &mut this.appended
        ));
        let bytes = std::mem::take(&mut this.bytes);
        let original_len = std::mem::take(&mut this.original_len);
        Poll::Ready(match result {
            Ok(_) => text::append_valid(this.output, bytes, original_len),
            Err(error) => {
                text::append_if_valid(this.output, bytes, original_len);
                Err(error)
            }
        })
    }
}

impl<R: ?Sized> Drop for ReadLine<'_, R> {
    fn drop(&mut self) {
        if self.original_len > 0 {
            // Dropped before the end: the caller gets the string back as it was.
            let bytes = std::mem::take(&mut self.bytes);
            text::restore(self.output, bytes, self.original_len);
        }
    }
}

/// The future of [`AsyncBufReadExt::fill_buf`](super::AsyncBufReadExt::fill_buf).
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct FillBuf<'a, R: ?Sized> {
    /// `None` once the buffer was shown: it is borrowed from the reader for the rest of `'a`.
    reader: Option<&'a mut R>,
}

impl<'a, R: ?Sized> FillBuf<'a, R> {
    pub(super) fn new(reader: &'a mut R) -> Self {
        Self {
            reader: Some(reader),
        }
    }
}

impl<'a, R: AsyncBufRead + Unpin + ?Sized> Future for FillBuf<'a, R> {
    type Output = io::Result<&'a [u8]>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&'a [u8]>> {
        let this = self.get_mut();
        let reader = this
            .reader
            .as_deref_mut()
            .expect("`FillBuf` was polled after it was ready");
        if ready!(Pin::new(reader).poll_fill_buf(cx))?.is_empty() {
            this.reader = None;
            return Poll::Ready(Ok(&[]));
        }
        // Now that it is known that the reader need not be kept, it is given up for its bytes. They
        // are in its buffer until they are consumed, so this does not read, and must not wait for
        // the budget either.
        let reader = this.reader.take().expect("it was there just now");
        match coop::with_unlimited(|| Pin::new(reader).poll_fill_buf(cx)) {
            Poll::Ready(result) => Poll::Ready(result),
            Poll::Pending => Poll::Ready(Err(io::Error::other(
                "the reader showed buffered bytes and then had none, though none were consumed",
            ))),
        }
    }
}
