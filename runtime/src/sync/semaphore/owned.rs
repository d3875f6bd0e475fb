//! Permits that keep their semaphore alive, to be moved into tasks.

use super::*;

/// A right, or several, of a [`Semaphore`], without a lifetime. Dropping it gives them back.
///
/// Made by [`Semaphore::acquire_owned`] and its kin.
#[must_use]
#[derive(Debug)]
pub struct OwnedSemaphorePermit {
    semaphore: Arc<Semaphore>,
    count: usize,
}

impl Semaphore {
    /// Takes one permit as [`acquire`](Self::acquire); it holds the semaphore by `Arc`, so that it
    /// can be moved into a task.
    ///
    /// # Errors
    ///
    /// If the semaphore is closed, now or while this waits.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no permit, but the place in the queue.
    pub async fn acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, AcquireError> {
        self.permits.acquire(1).await?;
        Ok(self.into_permit(1))
    }

    /// Takes `n` permits as [`acquire_many`](Self::acquire_many), held by `Arc`.
    ///
    /// # Errors
    ///
    /// If the semaphore is closed, now or while this waits.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no permit, but the place in the queue.
    pub async fn acquire_many_owned(
        self: Arc<Self>,
        n: u32,
    ) -> Result<OwnedSemaphorePermit, AcquireError> {
        self.permits.acquire(n as usize).await?;
        Ok(self.into_permit(n as usize))
    }

    /// Takes one permit if there is one, held by `Arc`.
    ///
    /// # Errors
    ///
    /// [`Closed`](TryAcquireError::Closed) if the semaphore is closed,
    /// [`NoPermits`](TryAcquireError::NoPermits) if there is none.
    pub fn try_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.try_acquire_many_owned(1)
    }

    /// Takes `n` permits if there are as many, held by `Arc`.
    ///
    /// # Errors
    ///
    /// [`Closed`](TryAcquireError::Closed) if the semaphore is closed,
    /// [`NoPermits`](TryAcquireError::NoPermits) if there are too few; none is taken then.
    pub fn try_acquire_many_owned(
        self: Arc<Self>,
        n: u32,
    ) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.permits.try_acquire(n as usize)?;
        Ok(self.into_permit(n as usize))
    }

    /// Takes one permit as [`acquire_owned`](Self::acquire_owned), blocking the thread.
    ///
    /// # Errors
    ///
    /// If the semaphore is closed, now or while this waits.
    ///
    /// # Panics
    ///
    /// On a thread that drives asynchronous tasks: it would keep them from running.
    #[track_caller]
    pub fn blocking_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, AcquireError> {
        block_on(self.acquire_owned())
    }

    /// Takes `n` permits as [`acquire_many_owned`](Self::acquire_many_owned), blocking the thread.
    ///
    /// # Errors
    ///
    /// If the semaphore is closed, now or while this waits.
    ///
    /// # Panics
    ///
    /// On a thread that drives asynchronous tasks: it would keep them from running.
    #[track_caller]
    pub fn blocking_acquire_many_owned(
        self: Arc<Self>,
        n: u32,
    ) -> Result<OwnedSemaphorePermit, AcquireError> {
        block_on(self.acquire_many_owned(n))
    }

    /// The guard for `count` permits that were taken from the counter.
    fn into_permit(self: Arc<Self>, count: usize) -> OwnedSemaphorePermit {
        OwnedSemaphorePermit {
            semaphore: self,
            count,
        }
    }
}

impl OwnedSemaphorePermit {
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
            Arc::ptr_eq(&self.semaphore, &other.semaphore),
            "merging permits from different semaphore instances; merge those of one"
        );
        // No overflow: a semaphore has not so many.
        self.count += other.count;
        other.count = 0;
    }

    /// Moves `n` of the permits into a guard of their own; `None` if this one has fewer.
    pub fn split(&mut self, n: usize) -> Option<Self> {
        self.count = self.count.checked_sub(n)?;
        Some(self.semaphore.clone().into_permit(n))
    }

    /// How many permits this guard holds.
    pub fn num_permits(&self) -> usize {
        self.count
    }

    /// The semaphore that gave the permits.
    pub fn semaphore(&self) -> &Arc<Semaphore> {
        &self.semaphore
    }
}

impl Drop for OwnedSemaphorePermit {
    fn drop(&mut self) {
        self.semaphore.add_permits(self.count);
    }
}
