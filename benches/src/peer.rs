//! The workloads on Tokio.

use std::io::ErrorKind::WouldBlock;

use ::tokio as rt;
use hyper_util::rt::{TokioIo, TokioTimer};
use rt::net::{TcpStream, UdpSocket};

#[path = "workloads/table.rs"]
mod table;

pub use table::{rows, serve, victim, walk};

/// The signal of the row `signal`. Each side has one of its own: a signal is for all who listen in
/// the process.
#[cfg(unix)]
const SIGNAL: libc::c_int = libc::SIGUSR2;

/// Receives `count` datagrams of at most `size` bytes, each with a system call, and waits only when
/// there is none.
async fn receive_burst(socket: &UdpSocket, count: usize, size: usize) {
    let mut buffer = vec![0; size];
    let mut received = 0;
    while received < count {
        match socket.try_recv_from(&mut buffer) {
            Ok(_) => received += 1,
            Err(error) if error.kind() == WouldBlock => socket.readable().await.unwrap(),
            Err(error) => panic!("the burst ended: {error}"),
        }
    }
}

/// What hyper wants to have.
fn for_hyper(stream: TcpStream) -> (TokioIo<TcpStream>, TokioTimer) {
    (TokioIo::new(stream), TokioTimer::new())
}
