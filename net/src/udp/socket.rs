//! A socket that sends and receives UDP datagrams.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use runtime_base::io::ReadBuf;
use socket2::SockAddr;

use crate::addr::{ToSocketAddrs, first_done, resolve};
use crate::ready::Ready;
use crate::source::{Addressed, Outlook, Source, deny_blocking};

/// A socket that sends and receives UDP datagrams.
///
/// It is used in one of two ways:
///
/// - Not connected, it exchanges datagrams with everybody: [`send_to`](Self::send_to) and
///   [`recv_from`](Self::recv_from).
/// - [Connected](Self::connect), it sends to one address and receives from it only:
///   [`send`](Self::send) and [`recv`](Self::recv).
///
/// All of this takes `&self`, so that any number of tasks may share a socket in an
/// [`Arc`](std::sync::Arc); there is no `split`. What many datagrams cost is mostly the system calls:
/// [`recv_many`](Self::recv_many) and [`send_many`](Self::send_many) move many with one.
///
/// A datagram is received whole. What does not fit into the buffer is thrown away, without an error
/// on most systems.
///
/// # Examples
///
/// A server that sends back what it gets:
///
/// ```
/// use runtime::net::UdpSocket;
///
/// async fn echo(socket: UdpSocket) -> std::io::Result<()> {
///     let mut buf = [0; 1500];
///     loop {
///         let (n, peer) = socket.recv_from(&mut buf).await?;
///         socket.send_to(&buf[..n], peer).await?;
///     }
/// }
///
/// #[runtime::main]
/// async fn main() -> std::io::Result<()> {
///     let server = UdpSocket::bind("127.0.0.1:0").await?;
///     let address = server.local_addr()?;
///     runtime::spawn(echo(server));
///
///     let client = UdpSocket::bind("127.0.0.1:0").await?;
///     client.connect(address).await?;
///     client.send(b"ping").await?;
///     let mut answer = [0; 16];
///     let n = client.recv(&mut answer).await?;
///     assert_eq!(&answer[..n], b"ping");
///     Ok(())
/// }
/// ```
pub struct UdpSocket {
    pub(super) source: Source<mio::net::UdpSocket>,
}

impl Addressed for mio::net::UdpSocket {
    type Address = SocketAddr;

    #[inline]
    fn address(address: SockAddr) -> io::Result<SocketAddr> {
        address
            .as_socket()
            .ok_or_else(|| io::Error::other("the sender has no IP address"))
    }
}

