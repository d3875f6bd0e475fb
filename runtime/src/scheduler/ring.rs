//! A worker's queue: a fixed ring that its owner fills and everybody empties.
//!
//! The algorithm is that of Go's run queues (`runqput`, `runqget`, `runqgrab` in Go's
//! `runtime/proc.go`), itself a bounded relative of Chase and Lev's deque: "Dynamic Circular
//! Work-Stealing Deque", SPAA 2005, emptied from one end only, so that the order is first in, first
//! out.
//!
//! # How it works
//!
//! `head` and `tail` only grow, and wrap; a task's place is its number modulo [`CAPACITY`]. The
//! owner publishes by storing `tail`, whoever takes tasks claims them by moving `head` with an
//! exchange. A thief copies the words first and claims them afterwards: if its claim succeeds, nobody
//! claimed, and the owner overwrote, none of them meanwhile.
//!
//! # Invariants
//!
//! - **Q1** Only the owner stores `tail`, and writes the slots from `tail` on.
//! - **Q2** `tail - head <= CAPACITY`: the owner writes a slot only after it saw a `head` that is at
//!   most `CAPACITY` behind, and `head` never goes back.
//! - **Q3** A word in `head..tail` is a runnable that belongs to whoever moves `head` across it.
//! - **Q4** A claim fails if `head` moved since it was read; 32 bits would have to wrap during one
//!   claim to deceive it.
//!
//! The model explores a push, a pop and two thieves.

#![allow(unsafe_code)] // Tasks live in the slots as raw words; Q3.

use std::ptr::NonNull;

use runtime_base::sync::Arc;
use runtime_base::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use runtime_base::sync::atomic::{AtomicPtr, AtomicU32};

/// How many tasks a ring holds. 256, as in Go and Tokio: a worker that has more gives half of them
/// to everybody.
#[cfg(not(rt_loom))]
pub(crate) const CAPACITY: usize = 256;
/// Small enough that a model reaches the wrap.
#[cfg(rt_loom)]
pub(crate) const CAPACITY: usize = 4;

const MASK: u32 = CAPACITY as u32 - 1;

/// What a ring holds, as one word.
pub(crate) trait Word: Send {
    type Target;
    /// The value as a word.
    fn into_word(self) -> NonNull<Self::Target>;
    /// The value back.
    ///
    /// # Safety
    ///
    /// The word came from `into_word` and is turned back once.
    unsafe fn from_word(word: NonNull<Self::Target>) -> Self;
}

/// The shared part.
struct Ring<T: Word> {
    /// The next task to take; moved by everybody, by exchange.
    head: Padded<AtomicU32>,
    /// One after the last task; stored by the owner (Q1).
    tail: Padded<AtomicU32>,
    slots: Box<[AtomicPtr<T::Target>; CAPACITY]>,
    /// Read by thieves only, to know that the drop of the last handle drains values.
    _values: std::marker::PhantomData<T>,
}

/// On a cache line of its own: thieves hammer `head` while the owner stores `tail`.
#[repr(align(128))]
struct Padded<T>(T);

/// The right to push; there is one.
pub(crate) struct Owner<T: Word> {
    ring: Arc<Ring<T>>,
}

/// The right to steal.
pub(crate) struct Stealer<T: Word> {
    ring: Arc<Ring<T>>,
}

impl<T: Word> Clone for Stealer<T> {
    fn clone(&self) -> Self {
        Self {
            ring: self.ring.clone(),
        }
    }
}

// SAFETY: the words are values of a `Send` type that are moved, never shared.
unsafe impl<T: Word> Send for Ring<T> {}
// SAFETY: as above; every access follows Q1 and Q3.
unsafe impl<T: Word> Sync for Ring<T> {}

/// An empty ring.
pub(crate) fn new<T: Word>() -> (Owner<T>, Stealer<T>) {
    let ring = Arc::new(Ring {
        head: Padded(AtomicU32::new(0)),
        tail: Padded(AtomicU32::new(0)),
        slots: Box::new(std::array::from_fn(
            |_| AtomicPtr::new(std::ptr::null_mut()),
        )),
        _values: std::marker::PhantomData,
    });
    (Owner { ring: ring.clone() }, Stealer { ring })
}

impl<T: Word> Ring<T> {
    fn slot(&self, number: u32) -> &AtomicPtr<T::Target> {
        &self.slots[(number & MASK) as usize]
    }

