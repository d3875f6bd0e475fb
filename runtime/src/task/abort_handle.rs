//! Cancels a task without waiting for it.

use std::fmt;

use super::Id;
use super::cell::TaskRef;

/// Cancels one task. Made by [`JoinHandle::abort_handle`](super::JoinHandle::abort_handle).
///
/// Any number of them may exist; dropping one does nothing to the task.
#[derive(Clone)]
pub struct AbortHandle {
    task: TaskRef,
}

impl std::panic::UnwindSafe for AbortHandle {}
impl std::panic::RefUnwindSafe for AbortHandle {}

impl AbortHandle {
    pub(crate) fn new(task: TaskRef) -> Self {
        Self { task }
    }

    /// Cancels the task, as [`JoinHandle::abort`](super::JoinHandle::abort) does.
    pub fn abort(&self) {
        self.task.abort();
    }

    /// Whether the task is complete.
    pub fn is_finished(&self) -> bool {
        self.task.header().state.is_complete()
    }

    /// The task's [`Id`].
    pub fn id(&self) -> Id {
        self.task.header().id
    }
}

impl fmt::Debug for AbortHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AbortHandle")
            .field("id", &self.id())
            .finish()
    }
}
