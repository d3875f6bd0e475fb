//! A reader-writer lock whose guards may be held across an await: [`RwLock`].
//!
//! The lock is a counter of permits: a reader takes one, a writer takes all. The counter's queue is
//! fair and gives permits in parts to its first, so a writer that waits lets no later reader pass.
//!
//! # Invariants
//!
//! - **R1** The value is reached shared by one who has a permit, exclusively by one who has all of
//!   them or the lock alone. Every guard has its permits and gives them back when it is dropped;
//!   mapping and downgrading hand them on.
//! - **R2** There is at least one permit, so a writer excludes the others.

#![allow(unsafe_code)] // The value is guarded by the permits; see R1.

mod owned;
mod read;
mod write;

use std::cell::UnsafeCell;
use std::fmt;
use std::sync::Arc;

use runtime_base::driving::block_on;

pub use self::owned::{OwnedRwLockMappedWriteGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard};
pub use self::read::RwLockReadGuard;
pub use self::write::{RwLockMappedWriteGuard, RwLockWriteGuard};
use super::mutex::TryLockError;
use super::permits::Permits;

/// The readers of a lock that was given no other limit, and the highest limit; Tokio's figure.
const MAX_READERS: u32 = if cfg!(target_pointer_width = "64") {
    u32::MAX >> 3
} else {
    (Permits::MAX & u32::MAX as usize) as u32
};

/// Why waiting for permits cannot fail.
const NEVER_CLOSED: &str = "nobody closes the permits of a RwLock";

/// Gives many readers or one writer at a time access to a value.
///
/// [`read`](Self::read) and [`write`](Self::write) wait for their turn and give a guard; dropping
/// the guard unlocks. The guards may be held across an `await`.
///
/// The lock is fair: tasks get it in the order in which they asked, and readers next to each other
/// in the queue get it together. A reader that comes while a writer waits, waits behind it. So a
/// task that holds a read guard must not ask for a second one: a writer in between would wait for
/// the first and the second for the writer.
///
/// A panic does not poison the lock.
///
/// # Examples
///
/// ```
/// use runtime::sync::RwLock;
///
/// #[runtime::main]
/// async fn main() {
///     let lock = RwLock::new(5);
///     {
///         let one = lock.read().await;
///         let two = lock.read().await;
///         assert_eq!(*one + *two, 10);
///     }
///     *lock.write().await += 1;
///     assert_eq!(*lock.read().await, 6);
/// }
/// ```
pub struct RwLock<T: ?Sized> {
    permits: Permits,
    max_readers: u32,
    value: UnsafeCell<T>,
}

// SAFETY: the lock owns the value; sending it sends the value.
unsafe impl<T: ?Sized + Send> Send for RwLock<T> {}
// SAFETY: a shared lock gives `&T` to many threads and `&mut T` to one (R1).
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}

impl<T: ?Sized> RwLock<T> {
    /// An unlocked lock for up to 2^29 - 1 readers at a time.
    pub fn new(value: T) -> RwLock<T>
    where
        T: Sized,
    {
        Self::with_max_readers(value, MAX_READERS)
    }

    /// An unlocked lock for up to `max_readers` readers at a time; further ones wait.
    ///
    /// # Panics
    ///
    /// If `max_readers` is 0, or larger than 2^29 - 1.
    #[track_caller]
    pub fn with_max_readers(value: T, max_readers: u32) -> RwLock<T>
    where
        T: Sized,
    {
        assert_limit(max_readers);
        RwLock {
            permits: Permits::new(max_readers as usize),
            max_readers,
            value: UnsafeCell::new(value),
        }
    }

    const_unless_loom! {
        /// An unlocked lock, for a `static`.
        ///
        /// # Examples
        ///
        /// ```
        /// use runtime::sync::RwLock;
        ///
        /// static LEVEL: RwLock<u8> = RwLock::const_new(3);
        ///
        /// #[runtime::main]
        /// async fn main() {
        ///     assert_eq!(*LEVEL.read().await, 3);
        /// }
        /// ```
        pub const fn const_new(value: T) -> RwLock<T>
        where
            T: Sized,
        {
            Self::const_with_max_readers(value, MAX_READERS)
        }
    }

    const_unless_loom! {
        /// An unlocked lock for up to `max_readers` readers at a time, for a `static`.
        ///
        /// # Panics
        ///
        /// If `max_readers` is 0, or larger than 2^29 - 1; in a `static` that is a compile error.
        #[track_caller]
        pub const fn const_with_max_readers(value: T, max_readers: u32) -> RwLock<T>
        where
            T: Sized,
        {
            assert_limit(max_readers);
            RwLock {
                permits: Permits::new(max_readers as usize),
                max_readers,
                value: UnsafeCell::new(value),
            }
        }
    }

