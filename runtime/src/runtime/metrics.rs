//! What a runtime counts.
//!
//! Who counts what, and at which price, is in `scheduler/counters.rs`.

use std::ops::Range;
use std::thread::ThreadId;
use std::time::Duration;

use runtime_net::Counts;

use super::Handle;
use super::handle::Flavor;
use crate::scheduler::Counters;
use crate::scheduler::Estate;
use crate::watchdog::Watched;

/// Counters of a runtime, read at the moment of the call. Made by [`Handle::metrics`].
///
/// Reading them disturbs nobody. Each is exact once the runtime is at rest; while it runs, two of them
/// need not be of the same moment.
///
/// Workers are numbered from 0 to [`num_workers`](Self::num_workers); a current-thread runtime has
/// one, the thread in `block_on`. Methods that take a number panic when there is no such worker.
///
/// ```
/// # #[runtime::main(flavor = "current_thread")]
/// # async fn main() {
/// let metrics = runtime::Handle::current().metrics();
/// let before = metrics.spawned_tasks_count();
/// runtime::spawn(async {}).await.unwrap();
/// assert_eq!(metrics.spawned_tasks_count() - before, 1);
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct RuntimeMetrics {
    handle: Handle,
}

impl RuntimeMetrics {
    pub(crate) fn new(handle: Handle) -> Self {
        Self { handle }
    }

    /// How many workers there are; 1 for a current-thread runtime.
    pub fn num_workers(&self) -> usize {
        match &self.handle.flavor {
            Flavor::CurrentThread(_) => 1,
            Flavor::MultiThread(scheduler) => scheduler.worker_count(),
        }
    }

    /// How many tasks were spawned and are not complete. Blocking work is not counted.
    pub fn num_alive_tasks(&self) -> usize {
        self.estate().owned.len()
    }

    /// How many polls have taken longer than
    /// [`Builder::stall_report_after`](super::Builder::stall_report_after).
    pub fn stalls_count(&self) -> u64 {
        self.estate().watchdog.tally().stalls()
    }

    /// How often another thread took over from a task that held up its worker.
    pub fn stall_rescues_count(&self) -> u64 {
        self.estate().watchdog.tally().rescues()
    }

    /// How long the longest stall has lasted, give or take a few milliseconds; one that still lasts
    /// is included.
    pub fn longest_stall(&self) -> Duration {
        self.estate().watchdog.tally().longest()
    }

    /// How many threads work in the place of stalled ones.
    pub fn num_stand_ins(&self) -> usize {
        match &self.handle.flavor {
            Flavor::CurrentThread(_) => 0,
            Flavor::MultiThread(scheduler) => scheduler.stand_ins(),
        }
    }

    /// The former name of [`num_alive_tasks`](Self::num_alive_tasks).
    #[deprecated = "Renamed to num_alive_tasks"]
    pub fn active_tasks_count(&self) -> usize {
        self.num_alive_tasks()
    }

    /// How many tasks wait in the queue that all threads share.
    pub fn global_queue_depth(&self) -> usize {
        self.estate().injection.len()
    }

    /// The former name of [`global_queue_depth`](Self::global_queue_depth).
    #[doc(hidden)]
    #[deprecated = "Renamed to global_queue_depth"]
    pub fn injection_queue_depth(&self) -> usize {
        self.global_queue_depth()
    }

    /// How long a worker has been awake, in total. The time of a worker that is busy is added when it
    /// looks at its sockets and timers. On a current-thread runtime the first poll of the future in
    /// `block_on` does not count.
    ///
    /// # Panics
    ///
    /// When there is no such worker.
    #[track_caller]
    pub fn worker_total_busy_duration(&self, worker: usize) -> Duration {
        self.worker(worker).busy()
    }

    /// How often a worker went to sleep because it had nothing to do.
    ///
    /// # Panics
    ///
    /// When there is no such worker.
    #[track_caller]
    pub fn worker_park_count(&self, worker: usize) -> u64 {
        self.worker(worker).parks.get()
    }

    /// How often a worker went to sleep or woke up: an odd number means that it sleeps.
    ///
    /// # Panics
    ///
    /// When there is no such worker.
    #[track_caller]
    pub fn worker_park_unpark_count(&self, worker: usize) -> u64 {
        // In this order: the other way round a worker at rest could seem to be awake for ever.
        let unparks = self.worker(worker).unparks.get();
        self.worker(worker).parks.get() + unparks
    }

    /// How often a worker woke up and had nothing to do before it slept again.
    ///
    /// # Panics
    ///
    /// When there is no such worker.
    #[track_caller]
    pub fn worker_noop_count(&self, worker: usize) -> u64 {
        self.worker(worker).noops.get()
    }

    /// How many tasks a worker took from others.
    ///
    /// # Panics
    ///
    /// When there is no such worker.
    #[track_caller]
    pub fn worker_steal_count(&self, worker: usize) -> u64 {
        self.worker(worker).steals.get()
    }

