//! What tasks use to wait for each other.
//!
//! Everything here works on any executor, and outside of one: it needs no runtime, only somebody
//! who polls. The primitives that make tasks queue ([`Semaphore`](semaphore), [`Mutex`](mutex),
//! [`RwLock`](rwlock), the bounded channel) stand on one fair counter, `permits`, and that one on
//! the wait list of `runtime_base`; [`Notify`](notify) stands on the wait list directly.

pub(crate) mod barrier;
pub(crate) mod mutex;
pub(crate) mod notify;
pub(crate) mod once_cell;
pub(crate) mod permits;
pub(crate) mod rwlock;
pub(crate) mod semaphore;
pub(crate) mod set_once;

// Channels
