//! The futures of [`AsyncBufReadExt`](super::AsyncBufReadExt).

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use runtime_base::coop;

use super::retry::{uninterrupted, unless_interrupted};
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
        let (found, n) = ready!(uninterrupted(|| {
            let bytes = ready!(reader.as_mut().poll_fill_buf(cx))?;
            let found = memchr::memchr(delimiter, bytes);
            let n = found.map_or(bytes.len(), |index| index + 1);
            buf.extend_from_slice(&bytes[..n]);
            Poll::Ready(Ok((found.is_some(), n)))
        }))?;
        reader.as_mut().consume(n);
        *appended += n;
        if found || n == 0 {
            return Poll::Ready(Ok(std::mem::take(appended)));
        }
    }
}

/// A piece of what is read, without its delimiter.
pub(super) struct Piece {
    pub(super) bytes: Vec<u8>,
    /// There was a delimiter, not the end.
    pub(super) is_delimited: bool,
}

/// Reads up to `delimiter`, or to the end. `None` means that there was nothing before the end.
///
/// What was read of a piece is in `begun` meanwhile; a piece that is in the reader's buffer as a whole,
/// as most are, does not pass through it.
#[inline]
pub(super) fn poll_read_piece<R: AsyncBufRead + ?Sized>(
    mut reader: Pin<&mut R>,
    cx: &mut Context<'_>,
    delimiter: u8,
    begun: &mut Vec<u8>,
) -> Poll<io::Result<Option<Piece>>> {
    loop {
        let bytes = match ready!(reader.as_mut().poll_fill_buf(cx)) {
            Ok(bytes) => bytes,
            Err(error) => match unless_interrupted(error) {
                Some(error) => return Poll::Ready(Err(error)),
                None => continue,
            },
        };
        if let Some(len) = memchr::memchr(delimiter, bytes) {
            let last = &bytes[..len];
            let bytes = if begun.is_empty() {
                last.to_vec()
            } else {
                begun.extend_from_slice(last);
                std::mem::take(begun)
            };
            reader.consume(len + 1);
            return Poll::Ready(Ok(Some(Piece {
                bytes,
                is_delimited: true,
            })));
        }
        let n = bytes.len();
        if n == 0 {
            let bytes = std::mem::take(begun);
            return Poll::Ready(Ok((!bytes.is_empty()).then_some(Piece {
                bytes,
                is_delimited: false,
            })));
        }
        begun.extend_from_slice(bytes);
        reader.as_mut().consume(n);
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

#[cfg(all(test, not(rt_loom)))]
mod tests {
    use super::*;
    use crate::io::script::{Fail, Give, ScriptReader, Step, Wait, give, poll_once};
    use crate::io::{AsyncBufReadExt, BufReader, ErrorKind};
    use proptest::prelude::*;
    use runtime_base::driving::block_on;
    use std::io::BufRead;

    /// Pieces of few different bytes, so that delimiters and broken characters are frequent.
    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let byte = prop::sample::select(&b"a\n\n\r\xc3\xb6"[..]);
        let bytes = prop::collection::vec(byte, 1..6);
        prop::collection::vec(prop_oneof![bytes.prop_map(Give), Just(Wait)], 0..20)
    }

    fn all_bytes(steps: &[Step]) -> Vec<u8> {
        let bytes = steps.iter().filter_map(|step| match step {
            Give(bytes) => Some(bytes.as_slice()),
            _ => None,
        });
        bytes.flatten().copied().collect()
    }

    proptest! {
        #[test]
        fn delimited_pieces_are_those_of_std(steps in steps(), capacity in 1_usize..5) {
            let bytes = all_bytes(&steps);
            let mut std = &bytes[..];
            let mut reader = BufReader::with_capacity(capacity, ScriptReader::new(steps));
            loop {
                let (mut expected, mut found) = (Vec::new(), Vec::new());
                let n = BufRead::read_until(&mut std, b'\n', &mut expected).unwrap();
                prop_assert_eq!(block_on(reader.read_until(b'\n', &mut found)).unwrap(), n);
                prop_assert_eq!(found, expected);
                if n == 0 {
                    break;
                }
            }
        }

        #[test]
        fn a_line_is_that_of_std(steps in steps(), capacity in 1_usize..5) {
            let bytes = all_bytes(&steps);
            let mut std = &bytes[..];
            let mut reader = BufReader::with_capacity(capacity, ScriptReader::new(steps));
            loop {
                let (mut expected, mut found) = (String::from("ö"), String::from("ö"));
                let result = BufRead::read_line(&mut std, &mut expected).map_err(|error| error.kind());
                let ours = block_on(reader.read_line(&mut found)).map_err(|error| error.kind());
                prop_assert_eq!(ours, result);
                prop_assert_eq!(found, expected);
                if result == Ok(0) {
                    break;
                }
            }
        }

        #[test]
        fn lines_are_those_of_std_though_every_wait_is_cancelled(
            steps in steps(),
            capacity in 1_usize..5,
        ) {
            let bytes = all_bytes(&steps);
            let mut lines = BufReader::with_capacity(capacity, ScriptReader::new(steps)).lines();
            let mut std = BufRead::lines(&bytes[..]);
            loop {
                let expected = std.next().transpose().map_err(|error| error.kind());
                let found = crate::io::script::cancel_until_ready(&mut lines, |lines, cx| {
                    std::pin::pin!(lines.next_line()).poll(cx)
                });
                prop_assert_eq!(found.map_err(|error| error.kind()), expected.clone());
                if expected == Ok(None) {
                    break;
                }
            }
        }

        #[test]
        fn segments_are_those_of_std_though_every_wait_is_cancelled(
            steps in steps(),
            capacity in 1_usize..5,
        ) {
            let bytes = all_bytes(&steps);
            let reader = BufReader::with_capacity(capacity, ScriptReader::new(steps));
            let mut segments = AsyncBufReadExt::split(reader, b'a');
            for expected in BufRead::split(&bytes[..], b'a').map(Result::unwrap) {
                let found = crate::io::script::cancel_until_ready(&mut segments, |segments, cx| {
                    std::pin::pin!(segments.next_segment()).poll(cx)
                });
                prop_assert_eq!(found.unwrap(), Some(expected));
            }
            prop_assert_eq!(block_on(segments.next_segment()).unwrap(), None);
        }
    }

    #[test]
    fn a_cancelled_line_leaves_the_string_as_it_was() {
        let mut line = String::from("xö");
        let mut reader = BufReader::new(ScriptReader::new([give(b"ab"), Wait, give(b"c\n")]));
        assert!(poll_once(&mut reader.read_line(&mut line)).is_pending());
        assert_eq!(line, "xö");
    }

    #[test]
    fn an_error_leaves_the_part_of_the_line_that_was_read() {
        let mut line = String::from("xö");
        let script = [give(b"ab"), Fail(ErrorKind::ConnectionReset)];
        let mut reader = BufReader::new(ScriptReader::new(script));
        let error = block_on(reader.read_line(&mut line)).unwrap_err();
        assert_eq!((error.kind(), &*line), (ErrorKind::ConnectionReset, "xöab"));
    }

    #[test]
    fn what_is_not_utf8_is_in_the_error() {
        let mut line = String::from("x");
        let mut reader = BufReader::new(&b"ab\xff\n"[..]);
        let error = block_on(AsyncBufReadExt::read_line(&mut reader, &mut line)).unwrap_err();
        let place = error.downcast::<std::str::Utf8Error>().unwrap();
        assert_eq!(place.valid_up_to(), 3);
        let mut lines = AsyncBufReadExt::lines(BufReader::new(&b"ab\xff\r\n"[..]));
        let error = block_on(lines.next_line()).unwrap_err();
        let bytes = error.downcast::<std::string::FromUtf8Error>().unwrap();
        assert_eq!(bytes.into_bytes(), b"ab\xff");
    }

    #[test]
    fn lines_go_on_after_an_error() {
        let script = [
            give(b"ab"),
            Fail(ErrorKind::ConnectionReset),
            give(b"c\n\xff\nd\n"),
        ];
        let mut lines = BufReader::new(ScriptReader::new(script)).lines();
        let error = block_on(lines.next_line()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_eq!(block_on(lines.next_line()).unwrap().unwrap(), "abc");
        let error = block_on(lines.next_line()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert_eq!(block_on(lines.next_line()).unwrap().unwrap(), "d");
    }

    #[test]
    fn the_buffer_is_shown_after_waiting_and_at_the_end() {
        let mut reader = BufReader::new(ScriptReader::new([Wait, give(b"ab")]));
        assert_eq!(block_on(reader.fill_buf()).unwrap(), b"ab");
        AsyncBufReadExt::consume(&mut reader, 1);
        assert_eq!(block_on(reader.fill_buf()).unwrap(), b"b");
        AsyncBufReadExt::consume(&mut reader, 1);
        assert_eq!(block_on(reader.fill_buf()).unwrap(), b"");
    }

    #[test]
    fn the_buffer_is_shown_with_the_last_unit_of_the_budget() {
        /// Takes a unit for each look.
        struct Costly;
        impl crate::io::AsyncRead for Costly {
            fn poll_read(
                self: Pin<&mut Self>,
                _cx: &mut Context<'_>,
                _buf: &mut crate::io::ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                unreachable!()
            }
        }
        impl AsyncBufRead for Costly {
            fn poll_fill_buf(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
            ) -> Poll<io::Result<&[u8]>> {
                ready!(coop::poll_proceed(cx)).made_progress();
                Poll::Ready(Ok(b"a"))
            }
            fn consume(self: Pin<&mut Self>, _amt: usize) {}
        }
        coop::with_budget(|| {
            for _ in 0..coop::INITIAL {
                let Poll::Ready(Ok(b"a")) = poll_once(&mut Costly.fill_buf()) else {
                    panic!("there is budget")
                };
            }
            assert!(poll_once(&mut Costly.fill_buf()).is_pending());
        });
    }
}
