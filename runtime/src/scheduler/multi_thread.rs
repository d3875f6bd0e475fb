//! The scheduler with workers that take work from each other.
//!
//! # How it works
//!
//! Every worker has a ring of tasks, a `next` slot for the task it woke last, and a driver: timers of
//! its own and a reactor that it shares with up to seven others ([`Lookout`]). What is woken on a worker
//! goes to its own queue, what is woken elsewhere to the injection queue. A worker whose queues are
//! empty robs the others, then sleeps in its driver ([`Idle`] says when that is safe).
//!
//! This file holds what everybody may see of the workers; what a worker does is `worker.rs`.
//!
//! # Invariants
//!
//! - **M1** A worker's [`Seat`] is in exactly one place: with its thread, in the tenure, or in
//!   [`Remote::seat`] while no thread runs it. Whoever has the seat is the worker. It leaves its
//!   thread when the task that runs gives it away, or when the watchdog takes it from a thread that
//!   is in a poll (`tenure.rs`), so never while the worker searches or sleeps.
//! - **M2** `running` counts the seats that have not been retired; the thread that retires the last
//!   one ends the drivers and the injection queue.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicUsize};

use parking_lot::Mutex;
use runtime_base::wake_batch::WakeBatch;
use runtime_timer::Clock;

use super::counters::Counters;
use super::estate::Estate;
use super::idle::Idle;
use super::ring::{self, Stealer, Word};
use super::seat::Seat;
use super::worker::{self, Incumbent};
use crate::runtime::driver::{Driver, Enabled, Lookout};
use crate::runtime::dump::requests::{self, Untold};
use crate::runtime::handle::Flavor;
use crate::runtime::{Handle, Id, Settings, hooks};
use crate::task::cell::Header;
use crate::task::{self, JoinHandle, Runnable, Schedule, TaskRef};
use crate::watchdog::{Rescue, Sighting, Watched};

/// How many workers share a reactor (docs/decisions/013): so few that they do not wait for its lock in
/// the system, so many that on a common machine each worker sees each event.
const WORKERS_PER_LOOKOUT: usize = 8;

/// The scheduler of one multi-thread runtime.
pub(crate) struct MultiThread {
    estate: Estate,
    remotes: Box<[Remote]>,
    lookouts: Box<[Arc<Lookout>]>,
    idle: Idle,
    shut_down: AtomicBool,
    /// Seats that are not retired (M2).
    running: AtomicUsize,
    /// Threads whose seat was taken away while they were in a poll, and that are still in it. Changes
    /// under the lock of `held_up`.
    stand_ins: AtomicUsize,
    held_up: Mutex<HeldUp>,
    /// Whether there are as many stand-ins as may be. Changes under the same lock.
    is_held_up: AtomicBool,
    /// Whether a seat lies in [`Remote::seat`] for which the system gave no thread.
    lacks_threads: AtomicBool,
}

/// What others see of a worker.
pub(crate) struct Remote {
    pub(crate) stealer: Stealer<Runnable>,
    pub(crate) driver: Driver,
    /// Written by the thread that has the seat.
    pub(crate) counters: Counters,
    /// The seat, while no thread runs it (M1).
    pub(crate) seat: Mutex<Option<Box<Seat>>>,
    /// The thread that took the seat last, unless it was taken away from it.
    pub(crate) incumbent: Mutex<Option<Incumbent>>,
}

/// What those threads run, and what waits for their end.
#[derive(Default)]
struct HeldUp {
    /// Where the tasks were spawned that hold them up; a place for each thread.
    places: Vec<&'static Location<'static>>,
    /// Tasks of the same places: there may be no more stand-ins, so they must not hold up a worker. One
    /// that is aborted is let go.
    postponed: BTreeMap<task::Id, Runnable>,
}

