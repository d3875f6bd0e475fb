//! A thread's time as a worker: it has the seat, and loses it when it stalls.
//!
//! # How it works
//!
//! The seat is an ordinary value that the worker's thread changes many times in each poll, so it
//! cannot be behind a lock. It is behind a lock that costs the thread two plain stores: before it
//! touches the seat it says that it is *inside*, and then looks whether the seat was revoked;
//! afterwards it says that it is outside again. Whoever revokes marks the tenure first, and then
//! looks whether the thread is inside. One of the two sees the other, because of the fences between
//! write and look ([`asymmetric`]): the worker's costs nothing, the revoker's is a system call.
//!
//! This is the asymmetric form of Dekker's mutual exclusion, known from biased locks: Dice, Moir,
//! Scherer, "Quickly Reacquirable Locks", 2003.
//!
//! # Invariants
//!
//! - **V1** The seat is touched by the thread of the [`Holder`] between its marks `inside` and
//!   outside, when it has seen no `revoked` in between; or by the [`Revoker`] that holds `deciding`,
//!   has marked `revoked`, and then found the thread outside.
//! - **V2** `revoked` is taken back only by the revoker that set it, under `deciding`. A thread that
//!   sees it waits for `deciding` before it believes it.
//! - **V3** A tenure whose seat was taken by a revoker stays revoked for ever.

#![allow(unsafe_code)] // The seat; V1.

use std::marker::PhantomData;

use runtime_base::asymmetric;
use runtime_base::sync::atomic::AtomicBool;
use runtime_base::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use runtime_base::sync::cell::UnsafeCell;
use runtime_base::sync::{Arc, Mutex};

/// What the two sides share.
struct Tenure<S> {
    /// Whether the thread is at the seat; written by that thread.
    inside: AtomicBool,
    revoked: AtomicBool,
    /// Held while a revoker decides (V2).
    deciding: Mutex<()>,
    /// `None` when the thread gave the seat away itself, or it was taken.
    seat: UnsafeCell<Option<Box<S>>>,
}

// SAFETY: the seat is moved between threads, and touched by one at a time (V1).
unsafe impl<S: Send> Send for Tenure<S> {}
// SAFETY: as above.
unsafe impl<S: Send> Sync for Tenure<S> {}

/// The thread's side. There is one, and it stays on its thread.
pub(super) struct Holder<S> {
    tenure: Arc<Tenure<S>>,
    _not_send: PhantomData<*mut S>,
}

/// The watchdog's side.
pub(super) struct Revoker<S> {
    tenure: Arc<Tenure<S>>,
}

/// Leaves the seat when dropped, so that a panic does not stay inside for ever.
struct Inside<'a, S>(&'a Tenure<S>);

impl<S> Drop for Inside<'_, S> {
    #[inline(always)]
    fn drop(&mut self) {
        // Release: pairs with the Acquire in `revoke`; what was done to the seat is visible there.
        self.0.inside.store(false, Release);
    }
}

/// This thread begins to be the worker.
pub(super) fn begin<S>(seat: Box<S>) -> Holder<S> {
    Holder {
        tenure: Arc::new(Tenure {
            inside: AtomicBool::new(false),
            revoked: AtomicBool::new(false),
            deciding: Mutex::new(()),
            seat: UnsafeCell::new(Some(seat)),
        }),
        _not_send: PhantomData,
    }
}

impl<S> Holder<S> {
    /// A way to take the seat from this thread.
    pub(super) fn revoker(&self) -> Revoker<S> {
        Revoker {
            tenure: self.tenure.clone(),
        }
    }

    /// Calls `f` with the seat, unless this thread has it no more. `f` runs no code of the user's and
    /// does not come back here.
    #[inline(always)]
    pub(super) fn with_seat<R>(&self, f: impl FnOnce(&mut S) -> R) -> Option<R> {
        self.with(|seat| seat.as_deref_mut().map(f)).flatten()
    }

    /// Takes the seat, to give it to another thread.
    pub(super) fn take(&self) -> Option<Box<S>> {
        self.with(Option::take).flatten()
    }

    /// Takes back the seat that was given away and came back.
    pub(super) fn put(&self, seat: Box<S>) {
        let put = self.with(|place| *place = Some(seat));
        debug_assert!(put.is_some(), "nobody can revoke a seat that is elsewhere");
    }

    /// Whether the seat was taken from this thread.
    pub(super) fn was_revoked(&self) -> bool {
        // A revoker that decides just now may think better of it.
        let _decided = self.tenure.deciding.lock();
        // Relaxed: written under the lock.
        self.tenure.revoked.load(Relaxed)
    }

    #[inline(always)]
    fn with<R>(&self, f: impl FnOnce(&mut Option<Box<S>>) -> R) -> Option<R> {
        let tenure = &*self.tenure;
        // Relaxed: only this thread writes it.
        debug_assert!(!tenure.inside.load(Relaxed), "the seat is touched already");
        // Relaxed: ordered by the fence.
        tenure.inside.store(true, Relaxed);
        let inside = Inside(tenure);
        // Partner: `heavy` in `revoke`.
        asymmetric::light();
        // Acquire: pairs with the Release of a revoker that thought better of it.
        if tenure.revoked.load(Acquire) {
            drop(inside);
            return self.with_after_decision(f);
        }
        // SAFETY: V1: we are inside, and not revoked.
        Some(tenure.seat.with_mut(|seat| f(unsafe { &mut *seat })))
    }

