//! The halves of a TCP stream.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use runtime_base::io::ReadBuf;

use super::stream::TcpStream;
use crate::halves::{borrowed_halves, owned_halves};

borrowed_halves!(TcpStream, SocketAddr);

owned_halves! {
    TcpStream, SocketAddr;
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::io::{AsyncReadExt, AsyncWriteExt};
    /// # use runtime::net::{TcpListener, TcpStream};
    ///
    /// # #[runtime::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let client = TcpStream::connect(listener.local_addr()?).await?;
    /// let (mut server, _) = listener.accept().await?;
    /// let (mut reader, mut writer) = client.into_split();
    /// let received = runtime::spawn(async move {
    ///     let mut received = Vec::new();
    ///     reader.read_to_end(&mut received).await.map(|_| received)
    /// });
    /// writer.write_all(b"ping").await?;
    /// drop(writer); // Ends the sending side, so that the server sees the end.
    /// let mut ping = Vec::new();
    /// server.read_to_end(&mut ping).await?;
    /// server.write_all(b"pong").await?;
    /// drop(server);
    /// assert_eq!((&ping[..], &received.await??[..]), (&b"ping"[..], &b"pong"[..]));
    /// # Ok(())
    /// # }
    /// ```
}

/// What only TCP can.
macro_rules! impl_peek {
    ($type:ty) => {
        impl $type {
            /// Receives bytes without taking them out. See [`TcpStream::peek`].
            ///
            /// # Errors
            ///
            /// What the system says, and when the runtime shuts down.
            ///
            /// # Cancel safety
            ///
            /// Nothing is lost.
            pub async fn peek(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                self.stream().peek(buf).await
            }

            /// Polls to receive bytes without taking them out. See [`TcpStream::poll_peek`].
            ///
            /// # Errors
            ///
            /// As [`peek`](Self::peek).
            pub fn poll_peek(
                &mut self,
                cx: &mut Context<'_>,
                buf: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<usize>> {
                self.stream().poll_peek(cx, buf)
            }
        }
    };
}

impl_peek!(ReadHalf<'_>);
impl_peek!(OwnedReadHalf);
