//! One TCP connection.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use runtime_base::io::ReadBuf;

use super::halves;
use crate::addr::{ToSocketAddrs, first_success};
use crate::current;
use crate::interest::Interest;
use crate::reactor::ReactorHandle;
use crate::ready::Ready;
use crate::source::{Outlook, Socket, Source, deny_blocking};

/// A TCP connection between a local and a remote socket.
///
/// A stream comes from [`connect`](Self::connect) or from
/// [`TcpListener::accept`](crate::TcpListener::accept). Bytes are read and written through
/// `AsyncRead` and `AsyncWrite`, most comfortably with the methods of `AsyncReadExt` and
/// `AsyncWriteExt`. To read and write at the same time, [`split`](Self::split) the stream. Shutting
/// it down as an `AsyncWrite` ends the sending side; dropping it closes the connection.
///
/// # Examples
///
/// ```
/// use runtime::io::{AsyncReadExt, AsyncWriteExt};
/// use runtime::net::{TcpListener, TcpStream};
///
/// #[runtime::main]
/// async fn main() -> std::io::Result<()> {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let address = listener.local_addr()?;
///     runtime::spawn(async move {
///         let (mut stream, _peer) = listener.accept().await?;
///         stream.write_all(b"hello").await
///     });
///
///     let mut stream = TcpStream::connect(address).await?;
///     let mut greeting = String::new();
///     stream.read_to_string(&mut greeting).await?;
///     assert_eq!(greeting, "hello");
///     Ok(())
/// }
/// ```
pub struct TcpStream {
    source: Source<mio::net::TcpStream>,
}

/// What a stream is watched for. Where the system can tell of urgent bytes, that too: a read that
/// such a byte cut short must not be taken for one that took all there was.
#[cfg(any(target_os = "linux", target_os = "android"))]
const WATCHED: Interest = Interest::READABLE
    .add(Interest::WRITABLE)
    .add(Interest::PRIORITY);
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const WATCHED: Interest = Interest::READABLE.add(Interest::WRITABLE);

impl TcpStream {
    /// Opens a connection to `addr`.
    ///
    /// If `addr` has several addresses they are tried in turn until one accepts.
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
    /// Dropping the future closes the connection that was being opened.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::net::{TcpListener, TcpStream};
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     let stream = TcpStream::connect(listener.local_addr()?).await?;
    ///     assert_eq!(stream.peer_addr()?, listener.local_addr()?);
    ///     Ok(())
    /// }
    /// ```
    pub async fn connect<A: ToSocketAddrs>(addr: A) -> io::Result<Self> {
        first_success(addr, async |address| {
            Self::finish_connecting(mio::net::TcpStream::connect(address)?).await
        })
        .await
    }

    /// Waits until the connection that `stream` has begun to open is open.
    pub(crate) async fn finish_connecting(stream: mio::net::TcpStream) -> io::Result<Self> {
        let stream = Self::new(stream)?;
        stream.source.connected().await?;
        Ok(stream.assuming(Outlook::Ready(Ready::WRITABLE)))
    }

    #[track_caller]
    fn new(stream: mio::net::TcpStream) -> io::Result<Self> {
        Self::with_home(stream, current::home())
    }

    /// A stream that belongs to the runtime of `home`.
    pub(crate) fn with_home(
        stream: mio::net::TcpStream,
        home: Arc<ReactorHandle>,
    ) -> io::Result<Self> {
        Source::with_interest(stream, home, WATCHED).map(|source| Self { source })
    }

    /// The same stream, of which this is assumed.
    pub(crate) fn assuming(self, outlook: Outlook) -> Self {
        Self {
            source: self.source.assuming(outlook),
        }
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
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::net::TcpStream;
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    ///     let stream = std::net::TcpStream::connect(listener.local_addr()?)?;
    ///     stream.set_nonblocking(true)?;
    ///     let stream = TcpStream::from_std(stream)?;
    ///     stream.writable().await
    /// }
    /// ```
    #[track_caller]
    pub fn from_std(stream: std::net::TcpStream) -> io::Result<Self> {
        deny_blocking(&stream);
        // Nothing is assumed: the connection may still be opened, and then "writable" says that this
        // is done.
        Self::new(mio::net::TcpStream::from_std(stream))
    }

    /// Gives the stream to the standard library. It stays non-blocking.
    ///
    /// # Errors
    ///
    /// When the system cannot stop watching it.
    pub fn into_std(self) -> io::Result<std::net::TcpStream> {
        Ok(self.source.into_io()?.into())
    }

    /// The address of this side.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.source.io().local_addr()
    }

