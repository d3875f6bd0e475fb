//! The timers of one worker: a wheel behind a short lock, and the agreement with the worker that
//! sleeps until its next deadline.
//!
//! The owner is the worker whose driver parks; others come along: a [`Sleep`](crate::Sleep) that was
//! registered here is polled, reset or dropped on another thread, a thread without a wheel registers
//! one, a stand-in expires the timers of a stalled worker.
//!
//! # Invariants
//!
//! - **T1** The wheel and `parked_until` change under the lock, together. Hence an entry is either
//!   seen by [`Timers::prepare_park`], or its author sees `parked_until` and unparks the owner.
//! - **T2** An entry leaves the wheel once: who takes it out, has its waker. A timer that fires while
//!   it is dropped either wakes its task or does not, and its waker is dropped once.
//! - **T3** No waker is cloned, woken or dropped under the lock, and `unpark` is not called under it.
//!
//! The models in `timers/tests.rs` explore them. Where to read next: the module `wheel`.

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use runtime_base::sync::Mutex;
use runtime_base::sync::atomic::AtomicUsize;
use runtime_base::sync::atomic::Ordering::Relaxed;
use runtime_base::wake_batch::WakeBatch;

use crate::clock::Clock;
use crate::instant::Instant;
use crate::tick::Tick;
use crate::wheel::{EntryKey, Reset, Wheel};

/// How many entries fire before others may have the lock. Chosen: some microseconds.
const FIRED_PER_LOCK: usize = 256;

/// The timers of one worker.
pub struct Timers {
    clock: Clock,
    unpark: Arc<dyn Fn() + Send + Sync>,
    /// The number of entries, for a look without the lock; written under it.
    len: AtomicUsize,
    guarded: Mutex<Guarded>,
}

struct Guarded {
    wheel: Wheel,
    /// When the owner will look at the wheel by itself; `None` while it is awake.
    parked_until: Option<Tick>,
    is_shut_down: bool,
}

/// What became of a new entry.
#[derive(Debug)]
pub(crate) enum Insert {
    Waiting(EntryKey),
    Due,
    ShutDown,
}

/// What a poll finds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Fired,
    /// The entry waits, with this task's waker.
    Waiting,
    /// The entry waits, with the waker of another task.
    WaitingForAnother,
    ShutDown,
}

impl Timers {
    /// The timers of a worker without any entries.
    ///
    /// `unpark` is called, outside of the lock, when a deadline comes in that is earlier than the
    /// one the owner sleeps until.
    pub fn new(clock: Clock, unpark: Arc<dyn Fn() + Send + Sync>) -> Arc<Timers> {
        Arc::new(Timers {
            clock,
            unpark,
            len: AtomicUsize::new(0),
            guarded: Mutex::new(Guarded {
                wheel: Wheel::new(),
                parked_until: None,
                is_shut_down: false,
            }),
        })
    }

    /// The clock that the deadlines refer to.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Whether there is no entry at all. Costs one load.
    ///
    /// It does not replace [`prepare_park`](Self::prepare_park) before the owner sleeps: an entry
    /// may come from another thread in the next moment.
    #[inline]
    pub fn is_empty(&self) -> bool {
        // Relaxed: what was inserted before the last `prepare_park` of this thread is visible
        // through the lock, what comes later is followed by an unpark.
        self.len.load(Relaxed) == 0
    }

    /// Says how long the owner may sleep, `None` for ever. From now until
    /// [`finish_park`](Self::finish_park) an earlier deadline from another thread calls `unpark`.
    ///
    /// The time is exact, to the beginning of the millisecond in which the deadline is due, so a
    /// sleep that is not shorter does not wake up too early. It may be too short when the earliest
    /// timer was dropped; then the owner finds nothing due and sleeps on.
    pub fn prepare_park(&self) -> Option<Duration> {
        let next = {
            let mut guarded = self.guarded.lock();
            let next = guarded.wheel.next_deadline();
            guarded.parked_until = Some(next.unwrap_or(Tick::NEVER));
            next
        };
        next.map(|tick| self.clock.until(tick))
    }

    /// The owner is awake.
    pub fn finish_park(&self) {
        self.guarded.lock().parked_until = None;
    }

    /// Moves the wakers of all due entries into `batch`, in the order of their deadlines.
    pub fn expire(&self, batch: &mut WakeBatch) {
        if self.is_empty() {
            return;
        }
        let now = self.clock.tick_of_now();
        loop {
            let mut guarded = self.guarded.lock();
            let has_more = guarded.wheel.expire(now, FIRED_PER_LOCK, batch);
            self.publish_len(&guarded);
            if !has_more {
                return;
            }
        }
    }

