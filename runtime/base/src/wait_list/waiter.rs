//! The owner's half of the [wait list](super): the node in the waiting future.

use std::fmt;
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::Waker;

use crate::sync::atomic::AtomicBool;
use crate::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::sync::cell::UnsafeCell;

use super::{Locked, WaitList};

/// How a [`Waiter`] finds its list: a reference to what contains it, or an `Arc` of that.
///
/// # Safety
///
/// Every call of [`list`](Self::list) on one value gives the same list, and the list stays where it
/// is while the value lives (L5).
pub unsafe trait ListRef {
    /// What the list guards.
    type Guarded;
    /// What each waiter carries.
    type Data;

    /// The list.
    fn list(&self) -> &WaitList<Self::Guarded, Self::Data>;
}

// SAFETY: the list is borrowed, so it is one and stays.
unsafe impl<S, D> ListRef for &WaitList<S, D> {
    type Guarded = S;
    type Data = D;

    fn list(&self) -> &WaitList<S, D> {
        self
    }
}

/// A place in a [`WaitList`] that a future keeps pinned in itself. Dropping it leaves the queue.
///
/// `D` follows from `L`. Spelled out, it lets a future with a borrowed list pass for one with a shorter
/// borrow: through `L::Data` the compiler does not see that the data do not depend on it.
pub struct Waiter<L: ListRef<Data = D>, D = <L as ListRef>::Data> {
    list: L,
    node: Node<D>,
    /// The queue has pointers to the node (L4).
    _pinned: PhantomPinned,
}

// SAFETY: what the list's holder and the owner do to the node is ordered by L1 to L3, on whichever
// threads they are; the data moves with them.
unsafe impl<L: ListRef<Data: Send> + Send> Send for Waiter<L> {}
// SAFETY: a shared waiter only tells its list and whether it is queued, which is atomic.
unsafe impl<L: ListRef<Data: Send> + Sync> Sync for Waiter<L> {}

impl<L: ListRef> Waiter<L> {
    /// A waiter that is not queued.
    #[cfg(not(rt_loom))]
    #[inline]
    pub const fn new(list: L, data: L::Data) -> Self {
        Self {
            list,
            node: Node {
                queued: AtomicBool::new(false),
                slot: UnsafeCell::new(Slot::new(data)),
            },
            _pinned: PhantomPinned,
        }
    }

    /// A waiter that is not queued.
    #[cfg(rt_loom)]
    pub fn new(list: L, data: L::Data) -> Self {
        Self {
            list,
            node: Node {
                queued: AtomicBool::new(false),
                slot: UnsafeCell::new(Slot::new(data)),
            },
            _pinned: PhantomPinned,
        }
    }

    /// What the waiter was made with.
    #[inline]
    pub fn list(&self) -> &L {
        &self.list
    }

    /// Whether the waiter is in the queue. Once it is not, what was done to its data is visible.
    #[inline]
    pub fn is_queued(&self) -> bool {
        // Acquire pairs with the Release in `Node::leave`: the owner gets the node back (L3).
        self.node.queued.load(Acquire)
    }

    /// The data, without the lock; `None` while the waiter is queued.
    #[inline]
    pub fn data(self: Pin<&mut Self>) -> Option<&mut L::Data> {
        if self.is_queued() {
            return None;
        }
        let this = self.into_ref().get_ref();
        // SAFETY: the node is not queued, we are its owner (L2), and the exclusive borrow that came
        // in lasts as long as the one that goes out, so that nobody queues it meanwhile.
        Some(unsafe { this.node.data() })
    }

    /// Makes sure that the queued waiter holds a waker of the current task. Gives `false` if it is
    /// not queued, or was let go meanwhile.
    pub fn keep_waiting(mut self: Pin<&mut Self>, waker: &Waker) -> bool {
        {
            let locked = self.as_mut().lock();
            if locked.will_wake(waker) {
                return true;
            }
            if !locked.is_queued() {
                return false;
            }
        }
        // Cloned, and the old one dropped, without the lock (L6).
        let waker = waker.clone();
        let old = self.as_mut().lock().replace_waker(waker);
        drop(old);
        self.is_queued()
    }

