//! A Unix socket that is neither connected nor listening.

use std::io;
use std::path::Path;

use socket2::{Domain, Socket, Type};

use super::SocketAddr;
use super::datagram::UnixDatagram;
use super::listener::UnixListener;
use super::stream::UnixStream;
use crate::source::open_socket;

/// A Unix socket that is neither connected nor listening, to bind it or set its options before it is.
///
/// [`UnixListener::bind`], [`UnixStream::connect`] and [`UnixDatagram::bind`] suffice when that is not
/// needed. Making a socket needs no runtime; [`connect`](Self::connect), [`listen`](Self::listen) and
/// [`datagram`](Self::datagram) do.
///
/// # Examples
///
/// A client that has an address too:
///
/// ```
/// use runtime::net::{UnixListener, UnixSocket};
///
/// #[runtime::main]
/// async fn main() -> std::io::Result<()> {
///     let folder = std::env::temp_dir();
///     let server_path = folder.join(format!("server-{}", std::process::id()));
///     let client_path = folder.join(format!("client-{}", std::process::id()));
///     let listener = UnixListener::bind(&server_path)?;
///
///     let socket = UnixSocket::new_stream()?;
///     socket.bind(&client_path)?;
///     let _client = socket.connect(&server_path).await?;
///     let (_server, peer) = listener.accept().await?;
///     assert_eq!(peer.as_pathname(), Some(&*client_path));
///     std::fs::remove_file(server_path)?;
///     std::fs::remove_file(client_path)
/// }
/// ```
#[derive(Debug)]
pub struct UnixSocket {
    socket: Socket,
}

impl UnixSocket {
    /// A socket for datagrams.
    ///
    /// # Errors
    ///
    /// When the system gives none.
    pub fn new_datagram() -> io::Result<Self> {
        Self::new(Type::DGRAM)
    }

    /// A socket for a connection or a listener.
    ///
    /// # Errors
    ///
    /// When the system gives none.
    pub fn new_stream() -> io::Result<Self> {
        Self::new(Type::STREAM)
    }

    fn new(kind: Type) -> io::Result<Self> {
        let socket = open_socket(Domain::UNIX, kind, None)?;
        Ok(Self { socket })
    }

    /// Fails for a socket of another kind.
    fn must_be(&self, kind: Type, message: &'static str) -> io::Result<()> {
        if self.socket.r#type()? == kind {
            Ok(())
        } else {
            Err(io::Error::other(message))
        }
    }

    /// Gives the socket the address `path`. On Linux, what follows a leading zero byte is an abstract
    /// name.
    ///
    /// # Errors
    ///
    /// What the system says: something is at `path` already (`AddrInUse`), or its folder is missing
    /// (`NotFound`). `InvalidInput` if `path` is too long for a socket or has zero bytes in it.
    pub fn bind(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let address = SocketAddr::of_path(path.as_ref())?.to_system()?;
        self.socket.bind(&address)
    }

    /// Makes the socket a listener. At most `backlog` connections wait to be accepted; the system may
    /// have a lower limit of its own.
    ///
    /// # Errors
    ///
    /// What the system says; a socket for datagrams cannot listen.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, and within one that has no I/O.
    #[track_caller]
    pub fn listen(self, backlog: u32) -> io::Result<UnixListener> {
        self.must_be(Type::STREAM, "listen cannot be called on a datagram socket")?;
        // More than the system can be told is as much as it can be told.
        let backlog = i32::try_from(backlog).unwrap_or(i32::MAX);
        self.socket.listen(backlog)?;
        UnixListener::new(mio::net::UnixListener::from_std(self.socket.into()))
    }

    /// Opens a connection to the socket at `path`.
    ///
    /// # Errors
    ///
    /// As [`UnixStream::connect`]; a socket for datagrams cannot be made a stream.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, and within one that has no I/O.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection that was being opened.
    pub async fn connect(self, path: impl AsRef<Path>) -> io::Result<UnixStream> {
        self.must_be(
            Type::STREAM,
            "connect cannot be called on a datagram socket",
        )?;
        let address = SocketAddr::of_path(path.as_ref())?.to_system()?;
        drop(path);
        match self.socket.connect(&address) {
            Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => return Err(error),
            _ => {}
        }
        let stream = mio::net::UnixStream::from_std(self.socket.into());
        UnixStream::finish_connecting(stream).await
    }

    /// Makes a socket for datagrams one that sends and receives.
    ///
    /// # Errors
    ///
    /// For a socket that was made for streams.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, and within one that has no I/O.
    #[track_caller]
    pub fn datagram(self) -> io::Result<UnixDatagram> {
        self.must_be(Type::DGRAM, "datagram cannot be called on a stream socket")?;
        UnixDatagram::new(mio::net::UnixDatagram::from_std(self.socket.into()))
    }
}

crate::source::impl_owned_system_socket!(UnixSocket);
