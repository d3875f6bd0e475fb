//! Receiving from a Unix stream.
//!
//! A stream of bytes may carry descriptors and credentials between its bytes. The system ends a
//! `recv` where they are, although more bytes are there: a short read does not mean that the socket
//! is drained, as it does for TCP. Whoever waited for an edge then would wait for bytes that have
//! arrived already.

use std::io;
use std::mem::MaybeUninit;

use super::Done;

/// One system call into `memory`, from the start, and after a short read another one that asks how
/// much there is: both together cost less than a `recvmsg`, which would tell by a flag, and less than
/// a second `recv`.
#[cfg(any(target_os = "android", target_os = "linux"))]
pub(super) fn recv(
    stream: &mio::net::UnixStream,
    memory: &mut [MaybeUninit<u8>],
) -> io::Result<Done<usize>> {
    let n = socket2::SockRef::from(stream).recv(memory)?;
    match Done::bytes(n, memory.len()) {
        Done::Drained(n) if has_more(stream) => Ok(Done::More(n)),
        done => Ok(done),
    }
}

/// Whether bytes have arrived that were not received. What arrives later makes a new edge.
#[cfg(any(target_os = "android", target_os = "linux"))]
#[allow(unsafe_code)] // `ioctl`.
fn has_more(stream: &mio::net::UnixStream) -> bool {
    use std::os::fd::AsRawFd;

    let mut count: libc::c_int = 0;
    // SAFETY: the descriptor is open, as it is borrowed, and `FIONREAD` writes one integer.
    let result = unsafe { libc::ioctl(stream.as_raw_fd(), libc::FIONREAD, &mut count) };
    // Who cannot be asked is tried.
    result != 0 || count > 0
}

/// One system call into `memory`, from the start. Whether there is more is found out by the next.
#[cfg(not(any(target_os = "android", target_os = "linux")))]
pub(super) fn recv(
    stream: &mio::net::UnixStream,
    memory: &mut [MaybeUninit<u8>],
) -> io::Result<Done<usize>> {
    socket2::SockRef::from(stream).recv(memory).map(Done::More)
}