    /// Locks for reading; waits while there is a writer, or one that asked before waits.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses the place in the queue and nothing else.
    pub async fn read(&self) -> RwLockReadGuard<'_, T> {
        let granted = self.permits.acquire(1).await;
        granted.expect(NEVER_CLOSED);
        RwLockReadGuard::new(self)
    }

    /// Locks for reading as [`read`](Self::read); the guard holds the lock by `Arc` and has no
    /// lifetime.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses the place in the queue and nothing else.
    pub async fn read_owned(self: Arc<Self>) -> OwnedRwLockReadGuard<T> {
        let granted = self.permits.acquire(1).await;
        granted.expect(NEVER_CLOSED);
        OwnedRwLockReadGuard::new(self)
    }

    /// Locks for reading if that needs no waiting.
    ///
    /// # Errors
    ///
    /// If there is a writer, or one waits.
    pub fn try_read(&self) -> Result<RwLockReadGuard<'_, T>, TryLockError> {
        match self.permits.try_acquire(1) {
            Ok(()) => Ok(RwLockReadGuard::new(self)),
            Err(_) => Err(TryLockError::new()),
        }
    }

    /// Locks for reading if that needs no waiting; the guard holds the lock by `Arc`.
    ///
    /// # Errors
    ///
    /// If there is a writer, or one waits.
    pub fn try_read_owned(self: Arc<Self>) -> Result<OwnedRwLockReadGuard<T>, TryLockError> {
        match self.permits.try_acquire(1) {
            Ok(()) => Ok(OwnedRwLockReadGuard::new(self)),
            Err(_) => Err(TryLockError::new()),
        }
    }

    /// Locks for reading as [`read`](Self::read), blocking the thread.
    ///
    /// # Panics
    ///
    /// On a thread that drives asynchronous tasks: it would keep them from running.
    #[track_caller]
    pub fn blocking_read(&self) -> RwLockReadGuard<'_, T> {
        block_on(self.read())
    }

    /// Locks for writing; waits until all who asked before have unlocked.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses the place in the queue and nothing else.
    pub async fn write(&self) -> RwLockWriteGuard<'_, T> {
        let granted = self.permits.acquire(self.max_readers as usize).await;
        granted.expect(NEVER_CLOSED);
        RwLockWriteGuard::new(self)
    }

    /// Locks for writing as [`write`](Self::write); the guard holds the lock by `Arc` and has no
    /// lifetime.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses the place in the queue and nothing else.
    pub async fn write_owned(self: Arc<Self>) -> OwnedRwLockWriteGuard<T> {
        let granted = self.permits.acquire(self.max_readers as usize).await;
        granted.expect(NEVER_CLOSED);
        OwnedRwLockWriteGuard::new(self)
    }

    /// Locks for writing if that needs no waiting.
    ///
    /// # Errors
    ///
    /// If anybody has the lock.
    pub fn try_write(&self) -> Result<RwLockWriteGuard<'_, T>, TryLockError> {
        match self.permits.try_acquire(self.max_readers as usize) {
            Ok(()) => Ok(RwLockWriteGuard::new(self)),
            Err(_) => Err(TryLockError::new()),
        }
    }

    /// Locks for writing if that needs no waiting; the guard holds the lock by `Arc`.
    ///
    /// # Errors
    ///
    /// If anybody has the lock.
    pub fn try_write_owned(self: Arc<Self>) -> Result<OwnedRwLockWriteGuard<T>, TryLockError> {
        match self.permits.try_acquire(self.max_readers as usize) {
            Ok(()) => Ok(OwnedRwLockWriteGuard::new(self)),
            Err(_) => Err(TryLockError::new()),
        }
    }

    /// Locks for writing as [`write`](Self::write), blocking the thread.
    ///
    /// # Panics
    ///
    /// On a thread that drives asynchronous tasks: it would keep them from running.
    #[track_caller]
    pub fn blocking_write(&self) -> RwLockWriteGuard<'_, T> {
        block_on(self.write())
    }

    /// The value, without locking: the caller has the lock alone.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// Unwraps the value.
    pub fn into_inner(self) -> T
    where
        T: Sized,
    {
        self.value.into_inner()
    }
}

#[track_caller]
const fn assert_limit(max_readers: u32) {
    // With no permits at all a writer would need none, and exclude nobody (R2).
    assert!(
        max_readers > 0,
        "a RwLock may not be created with 0 readers; create it with at least one"
    );
    assert!(
        max_readers <= MAX_READERS,
        "a RwLock may not be created with more than 536870911 readers; create it with fewer"
    );
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("RwLock");
        match self.try_read() {
            Ok(guard) => shown.field("data", &&*guard),
            Err(_) => shown.field("data", &format_args!("<locked>")),
        };
        shown.finish()
    }
}

#[cfg(test)]
mod tests;
