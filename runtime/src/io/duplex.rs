//! Two ends of a connection in memory.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::pipe::Pipe;
use super::{AsyncRead, AsyncWrite, ReadBuf};

/// Makes a connection in memory: what is written to one end is read from the other.
///
/// Each direction holds `max_buf_size` bytes at most; a writer that is so far ahead waits for the
/// reader. Handy in tests, in the place of a socket.
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
///     let (mut client, mut server) = io::duplex(64);
///     client.write_all(b"ping").await?;
///     let mut buf = [0; 4];
///     server.read_exact(&mut buf).await?;
///     assert_eq!(&buf, b"ping");
///     server.write_all(b"pong").await?;
///     client.read_exact(&mut buf).await?;
///     assert_eq!(&buf, b"pong");
///     Ok(())
/// }
/// ```
#[track_caller]
pub fn duplex(max_buf_size: usize) -> (DuplexStream, DuplexStream) {
    let there = Arc::new(Pipe::new(max_buf_size));
    let back = Arc::new(Pipe::new(max_buf_size));
    (
        DuplexStream::new(back.clone(), there.clone()),
        DuplexStream::new(there, back),
    )
}

/// One end of a connection in memory. Made by [`duplex`].
///
/// Dropping or shutting it down lets the other end see the end of the stream, after what was written
/// before. Writing to an end whose other end is dropped, or to one that was shut down, fails with
/// [`BrokenPipe`](super::ErrorKind::BrokenPipe).
#[derive(Debug)]
pub struct DuplexStream {
    incoming: Arc<Pipe>,
    outgoing: Arc<Pipe>,
    // What the pipes remember for each of their sides.
    expects_to_wait_for_bytes: bool,
    expects_to_wait_for_room: bool,
}

impl DuplexStream {
    fn new(incoming: Arc<Pipe>, outgoing: Arc<Pipe>) -> Self {
        Self {
            incoming,
            outgoing,
            expects_to_wait_for_bytes: true,
            expects_to_wait_for_room: false,
        }
    }
}

impl AsyncRead for DuplexStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.incoming
            .poll_read(cx, &mut this.expects_to_wait_for_bytes, buf)
    }
}

impl AsyncWrite for DuplexStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.outgoing
            .poll_write(cx, &mut this.expects_to_wait_for_room, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.outgoing
            .poll_write_vectored(cx, &mut this.expects_to_wait_for_room, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.outgoing.close_by_writer();
        Poll::Ready(Ok(()))
    }
}

impl Drop for DuplexStream {
    fn drop(&mut self) {
        self.outgoing.close_by_writer();
        self.incoming.close_by_reader();
    }
}
