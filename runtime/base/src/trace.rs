//! Seeing where a future waits.
//!
//! # How it works
//!
//! [`trace_with`] polls a future and looks on. While it does, every leaf future, instead of doing its
//! work, calls the onlooker, has its task scheduled again, and is `Pending`: the stack from the
//! onlooker down to the poll then shows what the task waits for. Nothing is lost, since a poll for no
//! reason is always allowed.
//!
//! Leaf futures take part without knowing it. They ask for budget before they do anything, and in a
//! traced poll [`poll_proceed`](crate::coop::poll_proceed) calls `leaf`; a poll that is not traced
//! pays nothing for that. Those that wait without asking call [`poll_leaf`].

#![allow(unsafe_code)] // The onlooker lives on the stack of `trace_with` and is reached from below.

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::task::{Context, Poll};

use crate::{coop, defer};

type Onlooker = dyn FnMut(&Leaf);

thread_local! {
    /// The innermost onlooker, unless it is being called.
    static ONLOOKER: Cell<Option<NonNull<Onlooker>>> = const { Cell::new(None) };
    static ROOT: Cell<*const c_void> = const { Cell::new(ptr::null()) };
}

/// What an onlooker learns besides the stack.
#[derive(Debug, Clone, Copy)]
pub struct Leaf {
    /// The function at which a look down the stack may end, if somebody named one by [`with_root`].
    pub root: Option<*const c_void>,
    /// The function that calls the onlooker: a look down the stack begins below it.
    pub leaf: *const c_void,
}

/// Calls `f`, and `onlooker` whenever a leaf future is polled in it. Calls of leaf futures in
/// `onlooker` itself are as always.
pub fn trace_with<R>(f: impl FnOnce() -> R, mut onlooker: impl FnMut(&Leaf)) -> R {
    struct Restore(Option<NonNull<Onlooker>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            ONLOOKER.set(self.0);
        }
    }
    let onlooker: NonNull<dyn FnMut(&Leaf) + '_> = NonNull::from(&mut onlooker);
    // SAFETY: only the lifetime changes. `Restore` takes the pointer away before `onlooker` is dropped,
    // and `leaf` uses it only while it is in place, on this thread.
    let onlooker: NonNull<Onlooker> = unsafe { std::mem::transmute(onlooker) };
    let _restore = Restore(ONLOOKER.replace(Some(onlooker)));
    coop::traced(f)
}

/// Calls `f`; for traced polls in it the stack ends at the function with this address.
pub fn with_root<R>(root: *const c_void, f: impl FnOnce() -> R) -> R {
    struct Restore(*const c_void);
    impl Drop for Restore {
        fn drop(&mut self) {
            ROOT.set(self.0);
        }
    }
    let _restore = Restore(ROOT.replace(root));
    f()
}

/// For leaf futures that wait without asking for budget: `Pending` if the poll is traced.
#[inline]
pub fn poll_leaf(cx: &mut Context<'_>) -> Poll<()> {
    if coop::is_traced() {
        leaf(cx)
    } else {
        Poll::Ready(())
    }
}

/// Calls the onlooker and has the task scheduled again; ready if there is none.
#[inline(never)] // The onlooker looks for its frame.
pub(crate) fn leaf(cx: &mut Context<'_>) -> Poll<()> {
    struct PutBack(NonNull<Onlooker>);
    impl Drop for PutBack {
        fn drop(&mut self) {
            ONLOOKER.set(Some(self.0));
        }
    }
    let Some(onlooker) = ONLOOKER.take() else {
        return Poll::Ready(());
    };
    let mut onlooker = PutBack(onlooker);
    let root = ROOT.get();
    let this = Leaf {
        root: (!root.is_null()).then_some(root),
        leaf: leaf as *const c_void,
    };
    // SAFETY: it was in its place, so `trace_with` has not returned; and it was taken out, so that
    // nobody else uses it meanwhile.
    let call = unsafe { onlooker.0.as_mut() };
    call(&this);
    drop(onlooker);
    defer::defer(cx.waker());
    Poll::Pending
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;
    use crate::coop::{has_budget_remaining, poll_proceed, unconstrained, with_budget};

    fn proceeds() -> bool {
        poll_proceed(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn every_leaf_of_a_traced_poll_is_seen_and_does_nothing() {
        let mut seen = 0;
        with_budget(|| {
            let done = trace_with(
                || [proceeds(), proceeds(), has_budget_remaining()],
                |_| seen += 1,
            );
            assert_eq!(done, [false, false, true]);
            assert!(proceeds(), "it is over");
        });
        assert_eq!(seen, 2);
    }

    #[test]
    fn leaves_without_a_limit_are_seen_too() {
        let mut seen = 0;
        let mut future = std::pin::pin!(unconstrained(coop::consume_budget()));
        let mut cx = Context::from_waker(Waker::noop());
        let traced = trace_with(|| future.as_mut().poll(&mut cx), |_| seen += 1);
        assert!(traced.is_pending());
        assert_eq!(seen, 1);
        assert!(future.poll(&mut cx).is_ready());
    }

    #[test]
    fn the_onlooker_may_poll_and_trace() {
        let mut inner = 0;
        let mut outer = 0;
        trace_with(proceeds, |_| {
            outer += 1;
            assert!(proceeds());
            trace_with(proceeds, |_| inner += 1);
        });
        assert_eq!([outer, inner], [1, 1]);
    }

    #[test]
    fn an_onlooker_that_panics_is_gone_afterwards() {
        let panic = std::panic::catch_unwind(|| trace_with(proceeds, |_| panic!("on purpose")));
        assert!(panic.is_err());
        assert!(proceeds());
    }

    #[test]
    fn the_root_is_that_of_the_innermost_scope() {
        let root = ptr::without_provenance(8);
        let mut roots = Vec::new();
        trace_with(
            || {
                with_root(root, proceeds);
                proceeds()
            },
            |leaf| roots.push(leaf.root),
        );
        assert_eq!(roots, [Some(root), None]);
    }
}
