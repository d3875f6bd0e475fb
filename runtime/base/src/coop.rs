//! The cooperative budget: no task may run for ever because its sockets and channels are always
//! ready.
//!
//! Before the scheduler polls a task it gives it a budget of [`INITIAL`] operations. Every leaf
//! operation that could make progress calls [`poll_proceed`] first; once the budget is spent the
//! operation is `Pending` although it could go on, the task is scheduled again, and others have
//! their turn. The future of `block_on` has a budget, too; elsewhere there is no limit.

use std::cell::Cell;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::defer::defer;
use crate::trace;

/// Operations per poll of a task; Tokio's figure, because programs are tuned to it.
pub const INITIAL: u8 = 128;

// The budget is what is left of it, or one of these two. They lie above `INITIAL`, so that one
// comparison finds the common case.
/// Without a limit.
const UNLIMITED: u8 = u8::MAX;
/// In a poll that somebody [looks on](crate::trace): nothing is done.
const TRACED: u8 = u8::MAX - 1;

thread_local! {
    static BUDGET: Cell<u8> = const { Cell::new(UNLIMITED) };
    static FORCED_YIELDS: Cell<u64> = const { Cell::new(0) };
}

/// Calls `f` with a fresh budget and restores the caller's afterwards.
#[inline]
pub fn with_budget<R>(f: impl FnOnce() -> R) -> R {
    with(INITIAL, f)
}

/// Calls `f` without a limit and restores the caller's budget afterwards.
#[inline]
pub fn with_unlimited<R>(f: impl FnOnce() -> R) -> R {
    with(UNLIMITED, f)
}

#[inline]
fn with<R>(budget: u8, f: impl FnOnce() -> R) -> R {
    struct Restore(u8);
    impl Drop for Restore {
        fn drop(&mut self) {
            let _ = BUDGET.try_with(|current| current.set(self.0));
        }
    }
    let _restore = Restore(BUDGET.replace(budget));
    f()
}

/// Gives the task that runs on this thread no limit for the rest of its poll: what follows blocks
/// the thread anyway.
pub fn stop() {
    BUDGET.set(UNLIMITED);
}

/// Gives the task that runs on this thread the budget of a new poll: nobody looks on any more.
pub fn begin_anew() {
    BUDGET.set(INITIAL);
}

/// Calls `f`; leaf operations in it are seen and do nothing.
pub(crate) fn traced<R>(f: impl FnOnce() -> R) -> R {
    with(TRACED, f)
}

/// Whether somebody [looks on](crate::trace) at the poll in progress, which then must do nothing.
#[inline]
pub fn is_traced() -> bool {
    BUDGET
        .try_with(|budget| budget.get() == TRACED)
        .unwrap_or(false)
}

/// Whether the next [`poll_proceed`] would be ready.
#[inline]
pub fn has_budget_remaining() -> bool {
    BUDGET.try_with(|budget| budget.get() != 0).unwrap_or(true)
}

/// How many budgets were used up on this thread since the last call.
#[inline]
pub fn take_forced_yields() -> u64 {
    FORCED_YIELDS.replace(0)
}

/// Takes one unit of the budget, or schedules the task again and is `Pending` if none is left.
///
/// The operation calls [`RestoreOnPending::made_progress`] on what it gets when it did something; if
/// it does not, the unit is given back, so that waiting costs nothing.
#[inline]
pub fn poll_proceed(cx: &mut Context<'_>) -> Poll<RestoreOnPending> {
    // A thread that is ending has no budget to keep.
    let budget = BUDGET.try_with(Cell::get).unwrap_or(UNLIMITED);
    if (1..=INITIAL).contains(&budget) {
        let left = budget - 1;
        if left == 0 {
            FORCED_YIELDS.set(FORCED_YIELDS.get() + 1);
        }
        BUDGET.set(left);
        Poll::Ready(RestoreOnPending::to(budget))
    } else if budget == UNLIMITED {
        Poll::Ready(RestoreOnPending::to(UNLIMITED))
    } else {
        poll_without_budget(budget, cx)
    }
}

#[cold]
fn poll_without_budget(budget: u8, cx: &mut Context<'_>) -> Poll<RestoreOnPending> {
    if budget == TRACED {
        return trace::leaf(cx).map(|()| RestoreOnPending::to(UNLIMITED));
    }
    defer(cx.waker());
    Poll::Pending
}

/// What was left of the budget at one moment. Made by [`mark`].
#[derive(Debug)]
pub struct Mark(u8);

