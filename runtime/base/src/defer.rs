//! Wakers that wait until the scheduler has looked at its events.
//!
//! A task that yields must not be back in the queue before the others, and the sockets, had their
//! turn. It hands its waker to [`defer`]; the scheduler wakes the deferred ones after it polled its
//! driver. On a thread without a scheduler there is nothing to wait for and the waker is woken at
//! once.
//!
//! The wakers are in a list of this thread, unless its scheduler keeps them itself ([`Keeper`]): a
//! list that belongs to the thread is out of reach for others when the thread is held up.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::Waker;

use crate::current::{self, Content, EnterGuard, Slot};
use crate::wake_batch::WakeBatch;

/// A scheduler that keeps the deferred wakers of its thread itself.
pub trait Keeper {
    /// Wakes `waker` after the scheduler has polled its driver.
    fn defer(&self, waker: &Waker);
}

/// The [`Keeper`] of a thread.
pub type KeeperRef = Rc<dyn Keeper>;

thread_local! {
    static KEEPER: Slot<KeeperRef> = const { Slot::new() };
    static DEFERRED: RefCell<Deferred> =
        const { RefCell::new(Deferred { scheduler_depth: 0, wakers: Vec::new() }) };
}

struct Deferred {
    /// How many schedulers run on this thread, one inside the other.
    scheduler_depth: u32,
    wakers: Vec<Waker>,
}

/// Says that a scheduler runs on this thread and will call [`take`]. Made by [`scheduler`].
#[must_use = "wakers are deferred only while the guard lives"]
pub struct SchedulerGuard {
    /// Keeps what an outer scheduler defers, and has no turn meanwhile.
    outer: Option<Content<KeeperRef>>,
}

/// Marks this thread as one whose scheduler calls [`take`] regularly, until the guard is dropped.
pub fn scheduler() -> SchedulerGuard {
    // On a thread that is ending `defer` wakes at once.
    let _ = DEFERRED.try_with(|deferred| deferred.borrow_mut().scheduler_depth += 1);
    SchedulerGuard {
        outer: KEEPER
            .try_with(|keeper| keeper.replace(None))
            .unwrap_or(None),
    }
}

impl Drop for SchedulerGuard {
    fn drop(&mut self) {
        let outer = self.outer.take();
        let _ = KEEPER.try_with(|keeper| keeper.restore(outer));
        let is_last = DEFERRED.try_with(|deferred| {
            let mut deferred = deferred.borrow_mut();
            deferred.scheduler_depth -= 1;
            deferred.scheduler_depth == 0
        });
        if is_last.unwrap_or(false) {
            // Nobody will take these any more; their tasks must not hang.
            let mut left = WakeBatch::new();
            take(&mut left);
            left.wake_all();
        }
    }
}

/// Gives what is deferred on this thread to `keeper`, until the guard is dropped.
pub fn enter_keeper(keeper: KeeperRef) -> EnterGuard<KeeperRef> {
    current::enter(&KEEPER, keeper)
}

/// Wakes `waker` after the scheduler of this thread has polled its driver; at once where there is
/// no scheduler.
pub fn defer(waker: &Waker) {
    // Cloned, because what it does may look at the slot. A thread that is ending has no scheduler.
    if let Some(keeper) = KEEPER.try_with(Slot::get).ok().flatten() {
        return keeper.defer(waker);
    }
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

#[cfg(all(test, not(rt_loom)))]
mod tests {
    use super::*;
    use crate::parker::Parker;
    use std::panic::catch_unwind;
    use std::sync::Arc;
    use std::task::Wake;

    #[test]
    fn a_thread_that_is_ending_wakes_at_once() {
        /// Defers a waker when its thread ends.
        struct AtTheEnd(Waker);

        impl Drop for AtTheEnd {
            fn drop(&mut self) {
                defer(&self.0);
            }
        }

        thread_local! {
            static AT_THE_END: RefCell<Option<AtTheEnd>> = const { RefCell::new(None) };
        }

        let mut parker = Parker::new();
        let waker = parker.waker();
        let thread = std::thread::spawn(move || {
            // Used first, so that it is dropped last.
            AT_THE_END.set(Some(AtTheEnd(waker)));
            defer(Waker::noop());
        });
        thread.join().unwrap();
        assert!(parker.park_for(Some(std::time::Duration::ZERO)));
    }

    #[test]
    fn a_waker_that_panics_at_the_end_keeps_no_other_asleep() {
        struct Angry;

        impl Wake for Angry {
            fn wake(self: Arc<Self>) {
                panic!("the waker panics on purpose");
            }
        }

        let mut parker = Parker::new();
        let ended = catch_unwind(|| {
            let _scheduler = scheduler();
            defer(&Waker::from(Arc::new(Angry)));
            defer(&parker.waker());
        });
        assert!(ended.is_err());
        assert!(parker.park_for(Some(std::time::Duration::ZERO)));
    }
}
