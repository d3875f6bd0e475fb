//! Sees a thread that a task holds up, gives its work to another thread, and says whose fault it is.
//!
//! # How it works
//!
//! A scheduler thread publishes what it polls in its [`Post`], with three plain stores when a poll begins
//! and one when it ends. One thread for each runtime, the *monitor* (`watchdog/monitor.rs`), looks at the
//! posts every few milliseconds. A thread that is in the same poll as before for longer than a limit is
//! *stalled*:
//!
//! - In the multi-thread flavour the monitor takes the worker's seat from the thread and gives it to
//!   another one, the *stand-in*, which is the worker from then on (`scheduler/tenure.rs` says how a
//!   seat is taken from a thread that could use it at any moment). When the stalled thread comes
//!   back it finds its seat gone, and ends.
//! - After another limit the stall is reported (`watchdog/report.rs`): as a `tracing` event, to the
//!   hook of [`Builder::on_stall`](crate::runtime::Builder::on_stall), and in the
//!   [metrics](crate::runtime::RuntimeMetrics).
//!
//! # Sleep
//!
//! The monitor sleeps without a limit of time while all threads of the scheduler sleep. So a thread
//! that wakes up looks whether it has to wake the monitor.
//!
//! # Invariant
//!
//! - **W1** While a scheduler thread is awake, the monitor is awake or is being woken, if the system has a
//!   thread for it. The monitor says that it sleeps and then looks at every thread; a thread says that it
//!   is awake and then looks at the monitor. Of the two one sees the other, because of the fences between
//!   ([`asymmetric`]).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use runtime_base::asymmetric;
use runtime_base::parker::{Parker, Unparker};
use runtime_base::sync::atomic::AtomicBool;
use runtime_base::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::contained::contained;
use crate::runtime::Handle;
use crate::scheduler::Estate;

mod courtesy;
mod monitor;
mod post;
mod report;
mod stack;
mod whereabouts;

pub(crate) use post::Post;
pub use report::{Rescue, Stall};
pub use stack::{Frame, Stack};
pub use whereabouts::Whereabouts;

/// What the builder decided about stalls.
#[derive(Clone)]
pub(crate) struct Settings {
    /// How long a poll may take before another thread takes over.
    pub(crate) rescue_after: Option<Duration>,
    /// How long a poll may take before somebody is told.
    pub(crate) report_after: Option<Duration>,
    /// How many threads may work in the place of stalled ones at a time.
    pub(crate) max_stand_ins: usize,
    pub(crate) on_stall: Option<StallHook>,
}

/// Something of the user's that is told of stalls.
pub(crate) type StallHook = Arc<dyn Fn(&Stall) + Send + Sync>;

impl Settings {
    /// The defaults. Ten milliseconds are what other runtimes call blocking; the rescue comes before
    /// the report, because a client waits for the one and nobody for the other. 64 threads that
    /// are held up at once are a program that is broken in a way which more threads do not mend.
    pub(crate) const DEFAULT: Self = Self {
        rescue_after: Some(Duration::from_millis(4)),
        report_after: Some(Duration::from_millis(10)),
        max_stand_ins: 64,
        on_stall: None,
    };

    fn limits(&self, can_be_rescued: bool) -> Limits {
        Limits {
            rescue_after: self.rescue_after.filter(|_| can_be_rescued),
            report_after: self.report_after,
        }
    }
}

/// What the monitor looks for.
#[derive(Clone, Copy)]
struct Limits {
    /// `None` where nobody can be rescued, too.
    rescue_after: Option<Duration>,
    report_after: Option<Duration>,
}

impl Limits {
    fn shortest(self) -> Option<Duration> {
        let limits = [self.rescue_after, self.report_after];
        limits.into_iter().flatten().min()
    }

    /// How often the monitor looks, if it has seen nothing that lasts: so that it has looked once more
    /// before the shorter limit, and comes again in time for that. A stall is seen at one and three
    /// quarters of the limit at the latest. Not more often, for a thread that wakes up every other
    /// millisecond for nothing takes up to one per cent of a processor. `None` if there is nothing to
    /// look for.
    fn tick(self) -> Option<Duration> {
        let shortest = self.shortest()?;
        Some((shortest / 4 * 3).clamp(Duration::from_millis(1), Duration::from_millis(100)))
    }
}

