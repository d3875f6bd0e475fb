//! Tells tasks that something happened: [`Notify`].
//!
//! # How it works
//!
//! ```text
//!   word:  number of notify_waiters calls << 2 | WAITERS | PERMIT
//!
//!   notify_one:      WAITERS? ── no ─► set PERMIT
//!                             └─ yes ► lock; let the first in the queue go, marked `One`
//!   notify_waiters:  WAITERS? ── no ─► count the call
//!                             └─ yes ► lock; count the call; let all go, marked `All`
//!   Notified, polled: call counted since it was made? PERMIT? ── ready
//!                     otherwise ► lock; look again; set WAITERS and queue
//! ```
//!
//! # Invariants
//!
//! - **N1** `WAITERS` is set exactly while the queue is not empty. It changes only under the lock,
//!   and while it is set nothing else changes except under the lock.
//! - **N2** `PERMIT` and `WAITERS` exclude each other: who could take the permit does not queue.
//! - **N3** A future remembers the count of calls from its making, so a call between its making and
//!   its first poll reaches it.
//! - **N4** One that was let go by `notify_one` and is dropped before it reported that passes the
//!   notification on. None is lost.
//!
//! The future is in [`notified`](Notified), the queue in [`runtime_base::wait_list`].

#![allow(unsafe_code)] // One promise to the wait list, at each impl of `ListRef`.

mod notified;

use std::fmt;
use std::sync::Arc;

use runtime_base::sync::atomic::AtomicUsize;
use runtime_base::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use runtime_base::wait_list::{WaitList, Wakers};

use self::notified::{Got, Turn};
pub use self::notified::{Notified, OwnedNotified};

/// A notification is stored.
const PERMIT: usize = 0b01;
/// Somebody is in the queue.
const WAITERS: usize = 0b10;
/// One call of `notify_waiters`.
const CALL: usize = 0b100;

/// The part of the word that counts calls. It wraps, which a future would notice only after being
/// unpolled for 2^62 of them.
fn calls(word: usize) -> usize {
    word & !(PERMIT | WAITERS)
}

/// Wakes one task or all that wait, without a value.
///
/// [`notified().await`](Self::notified) waits for a notification. [`notify_one`](Self::notify_one)
/// wakes the task that waits longest, or stores one permit, which the next `notified().await`
/// takes at once. However often it is called while nobody waits, one permit is stored.
/// [`notify_waiters`](Self::notify_waiters) wakes all and stores nothing.
///
/// The data that the notification is about is kept elsewhere, in an atomic or behind a lock. What
/// was written before the notification is visible after it was received.
///
/// # Examples
///
/// A queue that tasks can wait on:
///
/// ```
/// use std::collections::VecDeque;
/// use std::sync::{Arc, Mutex};
/// use runtime::sync::Notify;
///
/// #[derive(Default)]
/// struct Inbox {
///     letters: Mutex<VecDeque<String>>,
///     arrival: Notify,
/// }
///
/// impl Inbox {
///     fn put(&self, letter: &str) {
///         self.letters.lock().unwrap().push_back(letter.to_owned());
///         self.arrival.notify_one();
///     }
///
///     // For one reader: several letters may have arrived under one permit.
///     async fn take(&self) -> String {
///         loop {
///             if let Some(letter) = self.letters.lock().unwrap().pop_front() {
///                 return letter;
///             }
///             self.arrival.notified().await;
///         }
///     }
/// }
///
/// #[runtime::main]
/// async fn main() {
///     let inbox = Arc::new(Inbox::default());
///     let reader = runtime::spawn({
///         let inbox = inbox.clone();
///         async move { inbox.take().await }
///     });
///     inbox.put("hello");
///     assert_eq!(reader.await.unwrap(), "hello");
/// }
/// ```
///
/// All are told to stop. The future is made *before* the flag is looked at, so that a call in
/// between is not missed:
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
/// use runtime::sync::Notify;
///
/// #[runtime::main]
/// async fn main() {
///     let stop = Arc::new((AtomicBool::new(false), Notify::new()));
///     let tasks: Vec<_> = (0..3)
///         .map(|_| {
///             let stop = stop.clone();
///             runtime::spawn(async move {
///                 let notified = stop.1.notified();
///                 if !stop.0.load(SeqCst) {
///                     notified.await;
///                 }
///             })
///         })
///         .collect();
///     stop.0.store(true, SeqCst);
///     stop.1.notify_waiters();
///     for task in tasks {
///         task.await.unwrap();
///     }
/// }
/// ```
pub struct Notify {
    word: AtomicUsize,
    waiters: WaitList<(), Turn>,
}

/// Which of those who wait a notification for one is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The one who waits longest.
    First,
    /// The one who came last.
    Last,
}

impl Notify {
    /// Without a stored permit.
    pub fn new() -> Notify {
        Notify {
            word: AtomicUsize::new(0),
            waiters: WaitList::new(()),
        }
    }

    const_unless_loom! {
        /// Without a stored permit, for a `static`.
        ///
        /// # Examples
        ///
        /// ```
        /// use runtime::sync::Notify;
        ///
        /// static READY: Notify = Notify::const_new();
        ///
        /// #[runtime::main]
        /// async fn main() {
        ///     READY.notify_one();
        ///     READY.notified().await;
        /// }
        /// ```
        pub const fn const_new() -> Notify {
            Notify {
                word: AtomicUsize::new(0),
                waiters: WaitList::new(()),
            }
        }
    }

