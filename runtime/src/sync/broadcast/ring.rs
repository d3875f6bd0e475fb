//! The values of a broadcast channel and what they wait for: the part that all halves share.
//!
//! # How it works
//!
//! ```text
//!   tail (behind the wait list's lock): position of the next value, number of receivers, the
//!        │                              queue of those who have read everything
//!        ▼
//!   ┌─────────┬─────────┬─────────┬─────────┐   slot = position modulo the number of slots;
//!   │ pos 8   │ pos 9   │ pos 6   │ pos 7   │   each behind a lock of its own, with the number
//!   └─────────┴─────────┴─────────┴─────────┘   of receivers that have not read it
//!                  ▲ the latest  ▲ the oldest
//! ```
//!
//! A receiver knows the position that it reads next. If that is what is in the slot, it takes it:
//! the last one moves the value out, the others clone it. Only otherwise it looks at the tail, to
//! learn whether it has read everything, and queues, or was overtaken.
//!
//! # Invariants
//!
//! - **R1** A slot's lock may be taken under the tail's lock, never the other way round.
//! - **R2** A slot's `unread` counts the receivers that have not passed it: those that were there when
//!   it was sent. At 0 it has no value.
//! - **R3** A receiver queues only while its position is the tail's, under the tail's lock; who
//!   moves the tail on, or closes it, lets all in the queue go.
//! - **R4** Values are dropped and wakers woken without a lock. A value is *cloned* under the lock of
//!   its slot: it need not be `Sync`, so somebody has to keep the others away.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use runtime_base::coop;
use runtime_base::sync::{Mutex, MutexGuard};
use runtime_base::wait_list::{Locked, WaitList, Waiter, Wakers};

use super::error::{RecvError, TryRecvError};

/// All values, and those who wait for the next.
pub(super) struct Ring<T> {
    slots: Box<[Mutex<Slot<T>>]>,
    tail: WaitList<Tail, ()>,
}

struct Slot<T> {
    /// The position of the value that is, or was, here.
    position: u64,
    /// How many receivers have not passed it (R2).
    unread: usize,
    value: Option<T>,
}

pub(super) struct Tail {
    /// Where the next value goes.
    position: u64,
    receivers: usize,
    /// The last sender is gone.
    closed: bool,
}

/// The place of a waiting receiver.
pub(super) type Place<'a> = Waiter<&'a WaitList<Tail, ()>>;

/// What a receiver finds.
enum Found<'a, T> {
    Value(MutexGuard<'a, Slot<T>>),
    /// It has read everything so far.
    Nothing,
    Closed,
    /// It was overtaken by so many values, and has been moved to the oldest one.
    Lagged(u64),
}

impl<T> Ring<T> {
    /// A ring of at least `capacity` slots, and no receivers.
    pub(super) fn new(capacity: usize) -> Self {
        let capacity = capacity.next_power_of_two();
        let slots = (0..capacity as u64).map(|index| {
            Mutex::new(Slot {
                // One round before the first value, so that nobody takes it for one.
                position: index.wrapping_sub(capacity as u64),
                unread: 0,
                value: None,
            })
        });
        Self {
            slots: slots.collect(),
            tail: WaitList::new(Tail {
                position: 0,
                receivers: 0,
                closed: false,
            }),
        }
    }

    fn slot(&self, position: u64) -> &Mutex<Slot<T>> {
        &self.slots[position as usize & (self.slots.len() - 1)]
    }

    /// Appends the value and lets those who wait go. Gives the number of receivers; the value, if
    /// there is none.
    pub(super) fn send(&self, value: T) -> Result<usize, T> {
        let mut tail = self.tail.lock();
        let Tail {
            position,
            receivers,
            ..
        } = *tail.guarded();
        if receivers == 0 {
            return Err(value);
        }
        // Under the tail's lock, so that values are in their slots in the order of positions.
        let mut slot = self.slot(position).lock();
        slot.position = position;
        slot.unread = receivers;
        let overwritten = slot.value.replace(value);
        drop(slot);
        tail.guarded().position = position.wrapping_add(1);
        wake_all(tail);
        drop(overwritten);
        Ok(receivers)
    }

    /// Says that the last sender is gone.
    pub(super) fn close(&self) {
        let mut tail = self.tail.lock();
        tail.guarded().closed = true;
        wake_all(tail);
    }

    /// Adds a receiver and gives the position of the first value that it will get.
    #[track_caller]
    pub(super) fn add_receiver(&self) -> u64 {
        let mut tail = self.tail.lock();
        let tail = tail.guarded();
        tail.receivers = tail
            .receivers
            .checked_add(1)
            .expect("a broadcast channel has too many receivers; drop some");
        tail.position
    }

    /// Removes a receiver that would have read at `next`. Says whether it was the last.
    pub(super) fn remove_receiver(&self, next: u64) -> bool {
        let (end, last) = {
            let mut tail = self.tail.lock();
            let tail = tail.guarded();
            tail.receivers -= 1;
            (tail.position, tail.receivers == 0)
        };
        let count = end.wrapping_sub(next).min(self.slots.len() as u64);
        let mut unread = VecDeque::new();
        for back in 1..=count {
            let position = end.wrapping_sub(back);
            let mut slot = self.slot(position).lock();
            // A value that was sent after we left was not sent to us.
            if slot.position == position {
                unread.extend(slot.pass());
            }
        }
        // All together, so that a panic in one destructor does not keep the others.
        drop(unread);
        last
    }

