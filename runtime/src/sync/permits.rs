//! The fair counter under everything that makes tasks queue: semaphore, mutex, reader-writer lock,
//! bounded channel.
//!
//! # How it works
//!
//! One word holds the count and two marks. While nobody waits, taking and giving back permits is
//! one compare-exchange each, and the lock of the wait list is not touched.
//!
//! ```text
//!   word:  permits << 2 | WAITERS | CLOSED
//!
//!   acquire: enough permits? ── yes ─► take them
//!                            └─ no ──► lock; take what there is; set WAITERS; queue for the rest
//!   release: WAITERS? ── no ─► add them
//!                     └─ yes ► lock; give them to the first in the queue, then to the next, …;
//!                              what is left when the queue is empty goes into the word
//! ```
//!
//! Who asks for many permits gets them in parts while it is first in the queue, so that a crowd
//! that asks for few cannot pass it for ever.
//!
//! # Invariants
//!
//! - **P1** `WAITERS` is set exactly while the queue is not empty. It changes only under the lock.
//! - **P2** While `WAITERS` is set the word counts no permits and is not `CLOSED`. So nobody passes
//!   the queue: the fast way needs permits in the word. And nobody but the holder of the lock
//!   changes the word then.
//! - **P3** Only the first in the queue holds a part of what it asked for; every other one holds
//!   nothing.
//! - **P4** An [`Acquire`] that is not queued and misses less than it needs was granted everything,
//!   or the counter was closed. Whatever it holds when it is dropped, it gives back.
//!
//! Read on in [`runtime_base::wait_list`].

#![allow(unsafe_code)] // One promise to the wait list, at the impl of `ListRef`.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use pin_project_lite::pin_project;
use runtime_base::coop;
use runtime_base::sync::atomic::AtomicUsize;
use runtime_base::sync::atomic::Ordering::{AcqRel, Acquire as AcquireOrder, Relaxed, Release};
use runtime_base::wait_list::{ListRef, Locked, WaitList, Waiter, Wakers};

/// No permits are handed out any more.
const CLOSED: usize = 0b01;
/// Somebody is in the queue.
const WAITERS: usize = 0b10;
/// Where the count begins.
const SHIFT: u32 = 2;

/// A count of permits, and the queue of those who wait for some.
pub(crate) struct Permits {
    word: AtomicUsize,
    waiters: WaitList<(), Demand>,
}

/// What one waiter needs, and what of it is still missing.
pub(crate) struct Demand {
    needed: usize,
    missing: usize,
}

impl Demand {
    fn held(&self) -> usize {
        self.needed - self.missing
    }
}

impl Permits {
    /// The largest count; Tokio's figure. Two of its three spare bits are the marks.
    pub(crate) const MAX: usize = usize::MAX >> 3;

    const_unless_loom! {
        /// A counter that starts with `permits`.
        #[track_caller]
        pub(crate) const fn new(permits: usize) -> Permits {
            assert!(
                permits <= Permits::MAX,
                "a semaphore may not have more than MAX_PERMITS permits; start with fewer"
            );
            Permits {
                word: AtomicUsize::new(permits << SHIFT),
                waiters: WaitList::new(()),
            }
        }
    }

    const_unless_loom! {
        /// A counter that was closed before it had any permits.
        pub(crate) const fn new_closed() -> Permits {
            Permits {
                word: AtomicUsize::new(CLOSED),
                waiters: WaitList::new(()),
            }
        }
    }

    /// How many permits can be had right now.
    pub(crate) fn available(&self) -> usize {
        // Acquire pairs with the Release of whoever gave them back.
        self.word.load(AcquireOrder) >> SHIFT
    }

    /// Takes `n` permits if they are there.
    #[inline]
    pub(crate) fn try_acquire(&self, n: usize) -> Result<(), TryAcquireError> {
        // Acquire, here and where the exchange fails, pairs with the Release in `close`: who is
        // refused sees what was done before. For the permits the exchange would do.
        let mut word = self.word.load(AcquireOrder);
        loop {
            if word & CLOSED != 0 {
                return Err(TryAcquireError::Closed);
            }
            if word >> SHIFT < n {
                return Err(TryAcquireError::NoPermits);
            }
            if n == 0 {
                return Ok(());
            }
            // Acquire pairs with the Release in `release` and `distribute`: what the former holders
            // did is visible. No overflow: the count was compared just now.
            match self.word.compare_exchange_weak(
                word,
                word - (n << SHIFT),
                AcquireOrder,
                AcquireOrder,
            ) {
                Ok(_) => return Ok(()),
                Err(current) => word = current,
            }
        }
    }

