//! What one worker does.
//!
//! ```text
//! loop { while let Some(task) = next() { task.run(); every 61st: driver.poll() }
//!        steal(), or idle.prepare_sleep() — a last look at every queue — driver.park() }
//! ```
//!
//! # Where a task goes that is woken on this worker
//!
//! - To the `next` slot, and the task that was there to the ring: the two tasks of a conversation
//!   run one after the other and find each other's data in the cache. After
//!   [`NEXT_IN_A_ROW`](super::seat::NEXT_IN_A_ROW) tasks from the slot the ring has its turn, so
//!   that a conversation cannot starve the others.
//! - To the ring, when the driver wakes a batch, or when the task woke itself.
//! - From a full ring, half of the tasks go to the injection queue.
//!
//! # How a thread loses its seat
//!
//! A task that announces that it blocks ([`hand_over`]) leaves the seat to another thread (M1). When
//! it is done it takes the seat back, if nobody has begun to run it. A task that blocks without a
//! word has the seat taken away by the watchdog
//! ([`Watched::rescue`](crate::watchdog::Watched::rescue)). Either way the thread is no worker any
//! more: what it wakes goes to the injection queue, and when the task's poll is over it ends, unless it
//! finds that its seat has no thread yet.
//!
//! So every step of the loop asks for the seat again, and the loop ends where there is none.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

use runtime_base::wake_batch::WakeBatch;
use runtime_base::{defer, driving};

use super::attendance::Attendance;
use super::counters::{BusySince, Counters};
use super::multi_thread::{MultiThread, Remote};
use super::seat::{Seat, global_queue_interval};
use super::tenure::{self, Holder, Revoker};
use crate::contained::contained;
use crate::runtime::driver::Berth;
use crate::runtime::dump::requests;
use crate::runtime::rng_seed::Seeded;
use crate::task::{Id, Runnable};
use crate::watchdog::Post;

mod hand_over;

pub(crate) use hand_over::{HandedOver, hand_over};

thread_local! {
    /// The worker that this thread runs.
    static WORKER: RefCell<Option<Rc<Worker>>> = const { RefCell::new(None) };
}

/// A thread that runs a worker.
struct Worker {
    scheduler: Arc<MultiThread>,
    index: usize,
    /// The seat, unless it was handed over or taken away (M1). Touched for moments only, never while a
    /// task runs.
    holder: Holder<Seat>,
    /// What the watchdog sees of this thread.
    post: Arc<Post>,
    /// When to send somebody to the reactor.
    attendance: Cell<Attendance>,
    /// The task that gave the seat away for good, as long as its poll lasts: it may block again.
    held_up: Cell<Option<Id>>,
}

/// The thread that has a worker's seat, as the watchdog sees it.
pub(crate) struct Incumbent {
    pub(super) post: Arc<Post>,
    pub(super) revoker: Revoker<Seat>,
}

/// Runs worker `index` on this thread until the runtime ends or the seat is gone.
pub(super) fn run(scheduler: &Arc<MultiThread>, index: usize) {
    let remote = &scheduler.remotes()[index];
    // Whoever handed it over may have taken it back already.
    let Some(mut seat) = remote.seat.lock().take() else {
        return;
    };
    let _driving = driving::enter();
    let _driver = remote.driver.enter();
    let seed = scheduler.estate().settings.rng_seed.as_ref();
    let _seeded = Seeded::enter(seed.map(|seed| seed.state(index)));
    loop {
        remote.counters.set_thread();
        Worker::begin(scheduler.clone(), index, seat).serve();
        // A stall may end before its stand-in begins.
        match remote.seat.lock().take() {
            Some(returned) => seat = returned,
            None => return,
        }
    }
}

/// Which worker this thread runs.
pub(crate) fn worker_index() -> Option<usize> {
    WORKER
        .try_with(|current| current.borrow().as_ref().map(|worker| worker.index))
        .unwrap_or(None)
}

/// Wakes a driver's batch; a waker that panics is its author's affair.
pub(super) fn wake_all(batch: &mut WakeBatch) {
    if batch.is_empty() {
        return;
    }
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| batch.wake_all())) {
        // The panic was printed by the hook. Dropping its payload could panic again.
        std::mem::forget(panic);
        contained(|| {
            tracing::error!(target: "runtime::driver", "a waker panicked; the others were woken");
        });
    }
}

