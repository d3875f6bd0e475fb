//! `recvmmsg` and `sendmmsg` of Linux.

#![allow(unsafe_code)] // The two system calls, which neither std nor socket2 has.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::AsRawFd;
use std::{mem, ptr};

use super::Outgoing;
use crate::udp::batch::{Places, Received};

/// How many datagrams one call takes: the system's `UIO_MAXIOV`.
const MAX_DATAGRAMS: usize = 1024;

/// An IP address as the system has it. Every field is a valid value whatever the bytes are, and every
/// value begins with its family.
#[repr(C)]
#[derive(Clone, Copy)]
union Name {
    family: libc::sa_family_t,
    v4: libc::sockaddr_in,
    v6: libc::sockaddr_in6,
}

/// The arguments of the system calls.
///
/// Invariant: the pointers in them are written anew for each call and followed by that call only.
pub(in crate::udp) struct Scratch {
    headers: Vec<libc::mmsghdr>,
    parts: Vec<libc::iovec>,
    names: Vec<Name>,
}

// SAFETY: nobody follows the pointers outside of a call (invariant), and a call has the scratch to
// itself.
unsafe impl Send for Scratch {}
// SAFETY: as above; nothing can be done with a shared reference.
unsafe impl Sync for Scratch {}

impl Scratch {
    pub(in crate::udp) fn with_capacity(capacity: usize) -> Self {
        let capacity = capacity.min(MAX_DATAGRAMS);
        Self {
            headers: Vec::with_capacity(capacity),
            parts: Vec::with_capacity(capacity),
            names: Vec::with_capacity(capacity),
        }
    }

    fn clear(&mut self) {
        self.headers.clear();
        self.parts.clear();
        self.names.clear();
    }

    /// Makes a header of each part, with the length of its name.
    fn make_headers(&mut self, name_len: impl Fn(&Name) -> libc::socklen_t) {
        for (part, name) in self.parts.iter_mut().zip(&mut self.names) {
            // SAFETY: a header is numbers and pointers, for which all zeros are valid.
            let mut header: libc::mmsghdr = unsafe { mem::zeroed() };
            let len = name_len(name);
            if len > 0 {
                header.msg_hdr.msg_name = ptr::from_mut(name).cast();
                header.msg_hdr.msg_namelen = len;
            }
            header.msg_hdr.msg_iov = part;
            header.msg_hdr.msg_iovlen = 1;
            self.headers.push(header);
        }
    }
}

/// Receives as many datagrams as there are and as there are places for, and says how many.
pub(super) fn recv_many(socket: &mio::net::UdpSocket, places: Places<'_>) -> io::Result<usize> {
    let Places {
        memory,
        datagram_size,
        capacity,
        received,
        scratch,
    } = places;
    let count = capacity.min(MAX_DATAGRAMS);
    assert!(count * datagram_size <= memory.len());
    scratch.clear();
    let memory = memory.as_mut_ptr();
    for index in 0..count {
        scratch.parts.push(libc::iovec {
            // Within the memory: see above.
            iov_base: memory.wrapping_add(index * datagram_size).cast(),
            iov_len: datagram_size,
        });
        scratch.names.push(Name::EMPTY);
    }
    scratch.make_headers(|_| size_of::<Name>() as libc::socklen_t);
    // SAFETY: there are `count` headers. Each points to one part and one name, which are in vectors
    // that do not grow before the call, and each part to its own `datagram_size` bytes of `memory`,
    // which is borrowed mutably. Every bit pattern that the system writes is valid.
    let result = unsafe {
        libc::recvmmsg(
            socket.as_raw_fd(),
            scratch.headers.as_mut_ptr(),
            count as libc::c_uint,
            0,
            ptr::null_mut(),
        )
    };
    // Negative means an error.
    let count = usize::try_from(result).map_err(|_| io::Error::last_os_error())?;
    for (header, name) in scratch.headers.iter().zip(&scratch.names).take(count) {
        received.push(Received {
            len: (header.msg_len as usize).min(datagram_size),
            sender: name.to_address()?,
            is_truncated: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
        });
    }
    Ok(count)
}

