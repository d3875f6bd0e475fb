//! Sources are descriptors: they can be registered through a shared reference, when they first
//! block.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;

use mio::event::Source as _;
use mio::unix::SourceFd;
use runtime_base::arena::Key;

use super::Source;
use crate::interest::Interest;
use crate::reactor::ReactorHandle;
use crate::readiness::Readiness;

/// What can be watched.
pub(crate) trait Registrable: AsRawFd {}
impl<T: AsRawFd> Registrable for T {}

/// Called once for every new source. There is nothing to do until it blocks.
pub(super) fn made<E: Registrable>(_source: &mut Source<E>) -> io::Result<()> {
    Ok(())
}

pub(super) fn register(
    reactor: &ReactorHandle,
    io: &impl Registrable,
    interest: Interest,
) -> io::Result<(Key, Arc<Readiness>)> {
    reactor.register(|registry, token| {
        SourceFd(&io.as_raw_fd()).register(registry, token, interest.to_mio())
    })
}

pub(super) fn deregister(
    reactor: &ReactorHandle,
    key: Key,
    io: &mut impl Registrable,
) -> io::Result<()> {
    reactor.deregister(key, |registry| {
        SourceFd(&io.as_raw_fd()).deregister(registry)
    })
}

/// Refuses a descriptor that would block the thread that uses it, in builds with debug assertions:
/// elsewhere the system call to find out is saved.
#[track_caller]
pub(crate) fn deny_blocking(io: &impl AsFd) {
    if cfg!(debug_assertions)
        // A descriptor that cannot say is left to fail by itself.
        && let Ok(false) = socket2::SockRef::from(io).nonblocking()
    {
        panic!(
            "Registering a blocking socket with the tokio runtime is unsupported: it would block the \
             whole worker. Call `set_nonblocking(true)` on it before handing it over."
        );
    }
}

/// Gives a type with a field `source` the traits of a descriptor.
macro_rules! impl_as_system_socket {
    ($type:ty) => {
        impl std::os::fd::AsRawFd for $type {
            fn as_raw_fd(&self) -> std::os::fd::RawFd {
                self.source.io().as_raw_fd()
            }
        }

        impl std::os::fd::AsFd for $type {
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                self.source.io().as_fd()
            }
        }
    };
}

/// Gives a type with a field `socket` of socket2's the traits of a descriptor that can be taken out.
macro_rules! impl_owned_system_socket {
    ($type:ty) => {
        impl std::os::fd::AsRawFd for $type {
            fn as_raw_fd(&self) -> std::os::fd::RawFd {
                self.socket.as_raw_fd()
            }
        }

        impl std::os::fd::AsFd for $type {
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                self.socket.as_fd()
            }
        }

        impl std::os::fd::IntoRawFd for $type {
            fn into_raw_fd(self) -> std::os::fd::RawFd {
                self.socket.into_raw_fd()
            }
        }

        #[allow(unsafe_code)] // The trait is unsafe.
        impl std::os::fd::FromRawFd for $type {
            /// Takes over a socket of this kind, which the caller has made non-blocking.
            unsafe fn from_raw_fd(socket: std::os::fd::RawFd) -> Self {
                Self {
                    // SAFETY: the caller gives an open socket that nobody else owns, as the trait
                    // asks.
                    socket: unsafe { socket2::Socket::from_raw_fd(socket) },
                }
            }
        }
    };
}

pub(crate) use {impl_as_system_socket, impl_owned_system_socket};
