//! The queue of one class of blocking work, and the threads that take from it.
//!
//! # How it works
//!
//! A job goes into the queue; then an idle thread is woken for it, or a new one is started, up to
//! the limit. A thread takes jobs until there are none, then it is idle for the keep-alive time, and
//! ends. The thread that became idle last is woken first: its stack is warm, and the others can end.
//! While all threads are busy neither a push nor a take touches a lock.
//!
//! # Invariants
//!
//! - **B1** A thread is on the list of idle ones from [`Lane::take_jobs`] until somebody takes it off:
//!   itself, or a push or the close, which then owe it an unpark. Whoever takes it off decides.
//! - **B2** A job is never left in the queue while a thread sleeps or could be started: the push
//!   writes the job, passes a fence, and reads the idle list and the count of threads; a thread that
//!   goes idle, or ends, writes those, passes a fence, and reads the queue. One of the two sees the
//!   other.
//! - **B3** A closed lane is drained by the one who closed it, unless a thread is starting; then by
//!   the last thread that starts, when it has its first job, or by who learns that it does not start.

use std::time::Duration;

use runtime_base::parker::{Parker, Unparker};
use runtime_base::sync::Mutex;
use runtime_base::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use runtime_base::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};

use crate::queue::Queue;

/// One class of blocking work.
pub(crate) struct Lane<J> {
    jobs: Queue<J>,
    /// Who is idle, the latest last.
    idle: Mutex<Vec<Unparker>>,
    /// The length of `idle`, to be read without its lock. Relaxed: stored under the lock, and ordered
    /// by the fences (B2).
    idle_count: AtomicUsize,
    /// Threads that exist or are being started. A count, ordered by the fences where that matters.
    threads: AtomicUsize,
    /// Of those, the ones that have not looked for their first job yet.
    starting: AtomicUsize,
    limit: usize,
    closed: AtomicBool,
}

/// What a push leaves to its caller.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// Nothing.
    Done,
    /// Start a thread that calls [`Lane::take_jobs`]; it is counted already.
    StartThread,
    /// Cancel what [`Lane::drain`] gives.
    Closed,
}

