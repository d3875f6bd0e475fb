//! The thread that looks at the posts.
//!
//! # How it works
//!
//! Every tick it compares each worker's [`Post`] with what it saw before. While the turn is the same,
//! and in a poll, the time of the stall runs; it begins with the tick that saw the turn first, so that
//! a worker need not look at a clock. Two limits follow: one for the rescue, one for the report. From
//! the second look on it comes in time for them, not at the next tick. A rescued thread goes to the
//! list of those that are held up, where the reports go on until it comes back.
//!
//! # What is no stall
//!
//! - A process that was stopped (by `SIGSTOP`, a debugger, a suspended machine): the monitor itself
//!   comes much too late then, or is much too long at its look, and begins all its observations anew.
//! - A thread that would run, and waits because the processors are busy with others
//!   ([`is_starved`](Monitor::is_starved)): another thread would wait beside it. Unless its poll has used as
//!   much time of the processors as it may last.

use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use runtime_base::parker::Parker;

use super::courtesy::Courtesy;
use super::post::{self, Post};
use super::report::{Case, Reports};
use super::whereabouts::{ProcessorTime, Whereabouts, processor_time, whereabouts};
use super::{Limits, Rescue, Sighting, Watchdog, Watched};
use crate::task::Id;

/// A monitor that comes so much too late stood still together with the process. Chosen: longer than a
/// busy system keeps a thread waiting, shorter than anybody's stop in a debugger.
const STANDSTILL: Duration = Duration::from_millis(50);

/// A look that comes sooner after another one sees nothing new.
const SHORTEST_PAUSE: Duration = Duration::from_micros(500);

/// A worker in one poll, or a thread that is held up in one.
struct Observation {
    post: Arc<Post>,
    turn: u64,
    worker: usize,
    since: Instant,
    /// The task, and where it was spawned, once the poll was seen to last: read while it lasted.
    culprit: Option<(Option<Id>, Option<&'static Location<'static>>)>,
    /// What the thread had got from the processors when the time of the stall began to run.
    processor: Option<(Instant, ProcessorTime)>,
    /// How much of that it had used when the poll was first seen to last.
    used_before: Option<Duration>,
    rescue: Rescue,
    /// Whether it counts as a stall.
    is_counted: bool,
}

struct Monitor {
    courtesy: Courtesy,
    watched: Arc<dyn Watched>,
    limits: Limits,
    tick: Duration,
    /// How long until the next look, if nobody wakes up before.
    pause: Duration,
    workers: Vec<Option<Observation>>,
    /// Threads without their seat.
    held_up: Vec<Observation>,
    /// Whether anything was polled since the tick before.
    is_progress: bool,
    /// Whether this look made a report, which takes the time that it takes.
    has_reported: bool,
    reports: Reports,
}

/// Watches until the runtime ends.
pub(super) fn run(watched: Arc<dyn Watched>, mut parker: Parker) {
    let watchdog = &watched.estate().watchdog;
    let Some(tick) = watchdog.tick else { return };
    let mut monitor = Monitor {
        courtesy: Courtesy::begin(),
        limits: watchdog.limits,
        tick,
        pause: tick,
        workers: (0..watched.worker_count()).map(|_| None).collect(),
        held_up: Vec::new(),
        is_progress: true,
        has_reported: false,
        reports: Reports::new(),
        watched: watched.clone(),
    };
    let mut planned = Instant::now();
    while !watchdog.is_stopped() {
        let now = Instant::now();
        monitor.is_late(now, now.saturating_duration_since(planned));
        monitor.look(now);
        if !monitor.has_reported {
            let after = Instant::now();
            monitor.is_late(after, after.saturating_duration_since(now));
        }
        match monitor.may_sleep(watchdog) {
            None => {
                planned = Instant::now() + monitor.pause;
                parker.park_for(Some(monitor.pause));
            }
            Some(limit) => {
                parker.park_for(limit);
                watchdog.sleep.end();
                planned = Instant::now();
                monitor.begin_anew(planned);
            }
        }
    }
    monitor.courtesy.end();
}

impl Monitor {
    /// What was seen before says nothing about the time since.
    fn begin_anew(&mut self, now: Instant) {
        for observation in self.workers.iter_mut().flatten() {
            observation.since = now;
            observation.processor = None;
        }
    }

    /// The monitor itself has lost so much time: if it was much, so has everybody else.
    fn is_late(&mut self, now: Instant, late: Duration) {
        if late <= STANDSTILL {
            return;
        }
        self.begin_anew(now);
        for observation in &mut self.held_up {
            observation.since += late;
        }
    }