    /// Moves all wakers into `batch`, for the end of the runtime. From now on polling a timer of
    /// this worker panics.
    pub fn shutdown(&self, batch: &mut WakeBatch) {
        let mut guarded = self.guarded.lock();
        guarded.is_shut_down = true;
        guarded.wheel.expire_everything(batch);
        self.publish_len(&guarded);
    }

    pub(crate) fn is_shut_down(&self) -> bool {
        self.guarded.lock().is_shut_down
    }

    /// Adds an entry.
    pub(crate) fn insert(&self, deadline: Instant, waker: Waker) -> Insert {
        let deadline = self.clock.tick_of_deadline(deadline);
        let mut guarded = self.guarded.lock();
        if guarded.is_shut_down {
            drop(guarded);
            return Insert::ShutDown;
        }
        let result = guarded.wheel.insert(deadline, waker);
        self.publish_len(&guarded);
        let must_unpark = result.is_ok() && guarded.is_earlier_than_park(deadline);
        // A waker that was not taken is dropped after this (T3).
        drop(guarded);
        if must_unpark {
            (self.unpark)();
        }
        match result {
            Ok(key) => Insert::Waiting(key),
            Err(_waker) => Insert::Due,
        }
    }

    /// Looks at an entry for the task of `waker`.
    pub(crate) fn look(&self, key: EntryKey, waker: &Waker) -> Look {
        let mut guarded = self.guarded.lock();
        if guarded.is_shut_down {
            return Look::ShutDown;
        }
        match guarded.wheel.waker_mut(key) {
            None => Look::Fired,
            Some(stored) if stored.will_wake(waker) => Look::Waiting,
            Some(_) => Look::WaitingForAnother,
        }
    }

    /// Gives an entry another waker, and says whether it still waits.
    pub(crate) fn replace_waker(&self, key: EntryKey, waker: Waker) -> bool {
        let mut unused = waker;
        let mut guarded = self.guarded.lock();
        let stored = guarded.wheel.waker_mut(key);
        let is_waiting = stored.is_some();
        if let Some(stored) = stored {
            std::mem::swap(stored, &mut unused);
        }
        // The old waker, or the new one that came too late, is dropped after this (T3).
        drop(guarded);
        is_waiting
    }

    /// Changes the deadline of an entry, and says whether it waits for the new one.
    pub(crate) fn reset(&self, key: EntryKey, deadline: Instant) -> bool {
        let deadline = self.clock.tick_of_deadline(deadline);
        let mut guarded = self.guarded.lock();
        let result = guarded.wheel.reset(key, deadline);
        self.publish_len(&guarded);
        let is_waiting = matches!(result, Reset::Waiting);
        let must_unpark = is_waiting && guarded.is_earlier_than_park(deadline);
        drop(guarded);
        if must_unpark {
            (self.unpark)();
        }
        if let Reset::Due(waker) = result {
            waker.wake();
        }
        is_waiting
    }

    /// Takes an entry out, if it has not fired.
    pub(crate) fn remove(&self, key: EntryKey) {
        drop(self.take(key));
    }

    /// Lets an entry fire before its time.
    pub(crate) fn fire(&self, key: EntryKey) {
        if let Some(waker) = self.take(key) {
            waker.wake();
        }
    }

    fn take(&self, key: EntryKey) -> Option<Waker> {
        let mut guarded = self.guarded.lock();
        let waker = guarded.wheel.remove(key);
        self.publish_len(&guarded);
        waker
    }

    /// Whether an entry has fired.
    pub(crate) fn has_fired(&self, key: EntryKey) -> bool {
        !self.guarded.lock().wheel.contains(key)
    }

    /// The caller holds the lock, as the argument shows.
    fn publish_len(&self, guarded: &Guarded) {
        // Relaxed: see `is_empty`.
        self.len.store(guarded.wheel.len(), Relaxed);
    }
}

impl Guarded {
    /// Whether the owner must be woken for `deadline`; if so, it is expected to wake up for it, and
    /// will not be asked again.
    fn is_earlier_than_park(&mut self, deadline: Tick) -> bool {
        match &mut self.parked_until {
            Some(until) if deadline < *until => {
                *until = deadline;
                true
            }
            _ => false,
        }
    }
}

impl fmt::Debug for Timers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timers")
            .field("clock", &self.clock)
            .field("len", &self.len.load(Relaxed))
            .finish_non_exhaustive()
    }
}