impl MultiThread {
    /// Builds the scheduler and starts its workers.
    pub(crate) fn start(
        id: Id,
        workers: usize,
        enabled: Enabled,
        clock: Clock,
        settings: Arc<Settings>,
    ) -> io::Result<Arc<Self>> {
        let groups = workers.div_ceil(WORKERS_PER_LOOKOUT);
        let lookouts = (0..groups)
            .map(|_| Lookout::new(id.number(), enabled))
            .collect::<io::Result<Vec<_>>>()?;
        let make_remote = |index: usize| {
            let (ring, stealer) = ring::new();
            let lookout = lookouts[index % groups].clone();
            let driver = Driver::new(lookout, enabled, clock.clone());
            let counters = Counters::new(&settings);
            let seat = Mutex::new(Some(Box::new(Seat::new(ring, index, &counters, &settings))));
            Remote {
                stealer,
                driver,
                counters,
                seat,
                incumbent: Mutex::default(),
            }
        };
        let remotes = (0..workers).map(make_remote).collect();
        let scheduler = Arc::new(Self {
            estate: Estate::of_workers(id, workers, clock, settings),
            remotes,
            lookouts: lookouts.into_iter().flatten().collect(),
            idle: Idle::new(workers),
            shut_down: AtomicBool::new(false),
            running: AtomicUsize::new(workers),
            stand_ins: AtomicUsize::new(0),
            held_up: Mutex::default(),
            is_held_up: AtomicBool::new(false),
            lacks_threads: AtomicBool::new(false),
        });
        for index in 0..workers {
            if let Err(error) = scheduler.start_worker(index) {
                scheduler.begin_shutdown();
                // Seats that never got a thread are retired here.
                for remote in &scheduler.remotes[index..] {
                    let seat = remote.seat.lock().take();
                    seat.into_iter().for_each(|seat| scheduler.retire(seat));
                }
                scheduler.estate.blocking.close();
                scheduler.estate.blocking.join(None);
                return Err(error);
            }
        }
        Ok(scheduler)
    }

    /// Gives worker `index` a thread, which takes its seat from [`Remote::seat`].
    pub(crate) fn start_worker(self: &Arc<Self>, index: usize) -> io::Result<()> {
        let handle = Handle {
            flavor: Flavor::MultiThread(self.clone()),
        };
        let scheduler = self.clone();
        self.estate
            .blocking
            .run_on_own_thread(&handle, move || worker::run(&scheduler, index))
    }

    /// Gives worker `index`, whose seat is in [`Remote::seat`], another thread. If the system has none
    /// the watchdog asks again.
    pub(crate) fn replace_thread(self: &Arc<Self>, index: usize) -> io::Result<()> {
        self.start_worker(index).inspect_err(|_| {
            // Release: pairs with the Acquire in `start_missing`, which then finds the seat.
            self.lacks_threads.store(true, Release);
        })
    }

