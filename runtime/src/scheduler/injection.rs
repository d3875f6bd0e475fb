//! The queue that all threads share: what is woken or spawned from outside of a worker comes in
//! here.
//!
//! After the end of the runtime nothing stays inside (N1 of [`queue`](crate::queue)): a task in the
//! queue would keep its runtime alive, which keeps the queue alive.

use crate::queue::{Closed, Queue};
use crate::task::Runnable;

/// Runnables from everywhere, first in, first out.
pub(crate) struct Injection {
    queue: Queue<Runnable>,
    closed: Closed,
}

impl Injection {
    pub(crate) fn new() -> Self {
        Self {
            queue: Queue::new(),
            closed: Closed::new(),
        }
    }

    /// Adds a runnable; after the end of the runtime it is cancelled instead.
    pub(crate) fn push(&self, task: Runnable) {
        self.queue.push(task);
        if self.closed.is_late() {
            self.drain();
        }
    }

    /// Takes the oldest runnable.
    pub(crate) fn pop(&self) -> Option<Runnable> {
        // The common case, an empty queue, costs two loads.
        if self.queue.is_empty() {
            None
        } else {
            self.queue.pop()
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Ends the queue and cancels what is inside.
    pub(crate) fn close(&self) {
        self.closed.close();
        self.drain();
    }

    fn drain(&self) {
        while let Some(task) = self.queue.pop() {
            task.shutdown();
        }
    }
}
