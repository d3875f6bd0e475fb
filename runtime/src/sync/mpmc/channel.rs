//! What the bounded and the unbounded channel have in common, which is nearly all.
//!
//! # Invariants
//!
//! - **X1** A value is pushed only by who holds one of `room`'s permits, which goes back to `room`
//!   when the value is taken out. So `room` has its full `capacity` only while nothing is queued and
//!   nobody may push.
//! - **X2** A permit of `items` is made after its value was pushed, and until `items` is closed a
//!   value is popped only with such a permit. So who holds one finds a value.
//! - **X3** `items` is closed exactly when nothing will ever be pushed any more: after the last
//!   sender was dropped, or after `room` was closed and has all its permits back (X1). From then on
//!   receivers pop without permits, and an empty queue is the end.
//! - **X4** Whoever may be the one that makes the second case of X3 true looks for it afterwards:
//!   who gives permits back to `room`, and who closes it. The last of them in the order of `room`'s
//!   word sees that both have happened.

use std::panic::{RefUnwindSafe, UnwindSafe};

use runtime_base::driving;
use runtime_base::sync::Arc;
use runtime_base::sync::atomic::AtomicUsize;
use runtime_base::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use runtime_base::wait_list::Wakers;

use super::error::{SendError, TryRecvError, TrySendError};
use crate::queue::Queue;
use crate::sync::permits::{Permits, TryAcquireError};

/// The shared part of a channel.
pub(super) struct Channel<T> {
    queue: Queue<T>,
    /// One permit per value that may still be queued.
    room: Permits,
    /// One permit per value that is queued and not promised to a receiver.
    items: Permits,
    capacity: usize,
    pub(super) senders: Ends,
    pub(super) receivers: Ends,
    /// Never has a permit: it is closed with the channel, and so ends the wait of those who wait for
    /// the channel to be closed.
    closed: Permits,
}

// No user code runs while a part of the channel is half changed.
impl<T> UnwindSafe for Channel<T> {}
impl<T> RefUnwindSafe for Channel<T> {}

/// Creates both ends.
#[track_caller]
pub(super) fn new<T>(capacity: usize) -> (Sending<T>, Receiving<T>) {
    let channel = Arc::new(Channel {
        queue: Queue::new(),
        room: Permits::new(capacity),
        items: Permits::new(0),
        capacity,
        senders: Ends::one(),
        receivers: Ends::one(),
        closed: Permits::new(0),
    });
    (Sending(channel.clone()), Receiving(channel))
}

/// Sending.
impl<T> Channel<T> {
    /// Waits for room for one value, which the caller owns afterwards.
    pub(super) async fn acquire(&self) -> Result<(), SendError<()>> {
        /// Looks after the future below is dropped: it may have held the last permit (X4).
        struct Leave<'a, T>(&'a Channel<T>);

        impl<T> Drop for Leave<'_, T> {
            fn drop(&mut self) {
                self.0.end_if_exhausted();
            }
        }

        let leave = Leave(self);
        if self.room.acquire(1).await.is_err() {
            return Err(SendError(()));
        }
        std::mem::forget(leave);
        Ok(())
    }

    /// Takes room for one value if there is some.
    #[inline]
    pub(super) fn try_acquire(&self) -> Result<(), TrySendError<()>> {
        self.room.try_acquire(1).map_err(|error| match error {
            TryAcquireError::Closed => TrySendError::Closed(()),
            TryAcquireError::NoPermits => TrySendError::Full(()),
        })
    }

    /// Sends the value of somebody who has room for it, and uses the room up.
    #[inline]
    pub(super) fn push(&self, value: T) {
        self.queue.push(value);
        self.items.release(1);
    }

    /// Gives back room for `n` values.
    #[inline]
    pub(super) fn give_back(&self, n: usize) {
        self.room.release(n);
        self.end_if_exhausted();
    }

    /// Ends the receivers of a closed channel when nothing can come any more.
    #[inline]
    fn end_if_exhausted(&self) {
        if self.is_exhausted() {
            self.items.close();
        }
    }

    /// Two loads are as good as one: once `room` is closed its count only grows.
    #[inline]
    fn is_exhausted(&self) -> bool {
        self.room.is_closed() && self.room.available() == self.capacity
    }
}

/// Receiving.
impl<T> Channel<T> {
    /// Waits for the next value.
    pub(super) async fn recv(&self) -> Option<T> {
        // Refused or not: the queue says whether this is the end (X2, X3).
        let _ = self.items.acquire(1).await;
        self.pop()
    }

    /// Waits for a value and appends what is there, up to `limit`, to `buffer`.
    pub(super) async fn recv_many(&self, buffer: &mut Vec<T>, limit: usize) -> usize {
        if limit == 0 {
            return 0;
        }
        let permit = self.items.acquire(1).await;
        let mut promised = permit.is_ok();
        let before = buffer.len();
        while buffer.len() - before < limit {
            if !promised && self.items.try_acquire(1) == Err(TryAcquireError::NoPermits) {
                break;
            }
            promised = false;
            let Some(value) = self.queue.pop() else { break };
            buffer.push(value);
        }
        let count = buffer.len() - before;
        if count > 0 {
            self.give_back(count);
        }
        count
    }

    pub(super) fn try_recv(&self) -> Result<T, TryRecvError> {
        if self.items.try_acquire(1) == Err(TryAcquireError::NoPermits) {
            return Err(TryRecvError::Empty);
        }
        self.pop().ok_or(TryRecvError::Disconnected)
    }

