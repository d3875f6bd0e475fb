//! Requests that are sent when they are due, whether or not the earlier ones were answered.
//!
//! A client that waits for each answer stops asking while the server stands still, and so hides the
//! very time that matters: a pause of a second that a thousand requests would have noticed is seen
//! by one. Here the latency of a request counts from the time at which it was *to be* sent.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};

use super::{REQUEST, open};
use crate::process::{sharpen_timers, wait_readable};

/// Connections to an echo server, driven by the calling thread with a bare mio loop.
#[derive(Debug)]
pub struct OpenLoop {
    poll: Poll,
    events: Events,
    connections: Vec<Connection>,
}

/// How much is asked.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Between two requests; the connections take turns.
    pub interval: Duration,
    /// How long to send.
    pub duration: Duration,
    /// A request that is not answered after this time counts with it.
    pub patience: Duration,
}

#[derive(Debug)]
struct Connection {
    stream: mio::net::TcpStream,
    /// When the requests that were not answered yet were to be sent; `None` if that does not count
    /// any more.
    under_way: VecDeque<Option<Instant>>,
    /// Bytes of requests for which there was no room.
    unsent: usize,
    /// Bytes of the current answer that are there.
    received: usize,
}

impl OpenLoop {
    /// Opens `count` connections to the server at `address`.
    ///
    /// # Panics
    ///
    /// If a connection is refused.
    #[must_use]
    pub fn connect(address: SocketAddr, count: usize) -> OpenLoop {
        let poll = Poll::new().expect("no epoll instance for the client");
        let connections = (0..count)
            .map(|number| {
                let stream = open(address, number, &[7; REQUEST], REQUEST)
                    .expect("cannot connect to the echo server");
                let mut stream = mio::net::TcpStream::from_std(stream);
                poll.registry()
                    .register(&mut stream, Token(number), Interest::READABLE)
                    .expect("cannot watch the client's socket");
                Connection {
                    stream,
                    under_way: VecDeque::new(),
                    unsent: 0,
                    received: 0,
                }
            })
            .collect();
        OpenLoop {
            poll,
            events: Events::with_capacity(1024),
            connections,
        }
    }

    /// Sends requests for some time, waits for the answers, and gives the latencies of all requests,
    /// in no order.
    ///
    /// # Panics
    ///
    /// If the server breaks a connection.
    pub fn run(&mut self, load: Load) -> Vec<Duration> {
        sharpen_timers();
        let count = (load.duration.as_nanos() / load.interval.as_nanos().max(1)) as u32;
        let start = Instant::now();
        let due = |number: u32| start + load.interval * number;
        let end = due(count) + load.patience;
        let mut latencies = Vec::with_capacity(count as usize);
        let mut sent = 0;
        while latencies.len() < count as usize {
            let mut now = Instant::now();
            if now >= end {
                break;
            }
            while sent < count && due(sent) <= now {
                let number = sent as usize % self.connections.len();
                self.connections[number].send(due(sent));
                sent += 1;
                now = Instant::now();
            }
            let mut next = if sent < count { due(sent) } else { end };
            if self.connections.iter_mut().any(Connection::is_behind) {
                next = next.min(now + Duration::from_millis(1));
            }
            if !wait_readable(&self.poll, next.saturating_duration_since(now)) {
                continue;
            }
            match self.poll.poll(&mut self.events, Some(Duration::ZERO)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                result => result.expect("the client cannot wait for events"),
            }
            let now = Instant::now();
            for event in &self.events {
                let connection = &mut self.connections[event.token().0];
                connection.receive(|sent| latencies.push((now - sent).min(load.patience)));
            }
        }
        for connection in &mut self.connections {
            for request in &mut connection.under_way {
                if request.take().is_some() {
                    latencies.push(load.patience);
                }
            }
        }
        latencies
    }
}

impl Connection {
    fn send(&mut self, due: Instant) {
        self.under_way.push_back(Some(due));
        self.unsent += REQUEST;
        self.is_behind();
    }

    /// Sends what there is room for; whether anything is left.
    fn is_behind(&mut self) -> bool {
        while self.unsent > 0 {
            let length = self.unsent.min(REQUEST);
            match self.stream.write(&[7; REQUEST][..length]) {
                Ok(sent) => self.unsent -= sent,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => panic!("cannot send a request: {error}"),
            }
        }
        false
    }

    /// Takes what the server sent, and calls `answered` for each whole answer.
    fn receive(&mut self, mut answered: impl FnMut(Instant)) {
        let mut buffer = [0; 16 * REQUEST];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => panic!("the server closed a connection"),
                Ok(length) => {
                    self.received += length;
                    while self.received >= REQUEST {
                        self.received -= REQUEST;
                        let request = self.under_way.pop_front();
                        if let Some(due) = request.expect("more answers than requests") {
                            answered(due);
                        }
                    }
                    // Less than there was room for: what follows makes an event of its own.
                    if length < buffer.len() {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => panic!("the server broke a connection: {error}"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// A server of one connection that answers the first request, and then does as told.
    fn serve(then: impl FnOnce(std::net::TcpStream) + Send + 'static) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; REQUEST];
            stream.read_exact(&mut request).unwrap();
            stream.write_all(&request).unwrap();
            then(stream);
        });
        address
    }

    const LOAD: Load = Load {
        interval: Duration::from_millis(1),
        duration: Duration::from_millis(100),
        patience: Duration::from_millis(300),
    };

    #[test]
    fn a_request_without_an_answer_counts_with_the_patience() {
        let address = serve(|mut stream| while stream.read(&mut [0; 1024]).is_ok_and(|n| n > 0) {});
        let latencies = OpenLoop::connect(address, 1).run(LOAD);
        assert_eq!(latencies, [LOAD.patience; 100]);
    }

    #[test]
    fn every_request_that_falls_into_a_pause_sees_what_is_left_of_it() {
        // The pause ends when all requests were sent: with the last one it would end at once for a
        // client that waits for answers, and count for one request.
        let address = serve(|mut stream| {
            let mut requests = vec![0; 100 * REQUEST];
            stream.read_exact(&mut requests).unwrap();
            stream.write_all(&requests).unwrap();
        });
        let mut latencies = OpenLoop::connect(address, 1).run(LOAD);
        latencies.sort_unstable();
        assert_eq!(latencies.len(), 100);
        // The first waits for the 99 that are due after it, a millisecond apart.
        assert!(latencies[99] >= Duration::from_millis(99), "{latencies:?}");
        assert!(latencies[50] >= Duration::from_millis(50), "{latencies:?}");
    }
}
