//! What tasks use to wait for each other.
//!
//! Everything here works on any executor, and outside of one: it needs no runtime, only somebody
//! who polls. The primitives that make tasks queue ([`Semaphore`], [`Mutex`],
//! [`RwLock`], the bounded channel) stand on one fair counter, `permits`, and that one on
//! the wait list of `runtime_base`; [`Notify`] stands on the wait list directly.

/// Defines a `const fn`, which under loom is none: loom's atomics and locks are registered with the
/// model that runs, so they cannot be made at compile time.
macro_rules! const_unless_loom {
    ($(#[$attribute:meta])* $visibility:vis const fn $($rest:tt)*) => {
        #[cfg(not(rt_loom))]
        $(#[$attribute])*
        $visibility const fn $($rest)*

        #[cfg(rt_loom)]
        $(#[$attribute])*
        $visibility fn $($rest)*
    };
}

/// A guard prints as the value that it guards: implements `Debug` and `Display` for the guard `$guard`
/// of a `$value`, with the further generics in brackets.
macro_rules! show_as_value {
    ([$($generics:tt)*] $guard:ty, $value:ident) => {
        impl<$($generics)* $value: ?Sized + std::fmt::Debug> std::fmt::Debug for $guard {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(&**self, f)
            }
        }

        impl<$($generics)* $value: ?Sized + std::fmt::Display> std::fmt::Display for $guard {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&**self, f)
            }
        }
    };
}

pub(crate) mod barrier;
mod cancellation_token;
#[cfg(all(test, not(rt_loom)))]
mod lent;
pub(crate) mod mutex;
pub(crate) mod notify;
pub(crate) mod once_cell;
pub(crate) mod permits;
pub(crate) mod rwlock;
pub(crate) mod semaphore;
pub(crate) mod set_once;

pub use barrier::{Barrier, BarrierWaitResult};
pub use cancellation_token::{
    CancellationToken, DropGuard, WaitForCancellationFuture, WaitForCancellationFutureOwned,
};
pub use mutex::{
    MappedMutexGuard, Mutex, MutexGuard, OwnedMappedMutexGuard, OwnedMutexGuard, TryLockError,
};
pub use notify::Notify;
pub use once_cell::{OnceCell, SetError};
pub use permits::{AcquireError, TryAcquireError};
pub use rwlock::{
    OwnedRwLockMappedWriteGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock,
    RwLockMappedWriteGuard, RwLockReadGuard, RwLockWriteGuard,
};
pub use semaphore::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
pub use set_once::{SetOnce, SetOnceError};

/// The futures that have names because users store them.
pub mod futures {
    pub use super::notify::{Notified, OwnedNotified};
}

// Channels
pub mod broadcast;
pub mod mpmc;
pub mod mpsc;
pub mod oneshot;
pub mod watch;