impl UdpSocket {
    /// Makes a socket with the local address `addr`. Port 0 lets the system choose one; see
    /// [`local_addr`](Self::local_addr).
    ///
    /// If `addr` has several addresses they are tried in turn until one succeeds.
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
            Self::new(mio::net::UdpSocket::bind(address)?)
        })
        .await
    }

    #[track_caller]
    fn new(socket: mio::net::UdpSocket) -> io::Result<Self> {
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
    ///
    /// # Examples
    ///
    /// ```
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
    ///     socket.set_nonblocking(true)?;
    ///     let socket = runtime::net::UdpSocket::from_std(socket)?;
    ///     assert_ne!(socket.local_addr()?.port(), 0);
    ///     Ok(())
    /// }
    /// ```
    #[track_caller]
    pub fn from_std(socket: std::net::UdpSocket) -> io::Result<Self> {
        deny_blocking(&socket);
        Self::new(mio::net::UdpSocket::from_std(socket))
    }

    /// Gives the socket to the standard library. It stays non-blocking.
    ///
    /// # Errors
    ///
    /// When the system cannot stop watching it.
    pub fn into_std(self) -> io::Result<std::net::UdpSocket> {
        let socket = self.source.into_io()?;
        #[cfg(unix)]
        return Ok(std::os::fd::OwnedFd::from(socket).into());
        #[cfg(windows)]
        return Ok(std::os::windows::io::OwnedSocket::from(socket).into());
    }

    /// Connects the socket to `addr`: it sends there when no target is given, and receives from
    /// there only. Nothing is sent for it.
    ///
    /// If `addr` has several addresses they are tried in turn until one succeeds. A socket that is
    /// connected already is connected anew.
    ///
    /// # Errors
    ///
    /// The error of the last address that was tried; `InvalidInput` if there is no address. An
    /// address of another family than the socket's is an error of the system's.
    ///
    /// # Cancel safety
    ///
    /// A lookup that was begun goes on, and its result is forgotten.
    pub async fn connect<A: ToSocketAddrs>(&self, addr: A) -> io::Result<()> {
        first_done(addr, |address| self.source.io().connect(address)).await
    }

    /// The address of this side.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.source.io().local_addr()
    }

    /// The address that the socket is connected to.
    ///
    /// # Errors
    ///
    /// `NotConnected` if it is not.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.source.io().peer_addr()
    }

    /// Sends a datagram to `target`. Gives how many bytes were sent, which is all of them.
    ///
    /// If `target` has several addresses the first is used.
    ///
    /// # Errors
    ///
    /// What the system says: the datagram is too large, the address is of another family than the
    /// socket's, or an earlier datagram was refused. `InvalidInput` if there is no address.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, nothing was sent.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::net::UdpSocket;
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let receiver = UdpSocket::bind("127.0.0.1:0").await?;
    ///     let sender = UdpSocket::bind("127.0.0.1:0").await?;
    ///     sender.send_to(b"hello", receiver.local_addr()?).await?;
    ///
    ///     let mut buf = [0; 16];
    ///     let (n, from) = receiver.recv_from(&mut buf).await?;
    ///     assert_eq!(&buf[..n], b"hello");
    ///     assert_eq!(from, sender.local_addr()?);
    ///     Ok(())
    /// }
    /// ```
    pub async fn send_to<A: ToSocketAddrs>(&self, buf: &[u8], target: A) -> io::Result<usize> {
        let Some(address) = resolve(target).await?.next() else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "no addresses to send data to",
            ));
        };
        self.source.send_datagram_to(buf, &address.into()).await
    }

    /// Polls to send a datagram to `target`.
    ///
    /// Only the latest task that called this or another function named `poll_send…` is woken.
    ///
    /// # Errors
    ///
    /// As [`send_to`](Self::send_to).
    pub fn poll_send_to(
        &self,
        cx: &mut Context<'_>,
        buf: &[u8],
        target: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        self.source.poll_send_datagram_to(cx, buf, &target.into())
    }

    /// Sends a datagram to `target`, without waiting.
    ///
    /// # Errors
    ///
    /// As [`send_to`](Self::send_to), and `WouldBlock` if there is no room; see
    /// [`writable`](Self::writable) for how to wait.
    pub fn try_send_to(&self, buf: &[u8], target: SocketAddr) -> io::Result<usize> {
        self.source.try_send_datagram_to(buf, &target.into())
    }

    /// Receives a datagram without taking it out: the next call receives it again.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.source.peek(buf).await
    }

    /// Polls to receive a datagram without taking it out, into the unfilled part of `buf`.
    ///
    /// Only the latest task that called this or another function named `poll_recv…` or `poll_peek…`
    /// is woken.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn poll_peek(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.source.poll_peek(cx, buf).map_ok(drop)
    }

    /// Receives a datagram that is there without taking it out and without waiting.
    ///
    /// # Errors
    ///
    /// As [`try_recv`](Self::try_recv).
    pub fn try_peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.source.try_peek_datagram(buf)
    }

    /// Receives a datagram without taking it out. Gives how many bytes it has, and who sent it.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](Self::recv_from).
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.source.peek_datagram_from(buf).await
    }

    /// Polls to receive a datagram without taking it out, into the unfilled part of `buf`. Gives who
    /// sent it.
    ///
    /// Only the latest task that called this or another function named `poll_recv…` or `poll_peek…`
    /// is woken.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](Self::recv_from).
    pub fn poll_peek_from(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<SocketAddr>> {
        self.source.poll_peek_datagram_from(cx, buf)
    }

    /// Receives a datagram that is there without taking it out and without waiting. Gives how many
    /// bytes it has, and who sent it.
    ///
    /// # Errors
    ///
    /// As [`try_recv_from`](Self::try_recv_from).
    pub fn try_peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.source.try_peek_datagram_from(buf)
    }

    /// Waits for a datagram and tells who sent it, without receiving it.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](Self::recv_from).
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn peek_sender(&self) -> io::Result<SocketAddr> {
        self.source.peek_sender().await
    }

    /// Polls for a datagram and tells who sent it, without receiving it.
    ///
    /// Only the latest task that called this or another function named `poll_recv…` or `poll_peek…`
    /// is woken.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](Self::recv_from).
    pub fn poll_peek_sender(&self, cx: &mut Context<'_>) -> Poll<io::Result<SocketAddr>> {
        self.source.poll_peek_sender(cx)
    }

    /// Tells who sent the datagram that is there, without receiving it and without waiting.
    ///
    /// # Errors
    ///
    /// As [`try_recv_from`](Self::try_recv_from).
    pub fn try_peek_sender(&self) -> io::Result<SocketAddr> {
        self.source.try_peek_sender()
    }
}

crate::source::impl_as_system_socket!(UdpSocket);

crate::source::impl_waits! {
    UdpSocket;
    ready;
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::ErrorKind;
    ///
    /// use runtime::net::UdpSocket;
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let socket = UdpSocket::bind("127.0.0.1:0").await?;
    ///     socket.try_send_to(b"ping", socket.local_addr()?)?;
    ///     let mut buf = [0; 16];
    ///     let n = loop {
    ///         socket.readable().await?;
    ///         match socket.try_recv(&mut buf) {
    ///             // A false alarm.
    ///             Err(error) if error.kind() == ErrorKind::WouldBlock => {}
    ///             result => break result?,
    ///         }
    ///     };
    ///     assert_eq!(&buf[..n], b"ping");
    ///     Ok(())
    /// }
    /// ```
    readable;
}

crate::datagram::impl_datagram! {
    UdpSocket, SocketAddr, std::net::UdpSocket;
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::net::UdpSocket;
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let socket = UdpSocket::bind("127.0.0.1:0").await?;
    ///     socket.connect(socket.local_addr()?).await?;
    ///     socket.send(b"to myself").await?;
    ///     let mut buf = Vec::with_capacity(1500);
    ///     socket.recv_buf(&mut buf).await?;
    ///     assert_eq!(buf, b"to myself");
    ///     Ok(())
    /// }
    /// ```
    recv_buf;
}
