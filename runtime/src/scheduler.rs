//! Who runs tasks, where, and when.
//!
//! - [`MultiThread`] (`scheduler/multi_thread.rs`): workers that take work from each other. What one
//!   worker does is `scheduler/worker.rs`, what it has `scheduler/seat.rs`, how its thread can lose
//!   that `scheduler/tenure.rs`; its queue is `scheduler/ring.rs`, what all share is
//!   `scheduler/injection.rs`, who sleeps and is woken is `scheduler/idle.rs`, and
//!   who waits for events while others work `scheduler/attendance.rs`.
//! - [`CurrentThread`] (`scheduler/current_thread.rs`): one thread, the one that blocks on a future.
//!
//! Both implement [`Schedule`](crate::task::Schedule), which is all that a task knows of them.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use runtime_base::parker::Parker;
use runtime_base::{coop, driving};

use crate::runtime::dump::requests;
use crate::runtime::{Handle, Settings, hooks};
use crate::task::Runnable;
use crate::watchdog::Post;

mod attendance;
pub(crate) mod counters;
mod current_thread;
mod estate;
mod every;
mod idle;
mod injection;
mod multi_thread;
mod ring;
mod seat;
mod tenure;
mod worker;

pub(crate) use counters::Counters;
pub(crate) use current_thread::{CurrentThread, Runs};
pub(crate) use estate::Estate;
pub(crate) use multi_thread::MultiThread;
pub(crate) use worker::{HandedOver, hand_over};

/// Which worker this thread is. Who runs a current-thread scheduler is its only one.
pub(crate) fn worker_index() -> Option<usize> {
    if current_thread::is_running_here() {
        Some(0)
    } else {
        worker::worker_index()
    }
}

/// A number that no other thread has or had. The standard library's costs an atomic count each time.
pub(crate) fn this_thread() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local! {
        static NUMBER: Cell<u64> = const { Cell::new(0) };
    }
    NUMBER.with(|number| {
        if number.get() == 0 {
            // Relaxed: the numbers must differ, nothing else.
            number.set(NEXT.fetch_add(1, Relaxed));
        }
        number.get()
    })
}

/// Polls a task, and tells those who watch.
#[inline]
fn run_task(settings: &Settings, counters: &Counters, post: &Post, task: Runnable) {
    counters.polls.add(1);
    let header = task.header();
    let id = header.id;
    let _in_poll = post.begin(id.number(), header.spawned_at);
    if settings.watches_polls || requests::are_there() {
        run_watched(settings, counters, task);
    } else {
        coop::with_budget(|| task.run());
    }
    if requests::are_there() {
        requests::task_polled(id);
    }
}

#[cold]
fn run_watched(settings: &Settings, counters: &Counters, task: Runnable) {
    let header = task.header();
    let (id, spawned_at) = (header.id, header.spawned_at);
    let latency = settings.latency_of(&task);
    if let (Some(latency), Some(latencies)) = (latency, &counters.schedule_latencies) {
        latencies.record(latency);
    }
    hooks::call_around_poll(&settings.task_hooks.before_poll, id, spawned_at, latency);
    match &counters.poll_times {
        Some(poll_times) => {
            let begin = Instant::now();
            requests::run(task);
            poll_times.record(begin.elapsed());
        }
        None => requests::run(task),
    }
    hooks::call_around_poll(&settings.task_hooks.after_poll, id, spawned_at, latency);
}

/// Polls `future` on this thread until it is ready, and sleeps in between. The caller has entered
/// the runtime.
pub(crate) fn block_on_this_thread<F: Future>(handle: &Handle, future: F) -> F::Output {
    let mut future = pin!(future);
    let mut sleeper = Sleeper::of_this_thread();
    let mut cx = Context::from_waker(&sleeper.waker);
    let mut entered = None;
    let output = loop {
        let polled = coop::with_budget(|| future.as_mut().poll(&mut cx));
        handle.collect_forced_yields();
        if let Poll::Ready(output) = polled {
            break output;
        }
        // From now on it is worth the count of two references to find the driver at once.
        entered.get_or_insert_with(|| handle.driver().enter());
        sleeper.parker.park();
    };
    sleeper.keep();
    output
}

/// What a thread that blocks on futures sleeps in. Kept for the next future: a waker of the last one
/// that is still used may end a sleep for nothing.
struct Sleeper {
    parker: Parker,
    waker: Waker,
}

thread_local! {
    static SLEEPER: Cell<Option<Sleeper>> = const { Cell::new(None) };
}

impl Sleeper {
    fn of_this_thread() -> Self {
        let kept = SLEEPER.try_with(Cell::take).ok().flatten();
        kept.unwrap_or_else(|| {
            let parker = Parker::new();
            let waker = parker.waker();
            Self { parker, waker }
        })
    }

    fn keep(self) {
        let _ = SLEEPER.try_with(|sleeper| sleeper.set(Some(self)));
    }
}

/// Whether another thread could do what this one has to do.
pub(crate) fn is_replaceable() -> bool {
    !current_thread::is_running_here() && !crate::task::is_in_local_set()
}

/// Runs `work`, which may block, after what else this thread has to do was handed over.
#[track_caller]
pub(crate) fn block_in_place<R>(work: impl FnOnce() -> R) -> R {
    if !driving::is_driving() {
        // Nobody depends on this thread.
        return work();
    }
    assert!(
        !current_thread::is_running_here(),
        "can call blocking only when running on the multi-threaded runtime; use `spawn_blocking`"
    );
    assert!(
        !crate::task::is_in_local_set(),
        "can call blocking only when running on the multi-threaded runtime, and not inside of \
         a `LocalSet`; use `spawn_blocking`"
    );
    let handed_over = worker::hand_over();
    // What follows does not give way, so its budget must not end either.
    let output = coop::with_unlimited(|| {
        let _free = driving::exit();
        work()
    });
    drop(handed_over);
    output
}
