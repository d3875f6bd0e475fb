//! The clients of the socket rows, and files to be read.
//!
//! They know no runtime: plain threads, with the blocking sockets of the standard library or
//! with a bare mio loop, the same for all sides. Between rounds they sleep.

use std::io;
use std::net::TcpStream;
use std::time::Duration;

use socket2::SockRef;

mod crew;
mod echo_client;
mod shared_file;
mod visitor;

pub use crew::Crew;
pub use echo_client::EchoClient;
pub use shared_file::SharedFile;
pub use visitor::Visitor;

/// Bytes of one echo request.
pub const REQUEST: usize = 64;

/// Makes closing reset the connection. Otherwise each leaves a TIME_WAIT behind for a minute, and
/// once some ten thousand have, the ports run out and every connect takes milliseconds.
fn leave_no_trace(stream: &TcpStream) -> io::Result<()> {
    SockRef::from(stream).set_linger(Some(Duration::ZERO))
}