    /// Takes `n` permits as soon as they are there and those who asked before have theirs.
    #[inline]
    pub(crate) fn acquire(&self, n: usize) -> Acquire<'_> {
        let demand = Demand {
            needed: n,
            missing: n,
        };
        Acquire {
            waiter: Waiter::new(self, demand),
        }
    }

    /// Gives `waiter` what it needs, or what there is of it and a place in the queue for the rest.
    #[cold]
    #[inline(never)]
    fn poll_enqueue(
        &self,
        waiter: Pin<&mut Waiter<&Self>>,
        waker: &Waker,
    ) -> Poll<Result<(), AcquireError>> {
        // Declared before the lock, so dropped after it where it is not needed.
        let waker = waker.clone();
        let mut locked = waiter.lock();
        let needed = locked.data().needed;
        let mut word = self.word.load(Relaxed);
        loop {
            // Set under the lock, so the lock has made what preceded it visible.
            if word & CLOSED != 0 {
                return Poll::Ready(Err(AcquireError(())));
            }
            let taken = needed.min(word >> SHIFT);
            let missing = needed - taken;
            let rest = (word - (taken << SHIFT)) | if missing > 0 { WAITERS } else { 0 };
            // Acquire pairs with the Release of those who gave back what we take.
            match self
                .word
                .compare_exchange_weak(word, rest, AcquireOrder, Relaxed)
            {
                Ok(_) if missing == 0 => {
                    // The future holds them already when the waker is dropped, which may panic.
                    locked.data().missing = 0;
                    return Poll::Ready(Ok(()));
                }
                Ok(_) => {
                    locked.data().missing = missing;
                    locked.enqueue(Some(waker));
                    return Poll::Pending;
                }
                Err(current) => word = current,
            }
        }
    }

    /// Adds `n` permits; those who wait get them first. Panics when the count would exceed
    /// [`MAX`](Self::MAX).
    #[inline]
    #[track_caller]
    pub(crate) fn release(&self, n: usize) {
        if n == 0 {
            return;
        }
        // Relaxed: the exchange, or the lock, orders what follows.
        let mut word = self.word.load(Relaxed);
        while word & WAITERS == 0 {
            assert_fits(word >> SHIFT, n);
            // Release pairs with the Acquire of whoever takes them.
            match self
                .word
                .compare_exchange_weak(word, word + (n << SHIFT), Release, Relaxed)
            {
                Ok(_) => return,
                Err(current) => word = current,
            }
        }
        self.release_to_waiters(n);
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn release_to_waiters(&self, n: usize) {
        assert_fits(0, n);
        let locked = self.waiters.lock();
        if locked.is_empty() {
            // The last waiter has just left. WAITERS is gone with it (P1), but may come back.
            drop(locked);
            return self.release(n);
        }
        let mut wakers = Wakers::new();
        self.distribute(locked, n, &mut wakers);
        wakers.wake_all();
    }

    /// Gives `n` permits to those who wait, in order, and the rest to the word, and unlocks. The
    /// wakers of those who have all they need come into `wakers`.
    ///
    /// The queue had waiters when it was locked.
    #[inline]
    fn distribute(&self, mut locked: Locked<'_, (), Demand>, n: usize, wakers: &mut Wakers) {
        let mut left = n;
        while let Some(demand) = locked.front() {
            let part = left.min(demand.missing);
            demand.missing -= part;
            left -= part;
            if demand.missing > 0 {
                break;
            }
            wakers.extend(locked.pop_front());
        }
        if locked.is_empty() {
            // A plain store: nobody else changes the word while WAITERS is set (P2). Release: our
            // caller, and all who held the lock before it, are visible to whoever takes permits.
            self.word.store(left << SHIFT, Release);
        }
    }

    /// Takes `waiter` out of the queue and gives what it holds to those behind it.
    #[cold]
    #[inline(never)]
    fn leave_queue(&self, waiter: Pin<&mut Waiter<&Self>>) {
        let mut locked = waiter.lock();
        let demand = locked.data();
        let held = demand.held();
        demand.missing = demand.needed;
        if !locked.is_queued() {
            drop(locked);
            return self.release(held);
        }
        let (locked, own_waker) = locked.remove();
        // Also with nothing to give: it clears WAITERS if the queue is empty now (P1).
        let mut wakers = Wakers::new();
        self.distribute(locked, held, &mut wakers);
        wakers.wake_all();
        drop(own_waker);
    }

    /// Takes up to `n` permits out of the count for good, and says how many.
    pub(crate) fn forget(&self, n: usize) -> usize {
        let mut word = self.word.load(Relaxed);
        loop {
            let gone = n.min(word >> SHIFT);
            if gone == 0 {
                return 0;
            }
            // AcqRel: as one who takes permits, and one who hands on what it saw.
            match self
                .word
                .compare_exchange_weak(word, word - (gone << SHIFT), AcqRel, Relaxed)
            {
                Ok(_) => return gone,
                Err(current) => word = current,
            }
        }
    }

    /// Hands out no more permits: whoever waits, or asks later, is refused.
    pub(crate) fn close(&self) {
        let mut wakers = Wakers::new();
        self.close_into(&mut wakers);
        wakers.wake_all();
    }

    /// As [`close`](Self::close), but leaves it to the caller to wake: for those who have more to
    /// do first, which a waker that panics must not prevent.
    pub(crate) fn close_into(&self, wakers: &mut Wakers) {
        let mut locked = self.waiters.lock();
        let mut word = self.word.load(Relaxed);
        // Release pairs with the Acquire of `is_closed` and of those who are refused.
        while let Err(current) =
            self.word
                .compare_exchange_weak(word, (word | CLOSED) & !WAITERS, Release, Relaxed)
        {
            word = current;
        }
        while !locked.is_empty() {
            wakers.extend(locked.pop_front());
        }
    }

    /// Whether [`close`](Self::close) was called.
    pub(crate) fn is_closed(&self) -> bool {
        // Acquire pairs with the Release in `close`.
        self.word.load(AcquireOrder) & CLOSED != 0
    }
}

