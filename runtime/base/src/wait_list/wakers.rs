//! The wakers of those who were let go.

use std::task::Waker;

use crate::wake_batch::WakeBatch;

/// Wakers taken out under a lock, to be woken after it. Allocates only for the second one: most
/// often there is one.
///
/// Dropping it drops the wakers without waking them.
#[derive(Debug, Default)]
#[must_use = "wakers that are not woken leave their tasks asleep"]
pub struct Wakers {
    /// The only waker; `None` as soon as there are several.
    only: Option<Waker>,
    several: WakeBatch,
}

impl Wakers {
    /// None yet.
    #[inline]
    pub const fn new() -> Self {
        Self {
            only: None,
            several: WakeBatch::new(),
        }
    }

    /// Adds what [`pop_front`](super::Locked::pop_front) gave.
    #[inline]
    pub fn extend(&mut self, waker: Option<Waker>) {
        let Some(waker) = waker else { return };
        if self.only.is_none() && self.several.is_empty() {
            self.only = Some(waker);
        } else {
            self.several.extend(self.only.take());
            self.several.push(waker);
        }
    }

    /// Whether there is nobody to wake.
    pub fn is_empty(&self) -> bool {
        self.only.is_none() && self.several.is_empty()
    }

    /// Wakes all, in the order they were added. The caller holds no lock.
    ///
    /// # Panics
    ///
    /// When a waker panics the others are still woken; then the first panic goes on.
    #[inline]
    pub fn wake_all(mut self) {
        // Not both: see `only`.
        if let Some(waker) = self.only.take() {
            waker.wake();
        } else if !self.several.is_empty() {
            self.several.wake_all();
        }
    }
}
