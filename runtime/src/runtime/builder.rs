//! How a runtime is put together.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use runtime_timer::Clock;

use super::driver::Enabled;
use super::handle::Flavor;
use super::histogram::PollTimes;
use super::hooks::TaskHooks;
use super::settings::{Settings, THREAD_NAME, UnhandledPanic, WORKER_THREADS};
use super::{Handle, Id, LocalOptions, LocalRuntime, RngSeed, Runtime};
use crate::scheduler::Runs::{self, Anywhere, ThisThread};
use crate::scheduler::{CurrentThread, MultiThread};
use crate::watchdog;

mod hooks;
mod metrics;
mod stalls;

/// Builds a [`Runtime`] with settings of your own.
///
/// I/O and time are off until [`enable_all`](Self::enable_all) or its parts are called.
///
/// ```
/// let runtime = runtime::Builder::new_multi_thread()
///     .worker_threads(2)
///     .thread_name("my-worker")
///     .enable_all()
///     .build()?;
/// assert_eq!(runtime.block_on(async { 1 + 1 }), 2);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Builder {
    kind: Kind,
    worker_threads: Option<usize>,
    enabled: Enabled,
    start_paused: bool,
    poll_times: PollTimes,
    schedule_latencies: PollTimes,
    settings: Settings,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    CurrentThread,
    MultiThread,
}

/// How many threads for blocking work there are at most, unless the builder says otherwise.
const MAX_BLOCKING_THREADS: usize = 512;
/// How long a thread for blocking work waits for the next.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Polls between two looks at the driver: a prime, so that it does not fall into step with the
/// program; Tokio's figure.
const EVENT_INTERVAL: u32 = 61;
/// Events that one turn of the reactor takes at most.
const EVENTS_PER_TURN: usize = 1_024;

impl Builder {
    /// A runtime that runs everything on the thread that calls
    /// [`block_on`](Runtime::block_on), and nothing while no thread does.
    pub fn new_current_thread() -> Self {
        Self::new(Kind::CurrentThread)
    }

    /// A runtime with worker threads of its own, which take work from each other.
    pub fn new_multi_thread() -> Self {
        Self::new(Kind::MultiThread)
    }

    fn new(kind: Kind) -> Self {
        Self {
            kind,
            worker_threads: None,
            enabled: Enabled {
                io: false,
                time: false,
                events_per_turn: EVENTS_PER_TURN,
                events_per_busy_turn: None,
            },
            start_paused: false,
            poll_times: PollTimes::default(),
            schedule_latencies: PollTimes::default(),
            settings: Settings {
                name: None,
                thread_name: Arc::new(|| THREAD_NAME.to_owned()),
                thread_stack_size: None,
                thread_keep_alive: KEEP_ALIVE,
                max_blocking_threads: MAX_BLOCKING_THREADS,
                event_interval: EVENT_INTERVAL,
                global_queue_interval: None,
                on_thread_start: None,
                on_thread_stop: None,
                before_park: None,
                after_unpark: None,
                task_hooks: TaskHooks::default(),
                watches_polls: false,
                poll_times: None,
                latencies_since: None,
                schedule_latencies: None,
                rng_seed: None,
                unhandled_panic: UnhandledPanic::Ignore,
                disable_lifo_slot: false,
                eager_driver_handoff: false,
                stalls: watchdog::Settings::DEFAULT,
                nested_block_on: !cfg!(feature = "tokio-defaults"),
            },
        }
    }

    /// Enables I/O and time.
    pub fn enable_all(&mut self) -> &mut Self {
        self.enable_io().enable_time()
    }

    /// Enables sockets. Without it, using one panics.
    pub fn enable_io(&mut self) -> &mut Self {
        self.enabled.io = true;
        self
    }

    /// Enables timers. Without it, using one panics.
    pub fn enable_time(&mut self) -> &mut Self {
        self.enabled.time = true;
        self
    }