/// Sends as many datagrams as there is room for, and says how many.
pub(super) fn send_many<'a>(
    socket: &mio::net::UdpSocket,
    datagrams: &impl Outgoing<'a>,
) -> io::Result<usize> {
    let count = datagrams.len().min(MAX_DATAGRAMS);
    let mut scratch = Scratch::with_capacity(count);
    for index in 0..count {
        let (bytes, target) = datagrams.get(index);
        scratch.parts.push(libc::iovec {
            // `sendmmsg` does not write there.
            iov_base: bytes.as_ptr().cast_mut().cast(),
            iov_len: bytes.len(),
        });
        let name = target.map_or(Name::EMPTY, Name::of_address);
        scratch.names.push(name);
    }
    scratch.make_headers(Name::len);
    // SAFETY: there are `count` headers. Each points to one part and one name or none, which are in
    // vectors that do not grow before the call, and each part to the bytes of a datagram, which live
    // as long as `'a`. The system writes to the headers only.
    let result = unsafe {
        libc::sendmmsg(
            socket.as_raw_fd(),
            scratch.headers.as_mut_ptr(),
            count as libc::c_uint,
            0,
        )
    };
    // Negative means an error.
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

impl Name {
    /// No address: the family is `AF_UNSPEC`.
    const EMPTY: Self = Self {
        // SAFETY: an address is numbers, for which all zeros are valid.
        v6: unsafe { mem::zeroed() },
    };

    fn of_address(address: SocketAddr) -> Self {
        // The other fields are padding, or do not exist elsewhere.
        let mut name = Self::EMPTY;
        match address {
            SocketAddr::V4(address) => {
                name.v4 = libc::sockaddr_in {
                    sin_family: libc::AF_INET as libc::sa_family_t,
                    sin_port: address.port().to_be(),
                    sin_addr: libc::in_addr {
                        s_addr: u32::from_ne_bytes(address.ip().octets()),
                    },
                    sin_zero: [0; 8],
                };
            }
            SocketAddr::V6(address) => {
                name.v6 = libc::sockaddr_in6 {
                    sin6_family: libc::AF_INET6 as libc::sa_family_t,
                    sin6_port: address.port().to_be(),
                    // Neither std nor socket2 changes the order of these bytes.
                    sin6_flowinfo: address.flowinfo(),
                    sin6_addr: libc::in6_addr {
                        s6_addr: address.ip().octets(),
                    },
                    sin6_scope_id: address.scope_id(),
                };
            }
        }
        name
    }

    fn family(&self) -> libc::c_int {
        // SAFETY: all bytes are initialised, and every value is valid.
        let family = unsafe { self.family };
        family.into()
    }

    /// How many bytes the address takes.
    fn len(&self) -> libc::socklen_t {
        let size = match self.family() {
            libc::AF_INET => size_of::<libc::sockaddr_in>(),
            libc::AF_INET6 => size_of::<libc::sockaddr_in6>(),
            _ => 0,
        };
        size as libc::socklen_t
    }

    fn to_address(self) -> io::Result<SocketAddr> {
        match self.family() {
            libc::AF_INET => {
                // SAFETY: all bytes are initialised, and every value is valid.
                let name = unsafe { self.v4 };
                let ip = Ipv4Addr::from(name.sin_addr.s_addr.to_ne_bytes());
                Ok(SocketAddrV4::new(ip, u16::from_be(name.sin_port)).into())
            }
            libc::AF_INET6 => {
                // SAFETY: all bytes are initialised, and every value is valid.
                let name = unsafe { self.v6 };
                let ip = Ipv6Addr::from(name.sin6_addr.s6_addr);
                let port = u16::from_be(name.sin6_port);
                let address = SocketAddrV6::new(ip, port, name.sin6_flowinfo, name.sin6_scope_id);
                Ok(address.into())
            }
            _ => Err(io::Error::other("the sender has no IP address")),
        }
    }
}