    /// Locks the list for something that concerns this waiter.
    #[inline]
    pub fn lock(self: Pin<&mut Self>) -> LockedWaiter<'_, L> {
        let waiter = self.into_ref().get_ref();
        LockedWaiter {
            locked: waiter.list.list().lock(),
            waiter,
        }
    }
}

impl<L: ListRef<Data = D>, D> Drop for Waiter<L, D> {
    #[inline]
    fn drop(&mut self) {
        if !self.is_queued() {
            return;
        }
        let waker = {
            let mut locked = self.list.list().lock();
            // Somebody may have popped it just now. Relaxed: the flag changes under the lock.
            if self.node.queued.load(Relaxed) {
                // SAFETY: queued, and in this list (L5).
                unsafe { locked.queue.unlink(NonNull::from(&self.node)) }
            } else {
                None
            }
        };
        // After the lock (L6).
        drop(waker);
    }
}

impl<L: ListRef + fmt::Debug> fmt::Debug for Waiter<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiter")
            .field("list", &self.list)
            .field("queued", &self.is_queued())
            .finish_non_exhaustive()
    }
}

/// A locked list together with the owner's right to its own waiter.
pub struct LockedWaiter<'a, L: ListRef> {
    /// Never given out by reference: it could be swapped with the lock of another list.
    locked: Locked<'a, L::Guarded, L::Data>,
    waiter: &'a Waiter<L>,
}

impl<'a, L: ListRef> LockedWaiter<'a, L> {
    /// What the waiter was made with.
    #[inline]
    pub fn list(&self) -> &'a L {
        &self.waiter.list
    }

    /// What the list guards.
    #[inline]
    pub fn guarded(&mut self) -> &mut L::Guarded {
        self.locked.guarded()
    }

    /// Whether nobody waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.locked.is_empty()
    }

    /// Whether this waiter is in the queue.
    #[inline]
    pub fn is_queued(&self) -> bool {
        // Relaxed: the flag changes only under the lock, which is ours (L3).
        self.waiter.node.queued.load(Relaxed)
    }

    /// This waiter's data.
    #[inline]
    pub fn data(&mut self) -> &mut L::Data {
        // SAFETY: queued or not, we are the owner and have the lock (L1, L2); the borrow of `self`
        // keeps both.
        unsafe { self.waiter.node.data() }
    }

    /// Appends this waiter to the queue and unlocks.
    ///
    /// # Panics
    ///
    /// When it is queued already.
    #[inline]
    pub fn enqueue(mut self, waker: Option<Waker>) {
        assert!(!self.is_queued(), "the waiter is queued already");
        // SAFETY: we are the owner, the node is not queued; the waiter is pinned, since `lock` asks
        // for that, and its drop unlinks it (L4).
        unsafe {
            self.locked
                .queue
                .link(NonNull::from(&self.waiter.node), waker);
        }
    }

    /// Whether the waiter is queued with a waker that wakes the same task as `waker`.
    #[inline]
    pub fn will_wake(&self, waker: &Waker) -> bool {
        self.is_queued()
            // SAFETY: we have the lock and only compare (L1, L6).
            && unsafe { self.waiter.node.waker() }
                .as_ref()
                .is_some_and(|own| own.will_wake(waker))
    }

    /// Puts `waker` into the queued waiter and unlocks. Gives the waker that is to be dropped now:
    /// the former one, or `waker` itself if the waiter is not queued.
    #[inline]
    pub fn replace_waker(self, waker: Waker) -> Option<Waker> {
        if self.is_queued() {
            // SAFETY: we have the lock (L1), and the old waker leaves without being dropped (L6).
            unsafe { self.waiter.node.waker() }.replace(waker)
        } else {
            Some(waker)
        }
    }

    /// Takes the waiter out of the queue, if it is in it, and gives the list, still locked, and the
    /// waker that is to be dropped after it is unlocked.
    #[inline]
    pub fn remove(mut self) -> (Locked<'a, L::Guarded, L::Data>, Option<Waker>) {
        let waker = if self.is_queued() {
            // SAFETY: queued, and in this list: `lock` took the lock of the waiter's list (L5).
            unsafe { self.locked.queue.unlink(NonNull::from(&self.waiter.node)) }
        } else {
            None
        };
        (self.locked, waker)
    }

    /// Gives up the right to the waiter and keeps the lock.
    #[inline]
    pub fn into_list(self) -> Locked<'a, L::Guarded, L::Data> {
        self.locked
    }
}

