//! Connecting that races the addresses of a host ("happy eyeballs", RFC 8305).
//!
//! Hosts with addresses of both families may be reachable by one only, and a packet that nobody
//! answers costs minutes. So the attempts overlap: the next begins when the one before has failed or
//! has taken [`ATTEMPT_DELAY`], families taking turns, and the first connection that is open wins.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use runtime_net::{TcpStream, ToSocketAddrs, lookup_host};

use crate::time::{Sleep, sleep};

/// How long one attempt has for itself before the next begins. RFC 8305 recommends it (section 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Opens a connection to the address of `addr` that answers first.
///
/// The addresses are tried in the order of the resolver, except that the two families take turns. Each
/// attempt has 250 ms for itself; then the next begins beside it, and at once when all have failed.
/// The first connection that is open is kept, the others are closed. This is RFC 8305, without its
/// part about the resolver. Tokio has no such function.
///
/// [`TcpStream::connect`] tries one address after the other, as programs that count on an order
/// expect; it waits for each as long as the system does, which may be minutes.
///
/// # Errors
///
/// When no address has accepted: the error of the attempt that failed last; `InvalidInput` if there is
/// no address.
///
/// # Panics
///
/// Outside of a runtime, and within one that has no I/O; with more than one address also within one
/// that has no time.
///
/// # Cancel safety
///
/// Dropping the future closes all connections that were being opened.
///
/// # Examples
///
/// ```
/// use runtime::net::{TcpListener, connect_racing};
///
/// #[runtime::main]
/// async fn main() -> std::io::Result<()> {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let port = listener.local_addr()?.port();
///     // It may be known as `::1` too, where nobody listens.
///     let stream = connect_racing(("localhost", port)).await?;
///     assert_eq!(stream.peer_addr()?, listener.local_addr()?);
///     Ok(())
/// }
/// ```
pub async fn connect_racing<A: ToSocketAddrs>(addr: A) -> io::Result<TcpStream> {
    let addresses = take_turns(lookup_host(addr).await?);
    let mut race = Race {
        waiting: addresses,
        running: Vec::new(),
        delay: None,
        last_error: None,
    };
    poll_fn(|cx| race.poll(cx)).await
}

/// The addresses in their order, but the families in turns, beginning with that of the first.
fn take_turns(addresses: impl Iterator<Item = SocketAddr>) -> VecDeque<SocketAddr> {
    let mut addresses = addresses.peekable();
    let Some(first) = addresses.peek().copied() else {
        return VecDeque::new();
    };
    let (ours, theirs): (Vec<_>, Vec<_>) =
        addresses.partition(|address| address.is_ipv4() == first.is_ipv4());
    let mut ordered = VecDeque::with_capacity(ours.len() + theirs.len());
    let (mut ours, mut theirs) = (ours.into_iter(), theirs.into_iter());
    loop {
        let round = [ours.next(), theirs.next()];
        if round == [None, None] {
            return ordered;
        }
        ordered.extend(round.into_iter().flatten());
    }
}

/// One attempt to connect.
type Attempt = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;

/// The attempts, and what is left to be tried.
struct Race {
    waiting: VecDeque<SocketAddr>,
    running: Vec<Attempt>,
    /// Until the next attempt begins although the others are running. `None` if nothing is left.
    delay: Option<Pin<Box<Sleep>>>,
    last_error: Option<io::Error>,
}

impl Race {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<TcpStream>> {
        loop {
            let mut begins_next = false;
            let mut index = 0;
            while let Some(attempt) = self.running.get_mut(index) {
                match attempt.as_mut().poll(cx) {
                    Poll::Ready(Ok(stream)) => return Poll::Ready(Ok(stream)),
                    Poll::Ready(Err(error)) => {
                        self.last_error = Some(error);
                        drop(self.running.remove(index));
                        begins_next = true;
                    }
                    Poll::Pending => index += 1,
                }
            }
            if let Some(delay) = &mut self.delay
                && delay.as_mut().poll(cx).is_ready()
            {
                begins_next = true;
            }
            if !begins_next && !self.running.is_empty() {
                return Poll::Pending;
            }
            let Some(address) = self.waiting.pop_front() else {
                self.delay = None;
                if self.running.is_empty() {
                    return Poll::Ready(Err(self.error()));
                }
                return Poll::Pending;
            };
            self.running.push(Box::pin(TcpStream::connect(address)));
            self.delay = (!self.waiting.is_empty()).then(|| Box::pin(sleep(ATTEMPT_DELAY)));
        }
    }

    fn error(&mut self) -> io::Error {
        self.last_error.take().unwrap_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                "could not resolve to any address",
            )
        })
    }
}

#[cfg(all(test, not(rt_loom)))]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::net::{TcpListener, TcpSocket};
    use crate::runtime::Builder;

    fn block_on<F: Future>(future: F) -> F::Output {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(future)
    }

    #[test]
    fn the_families_take_turns() {
        let addresses = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let given = addresses(&["[::1]:1", "[::1]:2", "[::1]:3", "1.1.1.1:1", "1.1.1.1:2"]);
        let turns = addresses(&["[::1]:1", "1.1.1.1:1", "[::1]:2", "1.1.1.1:2", "[::1]:3"]);
        assert_eq!(take_turns(given.into_iter()), turns);
        assert!(take_turns(std::iter::empty()).is_empty());
    }

    /// An address where nobody listens.
    fn refusing() -> SocketAddr {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    }

    #[test]
    fn a_failed_attempt_begins_the_next_at_once() {
        block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let begin = Instant::now();
            let targets = [refusing(), refusing(), refusing(), refusing(), address];
            let stream = connect_racing(&targets[..]).await.unwrap();
            assert_eq!(stream.peer_addr().unwrap(), address);
            assert!(begin.elapsed() < 4 * ATTEMPT_DELAY);
        });
    }

    #[test]
    fn when_all_fail_the_last_error_is_told() {
        block_on(async {
            let targets = [refusing(), refusing()];
            let error = connect_racing(&targets[..]).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
            let error = connect_racing(&[][..]).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            assert_eq!(error.to_string(), "could not resolve to any address");
        });
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn an_address_that_does_not_answer_is_overtaken() {
        block_on(async {
            // A listener whose queue is full drops what asks for a connection.
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
            let silent = socket.listen(0).unwrap();
            let nowhere = silent.local_addr().unwrap();
            let mut queue = Vec::new();
            while let Ok(stream) =
                crate::time::timeout(ATTEMPT_DELAY, TcpStream::connect(nowhere)).await
            {
                queue.push(stream.unwrap());
            }

            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let stream = connect_racing(&[nowhere, address][..]).await.unwrap();
            assert_eq!(stream.peer_addr().unwrap(), address);
        });
    }

    #[test]
    fn the_future_may_be_sent() {
        fn is_send<T: Send>(_: &T) {}
        is_send(&connect_racing("localhost:1"));
    }
}
