//! The same byte for ever.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BufMut;

use super::empty::poll_take_turn;
use super::{AsyncRead, ReadBuf};

/// A reader that gives `byte` without end.
///
/// # Examples
///
/// ```
/// use runtime::io::{self, AsyncReadExt};
///
/// #[runtime::main]
/// async fn main() -> std::io::Result<()> {
///     let mut buf = [0; 3];
///     io::repeat(b'a').read_exact(&mut buf).await?;
///     assert_eq!(&buf, b"aaa");
///     Ok(())
/// }
/// ```
pub fn repeat(byte: u8) -> Repeat {
    Repeat { byte }
}

/// A reader that gives one byte without end. Made by [`repeat`].
#[derive(Debug)]
pub struct Repeat {
    byte: u8,
}

impl AsyncRead for Repeat {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(poll_take_turn(cx));
        buf.put_bytes(self.byte, buf.remaining());
        Poll::Ready(Ok(()))
    }
}