    /// Takes the oldest value out. The caller has a permit for it, or `items` is closed.
    #[inline]
    fn pop(&self) -> Option<T> {
        let value = self.queue.pop()?;
        self.give_back(1);
        Some(value)
    }

    /// Accepts no more values, except for room that was handed out before.
    pub(super) fn close(&self) {
        // Woken when everything is done: a waker that panics must not keep the others asleep.
        let mut wakers = Wakers::new();
        self.room.close_into(&mut wakers);
        self.closed.close_into(&mut wakers);
        if self.is_exhausted() {
            self.items.close_into(&mut wakers);
        }
        wakers.wake_all();
    }
}

/// Looking.
impl<T> Channel<T> {
    /// Waits until the channel is closed.
    pub(super) async fn closed(&self) {
        // It never succeeds, so it ends only by being closed.
        let _ = self.closed.acquire(1).await;
    }

    /// Whether sending is over because the receivers want no more.
    pub(super) fn is_closed(&self) -> bool {
        self.room.is_closed()
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    /// For how many values there is room at the moment.
    pub(super) fn available(&self) -> usize {
        self.room.available()
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }
}

/// How many handles one side of the channel has.
pub(super) struct Ends {
    /// Once it is 0 it stays 0.
    strong: AtomicUsize,
    weak: AtomicUsize,
}

impl Ends {
    fn one() -> Self {
        Self {
            strong: AtomicUsize::new(1),
            weak: AtomicUsize::new(0),
        }
    }

    pub(super) fn strong_count(&self) -> usize {
        // Acquire pairs with the AcqRel in `leave`: who reads 0 sees what all of them did.
        self.strong.load(Acquire)
    }

    pub(super) fn weak_count(&self) -> usize {
        // Relaxed: nothing hangs on the number.
        self.weak.load(Relaxed)
    }

    fn join(&self) {
        // Relaxed: the handle at hand keeps the count above 0.
        self.strong.fetch_add(1, Relaxed);
    }

    /// One more, unless there is none any more.
    fn try_join(&self) -> bool {
        let mut strong = self.strong.load(Relaxed);
        while strong != 0 {
            // Relaxed: the count alone decides; what the handle does later orders itself.
            match self
                .strong
                .compare_exchange_weak(strong, strong + 1, Relaxed, Relaxed)
            {
                Ok(_) => return true,
                Err(actual) => strong = actual,
            }
        }
        false
    }

    /// One less; says whether it was the last.
    fn leave(&self) -> bool {
        // AcqRel: the last one sees what all the others did before they left.
        self.strong.fetch_sub(1, AcqRel) == 1
    }

    fn join_weak(&self) {
        // Relaxed: nothing hangs on the number.
        self.weak.fetch_add(1, Relaxed);
    }

    fn leave_weak(&self) {
        // Relaxed: as above.
        self.weak.fetch_sub(1, Relaxed);
    }
}

/// Implements a strong and a weak handle of the side that is counted in `$ends`.
macro_rules! handles {
    ($Strong:ident, $Weak:ident, $ends:ident) => {
        impl<T> $Strong<T> {
            #[inline]
            pub(super) fn channel(&self) -> &Channel<T> {
                &self.0
            }

            pub(super) fn same_channel(&self, other: &Self) -> bool {
                Arc::ptr_eq(&self.0, &other.0)
            }

            pub(super) fn downgrade(&self) -> $Weak<T> {
                self.0.$ends.join_weak();
                $Weak(self.0.clone())
            }
        }

        impl<T> Clone for $Strong<T> {
            fn clone(&self) -> Self {
                self.0.$ends.join();
                Self(self.0.clone())
            }
        }

        impl<T> $Weak<T> {
            pub(super) fn ends(&self) -> &Ends {
                &self.0.$ends
            }

            pub(super) fn upgrade(&self) -> Option<$Strong<T>> {
                self.0.$ends.try_join().then(|| $Strong(self.0.clone()))
            }
        }

        impl<T> Clone for $Weak<T> {
            fn clone(&self) -> Self {
                self.0.$ends.join_weak();
                Self(self.0.clone())
            }
        }

        impl<T> Drop for $Weak<T> {
            fn drop(&mut self) {
                self.0.$ends.leave_weak();
            }
        }
    };
}

/// A sender.
pub(super) struct Sending<T>(Arc<Channel<T>>);
/// A sender that does not keep the channel open.
pub(super) struct WeakSending<T>(Arc<Channel<T>>);
handles!(Sending, WeakSending, senders);

impl<T> Drop for Sending<T> {
    fn drop(&mut self) {
        if self.0.senders.leave() {
            // All that senders ever pushed has been pushed (X3).
            self.0.items.close();
        }
    }
}

/// A receiver.
pub(super) struct Receiving<T>(Arc<Channel<T>>);
/// A receiver that does not keep the channel open.
pub(super) struct WeakReceiving<T>(Arc<Channel<T>>);
handles!(Receiving, WeakReceiving, receivers);

impl<T> Receiving<T> {
    #[track_caller]
    pub(super) fn blocking_recv(&self) -> Option<T> {
        driving::block_on(self.0.recv())
    }

    /// Whether nobody sends any more, except with room that was handed out before.
    pub(super) fn is_closed(&self) -> bool {
        self.0.is_closed() || self.0.senders.strong_count() == 0
    }
}

impl<T> Drop for Receiving<T> {
    fn drop(&mut self) {
        if !self.0.receivers.leave() {
            return;
        }
        self.0.close();
        // Nobody else pops: there is no receiver, and none will come. What is pushed after this,
        // with room that was handed out before, goes with the channel.
        while let Some(value) = self.0.queue.pop() {
            drop(value);
        }
    }
}
