//! Many waiters in arrival order.
//!
//! Every primitive that makes tasks queue (semaphore, mutex, `Notify`, channels) stands on this
//! list. A wait allocates nothing: the node is a part of the future that waits, so it costs a lock
//! and four pointer writes to join, and as much to leave from anywhere in the queue.
//!
//! # How it works
//!
//! ```text
//!            WaitList<S, D>                            in the future of each waiter
//!   ┌───────────────────────────────┐        ┌──────────── Waiter<L> ─────────────┐
//!   │ lock ─► S (what it guards)    │        │ list: L ─► finds the WaitList again │
//!   │         head ─────────────────┼──────► │ Node: queued? │ prev next waker D   │ ◄─► …
//!   │         tail                  │        └────────────────────────────────────┘
//!   └───────────────────────────────┘
//! ```
//!
//! A [`Waiter`] is pinned in its future and belongs to its *owner*, the task that polls. Through
//! [`Waiter::lock`] the owner joins the queue and leaves it. Others lock the [`WaitList`], look at
//! the [`front`](Locked::front), write into its data what happened, and pop it: they get its waker,
//! which they wake after they let go of the lock. The owner finds that it
//! [is no longer queued](Waiter::is_queued) and reads, without the lock, what was written.
//!
//! # Invariants
//!
//! - **L1** Links, waker and data of a queued node are touched only under the lock of its list.
//! - **L2** Those of a node that is not queued are touched only by its owner, who shows a
//!   `Pin<&mut Waiter>`. No pointer in the list leads to such a node.
//! - **L3** `queued` becomes true only by the owner under the lock. It becomes false only under the
//!   lock and as the *last* access of the list to the node: from then on the owner may free it.
//! - **L4** A queued node stays where it is until it is unlinked: its waiter is pinned, not `Unpin`,
//!   and unlinks itself when dropped. One that is leaked stays valid for ever, by the rules of `Pin`.
//! - **L5** A waiter always meets the same list: the promise of [`ListRef`].
//! - **L6** No waker is cloned, woken or dropped under the lock: that is foreign code.
//!
//! The waiter's half is in [`waiter`](self::Waiter), the models are in the tests beside it.

#![allow(unsafe_code)] // Nodes live in the futures of others; L1 to L5 say why that is sound.

mod waiter;
mod wakers;

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::ptr::NonNull;
use std::task::Waker;

use crate::sync::{Mutex, MutexGuard};

use self::waiter::Node;
pub use self::waiter::{ListRef, LockedWaiter, Waiter};
pub use self::wakers::Wakers;

/// Waiters in arrival order, each with data `D`, and the value `S` behind the same lock.
pub struct WaitList<S, D> {
    queue: Mutex<Queue<S, D>>,
}

struct Queue<S, D> {
    guarded: S,
    head: Option<NonNull<Node<D>>>,
    tail: Option<NonNull<Node<D>>>,
}

// SAFETY: the pointers lead to queued nodes, whose wakers and data move between threads with the
// lock (L1); wakers may, and `D` may by the bound.
unsafe impl<S: Send, D: Send> Send for Queue<S, D> {}

// Under the lock runs only code of ours that does not panic, so nobody sees a list half changed.
impl<S, D> UnwindSafe for WaitList<S, D> {}
impl<S, D> RefUnwindSafe for WaitList<S, D> {}

impl<S, D> WaitList<S, D> {
    /// A list without waiters.
    #[cfg(not(rt_loom))]
    pub const fn new(guarded: S) -> Self {
        Self {
            queue: Mutex::new(Queue::new(guarded)),
        }
    }

    /// A list without waiters.
    #[cfg(rt_loom)]
    pub fn new(guarded: S) -> Self {
        Self {
            queue: Mutex::new(Queue::new(guarded)),
        }
    }

    /// Locks the list, to look at its waiters or at what it guards.
    #[inline]
    pub fn lock(&self) -> Locked<'_, S, D> {
        Locked {
            queue: self.queue.lock(),
        }
    }

    /// What the list guards, without locking: the caller has the list alone.
    pub fn guarded_mut(&mut self) -> &mut S {
        &mut self.queue.get_mut().guarded
    }
}