/// Calls `f` with this thread's worker if it belongs to `scheduler` and has its seat.
#[inline]
fn with_seat<R>(
    scheduler: *const MultiThread,
    task: Runnable,
    f: impl FnOnce(&Worker, &mut Seat, Runnable) -> R,
) -> Result<R, Runnable> {
    let mut task = Some(task);
    let done = WORKER.try_with(|current| {
        let current = current.borrow();
        let worker = current.as_ref()?;
        if !std::ptr::eq(&raw const *worker.scheduler, scheduler) {
            return None;
        }
        worker
            .holder
            .with_seat(|seat| task.take().map(|task| f(worker, seat, task)))
            .flatten()
    });
    match (done, task) {
        (Ok(Some(result)), _) => Ok(result),
        (_, Some(task)) => Err(task),
        _ => unreachable!("a task that was taken was given to `f`"),
    }
}

/// Schedules `task` on this thread's worker, to run next; hands it back if this thread is no worker
/// of `scheduler`.
#[inline]
pub(super) fn schedule_here(scheduler: *const MultiThread, task: Runnable) -> Result<(), Runnable> {
    with_seat(scheduler, task, |worker, seat, task| {
        let scheduler = &*worker.scheduler;
        worker.counters().local_schedules.add(1);
        scheduler.estate().settings.note_scheduled(&task);
        if seat.delivering || scheduler.estate().settings.disable_lifo_slot {
            seat.push_last(scheduler, task);
            if seat.delivering {
                // One wake-up for the whole batch follows.
                return;
            }
        } else {
            // Others cannot take the task in the slot, only the one that it drives out.
            let Some(previous) = seat.next.replace(task) else {
                return;
            };
            seat.push_last(scheduler, previous);
        }
        scheduler.wake_one();
    })
}

/// Schedules `task` behind all others of this thread's worker.
#[inline]
pub(super) fn schedule_last_here(
    scheduler: *const MultiThread,
    task: Runnable,
) -> Result<(), Runnable> {
    with_seat(scheduler, task, |worker, seat, task| {
        worker.counters().local_schedules.add(1);
        worker.scheduler.estate().settings.note_scheduled(&task);
        seat.push_last(&worker.scheduler, task);
        if !seat.delivering {
            worker.scheduler.wake_one();
        }
    })
}

/// What comes next.
enum Step {
    Run(Runnable),
    /// It is time to look at the driver, whatever there is to do.
    Look,
    /// There is nothing to do here.
    Idle,
}

impl Worker {
    fn begin(scheduler: Arc<MultiThread>, index: usize, seat: Box<Seat>) -> Rc<Self> {
        let worker = Rc::new(Self {
            scheduler,
            index,
            holder: tenure::begin(seat),
            post: Arc::new(Post::of_this_thread()),
            attendance: Cell::new(Attendance::new()),
            held_up: Cell::new(None),
        });
        worker.become_incumbent();
        worker.has_woken();
        worker
    }

    /// This thread has the seat: it is the one to watch.
    fn become_incumbent(&self) {
        *self.remote().incumbent.lock() = Some(Incumbent {
            post: self.post.clone(),
            revoker: self.holder.revoker(),
        });
    }

    /// Works until the runtime ends or the seat is gone.
    fn serve(self: Rc<Self>) {
        let previous = WORKER.with(|current| current.replace(Some(self.clone())));
        let keeper = defer::enter_keeper(self.clone());
        self.run();
        drop(keeper);
        WORKER.with(|current| current.replace(previous));
        // Those of the last poll, if the seat went during it.
        self.scheduler.estate().tallies.collect_forced_yields();
        if let Some(task) = self.held_up.take() {
            requests::task_came_back(task);
        }
        if self.holder.was_revoked() {
            let post = &self.post;
            self.scheduler
                .stand_in_ended(post.task(), post.spawned_at());
        }
    }

