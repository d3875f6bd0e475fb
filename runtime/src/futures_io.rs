//! Wrappers between our I/O traits and those of the `futures` crates. Needs the feature
//! `futures-io`.
//!
//! - [`FromFutures`] takes a type with the traits of [`futures_io`] and gives it ours.
//! - [`IntoFutures`] takes a type with our traits and gives it those of [`futures_io`].
//!
//! Each wraps what there is: a type that only reads becomes one that only reads. Neither has a buffer
//! or costs more than the call.
//!
//! # Examples
//!
//! ```
//! use runtime::futures_io::{FromFutures, IntoFutures};
//! use runtime::io::{self, AsyncReadExt, AsyncWriteExt};
//!
//! #[runtime::main]
//! async fn main() -> io::Result<()> {
//!     // Ours, for a library of the futures world.
//!     let (near, mut far) = io::duplex(64);
//!     let theirs = IntoFutures::new(near);
//!     // And theirs, for us.
//!     let mut ours = FromFutures::new(theirs);
//!     ours.write_all(b"hello").await?;
//!     drop(ours);
//!     let mut text = String::new();
//!     far.read_to_string(&mut text).await?;
//!     assert_eq!(text, "hello");
//!     Ok(())
//! }
//! ```

mod from_futures;
mod into_futures;

pub use from_futures::FromFutures;
pub use into_futures::IntoFutures;

#[cfg(all(test, not(rt_loom)))]
mod tests {
    use super::*;
    use crate::io::script::{ScriptReader, Wait, give};
    use crate::io::{
        AsyncBufReadExt, AsyncReadExt, AsyncSeek, AsyncSeekExt, AsyncWriteExt, BufReader, SeekFrom,
    };
    use runtime_base::driving::block_on;
    use std::io::{self, Cursor};
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    #[test]
    fn bytes_go_through_both_ways_round() {
        let reader = ScriptReader::new([give(b"ab"), Wait, give(b"c\nd")]);
        let mut reader = FromFutures::new(IntoFutures::new(BufReader::new(reader)));
        let mut line = String::new();
        block_on(reader.read_line(&mut line)).unwrap();
        assert_eq!(line, "abc\n");
        let mut rest = Vec::new();
        block_on(reader.read_to_end(&mut rest)).unwrap();
        assert_eq!(rest, b"d");
    }

    #[test]
    fn shutting_down_closes() {
        let (near, mut far) = crate::io::duplex(8);
        let mut near = FromFutures::new(IntoFutures::new(near));
        block_on(near.write_all(b"ab")).unwrap();
        block_on(near.shutdown()).unwrap();
        let mut text = String::new();
        block_on(far.read_to_string(&mut text)).unwrap();
        assert_eq!(text, "ab");
    }

    #[test]
    fn positions_go_through() {
        let mut stream = FromFutures::new(IntoFutures::new(Cursor::new(b"hello")));
        assert_eq!(block_on(stream.seek(SeekFrom::End(-2))).unwrap(), 3);
        assert_eq!(block_on(stream.read_u8()).unwrap(), b'l');
        assert_eq!(block_on(stream.stream_position()).unwrap(), 4);
        assert!(block_on(stream.seek(SeekFrom::Current(-9))).is_err());
        assert_eq!(block_on(stream.rewind()).unwrap(), 0);
    }

    /// Needs two looks for each move.
    struct Slow {
        cursor: Cursor<Vec<u8>>,
        is_moving: bool,
    }

    impl Slow {
        fn new(bytes: &[u8]) -> Self {
            Self {
                cursor: Cursor::new(bytes.to_vec()),
                is_moving: false,
            }
        }
    }

