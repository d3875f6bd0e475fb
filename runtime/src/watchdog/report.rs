//! Says which task held up its thread.
//!
//! # How it works
//!
//! The monitor decides what is worth saying: for each spawn site the first stall, and then one at
//! intervals that double, so that a handler that blocks in each request does not fill the log. What
//! it decided to say goes to a thread of its own: a log or a hook may block, for instance on a lock that
//! the stalled task holds, and must not hold up the rescue of others.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::post::Post;
use super::stack::{self, Stack};
use super::whereabouts::{Whereabouts, whereabouts};
use super::{Watched, call_hook};
use crate::contained::contained;
use crate::task::{self, Id};

/// After the first report of a spawn site the next one follows not before this, and then each time
/// after twice as long. Chosen.
const FIRST_INTERVAL: Duration = Duration::from_secs(1);
/// The longest interval.
const LAST_INTERVAL: Duration = Duration::from_secs(60);
/// How long a stalled thread has to answer where it is. Chosen: a thread that is on a processor, or in
/// a system call that a signal ends, answers within microseconds.
const TIME_FOR_ANSWER: Duration = Duration::from_millis(100);
/// Reports that wait while the log or the hook blocks.
const WAITING: usize = 64;

/// A task that holds up the thread it runs on; see
/// [`Builder::on_stall`](crate::runtime::Builder::on_stall).
///
/// Its `Display` is the report in one line, as it is logged.
#[derive(Debug, Clone)]
pub struct Stall {
    task: Option<Id>,
    name: Option<Arc<str>>,
    spawned_at: Option<&'static Location<'static>>,
    worker: usize,
    elapsed: Duration,
    whereabouts: Whereabouts,
    stack: Option<Arc<Stack>>,
    rescue: Rescue,
    stand_ins: usize,
    unreported: u64,
}

/// What was done about a [`Stall`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rescue {
    /// Nothing so far: the rescue is switched off, or its time has not come.
    NotNeeded,
    /// Another thread works in the place of the stalled one.
    StandIn,
    /// Another thread works in the place of the stalled one, and now there are as many as
    /// [`Builder::max_stand_ins`](crate::runtime::Builder::max_stand_ins) allows. Until one of the
    /// stalled threads comes back, tasks of the same spawn sites as theirs are not begun.
    LastStandIn,
    /// More threads than [`Builder::max_stand_ins`](crate::runtime::Builder::max_stand_ins) allows
    /// work in the place of stalled ones already. The worker's sockets, timers and tasks wait until
    /// one of them comes back.
    TooManyStandIns,
    /// The system gave no thread for it. The worker's sockets, timers and tasks wait until it does: it is
    /// asked again every few milliseconds.
    NoThread,
    /// A current-thread runtime has no other thread that could run its tasks: everything waits.
    CurrentThread,
}

impl Stall {
    /// The task, or `None` for the future that a thread of a current-thread runtime blocks on.
    pub fn task(&self) -> Option<Id> {
        self.task
    }

    /// The name that [`task::Builder::name`](crate::task::Builder::name) gave.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Where the task was spawned, or `block_on` was called.
    pub fn spawned_at(&self) -> Option<&'static Location<'static>> {
        self.spawned_at
    }

    /// Which worker the thread was, counted from 0; 0 in a current-thread runtime.
    pub fn worker(&self) -> usize {
        self.worker
    }

    /// How long the poll had lasted when the report was made, give or take a few milliseconds: it is
    /// the watchdog's clock, not the task's.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Whether the thread was on a processor then, or in which system call.
    pub fn whereabouts(&self) -> Whereabouts {
        self.whereabouts
    }

    /// The native stack of the thread, innermost frame first. Only with the feature `stall-stacks`, where
    /// the system can be asked, and when the stall lasted until it was.
    pub fn stack(&self) -> Option<&Stack> {
        self.stack.as_deref()
    }

    /// What was done about it.
    pub fn rescue(&self) -> Rescue {
        self.rescue
    }

    /// How many threads of the runtime work in the place of stalled ones, this one included.
    pub fn stand_ins(&self) -> usize {
        self.stand_ins
    }

