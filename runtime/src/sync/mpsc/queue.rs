//! The queue of the mpsc channels: many producers, one consumer, no locks.
//!
//! # How it works
//!
//! A chain of [blocks](super::block) of 32 slots. A producer claims the next position by one
//! addition to the tail, finds the block of that position, writes its value and sets the slot's
//! ready bit. The consumer reads the slots in order as their bits come up; it writes to shared
//! memory only when it waits.
//!
//! ```text
//!   oldest          head.block               tail.block
//!     ▼                 ▼                        ▼
//!   ┌─────┐  next   ┌───────┐     next      ┌────────┐  next
//!   │ read├────────►│read│▒▒▒├──────────────►│▒▒▒▒│   ├───────► (made when needed)
//!   └─────┘         └───────┘               └────────┘
//!                        ▲ head.position          ▲ tail.position: the next claim
//! ```
//!
//! *Waiting.* The consumer sets a second bit of the slot it waits for. Both bits are in one word, so
//! either the consumer finds the slot ready, or its producer finds it awaited and wakes the
//! consumer: exactly one producer, exactly once, and no producer pays for the question.
//!
//! *Finding the block.* Producers start at `tail.block` and follow the chain. When they leave a block
//! behind whose slots are all ready, they move `tail.block` on: the block is *retired*, at the
//! position that the tail has then. A producer that is interrupted between claim and ready bit keeps
//! its block from being retired; until it goes on, the consumer can not pass it either, and the
//! others walk further.
//!
//! *Closing.* The lowest bit of the tail is set: positions are even. A claim that finds the bit is
//! void, so an unbounded send costs one addition and one "or" in all.
//!
//! # Invariants
//!
//! - **Q1** A position is claimed by one producer, which alone writes its slot, and sets its ready
//!   bit as its last access to the chain.
//! - **Q2** The consumer takes a value once, after it has seen the ready bit.
//! - **Q3** `tail.block` is never past the block of an unfinished claim: it only moves past blocks
//!   that are full.
//! - **Q4** A block leaves the chain, oldest first, when it is retired, the head is past it, *and*
//!   the head has reached the position where it was retired. A producer that still could see the
//!   block as `tail.block` claimed before that position: the retiring addition to the tail comes
//!   after the move of `tail.block`, so whoever claims after it sees the move. As the head
//!   has reached the position, all those producers have set their bits, so by Q1 they are gone.
//! - **Q5** Only the consumer touches its [`Head`]; that it shows `&mut Head` proves who it is. One
//!   head belongs to one queue.
//!
//! Positions wrap; they are compared by the sign of their distance.

#![allow(unsafe_code)] // Blocks are reached through raw pointers; see Q3 and Q4.

use std::panic::{RefUnwindSafe, UnwindSafe};
use std::ptr::{NonNull, null_mut};

use runtime_base::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use runtime_base::sync::atomic::{AtomicPtr, AtomicUsize};
use runtime_base::sync::cell::UnsafeCell;

use super::block::{Block, SLOTS, STEP, offset_of, start_of};

/// Set in the tail's position when the queue takes no more values.
const CLOSED: usize = 1;

/// Keeps what producers write away from what others read: two cache lines, because processors fetch
/// them in pairs.
#[repr(align(128))]
struct Padded<T>(T);

/// The producers' side and what both sides share.
pub(super) struct Queue<T> {
    tail: Padded<Tail<T>>,
    /// A block out of the chain, kept for whoever needs one next.
    spare: AtomicPtr<Block<T>>,
    /// Where the consumer was when it left. Nobody but `drop` looks at it.
    abandoned: UnsafeCell<Option<Head<T>>>,
}

struct Tail<T> {
    /// The next claim, and `CLOSED`.
    position: AtomicUsize,
    /// A block at or before that of every unfinished claim (Q3).
    block: AtomicPtr<Block<T>>,
}

/// The consumer's side.
pub(super) struct Head<T> {
    /// The next slot to read.
    position: usize,
    /// The block of `position`; or the one before, full, while nobody needed that of `position`.
    block: NonNull<Block<T>>,
    /// Ready bits of `block`, as far as they are known.
    ready: u32,
    /// Where the queue ends, once it is closed.
    end: Option<usize>,
    /// The first block of the chain: not all of those that the head has passed can leave (Q4).
    oldest: NonNull<Block<T>>,
}