    fn look(&mut self, now: Instant) {
        self.is_progress = false;
        self.has_reported = false;
        self.pause = self.tick;
        if self.watched.lacks_threads() {
            let _exception = self.courtesy.make_exception();
            self.watched.clone().start_missing();
        }
        if self.reports.lacks_thread() {
            let _exception = self.courtesy.make_exception();
            self.reports.start_missing(&self.watched);
        }
        for worker in 0..self.workers.len() {
            let sighting = self.watched.look(worker);
            let observation = self.workers[worker].take();
            self.workers[worker] = sighting.and_then(|sighting| {
                match observation.filter(|before| before.is_of(&sighting)) {
                    Some(same) => self.follow(same, now),
                    None => {
                        self.is_progress = true;
                        Some(Observation::begin(worker, sighting, now))
                    }
                }
            });
        }
        for mut observation in std::mem::take(&mut self.held_up) {
            if observation.is_over() {
                let time = now.saturating_duration_since(observation.since);
                self.watched.estate().watchdog.tally.lasted(time);
            } else {
                let has_thread = || !self.watched.is_vacant(observation.worker);
                if observation.rescue == Rescue::NoThread && has_thread() {
                    observation.rescue = Rescue::StandIn;
                    self.watched.estate().watchdog.tally.rescued();
                }
                self.report_if_due(&mut observation, now);
                self.held_up.push(observation);
            }
        }
    }

    /// A worker is in the same turn as before.
    fn follow(&mut self, mut observation: Observation, now: Instant) -> Option<Observation> {
        if !post::is_in_poll(observation.turn) {
            return Some(observation);
        }
        let elapsed = now.saturating_duration_since(observation.since);
        if observation.culprit.is_none() {
            let culprit = (observation.post.task(), observation.post.spawned_at());
            if observation.is_over() {
                return Some(observation);
            }
            observation.culprit = Some(culprit);
        }
        self.watched.attend_for(observation.worker);
        let limits = self.limits;
        let is_due = |limit: Option<Duration>| limit.is_some_and(|limit| elapsed >= limit);
        let thread = observation.post.thread();
        let is_first_look = observation.processor.is_none();
        if is_first_look && let Some(time) = processor_time(thread) {
            observation.processor = Some((now, time));
            observation.used_before.get_or_insert(time.used);
        }
        if !is_due(limits.rescue_after) && !is_due(limits.report_after) {
            self.come_back_for(limits.rescue_after, elapsed);
            self.come_back_for(limits.report_after, elapsed);
            return Some(observation);
        }
        let is_ready = || whereabouts(thread) == Whereabouts::OnCpu;
        if is_first_look && observation.processor.is_some() && is_ready() {
            // The monitor is late. Whether the thread gets any time will be known at the next look.
            return Some(observation);
        }
        if self.is_starved(&observation, now) {
            observation.since = now;
            observation.processor = None;
            return Some(observation);
        }
        // Where nobody can be rescued, too: the report is to say so.
        if is_due(self.watched.estate().settings.stalls.rescue_after) {
            let sighting = observation.sighting();
            let _exception = self.courtesy.make_exception();
            observation.rescue = self.watched.clone().rescue(observation.worker, &sighting);
        }
        match observation.rescue {
            Rescue::StandIn | Rescue::LastStandIn | Rescue::NoThread => {
                if observation.rescue != Rescue::NoThread {
                    self.watched.estate().watchdog.tally.rescued();
                }
                self.held_up.push(observation);
                None
            }
            _ => {
                self.report_if_due(&mut observation, now);
                Some(observation)
            }
        }
    }

    /// Whether the thread spent its time waiting for a processor.
    fn is_starved(&self, observation: &Observation, now: Instant) -> bool {
        let Some((since, before)) = observation.processor else {
            return false;
        };
        let Some(after) = processor_time(observation.post.thread()) else {
            return false;
        };
        // However often it waits in between.
        let used_by_poll = after
            .used
            .saturating_sub(observation.used_before.unwrap_or_default());
        if self
            .limits
            .shortest()
            .is_some_and(|limit| used_by_poll >= limit)
        {
            return false;
        }
        let got = ProcessorTime {
            used: after.used.saturating_sub(before.used),
            waited: after.waited.saturating_sub(before.waited),
        };
        let elapsed = now.saturating_duration_since(since);
        let whereabouts = || whereabouts(observation.post.thread());
        got_no_processor(got, elapsed, whereabouts)
    }

