//! A mutex whose guard may be held across an await: [`Mutex`].
//!
//! One permit of `permits` is the right to the value; the guards in `guard` and `owned` are that
//! right as values.
//!
//! # Invariants
//!
//! - **M1** The value is reached only through `&mut Mutex`, by value, or by the one who has the
//!   permit. Every guard has it and gives it back when it is dropped; mapping a guard hands it on.

#![allow(unsafe_code)] // The value is guarded by the permit; see M1.

mod guard;
mod owned;

use std::cell::UnsafeCell;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use runtime_base::driving::block_on;

pub use self::guard::{MappedMutexGuard, MutexGuard};
pub use self::owned::{OwnedMappedMutexGuard, OwnedMutexGuard};
use super::permits::Permits;

/// Why waiting for the permit cannot fail.
const NEVER_CLOSED: &str = "nobody closes the permits of a mutex";

/// Gives one task at a time access to a value, and makes the others wait without blocking their
/// threads.
///
/// [`lock`](Self::lock) waits for its turn and gives a guard; dropping the guard unlocks. Unlike
/// that of a mutex of the standard library the guard may be held across an `await`. That has its
/// price: where no `await` happens under the lock, `std::sync::Mutex` or `parking_lot` is faster
/// and just as good in asynchronous code.
///
/// The mutex is fair: tasks get it in the order in which they asked. It is not poisoned by a panic:
/// the guard that is dropped while unwinding unlocks, and the next finds the value as it was left.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use runtime::sync::Mutex;
///
/// #[runtime::main]
/// async fn main() {
///     let counter = Arc::new(Mutex::new(0));
///     let mut tasks = Vec::new();
///     for _ in 0..10 {
///         let counter = counter.clone();
///         tasks.push(runtime::spawn(async move {
///             *counter.lock().await += 1;
///         }));
///     }
///     for task in tasks {
///         task.await.unwrap();
///     }
///     assert_eq!(*counter.lock().await, 10);
/// }
/// ```
pub struct Mutex<T: ?Sized> {
    permits: Permits,
    value: UnsafeCell<T>,
}

// SAFETY: the mutex owns the value; sending it sends the value.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}
// SAFETY: a shared mutex gives the value to one thread at a time (M1), which is as good as sending
// it there.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}

impl<T: ?Sized> Mutex<T> {
    /// An unlocked mutex.
    pub fn new(value: T) -> Self
    where
        T: Sized,
    {
        Self {
            permits: Permits::new(1),
            value: UnsafeCell::new(value),
        }
    }

    const_unless_loom! {
        /// An unlocked mutex, for a `static`.
        ///
        /// # Examples
        ///
        /// ```
        /// use runtime::sync::Mutex;
        ///
        /// static NAMES: Mutex<Vec<String>> = Mutex::const_new(Vec::new());
        ///
        /// #[runtime::main]
        /// async fn main() {
        ///     NAMES.lock().await.push("Ada".to_owned());
        ///     assert_eq!(NAMES.lock().await.len(), 1);
        /// }
        /// ```
        pub const fn const_new(value: T) -> Self
        where
            T: Sized,
        {
            Self {
                permits: Permits::new(1),
                value: UnsafeCell::new(value),
            }
        }
    }

    /// Locks; waits until the others before this task have unlocked.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses the place in the queue and nothing else.
    pub async fn lock(&self) -> MutexGuard<'_, T> {
        let granted = self.permits.acquire(1).await;
        granted.expect(NEVER_CLOSED);
        MutexGuard::new(self)
    }

    /// Locks as [`lock`](Self::lock); the guard holds the mutex by `Arc` and has no lifetime.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses the place in the queue and nothing else.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use runtime::sync::Mutex;
    ///
    /// #[runtime::main]
    /// async fn main() {
    ///     let mutex = Arc::new(Mutex::new(1));
    ///     let mut guard = mutex.clone().lock_owned().await;
    ///     runtime::spawn(async move { *guard += 1 }).await.unwrap();
    ///     assert_eq!(*mutex.lock().await, 2);
    /// }
    /// ```
    pub async fn lock_owned(self: Arc<Self>) -> OwnedMutexGuard<T> {
        let granted = self.permits.acquire(1).await;
        granted.expect(NEVER_CLOSED);
        OwnedMutexGuard::new(self)
    }

    /// Locks if nobody else has the lock.
    ///
    /// # Errors
    ///
    /// If the mutex is locked.
    pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, TryLockError> {
        match self.permits.try_acquire(1) {
            Ok(()) => Ok(MutexGuard::new(self)),
            Err(_) => Err(TryLockError::new()),
        }
    }

    /// Locks if nobody else has the lock; the guard holds the mutex by `Arc`.
    ///
    /// # Errors
    ///
    /// If the mutex is locked.
    pub fn try_lock_owned(self: Arc<Self>) -> Result<OwnedMutexGuard<T>, TryLockError> {
        match self.permits.try_acquire(1) {
            Ok(()) => Ok(OwnedMutexGuard::new(self)),
            Err(_) => Err(TryLockError::new()),
        }
    }

    /// Locks as [`lock`](Self::lock), blocking the thread: for code that is not asynchronous and
    /// shares the mutex with code that is.
    ///
    /// # Panics
    ///
    /// On a thread that drives asynchronous tasks: it would keep them from running, perhaps the one
    /// that is to unlock.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use runtime::sync::Mutex;
    ///
    /// #[runtime::main]
    /// async fn main() {
    ///     let mutex = Arc::new(Mutex::new(1));
    ///     let guard = mutex.lock().await;
    ///     let blocking = runtime::task::spawn_blocking({
    ///         let mutex = mutex.clone();
    ///         move || *mutex.blocking_lock() += 1
    ///     });
    ///     drop(guard);
    ///     blocking.await.unwrap();
    ///     assert_eq!(*mutex.lock().await, 2);
    /// }
    /// ```
    #[track_caller]
    pub fn blocking_lock(&self) -> MutexGuard<'_, T> {
        block_on(self.lock())
    }

    /// Locks as [`lock_owned`](Self::lock_owned), blocking the thread.
    ///
    /// # Panics
    ///
    /// On a thread that drives asynchronous tasks: it would keep them from running.
    #[track_caller]
    pub fn blocking_lock_owned(self: Arc<Self>) -> OwnedMutexGuard<T> {
        block_on(self.lock_owned())
    }

    /// The value, without locking: the caller has the mutex alone.
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

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Mutex");
        match self.try_lock() {
            Ok(guard) => shown.field("data", &&*guard),
            Err(_) => shown.field("data", &format_args!("<locked>")),
        };
        shown.finish()
    }
}

/// The lock is held by somebody else.
///
/// Made by [`Mutex::try_lock`], [`RwLock::try_read`](crate::sync::RwLock::try_read) and their kin.
#[derive(Debug)]
pub struct TryLockError(());

impl TryLockError {
    pub(crate) fn new() -> Self {
        Self(())
    }
}

impl fmt::Display for TryLockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("operation would block")
    }
}

impl Error for TryLockError {}

#[cfg(test)]
mod tests;
