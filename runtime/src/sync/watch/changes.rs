//! Counts the changes of a watched value, and wakes those who wait for the next.
//!
//! # How it works
//!
//! ```text
//!   word:  version << 9 | a bit for each shard with waiters (8) | CLOSED
//! ```
//!
//! Waiting receivers are spread over several wait lists, each with a lock of its own, so that a
//! crowd that comes back after a change does not meet at one lock. The version and the marks of the
//! lists are in one word: announcing a change is one exchange, and if no list is marked, that is
//! all.
//!
//! # Invariants
//!
//! - **V1** A receiver sets its shard's mark under the shard's lock, and queues only if the word had
//!   its version at that moment. Whoever changes the version takes the marks in the same step and
//!   then locks the marked shards. So either the receiver sees the change, or it is found in the
//!   queue.
//! - **V2** A mark may be set although the shard is empty; the reverse never lasts beyond the call
//!   that took the mark.
//! - **V3** Nobody is woken, and no waker cloned or dropped, under a shard's lock.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use runtime_base::coop;
use runtime_base::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use runtime_base::sync::atomic::{AtomicU64, AtomicUsize};
use runtime_base::wait_list::{WaitList, Waiter, Wakers};

/// No sender is left.
const CLOSED: u64 = 1;
/// The mark of the first shard.
const FIRST_MARK: u64 = 0b10;
/// Chosen, as many as Tokio has: most channels have fewer receivers on fewer threads.
const SHARDS: usize = 8;
const MARKS: u64 = ((1 << SHARDS) - 1) * FIRST_MARK;
/// One change.
const CHANGE: u64 = FIRST_MARK << SHARDS;

/// Which state of the value somebody has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version(u64);

impl Version {
    /// One that is not the current one, if this is.
    pub(super) fn outdated(self) -> Self {
        Self(self.0.wrapping_sub(CHANGE))
    }

    fn of(word: u64) -> Self {
        Self(word & !(MARKS | CLOSED))
    }
}

/// No sender is left, and the last change has been seen.
#[derive(Debug)]
pub(super) struct Ended;

/// On a line of its own, so that the locks do not disturb each other.
#[repr(align(64))]
struct Shard(WaitList<(), ()>);

/// The place of a waiting receiver.
type Place<'a> = Waiter<&'a WaitList<(), ()>>;

/// The number of changes, and who waits for the next.
pub(super) struct Changes {
    word: AtomicU64,
    shards: [Shard; SHARDS],
    /// Deals the shards out to the receivers.
    dealt: AtomicUsize,
}

impl Changes {
    pub(super) fn new() -> Self {
        Self {
            word: AtomicU64::new(0),
            shards: std::array::from_fn(|_| Shard(WaitList::new(()))),
            dealt: AtomicUsize::new(0),
        }
    }

    /// A shard for one more receiver.
    pub(super) fn deal_shard(&self) -> usize {
        // Relaxed: nothing hangs on who gets which.
        self.dealt.fetch_add(1, Relaxed) % SHARDS
    }

    pub(super) fn version(&self) -> Version {
        // Acquire pairs with the Release of whoever made the change.
        Version::of(self.word.load(Acquire))
    }

    pub(super) fn is_closed(&self) -> bool {
        // Acquire pairs with `close`.
        self.word.load(Acquire) & CLOSED != 0
    }

    /// Counts a change. The one who gets the result wakes those who wait, when it holds no lock.
    pub(super) fn count(&self) -> Waiting<'_> {
        self.take_marks(|word| word.wrapping_add(CHANGE))
    }

    /// Says that no sender is left.
    pub(super) fn close(&self) -> Waiting<'_> {
        self.take_marks(|word| word | CLOSED)
    }

    fn take_marks(&self, change: impl Fn(u64) -> u64) -> Waiting<'_> {
        let mut word = self.word.load(Relaxed);
        // Release publishes the change to whoever sees the new word, Acquire makes visible what the
        // receivers did before they set their marks.
        while let Err(current) =
            self.word
                .compare_exchange_weak(word, change(word & !MARKS), AcqRel, Relaxed)
        {
            word = current;
        }
        Waiting {
            changes: self,
            marks: word & MARKS,
        }
    }

    /// Whether there was a change since `seen`, which is brought up to date; `Pending` if there was
    /// none yet.
    fn look(word: u64, seen: &mut Version) -> Poll<Result<(), Ended>> {
        let version = Version::of(word);
        if version != *seen {
            *seen = version;
            Poll::Ready(Ok(()))
        } else if word & CLOSED != 0 {
            Poll::Ready(Err(Ended))
        } else {
            Poll::Pending
        }
    }

    /// Waits for a change since `seen` in one of the shards. Dropping the future loses nothing.
    pub(super) async fn changed(&self, seen: &mut Version, shard: usize) -> Result<(), Ended> {
        let mut place = pin!(self.place(shard));
        poll_fn(|cx| self.poll_changed(seen, shard, place.as_mut(), cx)).await
    }

    /// A place to wait in, which is not in the queue yet.
    fn place(&self, shard: usize) -> Place<'_> {
        Waiter::new(&self.shards[shard].0, ())
    }

    /// Looks for a change since `seen`, or queues in `place`, which was made for `shard`.
    fn poll_changed(
        &self,
        seen: &mut Version,
        shard: usize,
        mut place: Pin<&mut Place<'_>>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Ended>> {
        let coop = ready!(coop::poll_proceed(cx));
        // Acquire pairs with the Release of the change.
        let mut outcome = Self::look(self.word.load(Acquire), seen);
        if outcome.is_pending() {
            // Whoever is still in the queue will be found there (V1).
            if place.is_queued() && place.as_mut().keep_waiting(cx.waker()) {
                return Poll::Pending;
            }
            // Cloned, and dropped if it was for nothing, without the lock (V3).
            let waker = cx.waker().clone();
            let locked = place.lock();
            // AcqRel: pairs with the exchange in `take_marks`, both ways (V1).
            let word = self.word.fetch_or(FIRST_MARK << shard, AcqRel);
            let mut latest = *seen;
            outcome = Self::look(word, &mut latest);
            if outcome.is_pending() {
                locked.enqueue(Some(waker));
                return Poll::Pending;
            }
            drop(locked);
            // Before the change counts as seen: its drop may panic.
            drop(waker);
            *seen = latest;
        }
        coop.made_progress();
        outcome
    }
}

/// Those who waited for a change that was counted.
#[must_use = "they sleep until they are woken"]
pub(super) struct Waiting<'a> {
    changes: &'a Changes,
    marks: u64,
}

impl Waiting<'_> {
    /// Wakes them. The caller holds no lock.
    #[inline]
    pub(super) fn wake(self) {
        if self.marks != 0 {
            self.wake_marked();
        }
    }

    #[cold]
    fn wake_marked(self) {
        let mut wakers = Wakers::new();
        for (shard, Shard(list)) in self.changes.shards.iter().enumerate() {
            if self.marks & (FIRST_MARK << shard) != 0 {
                let mut locked = list.lock();
                while !locked.is_empty() {
                    wakers.extend(locked.pop_front());
                }
            }
        }
        // All together, so that a waker that panics keeps nobody asleep.
        wakers.wake_all();
    }
}

#[cfg(test)]
mod tests;
