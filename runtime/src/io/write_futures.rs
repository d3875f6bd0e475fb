//! The futures of [`AsyncWriteExt`](super::AsyncWriteExt).

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;

use super::AsyncWrite;
use super::retry::uninterrupted;

/// How many slices of a [`Buf`] are given to one vectored write. Chosen: far below the systems'
/// limit (1,024), and one kilobyte of stack.
const MAX_SLICES: usize = 64;

/// The future of [`AsyncWriteExt::write`](super::AsyncWriteExt::write).
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Write<'a, W: ?Sized> {
    writer: &'a mut W,
    buf: &'a [u8],
}

impl<'a, W: ?Sized> Write<'a, W> {
    pub(super) fn new(writer: &'a mut W, buf: &'a [u8]) -> Self {
        Self { writer, buf }
    }
}

impl<W: AsyncWrite + Unpin + ?Sized> Future for Write<'_, W> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        Pin::new(&mut *this.writer).poll_write(cx, this.buf)
    }
}

/// The future of [`AsyncWriteExt::write_vectored`](super::AsyncWriteExt::write_vectored).
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct WriteVectored<'a, 'b, W: ?Sized> {
    writer: &'a mut W,
    bufs: &'a [IoSlice<'b>],
}

impl<'a, 'b, W: ?Sized> WriteVectored<'a, 'b, W> {
    pub(super) fn new(writer: &'a mut W, bufs: &'a [IoSlice<'b>]) -> Self {
        Self { writer, bufs }
    }
}

impl<W: AsyncWrite + Unpin + ?Sized> Future for WriteVectored<'_, '_, W> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        Pin::new(&mut *this.writer).poll_write_vectored(cx, this.bufs)
    }
}

/// The future of [`AsyncWriteExt::write_buf`](super::AsyncWriteExt::write_buf).
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct WriteBuf<'a, W: ?Sized, B> {
    writer: &'a mut W,
    buf: &'a mut B,
}

impl<'a, W: ?Sized, B> WriteBuf<'a, W, B> {
    pub(super) fn new(writer: &'a mut W, buf: &'a mut B) -> Self {
        Self { writer, buf }
    }
}

impl<W: AsyncWrite + Unpin + ?Sized, B: Buf> Future for WriteBuf<'_, W, B> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        poll_write_buf(Pin::new(&mut *this.writer), cx, this.buf)
    }
}

/// The future of [`AsyncWriteExt::write_all`](super::AsyncWriteExt::write_all).
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct WriteAll<'a, W: ?Sized> {
    writer: &'a mut W,
    buf: &'a [u8],
}

impl<'a, W: ?Sized> WriteAll<'a, W> {
    pub(super) fn new(writer: &'a mut W, buf: &'a [u8]) -> Self {
        Self { writer, buf }
    }
}

impl<W: AsyncWrite + Unpin + ?Sized> Future for WriteAll<'_, W> {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        poll_write_all(Pin::new(&mut *this.writer), cx, &mut this.buf)
    }
}

/// The future of [`AsyncWriteExt::write_all_buf`](super::AsyncWriteExt::write_all_buf).
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct WriteAllBuf<'a, W: ?Sized, B> {
    writer: &'a mut W,
    buf: &'a mut B,
}

impl<'a, W: ?Sized, B> WriteAllBuf<'a, W, B> {
    pub(super) fn new(writer: &'a mut W, buf: &'a mut B) -> Self {
        Self { writer, buf }
    }
}

impl<W: AsyncWrite + Unpin + ?Sized, B: Buf> Future for WriteAllBuf<'_, W, B> {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.buf.has_remaining() {
            let written =
                uninterrupted(|| poll_write_buf(Pin::new(&mut *this.writer), cx, this.buf));
            if ready!(written)? == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// The future of [`AsyncWriteExt::flush`](super::AsyncWriteExt::flush).
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Flush<'a, W: ?Sized> {
    writer: &'a mut W,
}

impl<'a, W: ?Sized> Flush<'a, W> {
    pub(super) fn new(writer: &'a mut W) -> Self {
        Self { writer }
    }
}

impl<W: AsyncWrite + Unpin + ?Sized> Future for Flush<'_, W> {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.get_mut().writer).poll_flush(cx)
    }
}