    /// How often a worker took tasks from another, some at a time.
    ///
    /// # Panics
    ///
    /// When there is no such worker.
    #[track_caller]
    pub fn worker_steal_operations(&self, worker: usize) -> u64 {
        self.worker(worker).steal_operations.get()
    }

    /// How many polls of tasks a worker has begun.
    ///
    /// # Panics
    ///
    /// When there is no such worker.
    #[track_caller]
    pub fn worker_poll_count(&self, worker: usize) -> u64 {
        self.worker(worker).polls.get()
    }

    /// How long a poll takes on a worker: a mean in which the latest count most, with what lies
    /// between the polls.
    ///
    /// # Panics
    ///
    /// When there is no such worker.
    #[track_caller]
    pub fn worker_mean_poll_time(&self, worker: usize) -> Duration {
        self.worker(worker).mean_poll()
    }

    /// How many tasks were woken or spawned on a worker and went to its own queue.
    ///
    /// # Panics
    ///
    /// When there is no such worker.
    #[track_caller]
    pub fn worker_local_schedule_count(&self, worker: usize) -> u64 {
        self.worker(worker).local_schedules.get()
    }

    /// How often a worker's queue was full, and half of it went to the queue that all threads share.
    ///
    /// # Panics
    ///
    /// When there is no such worker.
    #[track_caller]
    pub fn worker_overflow_count(&self, worker: usize) -> u64 {
        self.worker(worker).overflows.get()
    }

    /// How many tasks wait in a worker's own queue. Not among them is the task that was woken last on a
    /// worker of the multi-thread flavour, which runs next.
    ///
    /// # Panics
    ///
    /// When there is no such worker.
    #[track_caller]
    pub fn worker_local_queue_depth(&self, worker: usize) -> usize {
        match &self.handle.flavor {
            Flavor::CurrentThread(_) => self.worker(worker).queued.get() as usize,
            Flavor::MultiThread(scheduler) => {
                self.worker(worker);
                scheduler.remotes()[worker].stealer.len()
            }
        }
    }

    /// The thread that runs a worker, or ran it last; `None` if none did yet.
    ///
    /// # Panics
    ///
    /// When there is no such worker.
    #[track_caller]
    pub fn worker_thread_id(&self, worker: usize) -> Option<ThreadId> {
        self.worker(worker).thread()
    }

    /// How many tasks were spawned. Blocking work is not counted.
    pub fn spawned_tasks_count(&self) -> u64 {
        self.estate().owned.spawned()
    }

    /// How many tasks were woken or spawned by threads that are no workers of this runtime.
    pub fn remote_schedule_count(&self) -> u64 {
        self.estate().tallies.remote_schedules()
    }

    /// How often a task used up its [budget](crate::task::coop) in one poll, and had to give way.
    pub fn budget_forced_yield_count(&self) -> u64 {
        self.estate().tallies.forced_yields()
    }

    /// How many threads there are for blocking work. Workers are not counted.
    pub fn num_blocking_threads(&self) -> usize {
        self.handle.blocking_pool().thread_count()
    }

    /// How many threads for blocking work have none.
    pub fn num_idle_blocking_threads(&self) -> usize {
        self.handle.blocking_pool().idle_count()
    }

    /// How much blocking work waits for a thread.
    pub fn blocking_queue_depth(&self) -> usize {
        self.handle.blocking_pool().queue_depth()
    }

    /// How many sockets and the like were registered with the system for events. A socket registers
    /// when it has to wait for the first time.
    pub fn io_driver_fd_registered_count(&self) -> u64 {
        self.io_sum(|counts| counts.registered)
    }

    /// How many sockets and the like are no longer registered with the system for events.
    pub fn io_driver_fd_deregistered_count(&self) -> u64 {
        self.io_sum(|counts| counts.deregistered)
    }

    /// How many events the system reported.
    pub fn io_driver_ready_count(&self) -> u64 {
        self.io_sum(|counts| counts.events)
    }

    /// Whether the times of polls are measured; see
    /// [`Builder::enable_metrics_poll_time_histogram`](super::Builder::enable_metrics_poll_time_histogram).
    pub fn poll_time_histogram_enabled(&self) -> bool {
        self.handle.settings().poll_times.is_some()
    }

    /// How many buckets the times of polls are sorted into; 0 if they are not measured.
    pub fn poll_time_histogram_num_buckets(&self) -> usize {
        let scale = &self.handle.settings().poll_times;
        scale.as_ref().map_or(0, |scale| scale.count())
    }

    /// The times of one bucket, without the end; empty if they are not measured. The last bucket is
    /// open.
    pub fn poll_time_histogram_bucket_range(&self, bucket: usize) -> Range<Duration> {
        match &self.handle.settings().poll_times {
            Some(scale) => scale.range(bucket),
            None => Duration::ZERO..Duration::ZERO,
        }
    }

