//! Many datagrams with one system call.
//!
//! Linux has `recvmmsg` and `sendmmsg`. Elsewhere the same functions make one system call for each
//! datagram; what they save there is only the way through the readiness.

#[cfg(any(target_os = "android", target_os = "linux"))]
mod mmsg;
#[cfg(any(test, not(any(target_os = "android", target_os = "linux"))))]
mod portable;

#[cfg(any(target_os = "android", target_os = "linux"))]
use mmsg as system;
#[cfg(not(any(target_os = "android", target_os = "linux")))]
use portable as system;

use std::io;
use std::net::SocketAddr;

pub(super) use self::system::Scratch;
use super::batch::RecvBatch;
use super::socket::UdpSocket;
use crate::interest::Interest;
use crate::source::Done;

/// Datagrams to be sent. The bytes live as long as `'a`, and asking again need not give the same.
trait Outgoing<'a> {
    fn len(&self) -> usize;

    /// The bytes of the datagram with this index, and where it goes if that is not where the socket
    /// is connected to.
    fn get(&self, index: usize) -> (&'a [u8], Option<SocketAddr>);
}

/// To where the socket is connected to.
struct ToPeer<'a, B>(&'a [B]);

impl<'a, B: AsRef<[u8]>> Outgoing<'a> for ToPeer<'a, B> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn get(&self, index: usize) -> (&'a [u8], Option<SocketAddr>) {
        (self.0[index].as_ref(), None)
    }
}

/// Each to an address of its own.
struct ToEach<'a, B>(&'a [(B, SocketAddr)]);

impl<'a, B: AsRef<[u8]>> Outgoing<'a> for ToEach<'a, B> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn get(&self, index: usize) -> (&'a [u8], Option<SocketAddr>) {
        let (bytes, target) = &self.0[index];
        (bytes.as_ref(), Some(*target))
    }
}

impl UdpSocket {
    /// Receives many datagrams with one system call: waits for the first, and takes along those that
    /// are there, as many as `batch` has room for. Gives how many were received.
    ///
    /// What was in `batch` is replaced. A batch without room makes the call end at once, with 0.
    /// Tokio has no such function. On systems other than Linux there is one system call for each
    /// datagram.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](Self::recv_from), of the first datagram; `batch` is empty then. An error that
    /// concerns a later one is left to the next call, or forgotten where the system does not keep it.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, nothing was received; `batch` is empty.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::net::{RecvBatch, UdpSocket};
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let socket = UdpSocket::bind("127.0.0.1:0").await?;
    ///     socket.send_to(b"ping", socket.local_addr()?).await?;
    ///     let mut batch = RecvBatch::new(64, 1500);
    ///     assert_eq!(socket.recv_many(&mut batch).await?, 1);
    ///     assert_eq!(batch.get(0).unwrap().bytes(), b"ping");
    ///     Ok(())
    /// }
    /// ```
    pub async fn recv_many(&self, batch: &mut RecvBatch) -> io::Result<usize> {
        batch.emptied();
        if batch.capacity() == 0 {
            return Ok(0);
        }
        self.source
            .perform(Interest::READABLE, |socket| {
                // Fewer than there is room for would say that the socket is drained, or that an error
                // has come in between: that makes no further event, so nothing may rely on it.
                system::recv_many(socket, batch.emptied()).map(Done::More)
            })
            .await
    }

    /// Receives the datagrams that are there, without waiting.
    ///
    /// A function named `poll_…` can be made of it and [`poll_recv_ready`](Self::poll_recv_ready).
    ///
    /// # Errors
    ///
    /// As [`recv_many`](Self::recv_many), and `WouldBlock` if there is none; see
    /// [`readable`](Self::readable) for how to wait.
    pub fn try_recv_many(&self, batch: &mut RecvBatch) -> io::Result<usize> {
        batch.emptied();
        if batch.capacity() == 0 {
            return Ok(0);
        }
        self.source.try_io(Interest::READABLE, |socket| {
            system::recv_many(socket, batch.emptied())
        })
    }

    /// Sends many datagrams to the address that the socket is connected to, with one system call:
    /// waits until there is room for the first, and sends as many as there is room for. Gives how
    /// many were sent; these are the first ones.
    ///
    /// Tokio has no such function. On systems other than Linux there is one system call for each
    /// datagram.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), of the first datagram. After an error of a later one the call gives
    /// how many were sent before; the next call, which begins with that one, gives the error.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, nothing was sent.
    ///
    /// # Examples
    ///
    /// To send all of them, whatever it takes:
    ///
    /// ```
    /// use runtime::net::UdpSocket;
    ///
    /// async fn send_all(socket: &UdpSocket, mut datagrams: &[Vec<u8>]) -> std::io::Result<()> {
    ///     while !datagrams.is_empty() {
    ///         let n = socket.send_many(datagrams).await?;
    ///         datagrams = &datagrams[n..];
    ///     }
    ///     Ok(())
    /// }
    /// # #[runtime::main]
    /// # async fn main() -> std::io::Result<()> {
    /// #     let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// #     socket.connect(socket.local_addr()?).await?;
    /// #     send_all(&socket, &[vec![1], vec![2]]).await
    /// # }
    /// ```
    pub async fn send_many<B: AsRef<[u8]>>(&self, datagrams: &[B]) -> io::Result<usize> {
        self.send_outgoing(&ToPeer(datagrams)).await
    }

    /// Sends many datagrams to the address that the socket is connected to, without waiting.
    ///
    /// # Errors
    ///
    /// As [`send_many`](Self::send_many), and `WouldBlock` if there is no room for the first; see
    /// [`writable`](Self::writable) for how to wait.
    pub fn try_send_many<B: AsRef<[u8]>>(&self, datagrams: &[B]) -> io::Result<usize> {
        self.try_send_outgoing(&ToPeer(datagrams))
    }

