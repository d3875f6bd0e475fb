//! Who sleeps, who looks for work, and whom to wake.
//!
//! # How it works
//!
//! A worker without work of its own *searches* (it tries to steal), and then *sleeps*. Whoever makes
//! a task available that another worker could take calls [`Idle::worker_to_wake`]. It wakes one
//! sleeper, and only if nobody searches: a searcher will find the task, and when it finds one it
//! wakes the next. At most half of the workers search at a time, so that a single task does not set
//! all of them running.
//!
//! # Invariants
//!
//! - **I1** `awake` in the word is the number of workers that are not in `sleepers`; both change
//!   under the lock, by the same caller.
//! - **I2** A worker that is woken by [`worker_to_wake`](Idle::worker_to_wake) counts as searching
//!   from the moment it is taken off the list. It is the waker's gift: the next producer does not
//!   wake another one.
//! - **I3** The last searcher that stops searching because it *found* something looks at every queue
//!   once more, and wakes another worker if there is a task. One that found nothing goes to sleep, and
//!   after it is on the list it looks at every queue once more.
//! - **I4** A worker that sleeps beside its reactor looks after it is on the list whether somebody is in
//!   the reactor, and does not sleep if nobody is. Who leaves the reactor to somebody else leaves it
//!   first and looks at the list then ([`sleeper_beside`](Idle::sleeper_beside)). Both looks at the list
//!   are under its lock; whichever is the later one sees what the other did before.
//!
//! # Why no task is forgotten
//!
//! A producer writes the task to a queue, passes a `SeqCst` fence, and reads the word. A worker that
//! goes to sleep changes the word, passes a `SeqCst` fence, and reads the queues. One of the two
//! fences comes first. If it is the producer's, the worker sees the task and does not sleep. If it
//! is the worker's, the producer sees a word in which this worker neither searches nor is awake: so
//! it wakes a sleeper, or sees another searcher, for which the same holds in turn when it stops
//! (I3).

use runtime_base::sync::Mutex;
use runtime_base::sync::atomic::Ordering::{Relaxed, SeqCst};
use runtime_base::sync::atomic::{AtomicUsize, fence};

/// One worker in the upper half of the word: it is awake.
const AWAKE: usize = 1 << 16;
/// One worker in the lower half of the word: it searches, and is awake.
const SEARCHING: usize = 1;

/// The idle workers of one scheduler.
pub(crate) struct Idle {
    /// How many workers are awake, and how many of them search.
    word: AtomicUsize,
    sleepers: Mutex<Sleepers>,
    workers: usize,
}

/// Who sleeps. The last to sleep is the first to be woken: its cache is the warmest.
#[derive(Default)]
struct Sleepers {
    /// They wait for the events of others too, so they are woken last.
    in_reactor: Vec<usize>,
    /// Beside their reactor.
    beside: Vec<usize>,
}

/// A worker is on the list of sleepers, and must look at every queue once more before it sleeps.
#[must_use = "look at the queues once more, or a task may be forgotten"]
pub(crate) struct LastLook(());

impl Idle {
    /// For so many workers, all of them awake.
    pub(crate) fn new(workers: usize) -> Self {
        assert!(workers < AWAKE, "fewer than 65,536 workers");
        Self {
            word: AtomicUsize::new(workers * AWAKE),
            sleepers: Mutex::default(),
            workers,
        }
    }

    /// A task was made available; says which worker is to be woken for it. That worker counts as
    /// searching from now on.
    #[inline]
    pub(crate) fn worker_to_wake(&self) -> Option<usize> {
        // Partner: the fence in `prepare_sleep`.
        fence(SeqCst);
        if !self.should_wake() {
            return None;
        }
        let mut sleepers = self.sleepers.lock();
        // Again under the lock: of several producers one is enough.
        if !self.should_wake() {
            return None;
        }
        let worker = sleepers.pop()?;
        // Relaxed: ordered by the lock against other changes of the list (I1), and by the fences
        // against the queues.
        self.word.fetch_add(AWAKE + SEARCHING, Relaxed);
        Some(worker)
    }

    fn should_wake(&self) -> bool {
        // Relaxed: ordered by the fence before it.
        let word = self.word.load(Relaxed);
        word.is_multiple_of(AWAKE) && word / AWAKE < self.workers
    }

    /// The worker would like to search. Says no if enough others do.
    pub(crate) fn begin_search(&self) -> bool {
        // Relaxed: a bound that is missed by a moment does no harm.
        let word = self.word.load(Relaxed);
        if 2 * (word % AWAKE) >= self.workers {
            return false;
        }
        // Relaxed: searching too early hides nothing; see `end_search` for the other direction.
        self.word.fetch_add(SEARCHING, Relaxed);
        true
    }

    /// The worker found something. Says whether it was the last searcher, and must look for more (I3).
    #[must_use]
    pub(crate) fn end_search(&self) -> bool {
        // Relaxed: ordered by the fence below.
        let before = self.word.fetch_sub(SEARCHING, Relaxed);
        // Partner: the fence in `worker_to_wake`.
        fence(SeqCst);
        debug_assert!(
            !before.is_multiple_of(AWAKE),
            "only a searcher ends its search"
        );
        before % AWAKE == 1
    }

    /// The worker goes to sleep, having found nothing.
    pub(crate) fn prepare_sleep(
        &self,
        worker: usize,
        searching: bool,
        in_reactor: bool,
    ) -> LastLook {
        {
            let mut sleepers = self.sleepers.lock();
            // Relaxed: ordered by the fence below.
            self.word
                .fetch_sub(AWAKE + if searching { SEARCHING } else { 0 }, Relaxed);
            match in_reactor {
                true => sleepers.in_reactor.push(worker),
                false => sleepers.beside.push(worker),
            }
        }
        // Partner: the fence in `worker_to_wake`.
        fence(SeqCst);
        LastLook(())
    }

