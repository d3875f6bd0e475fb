//! What the expansions of the macros name. Not for anybody else.

pub use std::future::{Future, IntoFuture, poll_fn};
pub use std::option::Option::Some;
pub use std::pin::Pin;
pub use std::result::Result::Ok;
pub use std::task::{Poll, ready};
pub use std::unreachable;

pub use runtime_base::random::below as thread_rng_n;
pub use runtime_macros::{join_expression, select_expression, try_join_expression};

pub use super::maybe_done::{maybe_done, maybe_done_or_failed};

use std::task::Context;

/// Ready while the task may go on. `select!` asks before it polls its branches: some of them do
/// not consume the budget themselves, and in a loop they would never let anybody else run.
#[inline]
pub fn poll_budget_available(cx: &mut Context<'_>) -> Poll<()> {
    if runtime_base::coop::has_budget_remaining() {
        Poll::Ready(())
    } else {
        // What this does without a budget is exactly what is needed: the task is scheduled again.
        runtime_base::coop::poll_proceed(cx).map(drop)
    }
}

/// Ends a `select!` that has nothing left to wait for.
#[cold]
#[track_caller]
pub fn no_branch_left() -> ! {
    panic!(
        "all branches are disabled and there is no else branch; add `else => …` to `select!` if \
         that may happen"
    )
}