    /// How many worker threads a multi-thread runtime has. By default as many as the process may
    /// use cores; the environment variable `RUNTIME_WORKER_THREADS` (with the feature
    /// `tokio-defaults`: `TOKIO_WORKER_THREADS`) replaces the default. A
    /// current-thread runtime ignores it.
    ///
    /// # Panics
    ///
    /// With zero: a multi-thread runtime without a worker would run nothing.
    #[track_caller]
    pub fn worker_threads(&mut self, count: usize) -> &mut Self {
        assert!(
            count > 0,
            "Worker threads cannot be set to 0; for a runtime without threads of its own use \
             `Builder::new_current_thread`"
        );
        self.worker_threads = Some(count);
        self
    }

    /// How many threads may run what [`spawn_blocking`](crate::task::spawn_blocking) is given, 512 by
    /// default; more work waits in a queue.
    ///
    /// As many again may run the operations of files, and up to 16 look up names. Workers are not
    /// counted.
    ///
    /// # Panics
    ///
    /// With zero: blocking work would wait for ever.
    #[track_caller]
    pub fn max_blocking_threads(&mut self, count: usize) -> &mut Self {
        assert!(
            count > 0,
            "Max blocking threads cannot be set to 0; blocking work, and files, need one"
        );
        self.settings.max_blocking_threads = count;
        self
    }

    /// The runtime's name, for [`Handle::name`] and reports.
    ///
    /// # Panics
    ///
    /// With a name of nothing but white space.
    #[track_caller]
    pub fn name(&mut self, name: impl Into<String>) -> &mut Self {
        let name = name.into();
        assert!(
            !name.trim().is_empty(),
            "runtime name shouldn't be empty; leave it out instead"
        );
        self.settings.name = Some(name);
        self
    }

    /// The name of the threads that the runtime starts; `"runtime-worker"` by default, with the feature
    /// `tokio-defaults` `"tokio-rt-worker"`. The system's names have no NUL: it is left out. Those of the
    /// watchdog have names of their own, `runtime-watch` and `runtime-report`.
    pub fn thread_name(&mut self, name: impl Into<String>) -> &mut Self {
        let name = name.into();
        self.thread_name_fn(move || name.clone())
    }

    /// A function that names each thread the runtime starts, but for those of the watchdog; see
    /// [`thread_name`](Self::thread_name).
    pub fn thread_name_fn<F>(&mut self, name: F) -> &mut Self
    where
        F: Fn() -> String + Send + Sync + 'static,
    {
        self.settings.thread_name = Arc::new(name);
        self
    }

    /// How large the stack of every thread the runtime starts is, in bytes; the default of
    /// [`std::thread`] unless set. Those of the watchdog, whose reports take more than a small stack has,
    /// are never smaller than 2 MiB.
    pub fn thread_stack_size(&mut self, bytes: usize) -> &mut Self {
        self.settings.thread_stack_size = Some(bytes);
        self
    }

    /// How long a thread for blocking work waits for the next before it ends; ten seconds by
    /// default.
    pub fn thread_keep_alive(&mut self, duration: Duration) -> &mut Self {
        self.settings.thread_keep_alive = duration;
        self
    }

    /// Makes chance repeatable: the order in which `select!` looks at its branches, and in which
    /// workers are robbed. On a current-thread runtime whose input is repeatable too, the whole order
    /// of events is then. With workers each of them draws the same numbers every time, but the system
    /// decides which of them runs when.
    pub fn rng_seed(&mut self, seed: RngSeed) -> &mut Self {
        self.settings.rng_seed = Some(seed);
        self
    }

    /// After how many polls of tasks a busy thread looks at its sockets and timers; 61 by default.
    ///
    /// # Panics
    ///
    /// With zero.
    #[track_caller]
    pub fn event_interval(&mut self, polls: u32) -> &mut Self {
        assert!(
            polls > 0,
            "event_interval must be greater than 0; 1 looks after every poll"
        );
        self.settings.event_interval = polls;
        self
    }

