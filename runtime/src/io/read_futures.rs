//! The futures of [`AsyncReadExt`](super::AsyncReadExt) that read once, or exactly so much.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BufMut;

use super::retry::uninterrupted;
use super::uninit::poll_read_into;
use super::{AsyncRead, ReadBuf};

/// The future of [`AsyncReadExt::read`](super::AsyncReadExt::read).
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Read<'a, R: ?Sized> {
    reader: &'a mut R,
    buf: &'a mut [u8],
}

impl<'a, R: ?Sized> Read<'a, R> {
    pub(super) fn new(reader: &'a mut R, buf: &'a mut [u8]) -> Self {
        Self { reader, buf }
    }
}

impl<R: AsyncRead + Unpin + ?Sized> Future for Read<'_, R> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let mut buf = ReadBuf::new(this.buf);
        ready!(Pin::new(&mut *this.reader).poll_read(cx, &mut buf))?;
        Poll::Ready(Ok(buf.filled().len()))
    }
}

/// The future of [`AsyncReadExt::read_buf`](super::AsyncReadExt::read_buf).
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct ReadIntoBuf<'a, R: ?Sized, B: ?Sized> {
    reader: &'a mut R,
    buf: &'a mut B,
}

impl<'a, R: ?Sized, B: ?Sized> ReadIntoBuf<'a, R, B> {
    pub(super) fn new(reader: &'a mut R, buf: &'a mut B) -> Self {
        Self { reader, buf }
    }
}

impl<R, B> Future for ReadIntoBuf<'_, R, B>
where
    R: AsyncRead + Unpin + ?Sized,
    B: BufMut + ?Sized,
{
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        poll_read_into(Pin::new(&mut *this.reader), cx, this.buf)
    }
}

/// The future of [`AsyncReadExt::read_exact`](super::AsyncReadExt::read_exact).
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct ReadExact<'a, R: ?Sized> {
    reader: &'a mut R,
    buf: ReadBuf<'a>,
}

impl<'a, R: ?Sized> ReadExact<'a, R> {
    pub(super) fn new(reader: &'a mut R, buf: &'a mut [u8]) -> Self {
        Self {
            reader,
            buf: ReadBuf::new(buf),
        }
    }
}

impl<R: AsyncRead + Unpin + ?Sized> Future for ReadExact<'_, R> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let early_end = || io::Error::new(io::ErrorKind::UnexpectedEof, "early eof");
        let reader = Pin::new(&mut *this.reader);
        ready!(poll_fill(reader, cx, &mut this.buf, early_end))?;
        Poll::Ready(Ok(this.buf.capacity()))
    }
}

/// Reads until `buf` is full; the end before that is the error that `early_end` makes.
pub(super) fn poll_fill<R: AsyncRead + ?Sized>(
    mut reader: Pin<&mut R>,
    cx: &mut Context<'_>,
    buf: &mut ReadBuf<'_>,
    early_end: impl FnOnce() -> io::Error,
) -> Poll<io::Result<()>> {
    while buf.remaining() > 0 {
        let before = buf.remaining();
        ready!(uninterrupted(|| reader.as_mut().poll_read(cx, buf)))?;
        if buf.remaining() == before {
            return Poll::Ready(Err(early_end()));
        }
    }
    Poll::Ready(Ok(()))
}

#[cfg(all(test, not(rt_loom)))]
mod tests {
    use super::*;
    use crate::io::script::{Fail, ScriptReader, Wait, cancel_until_ready, give, poll_once};
    use crate::io::{AsyncReadExt, ErrorKind};
    use runtime_base::driving::block_on;

    #[test]
    fn reading_exactly_goes_on_after_short_reads_and_waits() {
        let mut reader =
            ScriptReader::new([give(b"a"), Wait, give(b"bc"), Wait, Wait, give(b"de")]);
        let mut buf = [0; 4];
        assert_eq!(block_on(reader.read_exact(&mut buf)).unwrap(), 4);
        assert_eq!(&buf, b"abcd");
        assert_eq!(block_on(reader.read(&mut buf)).unwrap(), 1);
    }

    #[test]
    fn an_early_end_is_an_error() {
        let mut reader = ScriptReader::new([give(b"a"), Wait]);
        let error = block_on(reader.read_exact(&mut [0; 4])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        assert_eq!(error.to_string(), "early eof");
        let error = block_on((&b"a"[..]).read_u16()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    }

    #[test]
    fn a_number_hands_on_the_error_of_its_reader() {
        /// As TLS whose connection was closed under it.
        struct CutOff;

        impl AsyncRead for CutOff {
            fn poll_read(
                self: Pin<&mut Self>,
                _cx: &mut Context<'_>,
                _buf: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                Poll::Ready(Err(io::Error::new(ErrorKind::UnexpectedEof, "cut off")))
            }
        }

        let error = block_on(CutOff.read_u16()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        assert_eq!(error.to_string(), "cut off");
    }

    #[test]
    fn reading_nothing_exactly_does_not_touch_the_reader() {
        let mut reader = ScriptReader::new([Fail(ErrorKind::Other)]);
        assert_eq!(block_on(reader.read_exact(&mut [])).unwrap(), 0);
    }

    #[test]
    fn numbers_survive_short_reads() {
        let bytes = 0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10_u128.to_be_bytes();
        let mut reader = ScriptReader::new(bytes.iter().flat_map(|byte| [Wait, give(&[*byte])]));
        assert_eq!(
            block_on(reader.read_u128()).unwrap(),
            u128::from_be_bytes(bytes)
        );
    }

    #[test]
    fn a_cancelled_read_loses_nothing() {
        let mut reader = ScriptReader::new([Wait, Wait, give(b"ab"), Wait, give(b"c")]);
        for expected in [&b"ab"[..], b"c", b""] {
            let mut buf = [0; 8];
            let n = cancel_until_ready(&mut reader, |reader, cx| {
                Pin::new(&mut reader.read(&mut buf)).poll(cx)
            });
            assert_eq!(&buf[..n.unwrap()], expected);
        }
        let mut reader = ScriptReader::new([Wait, give(b"ab"), Wait, give(b"c")]);
        let mut buf = Vec::new();
        while cancel_until_ready(&mut reader, |reader, cx| {
            Pin::new(&mut reader.read_buf(&mut buf)).poll(cx)
        })
        .unwrap()
            > 0
        {}
        assert_eq!(buf, b"abc");
    }

    #[test]
    fn a_full_buffer_reads_nothing_and_does_not_touch_the_reader() {
        let mut reader = ScriptReader::new([Fail(ErrorKind::Other)]);
        let mut room = &mut [0_u8; 0][..];
        let Poll::Ready(Ok(0)) = poll_once(&mut reader.read_buf(&mut room)) else {
            panic!("there is no room")
        };
    }
}
