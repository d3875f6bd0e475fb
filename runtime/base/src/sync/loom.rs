//! The explored half of the switch: loom.

pub use loom::hint;
pub use loom::sync::Arc;
pub use loom::sync::MutexGuard;
pub use loom::thread;

/// Atomic integers and pointers.
pub mod atomic {
    pub use loom::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering,
        fence,
    };
}

/// Interior mutability whose accesses loom checks.
pub mod cell {
    pub use loom::cell::UnsafeCell;
}

/// loom's mutex with `parking_lot`'s interface.
#[derive(Debug, Default)]
pub struct Mutex<T>(loom::sync::Mutex<T>);

impl<T> Mutex<T> {
    /// Wraps `value`.
    pub fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    /// Locks, blocking the thread.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap()
    }

    /// Locks if nobody else has the lock.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.0.try_lock().ok()
    }

    /// The value, without locking: the caller has it alone.
    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().unwrap()
    }

    /// Unwraps the value.
    pub fn into_inner(self) -> T {
        self.0.into_inner().unwrap()
    }
}

/// Where a thread sleeps until another one wakes it: loom's mutex and condition variable.
#[derive(Debug, Default)]
pub struct SleepLock {
    lock: loom::sync::Mutex<()>,
    condvar: loom::sync::Condvar,
}

impl SleepLock {
    /// Locks, blocking the thread.
    pub fn lock(&self) -> MutexGuard<'_, ()> {
        self.lock.lock().unwrap()
    }

    /// Gives the lock up, and sleeps. loom has no clock: a timeout is a wait that may never end, so
    /// models pass `None`.
    pub fn sleep<'a>(
        &self,
        guard: MutexGuard<'a, ()>,
        timeout: Option<std::time::Duration>,
    ) -> MutexGuard<'a, ()> {
        assert!(
            timeout.is_none(),
            "a loom model has no clock; wait without a timeout"
        );
        self.condvar.wait(guard).unwrap()
    }

    /// Wakes the thread that sleeps.
    pub fn wake(&self) {
        self.condvar.notify_one();
    }
}

/// Explores `body` with at most three preemptions, which finds the known bugs in seconds where the
/// unbounded search takes hours.
pub fn model(body: impl Fn() + Sync + Send + 'static) {
    model_bounded(3, body);
}

/// Explores `body` with at most `preemptions` preemptions. `LOOM_MAX_PREEMPTIONS` overrides it.
pub fn model_bounded(preemptions: usize, body: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    if builder.preemption_bound.is_none() {
        builder.preemption_bound = Some(preemptions);
    }
    builder.check(body);
}