    /// How many polls of a worker were in one bucket; 0 if they are not measured.
    ///
    /// # Panics
    ///
    /// When there is no such worker, or no such bucket.
    #[track_caller]
    pub fn poll_time_histogram_bucket_count(&self, worker: usize, bucket: usize) -> u64 {
        let Some(histogram) = &self.worker(worker).poll_times else {
            return 0;
        };
        let count = self.poll_time_histogram_num_buckets();
        assert!(
            bucket < count,
            "there are {count} buckets and no number {bucket}; see \
             `poll_time_histogram_num_buckets`"
        );
        histogram.get(bucket)
    }

    /// The former name of [`poll_time_histogram_enabled`](Self::poll_time_histogram_enabled).
    #[doc(hidden)]
    #[deprecated = "Renamed to poll_time_histogram_enabled"]
    pub fn poll_count_histogram_enabled(&self) -> bool {
        self.poll_time_histogram_enabled()
    }

    /// The former name of [`poll_time_histogram_num_buckets`](Self::poll_time_histogram_num_buckets).
    #[doc(hidden)]
    #[deprecated = "Renamed to poll_time_histogram_num_buckets"]
    pub fn poll_count_histogram_num_buckets(&self) -> usize {
        self.poll_time_histogram_num_buckets()
    }

    /// The former name of [`poll_time_histogram_bucket_range`](Self::poll_time_histogram_bucket_range).
    #[doc(hidden)]
    #[deprecated = "Renamed to poll_time_histogram_bucket_range"]
    pub fn poll_count_histogram_bucket_range(&self, bucket: usize) -> Range<Duration> {
        self.poll_time_histogram_bucket_range(bucket)
    }

    /// The former name of [`poll_time_histogram_bucket_count`](Self::poll_time_histogram_bucket_count).
    #[doc(hidden)]
    #[deprecated = "Renamed to poll_time_histogram_bucket_count"]
    #[track_caller]
    pub fn poll_count_histogram_bucket_count(&self, worker: usize, bucket: usize) -> u64 {
        self.poll_time_histogram_bucket_count(worker, bucket)
    }

    /// Whether the time is measured that tasks wait for their polls; see
    /// [`Builder::enable_metrics_schedule_latency_histogram`](super::Builder::enable_metrics_schedule_latency_histogram).
    pub fn schedule_latency_histogram_enabled(&self) -> bool {
        self.handle.settings().schedule_latencies.is_some()
    }

    /// How many buckets the times are sorted into that tasks wait; 0 if they are not measured.
    pub fn schedule_latency_histogram_num_buckets(&self) -> usize {
        let scale = &self.handle.settings().schedule_latencies;
        scale.as_ref().map_or(0, |scale| scale.count())
    }

    /// The times of one bucket, without the end; empty if they are not measured. The last bucket is
    /// open.
    pub fn schedule_latency_histogram_bucket_range(&self, bucket: usize) -> Range<Duration> {
        match &self.handle.settings().schedule_latencies {
            Some(scale) => scale.range(bucket),
            None => Duration::ZERO..Duration::ZERO,
        }
    }

    /// How many polls of a worker began after a wait in this bucket; 0 if that is not measured.
    ///
    /// # Panics
    ///
    /// When there is no such worker, or no such bucket.
    #[track_caller]
    pub fn schedule_latency_histogram_bucket_count(&self, worker: usize, bucket: usize) -> u64 {
        let Some(histogram) = &self.worker(worker).schedule_latencies else {
            return 0;
        };
        let count = self.schedule_latency_histogram_num_buckets();
        assert!(
            bucket < count,
            "there are {count} buckets and no number {bucket}; see \
             `schedule_latency_histogram_num_buckets`"
        );
        histogram.get(bucket)
    }

    fn io_sum(&self, count: impl Fn(Counts) -> u64) -> u64 {
        match &self.handle.flavor {
            Flavor::CurrentThread(scheduler) => count(scheduler.io_counts()),
            Flavor::MultiThread(scheduler) => {
                let lookouts = scheduler.lookouts().iter();
                lookouts.map(|lookout| count(lookout.counts())).sum()
            }
        }
    }

    #[track_caller]
    fn worker(&self, worker: usize) -> &Counters {
        let counters = match &self.handle.flavor {
            Flavor::CurrentThread(scheduler) => (worker == 0).then(|| scheduler.counters()),
            Flavor::MultiThread(scheduler) => {
                let remote = scheduler.remotes().get(worker);
                remote.map(|remote| &remote.counters)
            }
        };
        match counters {
            Some(counters) => counters,
            None => panic!(
                "there is no worker {worker}; numbers are below `num_workers`, which is {}",
                self.num_workers()
            ),
        }
    }

    fn estate(&self) -> &Estate {
        self.handle.estate()
    }
}
