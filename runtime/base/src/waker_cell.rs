//! One waker, stored by one task and taken by anybody.
//!
//! The consumer registers its waker and then looks at the condition it waits for; a producer makes
//! the condition true and then takes the waker. The cell guarantees that one of the two sees the
//! other.
//!
//! # How it works
//!
//! ```text
//!             register: claim                  take: claim
//!   REGISTERING ◄───────────────── IDLE ─────────────────► TAKING
//!        │  └── release ────────────▲ ▲──────── release ──────┘
//!        │ take: somebody is busy storing, leave a mark
//!        ▼
//!   REGISTERING|TAKING ── register sees the mark, takes the waker itself, wakes it ──► IDLE
//! ```
//!
//! # Invariants
//!
//! - **W1** The slot is touched only by the thread that moved the state away from `IDLE`, and until
//!   that thread moves it back.
//! - **W2** A `take` that finds the cell claimed leaves its mark; the claimer honours it before or
//!   when it releases. So a `take` is never lost.
//! - **W3** No waker is cloned, woken or dropped while the cell is claimed: that is foreign code.
//!
//! The models at the end of the file explore the protocol.

#![allow(unsafe_code)] // The slot is guarded by the state word; see W1.

use std::fmt;
use std::task::Waker;

use crate::sync::atomic::AtomicUsize;
use crate::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use crate::sync::cell::UnsafeCell;

/// Nobody touches the slot.
const IDLE: usize = 0;
/// The consumer stores a waker.
const REGISTERING: usize = 0b01;
/// A producer takes the waker, or wanted to while it was being stored.
const TAKING: usize = 0b10;

/// Holds at most one waker.
pub struct WakerCell {
    state: AtomicUsize,
    slot: UnsafeCell<Option<Waker>>,
}

// SAFETY: the slot is only reached by the thread that claimed the state word (W1), and wakers may
// be sent between threads.
unsafe impl Send for WakerCell {}
// SAFETY: as above.
unsafe impl Sync for WakerCell {}

impl WakerCell {
    /// An empty cell.
    #[cfg(not(rt_loom))]
    pub const fn new() -> Self {
        Self {
            state: AtomicUsize::new(IDLE),
            slot: UnsafeCell::new(None),
        }
    }

    /// An empty cell.
    #[cfg(rt_loom)]
    pub fn new() -> Self {
        Self {
            state: AtomicUsize::new(IDLE),
            slot: UnsafeCell::new(None),
        }
    }

    /// Stores a clone of `waker`, unless the cell already holds one that wakes the same task.
    ///
    /// Every [`take`](Self::take) that starts after this returns finds it; one that overlaps either
    /// finds it or has `waker` woken. The caller looks at its condition afterwards. Two threads must
    /// not register at the same time: the later one has its waker woken instead of stored.
    pub fn register(&self, waker: &Waker) {
        drop(self.replace(waker));
    }

    /// As [`register`](Self::register), but the waker that was there before is the caller's to drop:
    /// after the look at the condition, which that drop may change.
    pub fn replace(&self, waker: &Waker) -> Option<Waker> {
        let up_to_date =
            |slot: &mut Option<Waker>| slot.as_ref().is_some_and(|old| old.will_wake(waker));
        match self.with_claim(waker, up_to_date) {
            None | Some(true) => return None,
            Some(false) => {}
        }
        let clone = waker.clone();
        // The old waker leaves the closure and is dropped after the release (W3).
        self.with_claim(waker, |slot| slot.replace(clone)).flatten()
    }

    /// Claims the slot for the consumer, calls `f`, and releases it. Gives `None`, with `waker`
    /// woken, when a producer is at work.
    fn with_claim<R>(&self, waker: &Waker, f: impl FnOnce(&mut Option<Waker>) -> R) -> Option<R> {
        // Acquire pairs with the Release of whoever released the slot last; on failure with that of the
        // producer, whose condition must be visible to the task that is woken for it.
        if self
            .state
            .compare_exchange(IDLE, REGISTERING, Acquire, Acquire)
            .is_err()
        {
            // A producer is taking, so the condition has just changed: poll again.
            waker.wake_by_ref();
            return None;
        }
        // SAFETY: the exchange above claimed the slot (W1), and `f` runs no foreign code.
        let result = self.slot.with_mut(|slot| f(unsafe { &mut *slot }));
        // Release: the next claimer must see the slot. Relaxed on failure: the swap below acquires.
        if self
            .state
            .compare_exchange(REGISTERING, IDLE, Release, Relaxed)
            .is_err()
        {
            // Only the TAKING mark can have been added. Its author relies on us (W2).
            // SAFETY: still claimed by this thread (W1).
            let stored = self.slot.with_mut(|slot| unsafe { (*slot).take() });
            // AcqRel: as above, and the producer's condition is visible to the task that is woken for it.
            self.state.swap(IDLE, AcqRel);
            if let Some(stored) = stored {
                stored.wake();
            }
            // The stored waker may have been an older one than ours.
            waker.wake_by_ref();
            return None;
        }
        Some(result)
    }