#[track_caller]
#[inline]
fn assert_fits(count: usize, n: usize) {
    assert!(
        n <= Permits::MAX,
        "cannot add more than MAX_PERMITS permits ({}); add fewer",
        Permits::MAX
    );
    assert!(
        count <= Permits::MAX - n,
        "number of added permits ({n}) would overflow MAX_PERMITS ({}); add fewer",
        Permits::MAX
    );
}

impl fmt::Debug for Permits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permits")
            .field("available", &self.available())
            .field("closed", &self.is_closed())
            .finish()
    }
}

// SAFETY: the list is a field of what is borrowed, so it is always the same and stays in place.
unsafe impl ListRef for &Permits {
    type Guarded = ();
    type Data = Demand;

    #[inline]
    fn list(&self) -> &WaitList<(), Demand> {
        &self.waiters
    }
}

pin_project! {
    /// Waits for permits. Made by [`Permits::acquire`].
    ///
    /// Dropping it at any time gives back what it was assigned and did not report.
    #[must_use = "futures do nothing unless awaited"]
    pub(crate) struct Acquire<'a> {
        #[pin]
        waiter: Waiter<&'a Permits>,
    }

    impl PinnedDrop for Acquire<'_> {
        #[inline]
        fn drop(this: Pin<&mut Self>) {
            this.give_back();
        }
    }
}

impl Future for Acquire<'_> {
    type Output = Result<(), AcquireError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Without budget too, so that others do not pass: what is granted then is kept until there is
        // budget again.
        let coop = coop::poll_proceed(cx);
        if coop.is_pending() && coop::is_traced() {
            return Poll::Pending;
        }
        let result = loop {
            let mut waiter = self.as_mut().project().waiter;
            let permits = *waiter.list();
            match waiter.as_mut().data() {
                None => {
                    if waiter.keep_waiting(cx.waker()) {
                        return Poll::Pending;
                    }
                }
                Some(demand) if demand.held() == 0 => match permits.try_acquire(demand.needed) {
                    Ok(()) => break Ok(()),
                    Err(TryAcquireError::Closed) => break Err(AcquireError(())),
                    Err(TryAcquireError::NoPermits) => {
                        // What was granted is found in the next round.
                        if let Err(error) = ready!(permits.poll_enqueue(waiter, cx.waker())) {
                            break Err(error);
                        }
                    }
                },
                // Granted (P4). From now on the caller holds it, and this nothing.
                Some(demand) if demand.missing == 0 && !permits.is_closed() => {
                    demand.missing = demand.needed;
                    break Ok(());
                }
                // A part came, and the rest never will (P4); or everything, and then the counter was
                // closed before anybody saw it.
                Some(_) => {
                    self.as_mut().give_back();
                    break Err(AcquireError(()));
                }
            }
        };
        let Poll::Ready(coop) = coop else {
            if result.is_ok()
                && let Some(demand) = self.project().waiter.data()
            {
                demand.missing = 0;
            }
            return Poll::Pending;
        };
        // To be refused costs nothing, as with Tokio.
        if result.is_ok() {
            coop.made_progress();
        }
        Poll::Ready(result)
    }
}

impl Acquire<'_> {
    /// Leaves the queue, and gives back what this holds and has not reported.
    #[inline]
    fn give_back(self: Pin<&mut Self>) {
        let mut waiter = self.project().waiter;
        let permits = *waiter.list();
        if let Some(demand) = waiter.as_mut().data() {
            let held = demand.held();
            demand.missing = demand.needed;
            permits.release(held);
        } else {
            permits.leave_queue(waiter);
        }
    }
}

impl fmt::Debug for Acquire<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquire")
            .field("queued", &self.waiter.is_queued())
            .finish_non_exhaustive()
    }
}

/// The semaphore was closed, so it gives no permits any more.
///
/// Made by [`Semaphore::acquire`](crate::sync::Semaphore::acquire) and its kin.
#[derive(Debug)]
pub struct AcquireError(());

impl fmt::Display for AcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("semaphore closed")
    }
}

impl Error for AcquireError {}

/// Why [`Semaphore::try_acquire`](crate::sync::Semaphore::try_acquire) got nothing.
#[derive(Debug, PartialEq, Eq)]
pub enum TryAcquireError {
    /// The semaphore was closed, so it gives no permits any more.
    Closed,
    /// The permits are not there at the moment, or others wait for them.
    NoPermits,
}

impl fmt::Display for TryAcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "semaphore closed",
            Self::NoPermits => "no permits available",
        })
    }
}

impl Error for TryAcquireError {}

#[cfg(all(test, not(rt_loom)))]
pub(crate) mod test_wakers;
#[cfg(test)]
mod tests;
