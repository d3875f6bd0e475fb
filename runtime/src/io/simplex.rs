//! One direction of a connection in memory.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::pipe::Pipe;
use super::{AsyncRead, AsyncWrite, ReadBuf, ReadHalf, WriteHalf, split};

/// Makes a pipe in memory: what is written to the second half is read from the first.
///
/// It holds `max_buf_size` bytes at most; a writer that is so far ahead waits for the reader. The
/// reader sees the end when the writer was [shut down](super::AsyncWriteExt::shutdown); dropping the
/// writing half is not enough.
///
/// # Panics
///
/// When `max_buf_size` is zero.
///
/// # Examples
///
/// ```
/// use runtime::io::{self, AsyncReadExt, AsyncWriteExt};
///
/// #[runtime::main]
/// async fn main() -> std::io::Result<()> {
///     let (mut reader, mut writer) = io::simplex(64);
///     writer.write_all(b"hello").await?;
///     writer.shutdown().await?;
///     let mut text = String::new();
///     reader.read_to_string(&mut text).await?;
///     assert_eq!(text, "hello");
///     Ok(())
/// }
/// ```
#[track_caller]
pub fn simplex(max_buf_size: usize) -> (ReadHalf<SimplexStream>, WriteHalf<SimplexStream>) {
    split(SimplexStream::new_unsplit(max_buf_size))
}

/// A pipe in memory: what is written to it is read from it. Made by [`simplex`], which divides it.
///
/// After it was shut down, writing fails with [`BrokenPipe`](super::ErrorKind::BrokenPipe).
#[derive(Debug)]
pub struct SimplexStream {
    pipe: Pipe,
    // What the pipe remembers for each of its sides.
    expects_to_wait_for_bytes: bool,
    expects_to_wait_for_room: bool,
}

impl SimplexStream {
    /// A pipe that holds `max_buf_size` bytes at most, in one piece. [`simplex`] gives its halves.
    ///
    /// # Panics
    ///
    /// When `max_buf_size` is zero.
    #[track_caller]
    pub fn new_unsplit(max_buf_size: usize) -> SimplexStream {
        SimplexStream {
            pipe: Pipe::new(max_buf_size),
            expects_to_wait_for_bytes: true,
            expects_to_wait_for_room: false,
        }
    }
}

impl AsyncRead for SimplexStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.pipe
            .poll_read(cx, &mut this.expects_to_wait_for_bytes, buf)
    }
}

impl AsyncWrite for SimplexStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.pipe
            .poll_write(cx, &mut this.expects_to_wait_for_room, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.pipe
            .poll_write_vectored(cx, &mut this.expects_to_wait_for_room, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.pipe.close_by_writer();
        Poll::Ready(Ok(()))
    }
}
