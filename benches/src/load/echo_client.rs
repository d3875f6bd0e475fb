//! Many connections that each wait for an answer before they ask again, on one thread.

use std::io::{self, Read, Write};
use std::net::SocketAddr;

use mio::{Events, Interest, Poll, Token};

use super::open;

/// Connections that each have one request under way, driven by one thread with a bare mio loop.
#[derive(Debug)]
pub struct EchoClient {
    poll: Poll,
    events: Events,
    connections: Vec<Connection>,
    dialogue: Dialogue,
}

/// What is said on each connection, again and again.
#[derive(Clone, Debug)]
pub struct Dialogue {
    /// The client's part.
    pub request: Vec<u8>,
    /// How many bytes the server answers.
    pub answer: usize,
}

#[derive(Debug)]
struct Connection {
    stream: mio::net::TcpStream,
    /// Requests that are still to be answered in this round.
    due: u64,
    /// Bytes of the current request that are on their way.
    sent: usize,
    /// Bytes of the current answer that are there.
    received: usize,
}

impl Dialogue {
    /// Bytes that come back.
    #[must_use]
    pub fn echo(size: usize) -> Dialogue {
        Dialogue {
            request: vec![7; size],
            answer: size,
        }
    }
}

impl EchoClient {
    /// Opens `count` connections to the server at `address`.
    ///
    /// # Panics
    ///
    /// If a connection is refused: without all of them the row means nothing.
    #[must_use]
    pub fn connect(address: SocketAddr, count: usize, dialogue: Dialogue) -> EchoClient {
        let poll = Poll::new().expect("no epoll instance for the client");
        let connections = (0..count)
            .map(|number| {
                let stream = open(address, number, &dialogue.request, dialogue.answer)
                    .expect("cannot connect to the server");
                let mut stream = mio::net::TcpStream::from_std(stream);
                poll.registry()
                    .register(
                        &mut stream,
                        Token(number),
                        Interest::READABLE | Interest::WRITABLE,
                    )
                    .expect("cannot watch the client's socket");
                Connection {
                    stream,
                    due: 0,
                    sent: 0,
                    received: 0,
                }
            })
            .collect();
        EchoClient {
            poll,
            events: Events::with_capacity(1024),
            connections,
            dialogue,
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
                connection.send(&self.dialogue);
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
                if connection.due > 0 && connection.advance(&self.dialogue) {
                    busy -= 1;
                }
            }
        }
    }
}

impl Connection {
    /// Sends the rest of the request, as much as there is room for.
    fn send(&mut self, dialogue: &Dialogue) {
        while self.sent < dialogue.request.len() {
            match self.stream.write(&dialogue.request[self.sent..]) {
                Ok(sent) => self.sent += sent,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => panic!("cannot send a request: {error}"),
            }
        }
    }

    /// Takes what the server sent; `true` when that was the round's last answer.
    fn advance(&mut self, dialogue: &Dialogue) -> bool {
        let mut buffer = [0; 16 * 1024];
        self.send(dialogue);
        loop {
            let left = (dialogue.answer - self.received).min(buffer.len());
            match self.stream.read(&mut buffer[..left]) {
                Ok(0) => panic!("the server closed a connection"),
                Ok(received) => self.received += received,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => panic!("the server broke a connection: {error}"),
            }
            if self.received == dialogue.answer {
                // Nothing can follow a whole answer, so there is no need to read up to
                // `WouldBlock`: the next answer makes an event of its own.
                self.sent = 0;
                self.received = 0;
                self.due -= 1;
                if self.due == 0 {
                    return true;
                }
                self.send(dialogue);
                return false;
            }
        }
    }
}
