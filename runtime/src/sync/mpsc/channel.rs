//! What the bounded and the unbounded channel have in common.
//!
//! Senders and receiver share one allocation: the [queue](super::queue) of the values, the
//! receiver's waker, the counts of the senders, and a [`Limit`], which is all that the two kinds of
//! channel differ in.
//!
//! # Invariants
//!
//! - **C1** `senders` counts the strong senders. Once it is 0 it stays 0, and everything that will
//!   ever be pushed has been pushed.
//! - **C2** Whatever can end the wait of the receiver wakes it, after it has happened: the push of the
//!   value that it announced to wait for, the end of the last sender, and in a closed bounded
//!   channel the return of the last permit.

#![allow(unsafe_code)] // The receiver leaves its head to the queue.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::task::{Context, Poll, ready};

use runtime_base::coop;
use runtime_base::sync::atomic::AtomicUsize;
use runtime_base::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use runtime_base::sync::{Arc, hint, thread};
use runtime_base::wait_list::Wakers;
use runtime_base::waker_cell::WakerCell;

use super::error::TryRecvError;
use super::queue::{Head, Pushed, Queue};
use crate::sync::permits::Permits;

/// What keeps the number of queued values in bounds, if anything does.
pub(super) trait Limit {
    /// The receiver took `n` values out.
    fn taken(&self, n: usize);

    /// Accepts no more values, except for promises that were given. The wakers of those who wait for
    /// room come into `wakers`.
    fn close<T>(&self, queue: &Queue<T>, head: &mut Head<T>, wakers: &mut Wakers);

    /// Whether [`close`](Self::close) was called.
    fn is_closed<T>(&self, queue: &Queue<T>) -> bool;

    /// Whether it was closed, and the receiver has everything that was accepted.
    fn is_exhausted<T>(&self, queue: &Queue<T>, head: &Head<T>) -> bool;
}

/// The shared part of a channel.
pub(super) struct Channel<T, L> {
    queue: Queue<T>,
    pub(super) limit: L,
    receiver_waker: WakerCell,
    senders: AtomicUsize,
    weak_senders: AtomicUsize,
    /// Never has a permit: it is closed with the channel, and so ends the wait of those who wait for
    /// the channel to be closed.
    closed: Permits,
}

// No user code runs while a part of the channel is half changed.
impl<T, L> UnwindSafe for Channel<T, L> {}
impl<T, L> RefUnwindSafe for Channel<T, L> {}

/// Creates both halves.
pub(super) fn new<T, L: Limit>(limit: L) -> (Sending<T, L>, Receiving<T, L>) {
    let (queue, head) = Queue::new();
    let channel = Arc::new(Channel {
        queue,
        limit,
        receiver_waker: WakerCell::new(),
        senders: AtomicUsize::new(1),
        weak_senders: AtomicUsize::new(0),
        closed: Permits::new(0),
    });
    (Sending(channel.clone()), Receiving { channel, head })
}

impl<T, L: Limit> Channel<T, L> {
    /// Appends the value and wakes the receiver if it waits; gives the value back if the queue is
    /// closed.
    #[inline]
    pub(super) fn push(&self, value: T) -> Result<(), T> {
        match self.queue.push(value)? {
            Pushed::Quietly => {}
            Pushed::Awaited => self.receiver_waker.wake(),
        }
        Ok(())
    }

    pub(super) fn is_closed(&self) -> bool {
        self.limit.is_closed(&self.queue)
    }

    pub(super) fn wake_receiver(&self) {
        self.receiver_waker.wake();
    }

    /// Waits until the channel is closed.
    pub(super) async fn closed(&self) {
        // It never succeeds, so it ends only by being closed.
        let _ = self.closed.acquire(1).await;
    }

    pub(super) fn strong_count(&self) -> usize {
        // Acquire pairs with the end of a sender (C1).
        self.senders.load(Acquire)
    }

    pub(super) fn weak_count(&self) -> usize {
        // Relaxed: nothing hangs on the number.
        self.weak_senders.load(Relaxed)
    }
}

/// A strong sender.
pub(super) struct Sending<T, L: Limit>(Arc<Channel<T, L>>);

impl<T, L: Limit> Sending<T, L> {
    #[inline]
    pub(super) fn channel(&self) -> &Channel<T, L> {
        &self.0
    }

    pub(super) fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(super) fn downgrade(&self) -> WeakSending<T, L> {
        // Relaxed: nothing hangs on the number.
        self.0.weak_senders.fetch_add(1, Relaxed);
        WeakSending(self.0.clone())
    }
}

impl<T, L: Limit> Clone for Sending<T, L> {
    fn clone(&self) -> Self {
        // Relaxed: the sender at hand keeps the count above 0.
        self.0.senders.fetch_add(1, Relaxed);
        Self(self.0.clone())
    }
}

impl<T, L: Limit> Drop for Sending<T, L> {
    fn drop(&mut self) {
        // AcqRel: the receiver that finds 0 has everything that any sender pushed (C1).
        if self.0.senders.fetch_sub(1, AcqRel) == 1 {
            self.0.receiver_waker.wake();
        }
    }
}

/// A sender that does not keep the channel open.
pub(super) struct WeakSending<T, L: Limit>(Arc<Channel<T, L>>);

impl<T, L: Limit> WeakSending<T, L> {
    pub(super) fn channel(&self) -> &Channel<T, L> {
        &self.0
    }

