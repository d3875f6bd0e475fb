//! The plain half of the switch: `std` and `parking_lot`.

pub use parking_lot::{Condvar, Mutex, MutexGuard};
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

/// Waits on `condvar` for `timeout` at most; without one, until notified.
pub fn wait_for<T>(
    condvar: &Condvar,
    guard: &mut MutexGuard<'_, T>,
    timeout: Option<std::time::Duration>,
) {
    match timeout {
        // A deadline that the clock cannot represent is as good as none.
        Some(timeout) => match std::time::Instant::now().checked_add(timeout) {
            Some(deadline) => {
                condvar.wait_until(guard, deadline);
            }
            None => condvar.wait(guard),
        },
        None => condvar.wait(guard),
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
