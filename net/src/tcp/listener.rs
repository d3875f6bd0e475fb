//! A socket that accepts TCP connections.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use crate::addr::{ToSocketAddrs, first_done};
use crate::current;
use crate::interest::Interest;
use crate::readiness::Direction;
use crate::ready::Ready;
use crate::source::{Done, Outlook, Source, deny_blocking};
use crate::tcp::stream::TcpStream;

/// A socket that accepts TCP connections.
///
/// # Examples
///
/// A server that sends back what it gets:
///
/// ```
/// use runtime::io::{AsyncReadExt, AsyncWriteExt};
/// use runtime::net::{TcpListener, TcpStream};
///
/// async fn serve(listener: TcpListener) -> std::io::Result<()> {
///     loop {
///         let (mut stream, _peer) = listener.accept().await?;
///         runtime::spawn(async move {
///             let (mut reader, mut writer) = stream.split();
///             runtime::io::copy(&mut reader, &mut writer).await
///         });
///     }
/// }
///
/// #[runtime::main]
/// async fn main() -> std::io::Result<()> {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let address = listener.local_addr()?;
///     runtime::spawn(serve(listener));
///
///     let mut client = TcpStream::connect(address).await?;
///     client.write_all(b"ping").await?;
///     let mut answer = [0; 4];
///     client.read_exact(&mut answer).await?;
///     assert_eq!(&answer, b"ping");
///     Ok(())
/// }
/// ```
pub struct TcpListener {
    source: Source<mio::net::TcpListener>,
}

impl TcpListener {
    /// Makes a socket that listens at `addr`. Port 0 lets the system choose one; see
    /// [`local_addr`](Self::local_addr).
    ///
    /// If `addr` has several addresses they are tried in turn until one succeeds. On Unix the
    /// address may be one that was in use a moment ago (`SO_REUSEADDR`).
    ///
    /// # Errors
    ///
    /// The error of the last address that was tried; `InvalidInput` if there is no address.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, and within one that has no I/O.
    ///
    /// # Cancel safety
    ///
    /// Nothing is left behind.
    pub async fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<Self> {
        first_done(addr, |address| {
            Self::new(mio::net::TcpListener::bind(address)?)
        })
        .await
    }

    #[track_caller]
    pub(super) fn new(listener: mio::net::TcpListener) -> io::Result<Self> {
        Source::new(listener).map(|source| Self { source })
    }

    /// Takes over a listener of the standard library, which the caller has made non-blocking.
    ///
    /// # Errors
    ///
    /// When the system refuses to watch it.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, and within one that has no I/O. Builds with debug assertions also panic
    /// if the listener is blocking: it would block its worker.
    ///
    /// # Examples
    ///
    /// ```
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    ///     listener.set_nonblocking(true)?;
    ///     let listener = runtime::net::TcpListener::from_std(listener)?;
    ///     assert_ne!(listener.local_addr()?.port(), 0);
    ///     Ok(())
    /// }
    /// ```
    #[track_caller]
    pub fn from_std(listener: std::net::TcpListener) -> io::Result<Self> {
        deny_blocking(&listener);
        Self::new(mio::net::TcpListener::from_std(listener))
    }

    /// Gives the listener to the standard library. It stays non-blocking.
    ///
    /// # Errors
    ///
    /// When the system cannot stop watching it.
    pub fn into_std(self) -> io::Result<std::net::TcpListener> {
        Ok(self.source.into_io()?.into())
    }

    /// Accepts the next connection; gives it and the address of the peer.
    ///
    /// # Errors
    ///
    /// What the system says. An error need not be the listener's end: a peer that has given up
    /// already (`ConnectionAborted`) or too many open files concern one attempt, and a later call
    /// tries again.
    ///
    /// # Cancel safety
    ///
    /// No connection is lost: when the future is dropped before it is ready, none was taken.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let accepted = self
            .source
            .perform(Interest::READABLE, |listener| {
                listener.accept().map(Done::More)
            })
            .await?;
        self.adopt(accepted)
    }

    /// Polls to accept the next connection. Only the latest task that called this is woken;
    /// [`accept`](Self::accept) has no such limit.
    ///
    /// # Errors
    ///
    /// As [`accept`](Self::accept).
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let accepted = ready!(self.source.poll_io(cx, Direction::Read, |listener| {
            listener.accept().map(Done::More)
        }))?;
        Poll::Ready(self.adopt(accepted))
    }

    /// The connection belongs to the runtime of whoever accepts it, as every socket that is made
    /// there, and to the listener's if that is nowhere.
    fn adopt(
        &self,
        (stream, peer): (mio::net::TcpStream, SocketAddr),
    ) -> io::Result<(TcpStream, SocketAddr)> {
        let home = current::home_or(self.source.home());
        let outlook = Outlook::Ready(Ready::READABLE | Ready::WRITABLE);
        let stream = TcpStream::with_home(stream, home)?.assuming(outlook);
        Ok((stream, peer))
    }

    /// The address at which the socket listens.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.source.io().local_addr()
    }

    /// How many hops a packet may take (`IP_TTL`).
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn ttl(&self) -> io::Result<u32> {
        self.source.io().ttl()
    }

    /// Says how many hops a packet of the connections may take (`IP_TTL`).
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.source.io().set_ttl(ttl)
    }
}

impl TryFrom<std::net::TcpListener> for TcpListener {
    type Error = io::Error;

    /// The same as [`TcpListener::from_std`].
    #[track_caller]
    fn try_from(listener: std::net::TcpListener) -> Result<Self, Self::Error> {
        Self::from_std(listener)
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

crate::source::impl_as_system_socket!(TcpListener);
