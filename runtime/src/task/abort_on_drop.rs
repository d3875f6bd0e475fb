//! A task that does not outlive its handle.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{AbortHandle, Id, JoinError, JoinHandle};

/// Owns a spawned task, and aborts it when dropped, where a [`JoinHandle`] lets it go on.
///
/// # Cancel safety
///
/// Awaiting `&mut handle` and dropping that future loses nothing, and aborts nothing.
///
/// ```
/// use runtime::task::AbortOnDropHandle;
///
/// # #[runtime::main(flavor = "current_thread")]
/// # async fn main() {
/// let task = AbortOnDropHandle::new(runtime::spawn(std::future::pending::<()>()));
/// let observer = task.abort_handle();
/// drop(task);
/// while !observer.is_finished() {
///     runtime::task::yield_now().await;
/// }
/// # }
/// ```
#[derive(Debug)]
#[must_use = "dropping the handle aborts its task"]
pub struct AbortOnDropHandle<T> {
    /// `None` once the task was detached.
    task: Option<JoinHandle<T>>,
}

impl<T> AbortOnDropHandle<T> {
    /// Binds the task to the handle that is returned.
    pub fn new(task: JoinHandle<T>) -> Self {
        Self { task: Some(task) }
    }

    /// Cancels the task; see [`JoinHandle::abort`].
    pub fn abort(&self) {
        self.task().abort();
    }

    /// Whether the task is complete.
    pub fn is_finished(&self) -> bool {
        self.task().is_finished()
    }

    /// A handle that can cancel the task, and does not when it is dropped.
    pub fn abort_handle(&self) -> AbortHandle {
        self.task().abort_handle()
    }

    /// The task's [`Id`].
    pub fn id(&self) -> Id {
        self.task().id()
    }

    /// Gives the plain handle back: from now on the task goes on when that is dropped.
    pub fn detach(mut self) -> JoinHandle<T> {
        match self.task.take() {
            Some(task) => task,
            None => unreachable!("only `detach` takes the task, and it consumes the handle"),
        }
    }

    fn task(&self) -> &JoinHandle<T> {
        match &self.task {
            Some(task) => task,
            None => unreachable!("only `detach` takes the task, and it consumes the handle"),
        }
    }
}

impl<T> AsRef<JoinHandle<T>> for AbortOnDropHandle<T> {
    fn as_ref(&self) -> &JoinHandle<T> {
        self.task()
    }
}

impl<T> From<JoinHandle<T>> for AbortOnDropHandle<T> {
    fn from(task: JoinHandle<T>) -> Self {
        Self::new(task)
    }
}

impl<T> Future for AbortOnDropHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.task {
            Some(task) => Pin::new(task).poll(cx),
            None => unreachable!("only `detach` takes the task, and it consumes the handle"),
        }
    }
}

impl<T> Drop for AbortOnDropHandle<T> {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}
