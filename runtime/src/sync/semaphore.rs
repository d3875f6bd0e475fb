//! A counting semaphore: [`Semaphore`].
//!
//! A thin face over `permits`, where the queue and its proof are: this file turns counts into
//! guards that give their permits back.

mod owned;

use std::sync::Arc;

use runtime_base::driving::block_on;

pub use self::owned::OwnedSemaphorePermit;
use super::permits::{AcquireError, Permits, TryAcquireError};

/// Limits how many tasks do something at the same time.
///
/// A semaphore holds a number of permits. [`acquire`](Self::acquire) takes one and waits while there
/// is none; dropping the [`SemaphorePermit`] puts it back. Use it to bound connections, open files
/// or memory.
///
/// The semaphore is fair: permits are handed out in the order in which tasks asked for them, also
/// when the first in the queue wants many and the next would be content with the one that is there.
/// `try_*` does not pass the queue either.
///
/// A semaphore may be closed; from then on everybody who waits, or asks later, is refused.
///
/// # Examples
///
/// At most two downloads at a time:
///
/// ```
/// use std::sync::Arc;
/// use runtime::sync::Semaphore;
///
/// #[runtime::main]
/// async fn main() {
///     let slots = Arc::new(Semaphore::new(2));
///     let mut downloads = Vec::new();
///     for page in 0..5 {
///         // Waits here, before the task is made, while two are at work.
///         let slot = slots.clone().acquire_owned().await.unwrap();
///         downloads.push(runtime::spawn(async move {
///             let length = page * 100;
///             drop(slot);
///             length
///         }));
///     }
///     let mut total = 0;
///     for download in downloads {
///         total += download.await.unwrap();
///     }
///     assert_eq!(total, 1_000);
///     assert_eq!(slots.available_permits(), 2);
/// }
/// ```
///
/// One semaphore for the whole program:
///
/// ```
/// use runtime::sync::Semaphore;
///
/// static LIMIT: Semaphore = Semaphore::const_new(3);
///
/// #[runtime::main]
/// async fn main() {
///     let permit = LIMIT.acquire_many(2).await.unwrap();
///     assert_eq!(LIMIT.available_permits(), 1);
///     drop(permit);
///     assert_eq!(LIMIT.available_permits(), 3);
/// }
/// ```
#[derive(Debug)]
pub struct Semaphore {
    permits: Permits,
}

/// A right, or several, of a [`Semaphore`]. Dropping it gives them back.
///
/// Made by [`Semaphore::acquire`] and its kin.
#[must_use]
#[derive(Debug)]
pub struct SemaphorePermit<'a> {
    semaphore: &'a Semaphore,
    count: usize,
}

impl Semaphore {
    /// The largest number of permits that a semaphore can hold: `usize::MAX >> 3`.
    pub const MAX_PERMITS: usize = Permits::MAX;

    /// A semaphore with `permits` permits.
    ///
    /// # Panics
    ///
    /// If `permits` is larger than [`MAX_PERMITS`](Self::MAX_PERMITS).
    #[track_caller]
    pub fn new(permits: usize) -> Self {
        Self {
            permits: Permits::new(permits),
        }
    }

    const_unless_loom! {
        /// A semaphore with `permits` permits, for a `static`.
        ///
        /// # Panics
        ///
        /// If `permits` is larger than [`MAX_PERMITS`](Self::MAX_PERMITS); in a `static` that is a
        /// compile error.
        #[track_caller]
        pub const fn const_new(permits: usize) -> Self {
            Self {
                permits: Permits::new(permits),
            }
        }
    }

    /// How many permits can be had right now.
    pub fn available_permits(&self) -> usize {
        self.permits.available()
    }

    /// Adds `n` permits. Those who wait get them first, in order.
    ///
    /// # Panics
    ///
    /// If the semaphore would hold more than [`MAX_PERMITS`](Self::MAX_PERMITS).
    #[track_caller]
    pub fn add_permits(&self, n: usize) {
        self.permits.release(n);
    }

    /// Takes up to `n` of the permits that are there out of circulation, and says how many.
    pub fn forget_permits(&self, n: usize) -> usize {
        self.permits.forget(n)
    }

    /// Takes one permit; waits until there is one and it is this task's turn.
    ///
    /// # Errors
    ///
    /// If the semaphore is closed, now or while this waits.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no permit, but the place in the queue.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[runtime::main]
    /// # async fn main() {
    /// let semaphore = runtime::sync::Semaphore::new(2);
    /// let one = semaphore.acquire().await.unwrap();
    /// assert_eq!(semaphore.available_permits(), 1);
    /// drop(one);
    /// assert_eq!(semaphore.available_permits(), 2);
    /// # }
    /// ```
    pub async fn acquire(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.permits.acquire(1).await?;
        Ok(self.permit(1))
    }

