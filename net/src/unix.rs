//! What belongs to Unix sockets, and pipes.
//!
//! The sockets themselves are [`UnixStream`](crate::UnixStream),
//! [`UnixListener`](crate::UnixListener), [`UnixDatagram`](crate::UnixDatagram) and
//! [`UnixSocket`](crate::UnixSocket). Here are the halves of a stream that was split, addresses,
//! and who is at the other end.

mod addr;
pub(crate) mod datagram;
mod halves;
pub(crate) mod listener;
pub mod pipe;
pub(crate) mod socket;
pub(crate) mod stream;
mod ucred;

pub use self::addr::SocketAddr;
pub use self::halves::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};
pub use self::ucred::UCred;

/// The number of a user.
#[allow(non_camel_case_types)]
pub type uid_t = libc::uid_t;

/// The number of a group.
#[allow(non_camel_case_types)]
pub type gid_t = libc::gid_t;

/// The number of a process.
#[allow(non_camel_case_types)]
pub type pid_t = libc::pid_t;
