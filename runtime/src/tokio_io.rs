//! Wrappers between our I/O traits and Tokio's. Needs the feature `tokio-io`.
//!
//! - [`FromTokio`] takes a type with Tokio's traits and gives it ours.
//! - [`IntoTokio`] takes a type with our traits and gives it Tokio's, for libraries that speak only
//!   those.
//!
//! Each wraps what there is: a type that only reads becomes one that only reads. Neither has a buffer
//! or copies; memory that one side initialised is not initialised again by the other. A socket of
//! Tokio's still needs Tokio's reactor.
//!
//! # Examples
//!
//! ```
//! use runtime::io::{self, AsyncReadExt, AsyncWriteExt};
//! use runtime::tokio_io::{FromTokio, IntoTokio};
//!
//! #[runtime::main]
//! async fn main() -> io::Result<()> {
//!     // Ours, for a library that wants `tokio::io::AsyncWrite`.
//!     let (near, mut far) = io::duplex(64);
//!     let theirs = IntoTokio::new(near);
//!     // And theirs, for us.
//!     let mut ours = FromTokio::new(theirs);
//!     ours.write_all(b"hello").await?;
//!     drop(ours);
//!     let mut text = String::new();
//!     far.read_to_string(&mut text).await?;
//!     assert_eq!(text, "hello");
//!     Ok(())
//! }
//! ```

#![allow(unsafe_code)] // One buffer type lends its memory to the other; see `lend`.

use std::io::{self, IoSlice, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::wrapper::wrapper_methods;

pin_project! {
    /// Gives our traits to a type that has Tokio's.
    #[derive(Debug)]
    pub struct FromTokio<T> {
        #[pin]
        inner: T,
    }
}

pin_project! {
    /// Gives Tokio's traits to a type that has ours.
    #[derive(Debug)]
    pub struct IntoTokio<T> {
        #[pin]
        inner: T,
    }
}

/// Lends the unfilled part of `$buf` to a buffer of type `$Theirs` for the poll `$poll`, and takes
/// over what it says to be initialised and filled. Both types have the same methods.
macro_rules! lend {
    ($buf:ident as $Theirs:ty, |$lent:ident| $poll:expr) => {{
        let already_initialized = $buf.initialized().len() - $buf.filled().len();
        // SAFETY: the memory goes into a buffer that writes nothing uninitialised to what is
        // initialised.
        let mut lent_buf = <$Theirs>::uninit(unsafe { $buf.unfilled_mut() });
        // SAFETY: it was so in `$buf`, and this is the same memory.
        unsafe { lent_buf.assume_init(already_initialized) };
        let start = lent_buf.filled().as_ptr();
        let $lent = &mut lent_buf;
        ready!($poll)?;
        assert_eq!(
            lent_buf.filled().as_ptr(),
            start,
            "a reader replaced the `ReadBuf` it was given; it must only append to it"
        );
        let initialized = lent_buf.initialized().len();
        let filled = lent_buf.filled().len();
        // SAFETY: the lent buffer is still over our unfilled part (asserted above: the memory was
        // lent exclusively), and it says that this much of it is initialised.
        unsafe { $buf.assume_init(initialized) };
        $buf.advance(filled);
        Poll::Ready(Ok(()))
    }};
}

/// Implements the traits `$to` for the wrapper around something with the traits `$from`.
macro_rules! adapt {
    ($wrapper:ident: $($from:ident)::+ => $($to:ident)::+) => {
        wrapper_methods!($wrapper { inner });

        impl<T: $($from)::+::AsyncRead> $($to)::+::AsyncRead for $wrapper<T> {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &mut $($to)::+::ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                lend!(buf as $($from)::+::ReadBuf<'_>, |lent| self
                    .get_pin_mut()
                    .poll_read(cx, lent))
            }
        }

        impl<T: $($from)::+::AsyncBufRead> $($to)::+::AsyncBufRead for $wrapper<T> {
            fn poll_fill_buf(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
            ) -> Poll<io::Result<&[u8]>> {
                self.get_pin_mut().poll_fill_buf(cx)
            }

            fn consume(self: Pin<&mut Self>, amt: usize) {
                self.get_pin_mut().consume(amt);
            }
        }

        impl<T: $($from)::+::AsyncWrite> $($to)::+::AsyncWrite for $wrapper<T> {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &[u8],
            ) -> Poll<io::Result<usize>> {
                self.get_pin_mut().poll_write(cx, buf)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                self.get_pin_mut().poll_write_vectored(cx, bufs)
            }

            fn is_write_vectored(&self) -> bool {
                self.get_ref().is_write_vectored()
            }

            fn poll_flush(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
            ) -> Poll<io::Result<()>> {
                self.get_pin_mut().poll_flush(cx)
            }

            fn poll_shutdown(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
            ) -> Poll<io::Result<()>> {
                self.get_pin_mut().poll_shutdown(cx)
            }
        }

        impl<T: $($from)::+::AsyncSeek> $($to)::+::AsyncSeek for $wrapper<T> {
            fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
                self.get_pin_mut().start_seek(position)
            }

            fn poll_complete(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
            ) -> Poll<io::Result<u64>> {
                self.get_pin_mut().poll_complete(cx)
            }
        }
    };
}