/// A scheduler, as its monitor sees it.
pub(crate) trait Watched: Send + Sync + 'static {
    fn estate(&self) -> &Estate;
    fn handle(self: Arc<Self>) -> Handle;
    fn worker_count(&self) -> usize;
    /// What a worker does, unless it has no thread at the moment.
    fn look(&self, worker: usize) -> Option<Sighting>;
    /// The worker has been in the same poll for a while, if not long enough for a rescue: lets another
    /// one wait for events.
    fn attend_for(&self, worker: usize);
    /// Gives the worker another thread, if it still does what was seen.
    fn rescue(self: Arc<Self>, worker: usize, sighting: &Sighting) -> Rescue;
    /// Whether a worker has no thread because the system gave none.
    fn lacks_threads(&self) -> bool;
    /// Asks the system for them again.
    fn start_missing(self: Arc<Self>);
    /// Whether nobody has begun to run the worker since its seat was put down.
    fn is_vacant(&self, worker: usize) -> bool;
    /// How many threads work in the place of a stalled one.
    fn stand_ins(&self) -> usize;
}

/// What a look at a worker shows.
#[derive(Clone)]
pub(crate) struct Sighting {
    pub(crate) post: Arc<Post>,
    /// [`Post::turn`] at that moment.
    pub(crate) turn: u64,
}

/// The part of a runtime that watches the rest.
pub(crate) struct Watchdog {
    limits: Limits,
    /// How often the monitor looks; `None` if there is none.
    tick: Option<Duration>,
    sleep: Sleep,
    monitor: Mutex<MonitorThread>,
    stopped: AtomicBool,
    tally: Tally,
}

/// What is known of the thread of the monitor.
#[derive(Default)]
struct MonitorThread {
    /// Wakes it, once it was started.
    unparker: Option<Unparker>,
    /// The system refused a thread: when to ask again.
    ask_again: Option<Instant>,
}

/// How long after the system refused a thread for the monitor it is asked again. Chosen: who is out of
/// threads is not helped by a request with each event.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// What the metrics tell of stalls.
#[derive(Default)]
pub(crate) struct Tally {
    stalls: AtomicU64,
    rescues: AtomicU64,
    longest_nanoseconds: AtomicU64,
}

impl Watchdog {
    pub(crate) fn new(settings: &Settings, can_be_rescued: bool) -> Self {
        asymmetric::prepare();
        let limits = settings.limits(can_be_rescued);
        Self {
            limits,
            tick: limits.tick(),
            sleep: Sleep::new(),
            monitor: Mutex::default(),
            stopped: AtomicBool::new(false),
            tally: Tally::default(),
        }
    }

    /// The calling thread, whose post this is, is awake: wakes the monitor if it sleeps (W1).
    #[inline]
    pub(crate) fn has_woken<W: Watched>(&self, post: &Post, watched: impl FnOnce() -> Arc<W>) {
        if self.tick.is_some() && self.sleep.has_woken(post) {
            self.wake(watched);
        }
    }

    #[cold]
    fn wake<W: Watched>(&self, watched: impl FnOnce() -> Arc<W>) {
        let mut monitor = self.monitor.lock();
        if let Some(unparker) = &monitor.unparker {
            return unparker.unpark();
        }
        let was_refused = monitor.ask_again.is_some();
        if monitor.ask_again.is_some_and(|time| Instant::now() < time) {
            return self.sleep.has_no_thread();
        }
        let parker = Parker::new();
        monitor.unparker = Some(parker.unparker().clone());
        drop(monitor);
        let watched: Arc<dyn Watched> = watched();
        let handle = watched.clone().handle();
        let started = handle
            .blocking_pool()
            .run_aside("runtime-watch", &handle, move || {
                monitor::run(watched, parker);
            });
        let Err(error) = started else {
            return;
        };
        *self.monitor.lock() = MonitorThread {
            unparker: None,
            ask_again: Instant::now().checked_add(ASK_AGAIN_AFTER),
        };
        self.sleep.has_no_thread();
        if !was_refused {
            // Everything works without it, as it does elsewhere.
            contained(|| {
                tracing::error!(
                    target: "runtime::stall", %error,
                    "there is no thread for the watchdog; until there is one, tasks that block are not \
                     noticed"
                );
            });
        }
    }