impl<L: ListRef> fmt::Debug for LockedWaiter<'_, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockedWaiter").finish_non_exhaustive()
    }
}

/// What the list knows of a waiter.
pub(super) struct Node<D> {
    /// Whether the node is in the list (L3).
    queued: AtomicBool,
    slot: UnsafeCell<Slot<D>>,
}

struct Slot<D> {
    previous: Option<NonNull<Node<D>>>,
    next: Option<NonNull<Node<D>>>,
    waker: Option<Waker>,
    data: D,
}

impl<D> Slot<D> {
    const fn new(data: D) -> Self {
        Self {
            previous: None,
            next: None,
            waker: None,
            data,
        }
    }
}

/// All of these demand the same right: the caller holds the lock of the list in which the node is
/// queued (L1), or is the owner of the node and it is not queued (L2). What they return ends before
/// that right does.
impl<D> Node<D> {
    /// # Safety
    ///
    /// The right above, and no other reference to the data.
    #[inline]
    #[allow(clippy::mut_from_ref)] // The right to the node is exclusive, the reference is not.
    pub(super) unsafe fn data(&self) -> &mut D {
        // SAFETY: the caller has the right to the slot.
        self.slot.with_mut(|slot| unsafe { &mut (*slot).data })
    }

    /// # Safety
    ///
    /// The right above, and no other reference to the waker.
    #[inline]
    #[allow(clippy::mut_from_ref)] // As for `data`.
    unsafe fn waker(&self) -> &mut Option<Waker> {
        // SAFETY: the caller has the right to the slot.
        self.slot.with_mut(|slot| unsafe { &mut (*slot).waker })
    }

    /// # Safety
    ///
    /// The right above.
    #[inline]
    pub(super) unsafe fn neighbours(&self) -> (Option<NonNull<Self>>, Option<NonNull<Self>>) {
        // SAFETY: the caller has the right to the slot.
        self.slot
            .with(|slot| unsafe { ((*slot).previous, (*slot).next) })
    }

    /// # Safety
    ///
    /// The right above.
    #[inline]
    pub(super) unsafe fn set_next(&self, next: Option<NonNull<Self>>) {
        // SAFETY: the caller has the right to the slot.
        self.slot.with_mut(|slot| unsafe { (*slot).next = next });
    }

    /// # Safety
    ///
    /// The right above.
    #[inline]
    pub(super) unsafe fn set_previous(&self, previous: Option<NonNull<Self>>) {
        // SAFETY: the caller has the right to the slot.
        self.slot
            .with_mut(|slot| unsafe { (*slot).previous = previous });
    }

    /// The node becomes queued, behind `previous`.
    ///
    /// # Safety
    ///
    /// The caller is the owner, the node is not queued, and the caller holds the lock of the list
    /// into which it puts the node.
    #[inline]
    pub(super) unsafe fn join(&self, previous: Option<NonNull<Self>>, waker: Option<Waker>) {
        // SAFETY: the caller is the owner of a node that is not queued (L2). The slot has no waker:
        // `leave` takes it, so nothing is dropped here (L6).
        self.slot.with_mut(|slot| unsafe {
            (*slot).previous = previous;
            (*slot).next = None;
            (*slot).waker = waker;
        });
        // Relaxed: who reaches the node as a part of the list does so under the lock (L3).
        self.queued.store(true, Relaxed);
    }

    /// The node stops being queued and belongs to its owner again, who may free it at once.
    ///
    /// # Safety
    ///
    /// The caller holds the lock, has taken all pointers to the node out of the list, and does not
    /// touch it again.
    #[inline]
    pub(super) unsafe fn leave(&self) -> Option<Waker> {
        // SAFETY: the node is queued and the caller has the lock (L1).
        let waker = self.slot.with_mut(|slot| unsafe { (*slot).waker.take() });
        // Release pairs with the Acquire in `Waiter::is_queued`: the owner sees all that was done to
        // the node before it gets it back (L3).
        self.queued.store(false, Release);
        waker
    }
}
