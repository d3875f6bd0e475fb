//! One system call for each datagram.

use std::io;
use std::net::SocketAddr;

use runtime_base::io::ReadBuf;
use socket2::MaybeUninitSlice;

use super::Outgoing;
use crate::source::memory::receive;
use crate::source::{Addressed, Socket};
use crate::udp::batch::{Places, Received};

/// Nothing is needed here.
#[cfg(not(any(target_os = "android", target_os = "linux")))]
pub(in crate::udp) struct Scratch;

#[cfg(not(any(target_os = "android", target_os = "linux")))]
impl Scratch {
    pub(in crate::udp) fn with_capacity(_capacity: usize) -> Self {
        Self
    }
}

/// Receives until the places are full or an error comes, and says how many there were.
///
/// # Errors
///
/// Only before the first datagram.
pub(super) fn recv_many(socket: &mio::net::UdpSocket, places: Places<'_>) -> io::Result<usize> {
    // Only the other way needs room for its arguments.
    let _ = places.scratch;
    for index in 0..places.capacity {
        let place = &mut places.memory[index * places.datagram_size..][..places.datagram_size];
        match recv_one(socket, place) {
            Ok(received) => places.received.push(received),
            Err(_) if index > 0 => break,
            Err(error) => return Err(error),
        }
    }
    Ok(places.received.len())
}

fn recv_one(socket: &mio::net::UdpSocket, place: &mut [u8]) -> io::Result<Received> {
    let (len, flags, sender) = receive(&mut ReadBuf::new(place), |memory| {
        let result = socket.attempt(|| {
            let mut parts = [MaybeUninitSlice::new(memory)];
            socket.as_socket().recv_from_vectored(&mut parts)
        })?;
        Ok((result.0, result))
    })?;
    Ok(Received {
        len,
        sender: mio::net::UdpSocket::address(sender)?,
        is_truncated: flags.is_truncated(),
    })
}

/// Sends until an error comes, and says how many were sent.
///
/// # Errors
///
/// Only before the first datagram.
pub(super) fn send_many<'a>(
    socket: &mio::net::UdpSocket,
    datagrams: &impl Outgoing<'a>,
) -> io::Result<usize> {
    for index in 0..datagrams.len() {
        let (bytes, target) = datagrams.get(index);
        match send_one(socket, bytes, target) {
            Ok(_) => {}
            Err(_) if index > 0 => return Ok(index),
            Err(error) => return Err(error),
        }
    }
    Ok(datagrams.len())
}

fn send_one(
    socket: &mio::net::UdpSocket,
    bytes: &[u8],
    target: Option<SocketAddr>,
) -> io::Result<usize> {
    match target {
        Some(target) => socket.send_to(bytes, target),
        None => socket.send(bytes),
    }
}