    /// A thread that was held up has come back: the monitor, which may sleep, is to see when.
    pub(crate) fn held_up_came_back(&self) {
        self.unpark_monitor();
    }

    /// The runtime has ended: lets the monitor end.
    pub(crate) fn stop(&self) {
        // Release: pairs with the Acquire in `is_stopped`.
        self.stopped.store(true, Release);
        self.unpark_monitor();
    }

    fn unpark_monitor(&self) {
        if let Some(unparker) = &self.monitor.lock().unparker {
            unparker.unpark();
        }
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Acquire)
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }
}

impl Tally {
    // All accesses are `Relaxed`: these are counts, which order nothing.

    pub(crate) fn stalls(&self) -> u64 {
        self.stalls.load(Relaxed)
    }

    pub(crate) fn rescues(&self) -> u64 {
        self.rescues.load(Relaxed)
    }

    pub(crate) fn longest(&self) -> Duration {
        Duration::from_nanos(self.longest_nanoseconds.load(Relaxed))
    }

    fn stalled(&self) {
        self.stalls.fetch_add(1, Relaxed);
    }

    fn rescued(&self) {
        self.rescues.fetch_add(1, Relaxed);
    }

    fn lasted(&self, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.longest_nanoseconds.fetch_max(nanoseconds, Relaxed);
    }
}

/// The monitor's sleep without a limit of time (W1).
struct Sleep {
    /// Whether the monitor sleeps, or was not started yet.
    asleep: AtomicBool,
}

impl Sleep {
    fn new() -> Self {
        Self {
            asleep: AtomicBool::new(true),
        }
    }

    /// A thread woke up. Says whether it has to wake the monitor.
    #[inline]
    fn has_woken(&self, post: &Post) -> bool {
        post.wakes_up();
        // Partner: `heavy` in `begin`.
        asymmetric::light();
        // Relaxed: ordered by the fence. The swap: of several threads one wakes it; what they have
        // to say is in their posts.
        self.asleep.load(Relaxed) && self.asleep.swap(false, Relaxed)
    }

    /// The monitor would like to sleep. Says whether it may: `all_sleep` looks at every thread.
    fn begin(&self, all_sleep: impl FnOnce() -> bool) -> bool {
        // Relaxed: ordered by the fence.
        self.asleep.store(true, Relaxed);
        // Partner: `light` in `has_woken`.
        if asymmetric::heavy() && all_sleep() {
            return true;
        }
        self.end();
        false
    }

    /// There is no monitor yet: the next thread that wakes up tries to start it.
    fn has_no_thread(&self) {
        // Relaxed: who reads an old value leaves it to the next one.
        self.asleep.store(true, Relaxed);
    }

    fn end(&self) {
        // Relaxed: who reads an old value wakes the monitor once too often.
        self.asleep.store(false, Relaxed);
    }
}

/// Calls what the user gave. A panic ends here: the watchdog goes on.
fn call_hook(hook: &StallHook, stall: &Stall) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| hook(stall))) {
        // Dropping the payload could panic again.
        std::mem::forget(panic);
        contained(|| {
            tracing::error!(target: "runtime::stall", "the hook `on_stall` panicked; the watchdog goes on");
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime_base::sync::{Arc, model, thread};

    #[test]
    fn the_monitor_does_not_sleep_while_a_thread_is_awake() {
        model(|| {
            asymmetric::prepare();
            let sleep = Arc::new(Sleep::new());
            sleep.end();
            let posts = Arc::new([Post::of_nobody(), Post::of_nobody()]);
            let mut monitor = Parker::new();
            let threads: Vec<_> = (0..2)
                .map(|index| {
                    let (sleep, posts) = (sleep.clone(), posts.clone());
                    let unparker = monitor.unparker().clone();
                    thread::spawn(move || {
                        if sleep.has_woken(&posts[index]) {
                            unparker.unpark();
                        }
                    })
                })
                .collect();
            // Nobody goes to sleep again, so a monitor that sleeps for ever has missed somebody, which
            // loom reports as a deadlock.
            while posts.iter().any(|post| !post.is_awake()) {
                if sleep.begin(|| posts.iter().all(|post| !post.is_awake())) {
                    monitor.park();
                    sleep.end();
                } else {
                    thread::yield_now();
                }
            }
            for thread in threads {
                thread.join().unwrap();
            }
        });
    }
}