    /// Waits for a notification.
    ///
    /// The future takes a stored permit when it is first polled, or joins the queue then.
    /// Calls of [`notify_waiters`](Self::notify_waiters) reach it from its making on, even before
    /// it is polled. To be in the queue without being awaited yet, see
    /// [`enable`](Notified::enable).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses the place in the queue. A notification for one that it had
    /// received and not yet reported goes to the next.
    pub fn notified(&self) -> Notified<'_> {
        Notified::new(self, self.calls())
    }

    /// Waits for a notification as [`notified`](Self::notified); the future holds the `Notify` by
    /// `Arc` and has no lifetime.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses the place in the queue. A notification for one that it had
    /// received and not yet reported goes to the next.
    pub fn notified_owned(self: Arc<Self>) -> OwnedNotified {
        let calls = self.calls();
        OwnedNotified::new(self, calls)
    }

    /// Wakes the task that waits longest. If none waits, stores a permit for the next one; at most
    /// one is stored.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[runtime::main]
    /// # async fn main() {
    /// let notify = runtime::sync::Notify::new();
    /// notify.notify_one();
    /// notify.notify_one();
    /// notify.notified().await;
    /// // One permit was stored, not two.
    /// let mut again = std::pin::pin!(notify.notified());
    /// assert!(!again.as_mut().enable());
    /// # }
    /// ```
    #[inline]
    pub fn notify_one(&self) {
        self.notify(End::First);
    }

    /// Wakes the task that came last. If none waits, stores a permit as
    /// [`notify_one`](Self::notify_one) does.
    ///
    /// Where the tasks are all alike, the one that ran last has the warmest caches.
    #[inline]
    pub fn notify_last(&self) {
        self.notify(End::Last);
    }

    /// Wakes all tasks that wait, and completes all futures that [`notified`](Self::notified) has
    /// made so far. Stores no permit; one that is stored stays.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[runtime::main]
    /// # async fn main() {
    /// let notify = runtime::sync::Notify::new();
    /// let (one, two) = (notify.notified(), notify.notified());
    /// notify.notify_waiters();
    /// one.await;
    /// two.await;
    /// // Made after the call, so it has to wait for another.
    /// let mut late = std::pin::pin!(notify.notified());
    /// assert!(!late.as_mut().enable());
    /// # }
    /// ```
    pub fn notify_waiters(&self) {
        // Relaxed: the exchange, or the lock, orders what follows.
        let mut word = self.word.load(Relaxed);
        while word & WAITERS == 0 {
            // Release pairs with the Acquire of `calls` and of a polled future (N3).
            match self
                .word
                .compare_exchange_weak(word, word.wrapping_add(CALL), Release, Relaxed)
            {
                Ok(_) => return,
                Err(current) => word = current,
            }
        }
        self.notify_queue();
    }

    #[cold]
    #[inline(never)]
    fn notify_queue(&self) {
        let mut wakers = Wakers::new();
        let mut locked = self.waiters.lock();
        // The queue may have emptied since we looked; then only the call is counted.
        // Release as above; AcqRel because those in the queue may hand on what others wrote.
        let counted = |word: usize| Some(word.wrapping_add(CALL) & !WAITERS);
        let _ = self.word.fetch_update(AcqRel, Relaxed, counted);
        while let Some(turn) = locked.front() {
            turn.got = Got::All;
            wakers.extend(locked.pop_front());
        }
        drop(locked);
        wakers.wake_all();
    }

    #[inline]
    fn notify(&self, end: End) {
        let mut word = self.word.load(Relaxed);
        while word & WAITERS == 0 {
            // Also if the permit is there already: Release makes what our caller wrote visible to
            // the one who takes it.
            match self
                .word
                .compare_exchange_weak(word, word | PERMIT, Release, Relaxed)
            {
                Ok(_) => return,
                Err(current) => word = current,
            }
        }
        self.notify_queued(end);
    }

    #[cold]
    #[inline(never)]
    fn notify_queued(&self, end: End) {
        let mut locked = self.waiters.lock();
        let turn = match end {
            End::First => locked.front(),
            End::Last => locked.back(),
        };
        let Some(turn) = turn else {
            // The last waiter has just left, and WAITERS with it (N1).
            drop(locked);
            return self.notify(end);
        };
        turn.got = Got::One(end);
        let waker = match end {
            End::First => locked.pop_front(),
            End::Last => locked.pop_back(),
        };
        if locked.is_empty() {
            self.clear_waiters();
        }
        drop(locked);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The queue is empty now (N1). The caller has the lock.
    fn clear_waiters(&self) {
        // Relaxed: what it ends is ordered by the lock.
        self.word.fetch_and(!WAITERS, Relaxed);
    }

    /// The count of calls, for a future that is made now.
    #[inline]
    fn calls(&self) -> usize {
        // Acquire pairs with the Release in `notify_waiters`: whoever misses the call because the
        // future is made after it sees what was written before it.
        calls(self.word.load(Acquire))
    }
}

impl Default for Notify {
    fn default() -> Notify {
        Notify::new()
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Relaxed: a snapshot for people.
        let word = self.word.load(Relaxed);
        f.debug_struct("Notify")
            .field("permit", &(word & PERMIT != 0))
            .field("waiters", &(word & WAITERS != 0))
            .finish()
    }
}

#[cfg(test)]
mod tests;
