//! Room for a value that is written once and then shared.
//!
//! # Invariants
//!
//! - **O1** Only who moved the state from `EMPTY` to `WRITING` writes the value, once.
//! - **O2** In the state `SET` there is a value, and nobody writes it without having the slot alone.

#![allow(unsafe_code)] // The value is guarded by the state; see O1 and O2.

use std::mem::MaybeUninit;

use runtime_base::sync::atomic::AtomicU8;
use runtime_base::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use runtime_base::sync::cell::UnsafeCell;

const EMPTY: u8 = 0;
const WRITING: u8 = 1;
const SET: u8 = 2;

/// Holds nothing at first, then one value for ever.
pub(crate) struct Slot<T> {
    state: AtomicU8,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: the slot owns the value; sending it sends the value.
unsafe impl<T: Send> Send for Slot<T> {}
// SAFETY: a shared slot takes a value from one thread (`Send`) and shows it to many (`Sync`).
unsafe impl<T: Send + Sync> Sync for Slot<T> {}

impl<T> Slot<T> {
    const_unless_loom! {
        /// An empty slot.
        pub(crate) const fn new() -> Self {
            Self {
                state: AtomicU8::new(EMPTY),
                value: UnsafeCell::new(MaybeUninit::uninit()),
            }
        }
    }

    const_unless_loom! {
        /// A slot that is set.
        pub(crate) const fn with(value: T) -> Self {
            Self {
                state: AtomicU8::new(SET),
                value: UnsafeCell::new(MaybeUninit::new(value)),
            }
        }
    }

    /// Whether there is a value.
    #[inline]
    pub(crate) fn is_set(&self) -> bool {
        // Acquire pairs with the Release in `set`.
        self.state.load(Acquire) == SET
    }

    /// The value, if there is one.
    #[inline]
    pub(crate) fn get(&self) -> Option<&T> {
        if !self.is_set() {
            return None;
        }
        // SAFETY: there is a value and nobody writes it while the slot is borrowed (O2).
        Some(
            self.value
                .with(|value| unsafe { (*value).assume_init_ref() }),
        )
    }

    /// Stores `value`, or gives it back if somebody else has stored one or does so right now.
    pub(crate) fn set(&self, value: T) -> Result<(), T> {
        // Relaxed: an empty slot has nothing to show.
        if self
            .state
            .compare_exchange(EMPTY, WRITING, Relaxed, Relaxed)
            .is_err()
        {
            return Err(value);
        }
        // SAFETY: the exchange made this thread the only writer (O1), and nobody reads yet (O2).
        self.value.with_mut(|slot| unsafe { (*slot).write(value) });
        // Release pairs with the Acquire in `is_set`.
        self.state.store(SET, Release);
        Ok(())
    }

    /// The value, if there is one, to be changed.
    pub(crate) fn get_mut(&mut self) -> Option<&mut T> {
        if !self.is_set() {
            return None;
        }
        // SAFETY: there is a value, and the slot is borrowed exclusively (O2).
        Some(
            self.value
                .with_mut(|value| unsafe { (*value).assume_init_mut() }),
        )
    }

    /// Takes the value out; the slot is empty afterwards.
    pub(crate) fn take(&mut self) -> Option<T> {
        if !self.is_set() {
            return None;
        }
        // Relaxed: the slot is borrowed exclusively. Before the value leaves, so that the slot never
        // claims one that is gone.
        self.state.store(EMPTY, Relaxed);
        // SAFETY: there was a value, and it is taken once: the state says EMPTY now (O2).
        Some(
            self.value
                .with_mut(|value| unsafe { (*value).assume_init_read() }),
        )
    }
}

impl<T> Drop for Slot<T> {
    fn drop(&mut self) {
        drop(self.take());
    }
}
