//! Tasks: spawn them, wait for them, cancel them, and give way to them.
//!
//! # A task's way
//!
//! [`spawn`] makes one allocation (`task/cell.rs`) and puts it into a queue of the current scheduler
//! (`scheduler.rs`). A worker takes it out and polls it; what follows is decided by the state word
//! (`task/state.rs`). When the future is ready, [`JoinHandle`] is woken and takes the output.
//!
//! A panic of a task becomes its [`JoinError`]; nobody else notices.

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pub use runtime_base::coop::{consume_budget, unconstrained};

mod abort_handle;
mod abort_on_drop;
mod builder;
pub(crate) mod cell;
mod id;
mod join_error;
mod join_handle;
pub mod join_set;
mod local_set;
#[cfg(test)]
mod models;
mod names;
pub(crate) mod owned;
mod scope;
pub(crate) mod state;
mod task_local;
mod task_tracker;

/// The cooperative budget: how a task that is never `Pending` still gives way to others.
pub mod coop {
    pub use runtime_base::coop::{
        Coop, RestoreOnPending, Unconstrained, consume_budget, cooperative, has_budget_remaining,
        poll_proceed, unconstrained,
    };
}

/// The futures of this module that have a name.
pub mod futures {
    pub use super::task_local::TaskLocalFuture;
}

pub use abort_handle::AbortHandle;
pub use abort_on_drop::AbortOnDropHandle;
pub use builder::Builder;
#[cfg(feature = "taskdump")]
pub(crate) use cell::FILE as CELL_FILE;
pub(crate) use cell::{Runnable, Schedule, TaskRef, is_cancelled};
pub use id::{Id, id, try_id};
pub use join_error::JoinError;
pub use join_handle::JoinHandle;
pub use join_set::JoinSet;
pub(crate) use local_set::is_in_local_set;
pub use local_set::{LocalEnterGuard, LocalSet, spawn_local};
pub(crate) use names::name_of;
pub use scope::{Scope, scope};
pub use task_local::{AccessError, LocalKey};
pub use task_tracker::{TaskTracker, TaskTrackerToken, TaskTrackerWaitFuture, TrackedFuture};

use crate::runtime::Handle;
use crate::runtime::handle::expect_thread;

/// Futures above this size, in bytes, are boxed before they are spawned, so that they are not moved
/// through several stack frames. The same figures as Tokio's.
pub(crate) const BOX_ABOVE: usize = if cfg!(debug_assertions) {
    2_048
} else {
    16_384
};

/// Runs `future` as a task of the current runtime, at the same time as the caller.
///
/// The task starts at once, even if the [`JoinHandle`] is not awaited, and goes on if it is dropped.
/// When the runtime shuts down the future is dropped at its next await.
///
/// # Panics
///
/// Outside of a runtime.
///
/// ```
/// # #[runtime::main(flavor = "current_thread")]
/// # async fn main() {
/// let task = runtime::spawn(async { "from a task" });
/// assert_eq!(task.await.unwrap(), "from a task");
/// # }
/// ```
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    // Outside of the closure, which is called from elsewhere.
    let spawned_at = Location::caller();
    Handle::with_current(|handle| handle.spawn_as(future, Id::next(), spawned_at))
}

/// Runs `work` on a thread where blocking is fine, and gives its result.
///
/// The pool starts threads as they are needed, up to
/// [`max_blocking_threads`](crate::runtime::Builder::max_blocking_threads), and then queues. Work
/// that has begun cannot be cancelled; shutting the runtime down waits for it, or leaves it behind
/// with [`shutdown_timeout`](crate::runtime::Runtime::shutdown_timeout).
///
/// # Panics
///
/// Outside of a runtime, and when the system gives no thread and the pool has none.
///
/// ```
/// # #[runtime::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let text = runtime::task::spawn_blocking(|| std::fs::read_to_string("Cargo.toml")).await??;
/// assert!(text.contains("[package]"));
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn spawn_blocking<F, R>(work: F) -> JoinHandle<R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    // Outside of the closure, which is called from elsewhere.
    let spawned_at = Location::caller();
    let spawn = |handle: &Handle| handle.spawn_blocking_as(work, Id::next(), spawned_at);
    expect_thread(Handle::with_current(spawn))
}

/// Runs `work` on this thread, which may block, after its other tasks were given to another thread.
///
/// Only what runs *inside* the same task waits. Outside of a runtime `work` is simply called.
///
/// # Panics
///
/// On a current-thread runtime, which has no other thread: use [`spawn_blocking`] there.
///
/// ```
/// # #[runtime::main]
/// # async fn main() {
/// runtime::spawn(async {
///     let sum: u64 = runtime::task::block_in_place(|| (1..1_000).sum());
///     assert_eq!(sum, 499_500);
/// })
/// .await
/// .unwrap();
/// # }
/// ```
#[track_caller]
pub fn block_in_place<F, R>(work: F) -> R
where
    F: FnOnce() -> R,
{
    crate::scheduler::block_in_place(work)
}

/// Lets the other tasks of this thread, and its sockets and timers, have their turn.
///
/// The task comes back after the scheduler looked at its events. Nothing is promised about the order
/// in which others run.
///
/// # Cancel safety
///
/// Nothing is lost when the future is dropped.
pub async fn yield_now() {
    struct YieldNow {
        yielded: bool,
    }

    impl Future for YieldNow {
        type Output = ();

        fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
            ready!(runtime_base::trace::poll_leaf(cx));
            if self.yielded {
                return Poll::Ready(());
            }
            self.yielded = true;
            runtime_base::defer::defer(cx.waker());
            Poll::Pending
        }
    }

    YieldNow { yielded: false }.await;
}

/// Calls `spawn` with the future, in a box if it is large.
#[inline]
pub(crate) fn boxed_if_large<F, S: SpawnFuture>(future: F, spawn: S) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    if size_of::<F>() > BOX_ABOVE {
        spawn.spawn(Box::pin(future))
    } else {
        spawn.spawn(future)
    }
}

/// What spawns one future, of whatever type.
pub(crate) trait SpawnFuture {
    fn spawn<F>(self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static;
}