    /// After how many polls of tasks a busy thread looks at the queue that all threads share, before
    /// its own.
    ///
    /// By default 31 for a current-thread runtime. Each worker of a multi-thread runtime chooses for
    /// itself, by how long polls take there: so that it looks about every 200 microseconds.
    ///
    /// # Panics
    ///
    /// With zero.
    #[track_caller]
    pub fn global_queue_interval(&mut self, polls: u32) -> &mut Self {
        assert!(
            polls > 0,
            "global_queue_interval must be greater than 0; 1 looks before every poll"
        );
        self.settings.global_queue_interval = Some(polls);
        self
    }

    /// How many events one look at the sockets takes at most; 1,024 by default. The rest is taken
    /// by the next look.
    ///
    /// # Panics
    ///
    /// With zero.
    #[track_caller]
    pub fn max_io_events_per_tick(&mut self, events: usize) -> &mut Self {
        assert!(
            events > 0,
            "max_io_events_per_tick must be non-zero; the default is 1,024"
        );
        self.enabled.events_per_turn = events;
        self
    }

    /// How many events one look at the sockets takes at most if it does not wait: the thread has tasks
    /// to run, and what it takes now queues up behind them. By default as many as
    /// [`max_io_events_per_tick`](Self::max_io_events_per_tick).
    ///
    /// # Panics
    ///
    /// With zero.
    #[track_caller]
    pub fn max_io_events_per_busy_tick(&mut self, events: usize) -> &mut Self {
        assert!(
            events > 0,
            "max_io_events_per_busy_tick must be non-zero; the default is that of \
             `max_io_events_per_tick`"
        );
        self.enabled.events_per_busy_turn = Some(events);
        self
    }

    /// Enables time, as [`enable_time`](Self::enable_time), and asks for timers of which each worker has its
    /// own. Each worker has its own in any case; this is there for programs that ask Tokio for it.
    pub fn enable_alt_timer(&mut self) -> &mut Self {
        self.enable_time()
    }

    /// Lets a worker that begins to run tasks wake another to wait for the events of sockets meanwhile,
    /// if one sleeps. By default that is done when a task runs for more than about 3 ms, because to wake
    /// a thread for each event costs more than most tasks. Timers stay with the worker.
    ///
    /// Nothing changes on a current-thread runtime.
    pub fn enable_eager_driver_handoff(&mut self) -> &mut Self {
        self.settings.eager_driver_handoff = true;
        self
    }

    /// Asks for a queue of blocking work that is no single lock. It is none in any case, so this
    /// changes nothing; it is there for programs that ask Tokio for it.
    pub fn enable_sharded_blocking_queue(&mut self) -> &mut Self {
        self
    }

    /// What happens when a task panics; only a current-thread runtime can do more than
    /// [`UnhandledPanic::Ignore`].
    ///
    /// # Panics
    ///
    /// On a multi-thread builder with anything but `Ignore`.
    #[track_caller]
    pub fn unhandled_panic(&mut self, policy: UnhandledPanic) -> &mut Self {
        assert!(
            self.kind == Kind::CurrentThread || policy == UnhandledPanic::Ignore,
            "UnhandledPanic::ShutdownRuntime is only supported in current thread runtime; await \
             the `JoinHandle` to learn of a panic"
        );
        self.settings.unhandled_panic = policy;
        self
    }

    /// Puts every task that is woken at the end of its worker's queue. By default the task that was
    /// woken last runs first, which keeps the data that two tasks exchange in the cache.
    pub fn disable_lifo_slot(&mut self) -> &mut Self {
        self.settings.disable_lifo_slot = true;
        self
    }

    /// Starts with the clock paused; see [`time::pause`](crate::time::pause). Only for
    /// current-thread runtimes.
    pub fn start_paused(&mut self, paused: bool) -> &mut Self {
        self.start_paused = paused;
        self
    }

    /// Builds the runtime, and starts its workers if it has any.
    ///
    /// # Errors
    ///
    /// When the system gives no descriptors or threads.
    ///
    /// # Panics
    ///
    /// When `RUNTIME_WORKER_THREADS` is set to something that is not a positive number, or a
    /// multi-thread runtime is to start with its clock paused.
    #[track_caller]
    pub fn build(&mut self) -> io::Result<Runtime> {
        self.build_with(Anywhere)
    }