    /// The address of the other side.
    ///
    /// # Errors
    ///
    /// `NotConnected` if the connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.source.io().peer_addr()
    }

    /// Receives bytes without taking them out: the next read receives them again.
    ///
    /// Gives how many there were; zero if the peer ended its sending side or `buf` is empty.
    ///
    /// # Errors
    ///
    /// What the system says, and when the runtime shuts down.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::io::AsyncReadExt;
    /// use runtime::net::{TcpListener, TcpStream};
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     let client = TcpStream::connect(listener.local_addr()?).await?;
    ///     client.try_write(b"ping")?;
    ///
    ///     let (mut server, _) = listener.accept().await?;
    ///     let mut buf = [0; 4];
    ///     assert_eq!(server.peek(&mut buf[..1]).await?, 1);
    ///     server.read_exact(&mut buf).await?;
    ///     assert_eq!(&buf, b"ping");
    ///     Ok(())
    /// }
    /// ```
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.source.peek(buf).await
    }

    /// Polls to receive bytes without taking them out, into the unfilled part of `buf`.
    ///
    /// Only the latest task that called this, [`poll_read_ready`](Self::poll_read_ready) or
    /// `poll_read` is woken.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    pub fn poll_peek(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<usize>> {
        self.source.poll_peek(cx, buf)
    }

    /// Whether small writes are sent at once (`TCP_NODELAY`).
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.source.io().nodelay()
    }

    /// Says whether small writes are sent at once or collected (`TCP_NODELAY`, Nagle's algorithm).
    ///
    /// # Errors
    ///
    /// What the system says.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[runtime::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let listener = runtime::net::TcpListener::bind("127.0.0.1:0").await?;
    /// let stream = runtime::net::TcpStream::connect(listener.local_addr()?).await?;
    /// stream.set_nodelay(true)?;
    /// assert!(stream.nodelay()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.source.io().set_nodelay(nodelay)
    }

    /// Whether received segments are acknowledged at once (`TCP_QUICKACK`).
    ///
    /// # Errors
    ///
    /// What the system says.
    #[cfg(any(
        target_os = "linux",
        target_os = "android",
        target_os = "fuchsia",
        target_os = "cygwin"
    ))]
    pub fn quickack(&self) -> io::Result<bool> {
        self.source.io().as_socket().tcp_quickack()
    }

    /// Says whether received segments are acknowledged at once (`TCP_QUICKACK`). The system may
    /// change it back later.
    ///
    /// # Errors
    ///
    /// What the system says.
    #[cfg(any(
        target_os = "linux",
        target_os = "android",
        target_os = "fuchsia",
        target_os = "cygwin"
    ))]
    pub fn set_quickack(&self, quickack: bool) -> io::Result<()> {
        self.source.io().as_socket().set_tcp_quickack(quickack)
    }

    /// How long closing the socket waits for unsent bytes (`SO_LINGER`); `None` if it does not wait
    /// and the system sends them in the background.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        self.source.io().as_socket().linger()
    }

    /// Says how long closing the socket waits for unsent bytes (`SO_LINGER`), in whole seconds.
    ///
    /// Dropping the stream closes it, so a duration other than zero blocks the thread that drops
    /// it. For zero there is [`set_zero_linger`](Self::set_zero_linger).
    ///
    /// # Errors
    ///
    /// What the system says.
    #[deprecated = "closing a socket with `SO_LINGER` blocks the thread that drops it"]
    pub fn set_linger(&self, dur: Option<Duration>) -> io::Result<()> {
        self.source.io().as_socket().set_linger(dur)
    }

    /// Makes closing the socket reset the connection: unsent bytes are thrown away and the peer gets
    /// an error (`SO_LINGER` of zero).
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn set_zero_linger(&self) -> io::Result<()> {
        self.source
            .io()
            .as_socket()
            .set_linger(Some(Duration::ZERO))
    }

    /// How many hops a packet may take (`IP_TTL`).
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn ttl(&self) -> io::Result<u32> {
        self.source.io().ttl()
    }

    /// Says how many hops a packet may take (`IP_TTL`).
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.source.io().set_ttl(ttl)
    }
}

crate::source::impl_as_system_socket!(TcpStream);

crate::source::impl_waits! {
    TcpStream;
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::io::Interest;
    /// use runtime::net::{TcpListener, TcpStream};
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     let stream = TcpStream::connect(listener.local_addr()?).await?;
    ///     let ready = stream.ready(Interest::READABLE | Interest::WRITABLE).await?;
    ///     assert!(ready.is_writable());
    ///     assert_eq!(stream.try_write(b"ping")?, 4);
    ///     Ok(())
    /// }
    /// ```
    ready;
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::ErrorKind;
    ///
    /// async fn receive(stream: &runtime::net::TcpStream) -> std::io::Result<Vec<u8>> {
    ///     let mut buf = vec![0; 1024];
    ///     loop {
    ///         stream.readable().await?;
    ///         match stream.try_read(&mut buf) {
    ///             Ok(n) => {
    ///                 buf.truncate(n);
    ///                 return Ok(buf);
    ///             }
    ///             // A false alarm.
    ///             Err(error) if error.kind() == ErrorKind::WouldBlock => {}
    ///             Err(error) => return Err(error),
    ///         }
    ///     }
    /// }
    /// # #[runtime::main]
    /// # async fn main() -> std::io::Result<()> {
    /// #     let listener = runtime::net::TcpListener::bind("127.0.0.1:0").await?;
    /// #     let client = runtime::net::TcpStream::connect(listener.local_addr()?).await?;
    /// #     client.try_write(b"ping")?;
    /// #     let (server, _) = listener.accept().await?;
    /// #     assert_eq!(receive(&server).await?, b"ping");
    /// #     Ok(())
    /// # }
    /// ```
    readable;
}

crate::stream::impl_stream! {
    TcpStream, std::net::TcpStream, halves;
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::io::{AsyncReadExt, AsyncWriteExt};
    /// # use runtime::net::{TcpListener, TcpStream};
    ///
    /// # #[runtime::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let mut client = TcpStream::connect(listener.local_addr()?).await?;
    /// let (mut server, _) = listener.accept().await?;
    /// let (mut reader, mut writer) = server.split();
    /// client.write_all(b"ping").await?;
    /// client.shutdown().await?;
    /// runtime::io::copy(&mut reader, &mut writer).await?;
    /// let mut answer = [0; 4];
    /// client.read_exact(&mut answer).await?;
    /// assert_eq!(&answer, b"ping");
    /// # Ok(())
    /// # }
    /// ```
    split;
}