    /// How many more stalls of tasks of this spawn site there were since the report before.
    pub fn unreported(&self) -> u64 {
        self.unreported
    }
}

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.task, self.name()) {
            (Some(task), Some(name)) => write!(f, "task {task} ({name:?}")?,
            (Some(task), None) => write!(f, "task {task} (")?,
            (None, _) => f.write_str("the future of `block_on` (")?,
        }
        if let Some(place) = self.spawned_at {
            match (self.task, self.name()) {
                (Some(_), Some(_)) => write!(f, ", spawned at {place}")?,
                (Some(_), None) => write!(f, "spawned at {place}")?,
                (None, _) => write!(f, "called at {place}")?,
            }
        }
        let elapsed = self.elapsed.as_millis();
        write!(f, ") blocks worker {} for {elapsed} ms", self.worker)?;
        match self.whereabouts {
            Whereabouts::Unknown => {}
            whereabouts => write!(f, ", {whereabouts}")?,
        }
        if let Some(frame) = self.stack().and_then(Stack::first_in_user_code) {
            write!(f, ", in {frame}")?;
        }
        f.write_str(match self.rescue {
            Rescue::NotNeeded => "",
            Rescue::StandIn => "; another thread has taken over its work",
            Rescue::LastStandIn => {
                "; another thread has taken over its work, one of the last that may, so tasks of such \
                 spawn sites wait until one of the blocked threads comes back"
            }
            Rescue::TooManyStandIns => {
                "; nobody takes over its work, because so many threads are blocked already"
            }
            Rescue::NoThread => "; nobody takes over its work, because the system gives no thread",
            Rescue::CurrentThread => "; everything else on this thread waits",
        })?;
        if let Rescue::TooManyStandIns | Rescue::LastStandIn = self.rescue {
            write!(f, " ({})", self.stand_ins)?;
        }
        if self.unreported > 0 {
            write!(
                f,
                "; {} more of this spawn site since the last report",
                self.unreported
            )?;
        }
        Ok(())
    }
}

/// What the monitor saw.
pub(super) struct Case {
    pub(super) post: Arc<Post>,
    pub(super) turn: u64,
    pub(super) task: Option<Id>,
    pub(super) spawned_at: Option<&'static Location<'static>>,
    pub(super) worker: usize,
    pub(super) elapsed: Duration,
    /// Whether it was not reported before.
    pub(super) is_new: bool,
    pub(super) rescue: Rescue,
    pub(super) stand_ins: usize,
}

/// What was said about which spawn site.
pub(super) struct Reports {
    sites: HashMap<Key, Site>,
    outbox: Arc<Mutex<Outbox>>,
    /// Whether the system gave no thread for what is in the outbox.
    lacks_thread: bool,
}

/// The place, and whether the limit of stand-ins was reached: that is news of its own.
type Key = (Option<&'static Location<'static>>, bool);

fn key(spawned_at: Option<&'static Location<'static>>, rescue: Rescue) -> Key {
    let is_limit = matches!(rescue, Rescue::LastStandIn | Rescue::TooManyStandIns);
    (spawned_at, is_limit)
}

struct Site {
    next: Instant,
    interval: Duration,
    unreported: u64,
}

/// Reports on their way to the log and the hook.
#[derive(Default)]
struct Outbox {
    waiting: VecDeque<(Stall, Case)>,
    /// Whether a thread takes them out.
    is_served: bool,
}

impl Reports {
    pub(super) fn new() -> Self {
        Self {
            sites: HashMap::new(),
            outbox: Arc::default(),
            lacks_thread: false,
        }
    }

    /// Reports a stall that goes on, unless its spawn site was reported a short while ago.
    pub(super) fn report(&mut self, watched: &Arc<dyn Watched>, case: Case, now: Instant) {
        let key = key(case.spawned_at, case.rescue);
        let site = self.sites.entry(key).or_insert(Site {
            next: now,
            interval: FIRST_INTERVAL,
            unreported: 0,
        });
        if now < site.next {
            site.unreported += u64::from(case.is_new);
            return;
        }
        if self.outbox.lock().waiting.len() >= WAITING {
            // The log blocks; it will not be helped by more.
            site.unreported += u64::from(case.is_new);
            site.next = now + site.interval;
            return;
        }
        let whereabouts = whereabouts(case.post.thread());
        let stall = Stall {
            task: case.task,
            name: case.task.and_then(task::name_of),
            spawned_at: case.spawned_at,
            worker: case.worker,
            elapsed: case.elapsed,
            // What it does after the stall is no part of the report.
            whereabouts: match case.post.turn() == case.turn {
                true => whereabouts,
                false => Whereabouts::Unknown,
            },
            stack: None,
            rescue: case.rescue,
            stand_ins: case.stand_ins,
            unreported: std::mem::take(&mut site.unreported),
        };
        site.next = now + site.interval;
        site.interval = (site.interval * 2).min(LAST_INTERVAL);
        self.send(watched, stall, case);
    }

    fn send(&mut self, watched: &Arc<dyn Watched>, stall: Stall, case: Case) {
        {
            let mut outbox = self.outbox.lock();
            outbox.waiting.push_back((stall, case));
            if std::mem::replace(&mut outbox.is_served, true) {
                return;
            }
        }
        self.start_thread(watched);
    }