    pub(super) fn receivers(&self) -> usize {
        self.tail.lock().guarded().receivers
    }

    /// How many values were sent since the position.
    pub(super) fn distance(&self, next: u64) -> usize {
        let position = self.tail.lock().guarded().position;
        usize::try_from(position.wrapping_sub(next)).unwrap_or(usize::MAX)
    }

    /// How many values some receiver has not passed.
    pub(super) fn len(&self) -> usize {
        let mut tail = self.tail.lock();
        let end = tail.guarded().position;
        // Receivers pass values in order, so the ones that all have passed come first.
        let (mut low, mut high) = (0, self.slots.len() as u64);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.slot(end.wrapping_add(middle)).lock().unread == 0 {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        self.slots.len() - low as usize
    }

    /// Whether every receiver has passed every value.
    pub(super) fn is_empty(&self) -> bool {
        let mut tail = self.tail.lock();
        let latest = tail.guarded().position.wrapping_sub(1);
        self.slot(latest).lock().unread == 0
    }

    /// A place to wait, which is not in the queue yet.
    pub(super) fn place(&self) -> Place<'_> {
        Waiter::new(&self.tail, ())
    }

    /// Looks at the slot alone: the way of receivers that are behind.
    #[inline]
    fn look(&self, next: u64) -> Option<MutexGuard<'_, Slot<T>>> {
        let slot = self.slot(next).lock();
        (slot.position == next).then_some(slot)
    }

    /// Looks at the slot and at the tail, which the caller has locked.
    fn look_closely(&self, tail: &Tail, next: &mut u64) -> Found<'_, T> {
        if *next == tail.position {
            return if tail.closed {
                Found::Closed
            } else {
                Found::Nothing
            };
        }
        let oldest = tail.position.wrapping_sub(self.slots.len() as u64);
        match self.look(*next) {
            Some(slot) => Found::Value(slot),
            None => {
                let missed = oldest.wrapping_sub(*next);
                *next = oldest;
                Found::Lagged(missed)
            }
        }
    }
}

impl<T: Clone> Ring<T> {
    /// Receives at `next`, without waiting.
    pub(super) fn try_recv(&self, next: &mut u64) -> Result<T, TryRecvError> {
        if let Some(slot) = self.look(*next) {
            return Ok(receive(slot, next));
        }
        let mut tail = self.tail.lock();
        let found = self.look_closely(tail.guarded(), next);
        drop(tail);
        match found {
            Found::Value(slot) => Ok(receive(slot, next)),
            Found::Nothing => Err(TryRecvError::Empty),
            Found::Closed => Err(TryRecvError::Closed),
            Found::Lagged(missed) => Err(TryRecvError::Lagged(missed)),
        }
    }

    /// Receives at `next`, or queues in `place`.
    pub(super) fn poll_recv(
        &self,
        next: &mut u64,
        mut place: Pin<&mut Place<'_>>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<T, RecvError>> {
        let coop = ready!(coop::poll_proceed(cx));
        let received = match self.look(*next) {
            Some(slot) => Ok(receive(slot, next)),
            // Whoever is still in the queue has nothing to read (R3).
            None if place.is_queued() && place.as_mut().keep_waiting(cx.waker()) => {
                return Poll::Pending;
            }
            None => {
                // Cloned, and dropped if it was for nothing, without the lock.
                let waker = cx.waker().clone();
                let mut tail = place.lock();
                let Tail {
                    position, closed, ..
                } = *tail.guarded();
                if *next == position && !closed {
                    tail.enqueue(Some(waker));
                    return Poll::Pending;
                }
                drop(tail);
                // Before anything is received, which a panic would lose.
                drop(waker);
                self.try_recv(next).map_err(|error| match error {
                    TryRecvError::Lagged(missed) => RecvError::Lagged(missed),
                    TryRecvError::Closed | TryRecvError::Empty => RecvError::Closed,
                })
            }
        };
        coop.made_progress();
        Poll::Ready(received)
    }
}

impl<T> Slot<T> {
    /// Counts one receiver that passes, and gives the value if it was the last.
    fn pass(&mut self) -> Option<T> {
        self.unread -= 1;
        if self.unread == 0 {
            self.value.take()
        } else {
            None
        }
    }
}

/// Takes the value at `next` out of its slot, and moves `next` on.
#[inline]
fn receive<T: Clone>(mut slot: MutexGuard<'_, Slot<T>>, next: &mut u64) -> T {
    // First, so that a panic in `clone` leaves the receiver behind the value, and counted there.
    *next = next.wrapping_add(1);
    match slot.pass() {
        // Everybody gets a clone, also the last: programs may count them.
        Some(value) => {
            drop(slot);
            value.clone()
        }
        None => {
            let value = slot.value.clone();
            value.expect("a slot that is not read by all has its value")
        }
    }
}

/// Lets all in the queue go, and wakes them without the lock.
fn wake_all(mut tail: Locked<'_, Tail, ()>) {
    let mut wakers = Wakers::new();
    while !tail.is_empty() {
        wakers.extend(tail.pop_front());
    }
    drop(tail);
    wakers.wake_all();
}
