//! What is known about one signal, and who waits for it.
//!
//! # How it works
//!
//! The handler calls [`Slot::mark`], which a handler may, and then writes a byte to the pipe. Who
//! has read the pipe calls [`Slot::deliver`] of every slot: where it finds the mark it counts one
//! more arrival and takes out the wakers of those who wait. A listener compares the count with the
//! one it saw last. So signals that come faster than they are delivered become one, as the system
//! itself does it, and a listener that looks too rarely sees one for many.
//!
//! # Invariants
//!
//! - **G1** The mark is set before the byte is written, and taken after the byte was read. So a mark
//!   that a delivery did not find has a byte in the pipe that nobody has read, and another delivery
//!   follows.
//! - **G2** A listener stores its waker and then looks at the count, both under the lock; a delivery
//!   counts and then takes the lock. Whichever has the lock later sees the other.
//! - **G3** No waker is cloned, woken or dropped under the lock.
//!
//! The models at the end of the file explore both handshakes.

use std::task::{Context, Poll, Waker, ready};

use runtime_base::arena::{Arena, Key};
use runtime_base::coop;
use runtime_base::sync::Mutex;
use runtime_base::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use runtime_base::sync::atomic::{AtomicBool, AtomicU64};
use runtime_base::wake_batch::WakeBatch;

/// One signal.
pub(super) struct Slot {
    is_marked: AtomicBool,
    arrivals: AtomicU64,
    waiters: Mutex<Arena<Option<Waker>>>,
}

/// What one listener has seen, and where it waits.
#[derive(Debug)]
pub(super) struct Place {
    seen: u64,
    /// Its entry among the waiters, from the first `Pending` on.
    key: Option<Key>,
}

impl Slot {
    pub(super) fn new() -> Self {
        Self {
            is_marked: AtomicBool::new(false),
            arrivals: AtomicU64::new(0),
            waiters: Mutex::new(Arena::new()),
        }
    }

    /// The handler's part. It is one store: safe wherever a signal interrupts.
    pub(super) fn mark(&self) {
        // Release pairs with the swap in `deliver`. The byte that is written next orders it, too.
        self.is_marked.store(true, Release);
    }

    /// If the signal came: counts it and moves the wakers of those who wait into `batch`.
    pub(super) fn deliver(&self, batch: &mut WakeBatch) {
        // Relaxed: a mark that matters was set before the byte that the caller has read (G1).
        if !self.is_marked.load(Relaxed) || !self.is_marked.swap(false, AcqRel) {
            return;
        }
        // Release pairs with the Acquire of the listeners.
        self.arrivals.fetch_add(1, Release);
        // G2: after the count.
        for waker in self.waiters.lock().values_mut() {
            batch.extend(waker.take());
        }
    }

    /// A place for one more listener, who sees what comes from now on.
    pub(super) fn place(&self) -> Place {
        Place {
            seen: self.arrivals.load(Acquire),
            key: None,
        }
    }

    /// Whether the signal came since `place` saw it last; if not, its task is woken when it does.
    pub(super) fn poll(&self, place: &mut Place, cx: &mut Context<'_>) -> Poll<()> {
        let coop = ready!(coop::poll_proceed(cx));
        if self.look(place) {
            coop.made_progress();
            return Poll::Ready(());
        }
        let mut waker = Some(cx.waker().clone());
        let came = {
            let mut waiters = self.waiters.lock();
            match place.key.and_then(|key| waiters.get_mut(key)) {
                // The old waker is dropped after the lock is released (G3).
                Some(entry) => std::mem::swap(entry, &mut waker),
                None => place.key = Some(waiters.insert(waker.take())),
            }
            // G2: after the waker is stored.
            self.look(place)
        };
        if !came {
            return Poll::Pending;
        }
        coop.made_progress();
        Poll::Ready(())
    }

    fn look(&self, place: &mut Place) -> bool {
        // Acquire pairs with the count in `deliver`.
        let arrivals = self.arrivals.load(Acquire);
        std::mem::replace(&mut place.seen, arrivals) != arrivals
    }

