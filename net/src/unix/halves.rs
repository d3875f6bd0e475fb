//! The halves of a Unix stream.

use super::SocketAddr;
use super::stream::UnixStream;
use crate::halves::{borrowed_halves, owned_halves};

borrowed_halves!(UnixStream, SocketAddr);

owned_halves! {
    UnixStream, SocketAddr;
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::io::{AsyncReadExt, AsyncWriteExt};
    /// use runtime::net::UnixStream;
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let (left, mut right) = UnixStream::pair()?;
    ///     let (mut reader, mut writer) = left.into_split();
    ///     writer.write_all(b"ping").await?;
    ///     drop(writer); // Ends the sending side, so that the other sees the end.
    ///     let mut ping = Vec::new();
    ///     right.read_to_end(&mut ping).await?;
    ///     right.write_all(b"pong").await?;
    ///     let mut pong = [0; 4];
    ///     reader.read_exact(&mut pong).await?;
    ///     assert_eq!((&ping[..], &pong), (&b"ping"[..], b"pong"));
    ///     Ok(())
    /// }
    /// ```
}
