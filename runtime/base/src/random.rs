//! Cheap random numbers, one generator per thread.
//!
//! Fairness needs numbers that are hard to fall in step with, not numbers that are hard to guess:
//! which branch `select!` looks at first, which worker a thief visits first. The generator is
//! SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014): one
//! addition and two multiplications, one word of state, and every seed is a good one.
//!
//! Each thread starts at a random place. A runtime whose order of events is to be reproducible puts
//! a state of its own in with [`replace_state`] while it runs.

use std::cell::Cell;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

/// The odd number nearest to 2^64 divided by the golden ratio: the step of SplitMix64.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A generator with one word of state.
#[derive(Debug, Clone)]
pub struct Random {
    state: u64,
}

impl Random {
    /// The generator that always gives the sequence of this seed.
    pub const fn from_seed(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next number.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `n`, or zero if `n` is zero.
    ///
    /// For an `n` that is no power of two some numbers are more likely than others, by less than
    /// `n` in 2^32.
    #[inline]
    pub fn below(&mut self, n: u32) -> u32 {
        // The upper half of a product of 32-bit numbers: a division without dividing (Lemire:
        // "Fast random integer generation in an interval", 2019).
        let random = self.next_u64() >> 32;
        ((random * u64::from(n)) >> 32) as u32
    }
}

thread_local! {
    static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(STEP));
}

/// A number below `n` from the generator of this thread, or zero if `n` is zero.
#[inline]
pub fn below(n: u32) -> u32 {
    STATE
        .try_with(|state| {
            let mut random = Random::from_seed(state.get());
            let number = random.below(n);
            state.set(random.state);
            number
        })
        // A thread that is ending need not be fair any more.
        .unwrap_or(0)
}

/// Makes this thread's generator go on from `state`, and returns where it was.
///
/// A seeded runtime calls it when it enters a thread, and again with the returned state when it
/// leaves.
pub fn replace_state(state: u64) -> u64 {
    STATE.replace(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let mut first = Random::from_seed(7);
        let mut second = Random::from_seed(7);
        let mut other = Random::from_seed(8);
        let numbers: Vec<_> = (0..100).map(|_| first.next_u64()).collect();
        assert!(numbers.iter().all(|number| *number == second.next_u64()));
        assert!(numbers.iter().any(|number| *number != other.next_u64()));
    }

    #[test]
    fn the_sequence_is_that_of_the_paper() {
        let mut random = Random::from_seed(1234567);
        assert_eq!(random.next_u64(), 6457827717110365317);
        assert_eq!(random.next_u64(), 3203168211198807973);
    }

    #[test]
    fn every_number_below_the_limit_turns_up_about_equally_often() {
        let mut random = Random::from_seed(1);
        for n in [1, 2, 3, 7, 64] {
            let mut counts = vec![0u32; n as usize];
            for _ in 0..1000 * n {
                counts[random.below(n) as usize] += 1;
            }
            assert!(
                counts.iter().all(|count| (800..1200).contains(count)),
                "{counts:?}"
            );
        }
        assert_eq!(random.below(0), 0);
    }

    #[test]
    fn a_thread_goes_on_where_it_was_after_a_seeded_stretch() {
        let numbers = || (0..8).map(|_| below(1 << 20)).collect::<Vec<_>>();
        let before = replace_state(5);
        let seeded = numbers();
        replace_state(before);
        let own = numbers();
        replace_state(5);
        assert_eq!(numbers(), seeded);
        replace_state(before);
        assert_eq!(numbers(), own);
    }
}
