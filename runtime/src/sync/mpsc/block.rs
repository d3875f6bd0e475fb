//! One link of the queue's chain: a few slots and the word that says what is in them.
//!
//! A block belongs to nobody in particular while it is in the chain; [`queue`](super::queue) says
//! who may touch what. Out of the chain it belongs to whoever took it out, is [reset](Block::reset)
//! and used again.

#![allow(unsafe_code)] // Slots are memory without a value until the state word says otherwise.

use std::mem::MaybeUninit;
use std::ptr::{NonNull, null_mut};

use runtime_base::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use runtime_base::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize};
use runtime_base::sync::cell::UnsafeCell;

/// Slots in a block: as many as half of the state word has bits.
#[cfg(not(rt_loom))]
pub(super) const SLOTS: usize = 32;
/// Two, so that a model reaches the end of a block.
#[cfg(rt_loom)]
pub(super) const SLOTS: usize = 2;

/// Bit of the first slot that says: the receiver waits for this very slot. The lower half has the
/// bits that say: the value is there.
const FIRST_AWAITED: u32 = 32;
const ALL_READY: u64 = (1 << SLOTS) - 1;

/// Never a position: those are even.
const NOT_RETIRED: usize = 1;

/// The step from one position to the next; see [`queue`](super::queue).
pub(super) const STEP: usize = 2;

/// The position of the first slot of the block that has the slot at `position`.
#[inline]
pub(super) fn start_of(position: usize) -> usize {
    position & !(SLOTS * STEP - 1)
}

/// Where in its block the slot at `position` is.
#[inline]
pub(super) fn offset_of(position: usize) -> usize {
    (position / STEP) % SLOTS
}

pub(super) struct Block<T> {
    /// Position of the first slot. Changes only while the block is out of the chain; in a cell, so
    /// that the models check it.
    start: UnsafeCell<usize>,
    /// The block after this one, once somebody needed it.
    next: AtomicPtr<Block<T>>,
    /// Per slot one bit for "ready" and one for "awaited". Both are set once at most.
    state: AtomicU64,
    /// How far the queue had been claimed when the chain's tail moved past this block.
    retired_at: AtomicUsize,
    slots: [UnsafeCell<MaybeUninit<T>>; SLOTS],
}

impl<T> Block<T> {
    /// Allocates a block without ever having it on the stack: the slots may be large.
    pub(super) fn allocate(start: usize) -> NonNull<Self> {
        let mut block = Box::<Self>::new_uninit();
        let pointer = block.as_mut_ptr();
        // SAFETY: every field of the fresh allocation is written, through pointers that are derived
        // from it, before it is taken for initialised.
        unsafe {
            (&raw mut (*pointer).start).write(UnsafeCell::new(start));
            (&raw mut (*pointer).next).write(AtomicPtr::new(null_mut()));
            (&raw mut (*pointer).state).write(AtomicU64::new(0));
            (&raw mut (*pointer).retired_at).write(AtomicUsize::new(NOT_RETIRED));
            let slots: *mut UnsafeCell<MaybeUninit<T>> = (&raw mut (*pointer).slots).cast();
            for offset in 0..SLOTS {
                slots
                    .add(offset)
                    .write(UnsafeCell::new(MaybeUninit::uninit()));
            }
            NonNull::from(Box::leak(block.assume_init()))
        }
    }

    /// Frees a block. Values that are still in its slots are not dropped.
    ///
    /// # Safety
    ///
    /// The block came from [`allocate`](Self::allocate), is out of the chain, and nobody else has a
    /// pointer to it that will be used.
    pub(super) unsafe fn free(block: NonNull<Self>) {
        // SAFETY: the pointer came from a box, and by contract it is the last one.
        let block = unsafe { Box::from_raw(block.as_ptr()) };
        block.assert_unused();
    }

    /// Does nothing, but a model fails here if anybody still uses the block.
    #[inline]
    pub(super) fn assert_unused(&self) {
        self.start.with_mut(|_| {});
    }

    /// Makes a block that was used as good as new.
    ///
    /// # Safety
    ///
    /// The block is out of the chain, and nobody else has a pointer to it that will be used.
    pub(super) unsafe fn reset(block: NonNull<Self>, start: usize) {
        // SAFETY: by contract nobody else has a reference.
        let block = unsafe { block.as_ref() };
        // SAFETY: as above.
        block.start.with_mut(|slot| unsafe { *slot = start });
        // Relaxed: the block is published by whoever puts it into the chain.
        block.next.store(null_mut(), Relaxed);
        block.state.store(0, Relaxed);
        block.retired_at.store(NOT_RETIRED, Relaxed);
    }

    #[inline]
    pub(super) fn start(&self) -> usize {
        // SAFETY: whoever has a reference got it from the chain, where nobody writes this.
        self.start.with(|start| unsafe { *start })
    }

    /// The pointer to the next block.
    #[inline]
    pub(super) fn next(&self) -> &AtomicPtr<Block<T>> {
        &self.next
    }

    /// Where the queue's tail was when the block was retired; `None` as long as it is not.
    #[inline]
    pub(super) fn retired_at(&self) -> Option<usize> {
        // Acquire pairs with the Release of `retire`.
        let position = self.retired_at.load(Acquire);
        (position != NOT_RETIRED).then_some(position)
    }

    pub(super) fn retire(&self, tail: usize) {
        // Release pairs with `retired_at`: what the retiring producer did to the chain is visible
        // to the receiver that takes the block out.
        self.retired_at.store(tail, Release);
    }

    /// Puts the value into its slot. Says whether the receiver waits for this very slot.
    ///
    /// # Safety
    ///
    /// The caller is the one producer that claimed the slot, and calls this once.
    #[inline]
    pub(super) unsafe fn fill(&self, offset: usize, value: T) -> bool {
        // SAFETY: the slot is the caller's until its bit is set.
        self.slots[offset].with_mut(|slot| unsafe { (*slot).write(value) });
        // Release publishes the value and pairs with `ready` and `announce`; Acquire pairs with the
        // Release of `announce`, so that the waker that was stored before it is found.
        let state = self.state.fetch_or(1 << offset, AcqRel);
        state & (1 << (FIRST_AWAITED as usize + offset)) != 0
    }

    /// The bits of the slots that have, or had, their value.
    #[inline]
    pub(super) fn ready(&self) -> u32 {
        // Acquire pairs with the Release of `fill`.
        (self.state.load(Acquire) & ALL_READY) as u32
    }

    /// Whether every slot has, or had, its value.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        u64::from(self.ready()) == ALL_READY
    }

    /// Says that the receiver waits for the slot: whoever fills it learns of it. Gives the ready
    /// bits at that moment; if the slot's is set, nobody will learn of it.
    pub(super) fn announce(&self, offset: usize) -> u32 {
        // Release pairs with the Acquire of `fill`; Acquire pairs with its Release.
        let state = self
            .state
            .fetch_or(1 << (FIRST_AWAITED as usize + offset), AcqRel);
        (state & ALL_READY) as u32
    }

    /// Moves the value out of its slot.
    ///
    /// # Safety
    ///
    /// The caller is the receiver, has seen the slot's ready bit, and calls this once.
    #[inline]
    pub(super) unsafe fn take(&self, offset: usize) -> T {
        // SAFETY: the bit says that the value is there, and nobody writes the slot again before the
        // block is reset.
        self.slots[offset].with(|slot| unsafe { (*slot).assume_init_read() })
    }
}
