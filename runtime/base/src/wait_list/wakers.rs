//! The wakers of those who were let go.
//!
//! # Invariants
//!
//! - **K1** The places `taken..filled` of the array hold wakers, the others hold nothing.

#![allow(unsafe_code)] // An array of which only a part is filled: clearing the rest costs more.

use std::fmt;
use std::mem::MaybeUninit;
use std::task::Waker;

use crate::wake_batch::for_each_despite_panics;

/// Wakers that need no allocation; chosen: half a kilobyte of stack, and few wake more at once.
const INLINE: usize = 32;

/// Wakers taken out under a lock, to be woken after it. Allocates only for more than 32.
///
/// Dropping it drops the wakers without waking them.
#[must_use = "wakers that are not woken leave their tasks asleep"]
pub struct Wakers {
    array: [MaybeUninit<Waker>; INLINE],
    taken: usize,
    filled: usize,
    /// Those that came after the array was full.
    rest: Vec<Waker>,
}

impl Wakers {
    /// None yet.
    #[inline]
    pub const fn new() -> Self {
        Self {
            array: [const { MaybeUninit::uninit() }; INLINE],
            taken: 0,
            filled: 0,
            rest: Vec::new(),
        }
    }

    /// Adds what [`pop_front`](super::Locked::pop_front) gave.
    #[inline]
    pub fn extend(&mut self, waker: Option<Waker>) {
        let Some(waker) = waker else { return };
        if let Some(place) = self.array.get_mut(self.filled) {
            place.write(waker);
            self.filled += 1;
        } else {
            self.push_rest(waker);
        }
    }

    #[cold]
    fn push_rest(&mut self, waker: Waker) {
        if self.rest.is_empty() {
            // More than a few come, so begin with room for as many again.
            self.rest.reserve(INLINE);
        }
        self.rest.push(waker);
    }

    /// Whether there is nobody to wake.
    pub fn is_empty(&self) -> bool {
        self.taken == self.filled && self.rest.is_empty()
    }

    /// Wakes all, in the order they were added. The caller holds no lock.
    ///
    /// # Panics
    ///
    /// When a waker panics the others are still woken; then the first panic goes on.
    #[inline]
    pub fn wake_all(&mut self) {
        // One or none is the usual case, and needs no care for the others.
        if self.filled <= 1 {
            if let Some(waker) = self.next() {
                waker.wake();
            }
            return;
        }
        self.wake_several();
    }

    fn wake_several(&mut self) {
        // Reversed once, so that popping gives the order of adding.
        self.rest.reverse();
        let wakers = std::iter::from_fn(|| self.next().or_else(|| self.rest.pop()));
        for_each_despite_panics(wakers, Waker::wake);
    }

    /// Takes the next waker out of the array.
    #[inline]
    fn next(&mut self) -> Option<Waker> {
        if self.taken == self.filled {
            return None;
        }
        let place = self.taken;
        self.taken += 1;
        // SAFETY: the place held a waker (K1), and counts as empty from here on.
        Some(unsafe { self.array[place].assume_init_read() })
    }
}

impl Default for Wakers {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Wakers {
    #[inline]
    fn drop(&mut self) {
        while let Some(waker) = self.next() {
            drop(waker);
        }
    }
}

impl fmt::Debug for Wakers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wakers")
            .field("count", &(self.filled - self.taken + self.rest.len()))
            .finish()
    }
}
