//! Wakers that wait until the scheduler has looked at its events.
//!
//! A task that yields must not be back in the queue before the others, and the sockets, had their
//! turn. It hands its waker to [`defer`]; the scheduler wakes the deferred ones after it polled its
//! driver. On a thread without a scheduler there is nothing to wait for and the waker is woken at
//! once.

use std::cell::RefCell;
use std::task::Waker;

use crate::wake_batch::WakeBatch;

thread_local! {
    static DEFERRED: RefCell<Deferred> =
        const { RefCell::new(Deferred { scheduler_depth: 0, wakers: Vec::new() }) };
}

struct Deferred {
    /// How many schedulers run on this thread, one inside the other.
    scheduler_depth: u32,
    wakers: Vec<Waker>,
}

/// Says that a scheduler runs on this thread and will call [`take`]. Made by [`scheduler`].
#[derive(Debug)]
#[must_use = "wakers are deferred only while the guard lives"]
pub struct SchedulerGuard(());

/// Marks this thread as one whose scheduler calls [`take`] regularly, until the guard is dropped.
pub fn scheduler() -> SchedulerGuard {
    // On a thread that is ending `defer` wakes at once.
    let _ = DEFERRED.try_with(|deferred| deferred.borrow_mut().scheduler_depth += 1);
    SchedulerGuard(())
}

impl Drop for SchedulerGuard {
    fn drop(&mut self) {
        let left = DEFERRED.try_with(|deferred| {
            let mut deferred = deferred.borrow_mut();
            deferred.scheduler_depth -= 1;
            if deferred.scheduler_depth == 0 {
                std::mem::take(&mut deferred.wakers)
            } else {
                Vec::new()
            }
        });
        // Nobody will take these any more; their tasks must not hang.
        for waker in left.into_iter().flatten() {
            waker.wake();
        }
    }
}

/// Says that the scheduler of this thread has no turn for a while. Made by [`suspend`].
#[derive(Debug)]
#[must_use = "wakers are not deferred only while the guard lives"]
pub struct SuspendedGuard {
    scheduler_depth: u32,
}

/// Wakers are woken at once until the guard is dropped, because something blocks this thread and its
/// scheduler does not come to [`take`] them. Those that wait already are moved into `batch`, to be
/// woken by the caller.
pub fn suspend(batch: &mut WakeBatch) -> SuspendedGuard {
    take(batch);
    let depth =
        DEFERRED.try_with(|deferred| std::mem::take(&mut deferred.borrow_mut().scheduler_depth));
    SuspendedGuard {
        scheduler_depth: depth.unwrap_or(0),
    }
}

impl Drop for SuspendedGuard {
    fn drop(&mut self) {
        let _ = DEFERRED.try_with(|deferred| {
            deferred.borrow_mut().scheduler_depth = self.scheduler_depth;
        });
    }
}

/// Wakes `waker` after the scheduler of this thread has polled its driver; at once where there is
/// no scheduler.
pub fn defer(waker: &Waker) {
    // Cloning runs code of the waker's author, so it happens outside of the borrow.
    let has_scheduler = DEFERRED.try_with(|deferred| {
        let deferred = deferred.borrow();
        if deferred.scheduler_depth == 0 {
            return None;
        }
        // A future that yields in a loop of its own must not fill the list with itself.
        Some(
            deferred
                .wakers
                .last()
                .is_some_and(|last| last.will_wake(waker)),
        )
    });
    match has_scheduler.ok().flatten() {
        None => waker.wake_by_ref(),
        Some(true) => {}
        Some(false) => {
            let waker = waker.clone();
            let _ = DEFERRED.try_with(|deferred| deferred.borrow_mut().wakers.push(waker));
        }
    }
}

/// Whether wakers wait on this thread.
#[inline]
pub fn is_empty() -> bool {
    DEFERRED
        .try_with(|deferred| deferred.borrow().wakers.is_empty())
        .unwrap_or(true)
}

/// Moves the deferred wakers into `batch`.
pub fn take(batch: &mut WakeBatch) {
    let _ = DEFERRED.try_with(|deferred| {
        for waker in deferred.borrow_mut().wakers.drain(..) {
            batch.push(waker);
        }
    });
}