    /// Whether there are reports for which the system gave no thread.
    pub(super) fn lacks_thread(&self) -> bool {
        self.lacks_thread
    }

    /// Asks the system for it again.
    pub(super) fn start_missing(&mut self, watched: &Arc<dyn Watched>) {
        self.outbox.lock().is_served = true;
        self.start_thread(watched);
    }

    /// Starts the thread that the outbox says serves it.
    fn start_thread(&mut self, watched: &Arc<dyn Watched>) {
        let handle = watched.clone().handle();
        let outbox = self.outbox.clone();
        let watched = watched.clone();
        let started = handle
            .blocking_pool()
            .run_aside("runtime-report", &handle, move || serve(&outbox, &*watched));
        // Nothing is logged: the log may block, and this is the monitor.
        self.lacks_thread = started.is_err();
        if self.lacks_thread {
            self.outbox.lock().is_served = false;
        }
    }

    /// When a stall of this kind, which was reported, may be worth a report again.
    pub(super) fn next(
        &self,
        spawned_at: Option<&'static Location<'static>>,
        rescue: Rescue,
    ) -> Option<Instant> {
        self.sites
            .get(&key(spawned_at, rescue))
            .map(|site| site.next)
    }
}

/// Tells the log and the hook, until there is nothing to tell.
fn serve(outbox: &Mutex<Outbox>, watched: &dyn Watched) {
    loop {
        let (mut stall, case) = {
            let mut outbox = outbox.lock();
            let Some(next) = outbox.waiting.pop_front() else {
                outbox.is_served = false;
                return;
            };
            next
        };
        // The unwinder and the reader of debug information see whatever the program is made of.
        contained(|| stall.stack = stack_of(&case).map(Arc::new));
        contained(|| {
            tracing::warn!(
                target: "runtime::stall",
                task = stall.task.map(Id::number),
                name = stall.name(),
                spawned_at = stall.spawned_at.map(tracing::field::display),
                worker = stall.worker,
                elapsed_ms = stall.elapsed.as_millis() as u64,
                whereabouts = %stall.whereabouts,
                rescue = ?stall.rescue,
                stand_ins = stall.stand_ins,
                unreported = stall.unreported,
                stack = stall.stack().map(tracing::field::display),
                "{stall}"
            );
        });
        if let Some(hook) = &watched.estate().settings.stalls.on_stall {
            call_hook(hook, &stall);
        }
    }
}

/// The stack of a thread whose stall goes on.
fn stack_of(case: &Case) -> Option<Stack> {
    let goes_on = || case.post.turn() == case.turn;
    if !goes_on() {
        return None;
    }
    match stack::trace(case.post.thread(), TIME_FOR_ANSWER) {
        // Otherwise it may be the stack of something else.
        Ok(trace) => goes_on().then(|| trace.resolve()),
        Err(error) => {
            contained(|| {
                tracing::debug!(target: "runtime::stall", %error, "there is no stack of a stall");
            });
            None
        }
    }
}

#[cfg(all(test, not(any(miri, rt_loom))))]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::runtime::Builder;
    use crate::runtime::handle::Flavor;

    #[test]
    fn a_stall_that_is_not_reported_because_the_log_blocks_is_counted() {
        let (told, was_told) = mpsc::channel();
        let (open, opened) = mpsc::channel::<()>();
        let opened = Mutex::new(opened);
        let runtime = Builder::new_current_thread()
            .on_stall(move |stall| {
                let _ = told.send(stall.unreported());
                let _ = opened.lock().recv();
            })
            .build()
            .unwrap();
        let Flavor::CurrentThread(scheduler) = &runtime.handle().flavor else {
            unreachable!("it was asked for");
        };
        let watched: Arc<dyn Watched> = scheduler.clone();
        let mut reports = Reports::new();
        let mut now = Instant::now();
        let mut report = || {
            let case = Case {
                post: Arc::new(Post::of_nobody()),
                turn: 1,
                task: None,
                spawned_at: None,
                worker: 0,
                elapsed: Duration::from_secs(1),
                is_new: true,
                rescue: Rescue::CurrentThread,
                stand_ins: 0,
            };
            // Long enough for a report of the same place.
            now += 2 * LAST_INTERVAL;
            reports.report(&watched, case, now);
        };
        report();
        // The hook has the first and blocks.
        assert_eq!(was_told.recv(), Ok(0));
        for _ in 0..WAITING + 3 {
            report();
        }
        for _ in 0..WAITING {
            open.send(()).unwrap();
            assert_eq!(was_told.recv(), Ok(0));
        }
        report();
        drop(open);
        assert_eq!(was_told.recv(), Ok(3));
    }
}