    fn run(&self) {
        let mut batch = WakeBatch::new();
        while !self.scheduler.is_shut_down() {
            let mut step = self.next_step(true);
            if let Some(Step::Look) = step {
                step = self.look_before_next_step(&mut batch);
            }
            match step {
                Some(Step::Run(task)) => {
                    if let Some(task) = self.scheduler.unless_postponed(task) {
                        self.run_task(task);
                    }
                }
                Some(Step::Look | Step::Idle) => self.look_at_driver(&mut batch),
                // Another thread is the worker now.
                None => return,
            }
        }
        self.count_busy(BusySince::leave);
        // Workers begin at different places, to share the work.
        self.scheduler
            .estate()
            .owned
            .close_and_cancel(self.index * 4);
        // Not before: a future that blocks in its drop hands the seat over, and may wait for what ends
        // when all seats are retired.
        if let Some(seat) = self.holder.take() {
            self.scheduler.retire(seat);
        }
    }

    /// Decides what comes next: a task of this worker, of the injection queue, or of another worker,
    /// unless it is time for a look at the driver, if `look_may_be`. `None` without a seat.
    #[inline(always)]
    fn next_step(&self, look_may_be: bool) -> Option<Step> {
        let mut found_by_search = false;
        let step = self.holder.with_seat(|seat| {
            if look_may_be && seat.looks.is_due() {
                return Step::Look;
            }
            let task = seat
                .next_task(&self.scheduler)
                .or_else(|| seat.steal(&self.scheduler, self.index));
            let Some(task) = task else {
                return Step::Idle;
            };
            found_by_search = std::mem::replace(&mut seat.searching, false);
            Step::Run(task)
        })?;
        if found_by_search && self.scheduler.idle().end_search() && self.scheduler.has_work() {
            // What came while this worker searched woke nobody.
            self.scheduler.wake_one();
        }
        Some(step)
    }

    /// Looks at the driver, and then decides. Apart from the loop, which is shorter without it.
    #[inline(never)]
    fn look_before_next_step(&self, batch: &mut WakeBatch) -> Option<Step> {
        self.poll_driver(batch);
        self.next_step(false)
    }

    #[inline]
    fn remote(&self) -> &Remote {
        &self.scheduler.remotes()[self.index]
    }

    #[inline]
    fn counters(&self) -> &Counters {
        &self.remote().counters
    }

    #[inline]
    fn run_task(&self, task: Runnable) {
        let settings = &self.scheduler.estate().settings;
        super::run_task(settings, self.counters(), &self.post, task);
    }

    /// This thread is awake; the watchdog must be, too.
    fn has_woken(&self) {
        let watchdog = &self.scheduler.estate().watchdog;
        watchdog.has_woken(&self.post, || self.scheduler.clone());
    }

    fn count_busy(&self, event: impl FnOnce(&mut BusySince, &Counters)) {
        self.holder.with_seat(|seat| {
            let counters = self.counters();
            event(&mut seat.busy, counters);
            let settings = &self.scheduler.estate().settings;
            let interval = global_queue_interval(settings, counters);
            seat.injection_first.set_interval(interval);
        });
        self.scheduler.estate().tallies.collect_forced_yields();
    }

    /// Looks for events without sleeping.
    fn poll_driver(&self, batch: &mut WakeBatch) {
        self.count_busy(BusySince::count);
        self.remote().driver.poll(batch);
        self.left_reactor();
        self.take_deferred(batch);
        self.deliver(batch);
    }

    /// Looks for events, and sleeps if there is nothing else to do.
    fn look_at_driver(&self, batch: &mut WakeBatch) {
        let Some(berth) = self.prepare_sleep() else {
            return self.poll_driver(batch);
        };
        if self.attendance.get().has_sent_somebody() {
            self.learn_attendance(berth.is_in_reactor());
        }
        self.count_busy(BusySince::park);
        self.post.goes_to_sleep();
        let collected = self.remote().driver.park(berth, batch);
        self.left_reactor();
        self.has_woken();
        self.count_busy(BusySince::unpark);
        self.end_sleep();
        let settings = &self.scheduler.estate().settings;
        settings.call(&settings.after_unpark);
        self.take_deferred(batch);
        self.deliver(batch);
        // While somebody is on the way, what this worker finds itself must be counted.
        let has_sent_somebody = self.attendance.get().has_sent_somebody();
        if collected && (has_sent_somebody || self.scheduler.idle().somebody_sleeps()) {
            self.see_to_attendance();
        }
    }

