//! What makes a thread a worker: its queue, its slot and its watch.
//!
//! There is one seat per worker. Whoever has it is the worker (M1 in `scheduler/multi_thread.rs`);
//! where tasks go is told in `scheduler/worker.rs`.

use std::task::Waker;
use std::time::Duration;

use runtime_base::random;
use runtime_base::wake_batch::WakeBatch;

use super::counters::{BusySince, Counters};
use super::every::Every;
use super::multi_thread::MultiThread;
use super::ring::{self, Owner};
use super::worker;
use crate::runtime::Settings;
use crate::task::Runnable;

/// How many tasks from the `next` slot run one after the other at most; Tokio's figure.
const NEXT_IN_A_ROW: u32 = 3;

/// What makes a thread a worker.
pub(crate) struct Seat {
    /// The task that was woken last.
    pub(super) next: Option<Runnable>,
    pub(super) ring: Owner<Runnable>,
    /// When to look at the driver, whatever there is to do.
    pub(super) looks: Every,
    /// When the injection queue comes first.
    pub(super) injection_first: Every,
    /// Tasks that came from `next` one after the other.
    next_streak: u32,
    /// Whether this worker counts as searching in [`Idle`](super::idle::Idle).
    pub(super) searching: bool,
    /// Whether wakers of the driver are being woken: their tasks are not related to each other, so
    /// they queue up.
    pub(super) delivering: bool,
    /// Wakers of tasks that yielded, for after the next look at the driver.
    pub(super) deferred: Vec<Waker>,
    pub(super) busy: BusySince,
    /// Which worker this is.
    index: usize,
}

/// After how many polls to look at the injection queue, if the user has not said it: so many that
/// those who wait there do not wait much longer than the target, however long the polls are. The
/// figures are Tokio's.
pub(super) fn global_queue_interval(settings: &Settings, counters: &Counters) -> u32 {
    const TARGET: Duration = Duration::from_micros(200);
    const AT_FIRST: u32 = 61;
    if let Some(interval) = settings.global_queue_interval {
        return interval;
    }
    match TARGET
        .as_nanos()
        .checked_div(counters.mean_poll().as_nanos())
    {
        Some(polls) => polls.clamp(2, 127) as u32,
        None => AT_FIRST,
    }
}

impl Seat {
    pub(crate) fn new(
        ring: Owner<Runnable>,
        index: usize,
        counters: &Counters,
        settings: &Settings,
    ) -> Self {
        Self {
            next: None,
            ring,
            looks: Every::new(settings.event_interval),
            injection_first: Every::new(global_queue_interval(settings, counters)),
            next_streak: 0,
            searching: false,
            delivering: false,
            deferred: Vec::new(),
            busy: BusySince::now(counters),
            index,
        }
    }

    /// Cancels what is queued.
    pub(crate) fn cancel_tasks(mut self) {
        let mut batch = WakeBatch::new();
        self.deferred.drain(..).for_each(|waker| batch.push(waker));
        worker::wake_all(&mut batch);
        self.next.take().into_iter().for_each(Runnable::shutdown);
        while let Some(task) = self.ring.pop() {
            task.shutdown();
        }
    }

    /// Adds a task at the end of the ring, or of the injection queue.
    #[inline]
    pub(super) fn push_last(&mut self, scheduler: &MultiThread, task: Runnable) {
        let Err(task) = self.ring.push(task) else {
            return;
        };
        scheduler.remotes()[self.index].counters.overflows.add(1);
        // Full: the older half goes to everybody, and the new task behind it, to keep the order.
        for older in self.ring.take_half() {
            scheduler.estate().injection.push(older);
        }
        scheduler.estate().injection.push(task);
    }

    /// The next task of this worker's own, or one of the injection queue.
    #[inline]
    pub(super) fn next_task(&mut self, scheduler: &MultiThread) -> Option<Runnable> {
        if self.injection_first.is_due()
            && let Some(task) = scheduler.estate().injection.pop()
        {
            return Some(task);
        }
        if let Some(task) = self.next.take() {
            if self.next_streak < NEXT_IN_A_ROW {
                self.next_streak += 1;
                return Some(task);
            }
            self.push_last(scheduler, task);
        }
        self.next_streak = 0;
        self.ring.pop().or_else(|| self.take_injected(scheduler))
    }

    /// Takes this worker's share of the injection queue into the ring, and one task to run.
    fn take_injected(&mut self, scheduler: &MultiThread) -> Option<Runnable> {
        let first = scheduler.estate().injection.pop()?;
        let share = scheduler.estate().injection.len() / scheduler.worker_count();
        // Half of the ring at most: the others may want some of it back.
        for _ in 0..share.min(ring::CAPACITY / 2).min(self.ring.room()) {
            let Some(task) = scheduler.estate().injection.pop() else {
                break;
            };
            self.push_last(scheduler, task);
        }
        Some(first)
    }

    /// Robs the other workers, each once, beginning anywhere.
    pub(super) fn steal(&mut self, scheduler: &MultiThread, own_index: usize) -> Option<Runnable> {
        if !self.searching && !scheduler.idle().begin_search() {
            return None;
        }
        self.searching = true;
        let remotes = scheduler.remotes();
        let start = random::below(remotes.len() as u32) as usize;
        for offset in 0..remotes.len() {
            let index = (start + offset) % remotes.len();
            if index == own_index {
                continue;
            }
            if let Some(task) = remotes[index].stealer.steal_into(&mut self.ring) {
                let counters = &remotes[own_index].counters;
                counters.steal_operations.add(1);
                // Its own ring was empty, or it would not steal.
                counters.steals.add(1 + self.ring.len() as u64);
                return Some(task);
            }
        }
        self.take_injected(scheduler)
    }
}
