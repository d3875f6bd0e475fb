//! The stream of a listener's connections.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::net::{TcpListener, TcpStream};

/// The connections that a [`TcpListener`] accepts. It never ends.
///
/// Errors are those of [`accept`](TcpListener::accept); the stream goes on after them. Most concern
/// one connection or pass, as a lack of descriptors does: wait a little before the next poll then,
/// or it fails again at once.
///
/// # Examples
///
/// ```
/// use std::future::poll_fn;
/// use std::pin::Pin;
///
/// use futures_core::Stream;
/// use runtime::net::{TcpListener, TcpStream};
/// use runtime::stream::TcpListenerStream;
///
/// # #[runtime::main]
/// # async fn main() -> std::io::Result<()> {
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// let address = listener.local_addr()?;
/// let mut incoming = TcpListenerStream::new(listener);
/// let client = TcpStream::connect(address).await?;
/// let server = poll_fn(|cx| Pin::new(&mut incoming).poll_next(cx)).await;
/// assert_eq!(server.unwrap()?.peer_addr()?, client.local_addr()?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct TcpListenerStream {
    listener: TcpListener,
}

impl TcpListenerStream {
    /// The stream of the connections to come.
    pub fn new(listener: TcpListener) -> Self {
        Self { listener }
    }

    /// The listener.
    pub fn into_inner(self) -> TcpListener {
        self.listener
    }
}

impl Stream for TcpListenerStream {
    type Item = io::Result<TcpStream>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.listener
            .poll_accept(cx)
            .map(|result| Some(result.map(|(stream, _)| stream)))
    }
}

impl AsRef<TcpListener> for TcpListenerStream {
    fn as_ref(&self) -> &TcpListener {
        &self.listener
    }
}

impl AsMut<TcpListener> for TcpListenerStream {
    fn as_mut(&mut self) -> &mut TcpListener {
        &mut self.listener
    }
}