impl<J> Lane<J> {
    /// A lane with at most `limit` threads.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            jobs: Queue::new(),
            idle: Mutex::new(Vec::new()),
            idle_count: AtomicUsize::new(0),
            threads: AtomicUsize::new(0),
            starting: AtomicUsize::new(0),
            limit,
            closed: AtomicBool::new(false),
        }
    }

    /// Adds a job.
    pub(crate) fn push(&self, job: J) -> Pushed {
        self.jobs.push(job);
        // Partners: the fences in `take_jobs` and `close` (B2).
        fence(Ordering::SeqCst);
        // Relaxed, three times: ordered by the fence.
        if self.closed.load(Relaxed) {
            return Pushed::Closed;
        }
        if self.idle_count.load(Relaxed) > 0 {
            let latest = {
                let mut idle = self.idle.lock();
                let latest = idle.pop();
                self.idle_count.store(idle.len(), Relaxed);
                latest
            };
            if let Some(latest) = latest {
                latest.unpark();
                return Pushed::Done;
            }
        }
        if self.reserve_thread() {
            // AcqRel: see `take_first`.
            self.starting.fetch_add(1, AcqRel);
            Pushed::StartThread
        } else {
            Pushed::Done
        }
    }

    /// Counts one more thread, if the limit allows it.
    fn reserve_thread(&self) -> bool {
        // Relaxed: a count; B2 is the business of the fences.
        let one_more = |threads| (threads < self.limit).then_some(threads + 1);
        self.threads
            .fetch_update(Relaxed, Relaxed, one_more)
            .is_ok()
    }

    /// The thread that was to be started does not exist. Says whether there is no other.
    pub(crate) fn forget_thread(&self) -> bool {
        self.starting.fetch_sub(1, AcqRel);
        let is_last = self.threads.fetch_sub(1, AcqRel) == 1;
        // Partner: the fence in `close`, as in `take_first` (B3).
        fence(Ordering::SeqCst);
        is_last
    }

    /// The first job of a new thread. It is run even if the lane was closed while the thread started:
    /// who spawned it had reason to believe that it runs.
    pub(crate) fn take_first(&self) -> Option<J> {
        let first = self.jobs.pop();
        self.starting.fetch_sub(1, AcqRel);
        // Partner: the fence in `close`. Either `may_drain` there sees no thread that starts, or the
        // thread that started last sees that the lane is closed, and drains it (B3).
        fence(Ordering::SeqCst);
        first
    }

    /// Whether the lane is closed and nobody who starts wants a job of it (B3).
    pub(crate) fn may_drain(&self) -> bool {
        // Relaxed, twice: ordered by the fences.
        self.closed.load(Relaxed) && self.starting.load(Relaxed) == 0
    }

    /// Calls `run` with jobs until the lane is closed, or there was none for `keep_alive`. The
    /// thread's count is given up before it returns.
    pub(crate) fn take_jobs(&self, keep_alive: Option<Duration>, mut run: impl FnMut(J)) {
        let mut parker = Parker::new();
        loop {
            while let Some(job) = self.jobs.pop() {
                run(job);
            }
            if self.is_closed() {
                self.threads.fetch_sub(1, Relaxed);
                return;
            }
            {
                let mut idle = self.idle.lock();
                idle.push(parker.unparker().clone());
                self.idle_count.store(idle.len(), Relaxed);
            }
            // Partner: the fence in `push`, and the one in `close` (B2).
            fence(Ordering::SeqCst);
            let look_again = !self.jobs.is_empty() || self.closed.load(Relaxed);
            if look_again && self.withdraw(parker.unparker()) {
                continue;
            }
            if parker.park_for(keep_alive) {
                continue;
            }
            if !self.withdraw(parker.unparker()) {
                // A push took us off the list just now: its unpark is on the way (B1).
                parker.park();
                continue;
            }
            self.threads.fetch_sub(1, Relaxed);
            // Partner: the fence in `push` (B2).
            fence(Ordering::SeqCst);
            if self.jobs.is_empty() || !self.reserve_thread() {
                return;
            }
        }
    }

    /// Takes a thread off the list of idle ones. Says no if somebody else has.
    fn withdraw(&self, own: &Unparker) -> bool {
        let mut idle = self.idle.lock();
        let Some(position) = idle.iter().position(|other| other.is_same(own)) else {
            return false;
        };
        drop(idle.remove(position));
        self.idle_count.store(idle.len(), Relaxed);
        true
    }

    /// Lets all threads end. The caller cancels what [`drain`](Self::drain) gives, if it
    /// [may](Self::may_drain).
    pub(crate) fn close(&self) {
        // Relaxed: ordered by the fence.
        self.closed.store(true, Relaxed);
        // Partners: the fences in `push`, `forget_thread`, `take_first` and `take_jobs`.
        fence(Ordering::SeqCst);
        let idle = {
            let mut idle = self.idle.lock();
            self.idle_count.store(0, Relaxed);
            std::mem::take(&mut *idle)
        };
        for thread in idle {
            thread.unpark();
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        // Who misses it looks again behind the fence in `take_jobs`.
        self.closed.load(Acquire)
    }

    /// Takes a job out without running it.
    pub(crate) fn drain(&self) -> Option<J> {
        self.jobs.pop()
    }

    /// How many jobs wait.
    pub(crate) fn queued(&self) -> usize {
        self.jobs.len()
    }

    /// How many threads there are.
    pub(crate) fn threads(&self) -> usize {
        self.threads.load(Relaxed)
    }

    /// How many threads wait for a job.
    pub(crate) fn idle(&self) -> usize {
        self.idle_count.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime_base::sync::{Arc, model, thread};

    /// A thread that goes idle, and a job that arrives: it runs, or the lane asks for a thread.
    #[test]
    fn a_job_that_meets_a_thread_going_idle_is_run() {
        model(|| {
            let lane = Arc::new(Lane::new(1));
            let done = Arc::new(AtomicUsize::new(0));
            assert_eq!(lane.push(()), Pushed::StartThread);
            let mut main = Parker::new();
            let taker = {
                let (lane, done) = (lane.clone(), done.clone());
                let main = main.unparker().clone();
                thread::spawn(move || {
                    lane.take_jobs(None, |()| {
                        if done.fetch_add(1, AcqRel) == 1 {
                            main.unpark();
                        }
                    });
                })
            };
            assert_eq!(lane.push(()), Pushed::Done);
            // A job that is forgotten leaves everybody asleep, which loom reports.
            main.park();
            lane.close();
            taker.join().unwrap();
            assert_eq!((done.load(Acquire), lane.threads()), (2, 0));
        });
    }

    /// The thread has had enough at the moment when a job arrives.
    #[test]
    fn a_job_that_meets_a_thread_that_ends_is_run() {
        model(|| {
            let lane = Arc::new(Lane::new(1));
            let done = Arc::new(AtomicUsize::new(0));
            let take = |lane: Arc<Lane<()>>, done: Arc<AtomicUsize>| {
                move || {
                    lane.take_jobs(Some(Duration::ZERO), |()| {
                        done.fetch_add(1, AcqRel);
                    });
                }
            };
            assert_eq!(lane.push(()), Pushed::StartThread);
            let first = thread::spawn(take(lane.clone(), done.clone()));
            let second = match lane.push(()) {
                Pushed::StartThread => Some(thread::spawn(take(lane.clone(), done.clone()))),
                Pushed::Done => None,
                Pushed::Closed => unreachable!("nobody closes"),
            };
            first.join().unwrap();
            second.into_iter().for_each(|second| second.join().unwrap());
            assert_eq!((done.load(Acquire), lane.threads()), (2, 0));
        });
    }

    /// The lane is closed while its first thread starts, and a second job waits.
    #[test]
    fn a_thread_that_starts_while_the_lane_is_closed_has_its_job_and_the_rest_is_drained() {
        model(|| {
            let lane = Arc::new(Lane::new(1));
            let drain = |lane: &Lane<u32>| {
                let mut drained = 0;
                while lane.may_drain()
                    && let Some(job) = lane.drain()
                {
                    drained += job;
                }
                drained
            };
            assert_eq!(lane.push(1), Pushed::StartThread);
            let starter = {
                let lane = lane.clone();
                thread::spawn(move || (lane.take_first(), drain(&lane)))
            };
            assert_eq!(lane.push(10), Pushed::Done);
            lane.close();
            let by_closer = drain(&lane);
            let (first, by_starter) = starter.join().unwrap();
            assert_eq!(first, Some(1));
            // Nothing is left behind.
            assert_eq!(by_closer + by_starter, 10);
        });
    }

    /// The lane is closed while the system refuses a thread for a job, and another thread ends.
    #[test]
    fn a_job_for_which_there_is_no_thread_does_not_stay_in_a_closed_lane() {
        model(|| {
            let lane = Arc::new(Lane::new(2));
            let taken = Arc::new(AtomicUsize::new(0));
            let drain = |lane: &Lane<usize>, taken: &AtomicUsize| {
                while let Some(job) = lane.drain() {
                    taken.fetch_add(job, AcqRel);
                }
            };
            assert_eq!(lane.push(1), Pushed::StartThread);
            let taker = {
                let (lane, taken) = (lane.clone(), taken.clone());
                thread::spawn(move || {
                    let first = lane.take_first();
                    if lane.may_drain() {
                        drain(&lane, &taken);
                    }
                    taken.fetch_add(first.unwrap_or(0), AcqRel);
                    lane.take_jobs(None, |job| {
                        taken.fetch_add(job, AcqRel);
                    });
                })
            };
            let pusher = {
                let (lane, taken) = (lane.clone(), taken.clone());
                thread::spawn(move || {
                    let is_left = match lane.push(10) {
                        Pushed::Done => false,
                        Pushed::Closed => lane.may_drain(),
                        // There is none.
                        Pushed::StartThread => lane.forget_thread() || lane.may_drain(),
                    };
                    if is_left {
                        drain(&lane, &taken);
                    }
                })
            };
            lane.close();
            if lane.may_drain() {
                drain(&lane, &taken);
            }
            taker.join().unwrap();
            pusher.join().unwrap();
            assert_eq!((taken.load(Acquire), lane.queued()), (11, 0));
        });
    }

    #[cfg(not(rt_loom))]
    #[test]
    fn the_thread_that_became_idle_last_has_the_next_job() {
        let lane = Arc::new(Lane::new(2));
        let (send, done) = std::sync::mpsc::channel();
        let mut threads = Vec::new();
        for number in 0..2 {
            let (lane, send) = (lane.clone(), send.clone());
            assert!(lane.reserve_thread());
            let other = lane.clone();
            threads.push(thread::spawn(move || {
                lane.take_jobs(None, |()| send.send(number).unwrap());
            }));
            while other.idle() <= number {
                thread::yield_now();
            }
        }
        assert_eq!(lane.push(()), Pushed::Done);
        assert_eq!(done.recv(), Ok(1));
        lane.close();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    }
}
