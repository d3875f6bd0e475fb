//! The owner's side of a task.

#![allow(unsafe_code)] // Names the output type of an erased task; J1.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use runtime_base::coop;

use super::cell::TaskRef;
use super::{AbortHandle, Id, JoinError};

/// Owns a spawned task: awaiting it gives the task's output.
///
/// Dropping the handle *detaches* the task, which goes on running; [`abort`](Self::abort) cancels
/// it.
///
/// # Errors
///
/// Awaiting it gives a [`JoinError`] if the task panicked, or was cancelled: by `abort`, or because its
/// runtime was shut down.
///
/// # Panics
///
/// When it is polled again after it was ready.
///
/// # Cancel safety
///
/// Awaiting `&mut handle` and dropping that future loses nothing: the output stays in the task until
/// the handle takes it.
///
/// ```
/// # #[runtime::main(flavor = "current_thread")]
/// # async fn main() {
/// let task = runtime::spawn(async { 6 * 7 });
/// assert_eq!(task.await.unwrap(), 42);
/// # }
/// ```
pub struct JoinHandle<T> {
    // Invariant J1: the task's output is a `T`, and no other join handle of it exists.
    task: ManuallyDrop<TaskRef>,
    _output: PhantomData<T>,
}

// SAFETY: the handle moves a `T` out of the task, on whatever thread it is.
unsafe impl<T: Send> Send for JoinHandle<T> {}
// SAFETY: a shared handle gives no access to the output.
unsafe impl<T: Send> Sync for JoinHandle<T> {}

impl<T> UnwindSafe for JoinHandle<T> {}
impl<T> RefUnwindSafe for JoinHandle<T> {}
impl<T> Unpin for JoinHandle<T> {}

impl<T> JoinHandle<T> {
    /// The handle of a new task. The caller passes the join handle's reference of a task whose
    /// output is a `T`; both come out of one call in `owned.rs` and `blocking_pool.rs`.
    pub(crate) fn new(task: TaskRef) -> Self {
        Self {
            task: ManuallyDrop::new(task),
            _output: PhantomData,
        }
    }

    /// Cancels the task: its future is dropped, by the runtime, at the next place where it awaits.
    ///
    /// Awaiting the handle afterwards gives a cancelled [`JoinError`], unless the task was complete
    /// or completes first. Work given to [`spawn_blocking`](super::spawn_blocking) cannot be
    /// cancelled once it runs.
    pub fn abort(&self) {
        self.task.abort();
    }

    /// Whether the task is complete. It may be so only some time after
    /// [`abort`](Self::abort) returned.
    pub fn is_finished(&self) -> bool {
        self.task.header().state.is_complete()
    }

    /// Sees to it that `waker` is woken when the task is complete; at once if it is.
    pub(crate) fn notify_on_completion(&self, waker: &Waker) {
        // SAFETY: this is the join handle, and it is not polled at the same time: the only caller
        // has it alone.
        if unsafe { self.task.watch(waker) } {
            waker.wake_by_ref();
        }
    }

    /// A handle that can cancel the task and does not wait for it.
    pub fn abort_handle(&self) -> AbortHandle {
        AbortHandle::new(TaskRef::clone(&self.task))
    }

    /// The task's [`Id`].
    pub fn id(&self) -> Id {
        self.task.header().id
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let coop = ready!(coop::poll_proceed(cx));
        // SAFETY: J1. A second poll after `Ready` panics inside, on the stage.
        let output = ready!(unsafe { self.task.poll_join::<T>(cx.waker()) });
        coop.made_progress();
        Poll::Ready(output)
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        // SAFETY: this is the join handle, and it does nothing afterwards; the reference is given
        // up inside.
        unsafe { self.task.drop_join() };
    }
}

impl<T: fmt::Debug> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("id", &self.id())
            .finish()
    }
}