// SAFETY: the values move from the producers' threads to the consumer's; the rest is atomic, or
// guarded by the invariants.
unsafe impl<T: Send> Send for Queue<T> {}
// SAFETY: as above; no two threads ever have a reference to the same value.
unsafe impl<T: Send> Sync for Queue<T> {}
// SAFETY: the head is the right to take values, which may be sent.
unsafe impl<T: Send> Send for Head<T> {}
// SAFETY: a shared head only reads positions.
unsafe impl<T: Send> Sync for Head<T> {}
// No user code runs while the head is half moved.
impl<T> UnwindSafe for Head<T> {}
impl<T> RefUnwindSafe for Head<T> {}

/// What became of a push.
#[must_use = "the receiver may have to be woken"]
pub(super) enum Pushed {
    /// Nobody waits for this value.
    Quietly,
    /// The receiver waits for this value and must be woken.
    Awaited,
}

impl<T> Queue<T> {
    pub(super) fn new() -> (Self, Head<T>) {
        let block = Block::allocate(0);
        let queue = Self {
            tail: Padded(Tail {
                position: AtomicUsize::new(0),
                block: AtomicPtr::new(block.as_ptr()),
            }),
            spare: AtomicPtr::new(null_mut()),
            abandoned: UnsafeCell::new(None),
        };
        let head = Head {
            position: 0,
            block,
            ready: 0,
            end: None,
            oldest: block,
        };
        (queue, head)
    }

    /// Appends the value, or gives it back if the queue is closed.
    #[inline]
    pub(super) fn push(&self, value: T) -> Result<Pushed, T> {
        // Acquire pairs with the Release in `retire`: who claims after a block was retired must not
        // see it as `tail.block` any more (Q4).
        let claim = self.tail.0.position.fetch_add(STEP, Acquire);
        if claim & CLOSED != 0 {
            return Err(value);
        }
        let block = self.find(claim);
        // SAFETY: the claim is ours, and unfinished, so the block lives (Q4); we fill the slot once
        // and do not touch the block again (Q1).
        let awaited = unsafe { block.as_ref().fill(offset_of(claim), value) };
        Ok(if awaited {
            Pushed::Awaited
        } else {
            Pushed::Quietly
        })
    }

    /// The block of a claimed position.
    #[inline]
    fn find(&self, claim: usize) -> NonNull<Block<T>> {
        let start = start_of(claim);
        // Acquire pairs with the Release in `retire`: the block's fields are visible.
        let block = self.tail.0.block.load(Acquire);
        // SAFETY: `tail.block` is never null, and it can not leave the chain while our claim is
        // unfinished (Q4).
        let block = unsafe { NonNull::new_unchecked(block) };
        // SAFETY: as above.
        if unsafe { block.as_ref() }.start() == start {
            return block;
        }
        self.walk(block, start)
    }

    /// Follows the chain from `block` to the block at `start`, and retires what is full on the way.
    #[cold]
    fn walk(&self, mut block: NonNull<Block<T>>, start: usize) -> NonNull<Block<T>> {
        loop {
            // SAFETY: our claim is unfinished, so no block from the `tail.block` that we saw onwards
            // can leave the chain (Q4).
            let current = unsafe { block.as_ref() };
            if current.start() == start {
                return block;
            }
            let next = self.next_or_grow(current);
            if current.is_full() {
                self.retire(block, next);
            }
            block = next;
        }
    }

    /// Moves `tail.block` from `block`, which is full, to `next`, unless it is somewhere else.
    fn retire(&self, block: NonNull<Block<T>>, next: NonNull<Block<T>>) {
        // Release pairs with `find`. Relaxed on failure: somebody else moved it, nothing to do.
        let moved =
            self.tail
                .0
                .block
                .compare_exchange(block.as_ptr(), next.as_ptr(), Release, Relaxed);
        if moved.is_ok() {
            // Release pairs with the Acquire of the claims in `push`. It has to be a write, so that
            // every claim is either before it or sees the move (Q4).
            let tail = self.tail.0.position.fetch_add(0, Release);
            // SAFETY: our own claim is before that position and unfinished, so the block can not
            // leave the chain yet (Q4).
            unsafe { block.as_ref() }.retire(tail & !CLOSED);
        }
    }

