//! The queue that all threads share: what is woken or spawned from outside of a worker comes in
//! here.
//!
//! # Invariants
//!
//! - **N1** After [`close`](Injection::close) and the drain that follows it, nothing stays inside: a
//!   producer that pushes later sees the mark and drains. Otherwise a task in the queue would keep
//!   its runtime alive, which keeps the queue alive.

use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, fence};

use crossbeam_queue::SegQueue;

use crate::task::Runnable;

/// Runnables from everywhere, first in, first out.
pub(crate) struct Injection {
    queue: SegQueue<Runnable>,
    closed: AtomicBool,
}

impl Injection {
    pub(crate) fn new() -> Self {
        Self {
            queue: SegQueue::new(),
            closed: AtomicBool::new(false),
        }
    }

    /// Adds a runnable; after the end of the runtime it is cancelled instead.
    pub(crate) fn push(&self, task: Runnable) {
        self.queue.push(task);
        // Partner: the fence in `close`. One of the two drains sees the runnable (N1).
        fence(SeqCst);
        // Relaxed: ordered by the fence.
        if self.closed.load(Relaxed) {
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
        // Relaxed: ordered by the fence.
        self.closed.store(true, Relaxed);
        // Partner: the fence in `push`.
        fence(SeqCst);
        self.drain();
    }

    fn drain(&self) {
        while let Some(task) = self.queue.pop() {
            task.shutdown();
        }
    }
}
