//! A cheap source of chance: which worker to rob first.
//!
//! Xorshift with 64 bits of state; Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8
//! (2003). Good enough to spread thieves, and nothing else.

use std::hash::{BuildHasher, Hasher, RandomState};

/// A generator of one thread.
#[derive(Debug)]
pub(crate) struct Rng {
    state: u64,
}

impl Rng {
    /// A generator whose seed nobody knows.
    pub(crate) fn new() -> Self {
        // An odd number is not zero, where the generator would stay for ever.
        Self {
            state: RandomState::new().build_hasher().finish() | 1,
        }
    }

    /// A number below `n`, which is not zero.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        // The high half times `n`, shifted: no division; Lemire, "Fast Random Integer Generation in
        // an Interval", 2019. Its small bias does not matter here.
        (((self.state >> 32) * n as u64) >> 32) as usize
    }
}