    /// The block after `block`; if there is none, makes it.
    fn next_or_grow(&self, block: &Block<T>) -> NonNull<Block<T>> {
        // Acquire pairs with the Release below.
        if let Some(next) = NonNull::new(block.next().load(Acquire)) {
            return next;
        }
        let fresh = self.fresh_block(block.start().wrapping_add(SLOTS * STEP));
        // Release publishes the fresh block; Acquire on failure pairs with it.
        let next = block
            .next()
            .compare_exchange(null_mut(), fresh.as_ptr(), Release, Acquire);
        match next {
            Ok(_) => fresh,
            Err(winner) => {
                // SAFETY: nobody has seen the fresh block.
                unsafe { self.keep_or_free(fresh) };
                // SAFETY: the exchange fails only if the pointer is not null.
                unsafe { NonNull::new_unchecked(winner) }
            }
        }
    }

    fn fresh_block(&self, start: usize) -> NonNull<Block<T>> {
        // Relaxed: only a hint that spares the write.
        if !self.spare.load(Relaxed).is_null() {
            // Acquire pairs with the Release in `keep_or_free`: the former user is through.
            if let Some(spare) = NonNull::new(self.spare.swap(null_mut(), Acquire)) {
                // SAFETY: the swap made it ours alone.
                unsafe { Block::reset(spare, start) };
                return spare;
            }
        }
        Block::allocate(start)
    }

    /// Keeps the block for the next one who needs one, or frees it if one is kept already.
    ///
    /// # Safety
    ///
    /// The block is out of the chain, and nobody else has a pointer to it that will be used.
    unsafe fn keep_or_free(&self, block: NonNull<Block<T>>) {
        // SAFETY: the block is alive, and by contract ours.
        unsafe { block.as_ref() }.assert_unused();
        // Release pairs with the Acquire in `fresh_block`.
        let kept = self
            .spare
            .compare_exchange(null_mut(), block.as_ptr(), Release, Relaxed);
        if kept.is_err() {
            // SAFETY: the caller's promise.
            unsafe { Block::free(block) };
        }
    }

    /// Takes the oldest value, if it is ready.
    #[inline]
    pub(super) fn pop(&self, head: &mut Head<T>) -> Option<T> {
        let offset = offset_of(head.position);
        if offset == 0 && !self.enter_next_block(head) {
            return None;
        }
        if head.ready & (1 << offset) == 0 {
            // SAFETY: the head's block is in the chain: blocks leave it only below, and only before
            // the head's.
            head.ready = unsafe { head.block.as_ref() }.ready();
            if head.ready & (1 << offset) == 0 {
                return None;
            }
        }
        // SAFETY: the block as above; we are the consumer (Q5), the bit is set, and the position
        // moves on, so that the value is taken once (Q2).
        let value = unsafe { head.block.as_ref().take(offset) };
        head.position = head.position.wrapping_add(STEP);
        Some(value)
    }

    /// Makes `head.block` the block of `head.position`, if that exists.
    #[inline]
    fn enter_next_block(&self, head: &mut Head<T>) -> bool {
        // SAFETY: the head's block is in the chain.
        let block = unsafe { head.block.as_ref() };
        if block.start() == head.position {
            return true;
        }
        // Acquire pairs with the Release in `next_or_grow`.
        let Some(next) = NonNull::new(block.next().load(Acquire)) else {
            return false;
        };
        self.enter(head, next);
        true
    }

    fn enter(&self, head: &mut Head<T>, next: NonNull<Block<T>>) {
        head.block = next;
        head.ready = 0;
        while head.oldest != head.block {
            // SAFETY: the oldest block is in the chain.
            let oldest = unsafe { head.oldest.as_ref() };
            let may_leave = oldest
                .retired_at()
                .is_some_and(|at| head.position.wrapping_sub(at) as isize >= 0);
            if !may_leave {
                break;
            }
            // Relaxed: the consumer has been through this pointer before.
            let next = oldest.next().load(Relaxed);
            // SAFETY: Q4 is fulfilled: the block is retired, before the head's, and the head has
            // reached the position; the Acquire loads of the ready bits up to there make the
            // producers' last accesses happen before.
            unsafe { self.keep_or_free(head.oldest) };
            // SAFETY: a block before the head's has a next one.
            head.oldest = unsafe { NonNull::new_unchecked(next) };
        }
    }