    /// Whether some worker sleeps. Good for a hint: it may be otherwise the next moment.
    pub(crate) fn somebody_sleeps(&self) -> bool {
        // Relaxed: a hint.
        self.word.load(Relaxed) / AWAKE < self.workers
    }

    /// A worker that sleeps beside its reactor and that `is_meant`.
    pub(crate) fn sleeper_beside(&self, is_meant: impl Fn(usize) -> bool) -> Option<usize> {
        let sleepers = self.sleepers.lock();
        let mut beside = sleepers.beside.iter().copied();
        beside.find(|worker| is_meant(*worker))
    }

    /// The worker woke up, or thought better of sleeping. Says whether somebody woke it on purpose,
    /// so that it is searching now.
    pub(crate) fn end_sleep(&self, worker: usize) -> bool {
        let mut sleepers = self.sleepers.lock();
        if !sleepers.remove(worker) {
            return true;
        }
        // Relaxed: ordered by the lock (I1).
        self.word.fetch_add(AWAKE, Relaxed);
        false
    }
}

impl Sleepers {
    fn pop(&mut self) -> Option<usize> {
        self.beside.pop().or_else(|| self.in_reactor.pop())
    }

    /// Says whether the worker was there.
    fn remove(&mut self, worker: usize) -> bool {
        [&mut self.in_reactor, &mut self.beside]
            .into_iter()
            .any(|sleepers| {
                let position = sleepers.iter().position(|sleeper| *sleeper == worker);
                // The order is the order of falling asleep.
                position.map(|position| sleepers.remove(position)).is_some()
            })
    }
}

impl LastLook {
    /// The queues were looked at, and there was nothing.
    pub(crate) fn found_nothing(self) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime_base::parker::Parker;
    use runtime_base::sync::atomic::AtomicBool;
    use runtime_base::sync::atomic::Ordering::{Acquire, Release};
    use runtime_base::sync::{Arc, model, model_bounded, thread};

    /// Two workers, a queue that is a counter, and a producer. A worker that has a task is busy with
    /// it for ever, so each task needs a worker of its own.
    #[test]
    fn no_task_is_forgotten_when_the_workers_go_to_sleep() {
        model_bounded(3, || {
            const WORKERS: usize = 2;
            let idle = Arc::new(Idle::new(WORKERS));
            let queue = Arc::new(AtomicUsize::new(0));
            let parkers: Vec<_> = (0..WORKERS).map(|_| Parker::new()).collect();
            let unparkers: Vec<_> = parkers.iter().map(|p| p.unparker().clone()).collect();
            let workers: Vec<_> = parkers
                .into_iter()
                .enumerate()
                .map(|(index, mut parker)| {
                    let (idle, queue) = (idle.clone(), queue.clone());
                    let unparkers = unparkers.clone();
                    thread::spawn(move || {
                        let mut searching = false;
                        loop {
                            searching = searching || idle.begin_search();
                            // Relaxed on purpose: only the protocol may carry the task over.
                            let found = queue
                                .fetch_update(Relaxed, Relaxed, |n| n.checked_sub(1))
                                .is_ok();
                            if found {
                                if searching
                                    && idle.end_search()
                                    && queue.load(Relaxed) > 0
                                    && let Some(other) = idle.worker_to_wake()
                                {
                                    unparkers[other].unpark();
                                }
                                return;
                            }
                            let look = idle.prepare_sleep(index, searching, index == 0);
                            if queue.load(Relaxed) == 0 {
                                look.found_nothing();
                                parker.park();
                            }
                            searching = idle.end_sleep(index);
                        }
                    })
                })
                .collect();
            for _ in 0..WORKERS {
                queue.fetch_add(1, Relaxed);
                if let Some(worker) = idle.worker_to_wake() {
                    unparkers[worker].unpark();
                }
            }
            // If a task is forgotten a worker sleeps for ever, which loom reports as a deadlock.
            for worker in workers {
                worker.join().unwrap();
            }
        });
    }

    /// One worker leaves the reactor for good, the other goes to sleep: it ends up in the reactor.
    #[test]
    fn who_leaves_the_reactor_and_who_sleeps_beside_it_do_not_miss_each_other() {
        model(|| {
            const LEAVES: usize = 0;
            const SLEEPS: usize = 1;
            let idle = Arc::new(Idle::new(2));
            let is_taken = Arc::new(AtomicBool::new(true));
            let mut parker = Parker::new();
            let leaver = {
                let (idle, is_taken) = (idle.clone(), is_taken.clone());
                let unparker = parker.unparker().clone();
                thread::spawn(move || {
                    // Release and Acquire: those of a lock.
                    is_taken.store(false, Release);
                    // Relaxed, here and below: as `is_locked` of a lock; the list's lock orders it.
                    if !is_taken.load(Relaxed)
                        && idle.sleeper_beside(|worker| worker != LEAVES) == Some(SLEEPS)
                    {
                        unparker.unpark();
                    }
                })
            };
            loop {
                let in_reactor = is_taken
                    .compare_exchange(false, true, Acquire, Relaxed)
                    .is_ok();
                let look = idle.prepare_sleep(SLEEPS, false, in_reactor);
                if in_reactor {
                    look.found_nothing();
                    break;
                }
                if is_taken.load(Relaxed) {
                    look.found_nothing();
                    // For ever, if it is missed, which loom reports as a deadlock.
                    parker.park();
                }
                idle.end_sleep(SLEEPS);
            }
            leaver.join().unwrap();
        });
    }
}