    /// Takes `n` permits; waits until there are as many and it is this task's turn.
    ///
    /// # Errors
    ///
    /// If the semaphore is closed, now or while this waits.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no permit: those that were already set aside for it go to the next
    /// in the queue. The place in the queue is lost.
    pub async fn acquire_many(&self, n: u32) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.permits.acquire(n as usize).await?;
        Ok(self.permit(n as usize))
    }

    /// Takes one permit if there is one.
    ///
    /// # Errors
    ///
    /// [`Closed`](TryAcquireError::Closed) if the semaphore is closed,
    /// [`NoPermits`](TryAcquireError::NoPermits) if there is none.
    pub fn try_acquire(&self) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.try_acquire_many(1)
    }

    /// Takes `n` permits if there are as many.
    ///
    /// # Errors
    ///
    /// [`Closed`](TryAcquireError::Closed) if the semaphore is closed,
    /// [`NoPermits`](TryAcquireError::NoPermits) if there are too few; none is taken then.
    pub fn try_acquire_many(&self, n: u32) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.permits.try_acquire(n as usize)?;
        Ok(self.permit(n as usize))
    }

    /// Takes one permit as [`acquire`](Self::acquire), blocking the thread.
    ///
    /// # Errors
    ///
    /// If the semaphore is closed, now or while this waits.
    ///
    /// # Panics
    ///
    /// On a thread that drives asynchronous tasks: it would keep them from running.
    #[track_caller]
    pub fn blocking_acquire(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        block_on(self.acquire())
    }

    /// Takes `n` permits as [`acquire_many`](Self::acquire_many), blocking the thread.
    ///
    /// # Errors
    ///
    /// If the semaphore is closed, now or while this waits.
    ///
    /// # Panics
    ///
    /// On a thread that drives asynchronous tasks: it would keep them from running.
    #[track_caller]
    pub fn blocking_acquire_many(&self, n: u32) -> Result<SemaphorePermit<'_>, AcquireError> {
        block_on(self.acquire_many(n))
    }

    /// Refuses permits from now on: to those who wait and to those who ask later.
    ///
    /// Permits that are out stay valid.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[runtime::main]
    /// # async fn main() {
    /// use runtime::sync::{Semaphore, TryAcquireError};
    ///
    /// let semaphore = Semaphore::new(1);
    /// let permit = semaphore.acquire().await.unwrap();
    /// semaphore.close();
    /// assert!(semaphore.acquire().await.is_err());
    /// assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::Closed);
    /// drop(permit);
    /// # }
    /// ```
    pub fn close(&self) {
        self.permits.close();
    }

    /// Whether [`close`](Self::close) was called.
    pub fn is_closed(&self) -> bool {
        self.permits.is_closed()
    }

    /// The guard for `count` permits that were taken from the counter.
    fn permit(&self, count: usize) -> SemaphorePermit<'_> {
        SemaphorePermit {
            semaphore: self,
            count,
        }
    }
}

impl<'a> SemaphorePermit<'a> {
    /// Takes the permits out of circulation: they do not go back to the semaphore.
    pub fn forget(mut self) {
        self.count = 0;
    }

    /// Adds the permits of `other` to this guard.
    ///
    /// # Panics
    ///
    /// If the two belong to different semaphores.
    #[track_caller]
    pub fn merge(&mut self, mut other: Self) {
        assert!(
            std::ptr::eq(self.semaphore, other.semaphore),
            "merging permits from different semaphore instances; merge those of one"
        );
        // No overflow: a semaphore has not so many.
        self.count += other.count;
        other.count = 0;
    }

    /// Moves `n` of the permits into a guard of their own; `None` if this one has fewer.
    pub fn split(&mut self, n: usize) -> Option<Self> {
        self.count = self.count.checked_sub(n)?;
        Some(self.semaphore.permit(n))
    }

    /// How many permits this guard holds.
    pub fn num_permits(&self) -> usize {
        self.count
    }

    /// The semaphore that gave the permits.
    ///
    /// The reference lives as long as this guard is borrowed.
    pub fn semaphore(&self) -> &Semaphore {
        self.semaphore
    }
}

impl Drop for SemaphorePermit<'_> {
    fn drop(&mut self) {
        self.semaphore.add_permits(self.count);
    }
}

#[cfg(test)]
mod tests;