    /// Makes a task of `future` and puts it into a queue.
    #[inline]
    pub(crate) fn spawn<F>(
        self: &Arc<Self>,
        future: F,
        id: task::Id,
        spawned_at: &'static Location<'static>,
    ) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        hooks::call(&self.estate.settings.task_hooks.on_spawn, id, spawned_at);
        let (join, runnable) = self
            .estate
            .owned
            .spawn(future, self.clone(), id, spawned_at);
        if let Some(runnable) = runnable
            && let Err(runnable) = worker::schedule_here(Arc::as_ptr(self), runnable)
        {
            self.inject(runnable);
        }
        join
    }

    /// Puts a task into the injection queue and wakes a worker for it.
    pub(crate) fn inject(&self, task: Runnable) {
        self.estate.tallies.scheduled_remotely();
        self.estate.settings.note_scheduled(&task);
        self.estate.injection.push(task);
        self.wake_one();
    }

    /// A task was made available that any worker could run: wakes a sleeping one, unless somebody
    /// looks for work already.
    #[inline]
    pub(crate) fn wake_one(&self) {
        if let Some(index) = self.idle.worker_to_wake() {
            self.remotes[index].driver.notifier().unpark();
        }
    }

    /// The worker is busy, perhaps for long. If nobody waits for the events of its lookout, one of those
    /// who sleep beside it is to. Says whether there is one.
    pub(crate) fn attend_for(&self, worker: usize) -> bool {
        let driver = &self.remotes[worker].driver;
        if driver.is_attended() {
            return false;
        }
        let shares_lookout = |other: usize| self.remotes[other].driver.shares_lookout(driver);
        let Some(sleeper) = self.idle.sleeper_beside(shares_lookout) else {
            return false;
        };
        // It finds no work, and the lookout empty.
        self.remotes[sleeper].driver.notifier().unpark();
        true
    }

    /// Whether any queue has a task.
    pub(crate) fn has_work(&self) -> bool {
        !self.estate.injection.is_empty()
            || self.remotes.iter().any(|remote| !remote.stealer.is_empty())
    }

    /// Tells all workers to stop.
    pub(crate) fn begin_shutdown(&self) {
        // Release: pairs with the Acquire in `is_shut_down`.
        self.shut_down.store(true, Release);
        for remote in &self.remotes {
            remote.driver.notifier().unpark();
        }
    }

    pub(crate) fn is_shut_down(&self) -> bool {
        self.shut_down.load(Acquire)
    }

    /// The worker stops for good: its tasks are cancelled, and the last worker ends what is shared
    /// (M2).
    #[expect(
        clippy::boxed_local,
        reason = "a seat lives in its box from the first to the last"
    )]
    pub(crate) fn retire(&self, seat: Box<Seat>) {
        seat.cancel_tasks();
        // AcqRel: the last one sees everything that the others did.
        if self.running.fetch_sub(1, AcqRel) > 1 {
            return;
        }
        self.estate.injection.close();
        let postponed = std::mem::take(&mut self.held_up.lock().postponed);
        for (id, task) in postponed {
            requests::task_came_back(id);
            task.shutdown();
        }
        let mut batch = WakeBatch::new();
        for remote in &self.remotes {
            remote.driver.shutdown(&mut batch);
        }
        for lookout in &self.lookouts {
            lookout.shutdown(&mut batch);
        }
        worker::wake_all(&mut batch);
        // Until now workers could be held up.
        self.estate.watchdog.stop();
    }

    /// A thread whose seat was taken away has come back from this task, which was spawned there.
    pub(crate) fn stand_in_ended(
        &self,
        task: Option<task::Id>,
        place: Option<&'static Location<'static>>,
    ) {
        let postponed = {
            let mut held_up = self.held_up.lock();
            let position = held_up
                .places
                .iter()
                .position(|&other| Some(other) == place);
            if let Some(position) = position {
                held_up.places.swap_remove(position);
            }
            // Relaxed: ordered by the lock where it matters.
            let left = self.stand_ins.fetch_sub(1, Relaxed) - 1;
            let limit = self.estate.settings.stalls.max_stand_ins;
            self.is_held_up.store(left >= limit, Relaxed);
            std::mem::take(&mut held_up.postponed)
        };
        task.into_iter().for_each(requests::task_came_back);
        self.estate.watchdog.held_up_came_back();
        for task in postponed.into_values() {
            self.resume(task);
        }
    }

    /// A task that was postponed may run.
    fn resume(&self, task: Runnable) {
        requests::task_came_back(task.header().id);
        self.estate.injection.push(task);
        self.wake_one();
    }

    /// Hands the task back, unless it must wait because tasks like it hold up as many threads as may
    /// be.
    #[inline]
    pub(crate) fn unless_postponed(&self, task: Runnable) -> Option<Runnable> {
        // Relaxed: looked at again under the lock.
        if self.is_held_up.load(Relaxed) {
            return self.postpone(task);
        }
        Some(task)
    }

    #[cold]
    fn postpone(&self, task: Runnable) -> Option<Runnable> {
        let mut held_up = self.held_up.lock();
        // Relaxed: changes under the lock.
        if !self.is_held_up.load(Relaxed) || !held_up.places.contains(&task.header().spawned_at) {
            return Some(task);
        }
        // Whoever aborts it later finds it on the list (`let_go`).
        if task.header().state.is_cancelled() {
            return Some(task);
        }
        let id = task.header().id;
        // Before somebody takes it off the list again.
        let untold = requests::task_held_up(id);
        held_up.postponed.insert(id, task);
        drop(held_up);
        untold.into_iter().for_each(Untold::tell);
        None
    }

    /// Some worker's driver, for a thread from outside: always the same for the same thread.
    pub(crate) fn driver_for_guests(&self) -> &Driver {
        let thread = super::this_thread() as usize;
        &self.remotes[thread % self.remotes.len()].driver
    }

    pub(crate) fn estate(&self) -> &Estate {
        &self.estate
    }

    pub(crate) fn remotes(&self) -> &[Remote] {
        &self.remotes
    }

    pub(crate) fn lookouts(&self) -> &[Arc<Lookout>] {
        &self.lookouts
    }

    pub(crate) fn idle(&self) -> &Idle {
        &self.idle
    }

    pub(crate) fn worker_count(&self) -> usize {
        self.remotes.len()
    }
}

impl Watched for MultiThread {
    fn estate(&self) -> &Estate {
        &self.estate
    }

    fn handle(self: Arc<Self>) -> Handle {
        Handle {
            flavor: Flavor::MultiThread(self),
        }
    }

    fn worker_count(&self) -> usize {
        self.remotes.len()
    }

    fn look(&self, worker: usize) -> Option<Sighting> {
        let remote = &self.remotes[worker];
        let post = remote.incumbent.lock().as_ref()?.post.clone();
        let turn = post.turn();
        Some(Sighting { post, turn })
    }

    fn attend_for(&self, worker: usize) {
        let _ = Self::attend_for(self, worker);
    }

    fn lacks_threads(&self) -> bool {
        // Relaxed: a hint.
        self.lacks_threads.load(Relaxed)
    }