    /// Says that the consumer waits for the next value. Gives `true` if it is there already:
    /// otherwise the push that brings it will be [`Pushed::Awaited`].
    ///
    /// The consumer has stored its waker before.
    pub(super) fn announce_wait(&self, head: &mut Head<T>) -> bool {
        let offset = offset_of(head.position);
        if offset == 0 && !self.enter_next_block(head) {
            // The bit needs a block to be in; the next producer would have to make it anyway.
            // SAFETY: the head's block is in the chain.
            let next = self.next_or_grow(unsafe { head.block.as_ref() });
            self.enter(head, next);
        }
        // SAFETY: the head's block is in the chain.
        head.ready = unsafe { head.block.as_ref() }.announce(offset);
        head.ready & (1 << offset) != 0
    }

    /// How many values were claimed and not taken.
    pub(super) fn len(&self, head: &Head<T>) -> usize {
        // Acquire for nothing but the number: what it counts may not be ready yet.
        let end = head
            .end
            .unwrap_or_else(|| self.tail.0.position.load(Acquire) & !CLOSED);
        end.wrapping_sub(head.position) / STEP
    }

    /// Gives back every value that is pushed from now on.
    pub(super) fn close(&self, head: &mut Head<T>) {
        // Once: void claims move the tail further. AcqRel: a producer that finds the queue closed
        // sees what its consumer did before, and the other way round.
        if head.end.is_none() {
            head.end = Some(self.tail.0.position.fetch_or(CLOSED, AcqRel) & !CLOSED);
        }
    }

    /// Whether the queue was closed and every value of it taken.
    pub(super) fn is_exhausted(&self, head: &Head<T>) -> bool {
        head.end == Some(head.position)
    }

    /// Whether the queue was closed.
    pub(super) fn is_closed(&self) -> bool {
        // Acquire pairs with `close`.
        self.tail.0.position.load(Acquire) & CLOSED != 0
    }

    /// Drops all values that are ready, and says so before each; if the destructor of one panics,
    /// the others are dropped all the same.
    pub(super) fn drain(&self, head: &mut Head<T>, taken: impl Fn()) {
        struct Drain<'a, T, F: Fn()>(&'a Queue<T>, &'a mut Head<T>, F);

        impl<T, F: Fn()> Drain<'_, T, F> {
            fn run(&mut self) {
                while let Some(value) = self.0.pop(self.1) {
                    (self.2)();
                    drop(value);
                }
            }
        }

        impl<T, F: Fn()> Drop for Drain<'_, T, F> {
            fn drop(&mut self) {
                self.run();
            }
        }

        Drain(self, head, taken).run();
    }

    /// Leaves the head with the queue, when the consumer goes away.
    ///
    /// # Safety
    ///
    /// The head is this queue's, is not used any more, and the queue is dropped after this call.
    pub(super) unsafe fn abandon(&self, head: &mut Head<T>) {
        // SAFETY: there is one head (Q5), so this happens once, and before `drop`.
        self.abandoned.with_mut(|slot| unsafe {
            *slot = Some(Head { ..*head });
        });
    }
}

impl<T> Drop for Queue<T> {
    fn drop(&mut self) {
        // SAFETY: `&mut self`.
        let head = self.abandoned.with_mut(|slot| unsafe { (*slot).take() });
        if let Some(spare) = NonNull::new(self.spare.swap(null_mut(), Acquire)) {
            // SAFETY: the spare block is out of the chain, and the swap made it ours.
            unsafe { Block::free(spare) };
        }
        // A leaked consumer keeps its part of the channel alive, so that this is never reached.
        let Some(head) = head else { return };
        // Frees the chain at the end, even if the destructor of a value panics.
        let mut chain = Chain(head);
        self.drain(&mut chain.0, || {});
    }
}

/// Frees the blocks of a queue, without a look at the values in them. Nobody else is left.
struct Chain<T>(Head<T>);

impl<T> Drop for Chain<T> {
    fn drop(&mut self) {
        let mut next = Some(self.0.oldest);
        while let Some(block) = next {
            // SAFETY: nobody else is left, so every block from the oldest on is in the chain and
            // reached once. Relaxed: whoever drops the queue has synchronised with all others.
            unsafe {
                next = NonNull::new(block.as_ref().next().load(Relaxed));
                Block::free(block);
            }
        }
    }
}

#[cfg(test)]
mod tests;
