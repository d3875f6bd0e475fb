//! Sources carry the state of their registration and must be registered through a unique reference:
//! that is at hand only when they are made.

use std::io;
use std::sync::Arc;

use runtime_base::arena::Key;

use super::{Registration, Source};
use crate::current;
use crate::interest::Interest;
use crate::reactor::ReactorHandle;
use crate::readiness::Readiness;

/// What can be watched.
pub(crate) trait Registrable: mio::event::Source {}
impl<T: mio::event::Source> Registrable for T {}

/// Called once for every new source.
pub(super) fn made<E: Registrable>(source: &mut Source<E>) -> io::Result<()> {
    let reactor = current::nearest(&source.home);
    let interest = source.interest.to_mio();
    let io = source.io.as_mut().expect("a new source is complete");
    let (key, readiness) =
        reactor.register(|registry, token| registry.register(io, token, interest))?;
    source.registration = Registration {
        reactor,
        key,
        readiness,
    }
    .into();
    Ok(())
}

/// Never called: every source was registered when it was made.
pub(super) fn register(
    _reactor: &ReactorHandle,
    _io: &impl Registrable,
    _interest: Interest,
) -> io::Result<(Key, Arc<Readiness>)> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(super) fn deregister(
    reactor: &ReactorHandle,
    key: Key,
    io: &mut impl Registrable,
) -> io::Result<()> {
    reactor.deregister(key, |registry| registry.deregister(io))
}

/// Windows cannot say whether a socket blocks.
pub(crate) fn deny_blocking<T>(_io: &T) {}

/// Gives a type with a field `source` the traits of a system socket.
macro_rules! impl_as_system_socket {
    ($type:ty) => {
        impl std::os::windows::io::AsRawSocket for $type {
            fn as_raw_socket(&self) -> std::os::windows::io::RawSocket {
                self.source.io().as_raw_socket()
            }
        }

        impl std::os::windows::io::AsSocket for $type {
            fn as_socket(&self) -> std::os::windows::io::BorrowedSocket<'_> {
                std::os::windows::io::AsSocket::as_socket(self.source.io())
            }
        }
    };
}

/// Gives a type with a field `socket` of socket2's the traits of a descriptor that can be taken out.
macro_rules! impl_owned_system_socket {
    ($type:ty) => {
        impl std::os::windows::io::AsRawSocket for $type {
            fn as_raw_socket(&self) -> std::os::windows::io::RawSocket {
                self.socket.as_raw_socket()
            }
        }

        impl std::os::windows::io::AsSocket for $type {
            fn as_socket(&self) -> std::os::windows::io::BorrowedSocket<'_> {
                self.socket.as_socket()
            }
        }

        impl std::os::windows::io::IntoRawSocket for $type {
            fn into_raw_socket(self) -> std::os::windows::io::RawSocket {
                self.socket.into_raw_socket()
            }
        }

        #[allow(unsafe_code)] // The trait is unsafe.
        impl std::os::windows::io::FromRawSocket for $type {
            /// Takes over a socket of this kind, which the caller has made non-blocking.
            unsafe fn from_raw_socket(socket: std::os::windows::io::RawSocket) -> Self {
                Self {
                    // SAFETY: the caller gives an open socket that nobody else owns, as the trait
                    // asks.
                    socket: unsafe { socket2::Socket::from_raw_socket(socket) },
                }
            }
        }
    };
}

pub(crate) use {impl_as_system_socket, impl_owned_system_socket};
