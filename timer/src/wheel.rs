//! The hierarchical timer wheel: which entries are due, in constant time per entry.
//!
//! The wheel knows ticks, not clocks, and no locks; [`Timers`](crate::Timers) puts it behind one.
//!
//! # How it works
//!
//! Six levels of 64 slots. A slot of level 0 is one tick (a millisecond) wide, one of level 1 is 64
//! ticks, one of level 5 about twelve days:
//!
//! ```text
//! a tick:   … overflow │ level 5 │ level 4 │ level 3 │ level 2 │ level 1 │ level 0
//!           28 bits    │ 6 bits  │ 6 bits  │ 6 bits  │ 6 bits  │ 6 bits  │ 6 bits
//! ```
//!
//! An entry belongs to the level of the highest group of bits in which its deadline differs from the
//! wheel's own time `elapsed`; that group is its slot there. An entry that differs in the overflow
//! bits, more than two years away, waits in one more slot, which stands after all others. When time
//! enters a slot of a higher level, the entries of this slot move to lower levels.
//!
//! Each level has a word with one bit per slot that holds entries, so the first occupied slot is
//! found without a search. The entries are a slab; the slots chain them by index in both
//! directions, so an entry leaves in constant time.
//!
//! # Invariants
//!
//! - **H1** Every entry is in the slot that its deadline and `elapsed` say. Hence all entries of a
//!   lower level are due before those of a higher one, and within a level a lower slot is due first.
//! - **H2** Every deadline is after `elapsed`; only while [`Wheel::expire`] was stopped by its limit
//!   does the first slot of level 0 hold entries that are due.
//! - **H3** A slot's `earliest` is not after any deadline in it. It is exact until its earliest entry
//!   is removed; to find the next one costs a search that most removals do not need.
//!
//! The design is that of Varghese and Lauck, "Hashed and Hierarchical Timing Wheels", 1987.

mod entries;
#[cfg(all(test, not(rt_loom)))]
mod tests;

use std::task::Waker;

use runtime_base::wake_batch::WakeBatch;

pub(crate) use self::entries::EntryKey;
use self::entries::{Chain, Entries};
use crate::tick::Tick;

/// Bits of a tick that one level looks at.
const SLOT_BITS: u32 = 6;
/// Slots of one level: as many as a word has bits.
const SLOTS: usize = 1 << SLOT_BITS;
/// Six levels span 2^36 ms, more than two years: what waits longer is hardly waited for.
const LEVELS: usize = 6;
/// The place of what is beyond the last level.
const OVERFLOW: Place = Place((LEVELS * SLOTS) as u16);

/// A slot: level and position in one number, or [`OVERFLOW`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place(u16);

#[derive(Debug, Clone, Copy)]
struct Slot {
    chain: Chain,
    /// See H3.
    earliest: Tick,
}

/// What became of an entry whose deadline was changed.
#[derive(Debug)]
#[must_use = "the waker of an entry that is due must be woken"]
pub(crate) enum Reset {
    /// It waits for the new deadline.
    Waiting,
    /// The new deadline is over; the entry is gone, and this is its waker.
    Due(Waker),
    /// It had fired before.
    Gone,
}

/// Entries ordered by deadline.
#[derive(Debug)]
pub(crate) struct Wheel {
    /// Everything up to and including this tick has fired.
    elapsed: Tick,
    /// One bit per slot that holds entries.
    occupied: [u64; LEVELS],
    slots: Box<[Slot]>,
    entries: Entries,
}

impl Place {
    /// Where an entry for `deadline` belongs when the wheel's time is `elapsed`, which is earlier.
    fn of(deadline: Tick, elapsed: Tick) -> Self {
        // The lowest bits are set so that even equal ticks have a level.
        let differing = (deadline.0 ^ elapsed.0) | (SLOTS as u64 - 1);
        let level = (u64::BITS - 1 - differing.leading_zeros()) / SLOT_BITS;
        if level as usize >= LEVELS {
            return OVERFLOW;
        }
        let slot = (deadline.0 >> (level * SLOT_BITS)) as u16 % SLOTS as u16;
        Self(level as u16 * SLOTS as u16 + slot)
    }

    fn level(self) -> usize {
        usize::from(self.0) / SLOTS
    }

    fn bit(self) -> u64 {
        1 << (usize::from(self.0) % SLOTS)
    }

    fn index(self) -> usize {
        usize::from(self.0)
    }

    /// The first tick of this slot, given any tick of it.
    fn start(self, inside: Tick) -> Tick {
        Tick(inside.0 >> (self.level() as u32 * SLOT_BITS) << (self.level() as u32 * SLOT_BITS))
    }
}

impl Wheel {
    /// An empty wheel at tick zero.
    pub(crate) fn new() -> Self {
        let empty = Slot {
            chain: Chain::EMPTY,
            earliest: Tick::NEVER,
        };
        Self {
            elapsed: Tick::ZERO,
            occupied: [0; LEVELS],
            slots: vec![empty; LEVELS * SLOTS + 1].into_boxed_slice(),
            entries: Entries::new(),
        }
    }