    #[cold]
    fn learn_attendance(&self, in_reactor: bool) {
        let mut attendance = self.attendance.get();
        attendance.goes_to_sleep(in_reactor, self.remote().driver.collected());
        self.attendance.set(attendance);
    }

    /// This worker found something in the reactor, and is going to run it.
    #[inline(never)]
    fn see_to_attendance(&self) {
        let Some(slept) = self.holder.with_seat(|seat| seat.busy.slept()) else {
            return;
        };
        let mut attendance = self.attendance.get();
        // Before anybody is sent: what that one finds counts.
        let collected = self.remote().driver.collected();
        if attendance.found_something(slept) && self.scheduler.attend_for(self.index) {
            attendance.sent_somebody(collected);
        }
        self.attendance.set(attendance);
    }

    /// What comes next may take long.
    fn left_reactor(&self) {
        if self.scheduler.estate().settings.eager_driver_handoff {
            self.scheduler.attend_for(self.index);
        }
    }

    fn take_deferred(&self, batch: &mut WakeBatch) {
        self.holder.with_seat(|seat| {
            for waker in seat.deferred.drain(..) {
                batch.push(waker);
            }
        });
    }

    /// Whether this worker itself has nothing to do.
    fn may_sleep(&self) -> bool {
        let idle = |seat: &mut Seat| {
            seat.next.is_none() && seat.ring.is_empty() && seat.deferred.is_empty()
        };
        self.holder.with_seat(idle).unwrap_or(false)
    }

    /// Goes onto the list of sleepers; `None` if there is something to do after all.
    fn prepare_sleep(&self) -> Option<Berth<'_>> {
        if !self.may_sleep() {
            return None;
        }
        let settings = &self.scheduler.estate().settings;
        settings.call(&settings.before_park);
        // The hook may have spawned.
        if !self.may_sleep() {
            return None;
        }
        let stop_searching = |seat: &mut Seat| std::mem::replace(&mut seat.searching, false);
        let searching = self.holder.with_seat(stop_searching)?;
        let berth = self.remote().driver.berth();
        let idle = self.scheduler.idle();
        let look = idle.prepare_sleep(self.index, searching, berth.is_in_reactor());
        // Whoever left the reactor before we were on the list did not see us there, and does not wake
        // us to wait in its place (I4).
        let could_be_in_reactor = !berth.is_in_reactor() && !self.remote().driver.is_attended();
        if could_be_in_reactor || self.scheduler.has_work() || self.scheduler.is_shut_down() {
            self.end_sleep();
            return None;
        }
        look.found_nothing();
        Some(berth)
    }

    fn end_sleep(&self) {
        let woken_on_purpose = self.scheduler.idle().end_sleep(self.index);
        self.holder
            .with_seat(|seat| seat.searching = woken_on_purpose);
    }

    /// Wakes what the driver found; the tasks queue up here, next to their sockets.
    fn deliver(&self, batch: &mut WakeBatch) {
        if batch.is_empty() {
            return;
        }
        self.set_delivering(true);
        wake_all(batch);
        self.set_delivering(false);
        let spare = self.holder.with_seat(|seat| seat.ring.len() > 1);
        if spare == Some(true) {
            self.scheduler.wake_one();
        }
    }

    fn set_delivering(&self, delivering: bool) {
        self.holder.with_seat(|seat| seat.delivering = delivering);
    }
}

impl defer::Keeper for Worker {
    fn defer(&self, waker: &Waker) {
        // A future that yields in a loop of its own must not fill the list with itself.
        let is_last = self.holder.with_seat(|seat| {
            let last = seat.deferred.last();
            last.is_some_and(|last| last.will_wake(waker))
        });
        match is_last {
            Some(true) => {}
            Some(false) => {
                // Cloning runs code of the waker's author, so the seat is not touched meanwhile.
                let mut waker = Some(waker.clone());
                self.holder
                    .with_seat(|seat| seat.deferred.extend(waker.take()));
                // The seat went in between.
                waker.into_iter().for_each(Waker::wake);
            }
            // The worker is another thread, and this one does not come to look at a driver.
            None => waker.wake_by_ref(),
        }
    }
}