/// Remembers what is left of the budget.
#[inline]
pub fn mark() -> Mark {
    Mark(BUDGET.try_with(Cell::get).unwrap_or(UNLIMITED))
}

impl Mark {
    /// Whether no operation has taken from the budget since. Without a limit none ever does.
    #[inline]
    pub fn is_unspent(&self) -> bool {
        mark().0 == self.0
    }
}

/// Gives the unit back when dropped, unless the operation made progress.
#[derive(Debug)]
#[must_use = "without a call to `made_progress` the operation is free"]
pub struct RestoreOnPending {
    /// `UNLIMITED` means: nothing to restore.
    budget: Cell<u8>,
    // The budget is the thread's.
    _not_send: PhantomData<*mut ()>,
}

impl RestoreOnPending {
    #[inline]
    fn to(budget: u8) -> Self {
        Self {
            budget: Cell::new(budget),
            _not_send: PhantomData,
        }
    }

    /// The unit is spent.
    #[inline]
    pub fn made_progress(&self) {
        self.budget.set(UNLIMITED);
    }
}

impl Drop for RestoreOnPending {
    #[inline]
    fn drop(&mut self) {
        let budget = self.budget.get();
        if budget != UNLIMITED {
            let _ = BUDGET.try_with(|current| current.set(budget));
        }
    }
}

/// Takes one unit of the budget and gives the others their turn if none is left.
///
/// # Cancel safety
///
/// Nothing is lost when the future is dropped.
pub async fn consume_budget() {
    std::future::poll_fn(|cx| {
        ready!(poll_proceed(cx)).made_progress();
        Poll::Ready(())
    })
    .await;
}

/// Polls a future without a limit. Made by [`unconstrained`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Unconstrained<F> {
    future: F,
}

/// Exempts `future` from the cooperative budget: it can starve the other tasks of its thread.
pub fn unconstrained<F>(future: F) -> Unconstrained<F> {
    Unconstrained { future }
}

#[allow(unsafe_code)] // One structural pin; a macro would be the only use of its crate here.
impl<F: Future> Future for Unconstrained<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: the field is pinned whenever the struct is: it is never moved out, there is no
        // `Drop`, and the struct is `Unpin` only if the field is.
        let future = unsafe { self.map_unchecked_mut(|this| &mut this.future) };
        if is_traced() {
            return future.poll(cx);
        }
        with_unlimited(|| future.poll(cx))
    }
}

/// Polls a future only while there is budget. Made by [`cooperative`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Coop<F> {
    future: F,
}

/// Makes `future`, which may be written without a thought of the budget, consume one unit whenever
/// it is ready.
pub fn cooperative<F: Future>(future: F) -> Coop<F> {
    Coop { future }
}

#[allow(unsafe_code)] // As above.
impl<F: Future> Future for Coop<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let coop = ready!(poll_proceed(cx));
        // SAFETY: the field is pinned whenever the struct is, as for `Unconstrained`.
        let future = unsafe { self.map_unchecked_mut(|this| &mut this.future) };
        let output = ready!(future.poll(cx));
        coop.made_progress();
        Poll::Ready(output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;

    #[test]
    fn a_budget_that_is_used_up_is_counted_once() {
        let mut cx = Context::from_waker(Waker::noop());
        let count = |operations: u8| {
            with_budget(|| {
                for _ in 0..operations {
                    if let Poll::Ready(coop) = poll_proceed(&mut cx) {
                        coop.made_progress();
                    }
                }
            });
            take_forced_yields()
        };
        assert_eq!(
            [INITIAL - 1, INITIAL, INITIAL + 2, 1].map(count),
            [0, 1, 1, 0]
        );
    }

    #[test]
    fn the_budget_ends_and_waiting_is_free() {
        let mut cx = Context::from_waker(Waker::noop());
        with_budget(|| {
            for _ in 0..1_000 {
                let Poll::Ready(coop) = poll_proceed(&mut cx) else {
                    panic!("waiting must be free")
                };
                drop(coop);
            }
            for _ in 0..INITIAL {
                let Poll::Ready(coop) = poll_proceed(&mut cx) else {
                    panic!("budget is left")
                };
                coop.made_progress();
            }
            assert!(!has_budget_remaining());
            assert!(poll_proceed(&mut cx).is_pending());
            with_unlimited(|| assert!(poll_proceed(&mut cx).is_ready()));
            assert!(poll_proceed(&mut cx).is_pending());
        });
        assert!(has_budget_remaining());
    }
}
