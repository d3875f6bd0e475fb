//! One connection between two Unix sockets.

use std::io;
use std::os::unix::net::UnixStream as StdStream;
use std::path::Path;
use std::sync::Arc;

use super::{SocketAddr, UCred, halves};
use crate::current;
use crate::reactor::ReactorHandle;
use crate::ready::Ready;
use crate::source::{Outlook, Source, deny_blocking};

/// A connection between two Unix sockets of this host.
///
/// A stream comes from [`connect`](Self::connect), from
/// [`UnixListener::accept`](crate::UnixListener::accept) or from [`pair`](Self::pair). Bytes are read
/// and written through `AsyncRead` and `AsyncWrite`. To read and write at the same time,
/// [`split`](Self::split) the stream. Shutting it down as an `AsyncWrite` ends the sending side;
/// dropping it closes the connection.
///
/// # Examples
///
/// ```
/// use runtime::io::{AsyncReadExt, AsyncWriteExt};
/// use runtime::net::{UnixListener, UnixStream};
///
/// #[runtime::main]
/// async fn main() -> std::io::Result<()> {
///     let path = std::env::temp_dir().join(format!("stream-{}", std::process::id()));
///     let listener = UnixListener::bind(&path)?;
///     runtime::spawn(async move {
///         let (mut stream, _peer) = listener.accept().await?;
///         stream.write_all(b"hello").await
///     });
///
///     let mut stream = UnixStream::connect(&path).await?;
///     let mut greeting = String::new();
///     stream.read_to_string(&mut greeting).await?;
///     assert_eq!(greeting, "hello");
///     std::fs::remove_file(path)
/// }
/// ```
pub struct UnixStream {
    source: Source<mio::net::UnixStream>,
}

impl UnixStream {
    /// Opens a connection to the socket at `path`. On Linux, what follows a leading zero byte is an
    /// abstract name.
    ///
    /// # Errors
    ///
    /// What the system says: nothing is there (`NotFound`), nobody listens any more
    /// (`ConnectionRefused`), or the listener does not keep up (`WouldBlock` on Linux, which does not
    /// wait for it). `InvalidInput` if `path` is too long for a socket or has zero bytes in it.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, and within one that has no I/O.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection that was being opened.
    pub async fn connect<P>(path: P) -> io::Result<Self>
    where
        P: AsRef<Path>,
    {
        let address = SocketAddr::of_path(path.as_ref())?;
        drop(path);
        Self::connect_addr(&address).await
    }

    /// Opens a connection to the socket at `addr`.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    ///
    /// # Panics
    ///
    /// Outside of a runtime, and within one that has no I/O.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection that was being opened.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(not(target_os = "linux"))]
    /// # fn main() {}
    /// # #[cfg(target_os = "linux")]
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     use std::os::linux::net::SocketAddrExt;
    ///     use std::os::unix::net::SocketAddr;
    ///
    ///     use runtime::net::{UnixListener, UnixStream};
    ///
    ///     let name = format!("example-{}", std::process::id());
    ///     let address = SocketAddr::from_abstract_name(name)?.into();
    ///     let listener = UnixListener::bind_addr(&address)?;
    ///     let stream = UnixStream::connect_addr(&address).await?;
    ///     let (_accepted, _) = listener.accept().await?;
    ///     assert_eq!(
    ///         stream.peer_addr()?.as_abstract_name(),
    ///         address.as_abstract_name(),
    ///     );
    ///     Ok(())
    /// }
    /// ```
    pub async fn connect_addr(addr: &SocketAddr) -> io::Result<Self> {
        let stream = mio::net::UnixStream::connect_addr(&addr.0)?;
        Self::finish_connecting(stream).await
    }

    /// Waits until the connection that `stream` has begun to open is open.
    pub(super) async fn finish_connecting(stream: mio::net::UnixStream) -> io::Result<Self> {
        let stream = Self::new(stream)?;
        stream.source.connected().await?;
        Ok(stream.assuming(Outlook::Ready(Ready::WRITABLE)))
    }

    #[track_caller]
    fn new(stream: mio::net::UnixStream) -> io::Result<Self> {
        Self::with_home(stream, current::home())
    }

    /// A stream that belongs to the runtime of `home`.
    pub(super) fn with_home(
        stream: mio::net::UnixStream,
        home: Arc<ReactorHandle>,
    ) -> io::Result<Self> {
        Source::with_home(stream, home).map(|source| Self { source })
    }

    /// The same stream, of which this is assumed.
    pub(super) fn assuming(self, outlook: Outlook) -> Self {
        Self {
            source: self.source.assuming(outlook),
        }
    }

    /// Two streams that are connected to each other, without addresses.
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
    /// use runtime::net::UnixStream;
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let (left, right) = UnixStream::pair()?;
    ///     left.try_write(b"ping")?;
    ///     right.readable().await?;
    ///     assert_eq!(right.try_read(&mut [0; 16])?, 4);
    ///     Ok(())
    /// }
    /// ```
    #[track_caller]
    pub fn pair() -> io::Result<(Self, Self)> {
        let (left, right) = mio::net::UnixStream::pair()?;
        let writable = Outlook::Ready(Ready::WRITABLE);
        Ok((
            Self::new(left)?.assuming(writable),
            Self::new(right)?.assuming(writable),
        ))
    }

    /// Takes over a stream of the standard library, which the caller has made non-blocking.
    ///
    /// # Errors
    ///
    /// When the system refuses to watch it.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, and within one that has no I/O. Builds with debug assertions also panic
    /// if the stream is blocking: it would block its worker.
    #[track_caller]
    pub fn from_std(stream: StdStream) -> io::Result<Self> {
        deny_blocking(&stream);
        // Nothing is assumed: what std calls a Unix stream may be any descriptor, and one of another
        // family may still be connecting.
        Self::new(mio::net::UnixStream::from_std(stream))
    }

    /// Gives the stream to the standard library. It stays non-blocking.
    ///
    /// # Errors
    ///
    /// When the system cannot stop watching it.
    pub fn into_std(self) -> io::Result<StdStream> {
        Ok(self.source.into_io()?.into())
    }

    /// The address of this side.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.source.io().local_addr().map(SocketAddr)
    }

    /// The address of the other side. It has one only if it was bound, as listeners are.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.source.io().peer_addr().map(SocketAddr)
    }

    /// Who is at the other end.
    ///
    /// # Errors
    ///
    /// What the system says; `Unsupported` on systems where nobody has written it yet, such as
    /// Solaris.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::net::UnixStream;
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let (left, _right) = UnixStream::pair()?;
    ///     if let Some(pid) = left.peer_cred()?.pid() {
    ///         assert_eq!(pid as u32, std::process::id());
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn peer_cred(&self) -> io::Result<UCred> {
        UCred::of_peer(self)
    }
}

crate::source::impl_as_system_socket!(UnixStream);

crate::source::impl_waits! {
    UnixStream;
    ready;
    readable;
}

crate::stream::impl_stream! {
    UnixStream, StdStream, halves;
    split;
}
