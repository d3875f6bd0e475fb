//! The entries of a wheel: a slab whose entries are chained by index.
//!
//! An index and not a pointer links them, so that the wheel needs no unsafe code and the futures are
//! not part of any list: they may be moved, forgotten, or dropped on any thread.

use std::task::Waker;

use super::Place;
use crate::tick::Tick;

/// Ends a chain.
const NONE: u32 = u32::MAX;

/// A slab that held more entries than this gives its memory back when it is empty: 2.5 MiB. Chosen:
/// a burst should not be paid for ever, and a busy worker should not allocate again and again.
const KEEP_CAPACITY: usize = 1 << 16;

/// Names one entry, once: after it fired or was removed the key finds nothing.
///
/// Every insertion has a number of its own, until four billion of them went by; then an old key
/// that is still held could be taken for a new one, if the new one has the same index and the very
/// same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EntryKey {
    index: u32,
    number: u32,
}

impl EntryKey {
    pub(super) fn index(self) -> u32 {
        self.index
    }
}

#[derive(Debug)]
struct Entry {
    deadline: Tick,
    /// `None` marks a vacant entry.
    waker: Option<Waker>,
    next: u32,
    previous: u32,
    number: u32,
    place: Place,
}

/// The slab.
#[derive(Debug)]
pub(super) struct Entries {
    slab: Vec<Entry>,
    /// The first of the vacant entries, chained by `next`.
    first_vacant: u32,
    len: usize,
    next_number: u32,
}

impl Entries {
    pub(super) const fn new() -> Self {
        Self {
            slab: Vec::new(),
            first_vacant: NONE,
            len: 0,
            next_number: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds an entry that is in no chain yet.
    pub(super) fn insert(&mut self, deadline: Tick, waker: Waker) -> EntryKey {
        let number = self.next_number;
        self.next_number = number.wrapping_add(1);
        self.len += 1;
        let entry = Entry {
            deadline,
            waker: Some(waker),
            next: NONE,
            previous: NONE,
            number,
            place: super::OVERFLOW,
        };
        let index = self.first_vacant;
        if let Some(vacant) = self.slab.get_mut(index as usize) {
            self.first_vacant = vacant.next;
            *vacant = entry;
            return EntryKey { index, number };
        }
        let index = self.slab.len() as u32;
        assert!(index < NONE, "a worker holds fewer than 2^32 timers");
        self.slab.push(entry);
        EntryKey { index, number }
    }

    /// Takes an entry out that is in no chain any more.
    pub(super) fn remove(&mut self, index: u32) -> Waker {
        let entry = &mut self.slab[index as usize];
        let waker = entry.waker.take();
        entry.next = self.first_vacant;
        self.first_vacant = index;
        self.len -= 1;
        if self.len == 0 && self.slab.len() > KEEP_CAPACITY {
            self.slab = Vec::new();
            self.first_vacant = NONE;
        }
        waker.expect("an entry in a chain is not vacant")
    }

    pub(super) fn contains(&self, key: EntryKey) -> bool {
        self.slab
            .get(key.index as usize)
            .is_some_and(|entry| entry.number == key.number && entry.waker.is_some())
    }

    pub(super) fn waker_mut(&mut self, key: EntryKey) -> Option<&mut Waker> {
        let entry = self.slab.get_mut(key.index as usize)?;
        entry.waker.as_mut().filter(|_| entry.number == key.number)
    }

    pub(super) fn deadline(&self, index: u32) -> Tick {
        self.slab[index as usize].deadline
    }

    pub(super) fn set_deadline(&mut self, index: u32, deadline: Tick) {
        self.slab[index as usize].deadline = deadline;
    }

    /// The index, deadline and place of every entry.
    #[cfg(all(test, not(rt_loom)))]
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, Tick, Place)> {
        self.slab
            .iter()
            .enumerate()
            .filter(|(_, entry)| entry.waker.is_some())
            .map(|(index, entry)| (index as u32, entry.deadline, entry.place))
    }

    pub(super) fn place(&self, index: u32) -> Place {
        self.slab[index as usize].place
    }

    pub(super) fn set_place(&mut self, index: u32, place: Place) {
        self.slab[index as usize].place = place;
    }
}

/// A ring of entries, known by its first one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chain {
    first: u32,
}

impl Chain {
    pub(super) const EMPTY: Self = Self { first: NONE };

    pub(super) fn is_empty(&self) -> bool {
        self.first == NONE
    }

    pub(super) fn first(&self) -> Option<u32> {
        (!self.is_empty()).then_some(self.first)
    }

    /// Appends an entry that is in no chain.
    pub(super) fn push_last(&mut self, index: u32, entries: &mut Entries) {
        let slab = &mut entries.slab;
        if self.is_empty() {
            self.first = index;
            slab[index as usize].next = index;
            slab[index as usize].previous = index;
            return;
        }
        let first = self.first;
        let last = slab[first as usize].previous;
        slab[last as usize].next = index;
        slab[first as usize].previous = index;
        slab[index as usize].next = first;
        slab[index as usize].previous = last;
    }

    /// Takes an entry of this chain out.
    pub(super) fn remove(&mut self, index: u32, entries: &mut Entries) {
        let slab = &mut entries.slab;
        let Entry { next, previous, .. } = slab[index as usize];
        if next == index {
            self.first = NONE;
            return;
        }
        slab[previous as usize].next = next;
        slab[next as usize].previous = previous;
        if self.first == index {
            self.first = next;
        }
    }

    /// Takes the first entry out.
    pub(super) fn pop_first(&mut self, entries: &mut Entries) -> Option<u32> {
        let first = self.first()?;
        self.remove(first, entries);
        Some(first)
    }
}
