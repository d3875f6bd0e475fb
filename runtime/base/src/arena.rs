//! Slots with generations.
//!
//! Reactor and timer wheel hand out keys to entries that may be gone by the time the key is used: an
//! event for a socket that was dropped, a timer that fired. An [`Arena`] never mistakes a new entry
//! for an old one, because every slot counts its reuses and the count is part of the [`Key`].

/// Names one entry of an [`Arena`], once: after the entry is removed the key finds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    index: u32,
    generation: u32,
}

impl Key {
    /// The key in one word, for systems that carry one word for us.
    pub fn to_bits(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }

    /// The key that [`to_bits`](Self::to_bits) packed.
    pub fn from_bits(bits: u64) -> Self {
        Self {
            index: bits as u32,
            generation: (bits >> 32) as u32,
        }
    }
}

/// A growing set of `T` with stable keys.
#[derive(Debug)]
pub struct Arena<T> {
    slots: Vec<Slot<T>>,
    /// First of the chain of vacant slots; `slots.len()` when there is none.
    first_vacant: u32,
    len: usize,
}

#[derive(Debug)]
struct Slot<T> {
    /// Grows by one when the entry is removed, and wraps after four billion reuses of one slot.
    generation: u32,
    state: State<T>,
}

#[derive(Debug)]
enum State<T> {
    Occupied(T),
    Vacant { next_vacant: u32 },
}

impl<T> Arena<T> {
    /// An empty arena that has not allocated.
    pub const fn new() -> Self {
        Self {
            slots: Vec::new(),
            first_vacant: 0,
            len: 0,
        }
    }

    /// Adds an entry.
    ///
    /// # Panics
    ///
    /// When four billion entries exist.
    pub fn insert(&mut self, value: T) -> Key {
        self.insert_with(|_| value)
    }

    /// Adds an entry that knows its own key.
    ///
    /// # Panics
    ///
    /// When four billion entries exist.
    pub fn insert_with(&mut self, value: impl FnOnce(Key) -> T) -> Key {
        let index = self.first_vacant;
        if let Some(slot) = self.slots.get_mut(index as usize) {
            let State::Vacant { next_vacant } = slot.state else {
                unreachable!("the chain of vacant slots leads to an occupied one")
            };
            let key = Key {
                index,
                generation: slot.generation,
            };
            slot.state = State::Occupied(value(key));
            self.first_vacant = next_vacant;
            self.len += 1;
            return key;
        }
        assert!(index < u32::MAX, "an arena holds fewer than 2^32 entries");
        let key = Key {
            index,
            generation: 0,
        };
        self.slots.push(Slot {
            generation: 0,
            state: State::Occupied(value(key)),
        });
        self.first_vacant = index + 1;
        self.len += 1;
        key
    }

    /// The entry, if it is still there.
    #[inline]
    pub fn get(&self, key: Key) -> Option<&T> {
        match self.slots.get(key.index as usize) {
            Some(Slot {
                generation,
                state: State::Occupied(value),
            }) if *generation == key.generation => Some(value),
            _ => None,
        }
    }

    /// The entry, if it is still there.
    #[inline]
    pub fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        match self.slots.get_mut(key.index as usize) {
            Some(Slot {
                generation,
                state: State::Occupied(value),
            }) if *generation == key.generation => Some(value),
            _ => None,
        }
    }

    /// Takes the entry out, if it is still there; `key` finds nothing from now on.
    pub fn remove(&mut self, key: Key) -> Option<T> {
        let slot = self.slots.get_mut(key.index as usize)?;
        if slot.generation != key.generation || matches!(slot.state, State::Vacant { .. }) {
            return None;
        }
        let vacant = State::Vacant {
            next_vacant: self.first_vacant,
        };
        let State::Occupied(value) = std::mem::replace(&mut slot.state, vacant) else {
            return None;
        };
        slot.generation = slot.generation.wrapping_add(1);
        self.first_vacant = key.index;
        self.len -= 1;
        Some(value)
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All entries, in no particular order.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.slots
            .iter_mut()
            .filter_map(|slot| match &mut slot.state {
                State::Occupied(value) => Some(value),
                State::Vacant { .. } => None,
            })
    }

    /// All entries, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        self.slots
            .iter()
            .enumerate()
            .filter_map(|(index, slot)| match &slot.state {
                State::Occupied(value) => Some((
                    Key {
                        index: index as u32,
                        generation: slot.generation,
                    },
                    value,
                )),
                State::Vacant { .. } => None,
            })
    }
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_finds_nothing_after_its_entry_is_removed() {
        let mut arena = Arena::new();
        let first = arena.insert("first");
        assert_eq!(arena.remove(first), Some("first"));
        let second = arena.insert("second");
        assert_eq!(arena.get(first), None);
        assert_eq!(arena.remove(first), None);
        assert_eq!(arena.get(second), Some(&"second"));
        assert_eq!(Key::from_bits(second.to_bits()), second);
        assert_eq!(arena.len(), 1);
    }

    #[test]
    fn vacant_slots_are_reused_before_the_arena_grows() {
        let mut arena = Arena::new();
        let keys: Vec<_> = (0..10).map(|value| arena.insert(value)).collect();
        for key in &keys[2..5] {
            arena.remove(*key);
        }
        for value in 20..23 {
            assert!((2..5).contains(&arena.insert(value).index));
        }
        assert_eq!(arena.insert(23).index, 10);
        assert_eq!(arena.iter().count(), 11);
    }
}