    #[cold]
    fn with_after_decision<R>(&self, f: impl FnOnce(&mut Option<Box<S>>) -> R) -> Option<R> {
        let tenure = &*self.tenure;
        // The revoker decides under the lock, so it is decided now; and while we hold it nobody
        // begins anew.
        let _decided = tenure.deciding.lock();
        // Relaxed: written under the lock.
        if tenure.revoked.load(Relaxed) {
            return None;
        }
        // SAFETY: V1: revokers hold `deciding` while they touch the seat, and we do.
        Some(tenure.seat.with_mut(|seat| f(unsafe { &mut *seat })))
    }
}

impl<S> Clone for Revoker<S> {
    fn clone(&self) -> Self {
        Self {
            tenure: self.tenure.clone(),
        }
    }
}

impl<S> Revoker<S> {
    /// Takes the seat from its thread for good, if the thread has it and is not touching it just now,
    /// and `may_take` agrees.
    pub(super) fn revoke(&self, may_take: impl FnOnce(&S) -> bool) -> Option<Box<S>> {
        let tenure = &*self.tenure;
        let _deciding = tenure.deciding.lock();
        // Relaxed: written under the lock.
        if tenure.revoked.load(Relaxed) {
            return None;
        }
        // Relaxed: ordered by the fence.
        tenure.revoked.store(true, Relaxed);
        // Partner: `light` in `with`. Acquire: pairs with the Release of `Inside`.
        let outside = asymmetric::heavy() && !tenure.inside.load(Acquire);
        let seat = if outside {
            tenure.seat.with_mut(|seat| {
                // SAFETY: V1: marked, and the thread is outside; when it comes it sees the mark.
                let seat = unsafe { &mut *seat };
                match seat {
                    Some(taken) if may_take(taken) => seat.take(),
                    _ => None,
                }
            })
        } else {
            None
        };
        if seat.is_none() {
            // Release: pairs with the Acquire in `with`; we have looked at the seat.
            tenure.revoked.store(false, Release);
        }
        seat
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime_base::sync::{model_bounded, thread};

    /// Sends a holder to the thread where it stays.
    struct ToItsThread<S>(Holder<S>);

    // SAFETY: the only holder of the tenure is moved before its first use.
    unsafe impl<S: Send> Send for ToItsThread<S> {}

    impl<S> ToItsThread<S> {
        fn get(self) -> Holder<S> {
            self.0
        }
    }

    /// The cell in the seat is loom's, which reports two threads that are in it at the same time.
    #[test]
    fn a_seat_that_is_revoked_is_touched_by_one_thread_at_a_time() {
        model_bounded(3, || {
            asymmetric::prepare();
            let holder = ToItsThread(begin(Box::new(UnsafeCell::new(0))));
            let revoker = holder.0.revoker();
            let thread = thread::spawn(move || {
                let holder = holder.get();
                let touch = |seat: &mut UnsafeCell<usize>| {
                    seat.with_mut(|count| {
                        // SAFETY: V1, which this test is about.
                        unsafe { *count += 1 }
                    });
                };
                let touched = (0..2).filter(|_| holder.with_seat(touch).is_some()).count();
                (touched, holder.take())
            });
            let taken = revoker.revoke(|_| true);
            if let Some(seat) = &taken {
                // SAFETY: as above.
                seat.with_mut(|count| unsafe { *count += 10 });
            }
            let (touched, left) = thread.join().unwrap();
            assert!(taken.is_none() || left.is_none(), "there is one seat");
            let expected = touched + if taken.is_some() { 10 } else { 0 };
            let seat = taken.or(left).expect("the seat is somewhere");
            assert_eq!(seat.into_inner(), expected);
        });
    }

    #[test]
    fn a_revoker_that_thinks_better_of_it_leaves_the_seat_to_its_thread() {
        model_bounded(3, || {
            asymmetric::prepare();
            let holder = ToItsThread(begin(Box::new(0)));
            let revoker = holder.0.revoker();
            let thread = thread::spawn(move || {
                let holder = holder.get();
                for _ in 0..2 {
                    let done = holder.with_seat(|count| *count += 1);
                    assert!(done.is_some(), "it has its seat");
                }
                assert_eq!(holder.take(), Some(Box::new(2)));
            });
            assert!(revoker.revoke(|_| false).is_none());
            thread.join().unwrap();
        });
    }

    #[test]
    fn of_two_revokers_one_gets_the_seat() {
        model_bounded(2, || {
            asymmetric::prepare();
            let holder = begin(Box::new(()));
            let other = thread::spawn({
                let revoker = holder.revoker();
                move || revoker.revoke(|()| true).is_some()
            });
            let own = holder.revoker().revoke(|()| true).is_some();
            assert!(own ^ other.join().unwrap());
            assert!(holder.with_seat(|()| ()).is_none());
            assert!(holder.take().is_none());
        });
    }
}
