//! What a wait for an `AsyncFd` gives.

use std::fmt;
use std::io;
use std::os::fd::AsRawFd;

use super::AsyncFd;
use crate::readiness::Seen;
use crate::ready::Ready;

/// The readiness of an [`AsyncFd`], when it was waited for.
///
/// When an operation would block, the readiness must be cleared: [`try_io`](Self::try_io) does so, or
/// [`clear_ready`](Self::clear_ready). A guard that is dropped clears nothing.
#[must_use = "a guard without an operation changes nothing: call `try_io`"]
pub struct AsyncFdReadyGuard<'a, T: AsRawFd> {
    fd: &'a AsyncFd<T>,
    /// `None` after everything was cleared.
    seen: Option<Seen>,
}

/// The readiness of an [`AsyncFd`], when it was waited for, with mutable access to it.
///
/// When an operation would block, the readiness must be cleared: [`try_io`](Self::try_io) does so, or
/// [`clear_ready`](Self::clear_ready). A guard that is dropped clears nothing.
#[must_use = "a guard without an operation changes nothing: call `try_io`"]
pub struct AsyncFdReadyMutGuard<'a, T: AsRawFd> {
    fd: &'a mut AsyncFd<T>,
    /// `None` after everything was cleared.
    seen: Option<Seen>,
}

/// What both guards do.
macro_rules! impl_guard {
    ($guard:ident) => {
        impl<'a, Inner: AsRawFd> $guard<'a, Inner> {
            /// Forgets the readiness, because an operation would block: the next wait lasts until
            /// the next event. An event that has come since the guard was made is not forgotten.
            ///
            /// Call it only then: otherwise the next wait may last for ever.
            pub fn clear_ready(&mut self) {
                if let Some(seen) = self.seen.take() {
                    self.fd.source.clear(seen);
                }
            }

            /// Forgets the states in `ready`, also those that the guard was not asked for, and leaves
            /// the others.
            pub fn clear_ready_matching(&mut self, ready: Ready) {
                let Some(seen) = self.seen else {
                    return;
                };
                self.fd.source.clear(seen.only(ready));
                let left = seen.only(seen.ready - ready);
                self.seen = (!left.ready.is_empty()).then_some(left);
            }

            /// Leaves the readiness as it is. To drop the guard does the same; this says it aloud.
            pub fn retain_ready(&mut self) {}

            /// The states that were waited for and are set, without those that were cleared through
            /// this guard.
            pub fn ready(&self) -> Ready {
                self.seen.map_or(Ready::EMPTY, |seen| seen.ready)
            }

            /// Forgets the readiness if the operation would have blocked.
            fn learn<R>(&mut self, result: io::Result<R>) -> Result<io::Result<R>, TryIoError> {
                match result {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        self.clear_ready();
                        Err(TryIoError(()))
                    }
                    result => Ok(result),
                }
            }
        }

        impl<'a, T: fmt::Debug + AsRawFd> fmt::Debug for $guard<'a, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($guard))
                    .field("async_fd", &self.fd)
                    .field("ready", &self.ready())
                    .finish()
            }
        }
    };
}

impl_guard!(AsyncFdReadyGuard);
impl_guard!(AsyncFdReadyMutGuard);

impl<'a, Inner: AsRawFd> AsyncFdReadyGuard<'a, Inner> {
    pub(super) fn new(fd: &'a AsyncFd<Inner>, seen: Seen) -> Self {
        let seen = Some(seen);
        Self { fd, seen }
    }

    /// Calls `f`, which does one operation. If it returns `WouldBlock`, the readiness is cleared.
    ///
    /// # Errors
    ///
    /// [`TryIoError`] if the operation would have blocked: wait again. What `f` returns otherwise,
    /// errors too, is in the `Ok`.
    pub fn try_io<R>(
        &mut self,
        f: impl FnOnce(&'a AsyncFd<Inner>) -> io::Result<R>,
    ) -> Result<io::Result<R>, TryIoError> {
        let result = f(self.fd);
        self.learn(result)
    }

    /// The descriptor.
    pub fn get_ref(&self) -> &'a AsyncFd<Inner> {
        self.fd
    }

    /// The value whose descriptor is watched.
    pub fn get_inner(&self) -> &'a Inner {
        self.fd.get_ref()
    }
}

impl<'a, Inner: AsRawFd> AsyncFdReadyMutGuard<'a, Inner> {
    pub(super) fn new(fd: &'a mut AsyncFd<Inner>, seen: Seen) -> Self {
        let seen = Some(seen);
        Self { fd, seen }
    }

    /// Calls `f`, which does one operation. If it returns `WouldBlock`, the readiness is cleared.
    ///
    /// # Errors
    ///
    /// [`TryIoError`] if the operation would have blocked: wait again. What `f` returns otherwise,
    /// errors too, is in the `Ok`.
    pub fn try_io<R>(
        &mut self,
        f: impl FnOnce(&mut AsyncFd<Inner>) -> io::Result<R>,
    ) -> Result<io::Result<R>, TryIoError> {
        let result = f(self.fd);
        self.learn(result)
    }

    /// The descriptor.
    pub fn get_ref(&self) -> &AsyncFd<Inner> {
        self.fd
    }

    /// The descriptor.
    pub fn get_mut(&mut self) -> &mut AsyncFd<Inner> {
        self.fd
    }

    /// The value whose descriptor is watched.
    pub fn get_inner(&self) -> &Inner {
        self.fd.get_ref()
    }

    /// The value whose descriptor is watched.
    pub fn get_inner_mut(&mut self) -> &mut Inner {
        self.fd.get_mut()
    }
}

/// An operation would have blocked, and the readiness was cleared: wait again.
///
/// Made by [`AsyncFdReadyGuard::try_io`] and [`AsyncFdReadyMutGuard::try_io`].
#[derive(Debug)]
pub struct TryIoError(());