    fn report_if_due(&mut self, observation: &mut Observation, now: Instant) {
        let elapsed = now.saturating_duration_since(observation.since);
        let Some(limit) = self.limits.report_after else {
            return;
        };
        if elapsed < limit {
            return self.come_back_for(Some(limit), elapsed);
        }
        let estate = self.watched.estate();
        let (task, spawned_at) = observation.culprit.unwrap_or_default();
        let tally = &estate.watchdog.tally;
        tally.lasted(elapsed);
        let is_new = !std::mem::replace(&mut observation.is_counted, true);
        if is_new {
            tally.stalled();
        }
        let case = Case {
            post: observation.post.clone(),
            turn: observation.turn,
            task,
            spawned_at,
            worker: observation.worker,
            elapsed,
            is_new,
            rescue: observation.rescue,
            stand_ins: self.watched.stand_ins(),
        };
        self.has_reported = true;
        // It may start a thread.
        let _exception = self.courtesy.make_exception();
        self.reports.report(&self.watched, case, now);
    }

    /// What has lasted so long may last until the limit.
    fn come_back_for(&mut self, limit: Option<Duration>, elapsed: Duration) {
        if let Some(limit) = limit {
            let left = limit.saturating_sub(elapsed);
            self.pause = self.pause.min(left.max(SHORTEST_PAUSE));
        }
    }

    /// Whether there is nothing to watch, and then for how long.
    fn may_sleep(&self, watchdog: &Watchdog) -> Option<Option<Duration>> {
        // A worker that works in short bursts is not worth a wake-up for each of them.
        let reports = self.limits.report_after.is_some();
        let is_due = |held_up: &Observation| reports && !held_up.is_counted;
        let is_due = self.held_up.iter().any(is_due);
        if self.is_progress || is_due || self.reports.lacks_thread() {
            return None;
        }
        let is_asleep = |worker| {
            let sighting = self.watched.look(worker);
            sighting.is_some_and(|sighting| !sighting.post.is_awake())
        };
        if !watchdog
            .sleep
            .begin(|| (0..self.workers.len()).all(is_asleep))
        {
            return None;
        }
        // The reports about threads that are held up go on, at intervals that grow. One that comes back
        // wakes the monitor itself.
        let reports = self.held_up.iter().filter_map(|held_up| {
            let (_, spawned_at) = held_up.culprit.unwrap_or_default();
            self.reports.next(spawned_at, held_up.rescue)
        });
        let next = reports.min();
        Some(next.map(|next| {
            let left = next.saturating_duration_since(Instant::now());
            left.max(self.tick)
        }))
    }
}

impl Observation {
    fn begin(worker: usize, sighting: Sighting, now: Instant) -> Self {
        Self {
            post: sighting.post,
            turn: sighting.turn,
            worker,
            since: now,
            culprit: None,
            processor: None,
            used_before: None,
            rescue: Rescue::NotNeeded,
            is_counted: false,
        }
    }

    fn is_of(&self, sighting: &Sighting) -> bool {
        Arc::ptr_eq(&self.post, &sighting.post) && self.turn == sighting.turn
    }

    fn sighting(&self) -> Sighting {
        Sighting {
            post: self.post.clone(),
            turn: self.turn,
        }
    }

    fn is_over(&self) -> bool {
        self.post.turn() != self.turn
    }
}

fn got_no_processor(
    got: ProcessorTime,
    elapsed: Duration,
    whereabouts: impl FnOnce() -> Whereabouts,
) -> bool {
    // A thread that spins on a busy machine gets its share of it.
    if got.used > elapsed / 8 {
        return false;
    }
    // One that sleeps waits for nothing. The system counts what a thread has waited when it is over.
    got.waited > elapsed / 2 || whereabouts() == Whereabouts::OnCpu
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_waits_for_a_processor_is_told_from_one_that_blocks_or_spins() {
        let of_a_millisecond = |used, waited, whereabouts| {
            let got = ProcessorTime {
                used: Duration::from_micros(used),
                waited: Duration::from_micros(waited),
            };
            got_no_processor(got, Duration::from_millis(1), || whereabouts)
        };
        let asleep = Whereabouts::Sleeping;
        assert!(!of_a_millisecond(0, 0, asleep));
        assert!(!of_a_millisecond(50, 100, asleep));
        // It spins, with a processor of its own or half of one.
        assert!(!of_a_millisecond(1_000, 0, Whereabouts::OnCpu));
        assert!(!of_a_millisecond(500, 500, Whereabouts::OnCpu));
        // It has got a processor at last, or waits still.
        assert!(of_a_millisecond(100, 900, Whereabouts::OnCpu));
        assert!(of_a_millisecond(0, 0, Whereabouts::OnCpu));
        assert!(!of_a_millisecond(0, 0, Whereabouts::Unknown));
    }
}
