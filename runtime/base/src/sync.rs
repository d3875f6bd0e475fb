//! The switch between the standard library and loom.
//!
//! A module whose correctness depends on the interleaving of threads imports its atomics, cells and
//! locks from here. Compiled plainly they are those of `std` and `parking_lot`; compiled with
//! `RUSTFLAGS="--cfg rt_loom"` they are loom's, and a model beside the code explores every
//! interleaving. The cfg has a name of its own because several dependencies change their behaviour
//! under the customary `--cfg loom`.
//!
//! Both halves offer the same names: [`atomic`], [`cell::UnsafeCell`] (with `with` and `with_mut`),
//! [`Arc`], [`Mutex`] without poisoning, [`SleepLock`], [`thread`], [`hint`], and [`model`], which
//! runs a closure under loom's explorer, or a thousand times on real threads.

#[cfg(rt_loom)]
#[path = "sync/loom.rs"]
mod imp;
#[cfg(not(rt_loom))]
#[path = "sync/std.rs"]
mod imp;

pub use imp::*;
