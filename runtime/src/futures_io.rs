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
        AsyncBufReadExt, AsyncReadExt, AsyncSeekExt, AsyncWriteExt, BufReader, SeekFrom,
    };
    use runtime_base::driving::block_on;
    use std::io::Cursor;
    use std::pin::Pin;
    use std::task::{Context, Waker};

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

    #[test]
    fn a_move_to_elsewhere_replaces_one_that_was_given_up() {
        use ::futures_io::AsyncSeek;
        /// Needs two looks for each move.
        struct Slow(Cursor<Vec<u8>>, bool);
        impl crate::io::AsyncSeek for Slow {
            fn start_seek(mut self: Pin<&mut Self>, to: SeekFrom) -> std::io::Result<()> {
                assert!(!self.1, "two moves at a time");
                self.1 = true;
                Pin::new(&mut self.0).start_seek(to)
            }
            fn poll_complete(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
            ) -> std::task::Poll<std::io::Result<u64>> {
                if std::mem::take(&mut self.1) {
                    return std::task::Poll::Pending;
                }
                Pin::new(&mut self.0).poll_complete(cx)
            }
        }
        let mut stream = IntoFutures::new(Slow(Cursor::new(vec![0; 9]), false));
        let mut cx = Context::from_waker(Waker::noop());
        let mut seek = |to| Pin::new(&mut stream).poll_seek(&mut cx, SeekFrom::Start(to));
        assert!(seek(3).is_pending());
        assert!(seek(5).is_pending());
        assert!(matches!(seek(5), std::task::Poll::Ready(Ok(5))));
    }
}