    /// Takes the waker out. The caller has made the condition true before.
    #[must_use = "the task sleeps until its waker is woken"]
    pub fn take(&self) -> Option<Waker> {
        // AcqRel: Release publishes the caller's condition to the consumer that finds the mark;
        // Acquire makes the stored waker visible.
        match self.state.fetch_or(TAKING, AcqRel) {
            IDLE => {
                // SAFETY: the state was IDLE, so the mark is our claim (W1).
                let waker = self.slot.with_mut(|slot| unsafe { (*slot).take() });
                self.state.fetch_and(!TAKING, Release);
                waker
            }
            // The consumer is storing and will see the mark, or another producer is taking and has
            // the waker (W2).
            _ => None,
        }
    }

    /// Takes the waker out and wakes it.
    pub fn wake(&self) {
        if let Some(waker) = self.take() {
            waker.wake();
        }
    }
}

impl Default for WakerCell {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for WakerCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WakerCell").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::atomic::AtomicBool;
    use crate::sync::{Arc, model, thread};
    use std::sync::atomic::AtomicUsize as Count;
    use std::sync::atomic::Ordering::SeqCst;
    use std::task::Wake;

    #[derive(Default)]
    struct Counter(Count);

    impl Wake for Counter {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
        }
    }

    #[test]
    fn either_the_consumer_sees_the_condition_or_it_is_woken() {
        model(|| {
            let cell = Arc::new(WakerCell::new());
            let condition = Arc::new(AtomicBool::new(false));
            let producer = {
                let (cell, condition) = (cell.clone(), condition.clone());
                thread::spawn(move || {
                    // Relaxed: the cell alone must carry the condition over.
                    condition.store(true, Relaxed);
                    cell.wake();
                })
            };
            let counter = std::sync::Arc::new(Counter::default());
            cell.register(&Waker::from(counter.clone()));
            let seen = condition.load(Relaxed);
            producer.join().unwrap();
            assert!(seen || counter.0.load(SeqCst) > 0, "the wake was lost");
        });
    }

    /// The producer takes the waker and does not wake it, so whoever is woken was woken by the consumer's
    /// own call: it looks again, and must see why.
    #[test]
    fn a_consumer_that_wakes_itself_sees_the_condition() {
        model(|| {
            let cell = Arc::new(WakerCell::new());
            let condition = Arc::new(AtomicBool::new(false));
            let producer = {
                let (cell, condition) = (cell.clone(), condition.clone());
                thread::spawn(move || {
                    condition.store(true, Relaxed);
                    cell.take().is_some()
                })
            };
            let counter = std::sync::Arc::new(Counter::default());
            cell.register(&Waker::from(counter.clone()));
            let seen = condition.load(Relaxed);
            let woke_itself = counter.0.load(SeqCst) > 0;
            assert!(seen || !woke_itself, "woken, and nothing is there");
            assert!(producer.join().unwrap() || seen, "the wake was lost");
        });
    }

    #[test]
    fn two_producers_and_a_change_of_waker_lose_no_wake() {
        model(|| {
            let cell = Arc::new(WakerCell::new());
            let conditions = [
                Arc::new(AtomicBool::new(false)),
                Arc::new(AtomicBool::new(false)),
            ];
            let producers = conditions.clone().map(|condition| {
                let cell = cell.clone();
                thread::spawn(move || {
                    condition.store(true, Relaxed);
                    cell.wake();
                })
            });
            let old = std::sync::Arc::new(Counter::default());
            cell.register(&Waker::from(old.clone()));
            let new = std::sync::Arc::new(Counter::default());
            cell.register(&Waker::from(new.clone()));
            let seen = conditions.iter().all(|c| c.load(Relaxed));
            for producer in producers {
                producer.join().unwrap();
            }
            assert!(seen || new.0.load(SeqCst) > 0, "the wake was lost");
        });
    }
}