    pub(super) fn upgrade(&self) -> Option<Sending<T, L>> {
        let mut senders = self.0.senders.load(Relaxed);
        while senders != 0 {
            // Relaxed: the count alone decides; what the sender does later orders itself.
            match self
                .0
                .senders
                .compare_exchange_weak(senders, senders + 1, Relaxed, Relaxed)
            {
                Ok(_) => return Some(Sending(self.0.clone())),
                Err(actual) => senders = actual,
            }
        }
        None
    }
}

impl<T, L: Limit> Clone for WeakSending<T, L> {
    fn clone(&self) -> Self {
        // Relaxed: nothing hangs on the number.
        self.0.weak_senders.fetch_add(1, Relaxed);
        Self(self.0.clone())
    }
}

impl<T, L: Limit> Drop for WeakSending<T, L> {
    fn drop(&mut self) {
        // Relaxed: as above.
        self.0.weak_senders.fetch_sub(1, Relaxed);
    }
}

/// The receiver.
pub(super) struct Receiving<T, L: Limit> {
    channel: Arc<Channel<T, L>>,
    head: Head<T>,
}

impl<T, L: Limit> Receiving<T, L> {
    #[inline]
    pub(super) fn channel(&self) -> &Channel<T, L> {
        &self.channel
    }

    #[inline]
    fn pop(&mut self) -> Option<T> {
        let value = self.channel.queue.pop(&mut self.head)?;
        self.channel.limit.taken(1);
        Some(value)
    }

    /// Moves up to `limit` values that are ready into `buffer`; `None` if there was none.
    fn pop_many(&mut self, buffer: &mut Vec<T>, limit: usize) -> Option<usize> {
        let before = buffer.len();
        while buffer.len() - before < limit {
            let Some(value) = self.channel.queue.pop(&mut self.head) else {
                break;
            };
            buffer.push(value);
        }
        let count = buffer.len() - before;
        (count > 0).then(|| {
            self.channel.limit.taken(count);
            count
        })
    }

    /// Whether nothing more can be pushed. What was pushed before is ready now.
    fn has_ended(&self) -> bool {
        self.channel.strong_count() == 0
            || self
                .channel
                .limit
                .is_exhausted(&self.channel.queue, &self.head)
    }

    #[inline]
    pub(super) fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.poll_take(cx, Self::pop)
    }

    pub(super) fn poll_recv_many(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut Vec<T>,
        limit: usize,
    ) -> Poll<usize> {
        if limit == 0 {
            return Poll::Ready(0);
        }
        self.poll_take(cx, |this| this.pop_many(buffer, limit))
            .map(|count| count.unwrap_or(0))
    }

    /// Takes something out with `take`; `None` when the channel has ended.
    #[inline]
    fn poll_take<R>(
        &mut self,
        cx: &mut Context<'_>,
        mut take: impl FnMut(&mut Self) -> Option<R>,
    ) -> Poll<Option<R>> {
        let coop = ready!(coop::poll_proceed(cx));
        let mut taken = take(self);
        if taken.is_none() {
            self.channel.receiver_waker.register(cx.waker());
            // The waker first, then a last look at everything that would wake it (C2).
            let ready = self.channel.queue.announce_wait(&mut self.head);
            if !ready && !self.has_ended() {
                return Poll::Pending;
            }
            taken = take(self);
        }
        coop.made_progress();
        Poll::Ready(taken)
    }

    pub(super) fn try_recv(&mut self) -> Result<T, TryRecvError> {
        // A sender between claim and ready bit hides what was sent after it, by others too. It will
        // not be long, unless it lost its processor.
        const SPINS: u32 = 64;
        let mut rounds = 0;
        loop {
            if let Some(value) = self.pop() {
                return Ok(value);
            }
            if self.has_ended() {
                return self.pop().ok_or(TryRecvError::Disconnected);
            }
            if self.len() == 0 {
                return Err(TryRecvError::Empty);
            }
            rounds += 1;
            if rounds < SPINS {
                hint::spin_loop();
            } else {
                thread::yield_now();
            }
        }
    }

    pub(super) fn close(&mut self) {
        // Woken when everything is done: a waker that panics must not keep the others asleep.
        let mut wakers = Wakers::new();
        let Self { channel, head } = self;
        channel.limit.close(&channel.queue, head, &mut wakers);
        channel.closed.close_into(&mut wakers);
        wakers.wake_all();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.channel.is_closed() || self.channel.strong_count() == 0
    }

    pub(super) fn len(&self) -> usize {
        self.channel.queue.len(&self.head)
    }
}

impl<T, L: Limit> Drop for Receiving<T, L> {
    fn drop(&mut self) {
        /// Leaves the head to the queue, even if a waker or the destructor of a value panics.
        struct Leave<'a, T, L: Limit>(&'a mut Receiving<T, L>);

        impl<T, L: Limit> Drop for Leave<'_, T, L> {
            fn drop(&mut self) {
                // SAFETY: the receiver is being dropped, so its head is not used any more, and it
                // still holds the channel.
                unsafe { self.0.channel.queue.abandon(&mut self.0.head) };
            }
        }

        let leave = Leave(self);
        leave.0.close();
        drop(leave.0.channel.receiver_waker.take());
        let Receiving { channel, head } = &mut *leave.0;
        channel.queue.drain(head, || channel.limit.taken(1));
    }
}

impl<T, L: Limit> fmt::Debug for Sending<T, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").finish_non_exhaustive()
    }
}
