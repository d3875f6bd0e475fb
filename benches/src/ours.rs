//! The workloads on this runtime.

use ::runtime as rt;
use rt::hyper::{HyperIo, HyperTimer};
use rt::net::{RecvBatch, TcpStream, UdpSocket};

#[path = "workloads/table.rs"]
mod table;

pub use table::{rows, serve, victim, walk};

/// The signal of the row `signal`. Each side has one of its own: a signal is for all who listen in
/// the process.
#[cfg(unix)]
const SIGNAL: libc::c_int = libc::SIGUSR1;

/// Receives `count` datagrams of at most `size` bytes, many with one system call.
async fn receive_burst(socket: &UdpSocket, count: usize, size: usize) {
    let mut batch = RecvBatch::new(64, size);
    let mut received = 0;
    while received < count {
        received += socket.recv_many(&mut batch).await.unwrap();
    }
}

/// What hyper wants to have.
fn for_hyper(stream: TcpStream) -> (HyperIo<TcpStream>, HyperTimer) {
    (HyperIo::new(stream), HyperTimer::new())
}
