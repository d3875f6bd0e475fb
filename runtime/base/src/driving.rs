//! Whether this thread is driving asynchronous tasks, and the rule that such a thread must not
//! block.
//!
//! A thread that blocks while tasks wait for it is the mistake that hangs everything. What is known
//! to block (`block_on`, `blocking_lock`, dropping a runtime) asks here first.

use std::cell::Cell;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::pin;
use std::task::{Context, Poll};

use crate::coop;
use crate::parker::Parker;

thread_local! {
    static DRIVING: Cell<bool> = const { Cell::new(false) };
}

/// Whether tasks depend on this thread: it runs a scheduler, or blocks on a future.
pub fn is_driving() -> bool {
    // A thread that is ending drives nothing.
    DRIVING.try_with(Cell::get).unwrap_or(false)
}

/// Restores what [`is_driving`] said before. Made by [`enter`] and [`exit`].
#[derive(Debug)]
#[must_use = "the mark lasts only while the guard lives"]
pub struct DrivingGuard {
    previous: bool,
    _not_send: PhantomData<*mut ()>,
}

/// Marks this thread as driving tasks until the guard is dropped.
pub fn enter() -> DrivingGuard {
    DrivingGuard {
        previous: DRIVING.replace(true),
        _not_send: PhantomData,
    }
}

/// Marks this thread as free to block until the guard is dropped.
pub fn exit() -> DrivingGuard {
    DrivingGuard {
        previous: DRIVING.replace(false),
        _not_send: PhantomData,
    }
}

impl Drop for DrivingGuard {
    fn drop(&mut self) {
        let _ = DRIVING.try_with(|driving| driving.set(self.previous));
    }
}

/// Blocks this thread until `future` is ready, without any runtime: what `blocking_lock` and its
/// kind stand on.
///
/// # Panics
///
/// On a thread that drives asynchronous tasks.
#[track_caller]
pub fn block_on<F: Future>(future: F) -> F::Output {
    assert!(
        !is_driving(),
        "Cannot block the current thread from within a runtime. This happens because a function \
         attempted to block the current thread while the thread is being used to drive \
         asynchronous tasks. Await the operation instead, or move it into `spawn_blocking` or \
         `block_in_place`."
    );
    let mut parker = Parker::new();
    let waker = parker.waker();
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = coop::with_budget(|| future.as_mut().poll(&mut cx)) {
            return output;
        }
        parker.park();
    }
}

#[cfg(all(test, not(rt_loom)))]
mod tests {
    use super::*;

    #[test]
    fn block_on_waits_for_another_thread() {
        let mut thread = None;
        let answer = block_on(std::future::poll_fn(|cx| match thread.take() {
            None => {
                let waker = cx.waker().clone();
                thread = Some(std::thread::spawn(move || waker.wake()));
                Poll::Pending
            }
            Some(thread) => {
                thread.join().unwrap();
                Poll::Ready(42)
            }
        }));
        assert_eq!(answer, 42);
    }

    #[test]
    #[should_panic(expected = "Cannot block the current thread from within a runtime")]
    fn block_on_is_refused_on_a_thread_that_drives_tasks() {
        let _driving = enter();
        block_on(async {});
    }
}
