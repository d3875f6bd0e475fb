//! A Unix socket that accepts connections.

use std::fmt;
use std::io;
use std::os::unix::net::{SocketAddr as StdAddr, UnixListener as StdListener};
use std::path::Path;
use std::task::{Context, Poll, ready};

use super::SocketAddr;
use super::stream::UnixStream;
use crate::current;
use crate::interest::Interest;
use crate::readiness::Direction;
use crate::ready::Ready;
use crate::source::{Done, Outlook, Source, deny_blocking};

/// A Unix socket that accepts connections.
///
/// Binding it to a path makes a file there, which stays when the listener is dropped: remove it
/// afterwards, or before binding again.
///
/// # Examples
///
/// ```
/// use runtime::net::{UnixListener, UnixStream};
///
/// #[runtime::main]
/// async fn main() -> std::io::Result<()> {
///     let path = std::env::temp_dir().join(format!("listener-{}", std::process::id()));
///     let listener = UnixListener::bind(&path)?;
///     let client = UnixStream::connect(&path).await?;
///     let (server, _peer) = listener.accept().await?;
///     client.try_write(b"ping")?;
///     server.readable().await?;
///     assert_eq!(server.try_read(&mut [0; 16])?, 4);
///     std::fs::remove_file(path)
/// }
/// ```
pub struct UnixListener {
    source: Source<mio::net::UnixListener>,
}

impl UnixListener {
    /// Makes a socket that listens at `path`. On Linux, what follows a leading zero byte is an
    /// abstract name.
    ///
    /// # Errors
    ///
    /// What the system says: something is at `path` already (`AddrInUse`), or its folder is missing
    /// (`NotFound`). `InvalidInput` if `path` is too long for a socket or has zero bytes in it.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, and within one that has no I/O.
    #[track_caller]
    pub fn bind<P>(path: P) -> io::Result<Self>
    where
        P: AsRef<Path>,
    {
        Self::bind_addr(&SocketAddr::of_path(path.as_ref())?)
    }

    /// Makes a socket that listens at `addr`.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    ///
    /// # Panics
    ///
    /// Outside of a runtime, and within one that has no I/O.
    #[track_caller]
    pub fn bind_addr(addr: &SocketAddr) -> io::Result<Self> {
        Self::new(mio::net::UnixListener::bind_addr(&addr.0)?)
    }

    #[track_caller]
    pub(super) fn new(listener: mio::net::UnixListener) -> io::Result<Self> {
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
    #[track_caller]
    pub fn from_std(listener: StdListener) -> io::Result<Self> {
        deny_blocking(&listener);
        Self::new(mio::net::UnixListener::from_std(listener))
    }

    /// Gives the listener to the standard library. It stays non-blocking.
    ///
    /// # Errors
    ///
    /// When the system cannot stop watching it.
    pub fn into_std(self) -> io::Result<StdListener> {
        Ok(self.source.into_io()?.into())
    }

    /// The address at which the socket listens.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.source.io().local_addr().map(SocketAddr)
    }

    /// Takes the error that the system has pending for this socket (`SO_ERROR`).
    ///
    /// # Errors
    ///
    /// When the system cannot tell.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.source.io().take_error()
    }

    /// Accepts the next connection; gives it and the address of the peer, which is unnamed as a rule.
    ///
    /// # Errors
    ///
    /// What the system says. An error need not be the listener's end: too many open files concern one
    /// attempt, and a later call tries again.
    ///
    /// # Cancel safety
    ///
    /// No connection is lost: when the future is dropped before it is ready, none was taken.
    pub async fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
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
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(UnixStream, SocketAddr)>> {
        let accepted = ready!(self.source.poll_io(cx, Direction::Read, |listener| {
            listener.accept().map(Done::More)
        }))?;
        Poll::Ready(self.adopt(accepted))
    }

    /// The connection belongs to the runtime of whoever accepts it, as every socket that is made
    /// there, and to the listener's if that is nowhere.
    fn adopt(
        &self,
        (stream, peer): (mio::net::UnixStream, StdAddr),
    ) -> io::Result<(UnixStream, SocketAddr)> {
        let home = current::home_or(self.source.home());
        let outlook = Outlook::Ready(Ready::READABLE | Ready::WRITABLE);
        let stream = UnixStream::with_home(stream, home)?.assuming(outlook);
        Ok((stream, SocketAddr(peer)))
    }
}

impl TryFrom<StdListener> for UnixListener {
    type Error = io::Error;

    /// The same as [`UnixListener::from_std`].
    #[track_caller]
    fn try_from(listener: StdListener) -> Result<Self, Self::Error> {
        Self::from_std(listener)
    }
}

impl fmt::Debug for UnixListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

crate::source::impl_as_system_socket!(UnixListener);
