//! Asking tasks for their traces.
//!
//! # How it works
//!
//! A dump lists the tasks of its runtime, writes their ids down, and wakes them. Whoever polls such a
//! task looks on and leaves the trace with the dump. The ids are written down in one place for the
//! whole process: all runtimes together have a dump once in a while, and while there is none a poll
//! pays two looks at a word that nobody writes.
//!
//! # Invariants
//!
//! - **D1** Every id that is written down is crossed out: by the poll that the wake leads to, when the
//!   task completes, or, if it was complete before its id was written down, by the dump itself, which
//!   looks after writing. A task completes before it leaves its runtime's list, and looks for its id
//!   after that.
//! - **D2** A dump counts in [`DUMPS`] before it lists tasks. So a task that it found there sees the
//!   count when it leaves the list: both go through the list's lock.
//! - **D3** Nobody is woken, and no trace or task dropped, under the lock.
//! - **D4** A dump that begins between a poll's look for its id and the poll wakes a task that is queued
//!   already: no other poll follows. So there is a look after the poll, too, and who finds the id then
//!   wakes the task once more. The wake and the beginning of the poll exchange the same word, so the
//!   one that comes later sees what was written before the other.

use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use parking_lot::Mutex;
use runtime_base::{coop, trace};

use super::{Task, Trace};
use crate::runtime::Handle;
use crate::sync::Notify;
use crate::task::{Id, Runnable, TaskRef};

/// How many dumps go on in the process.
static DUMPS: AtomicUsize = AtomicUsize::new(0);

/// Who waits for the trace of which task.
static REQUESTS: Mutex<Option<HashMap<Id, Request>>> = Mutex::new(None);

/// A task that is asked for its trace.
struct Request {
    task: TaskRef,
    waiting: Vec<Arc<Collector>>,
}

/// What one dump waits for.
#[derive(Default)]
struct Collector {
    answers: Mutex<Answers>,
    /// Every task has answered.
    complete: Notify,
}

#[derive(Default)]
struct Answers {
    missing: usize,
    tasks: Vec<Task>,
}

impl Collector {
    fn answer(&self, task: Option<Task>) {
        let is_complete = {
            let mut answers = self.answers.lock();
            answers.tasks.extend(task);
            answers.missing -= 1;
            answers.missing == 0
        };
        if is_complete {
            self.complete.notify_one();
        }
    }
}

/// A dump in progress; withdraws what it still waits for.
struct Dumping {
    collector: Arc<Collector>,
}

impl Dumping {
    fn begin() -> Self {
        // D2; the lock of a list orders it.
        DUMPS.fetch_add(1, SeqCst);
        Self {
            collector: Arc::default(),
        }
    }
}

impl Drop for Dumping {
    fn drop(&mut self) {
        let withdrawn: (Vec<_>, Vec<_>) = {
            let mut requests = REQUESTS.lock();
            let requests = requests.get_or_insert_default();
            let own = |waiting: &mut Arc<Collector>| Arc::ptr_eq(waiting, &self.collector);
            let collectors = requests
                .values_mut()
                .flat_map(|request| request.waiting.extract_if(.., own))
                .collect();
            let empty = requests.extract_if(|_, request| request.waiting.is_empty());
            (collectors, empty.collect())
        };
        drop(withdrawn);
        DUMPS.fetch_sub(1, SeqCst);
    }
}

/// The traces of all tasks of a runtime.
pub(super) async fn collect(handle: &Handle) -> Vec<Task> {
    let dumping = Dumping::begin();
    let collector = &dumping.collector;
    {
        let tasks = handle.estate().owned.list();
        // One for this function, so that nobody says "complete" before all are asked.
        collector.answers.lock().missing = tasks.len() + 1;
        {
            let mut requests = REQUESTS.lock();
            let requests = requests.get_or_insert_default();
            for task in &tasks {
                let request = requests.entry(task.header().id);
                let request = request.or_insert_with(|| Request {
                    task: task.clone(),
                    waiting: Vec::new(),
                });
                request.waiting.push(collector.clone());
            }
        }
        for task in &tasks {
            if task.header().state.is_complete() {
                // D1; it may have been crossed out already.
                task_ended(task.header().id);
            } else {
                task.wake();
            }
        }
        collector.answer(None);
    }
    collector.complete.notified().await;
    std::mem::take(&mut collector.answers.lock().tasks)
}

/// Whether any task is asked for its trace.
#[inline]
pub(crate) fn are_there() -> bool {
    // Relaxed: the looks before and after a poll together miss nothing (D4).
    DUMPS.load(Relaxed) != 0
}

/// Crosses a task out, and says who waits for it.
fn take(id: Id) -> Vec<Arc<Collector>> {
    let mut requests = REQUESTS.lock();
    let request = requests.as_mut().and_then(|requests| requests.remove(&id));
    // D3.
    drop(requests);
    request.map_or_else(Vec::new, |request| request.waiting)
}

/// A task was polled. If it is asked for its trace, the poll was not looked on: D4.
#[cold]
pub(crate) fn task_polled(id: Id) {
    let task = {
        let requests = REQUESTS.lock();
        let request = requests.as_ref().and_then(|requests| requests.get(&id));
        request.map(|request| request.task.clone())
    };
    if let Some(task) = task {
        task.wake();
    }
}

/// A task is complete, and no longer in its runtime's list.
#[inline]
pub(crate) fn task_ended(id: Id) {
    if are_there() {
        for collector in take(id) {
            collector.answer(None);
        }
    }
}

/// Polls a task, which may be asked for its trace.
pub(crate) fn run(task: Runnable) {
    let id = task.header().id;
    let waiting = take(id);
    if waiting.is_empty() {
        return coop::with_budget(|| task.run());
    }
    let ((), trace) = Trace::capture(|| {
        // The end of the stack.
        trace::with_root(run_root as *const c_void, || run_root(task));
    });
    for collector in waiting {
        // Nothing was polled in a task that was ready, or is none of ours' making: it tells nothing.
        let trace = trace.clone();
        collector.answer(Some(Task { id, trace }));
    }
}

#[inline(never)] // Its frame is where a stack ends.
fn run_root(task: Runnable) {
    task.run();
    // Otherwise the call above could take the place of this frame.
    std::hint::black_box(());
}