    /// Reads the word with this number.
    fn read(&self, number: u32) -> Option<NonNull<T::Target>> {
        // Relaxed: the Acquire load of `tail` made the word visible; that it is still the one is
        // proved by the exchange of `head` (Q3).
        NonNull::new(self.slot(number).load(Relaxed))
    }

    fn len(&self) -> usize {
        // A head that is read first can only be too small: the sum errs to the long side, and never
        // reports an empty ring that was not empty at some moment in between.
        let head = self.head.0.load(Acquire);
        let tail = self.tail.0.load(Acquire);
        (tail.wrapping_sub(head) as usize).min(CAPACITY)
    }
}

impl<T: Word> Owner<T> {
    /// How many tasks more would fit.
    pub(crate) fn room(&self) -> usize {
        CAPACITY - self.len()
    }

    /// How many tasks there are.
    pub(crate) fn len(&self) -> usize {
        self.ring.len()
    }

    /// Whether there is nothing to take.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a task, or hands it back when the ring is full.
    #[inline]
    pub(crate) fn push(&mut self, value: T) -> Result<(), T> {
        let ring = &*self.ring;
        // Acquire pairs with the Release of a claim: the thief has read its slots (Q2).
        let head = ring.head.0.load(Acquire);
        // Relaxed: only we store it (Q1).
        let tail = ring.tail.0.load(Relaxed);
        if tail.wrapping_sub(head) >= CAPACITY as u32 {
            return Err(value);
        }
        ring.slot(tail).store(value.into_word().as_ptr(), Relaxed);
        // Release: the word is visible to whoever sees the new tail.
        ring.tail.0.store(tail.wrapping_add(1), Release);
        Ok(())
    }

    /// Takes the oldest task.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<T> {
        let ring = &*self.ring;
        // Relaxed: only we store it (Q1).
        let tail = ring.tail.0.load(Relaxed);
        // Relaxed: the words are our own; the exchange decides whose they are.
        let mut head = ring.head.0.load(Relaxed);
        loop {
            if head == tail {
                return None;
            }
            let word = ring.read(head)?;
            // Release: our read is over before we ourselves see this slot free; nothing to acquire.
            match ring
                .head
                .0
                .compare_exchange_weak(head, head.wrapping_add(1), Release, Relaxed)
            {
                // SAFETY: the exchange made it ours (Q3).
                Ok(_) => return Some(unsafe { T::from_word(word) }),
                Err(actual) => head = actual,
            }
        }
    }

    /// Takes the older half, to give it away: for an owner that finds its ring full. Empty when
    /// thieves made room meanwhile.
    pub(crate) fn take_half(&mut self) -> Vec<T> {
        let ring = &*self.ring;
        // Relaxed, and the Release below: as in `pop`.
        let tail = ring.tail.0.load(Relaxed);
        let head = ring.head.0.load(Relaxed);
        let n = tail.wrapping_sub(head) / 2;
        if n == 0 {
            return Vec::new();
        }
        let words: Vec<_> = (0..n).map(|i| ring.read(head.wrapping_add(i))).collect();
        match ring
            .head
            .0
            .compare_exchange(head, head.wrapping_add(n), Release, Relaxed)
        {
            // SAFETY: the exchange made them ours (Q3).
            Ok(_) => words
                .into_iter()
                .flatten()
                .map(|w| unsafe { T::from_word(w) })
                .collect(),
            Err(_) => Vec::new(),
        }
    }
}

impl<T: Word> Stealer<T> {
    /// Whether there is nothing to take.
    pub(crate) fn is_empty(&self) -> bool {
        self.ring.len() == 0
    }

    /// How many tasks there are.
    pub(crate) fn len(&self) -> usize {
        self.ring.len()
    }