    impl crate::io::AsyncSeek for Slow {
        fn start_seek(mut self: Pin<&mut Self>, to: SeekFrom) -> io::Result<()> {
            assert!(!self.is_moving, "two moves at a time");
            Pin::new(&mut self.cursor).start_seek(to)?;
            self.is_moving = true;
            Ok(())
        }
        fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
            if std::mem::take(&mut self.is_moving) {
                return Poll::Pending;
            }
            Pin::new(&mut self.cursor).poll_complete(cx)
        }
    }

    impl crate::io::AsyncRead for Slow {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut crate::io::ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            self.is_moving = false;
            Pin::new(&mut self.cursor).poll_read(cx, buf)
        }
    }

    fn poll_seek(stream: &mut IntoFutures<Slow>, to: SeekFrom) -> Poll<io::Result<u64>> {
        let mut cx = Context::from_waker(Waker::noop());
        ::futures_io::AsyncSeek::poll_seek(Pin::new(stream), &mut cx, to)
    }

    #[test]
    fn a_move_to_elsewhere_replaces_one_that_was_given_up() {
        let mut stream = IntoFutures::new(Slow::new(&[0; 9]));
        assert!(poll_seek(&mut stream, SeekFrom::Start(3)).is_pending());
        assert!(poll_seek(&mut stream, SeekFrom::Start(5)).is_pending());
        let moved = poll_seek(&mut stream, SeekFrom::Start(5));
        assert!(matches!(moved, Poll::Ready(Ok(5))));
    }

    #[test]
    fn a_move_after_a_read_is_not_the_one_that_was_given_up_before_it() {
        let mut stream = IntoFutures::new(Slow::new(b"0123456789"));
        let by_two = SeekFrom::Current(2);
        assert!(poll_seek(&mut stream, by_two).is_pending());
        let mut cx = Context::from_waker(Waker::noop());
        let mut byte = [0];
        let read = ::futures_io::AsyncRead::poll_read(Pin::new(&mut stream), &mut cx, &mut byte);
        assert!(matches!(read, Poll::Ready(Ok(1))));
        assert_eq!(byte, *b"2");
        assert!(poll_seek(&mut stream, by_two).is_pending());
        assert!(matches!(poll_seek(&mut stream, by_two), Poll::Ready(Ok(5))));
    }

    #[test]
    fn a_move_after_one_that_was_refused_is_not_the_one_before() {
        let mut stream = IntoFutures::new(Slow::new(&[0; 9]));
        assert!(poll_seek(&mut stream, SeekFrom::End(0)).is_pending());
        let refused = poll_seek(&mut stream, SeekFrom::Current(-100));
        assert!(matches!(refused, Poll::Ready(Err(_))));
        stream.get_mut().cursor.get_mut().push(0);
        assert!(poll_seek(&mut stream, SeekFrom::End(0)).is_pending());
        let moved = poll_seek(&mut stream, SeekFrom::End(0));
        assert!(matches!(moved, Poll::Ready(Ok(10))));
    }

    /// Moves at the second look, as the traits of the `futures` world have it.
    struct SlowOfTheirs {
        cursor: Cursor<Vec<u8>>,
        was_asked: bool,
    }

    impl ::futures_io::AsyncRead for SlowOfTheirs {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
            buf: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            self.was_asked = false;
            Poll::Ready(io::Read::read(&mut self.cursor, buf))
        }
    }

    impl ::futures_io::AsyncSeek for SlowOfTheirs {
        fn poll_seek(
            mut self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
            to: SeekFrom,
        ) -> Poll<io::Result<u64>> {
            self.was_asked = !self.was_asked;
            if self.was_asked {
                return Poll::Pending;
            }
            Poll::Ready(io::Seek::seek(&mut self.cursor, to))
        }
    }

    #[test]
    fn a_move_that_was_given_up_is_not_made_after_a_read() {
        let theirs = SlowOfTheirs {
            cursor: Cursor::new(b"0123456789".to_vec()),
            was_asked: false,
        };
        let mut stream = FromFutures::new(theirs);
        let mut cx = Context::from_waker(Waker::noop());
        AsyncSeek::start_seek(Pin::new(&mut stream), SeekFrom::Start(7)).unwrap();
        assert!(AsyncSeek::poll_complete(Pin::new(&mut stream), &mut cx).is_pending());
        let mut byte = [0];
        let read = std::pin::pin!(stream.read(&mut byte)).poll(&mut cx);
        assert!(matches!(read, Poll::Ready(Ok(1))));
        assert!(AsyncSeek::poll_complete(Pin::new(&mut stream), &mut cx).is_pending());
        let position = AsyncSeek::poll_complete(Pin::new(&mut stream), &mut cx);
        assert!(matches!(position, Poll::Ready(Ok(1))));
    }
}
