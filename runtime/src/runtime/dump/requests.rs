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
//! - **D5** A task that is held up is not asked, and is crossed out when it comes to that: its thread lost
//!   its seat or gave it away within the poll, or the task is postponed. It may stay so for ever, and it
//!   may wait for the very dump. Both are written down under one lock, so either the dump sees that the
//!   task is held up, or who holds it up sees the request. A request stays during the poll that answers it,
//!   which may be held up, too.
//! - **D6** A [`Look`] writes to a request, and answers it, only while it is the last one that was begun
//!   for it: when a poll is over, the next one may begin on another thread before the first thread has
//!   got round to the answer.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use parking_lot::Mutex;
use runtime_base::{coop, trace};

use super::{Backtrace, Task, Trace, trace_with};
use crate::contained::contained;
use crate::runtime::Handle;
use crate::sync::Notify;
use crate::task::{Id, Runnable, TaskRef};

/// How many dumps go on in the process.
static DUMPS: AtomicUsize = AtomicUsize::new(0);

/// What is written down for the whole process.
static REQUESTS: Mutex<Option<Requests>> = Mutex::new(None);

#[derive(Default)]
struct Requests {
    /// Who waits for the trace of which task.
    asked: HashMap<Id, Request>,
    /// Tasks that nobody can poll for now (D5), and how often that was said.
    held_up: HashMap<Id, usize>,
    /// How many looks were begun.
    looks: u64,
}

/// A task that is asked for its trace.
struct Request {
    task: TaskRef,
    waiting: Vec<Arc<Collector>>,
    /// The look that is to answer it (D6).
    look: Option<Look>,
    /// What that look has shown so far.
    trace: Trace,
    /// Whether a stack is being recorded, which may take long enough to be taken for a stall.
    is_capturing: bool,
}