    /// Moves the older half of this ring to `to`, at least one task, and gives one of them to run
    /// at once. Gives nothing if there is nothing.
    pub(crate) fn steal_into(&self, to: &mut Owner<T>) -> Option<T> {
        let from = &*self.ring;
        let target = &*to.ring;
        // Relaxed: only we store it (Q1).
        let to_tail = target.tail.0.load(Relaxed);
        // Acquire pairs with claims of our own tasks by others (Q2).
        let to_head = target.head.0.load(Acquire);
        let room = CAPACITY as u32 - to_tail.wrapping_sub(to_head);
        // Acquire: the exchange below must not succeed on a head older than the tail we see.
        let mut head = from.head.0.load(Acquire);
        loop {
            // Acquire pairs with the owner's Release: the words are visible.
            let tail = from.tail.0.load(Acquire);
            let available = tail.wrapping_sub(head);
            if available == 0 || available > CAPACITY as u32 {
                if available == 0 {
                    return None;
                }
                // `head` is older than `tail` by more than a ring: read it again.
                head = from.head.0.load(Acquire);
                continue;
            }
            // One is taken out to run, so it needs no room.
            let n = (available - available / 2).min(room + 1);
            for i in 1..n {
                // What the owner overwrites while we copy is not kept: the claim fails then (Q4).
                let word = from.slot(head.wrapping_add(i)).load(Relaxed);
                target
                    .slot(to_tail.wrapping_add(i - 1))
                    .store(word, Relaxed);
            }
            let first = from.read(head);
            // AcqRel: Release tells the owner that the slots are read (Q2).
            match from
                .head
                .0
                .compare_exchange(head, head.wrapping_add(n), AcqRel, Acquire)
            {
                Ok(_) => {
                    // Release: publishes the words copied above.
                    target.tail.0.store(to_tail.wrapping_add(n - 1), Release);
                    // SAFETY: the exchange made it ours (Q3).
                    return first.map(|word| unsafe { T::from_word(word) });
                }
                Err(actual) => head = actual,
            }
        }
    }
}

impl<T: Word> Drop for Ring<T> {
    fn drop(&mut self) {
        let (head, tail) = (self.head.0.load(Acquire), self.tail.0.load(Acquire));
        for number in 0..tail.wrapping_sub(head) {
            if let Some(word) = self.read(head.wrapping_add(number)) {
                // SAFETY: nobody else is left, so what is in the ring is ours.
                drop(unsafe { T::from_word(word) });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime_base::sync::{model, thread};

    impl Word for Box<u32> {
        type Target = u32;
        fn into_word(self) -> NonNull<u32> {
            NonNull::from(Box::leak(self))
        }
        unsafe fn from_word(word: NonNull<u32>) -> Self {
            // SAFETY: the caller promises that the word came from `into_word`.
            unsafe { Box::from_raw(word.as_ptr()) }
        }
    }

    #[test]
    fn every_task_is_taken_exactly_once() {
        model(|| {
            let (mut owner, stealer) = new::<Box<u32>>();
            let thief = thread::spawn(move || {
                let (mut own, _) = new::<Box<u32>>();
                let mut taken = Vec::new();
                for _ in 0..2 {
                    taken.extend(stealer.steal_into(&mut own));
                    while let Some(value) = own.pop() {
                        taken.push(value);
                    }
                }
                taken
            });
            let mut taken = Vec::new();
            // Seven pushes into a ring of four: slots are reused while the thief copies.
            for number in 0..7 {
                if let Err(value) = owner.push(Box::new(number)) {
                    taken.push(value);
                    taken.extend(owner.pop());
                }
            }
            while let Some(value) = owner.pop() {
                taken.push(value);
            }
            taken.extend(thief.join().unwrap());
            let mut numbers: Vec<u32> = taken.iter().map(|value| **value).collect();
            numbers.sort_unstable();
            assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6]);
        });
    }

    #[test]
    fn two_thieves_and_the_owner_share_without_loss() {
        model(|| {
            let (mut owner, stealer) = new::<Box<u32>>();
            for number in 0..3 {
                owner.push(Box::new(number)).unwrap();
            }
            let thieves = [stealer.clone(), stealer].map(|stealer| {
                thread::spawn(move || {
                    let (mut own, _) = new::<Box<u32>>();
                    let mut taken: Vec<_> = stealer.steal_into(&mut own).into_iter().collect();
                    while let Some(value) = own.pop() {
                        taken.push(value);
                    }
                    taken
                })
            });
            let mut taken: Vec<_> = owner.pop().into_iter().collect();
            for thief in thieves {
                taken.extend(thief.join().unwrap());
            }
            while let Some(value) = owner.pop() {
                taken.push(value);
            }
            let mut numbers: Vec<u32> = taken.iter().map(|value| **value).collect();
            numbers.sort_unstable();
            assert_eq!(numbers, [0, 1, 2]);
        });
    }

    #[cfg(not(rt_loom))]
    #[test]
    fn a_full_ring_gives_away_its_older_half() {
        let (mut owner, _) = new::<Box<u32>>();
        for number in 0..CAPACITY as u32 {
            owner.push(Box::new(number)).unwrap();
        }
        assert!(owner.push(Box::new(0)).is_err());
        let half = owner.take_half();
        assert_eq!(half.len(), CAPACITY / 2);
        assert_eq!(
            (*half[0], owner.pop().map(|value| *value)),
            (0, Some(CAPACITY as u32 / 2))
        );
    }
}
