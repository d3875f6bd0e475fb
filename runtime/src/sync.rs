//! What tasks use to wait for each other.
//!
//! Everything here works on any executor, and outside of one: it needs no runtime, only somebody
//! who polls. The primitives that make tasks queue ([`Semaphore`], [`Mutex`](mutex),
//! [`RwLock`](rwlock), the bounded channel) stand on one fair counter, `permits`, and that one on
//! the wait list of `runtime_base`; [`Notify`](notify) stands on the wait list directly.

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

pub(crate) mod barrier;
pub(crate) mod mutex;
pub(crate) mod notify;
pub(crate) mod once_cell;
pub(crate) mod permits;
pub(crate) mod rwlock;
pub(crate) mod semaphore;
pub(crate) mod set_once;

pub use permits::{AcquireError, TryAcquireError};

// Channels
pub mod mpsc;
pub mod oneshot;