/// The future of [`AsyncWriteExt::shutdown`](super::AsyncWriteExt::shutdown).
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Shutdown<'a, W: ?Sized> {
    writer: &'a mut W,
}

impl<'a, W: ?Sized> Shutdown<'a, W> {
    pub(super) fn new(writer: &'a mut W) -> Self {
        Self { writer }
    }
}

impl<W: AsyncWrite + Unpin + ?Sized> Future for Shutdown<'_, W> {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.get_mut().writer).poll_shutdown(cx)
    }
}

/// Writes until `rest` is empty; it always is what has not been written yet.
pub(super) fn poll_write_all<W: AsyncWrite + ?Sized>(
    mut writer: Pin<&mut W>,
    cx: &mut Context<'_>,
    rest: &mut &[u8],
) -> Poll<io::Result<()>> {
    while !rest.is_empty() {
        let n = ready!(uninterrupted(|| writer.as_mut().poll_write(cx, rest)))?;
        if n == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        *rest = &rest[n..];
    }
    Poll::Ready(Ok(()))
}

/// Writes some of `buf`, from several of its chunks if the writer likes that, and advances it.
fn poll_write_buf<W: AsyncWrite + ?Sized, B: Buf>(
    writer: Pin<&mut W>,
    cx: &mut Context<'_>,
    buf: &mut B,
) -> Poll<io::Result<usize>> {
    if !buf.has_remaining() {
        return Poll::Ready(Ok(0));
    }
    let n = if writer.is_write_vectored() {
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        let count = buf.chunks_vectored(&mut slices);
        ready!(writer.poll_write_vectored(cx, &slices[..count]))?
    } else {
        ready!(writer.poll_write(cx, buf.chunk()))?
    };
    buf.advance(n);
    Poll::Ready(Ok(n))
}

#[cfg(all(test, not(rt_loom)))]
mod tests {
    use crate::io::script::{Fail, ScriptWriter, Take, Wait, cancel_until_ready};
    use crate::io::{AsyncWriteExt, ErrorKind};
    use bytes::Buf;
    use runtime_base::driving::block_on;
    use std::pin::Pin;

    #[test]
    fn writing_all_goes_on_after_short_writes_and_waits() {
        let mut writer = ScriptWriter::new([Take(1), Wait, Take(2), Wait, Wait]);
        block_on(writer.write_all(b"abcdef")).unwrap();
        block_on(writer.write_u32(0x0102_0304)).unwrap();
        assert_eq!(writer.written, b"abcdef\x01\x02\x03\x04");
    }

    #[test]
    fn a_writer_that_takes_no_more_is_an_error() {
        for n in 0..3 {
            let writer = || ScriptWriter::new([Take(n), Take(0)]);
            let error = block_on(writer().write_all(b"abcdef")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WriteZero);
            let error = block_on(writer().write_u64(7)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WriteZero);
            let mut rest = &b"abcdef"[..];
            let error = block_on(writer().write_all_buf(&mut rest)).unwrap_err();
            assert_eq!((error.kind(), rest.len()), (ErrorKind::WriteZero, 6 - n));
        }
    }

    #[test]
    fn numbers_survive_short_writes() {
        let number = 0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10_u128;
        let mut writer = ScriptWriter::new((0..16).flat_map(|_| [Wait, Take(1)]));
        block_on(writer.write_u128_le(number)).unwrap();
        assert_eq!(writer.written, number.to_le_bytes());
    }

    #[test]
    fn a_cancelled_write_of_a_buffer_goes_on_where_it_was() {
        for vectored in [false, true] {
            let mut writer = ScriptWriter::new([Take(1), Wait, Take(3), Wait]);
            writer.vectored = vectored;
            let mut rest = Buf::chain(&b"abc"[..], &b"def"[..]);
            cancel_until_ready(&mut writer, |writer, cx| {
                Pin::new(&mut writer.write_all_buf(&mut rest)).poll(cx)
            })
            .unwrap();
            assert_eq!(writer.written, b"abcdef");
            assert!(!rest.has_remaining());
        }
    }

    #[test]
    fn a_failed_write_of_a_buffer_keeps_the_rest() {
        let mut writer = ScriptWriter::new([Take(2), Fail(ErrorKind::ConnectionReset)]);
        let mut rest = &b"abcdef"[..];
        assert!(block_on(writer.write_all_buf(&mut rest)).is_err());
        assert_eq!(rest, b"cdef");
    }
}
