//! Receiving from a Unix stream.
//!
//! A stream of bytes may carry descriptors and credentials between its bytes. The system ends a
//! `recv` where they are, although more bytes are there: a short read does not mean that the socket
//! is drained, as it does for TCP. Whoever waited for an edge then would wait for bytes that have
//! arrived already.

use std::io;
use std::mem::MaybeUninit;

use super::Done;

/// One system call into `memory`, from the start. Linux tells with a flag that there was something
/// between the bytes; what it was is thrown away, as by every `recv`.
#[cfg(any(target_os = "android", target_os = "linux"))]
#[allow(unsafe_code)] // `recvmsg`; socket2's does not show this flag.
pub(super) fn recv(
    stream: &mio::net::UnixStream,
    memory: &mut [MaybeUninit<u8>],
) -> io::Result<Done<usize>> {
    use std::os::fd::AsRawFd;

    let mut part = libc::iovec {
        iov_base: memory.as_mut_ptr().cast(),
        iov_len: memory.len(),
    };
    // SAFETY: a header is numbers and pointers, for which all zeros are valid.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &mut part;
    header.msg_iovlen = 1;
    // SAFETY: the descriptor is open, as it is borrowed. The header points to one part, and that to
    // `memory`, which is borrowed mutably and may hold whatever the system writes.
    let result = unsafe { libc::recvmsg(stream.as_raw_fd(), &mut header, 0) };
    // Negative means an error.
    let n = usize::try_from(result).map_err(|_| io::Error::last_os_error())?;
    if header.msg_flags & libc::MSG_CTRUNC != 0 {
        Ok(Done::More(n))
    } else {
        Ok(Done::bytes(n, memory.len()))
    }
}

/// One system call into `memory`, from the start. Whether there is more is found out by the next.
#[cfg(not(any(target_os = "android", target_os = "linux")))]
pub(super) fn recv(
    stream: &mio::net::UnixStream,
    memory: &mut [MaybeUninit<u8>],
) -> io::Result<Done<usize>> {
    socket2::SockRef::from(stream).recv(memory).map(Done::More)
}
