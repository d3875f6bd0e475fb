//! A TCP socket that is neither connected nor listening.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use crate::source::open_socket;
use crate::tcp::listener::TcpListener;
use crate::tcp::stream::TcpStream;

/// A TCP socket that is neither connected nor listening, to set its options before it is.
///
/// [`TcpListener::bind`] and [`TcpStream::connect`] suffice when no options are needed. Making a
/// socket and setting its options needs no runtime; [`connect`](Self::connect) and
/// [`listen`](Self::listen) do.
///
/// # Examples
///
/// ```
/// use runtime::net::TcpSocket;
///
/// #[runtime::main]
/// async fn main() -> std::io::Result<()> {
///     let socket = TcpSocket::new_v4()?;
///     socket.set_reuseaddr(true)?;
///     socket.bind("127.0.0.1:0".parse().unwrap())?;
///     let listener = socket.listen(1024)?;
///
///     let socket = TcpSocket::new_v4()?;
///     socket.set_nodelay(true)?;
///     let stream = socket.connect(listener.local_addr()?).await?;
///     assert!(stream.nodelay()?);
///     Ok(())
/// }
/// ```
pub struct TcpSocket {
    socket: Socket,
}

impl TcpSocket {
    /// An IPv4 socket.
    ///
    /// # Errors
    ///
    /// When the system gives none.
    pub fn new_v4() -> io::Result<Self> {
        Self::new(Domain::IPV4)
    }

    /// An IPv6 socket.
    ///
    /// # Errors
    ///
    /// When the system gives none.
    pub fn new_v6() -> io::Result<Self> {
        Self::new(Domain::IPV6)
    }

    fn new(domain: Domain) -> io::Result<Self> {
        let socket = open_socket(domain, Type::STREAM, Some(Protocol::TCP))?;
        Ok(Self { socket })
    }

    /// Takes over a socket that was made as a stream of the standard library but is not connected
    /// yet, as some libraries that set options give it. The caller has made it non-blocking.
    ///
    /// # Panics
    ///
    /// Builds with debug assertions panic if the socket is blocking: it would block its worker.
    #[track_caller]
    pub fn from_std_stream(stream: std::net::TcpStream) -> Self {
        crate::source::deny_blocking(&stream);
        Self {
            socket: stream.into(),
        }
    }

    /// Gives the socket its local address. Port 0 lets the system choose one.
    ///
    /// # Errors
    ///
    /// What the system says, such as `AddrInUse`.
    pub fn bind(&self, addr: SocketAddr) -> io::Result<()> {
        self.socket.bind(&addr.into())
    }

    /// Opens a connection to `addr`.
    ///
    /// # Errors
    ///
    /// What the system says.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, and within one that has no I/O.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection that was being opened.
    pub async fn connect(self, addr: SocketAddr) -> io::Result<TcpStream> {
        if let Err(error) = self.socket.connect(&addr.into())
            && !is_in_progress(&error)
        {
            return Err(error);
        }
        let stream = mio::net::TcpStream::from_std(self.socket.into());
        TcpStream::finish_connecting(stream).await
    }

    /// Makes the socket a listener. At most `backlog` connections wait to be accepted; the system
    /// may have a lower limit of its own.
    ///
    /// # Errors
    ///
    /// What the system says.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, and within one that has no I/O.
    #[track_caller]
    pub fn listen(self, backlog: u32) -> io::Result<TcpListener> {
        // More than the system can be told is as much as it can be told.
        let backlog = i32::try_from(backlog).unwrap_or(i32::MAX);
        self.socket.listen(backlog)?;
        TcpListener::new(mio::net::TcpListener::from_std(self.socket.into()))
    }