// Spelled with their paths, since the names on both sides are the same.
adapt!(FromTokio: tokio::io => crate::io);
adapt!(IntoTokio: crate::io => tokio::io);

#[cfg(all(test, not(rt_loom)))]
mod tests {
    use super::*;
    use crate::io::{AsyncReadExt, AsyncSeekExt};
    use runtime_base::driving::block_on;
    use std::io::Cursor;

    /// Initialises all the room it gets and fills two bytes of it.
    #[derive(Default)]
    struct Initializing {
        zeroed: usize,
    }

    impl crate::io::AsyncRead for Initializing {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
            buf: &mut crate::io::ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            self.zeroed += buf.capacity() - buf.initialized().len();
            buf.initialize_unfilled();
            buf.put_slice(b"ab");
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn both_ways_round_memory_is_zeroed_once_and_bytes_go_through() {
        let mut stream = FromTokio::new(IntoTokio::new(Initializing::default()));
        let mut memory = [std::mem::MaybeUninit::uninit(); 8];
        let mut buf = crate::io::ReadBuf::uninit(&mut memory);
        for filled in [2, 4, 6, 8] {
            let read = std::future::poll_fn(|cx| {
                crate::io::AsyncRead::poll_read(Pin::new(&mut stream), cx, &mut buf)
            });
            block_on(read).unwrap();
            assert_eq!(buf.filled().len(), filled);
            assert_eq!(buf.initialized().len(), 8);
        }
        assert_eq!(buf.filled(), b"abababab");
        assert_eq!(stream.into_inner().into_inner().zeroed, 8);
    }

    #[test]
    fn positions_go_through() {
        let mut stream = FromTokio::new(IntoTokio::new(Cursor::new(b"hello")));
        assert_eq!(block_on(stream.seek(SeekFrom::End(-2))).unwrap(), 3);
        assert_eq!(block_on(stream.read_u8()).unwrap(), b'l');
        assert_eq!(block_on(stream.stream_position()).unwrap(), 4);
    }

    /// Puts another buffer in the place of the one it was given.
    struct Replacing;

    impl crate::io::AsyncRead for Replacing {
        fn poll_read(
            self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
            buf: &mut crate::io::ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            *buf = crate::io::ReadBuf::new(&mut []);
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    #[should_panic(expected = "a reader replaced the `ReadBuf`")]
    fn a_reader_that_replaces_the_buffer_is_caught() {
        let mut stream = FromTokio::new(IntoTokio::new(Replacing));
        let _ = block_on(stream.read(&mut [0; 64]));
    }
}
