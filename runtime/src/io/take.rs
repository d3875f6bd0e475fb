//! A reader that ends early.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::uninit::poll_read_at_most;
use super::{AsyncBufRead, AsyncRead, ReadBuf};

pin_project! {
    /// Reads at most so many bytes. Made by [`AsyncReadExt::take`](super::AsyncReadExt::take).
    #[derive(Debug)]
    #[must_use = "readers do nothing unless you `.await` or poll them"]
    pub struct Take<R> {
        #[pin]
        reader: R,
        limit: u64,
    }
}

pub(super) fn take<R>(reader: R, limit: u64) -> Take<R> {
    Take { reader, limit }
}

impl<R: AsyncRead> Take<R> {
    /// How many bytes may still be read. The reader below may end earlier.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Sets how many bytes may still be read, whatever was read before.
    pub fn set_limit(&mut self, limit: u64) {
        self.limit = limit;
    }

    /// The reader below.
    pub fn get_ref(&self) -> &R {
        &self.reader
    }

    /// The reader below. What is read from it directly does not count.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// The reader below, pinned. What is read from it directly does not count.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut R> {
        self.project().reader
    }

    /// Gives the reader back.
    pub fn into_inner(self) -> R {
        self.reader
    }
}

/// `limit`, as far as memory can be that large.
fn clamp(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

impl<R: AsyncRead> AsyncRead for Take<R> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // At the limit the reader below is not asked: it might wait for bytes that nobody wants.
        if self.limit == 0 {
            return Poll::Ready(Ok(()));
        }
        let this = self.project();
        let n = ready!(poll_read_at_most(this.reader, cx, buf, clamp(*this.limit)))?;
        *this.limit -= n as u64;
        Poll::Ready(Ok(()))
    }
}

impl<R: AsyncBufRead> AsyncBufRead for Take<R> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        if self.limit == 0 {
            return Poll::Ready(Ok(&[]));
        }
        let this = self.project();
        let bytes = ready!(this.reader.poll_fill_buf(cx))?;
        Poll::Ready(Ok(&bytes[..bytes.len().min(clamp(*this.limit))]))
    }

    fn consume(self: Pin<&mut Self>, amt: usize) {
        let this = self.project();
        // What lies beyond the limit was not shown.
        let amt = amt.min(clamp(*this.limit));
        *this.limit -= amt as u64;
        this.reader.consume(amt);
    }
}

#[cfg(all(test, not(rt_loom)))]
mod tests {
    use crate::io::script::{Fail, ScriptReader, Wait, give};
    use crate::io::{AsyncBufReadExt, AsyncReadExt, ErrorKind};
    use runtime_base::driving::block_on;

    #[test]
    fn at_the_limit_the_reader_is_not_asked() {
        let script = [give(b"ab"), Wait, give(b"cdef"), Fail(ErrorKind::Other)];
        let mut reader = ScriptReader::new(script).take(5);
        let mut buf = Vec::new();
        assert_eq!(block_on(reader.read_to_end(&mut buf)).unwrap(), 5);
        assert_eq!((&*buf, reader.limit()), (&b"abcde"[..], 0));
        reader.set_limit(9);
        assert_eq!(block_on(reader.read_u8()).unwrap(), b'f');
    }

    #[test]
    fn what_lies_beyond_the_limit_is_neither_shown_nor_consumed() {
        let mut bytes = &b"abcdef"[..];
        let mut reader = (&mut bytes).take(3);
        assert_eq!(block_on(reader.fill_buf()).unwrap(), b"abc");
        AsyncBufReadExt::consume(&mut reader, 100);
        assert_eq!(block_on(reader.fill_buf()).unwrap(), b"");
        assert_eq!(bytes, b"def");
    }

    #[test]
    fn the_largest_limit_is_none() {
        let mut buf = Vec::new();
        block_on((&b"ab"[..]).take(u64::MAX).read_to_end(&mut buf)).unwrap();
        assert_eq!(buf, b"ab");
    }
}
