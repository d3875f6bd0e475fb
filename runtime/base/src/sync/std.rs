//! The plain half of the switch: `std` and `parking_lot`.

use std::sync::PoisonError;
use std::time::Duration;

pub use parking_lot::{Mutex, MutexGuard};
pub use std::hint;
pub use std::sync::Arc;
pub use std::thread;

/// Atomic integers and pointers.
pub mod atomic {
    pub use std::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering,
        fence,
    };
}

/// Interior mutability with loom's interface.
pub mod cell {
    /// A [`std::cell::UnsafeCell`] that is reached through closures, as loom's is.
    #[derive(Debug, Default)]
    pub struct UnsafeCell<T: ?Sized>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        /// Wraps `value`.
        pub const fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        /// Unwraps the value.
        pub fn into_inner(self) -> T {
            self.0.into_inner()
        }
    }

    impl<T: ?Sized> UnsafeCell<T> {
        /// Calls `f` with a pointer that may be read through.
        #[inline(always)]
        pub fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
            f(self.0.get())
        }

        /// Calls `f` with a pointer that may be written through.
        #[inline(always)]
        pub fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
            f(self.0.get())
        }
    }
}

/// Where a thread sleeps until another one wakes it. Of the standard library, whose mutex and condition
/// variable are a word and a system call on Linux; to find a sleeper in `parking_lot`'s table, which all
/// threads share, costs more than the wake (`docs/decisions/014`).
#[derive(Debug, Default)]
pub struct SleepLock {
    lock: std::sync::Mutex<()>,
    condvar: std::sync::Condvar,
}

// There is nothing in it that a panic could leave half-done, so poison means nothing.
impl SleepLock {
    /// Locks, blocking the thread.
    pub fn lock(&self) -> std::sync::MutexGuard<'_, ()> {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the lock up, and sleeps until woken, for `timeout` at most. It may return for no reason.
    pub fn sleep<'a>(
        &self,
        guard: std::sync::MutexGuard<'a, ()>,
        timeout: Option<Duration>,
    ) -> std::sync::MutexGuard<'a, ()> {
        match timeout {
            Some(timeout) => {
                let result = self.condvar.wait_timeout(guard, timeout);
                result.unwrap_or_else(PoisonError::into_inner).0
            }
            None => {
                let result = self.condvar.wait(guard);
                result.unwrap_or_else(PoisonError::into_inner)
            }
        }
    }

    /// Wakes the thread that sleeps.
    pub fn wake(&self) {
        self.condvar.notify_one();
    }
}

/// Runs `body` many times on real threads: the stress form of a loom model.
///
/// The repetitions (1,000, or 3 under Miri) are chosen, not measured: enough to meet common
/// interleavings, short enough for every test run.
pub fn model(body: impl Fn() + Sync + Send + 'static) {
    let rounds = if cfg!(miri) { 3 } else { 1_000 };
    for _ in 0..rounds {
        body();
    }
}

/// Like [`model`]; the bound matters to loom alone.
pub fn model_bounded(_preemptions: usize, body: impl Fn() + Sync + Send + 'static) {
    model(body);
}
