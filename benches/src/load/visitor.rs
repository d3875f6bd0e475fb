//! Connections that are opened and closed one after the other.

use std::io::Read;
use std::net::{SocketAddr, TcpStream};

use super::leave_no_trace;

/// Opens connections to a server that closes them, with a blocking socket.
#[derive(Clone, Copy, Debug)]
pub struct Visitor {
    address: SocketAddr,
}

impl Visitor {
    /// Visits the server at `address`.
    #[must_use]
    pub fn new(address: SocketAddr) -> Visitor {
        Visitor { address }
    }

    /// Opens a connection and waits for the server to close it, `times` times.
    ///
    /// # Panics
    ///
    /// If the server cannot be reached.
    pub fn visit(&self, times: u64) {
        for _ in 0..times {
            let mut stream = TcpStream::connect(self.address).expect("cannot connect");
            leave_no_trace(&stream).expect("cannot set SO_LINGER");
            let end = stream
                .read(&mut [0])
                .expect("the server broke a connection");
            assert_eq!(end, 0, "the server is not to send anything");
        }
    }
}