    /// Builds a runtime that stays on this thread and runs futures that are not [`Send`]. The
    /// options are there for settings to come.
    ///
    /// # Errors
    ///
    /// When the system gives no descriptors.
    ///
    /// # Panics
    ///
    /// On a multi-thread builder: use [`new_current_thread`](Self::new_current_thread).
    ///
    /// ```
    /// use runtime::runtime::{Builder, LocalOptions};
    ///
    /// let runtime = Builder::new_current_thread().build_local(LocalOptions::default())?;
    /// let text = std::rc::Rc::new("not Send");
    /// let length = runtime.spawn_local(async move { text.len() });
    /// assert_eq!(runtime.block_on(length).unwrap(), 8);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn build_local(&mut self, options: LocalOptions) -> io::Result<LocalRuntime> {
        assert!(
            self.kind == Kind::CurrentThread,
            "multi_thread is not supported for LocalRuntime; use `Builder::new_current_thread`"
        );
        let LocalOptions { .. } = options;
        self.build_with(ThisThread).map(LocalRuntime::new_with)
    }

    #[track_caller]
    fn build_with(&mut self, runs: Runs) -> io::Result<Runtime> {
        let id = Id::next();
        let mut settings = self.settings.clone();
        settings.poll_times = self.poll_times.scale();
        settings.schedule_latencies = self.schedule_latencies.scale();
        if settings.schedule_latencies.is_some() {
            settings.track_latencies();
        }
        settings.watches_polls |= settings.poll_times.is_some();
        let settings = Arc::new(settings);
        let clock = Clock::new(self.kind == Kind::CurrentThread);
        if self.start_paused {
            assert!(
                self.kind == Kind::CurrentThread,
                "a multi-thread runtime cannot start with its clock paused; use \
                 `Builder::new_current_thread`"
            );
            clock.pause();
        }
        let flavor = match self.kind {
            Kind::CurrentThread => {
                let scheduler = CurrentThread::new(id, runs, self.enabled, clock, settings)?;
                Flavor::CurrentThread(Arc::new(scheduler))
            }
            Kind::MultiThread => {
                // Not `unwrap_or_else`: a function passed by name does not know its caller's line.
                let workers = match self.worker_threads {
                    Some(workers) => workers,
                    None => default_worker_threads(),
                };
                MultiThread::start(id, workers, self.enabled, clock, settings)
                    .map(Flavor::MultiThread)?
            }
        };
        Ok(Runtime::new_with(Handle { flavor }))
    }
}

/// As many as the process may use cores, or as the environment says.
#[track_caller]
fn default_worker_threads() -> usize {
    match std::env::var(WORKER_THREADS) {
        Ok(text) => match text.parse() {
            Ok(0) => panic!("\"{WORKER_THREADS}\" cannot be set to 0; set 1 or more, or nothing"),
            Ok(count) => count,
            Err(error) => panic!(
                "\"{WORKER_THREADS}\" must be usize, error: {error}, value: {text}; set a number of \
                 threads, or nothing"
            ),
        },
        Err(std::env::VarError::NotPresent) => {
            std::thread::available_parallelism().map_or(1, |count| count.get())
        }
        Err(error) => panic!(
            "\"{WORKER_THREADS}\" must be valid unicode, error: {error:?}; set a number of threads, \
             or nothing"
        ),
    }
}

/// Numbers for [`Id`].
static NEXT_ID: AtomicUsize = AtomicUsize::new(1);

impl Id {
    pub(crate) fn next() -> Self {
        // Relaxed: the numbers must differ, nothing else.
        Self(NEXT_ID.fetch_add(1, Relaxed) as u64)
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("kind", &self.kind)
            .field("worker_threads", &self.worker_threads)
            .field("io", &self.enabled.io)
            .field("time", &self.enabled.time)
            .field("start_paused", &self.start_paused)
            .field("settings", &self.settings)
            .finish()
    }
}