    /// How many entries wait.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds an entry; gives the waker back when the deadline is over already.
    pub(crate) fn insert(&mut self, deadline: Tick, waker: Waker) -> Result<EntryKey, Waker> {
        if deadline <= self.elapsed {
            return Err(waker);
        }
        let key = self.entries.insert(deadline, waker);
        self.link(key.index(), deadline);
        Ok(key)
    }

    /// Takes an entry out, if it has not fired.
    pub(crate) fn remove(&mut self, key: EntryKey) -> Option<Waker> {
        if !self.entries.contains(key) {
            return None;
        }
        self.unlink(key.index());
        Some(self.entries.remove(key.index()))
    }

    /// Whether the entry has not fired.
    pub(crate) fn contains(&self, key: EntryKey) -> bool {
        self.entries.contains(key)
    }

    /// The waker of an entry that has not fired.
    pub(crate) fn waker_mut(&mut self, key: EntryKey) -> Option<&mut Waker> {
        self.entries.waker_mut(key)
    }

    /// Changes the deadline of an entry.
    pub(crate) fn reset(&mut self, key: EntryKey, deadline: Tick) -> Reset {
        if !self.entries.contains(key) {
            return Reset::Gone;
        }
        self.unlink(key.index());
        if deadline <= self.elapsed {
            return Reset::Due(self.entries.remove(key.index()));
        }
        self.entries.set_deadline(key.index(), deadline);
        self.link(key.index(), deadline);
        Reset::Waiting
    }

    /// A tick that is not after any deadline, and mostly the earliest one (H3).
    pub(crate) fn next_deadline(&self) -> Option<Tick> {
        let place = self.first_occupied()?;
        Some(self.slots[place.index()].earliest)
    }

    /// Moves the wakers of what is due at `now` into `batch`, in the order of the deadlines. Stops
    /// after `limit` of them, and then says that there may be more.
    pub(crate) fn expire(&mut self, now: Tick, limit: usize, batch: &mut WakeBatch) -> bool {
        let mut fired = 0;
        while let Some(place) = self.first_occupied() {
            let earliest = self.slots[place.index()].earliest;
            if place.start(earliest) > now {
                break;
            }
            if place.level() == 0 {
                // All entries of the slot have this one deadline.
                self.elapsed = earliest;
                while let Some(index) = self.slots[place.index()].chain.first() {
                    if fired >= limit {
                        return true;
                    }
                    self.unlink(index);
                    batch.push(self.entries.remove(index));
                    fired += 1;
                }
            } else {
                // Time enters this slot, but does not leap over an entry in it.
                self.elapsed = earliest.min(now);
                fired += self.cascade(place, batch);
            }
        }
        // A stand-in's look at the clock may be older than the owner's.
        self.elapsed = self.elapsed.max(now);
        false
    }

    /// Distributes the entries of a slot that `elapsed` has entered, and says how many were due.
    fn cascade(&mut self, place: Place, batch: &mut WakeBatch) -> usize {
        let mut fired = 0;
        let mut chain = self.take_chain(place);
        while let Some(index) = chain.pop_first(&mut self.entries) {
            let deadline = self.entries.deadline(index);
            if deadline <= self.elapsed {
                batch.push(self.entries.remove(index));
                fired += 1;
            } else {
                self.link(index, deadline);
            }
        }
        fired
    }

    /// Moves all wakers into `batch`.
    pub(crate) fn expire_everything(&mut self, batch: &mut WakeBatch) {
        while let Some(place) = self.first_occupied() {
            let mut chain = self.take_chain(place);
            while let Some(index) = chain.pop_first(&mut self.entries) {
                batch.push(self.entries.remove(index));
            }
        }
    }

    /// The slot that is due first (H1).
    fn first_occupied(&self) -> Option<Place> {
        if self.entries.is_empty() {
            return None;
        }
        for (level, occupied) in self.occupied.iter().enumerate() {
            if *occupied != 0 {
                let slot = occupied.trailing_zeros() as usize;
                return Some(Place((level * SLOTS + slot) as u16));
            }
        }
        Some(OVERFLOW)
    }

    fn link(&mut self, index: u32, deadline: Tick) {
        let place = Place::of(deadline, self.elapsed);
        let slot = &mut self.slots[place.index()];
        slot.earliest = slot.earliest.min(deadline);
        slot.chain.push_last(index, &mut self.entries);
        self.entries.set_place(index, place);
        if let Some(occupied) = self.occupied.get_mut(place.level()) {
            *occupied |= place.bit();
        }
    }

    fn unlink(&mut self, index: u32) {
        let place = self.entries.place(index);
        let chain = &mut self.slots[place.index()].chain;
        chain.remove(index, &mut self.entries);
        if chain.is_empty() {
            self.vacate(place);
        }
    }

    fn take_chain(&mut self, place: Place) -> Chain {
        let chain = std::mem::replace(&mut self.slots[place.index()].chain, Chain::EMPTY);
        self.vacate(place);
        chain
    }

    fn vacate(&mut self, place: Place) {
        self.slots[place.index()].earliest = Tick::NEVER;
        if let Some(occupied) = self.occupied.get_mut(place.level()) {
            *occupied &= !place.bit();
        }
    }
}
