//! The futures of [`AsyncReadExt`](super::AsyncReadExt) that read everything.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::AsyncRead;
use super::text;
use super::uninit::GrowingVec;

/// The future of [`AsyncReadExt::read_to_end`](super::AsyncReadExt::read_to_end).
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct ReadToEnd<'a, R: ?Sized> {
    reader: &'a mut R,
    buf: GrowingVec<'a>,
}

impl<'a, R: ?Sized> ReadToEnd<'a, R> {
    pub(super) fn new(reader: &'a mut R, buf: &'a mut Vec<u8>) -> Self {
        Self {
            reader,
            buf: GrowingVec::borrowed(buf),
        }
    }
}

impl<R: AsyncRead + Unpin + ?Sized> Future for ReadToEnd<'_, R> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.buf.poll_read_to_end(Pin::new(&mut *this.reader), cx))?;
        Poll::Ready(Ok(this.buf.appended()))
    }
}

/// The future of [`AsyncReadExt::read_to_string`](super::AsyncReadExt::read_to_string).
///
/// The string's bytes live in the future while they may be invalid UTF-8.
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct ReadToString<'a, R: ?Sized> {
    reader: &'a mut R,
    output: &'a mut String,
    bytes: GrowingVec<'static>,
}

impl<'a, R: ?Sized> ReadToString<'a, R> {
    pub(super) fn new(reader: &'a mut R, output: &'a mut String) -> Self {
        let bytes = GrowingVec::owned(std::mem::take(output).into_bytes());
        Self {
            reader,
            output,
            bytes,
        }
    }
}

impl<R: AsyncRead + Unpin + ?Sized> Future for ReadToString<'_, R> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = ready!(this.bytes.poll_read_to_end(Pin::new(&mut *this.reader), cx));
        let original_len = this.bytes.original_len();
        let bytes = this.bytes.take();
        Poll::Ready(match result {
            Ok(()) => text::append_valid(this.output, bytes, original_len),
            Err(error) => {
                text::restore(this.output, bytes, original_len);
                Err(error)
            }
        })
    }
}

impl<R: ?Sized> Drop for ReadToString<'_, R> {
    fn drop(&mut self) {
        let original_len = self.bytes.original_len();
        if original_len > 0 {
            // Dropped before the end: the caller gets the string back as it was.
            text::restore(self.output, self.bytes.take(), original_len);
        }
    }
}

#[cfg(all(test, not(rt_loom)))]
mod tests {
    use crate::io::script::{Fail, ScriptReader, Wait, give, poll_once};
    use crate::io::{AsyncReadExt, ErrorKind};
    use runtime_base::driving::block_on;

    #[test]
    fn a_character_may_arrive_in_two_parts() {
        let mut text = String::from("x");
        let mut reader = ScriptReader::new([give(b"\xc3"), Wait, give(b"\xb6")]);
        assert_eq!(block_on(reader.read_to_string(&mut text)).unwrap(), 2);
        assert_eq!(text, "xö");
    }

    #[test]
    fn a_failure_leaves_the_string_as_it_was() {
        for (script, kind) in [
            (
                vec![give(b"ab\xff"), Wait, give(b"c")],
                ErrorKind::InvalidData,
            ),
            (
                vec![give(b"ab"), Wait, Fail(ErrorKind::ConnectionReset)],
                ErrorKind::ConnectionReset,
            ),
        ] {
            let mut text = String::from("xö");
            let error = block_on(ScriptReader::new(script).read_to_string(&mut text)).unwrap_err();
            assert_eq!((error.kind(), text.as_str()), (kind, "xö"));
        }
    }

    #[test]
    fn a_cancelled_read_leaves_the_string_as_it_was() {
        let mut text = String::from("xö");
        let mut reader = ScriptReader::new([give(b"ab"), Wait, give(b"c")]);
        assert!(poll_once(&mut reader.read_to_string(&mut text)).is_pending());
        assert_eq!(text, "xö");
    }
}
