//! What serving takes without a runtime: a bare mio loop on one thread.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpListener as StdListener;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

use crate::serving::Service;

const LISTENER: Token = Token(usize::MAX);

struct Connection {
    stream: TcpStream,
    /// What could not be sent yet.
    unsent: Vec<u8>,
}

/// Echoes at `listener`, for ever.
///
/// # Panics
///
/// If another service is asked for.
pub fn serve(service: Service, listener: StdListener) {
    let Service::Echo(room) = service else {
        panic!("the floor only echoes");
    };
    let mut poll = Poll::new().expect("no epoll instance for the server");
    let mut listener = TcpListener::from_std(listener);
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)
        .expect("cannot watch the listener");
    let mut events = Events::with_capacity(1024);
    let mut buffer = vec![0; room];
    let mut connections: Vec<Option<Connection>> = Vec::new();
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            result => result.expect("the server cannot wait for events"),
        }
        for event in &events {
            if event.token() == LISTENER {
                accept(&listener, &poll, &mut connections);
            } else if let Some(place) = connections.get_mut(event.token().0)
                && let Some(connection) = place
                && connection.advance(&mut buffer).is_err()
            {
                *place = None;
            }
        }
    }
}

fn accept(listener: &TcpListener, poll: &Poll, connections: &mut Vec<Option<Connection>>) {
    while let Ok((mut stream, _)) = listener.accept() {
        stream
            .set_nodelay(true)
            .expect("a new socket takes options");
        let token = Token(connections.len());
        poll.registry()
            .register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)
            .expect("cannot watch a connection");
        connections.push(Some(Connection {
            stream,
            unsent: Vec::new(),
        }));
    }
}

impl Connection {
    /// Echoes what is there. An error means that the connection has ended.
    fn advance(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        let unsent = std::mem::take(&mut self.unsent);
        self.send(&unsent)?;
        while self.unsent.is_empty() {
            match self.stream.read(buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(length) => {
                    self.send(&buffer[..length])?;
                    // Less than there was room for: what follows makes an event of its own.
                    if length < buffer.len() {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(sent) => bytes = &bytes[sent..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.unsent = bytes.to_vec();
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