    /// The address of this side.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        let address = self.socket.local_addr()?;
        address
            .as_socket()
            .ok_or_else(|| io::Error::other("the socket has no IP address"))
    }

    /// Takes the error that the system has pending for this socket (`SO_ERROR`).
    ///
    /// # Errors
    ///
    /// When the system cannot tell.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.take_error()
    }

    /// Whether the system probes an idle connection (`SO_KEEPALIVE`).
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn keepalive(&self) -> io::Result<bool> {
        self.socket.keepalive()
    }

    /// Says whether the system probes an idle connection (`SO_KEEPALIVE`).
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn set_keepalive(&self, keepalive: bool) -> io::Result<()> {
        self.socket.set_keepalive(keepalive)
    }

    /// Whether an address that was in use a moment ago may be bound (`SO_REUSEADDR`).
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn reuseaddr(&self) -> io::Result<bool> {
        self.socket.reuse_address()
    }

    /// Says whether an address that was in use a moment ago may be bound (`SO_REUSEADDR`). It counts
    /// only before [`bind`](Self::bind).
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn set_reuseaddr(&self, reuseaddr: bool) -> io::Result<()> {
        self.socket.set_reuse_address(reuseaddr)
    }

    /// Whether several sockets may bind the same address (`SO_REUSEPORT`).
    ///
    /// # Errors
    ///
    /// What the system says.
    #[cfg(all(
        unix,
        not(any(
            target_os = "solaris",
            target_os = "illumos",
            target_os = "cygwin",
            target_os = "nuttx"
        ))
    ))]
    pub fn reuseport(&self) -> io::Result<bool> {
        self.socket.reuse_port()
    }

    /// Says whether several sockets may bind the same address (`SO_REUSEPORT`), so that the system
    /// spreads connections over them. It counts only before [`bind`](Self::bind).
    ///
    /// # Errors
    ///
    /// What the system says.
    #[cfg(all(
        unix,
        not(any(
            target_os = "solaris",
            target_os = "illumos",
            target_os = "cygwin",
            target_os = "nuttx"
        ))
    ))]
    pub fn set_reuseport(&self, reuseport: bool) -> io::Result<()> {
        self.socket.set_reuse_port(reuseport)
    }

    /// How many bytes the system buffers that are to be sent (`SO_SNDBUF`). Linux tells twice what was
    /// set.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn send_buffer_size(&self) -> io::Result<u32> {
        let size = self.socket.send_buffer_size()?;
        Ok(u32::try_from(size).unwrap_or(u32::MAX))
    }

    /// Says how many bytes the system buffers that are to be sent (`SO_SNDBUF`).
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn set_send_buffer_size(&self, size: u32) -> io::Result<()> {
        self.socket.set_send_buffer_size(size as usize)
    }

    /// How many bytes the system buffers that were received (`SO_RCVBUF`). Linux tells twice what was set.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn recv_buffer_size(&self) -> io::Result<u32> {
        let size = self.socket.recv_buffer_size()?;
        Ok(u32::try_from(size).unwrap_or(u32::MAX))
    }

    /// Says how many bytes the system buffers that were received (`SO_RCVBUF`). The window of the
    /// connection follows it, so it is best set before connecting or listening.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn set_recv_buffer_size(&self, size: u32) -> io::Result<()> {
        self.socket.set_recv_buffer_size(size as usize)
    }

    /// How long closing the socket waits for unsent bytes (`SO_LINGER`); `None` if it does not wait
    /// and the system sends them in the background.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        self.socket.linger()
    }

    /// Says how long closing the socket waits for unsent bytes (`SO_LINGER`), in whole seconds.
    ///
    /// Dropping the socket closes it, so a duration other than zero blocks the thread that drops it.
    /// For zero there is [`set_zero_linger`](Self::set_zero_linger).
    ///
    /// # Errors
    ///
    /// What the system says.
    #[deprecated = "closing a socket with `SO_LINGER` blocks the thread that drops it"]
    pub fn set_linger(&self, dur: Option<Duration>) -> io::Result<()> {
        self.socket.set_linger(dur)
    }

    /// Makes closing the socket reset the connection: unsent bytes are thrown away and the peer gets
    /// an error (`SO_LINGER` of zero).
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn set_zero_linger(&self) -> io::Result<()> {
        self.socket.set_linger(Some(Duration::ZERO))
    }

    /// Whether small writes are sent at once (`TCP_NODELAY`).
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.socket.tcp_nodelay()
    }

    /// Says whether small writes are sent at once or collected (`TCP_NODELAY`, Nagle's algorithm).
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.socket.set_tcp_nodelay(nodelay)
    }
}

crate::ip_options::impl_ip_options!(TcpSocket, |this| socket2::SockRef::from(&this.socket));

/// Whether `error` says that a connection is being opened.
fn is_in_progress(error: &io::Error) -> bool {
    #[cfg(unix)]
    return error.raw_os_error() == Some(libc::EINPROGRESS);
    #[cfg(not(unix))]
    return error.kind() == io::ErrorKind::WouldBlock;
}

impl fmt::Debug for TcpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.socket.fmt(f)
    }
}

crate::source::impl_owned_system_socket!(TcpSocket);
