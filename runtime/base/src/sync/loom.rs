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

/// loom's condition variable with `parking_lot`'s interface.
#[derive(Debug, Default)]
pub struct Condvar(loom::sync::Condvar);

impl Condvar {
    /// Creates a condition variable that nobody waits on.
    pub fn new() -> Self {
        Self(loom::sync::Condvar::new())
    }

    /// Wakes one waiting thread.
    pub fn notify_one(&self) -> bool {
        self.0.notify_one();
        true
    }

    /// Wakes all waiting threads.
    pub fn notify_all(&self) -> usize {
        self.0.notify_all();
        0
    }

    /// Waits until notified.
    pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        take_guard(guard, |guard| self.0.wait(guard).unwrap());
    }
}

/// Waits on `condvar`. loom has no clock: a timeout is a wait that may never end, so models pass
/// `None`.
pub fn wait_for<T>(
    condvar: &Condvar,
    guard: &mut MutexGuard<'_, T>,
    timeout: Option<std::time::Duration>,
) {
    assert!(
        timeout.is_none(),
        "a loom model has no clock; wait without a timeout"
    );
    condvar.wait(guard);
}

/// Replaces the guard behind `slot` by what `f` makes of it; std's condition variable takes the
/// guard by value, `parking_lot`'s by reference.
#[allow(unsafe_code)]
fn take_guard<'a, T>(
    slot: &mut MutexGuard<'a, T>,
    f: impl FnOnce(MutexGuard<'a, T>) -> MutexGuard<'a, T>,
) {
    struct AbortOnUnwind;
    impl Drop for AbortOnUnwind {
        fn drop(&mut self) {
            std::process::abort();
        }
    }
    let bomb = AbortOnUnwind;
    // SAFETY: the guard is moved out, and a guard is written back before anybody can look at the
    // slot again: if `f` unwinds in between, the bomb ends the process.
    unsafe {
        let guard = std::ptr::read(slot);
        std::ptr::write(slot, f(guard));
    }
    std::mem::forget(bomb);
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
