//! Where a runtime's chance comes from.
//!
//! Chance decides which branch `select!` looks at first and which worker a thief visits first. All of
//! it is drawn from the generator of the thread ([`runtime_base::random`]); a runtime with a seed puts
//! a state of its own in while it uses a thread.

use runtime_base::random::{self, Random};

/// Makes the chance of a runtime repeatable; see [`Builder::rng_seed`](super::Builder::rng_seed).
#[derive(Clone, Debug)]
pub struct RngSeed {
    seed: u64,
}

impl RngSeed {
    /// The seed that these bytes stand for; the same on every machine.
    ///
    /// ```
    /// use runtime::runtime::{Builder, RngSeed};
    ///
    /// let numbers = || {
    ///     let runtime = Builder::new_current_thread()
    ///         .rng_seed(RngSeed::from_bytes(b"place your seed here"))
    ///         .build()
    ///         .unwrap();
    ///     runtime.block_on(async {
    ///         let mut first = Vec::new();
    ///         for _ in 0..32 {
    ///             runtime::select! {
    ///                 _ = async {} => first.push(1),
    ///                 _ = async {} => first.push(2),
    ///             }
    ///         }
    ///         first
    ///     })
    /// };
    /// assert_eq!(numbers(), numbers());
    /// ```
    pub fn from_bytes(bytes: &[u8]) -> Self {
        // FNV-1a: simple, and the same for ever. The generator mixes whatever comes out of it.
        let seed = bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Self { seed }
    }

    /// Where the generator of the `number`th thread begins.
    pub(crate) fn state(&self, number: usize) -> u64 {
        // Drawn, not added: the generator's states are a sum too, and the sequences of two threads
        // would overlap.
        let mut random = Random::from_seed(self.seed ^ (number as u64).rotate_left(32));
        random.next_u64()
    }
}

/// The time in which this thread uses the chance of a runtime, if that has a seed.
pub(crate) struct Seeded {
    /// Where the thread's own generator was.
    previous: Option<u64>,
}

impl Seeded {
    /// Begins at `state`, if there is one.
    pub(crate) fn enter(state: Option<u64>) -> Self {
        Self {
            previous: state.map(random::replace_state),
        }
    }

    /// Ends, and says where to go on the next time.
    pub(crate) fn leave(&mut self) -> Option<u64> {
        self.previous.take().map(random::replace_state)
    }
}

impl Drop for Seeded {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_goes_on_where_the_last_one_ended_and_the_thread_where_it_was() {
        let seed = RngSeed::from_bytes(b"seed");
        let draw = || (0..4).map(|_| random::below(1 << 30)).collect::<Vec<_>>();
        let whole = {
            let _seeded = Seeded::enter(Some(seed.state(0)));
            [draw(), draw()].concat()
        };
        let mut first = Seeded::enter(Some(seed.state(0)));
        let begin = draw();
        let state = first.leave();
        let before = random::replace_state(3);
        let own = draw();
        random::replace_state(3);
        let second = Seeded::enter(state);
        assert_eq!([begin, draw()].concat(), whole);
        drop(second);
        assert_eq!(draw(), own);
        random::replace_state(before);
        assert_ne!(seed.state(0), seed.state(1));
        assert_ne!(seed.state(0), RngSeed::from_bytes(b"sees").state(0));
    }
}
