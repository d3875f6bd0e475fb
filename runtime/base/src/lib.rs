//! What leaf futures and schedulers share.
//!
//! This crate knows no runtime. It holds the pieces that timers, sockets, synchronisation
//! primitives and schedulers all need, so that the layers above depend on it and not on each other:
//!
//! - [`sync`]: the switch between `std` and loom. Every protocol that has a model imports its atomics
//!   from there.
//! - [`parker`]: puts a thread to sleep until somebody has something for it.
//! - [`waker_cell`]: one waker that one task stores and anybody takes.
//! - [`wait_list`]: many waiters in arrival order; all primitives that queue stand on it.
//! - [`wake_batch`]: wakers collected under a lock, woken after it.
//! - [`asymmetric`]: a pair of fences of which one side costs nothing.
//! - [`arena`]: slots with generations, so that a stale key finds nothing.
//! - [`current`]: the "current X of this thread" slot, and [`defer`], [`coop`], [`blocking`], which
//!   are such slots with a purpose.
//! - [`trace`]: sees where a future waits, for task dumps.
//! - [`driving`]: whether tasks depend on this thread, so that it must not block.
//! - [`random`]: cheap random numbers per thread, for fairness.
//! - [`io`]: the traits of asynchronous bytes.
//! - [`misuse`]: the sentences in panics and errors that programs look for; [`shutdown`]: the error of
//!   operations that come too late.
//!
//! Users of the runtime do not depend on this crate; `runtime` re-exports what is public of it.

#![deny(unsafe_code)]

pub mod arena;
pub mod asymmetric;
pub mod blocking;
pub mod coop;
pub mod current;
pub mod defer;
pub mod driving;
pub mod io;
pub mod misuse;
pub mod parker;
pub mod random;
pub mod shutdown;
pub mod sync;
pub mod trace;
pub mod wait_list;
pub mod wake_batch;
pub mod waker_cell;