    fn start_missing(self: Arc<Self>) {
        // Acquire: pairs with the Release in `replace_thread`.
        self.lacks_threads.swap(false, Acquire);
        // One that finds its seat taken ends: somebody came back, or another thread was on its way.
        let vacant = (0..self.remotes.len()).filter(|&worker| self.is_vacant(worker));
        for worker in vacant {
            if self.replace_thread(worker).is_err() {
                return;
            }
        }
    }

    fn is_vacant(&self, worker: usize) -> bool {
        self.remotes[worker].seat.lock().is_some()
    }

    fn stand_ins(&self) -> usize {
        // Relaxed: a count against a limit, which may be missed by a moment.
        self.stand_ins.load(Relaxed)
    }

    fn rescue(self: Arc<Self>, worker: usize, sighting: &Sighting) -> Rescue {
        let remote = &self.remotes[worker];
        let limit = self.estate.settings.stalls.max_stand_ins;
        // From the limit on, tasks like those that block are not begun. But each worker may have begun
        // one, and sockets and timers of other tasks depend on it.
        if limit == 0 {
            return Rescue::NotNeeded;
        }
        if self.stand_ins() >= limit.saturating_add(self.remotes.len()) {
            return Rescue::TooManyStandIns;
        }
        let mut untold = None;
        let seat = {
            let mut incumbent = remote.incumbent.lock();
            // Before the seat goes: the thread may be back at once, and is counted by then.
            let mut held_up = self.held_up.lock();
            let seat = incumbent
                .as_ref()
                .filter(|incumbent| Arc::ptr_eq(&incumbent.post, &sighting.post))
                .and_then(|incumbent| {
                    // In the poll of the sighting the worker neither searches nor sleeps, and has
                    // nothing in its hands but the task. The thread may just have ended that poll, but
                    // it has not touched the seat since.
                    let is_same = |_: &Seat| incumbent.post.turn() == sighting.turn;
                    incumbent.revoker.revoke(is_same)
                });
            if seat.is_some() {
                held_up.places.extend(sighting.post.spawned_at());
                untold = sighting.post.task().and_then(requests::task_held_up);
                // Relaxed: see `stand_in_ended`.
                let stand_ins = self.stand_ins.fetch_add(1, Relaxed) + 1;
                self.is_held_up.store(stand_ins >= limit, Relaxed);
                *incumbent = None;
            }
            seat
        };
        let Some(seat) = seat else {
            return Rescue::NotNeeded;
        };
        *remote.seat.lock() = Some(seat);
        let replaced = self.replace_thread(worker);
        untold.into_iter().for_each(Untold::tell);
        match replaced {
            Ok(()) if self.stand_ins() >= limit => Rescue::LastStandIn,
            Ok(()) => Rescue::StandIn,
            // The stalled thread will find its seat when it comes back, if no other does before. The report
            // says it: the log may block, and this is the watchdog's thread.
            Err(_) => Rescue::NoThread,
        }
    }
}

#[allow(unsafe_code)] // Implements an unsafe method.
impl Schedule for Arc<MultiThread> {
    unsafe fn schedule(this: NonNull<Self>, task: Runnable) {
        // SAFETY: valid until the task is given away. What is passed on is an address to compare, and
        // no reference: the task may be run and freed before the call returns.
        let address = Arc::as_ptr(unsafe { this.as_ref() });
        let Err(task) = worker::schedule_here(address, task) else {
            return;
        };
        // SAFETY: we have the task again. Giving it away once more may free `this`, so a clone.
        let scheduler = unsafe { this.as_ref() }.clone();
        scheduler.inject(task);
    }

    unsafe fn reschedule(this: NonNull<Self>, task: Runnable) {
        // SAFETY: as above.
        let address = Arc::as_ptr(unsafe { this.as_ref() });
        let Err(task) = worker::schedule_last_here(address, task) else {
            return;
        };
        // SAFETY: as above.
        let scheduler = unsafe { this.as_ref() }.clone();
        scheduler.inject(task);
    }

    fn let_go(&self, task: task::Id) {
        let postponed = self.held_up.lock().postponed.remove(&task);
        postponed.into_iter().for_each(|task| self.resume(task));
    }

    fn release(&self, task: &TaskRef) -> bool {
        let header = task.header();
        hooks::call(
            &self.estate.settings.task_hooks.on_terminate,
            header.id,
            header.spawned_at,
        );
        let was_listed = self.estate.owned.remove(task);
        requests::task_ended(header.id);
        was_listed
    }
}

#[allow(unsafe_code)] // The counted pointer of a runnable is the word.
impl Word for Runnable {
    type Target = Header;

    fn into_word(self) -> NonNull<Header> {
        self.into_raw()
    }

    unsafe fn from_word(word: NonNull<Header>) -> Self {
        // SAFETY: the caller promises the same.
        unsafe { Runnable::from_raw(word) }
    }
}
