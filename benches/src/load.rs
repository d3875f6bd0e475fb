//! The clients of the socket rows, and files to be read.
//!
//! They know no runtime: plain threads, with the blocking sockets of the standard library or with a
//! bare mio loop, the same for all sides. Between rounds they sleep.

use std::hint::black_box;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

mod client;
mod crew;
mod echo_client;
mod open_loop;
mod shared_file;
mod visitor;

pub use client::{Client, HELLO, PERCENTILES, Speech, run_client};
pub use crew::Crew;
pub use echo_client::{Dialogue, EchoClient};
pub use open_loop::{Load, OpenLoop};
pub use shared_file::SharedFile;
pub use visitor::Visitor;

/// Bytes of one echo request.
pub const REQUEST: usize = 64;

/// Work that takes about ten microseconds: FNV-1a over the bytes, again and again.
pub fn hash(bytes: &[u8]) {
    const ROUNDS: usize = 128;
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for _ in 0..ROUNDS {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    black_box(hash);
}

/// Makes closing reset the connection. Otherwise each leaves a TIME_WAIT behind for a minute, and
/// once some ten thousand have, the ports run out and every connect takes milliseconds.
fn leave_no_trace(stream: &TcpStream) -> io::Result<()> {
    SockRef::from(stream).set_linger(Some(Duration::ZERO))
}

/// Opens connection `number` and exchanges one request. The answer proves that the server has
/// accepted: a thousand connections at once would overflow its backlog, and TCP repeats what was
/// dropped after seconds.
fn open(
    address: SocketAddr,
    number: usize,
    request: &[u8],
    answer: usize,
) -> io::Result<TcpStream> {
    /// An address has ports for so many, well counted.
    const PER_ADDRESS: usize = 8_000;
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if number >= PER_ADDRESS {
        let source = Ipv4Addr::new(127, 0, 0, 2 + (number / PER_ADDRESS) as u8);
        socket.bind(&SocketAddr::from((source, 0)).into())?;
    }
    socket.connect(&address.into())?;
    let mut stream = TcpStream::from(socket);
    stream.set_nodelay(true)?;
    leave_no_trace(&stream)?;
    stream.write_all(request)?;
    stream.read_exact(&mut vec![0; answer])?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}
