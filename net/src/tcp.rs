//! The halves of a TCP stream that was split.
//!
//! [`TcpStream::split`](crate::TcpStream::split) lends the halves to one task,
//! [`TcpStream::into_split`](crate::TcpStream::into_split) gives them to two.

mod halves;
pub(crate) mod listener;
#[cfg(all(
    unix,
    not(any(
        target_os = "solaris",
        target_os = "illumos",
        target_os = "cygwin",
        target_os = "nuttx"
    ))
))]
mod reuseport;
pub(crate) mod socket;
pub(crate) mod stream;

pub use self::halves::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};
