//! What a [`Builder`](super::Builder) decided, as the running parts read it.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::RngSeed;
use super::histogram::Scale;
use super::hooks::TaskHooks;
use crate::contained::contained;
use crate::task::Runnable;
use crate::watchdog;

/// Something of the user's that is called at one point of a thread's life.
pub(crate) type Hook = Arc<dyn Fn() + Send + Sync>;

/// The decisions, which do not change while the runtime runs.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) name: Option<String>,
    pub(crate) thread_name: Arc<dyn Fn() -> String + Send + Sync>,
    pub(crate) thread_stack_size: Option<usize>,
    pub(crate) thread_keep_alive: Duration,
    pub(crate) max_blocking_threads: usize,
    /// Every so many polls of tasks the scheduler looks at its driver.
    pub(crate) event_interval: u32,
    /// Every so many polls of tasks the scheduler looks at the injection queue first; `None` leaves it
    /// to the scheduler.
    pub(crate) global_queue_interval: Option<u32>,
    pub(crate) on_thread_start: Option<Hook>,
    pub(crate) on_thread_stop: Option<Hook>,
    pub(crate) before_park: Option<Hook>,
    pub(crate) after_unpark: Option<Hook>,
    pub(crate) task_hooks: TaskHooks,
    /// Whether anybody wants to know of each poll.
    pub(crate) watches_polls: bool,
    /// How the times of polls are sorted, if they are measured.
    pub(crate) poll_times: Option<Scale>,
    /// The moment from which times are counted at which tasks go into a queue, if they are measured.
    pub(crate) latencies_since: Option<Instant>,
    /// How these times are sorted, if they are.
    pub(crate) schedule_latencies: Option<Scale>,
    pub(crate) rng_seed: Option<RngSeed>,
    pub(crate) unhandled_panic: UnhandledPanic,
    pub(crate) disable_lifo_slot: bool,
    /// A worker that begins to run tasks wakes another to wait for events.
    pub(crate) eager_driver_handoff: bool,
    pub(crate) stalls: watchdog::Settings,
    /// Whether a task may block on a future, and another thread takes over meanwhile.
    pub(crate) nested_block_on: bool,
}

/// What a current-thread runtime does when a task panics, whether or not somebody awaits it; see
/// [`Builder::unhandled_panic`](super::Builder::unhandled_panic).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnhandledPanic {
    /// The panic is the task's [`JoinError`](crate::task::JoinError) and nothing else.
    Ignore,
    /// The runtime stops, and the thread in `block_on` panics.
    ShutdownRuntime,
}

/// What a thread is called unless the builder says otherwise.
pub(super) const THREAD_NAME: &str = if cfg!(feature = "tokio-defaults") {
    "tokio-rt-worker"
} else {
    "runtime-worker"
};

/// The environment variable with the number of workers.
pub(super) const WORKER_THREADS: &str = if cfg!(feature = "tokio-defaults") {
    "TOKIO_WORKER_THREADS"
} else {
    "RUNTIME_WORKER_THREADS"
};

impl Settings {
    /// Measures from now on how long tasks wait for their polls.
    pub(crate) fn track_latencies(&mut self) {
        self.latencies_since.get_or_insert_with(Instant::now);
        self.watches_polls = true;
    }

    /// A task goes into a queue.
    #[inline]
    pub(crate) fn note_scheduled(&self, task: &Runnable) {
        if let Some(since) = self.latencies_since {
            task.header().scheduled_at.set(since.elapsed());
        }
    }

    /// How long the task has been in a queue, if that is measured.
    pub(crate) fn latency_of(&self, task: &Runnable) -> Option<Duration> {
        let since = self.latencies_since?;
        let scheduled_at = task.header().scheduled_at.get();
        Some(since.elapsed().saturating_sub(scheduled_at))
    }

    /// The name of the next thread. A panic of the function that gives it, or a name that the standard
    /// library panics at, must not cost the thread.
    pub(crate) fn name_thread(&self) -> String {
        let name = catch_unwind(AssertUnwindSafe(|| (self.thread_name)()));
        let mut name = name.unwrap_or_else(|panic| {
            // Dropping the payload could panic again.
            std::mem::forget(panic);
            THREAD_NAME.to_owned()
        });
        name.retain(|character| character != '\0');
        name
    }

    /// Calls a hook, if there is one. A panic of it must not take a worker away: it ends here.
    pub(crate) fn call(&self, hook: &Option<Hook>) {
        let Some(hook) = hook else { return };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| hook())) {
            // Dropping the payload could panic again.
            std::mem::forget(panic);
            contained(|| {
                tracing::error!(target: "runtime::hooks", "a thread hook panicked; its thread goes on");
            });
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("name", &self.name)
            .field("thread_stack_size", &self.thread_stack_size)
            .field("thread_keep_alive", &self.thread_keep_alive)
            .field("max_blocking_threads", &self.max_blocking_threads)
            .field("event_interval", &self.event_interval)
            .field("global_queue_interval", &self.global_queue_interval)
            .field("task_hooks", &self.task_hooks)
            .field("rng_seed", &self.rng_seed)
            .finish_non_exhaustive()
    }
}
