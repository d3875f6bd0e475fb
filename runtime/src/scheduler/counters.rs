//! What the scheduler counts.
//!
//! # How it works
//!
//! A worker's counters are written by that worker alone, with a plain load and a plain store, on a
//! cache line that nobody else writes. So a count costs about as much as one in a local variable, and
//! reading the [metrics](crate::runtime::RuntimeMetrics) costs only the reader. What other threads
//! count too is in [`Tallies`].
//!
//! # Invariant
//!
//! - **E1** Only the thread that has a worker's seat writes its counters; handing over the seat is
//!   through a lock. Two writers would lose counts, and do no other harm.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use runtime_base::coop;

use crate::runtime::Settings;
use crate::runtime::histogram::Histogram;

/// A number that one thread writes. All accesses are `Relaxed`: it orders nothing.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    #[inline]
    pub(crate) fn add(&self, count: u64) {
        self.set(self.get().wrapping_add(count));
    }

    #[inline]
    fn set(&self, value: u64) {
        self.0.store(value, Relaxed);
    }

    #[inline]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// What one worker counts. On cache lines of its own; 128 bytes because Intel's prefetcher fetches
/// pairs of lines.
#[repr(align(128))]
pub(crate) struct Counters {
    pub(crate) polls: Counter,
    pub(crate) local_schedules: Counter,
    pub(crate) overflows: Counter,
    pub(crate) steals: Counter,
    pub(crate) steal_operations: Counter,
    pub(crate) parks: Counter,
    pub(crate) unparks: Counter,
    /// Times the worker slept, woke up, and had nothing to do before it slept again.
    pub(crate) noops: Counter,
    busy_nanoseconds: Counter,
    mean_poll_nanoseconds: Counter,
    /// Tasks in the worker's own queue, if that is one that only its owner can see into.
    pub(crate) queued: Counter,
    thread: Mutex<Option<ThreadId>>,
    /// The same thread by its own number, so that what is known need not be written.
    thread_number: Counter,
    pub(crate) poll_times: Option<Histogram>,
    /// How long tasks waited in a queue.
    pub(crate) schedule_latencies: Option<Histogram>,
}

/// What any thread counts, and seldom.
#[derive(Default)]
pub(crate) struct Tallies {
    /// Tasks that were scheduled from outside of a worker.
    remote_schedules: AtomicU64,
    /// Polls that used up their budget.
    forced_yields: AtomicU64,
}

impl Tallies {
    pub(crate) fn scheduled_remotely(&self) {
        self.remote_schedules.fetch_add(1, Relaxed);
    }

    /// Adds what this thread has counted since the last time.
    #[inline]
    pub(crate) fn collect_forced_yields(&self) {
        let count = coop::take_forced_yields();
        if count > 0 {
            self.forced_yields.fetch_add(count, Relaxed);
        }
    }

    pub(crate) fn remote_schedules(&self) -> u64 {
        self.remote_schedules.load(Relaxed)
    }

    pub(crate) fn forced_yields(&self) -> u64 {
        self.forced_yields.load(Relaxed)
    }
}

impl Counters {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            polls: Counter::default(),
            local_schedules: Counter::default(),
            overflows: Counter::default(),
            steals: Counter::default(),
            steal_operations: Counter::default(),
            parks: Counter::default(),
            unparks: Counter::default(),
            noops: Counter::default(),
            busy_nanoseconds: Counter::default(),
            mean_poll_nanoseconds: Counter::default(),
            queued: Counter::default(),
            thread: Mutex::default(),
            thread_number: Counter::default(),
            poll_times: settings.poll_times.as_ref().map(Histogram::new),
            schedule_latencies: settings.schedule_latencies.as_ref().map(Histogram::new),
        }
    }

    /// This thread is the worker now.
    pub(crate) fn set_thread(&self) {
        let number = super::this_thread();
        if self.thread_number.get() != number {
            self.thread_number.set(number);
            *self.thread.lock() = Some(thread::current().id());
        }
    }

    pub(crate) fn thread(&self) -> Option<ThreadId> {
        *self.thread.lock()
    }

    pub(crate) fn set_queued(&self, count: usize) {
        self.queued.set(count as u64);
    }

    pub(crate) fn busy(&self) -> Duration {
        Duration::from_nanos(self.busy_nanoseconds.get())
    }

    pub(crate) fn mean_poll(&self) -> Duration {
        Duration::from_nanos(self.mean_poll_nanoseconds.get())
    }
}

/// How much of the mean is left after so many more polls. The last poll counts for a tenth, which is
/// Tokio's figure; after 127 there is a millionth left.
const KEPT: [f64; 128] = {
    let mut kept = [1.0; 128];
    let mut polls = 1;
    while polls < kept.len() {
        kept[polls] = kept[polls - 1] * 0.9;
        polls += 1;
    }
    kept
};

/// A worker's watch: how long it has been busy.
pub(crate) struct BusySince {
    begin: Instant,
    /// When it fell asleep last.
    fell_asleep: Instant,
    /// What [`Counters::polls`] was then.
    polls: u64,
    /// What it was when the worker last woke up.
    polls_at_wake: u64,
}

impl BusySince {
    /// The worker begins to work.
    pub(crate) fn now(counters: &Counters) -> Self {
        let polls = counters.polls.get();
        let now = Instant::now();
        Self {
            begin: now,
            fell_asleep: now,
            polls,
            polls_at_wake: polls,
        }
    }

    /// The worker that this thread is begins to work.
    pub(crate) fn here(counters: &Counters) -> Self {
        let since = Self::now(counters);
        runtime_timer::saw_time(Some(since.begin));
        since
    }

    /// Adds the time up to now.
    pub(crate) fn count(&mut self, counters: &Counters) {
        let now = Instant::now();
        runtime_timer::saw_time(Some(now));
        let elapsed = now.duration_since(self.begin).as_nanos() as u64;
        counters.busy_nanoseconds.add(elapsed);
        let polls = counters.polls.get();
        let count = polls.wrapping_sub(self.polls);
        if count > 0 {
            // As if each of the polls had taken the mean of them, one after the other.
            let sample = elapsed as f64 / count as f64;
            let old = counters.mean_poll_nanoseconds.get() as f64;
            let kept = KEPT[(count as usize).min(KEPT.len() - 1)];
            let mean = sample + (old - sample) * kept;
            counters.mean_poll_nanoseconds.set(mean as u64);
        }
        self.begin = now;
        self.polls = polls;
    }

    /// The worker goes to sleep.
    pub(crate) fn park(&mut self, counters: &Counters) {
        self.count(counters);
        if self.polls == self.polls_at_wake && counters.parks.get() > 0 {
            counters.noops.add(1);
        }
        counters.parks.add(1);
    }

    /// The worker ends. If it was woken for that, it was for no task.
    pub(crate) fn leave(&mut self, counters: &Counters) {
        self.count(counters);
        if self.polls == self.polls_at_wake && counters.parks.get() > 0 {
            counters.noops.add(1);
        }
        runtime_timer::saw_time(None);
    }

    /// The worker woke up.
    pub(crate) fn unpark(&mut self, counters: &Counters) {
        counters.unparks.add(1);
        let fell_asleep = self.begin;
        *self = Self {
            fell_asleep,
            ..Self::here(counters)
        };
    }

    /// How long the worker slept last, if it has not looked at the driver since.
    pub(crate) fn slept(&self) -> Duration {
        self.begin.duration_since(self.fell_asleep)
    }
}