impl<S: Default, D> Default for WaitList<S, D> {
    fn default() -> Self {
        Self::new(S::default())
    }
}

impl<S, D> fmt::Debug for WaitList<S, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitList").finish_non_exhaustive()
    }
}

/// A locked [`WaitList`]. Nothing that belongs to others, wakers above all, is run or dropped while
/// it lives.
pub struct Locked<'a, S, D> {
    queue: MutexGuard<'a, Queue<S, D>>,
}

impl<S, D> Locked<'_, S, D> {
    /// What the list guards.
    #[inline]
    pub fn guarded(&mut self) -> &mut S {
        &mut self.queue.guarded
    }

    /// Whether nobody waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.queue.head.is_none()
    }

    /// The data of the one who waits longest.
    #[inline]
    pub fn front(&mut self) -> Option<&mut D> {
        // SAFETY: the list's pointers lead to queued nodes (L2, L4), which belong to the holder of
        // the lock (L1); the borrow of `self` keeps the lock and forbids a second `front`.
        let node = unsafe { self.queue.head?.as_ref() };
        // SAFETY: as above.
        Some(unsafe { node.data() })
    }

    /// The data of the one who came last.
    #[inline]
    pub fn back(&mut self) -> Option<&mut D> {
        // SAFETY: as in `front`.
        let node = unsafe { self.queue.tail?.as_ref() };
        // SAFETY: as in `front`.
        Some(unsafe { node.data() })
    }

    /// Lets the one who waits longest go, and gives its waker: `None` if nobody waits, or without
    /// a waker. The caller wakes it after it unlocked.
    #[inline]
    pub fn pop_front(&mut self) -> Option<Waker> {
        let head = self.queue.head?;
        // SAFETY: the list's pointers lead to nodes that are queued here (L2).
        unsafe { self.queue.unlink(head) }
    }

    /// Lets the one who came last go, and gives its waker, as [`pop_front`](Self::pop_front).
    #[inline]
    pub fn pop_back(&mut self) -> Option<Waker> {
        let tail = self.queue.tail?;
        // SAFETY: the list's pointers lead to nodes that are queued here (L2).
        unsafe { self.queue.unlink(tail) }
    }
}

impl<S, D> fmt::Debug for Locked<'_, S, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Locked").finish_non_exhaustive()
    }
}

impl<S, D> Queue<S, D> {
    const fn new(guarded: S) -> Self {
        Self {
            guarded,
            head: None,
            tail: None,
        }
    }

    /// Appends a node.
    ///
    /// # Safety
    ///
    /// The caller is the owner of the node, which is not queued, and keeps L4 for it.
    unsafe fn link(&mut self, node: NonNull<Node<D>>, waker: Option<Waker>) {
        let previous = self.tail.replace(node);
        // SAFETY: the node is alive and not queued, so its owner, who calls, may write to it (L2).
        unsafe { node.as_ref().join(previous, waker) };
        match previous {
            None => self.head = Some(node),
            // SAFETY: the former tail is queued here, and we have the lock (L1, L2).
            Some(previous) => unsafe { previous.as_ref().set_next(Some(node)) },
        }
    }

    /// Takes a node out, and its waker out of it.
    ///
    /// # Safety
    ///
    /// The node is queued in this list.
    unsafe fn unlink(&mut self, node: NonNull<Node<D>>) -> Option<Waker> {
        // SAFETY: the node is queued here, and we have the lock (L1). Its neighbours are known
        // before `leave`, after which it may be gone (L3).
        let (previous, next) = unsafe { node.as_ref().neighbours() };
        match previous {
            None => self.head = next,
            // SAFETY: the neighbours of a queued node are queued in the same list (L1, L2).
            Some(previous) => unsafe { previous.as_ref().set_next(next) },
        }
        match next {
            None => self.tail = previous,
            // SAFETY: as above.
            Some(next) => unsafe { next.as_ref().set_previous(previous) },
        }
        // SAFETY: no pointer of the list leads to the node any more, and we do not touch it again.
        unsafe { node.as_ref().leave() }
    }
}

#[cfg(test)]
mod tests;
