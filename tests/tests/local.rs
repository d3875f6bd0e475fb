//! Tasks that stay on one thread: `LocalSet`, `LocalRuntime`, `spawn_local`, and task-locals.

#[path = "local/local_runtime.rs"]
mod local_runtime;
#[path = "local/local_set.rs"]
mod local_set;
#[path = "local/spawned.rs"]
mod spawned;
#[path = "local/task_locals.rs"]
mod task_locals;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::thread::{self, ThreadId};

/// A future's companion that must stay on its thread.
struct Pinned {
    thread: ThreadId,
    dropped: Arc<AtomicUsize>,
}

impl Pinned {
    fn new(dropped: &Arc<AtomicUsize>) -> Self {
        Self {
            thread: thread::current().id(),
            dropped: dropped.clone(),
        }
    }

    fn check(&self) {
        assert_eq!(thread::current().id(), self.thread);
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // An assertion would be caught by the task.
        let own = thread::current().id() == self.thread;
        self.dropped.fetch_add(if own { 1 } else { 1_000 }, SeqCst);
    }
}
