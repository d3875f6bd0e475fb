//! The halves of a TCP stream that was split.
//!
//! [`TcpStream::split`](crate::TcpStream::split) lends the halves to one task,
//! [`TcpStream::into_split`](crate::TcpStream::into_split) gives them to two.

mod borrowed_halves;
pub(crate) mod listener;
mod owned_halves;
pub(crate) mod socket;
pub(crate) mod stream;

pub use self::borrowed_halves::{ReadHalf, WriteHalf};
pub use self::owned_halves::{OwnedReadHalf, OwnedWriteHalf, ReuniteError};