    /// Sends many datagrams, each to an address of its own, with one system call. Otherwise it is
    /// [`send_many`](Self::send_many).
    ///
    /// # Errors
    ///
    /// As [`send_to`](Self::send_to), of the first datagram. After an error of a later one the call
    /// gives how many were sent before; the next call, which begins with that one, gives the error.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, nothing was sent.
    pub async fn send_many_to<B: AsRef<[u8]>>(
        &self,
        datagrams: &[(B, SocketAddr)],
    ) -> io::Result<usize> {
        self.send_outgoing(&ToEach(datagrams)).await
    }

    /// Sends many datagrams, each to an address of its own, without waiting.
    ///
    /// # Errors
    ///
    /// As [`send_many_to`](Self::send_many_to), and `WouldBlock` if there is no room for the first;
    /// see [`writable`](Self::writable) for how to wait.
    pub fn try_send_many_to<B: AsRef<[u8]>>(
        &self,
        datagrams: &[(B, SocketAddr)],
    ) -> io::Result<usize> {
        self.try_send_outgoing(&ToEach(datagrams))
    }

    async fn send_outgoing<'a>(&self, datagrams: &impl Outgoing<'a>) -> io::Result<usize> {
        if datagrams.len() == 0 {
            return Ok(0);
        }
        self.source
            .perform(Interest::WRITABLE, |socket| {
                system::send_many(socket, datagrams).map(Done::More)
            })
            .await
    }

    fn try_send_outgoing<'a>(&self, datagrams: &impl Outgoing<'a>) -> io::Result<usize> {
        if datagrams.len() == 0 {
            return Ok(0);
        }
        self.source.try_io(Interest::WRITABLE, |socket| {
            system::send_many(socket, datagrams)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What both ways of moving many datagrams do.
    macro_rules! each_way {
        ($name:ident: |$recv_many:ident, $send_many:ident| $body:block) => {
            mod $name {
                use super::*;

                fn check(
                    $recv_many: impl Fn(&mio::net::UdpSocket, &mut RecvBatch) -> io::Result<usize>,
                    $send_many: impl Fn(
                        &mio::net::UdpSocket,
                        &[(&[u8], SocketAddr)],
                    ) -> io::Result<usize>,
                ) {
                    $body
                }

                #[test]
                fn with_the_call_of_this_system() {
                    check(
                        |socket, batch| system::recv_many(socket, batch.emptied()),
                        |socket, datagrams| system::send_many(socket, &ToEach(datagrams)),
                    );
                }

                #[test]
                fn with_one_call_for_each() {
                    check(
                        |socket, batch| portable::recv_many(socket, batch.emptied()),
                        |socket, datagrams| portable::send_many(socket, &ToEach(datagrams)),
                    );
                }
            }
        };
    }

    fn bind(address: &str) -> (mio::net::UdpSocket, SocketAddr) {
        let socket = mio::net::UdpSocket::bind(address.parse().unwrap()).unwrap();
        let address = socket.local_addr().unwrap();
        (socket, address)
    }

    each_way!(datagrams_arrive_in_order_and_are_cut: |recv_many, send_many| {
        for host in ["127.0.0.1:0", "[::1]:0"] {
            let (receiver, to) = bind(host);
            let (sender, from) = bind(host);
            let long = [7; 16];
            let sent = send_many(&sender, &[(b"one", to), (b"", to), (&long, to), (b"4", to)]);
            assert_eq!(sent.unwrap(), 4);
            let mut batch = RecvBatch::new(3, 8);
            assert_eq!(recv_many(&receiver, &mut batch).unwrap(), 3);
            assert_eq!(batch.iter().len(), 3);
            let datagrams: Vec<_> = batch.iter().collect();
            assert_eq!(datagrams.iter().map(|d| d.bytes()).collect::<Vec<_>>(), [
                b"one",
                &b""[..],
                &long[..8],
            ]);
            assert!(datagrams.iter().all(|d| d.sender() == from));
            let truncated: Vec<_> = datagrams.iter().map(|d| d.is_truncated()).collect();
            assert_eq!(truncated, [false, false, true]);

            assert_eq!(recv_many(&receiver, &mut batch).unwrap(), 1);
            assert_eq!(batch.get(0).unwrap().bytes(), b"4");
            assert!(batch.get(1).is_none());
            let error = recv_many(&receiver, &mut batch).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
            assert!(batch.is_empty());
        }
    });

    each_way!(an_error_of_a_later_datagram_is_left_to_the_next_call: |_recv_many, send_many| {
        let (sender, _) = bind("127.0.0.1:0");
        let (_receiver, to) = bind("127.0.0.1:0");
        let too_large = vec![0; 1 << 16];
        let datagrams: [(&[u8], _); 3] = [(b"one", to), (&too_large, to), (b"three", to)];
        assert_eq!(send_many(&sender, &datagrams).unwrap(), 1);
        send_many(&sender, &datagrams[1..]).unwrap_err();
        assert_eq!(send_many(&sender, &datagrams[2..]).unwrap(), 1);
    });

    #[test]
    fn places_of_no_size_receive_too() {
        let (receiver, to) = bind("127.0.0.1:0");
        receiver.send_to(b"gone", to).unwrap();
        let mut batch = RecvBatch::new(2, 0);
        assert_eq!(system::recv_many(&receiver, batch.emptied()).unwrap(), 1);
        let datagram = batch.get(0).unwrap();
        assert!(datagram.bytes().is_empty() && datagram.is_truncated());
    }
}
