//! Halves that own the stream together.

use std::error::Error;
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::BufMut;
use runtime_base::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::borrowed_halves::{impl_read_half, impl_write_half};
use crate::interest::Interest;
use crate::ready::Ready;
use crate::tcp::stream::TcpStream;

/// The reading half of a stream. Made by [`TcpStream::into_split`].
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
#[derive(Debug)]
pub struct OwnedReadHalf {
    stream: Arc<TcpStream>,
}

/// The writing half of a stream. Made by [`TcpStream::into_split`].
///
/// Dropping it ends the sending side, unless it is [forgotten](Self::forget).
#[derive(Debug)]
pub struct OwnedWriteHalf {
    stream: Arc<TcpStream>,
    ends_when_dropped: bool,
}

pub(super) fn split(stream: TcpStream) -> (OwnedReadHalf, OwnedWriteHalf) {
    let stream = Arc::new(stream);
    let reader = OwnedReadHalf {
        stream: stream.clone(),
    };
    let writer = OwnedWriteHalf {
        stream,
        ends_when_dropped: true,
    };
    (reader, writer)
}

fn reunite(reader: OwnedReadHalf, writer: OwnedWriteHalf) -> Result<TcpStream, ReuniteError> {
    if !Arc::ptr_eq(&reader.stream, &writer.stream) {
        return Err(ReuniteError(reader, writer));
    }
    writer.forget();
    // The halves are the only owners, and one is left.
    Ok(Arc::into_inner(reader.stream).expect("a stream has two halves"))
}

impl OwnedReadHalf {
    /// Puts the two halves of one stream together again.
    ///
    /// # Errors
    ///
    /// Gives the halves back if they are of different streams.
    pub fn reunite(self, other: OwnedWriteHalf) -> Result<TcpStream, ReuniteError> {
        reunite(self, other)
    }
}

impl OwnedWriteHalf {
    /// Puts the two halves of one stream together again.
    ///
    /// # Errors
    ///
    /// Gives the halves back if they are of different streams.
    pub fn reunite(self, other: OwnedReadHalf) -> Result<TcpStream, ReuniteError> {
        reunite(other, self)
    }

    /// Drops the half without ending the sending side.
    pub fn forget(mut self) {
        self.ends_when_dropped = false;
    }

    /// Once is enough.
    fn ended(&mut self) {
        self.ends_when_dropped = false;
    }
}

impl Drop for OwnedWriteHalf {
    fn drop(&mut self) {
        if self.ends_when_dropped {
            // The connection may be gone; then it has ended anyway.
            let _ = self.stream.shutdown_write();
        }
    }
}

impl_read_half!(OwnedReadHalf, |this| &this.stream);
impl_write_half!(OwnedWriteHalf, |this| &this.stream);

/// Two halves that are not of the same stream. They can be taken out.
#[derive(Debug)]
pub struct ReuniteError(pub OwnedReadHalf, pub OwnedWriteHalf);

impl fmt::Display for ReuniteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the halves are not of the same stream")
    }
}

impl Error for ReuniteError {}
