//! Many connections to an echo server, on one thread.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use mio::{Events, Interest, Poll, Token};

use super::{REQUEST, leave_no_trace};

/// Connections that each have one request under way, driven by one thread with a bare mio loop.
#[derive(Debug)]
pub struct EchoClient {
    poll: Poll,
    events: Events,
    connections: Vec<Connection>,
}

#[derive(Debug)]
struct Connection {
    stream: mio::net::TcpStream,
    /// Requests that are still to be answered in this round.
    due: u64,
    /// Bytes of the current answer that are there.
    received: usize,
}

impl EchoClient {
    /// Opens `count` connections to the server at `address`.
    ///
    /// # Panics
    ///
    /// If a connection is refused: without all of them the row means nothing.
    #[must_use]
    pub fn connect(address: SocketAddr, count: usize) -> EchoClient {
        let poll = Poll::new().expect("no epoll instance for the client");
        let connections = (0..count)
            .map(|number| {
                let stream = open(address).expect("cannot connect to the echo server");
                let mut stream = mio::net::TcpStream::from_std(stream);
                poll.registry()
                    .register(&mut stream, Token(number), Interest::READABLE)
                    .expect("cannot watch the client's socket");
                Connection {
                    stream,
                    due: 0,
                    received: 0,
                }
            })
            .collect();
        EchoClient {
            poll,
            events: Events::with_capacity(1024),
            connections,
        }
    }

    /// Sends `requests` requests on every connection, each after the answer to the one before, and
    /// returns when all are answered.
    ///
    /// # Panics
    ///
    /// If the server breaks a connection.
    pub fn exchange(&mut self, requests: u64) {
        let mut busy = 0;
        for connection in &mut self.connections {
            connection.due = requests;
            if requests > 0 {
                connection.send();
                busy += 1;
            }
        }
        while busy > 0 {
            match self.poll.poll(&mut self.events, None) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                result => result.expect("the client cannot wait for events"),
            }
            for event in &self.events {
                let connection = &mut self.connections[event.token().0];
                if connection.due > 0 && connection.advance() {
                    busy -= 1;
                }
            }
        }
    }
}

/// Connects and exchanges one request. The answer proves that the server has accepted: a thousand
/// connections at once would overflow its backlog, and TCP repeats what was dropped after seconds.
fn open(address: SocketAddr) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    leave_no_trace(&stream)?;
    stream.write_all(&[7; REQUEST])?;
    stream.read_exact(&mut [0; REQUEST])?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

impl Connection {
    fn send(&mut self) {
        // A request fits into an empty socket buffer, and the buffer is empty: all was answered.
        let sent = self.stream.write(&[7; REQUEST]);
        assert_eq!(sent.expect("cannot send a request"), REQUEST);
    }

    /// Takes what the server sent; `true` when that was the round's last answer.
    fn advance(&mut self) -> bool {
        let mut buffer = [0; REQUEST];
        loop {
            match self.stream.read(&mut buffer[..REQUEST - self.received]) {
                Ok(0) => panic!("the echo server closed a connection"),
                Ok(received) => self.received += received,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => panic!("the echo server broke a connection: {error}"),
            }
            if self.received == REQUEST {
                // Nothing can follow a whole answer, so there is no need to read up to
                // `WouldBlock`: the next answer makes an event of its own.
                self.received = 0;
                self.due -= 1;
                if self.due == 0 {
                    return true;
                }
                self.send();
                return false;
            }
        }
    }
}