/// A poll that is looked on, by its number.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Look(u64);

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
                .asked
                .values_mut()
                .flat_map(|request| request.waiting.extract_if(.., own))
                .collect();
            let empty = requests
                .asked
                .extract_if(|_, request| request.waiting.is_empty());
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
        let mut held_up = Vec::new();
        {
            let mut requests = REQUESTS.lock();
            let requests = requests.get_or_insert_default();
            for task in &tasks {
                let id = task.header().id;
                if requests.held_up.contains_key(&id) {
                    held_up.push(id);
                    continue;
                }
                let request = requests.asked.entry(id);
                let request = request.or_insert_with(|| Request {
                    task: task.clone(),
                    waiting: Vec::new(),
                    look: None,
                    trace: Trace::default(),
                    is_capturing: false,
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
        for id in held_up {
            collector.answer(Some(Task::without_trace(id)));
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
    let request = requests
        .as_mut()
        .and_then(|requests| requests.asked.remove(&id));
    // D3.
    drop(requests);
    request.map_or_else(Vec::new, |request| request.waiting)
}

/// Answers every dump that waited. It wakes, and a waker that panics takes neither the others' answer away
/// nor the thread, which may be a worker between two polls.
fn answer_all(waiting: Vec<Arc<Collector>>, answer: impl Fn() -> Option<Task>) {
    for collector in waiting {
        contained(|| collector.answer(answer()));
    }
}

/// Those who wait for a task, and what there is to tell.
#[must_use = "tell them, but not under a lock (D3)"]
pub(crate) struct Untold {
    id: Id,
    request: Request,
}

impl Untold {
    fn of(id: Id, request: Request) -> Self {
        Self { id, request }
    }

    pub(crate) fn tell(self) {
        answer_all(self.request.waiting, || {
            Some(Task {
                id: self.id,
                trace: self.request.trace.clone(),
            })
        });
    }
}

/// Nobody can poll the task until [`task_came_back`] is called for it (D5). It is called once for each
/// call of this.
pub(crate) fn task_held_up(id: Id) -> Option<Untold> {
    let mut requests = REQUESTS.lock();
    let requests = requests.get_or_insert_default();
    *requests.held_up.entry(id).or_default() += 1;
    let request = requests.asked.get(&id)?;
    if request.is_capturing {
        // That is what takes so long, and the answer follows.
        return None;
    }
    let request = requests.asked.remove(&id)?;
    Some(Untold::of(id, request))
}

/// The task can be polled again, or has ended.
pub(crate) fn task_came_back(id: Id) {
    let mut requests = REQUESTS.lock();
    let Some(requests) = requests.as_mut() else {
        return;
    };
    if let Entry::Occupied(mut held_up) = requests.held_up.entry(id) {
        *held_up.get_mut() -= 1;
        if *held_up.get() == 0 {
            held_up.remove();
        }
    }
}

/// A task was polled. If it is asked for its trace, the poll was not looked on: D4.
#[cold]
pub(crate) fn task_polled(id: Id) {
    let task = {
        let requests = REQUESTS.lock();
        let request = requests
            .as_ref()
            .and_then(|requests| requests.asked.get(&id));
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
        answer_all(take(id), || None);
    }
}

/// Polls a task, which may be asked for its trace.
pub(crate) fn run(task: Runnable) {
    let id = task.header().id;
    let Some(look) = begin_look(id) else {
        return coop::with_budget(|| task.run());
    };
    let poll = || {
        // The end of the stack.
        trace::with_root(run_root as *const c_void, || run_root(task));
    };
    trace_with(poll, |meta| {
        begin_capture(id, look);
        let request = end_capture(id, look, Backtrace::here(meta));
        if let Some(request) = request {
            Untold::of(id, request).tell();
        }
        if is_held_up(id) {
            // An executor inside of the task polls until it gets on; with an onlooker it never would.
            coop::begin_anew();
        }
    });
    // Nothing was polled in a task that was ready, or is none of ours' making: it tells nothing.
    if let Some(request) = end_look(id, look) {
        Untold::of(id, request).tell();
    }
}

/// If the task is asked for its trace, the poll that follows is looked on.
fn begin_look(id: Id) -> Option<Look> {
    let mut guard = REQUESTS.lock();
    let requests = guard.as_mut()?;
    let request = requests.asked.get_mut(&id)?;
    requests.looks += 1;
    let look = Look(requests.looks);
    request.look = Some(look);
    // A look before this one belongs to a poll that is over.
    request.is_capturing = false;
    let outdated = std::mem::take(&mut request.trace);
    // D3.
    drop(guard);
    drop(outdated);
    Some(look)
}

/// The poll has come to a future that waits.
fn begin_capture(id: Id, look: Look) {
    let mut requests = REQUESTS.lock();
    let request = requests
        .as_mut()
        .and_then(|requests| requests.asked.get_mut(&id));
    if let Some(request) = request.filter(|request| request.look == Some(look)) {
        request.is_capturing = true;
    }
}

/// Writes the stack down. Gives the request if it must not wait for more, because the task is held up.
fn end_capture(id: Id, look: Look, stack: Backtrace) -> Option<Request> {
    let mut requests = REQUESTS.lock();
    let requests = requests.as_mut()?;
    let request = requests.asked.get_mut(&id);
    let request = request.filter(|request| request.look == Some(look))?;
    request.trace.stacks.push(stack);
    request.is_capturing = false;
    if !requests.held_up.contains_key(&id) {
        return None;
    }
    requests.asked.remove(&id)
}

fn is_held_up(id: Id) -> bool {
    let requests = REQUESTS.lock();
    let requests = requests.as_ref();
    requests.is_some_and(|requests| requests.held_up.contains_key(&id))
}

/// The poll is over. A request that was made during it, after another was withdrawn, is left: D4.
fn end_look(id: Id, look: Look) -> Option<Request> {
    let mut requests = REQUESTS.lock();
    let requests = requests.as_mut()?;
    let request = requests.asked.get(&id)?;
    if request.look != Some(look) {
        return None;
    }
    requests.asked.remove(&id)
}

#[inline(never)] // Its frame is where a stack ends.
fn run_root(task: Runnable) {
    task.run();
    // Otherwise the call above could take the place of this frame.
    std::hint::black_box(());
}

#[cfg(all(test, not(rt_loom)))]
mod tests {
    use std::future::pending;
    use std::pin::pin;
    use std::ptr;
    use std::task::{Context, Poll, Wake, Waker};

    use super::super::TraceMeta;
    use super::*;
    use crate::Builder;

    /// A stack is found.
    fn capture(id: Id, look: Look) {
        let meta = TraceMeta {
            root_addr: None,
            trace_leaf_addr: ptr::null(),
        };
        begin_capture(id, look);
        assert!(end_capture(id, look, Backtrace::here(&meta)).is_none());
    }

    #[test]
    fn the_last_look_answers() {
        let runtime = Builder::new_current_thread().build().unwrap();
        let id = runtime.spawn(pending::<()>()).id();
        let handle = runtime.handle();
        let mut dump = pin!(collect(handle));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(dump.as_mut().poll(&mut cx).is_pending());
        // Two threads: the first has ended its poll, and the second has begun the next.
        let first = begin_look(id).unwrap();
        capture(id, first);
        let second = begin_look(id).unwrap();
        assert!(end_look(id, first).is_none());
        capture(id, first);
        capture(id, second);
        assert!(dump.as_mut().poll(&mut cx).is_pending());
        Untold::of(id, end_look(id, second).unwrap()).tell();
        let Poll::Ready(tasks) = dump.poll(&mut cx) else {
            panic!("the only task has answered");
        };
        assert_eq!(tasks[0].trace.stacks.len(), 1);
    }

    #[test]
    fn a_waker_that_panics_leaves_other_dumps_their_answer() {
        struct Panics;
        impl Wake for Panics {
            fn wake(self: Arc<Self>) {
                panic!("on purpose");
            }
        }
        let runtime = Builder::new_current_thread().build().unwrap();
        let id = runtime.spawn(pending::<()>()).id();
        let handle = runtime.handle();
        let first = pin!(collect(handle));
        let mut second = pin!(collect(handle));
        let panics = Waker::from(Arc::new(Panics));
        assert!(first.poll(&mut Context::from_waker(&panics)).is_pending());
        let mut cx = Context::from_waker(Waker::noop());
        assert!(second.as_mut().poll(&mut cx).is_pending());
        let look = begin_look(id).unwrap();
        Untold::of(id, end_look(id, look).unwrap()).tell();
        assert!(second.poll(&mut cx).is_ready());
    }
}