    /// The listener is gone.
    pub(super) fn leave(&self, place: &mut Place) {
        if let Some(key) = place.key.take() {
            // The guard is gone at the end of the statement, before the waker is dropped (G3).
            let waker = self.waiters.lock().remove(key);
            drop(waker);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime_base::sync::{Arc, model, thread};
    use std::sync::atomic::AtomicUsize;
    use std::sync::atomic::Ordering::SeqCst;
    use std::task::Wake;

    #[derive(Default)]
    struct Counter(AtomicUsize);

    impl Wake for Counter {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
        }
    }

    fn counter() -> (std::sync::Arc<Counter>, Waker) {
        let counter = std::sync::Arc::new(Counter::default());
        (counter.clone(), Waker::from(counter))
    }

    fn deliver(slot: &Slot) {
        let mut batch = WakeBatch::new();
        slot.deliver(&mut batch);
        batch.wake_all();
    }

    #[test]
    fn a_listener_sees_the_signal_or_is_woken() {
        model(|| {
            let slot = Arc::new(Slot::new());
            let mut place = slot.place();
            let handler = {
                let slot = slot.clone();
                thread::spawn(move || {
                    slot.mark();
                    deliver(&slot);
                })
            };
            let (_, old) = counter();
            let (new_counter, new) = counter();
            // A task may change its waker between polls; the latest counts.
            let seen = [old, new].iter().any(|waker| {
                let mut cx = Context::from_waker(waker);
                slot.poll(&mut place, &mut cx).is_ready()
            });
            handler.join().unwrap();
            let woken = new_counter.0.load(SeqCst) > 0;
            assert!(seen || woken, "the signal was lost");
            slot.leave(&mut place);
            assert!(slot.waiters.lock().is_empty());
        });
    }

    #[test]
    fn a_mark_without_a_delivery_has_left_a_byte() {
        /// The pipe holds a byte or not: more bytes say no more. The system has a lock around it.
        type Pipe = Mutex<bool>;
        fn read_and_deliver(pipe: &Pipe, slot: &Slot) {
            loop {
                let was_full = std::mem::replace(&mut *pipe.lock(), false);
                if !was_full {
                    return;
                }
                deliver(slot);
            }
        }
        model(|| {
            let slot = Arc::new(Slot::new());
            let pipe = Arc::new(Pipe::new(false));
            let mut place = slot.place();
            let (slot_of_handler, pipe_of_handler) = (slot.clone(), pipe.clone());
            let handler = thread::spawn(move || {
                slot_of_handler.mark();
                *pipe_of_handler.lock() = true;
            });
            // The reactor of another runtime, which may take the byte.
            let (slot_of_other, pipe_of_other) = (slot.clone(), pipe.clone());
            let other = thread::spawn(move || read_and_deliver(&pipe_of_other, &slot_of_other));
            read_and_deliver(&pipe, &slot);
            handler.join().unwrap();
            other.join().unwrap();
            // A byte that is left is an event that still wakes a reactor.
            read_and_deliver(&pipe, &slot);
            assert!(!slot.is_marked.load(Acquire), "the mark has no byte");
            let mut cx = Context::from_waker(Waker::noop());
            assert!(slot.poll(&mut place, &mut cx).is_ready());
            slot.leave(&mut place);
        });
    }

    #[test]
    fn a_signal_after_a_look_is_seen_although_another_is_being_delivered() {
        model(|| {
            let slot = Arc::new(Slot::new());
            let mut place = slot.place();
            let handler = {
                let slot = slot.clone();
                thread::spawn(move || {
                    slot.mark();
                    deliver(&slot);
                })
            };
            // Whether it sees the other's is open.
            slot.look(&mut place);
            slot.mark();
            deliver(&slot);
            handler.join().unwrap();
            assert!(slot.look(&mut place), "the second signal was lost");
            assert!(!slot.look(&mut place));
            assert!(!slot.is_marked.load(Acquire));
        });
    }

    #[cfg(not(rt_loom))]
    #[test]
    fn wakers_may_reenter_the_slot_when_they_are_dropped() {
        struct Reenters(std::sync::Arc<Slot>);
        impl Wake for Reenters {
            fn wake(self: std::sync::Arc<Self>) {}
        }
        impl Drop for Reenters {
            fn drop(&mut self) {
                assert!(self.0.waiters.try_lock().is_some());
            }
        }

        let slot = std::sync::Arc::new(Slot::new());
        let mut place = slot.place();
        for _ in 0..2 {
            let waker = Waker::from(std::sync::Arc::new(Reenters(slot.clone())));
            let mut cx = Context::from_waker(&waker);
            assert!(slot.poll(&mut place, &mut cx).is_pending());
        }
        slot.leave(&mut place);
    }
}
