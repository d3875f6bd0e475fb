//! The options of UDP sockets.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::socket::UdpSocket;

impl UdpSocket {
    /// Whether datagrams may be sent to broadcast addresses (`SO_BROADCAST`).
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn broadcast(&self) -> io::Result<bool> {
        self.source.io().broadcast()
    }

    /// Says whether datagrams may be sent to broadcast addresses (`SO_BROADCAST`). Without it that is
    /// `PermissionDenied`.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn set_broadcast(&self, on: bool) -> io::Result<()> {
        self.source.io().set_broadcast(on)
    }

    /// Whether IPv4 multicast datagrams that this host sends come back to it (`IP_MULTICAST_LOOP`).
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn multicast_loop_v4(&self) -> io::Result<bool> {
        self.source.io().multicast_loop_v4()
    }

    /// Says whether IPv4 multicast datagrams that this host sends come back to it
    /// (`IP_MULTICAST_LOOP`).
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn set_multicast_loop_v4(&self, on: bool) -> io::Result<()> {
        self.source.io().set_multicast_loop_v4(on)
    }

    /// How many hops an IPv4 multicast datagram may take (`IP_MULTICAST_TTL`); 1 means that it does
    /// not leave the local network.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn multicast_ttl_v4(&self) -> io::Result<u32> {
        self.source.io().multicast_ttl_v4()
    }

    /// Says how many hops an IPv4 multicast datagram may take (`IP_MULTICAST_TTL`).
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn set_multicast_ttl_v4(&self, ttl: u32) -> io::Result<()> {
        self.source.io().set_multicast_ttl_v4(ttl)
    }

    /// Whether IPv6 multicast datagrams that this host sends come back to it
    /// (`IPV6_MULTICAST_LOOP`).
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn multicast_loop_v6(&self) -> io::Result<bool> {
        self.source.io().multicast_loop_v6()
    }

    /// Says whether IPv6 multicast datagrams that this host sends come back to it
    /// (`IPV6_MULTICAST_LOOP`).
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn set_multicast_loop_v6(&self, on: bool) -> io::Result<()> {
        self.source.io().set_multicast_loop_v6(on)
    }

    /// Receives what is sent to the group `multiaddr` too (`IP_ADD_MEMBERSHIP`), at the interface
    /// whose address is `interface`; the system chooses one if that is `0.0.0.0`.
    ///
    /// # Errors
    ///
    /// What the system says, such as `InvalidInput` if `multiaddr` is no multicast address.
    pub fn join_multicast_v4(&self, multiaddr: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        self.source.io().join_multicast_v4(&multiaddr, &interface)
    }

    /// Receives what is sent to the group `multiaddr` too (`IPV6_ADD_MEMBERSHIP`), at the interface
    /// with the index `interface`; the system chooses one if that is 0.
    ///
    /// # Errors
    ///
    /// As [`join_multicast_v4`](Self::join_multicast_v4).
    pub fn join_multicast_v6(&self, multiaddr: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.source.io().join_multicast_v6(multiaddr, interface)
    }

    /// Undoes [`join_multicast_v4`](Self::join_multicast_v4) (`IP_DROP_MEMBERSHIP`).
    ///
    /// # Errors
    ///
    /// What the system says, such as `AddrNotAvailable` if the socket is not in the group.
    pub fn leave_multicast_v4(&self, multiaddr: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        self.source.io().leave_multicast_v4(&multiaddr, &interface)
    }

    /// Undoes [`join_multicast_v6`](Self::join_multicast_v6) (`IPV6_DROP_MEMBERSHIP`).
    ///
    /// # Errors
    ///
    /// As [`leave_multicast_v4`](Self::leave_multicast_v4).
    pub fn leave_multicast_v6(&self, multiaddr: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.source.io().leave_multicast_v6(multiaddr, interface)
    }

    /// How many hops a datagram may take (`IP_TTL`).
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn ttl(&self) -> io::Result<u32> {
        self.source.io().ttl()
    }

    /// Says how many hops a datagram may take (`IP_TTL`).
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
    /// let socket = runtime::net::UdpSocket::bind("127.0.0.1:0").await?;
    /// socket.set_ttl(32)?;
    /// assert_eq!(socket.ttl()?, 32);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.source.io().set_ttl(ttl)
    }

    /// Takes the error that the system has pending for this socket (`SO_ERROR`).
    ///
    /// # Errors
    ///
    /// When the system cannot tell.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.source.io().take_error()
    }
}

crate::ip_options::impl_ip_options!(UdpSocket, |this| {
    use crate::source::Socket as _;
    this.source.io().as_socket()
});
