//! Several listeners at one address.

use std::io;

use super::listener::TcpListener;
use super::socket::TcpSocket;
use crate::addr::{ToSocketAddrs, first_done};

/// How many connections wait to be accepted, chosen: a burst must not be met with SYN cookies.
const BACKLOG: u32 = 1024;

impl TcpListener {
    /// Makes `count` sockets that all listen at `addr` (`SO_REUSEPORT`), so that each worker can accept
    /// from one of its own. Port 0 lets the system choose one port for all of them.
    ///
    /// Linux spreads the connections over the sockets; on other systems it may be that one gets them
    /// all. A connection belongs to the socket that it was given to: when that is dropped, those which
    /// were not accepted yet are reset, although the others go on. If `addr` has several addresses they
    /// are tried in turn until one succeeds. Tokio has no such function.
    ///
    /// # Errors
    ///
    /// The error of the last address that was tried; `InvalidInput` if there is no address.
    /// `AddrInUse` if the address is in use by a socket that does not share it.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, and within one that has no I/O.
    ///
    /// # Cancel safety
    ///
    /// Nothing is left behind.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::net::{TcpListener, TcpStream};
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let listeners = TcpListener::bind_reuseport("127.0.0.1:0", 4).await?;
    ///     let address = listeners[0].local_addr()?;
    ///     for listener in listeners {
    ///         assert_eq!(listener.local_addr()?, address);
    ///         runtime::spawn(async move {
    ///             while let Ok((stream, _peer)) = listener.accept().await {
    ///                 stream.try_write(b"hello").ok();
    ///             }
    ///         });
    ///     }
    ///     let stream = TcpStream::connect(address).await?;
    ///     stream.readable().await?;
    ///     assert_eq!(stream.try_read(&mut [0; 16])?, 5);
    ///     Ok(())
    /// }
    /// ```
    pub async fn bind_reuseport<A: ToSocketAddrs>(addr: A, count: usize) -> io::Result<Vec<Self>> {
        first_done(addr, |mut address| {
            let mut listeners = Vec::new();
            for _ in 0..count {
                let socket = if address.is_ipv4() {
                    TcpSocket::new_v4()?
                } else {
                    TcpSocket::new_v6()?
                };
                socket.set_reuseaddr(true)?;
                socket.set_reuseport(true)?;
                socket.bind(address)?;
                // The others get the port that the first was given.
                address = socket.local_addr()?;
                listeners.push(socket.listen(BACKLOG)?);
            }
            Ok(listeners)
        })
        .await
    }
}
