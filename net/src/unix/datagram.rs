//! A Unix socket that sends and receives datagrams.

use std::io;
use std::net::Shutdown;
use std::os::unix::net::UnixDatagram as StdDatagram;
use std::path::Path;
use std::task::{Context, Poll};

use socket2::SockAddr;

use super::SocketAddr;
use crate::ready::Ready;
use crate::source::{Addressed, Outlook, Socket, Source, deny_blocking};

/// A Unix socket that sends and receives datagrams, which arrive whole, in order, and surely: a sender
/// waits while the receiver has no room.
///
/// Not connected, it exchanges datagrams with everybody who knows its path:
/// [`send_to`](Self::send_to) and [`recv_from`](Self::recv_from). [Connected](Self::connect), or made
/// as one of a [`pair`](Self::pair), it sends to one socket: [`send`](Self::send) and
/// [`recv`](Self::recv). All of this takes `&self`, so that any number of tasks may share a socket.
///
/// Binding it to a path makes a file there, which stays when the socket is dropped.
///
/// # Examples
///
/// ```
/// use runtime::net::UnixDatagram;
///
/// #[runtime::main]
/// async fn main() -> std::io::Result<()> {
///     let path = std::env::temp_dir().join(format!("datagram-{}", std::process::id()));
///     let server = UnixDatagram::bind(&path)?;
///     let client = UnixDatagram::unbound()?;
///     client.send_to(b"ping", &path).await?;
///
///     let mut buf = [0; 16];
///     let (n, sender) = server.recv_from(&mut buf).await?;
///     assert_eq!(&buf[..n], b"ping");
///     assert!(sender.is_unnamed());
///     std::fs::remove_file(path)
/// }
/// ```
pub struct UnixDatagram {
    source: Source<mio::net::UnixDatagram>,
}

impl Addressed for mio::net::UnixDatagram {
    type Address = SocketAddr;

    fn address(address: SockAddr) -> io::Result<SocketAddr> {
        SocketAddr::of_system(&address)
    }
}

/// The address that a path of a user's means, as the system wants it.
fn target(path: impl AsRef<Path>) -> io::Result<SockAddr> {
    SocketAddr::of_path(path.as_ref())?.to_system()
}

impl UnixDatagram {
    /// Makes a socket with the address `path`. On Linux, what follows a leading zero byte is an
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
        let address = SocketAddr::of_path(path.as_ref())?;
        Self::new(mio::net::UnixDatagram::bind_addr(&address.0)?)
    }

    /// Makes a socket without an address: it can send, and receives nothing unless it is connected.
    ///
    /// # Errors
    ///
    /// When the system gives none.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, and within one that has no I/O.
    #[track_caller]
    pub fn unbound() -> io::Result<Self> {
        Self::new(mio::net::UnixDatagram::unbound()?)
    }

    /// Two sockets that are connected to each other, without addresses.
    ///
    /// # Errors
    ///
    /// When the system gives none.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, and within one that has no I/O.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::net::UnixDatagram;
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let (left, right) = UnixDatagram::pair()?;
    ///     left.send(b"ping").await?;
    ///     let mut buf = [0; 16];
    ///     assert_eq!(right.recv(&mut buf).await?, 4);
    ///     Ok(())
    /// }
    /// ```
    #[track_caller]
    pub fn pair() -> io::Result<(Self, Self)> {
        let (left, right) = mio::net::UnixDatagram::pair()?;
        Ok((Self::new(left)?, Self::new(right)?))
    }

    #[track_caller]
    pub(super) fn new(socket: mio::net::UnixDatagram) -> io::Result<Self> {
        // An empty send buffer has room.
        let source = Source::new(socket)?.assuming(Outlook::Ready(Ready::WRITABLE));
        Ok(Self { source })
    }

    /// Takes over a socket of the standard library, which the caller has made non-blocking.
    ///
    /// # Errors
    ///
    /// When the system refuses to watch it.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, and within one that has no I/O. Builds with debug assertions also panic
    /// if the socket is blocking: it would block its worker.
    #[track_caller]
    pub fn from_std(datagram: StdDatagram) -> io::Result<Self> {
        deny_blocking(&datagram);
        Self::new(mio::net::UnixDatagram::from_std(datagram))
    }

    /// Gives the socket to the standard library. It stays non-blocking.
    ///
    /// # Errors
    ///
    /// When the system cannot stop watching it.
    pub fn into_std(self) -> io::Result<StdDatagram> {
        Ok(self.source.into_io()?.into())
    }

    /// Connects the socket to the one at `path`: it sends there when no target is given, and receives
    /// from there only.
    ///
    /// # Errors
    ///
    /// What the system says: nothing is there (`NotFound`), or nobody receives there any more
    /// (`ConnectionRefused`). `InvalidInput` if `path` is too long for a socket or has zero bytes in
    /// it.
    pub fn connect<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        self.source.io().as_socket().connect(&target(path)?)
    }

    /// The address of this side.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.source.io().local_addr().map(SocketAddr)
    }

    /// The address that the socket is connected to.
    ///
    /// # Errors
    ///
    /// `NotConnected` if it is not.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.source.io().peer_addr().map(SocketAddr)
    }

    /// Takes the error that the system has pending for this socket (`SO_ERROR`).
    ///
    /// # Errors
    ///
    /// When the system cannot tell.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.source.io().take_error()
    }

    /// Ends one side of the socket, or both: the peer of an ended receiving side can send nothing more
    /// to it. Linux wakes nobody who waits to receive.
    ///
    /// # Errors
    ///
    /// `NotConnected` if the socket is not connected.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.source.io().shutdown(how)
    }

    /// Sends a datagram to the socket at `target`. Gives how many bytes were sent, which is all of
    /// them.
    ///
    /// # Errors
    ///
    /// What the system says: the datagram is too large, nothing is at `target` (`NotFound`), or nobody
    /// receives there any more (`ConnectionRefused`). `InvalidInput` if `target` is too long for a
    /// socket or has zero bytes in it.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, nothing was sent.
    pub async fn send_to<P>(&self, buf: &[u8], target: P) -> io::Result<usize>
    where
        P: AsRef<Path>,
    {
        let address = self::target(target)?;
        self.source.send_datagram_to(buf, &address).await
    }

    /// Polls to send a datagram to the socket at `target`.
    ///
    /// Only the latest task that called this or another function named `poll_send…` is woken.
    ///
    /// # Errors
    ///
    /// As [`send_to`](Self::send_to).
    pub fn poll_send_to<P>(
        &self,
        cx: &mut Context<'_>,
        buf: &[u8],
        target: P,
    ) -> Poll<io::Result<usize>>
    where
        P: AsRef<Path>,
    {
        let address = self::target(target)?;
        self.source.poll_send_datagram_to(cx, buf, &address)
    }

    /// Sends a datagram to the socket at `target`, without waiting.
    ///
    /// # Errors
    ///
    /// As [`send_to`](Self::send_to), and `WouldBlock` if there is no room; see
    /// [`writable`](Self::writable) for how to wait.
    pub fn try_send_to<P>(&self, buf: &[u8], target: P) -> io::Result<usize>
    where
        P: AsRef<Path>,
    {
        self.source
            .try_send_datagram_to(buf, &self::target(target)?)
    }
}

crate::source::impl_as_system_socket!(UnixDatagram);

crate::source::impl_waits! {
    UnixDatagram;
    ready;
    readable;
}

crate::datagram::impl_datagram! {
    UnixDatagram, SocketAddr, StdDatagram;
    recv_buf;
}
