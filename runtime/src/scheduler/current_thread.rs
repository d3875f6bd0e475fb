//! The scheduler that runs everything on the thread that blocks on a future.
//!
//! # How it works
//!
//! The [`Seat`] holds the queue of tasks. [`CurrentThread::block_on`] takes it, runs tasks and the
//! future in turn, sleeps in the driver when there is nothing to do, and puts the seat back. While
//! one thread has it, others that block on futures of theirs only poll those, until the seat comes
//! back and one of them takes it.
//!
//! # Invariants
//!
//! - **C1** The seat is in exactly one place: in [`CurrentThread::place`], or in the [`Running`] of
//!   the thread that took it.
//! - **C2** Whoever puts the seat back wakes one thread of those that wait; a thread that was woken for
//!   it and leaves instead wakes the next.
//! - **C3** A future that is not `Send` is polled and dropped by the thread that made it: only a
//!   scheduler with `own_thread` accepts one, on that thread, and no other takes the seat or shuts
//!   the scheduler down, because [`LocalRuntime`](crate::runtime::LocalRuntime) stays there. What
//!   other threads may do to a task is to queue it; after the injection queue was closed they cancel
//!   it instead, but then it is complete already, or its own thread is about to make it so.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::pin;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::task::{Context, Poll, Wake, Waker};

use parking_lot::Mutex;
use runtime_base::coop;
use runtime_base::parker::{Parker, Unparker};
use runtime_base::wake_batch::WakeBatch;
use runtime_net::Counts;
use runtime_timer::Clock;

use super::counters::Counters;
use super::estate::Estate;
use super::every::Every;
use super::worker::wake_all;
use crate::runtime::driver::{Driver, Enabled, Lookout, Notifier};
use crate::runtime::dump::requests;
use crate::runtime::handle::Flavor;
use crate::runtime::{Handle, Id, Settings, UnhandledPanic, hooks};
use crate::spare::{Recycled, Spare};
use crate::task::{self, JoinHandle, Runnable, Schedule, TaskRef};
use crate::watchdog::{Post, Rescue, Sighting, Watched};

mod turn;

use turn::{Running, Turn, stopped};

thread_local! {
    /// The scheduler that this thread runs.
    static RUNNING: RefCell<Option<Recycled<Running>>> = const { RefCell::new(None) };
    static SPARE: Spare<Running> = const { Spare::new() };
}

/// The scheduler of one current-thread runtime.
pub(crate) struct CurrentThread {
    estate: Estate,
    /// The only thread that may have the seat, if futures that are not `Send` may be spawned.
    own_thread: Option<u64>,
    driver: Driver,
    place: Mutex<Place>,
    /// Of the future that the thread with the seat blocks on.
    woken: Arc<Woken>,
    waker: Waker,
    shut_down: AtomicBool,
    /// A task panicked, and the policy is to stop.
    must_stop: AtomicBool,
    /// Written by the thread that has the seat.
    counters: Counters,
    /// What the watchdog sees of that thread.
    post: Arc<Post>,
}

/// Where the seat is while no thread has it.
struct Place {
    /// C1.
    seat: Option<Box<Seat>>,
    /// Threads that block on a future and would take the seat (C2).
    waiting: Vec<Unparker>,
}

/// Polls between two looks at the injection queue, which only other threads fill; Tokio's figure.
const GLOBAL_QUEUE_INTERVAL: u32 = 31;

/// What makes a thread the scheduler's.
struct Seat {
    queue: VecDeque<Runnable>,
    /// When the injection queue comes first.
    injection_first: Every,
    /// Where the generator of chance goes on, if it has a seed.
    random: Option<u64>,
}

/// Where a current-thread scheduler may run.
#[derive(Clone, Copy)]
pub(crate) enum Runs {
    /// On one thread at a time.
    Anywhere,
    /// On the thread that makes it: C3.
    ThisThread,
}

/// Whether a current-thread scheduler runs on this thread.
pub(super) fn is_running_here() -> bool {
    RUNNING
        .try_with(|running| running.borrow().is_some())
        .unwrap_or(false)
}

/// Whether this thread runs a scheduler that `is_meant`.
fn runs_here(is_meant: impl FnOnce(&CurrentThread) -> bool) -> bool {
    RUNNING
        .try_with(|running| {
            let running = running.borrow();
            running
                .as_ref()
                .is_some_and(|running| is_meant(&running.scheduler))
        })
        .unwrap_or(false)
}

impl CurrentThread {
    pub(crate) fn new(
        id: Id,
        runs: Runs,
        enabled: Enabled,
        clock: Clock,
        settings: Arc<Settings>,
    ) -> io::Result<Self> {
        let counters = Counters::new(&settings);
        let random = settings.rng_seed.as_ref().map(|seed| seed.state(0));
        let driver = Driver::new(Lookout::new(id.number(), enabled)?, enabled, clock.clone());
        let woken = Arc::new(Woken {
            flag: AtomicBool::new(false),
            notifier: driver.notifier().clone(),
        });
        let injection_interval = settings
            .global_queue_interval
            .unwrap_or(GLOBAL_QUEUE_INTERVAL);
        Ok(Self {
            own_thread: match runs {
                Runs::Anywhere => None,
                Runs::ThisThread => Some(super::this_thread()),
            },
            driver,
            waker: Waker::from(woken.clone()),
            woken,
            estate: Estate::of_one_thread(id, clock, settings),
            place: Mutex::new(Place {
                seat: Some(Box::new(Seat {
                    queue: VecDeque::new(),
                    injection_first: Every::new(injection_interval),
                    random,
                })),
                waiting: Vec::new(),
            }),
            shut_down: AtomicBool::new(false),
            must_stop: AtomicBool::new(false),
            counters,
            post: Arc::new(Post::of_nobody()),
        })
    }

    /// Makes a task of `future` and puts it into a queue.
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
        self.add(future, id, spawned_at)
    }

    /// Makes a task of `future`, which need not be `Send`, and puts it into a queue.
    ///
    /// # Panics
    ///
    /// On any thread but the runtime's own.
    #[track_caller]
    pub(crate) fn spawn_local<F>(
        self: &Arc<Self>,
        future: F,
        id: task::Id,
        spawned_at: &'static Location<'static>,
    ) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        // C3 holds only then.
        assert!(self.is_own_thread(), "this runtime runs on another thread");
        if size_of::<F>() > task::BOX_ABOVE {
            self.add(Box::pin(future), id, spawned_at)
        } else {
            self.add(future, id, spawned_at)
        }
    }

    /// What both kinds of spawn do. The caller sees to C3.
    fn add<F>(
        self: &Arc<Self>,
        future: F,
        id: task::Id,
        spawned_at: &'static Location<'static>,
    ) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        hooks::call(&self.estate.settings.task_hooks.on_spawn, id, spawned_at);
        let (join, runnable) = self
            .estate
            .owned
            .spawn(future, self.clone(), id, spawned_at);
        if let Some(runnable) = runnable
            && let Err(runnable) = self.schedule_here(runnable)
        {
            self.inject(runnable);
        }
        join
    }

    /// Runs `future`, and the tasks if no other thread does. The caller has entered the runtime.
    #[track_caller]
    pub(crate) fn block_on<F: Future>(self: &Arc<Self>, future: F) -> F::Output {
        let blocked_at = Location::caller();
        let mut future = pin!(future);
        let seat = self.place.lock().seat.take();
        if let Some(seat) = seat {
            return Turn::begin(self, seat).block_on(future, blocked_at);
        }
        let mut waiting = Waiting {
            scheduler: self,
            parker: Parker::new(),
        };
        let waker = waiting.parker.waker();
        let mut cx = Context::from_waker(&waker);
        loop {
            if let Some(seat) = waiting.take_seat() {
                drop(waiting);
                return Turn::begin(self, seat).block_on(future, blocked_at);
            }
            if let Poll::Ready(output) = coop::with_budget(|| future.as_mut().poll(&mut cx)) {
                return output;
            }
            // After the entry is there: either we see the flag, or who sets it wakes us. Acquire: pairs
            // with the Release in `unhandled_panic`.
            if self.must_stop.load(Acquire) {
                stopped();
            }
            waiting.parker.park();
            waiting.withdraw();
        }
    }

    /// The thread that has the seat is awake; the watchdog must be, too.
    fn has_woken(self: &Arc<Self>) {
        self.estate.watchdog.has_woken(&self.post, || self.clone());
    }

    fn put_back(&self, seat: Box<Seat>) {
        let next = {
            let mut place = self.place.lock();
            place.seat = Some(seat);
            place.waiting.pop()
        };
        if let Some(next) = next {
            next.unpark();
        }
    }

    /// Queues `task` if this thread runs this scheduler; hands it back otherwise.
    fn schedule_here(&self, task: Runnable) -> Result<(), Runnable> {
        let mut task = Some(task);
        let _ = RUNNING.try_with(|running| {
            let running = running.borrow();
            let Some(running) = running.as_ref() else {
                return;
            };
            if !ptr::eq(&*running.scheduler, self) {
                return;
            }
            if let Some(seat) = running.seat.borrow_mut().as_mut() {
                if let Some(task) = task.take() {
                    self.estate.settings.note_scheduled(&task);
                    seat.queue.push_back(task);
                }
                self.counters.set_queued(seat.queue.len());
                self.counters.local_schedules.add(1);
            }
        });
        task.map_or(Ok(()), Err)
    }

    fn inject(&self, task: Runnable) {
        self.estate.tallies.scheduled_remotely();
        self.estate.settings.note_scheduled(&task);
        self.estate.injection.push(task);
        self.driver.notifier().unpark();
    }

    /// Cancels all tasks and ends the driver. The caller has entered the runtime.
    pub(crate) fn shutdown(self: &Arc<Self>) {
        // Release: pairs with the Acquire in `is_shut_down`.
        self.shut_down.store(true, Release);
        let seat = self.place.lock().seat.take();
        let turn = seat.map(|seat| Turn::begin(self, seat));
        self.cancel_tasks(turn.as_ref());
        let mut batch = WakeBatch::new();
        self.driver.shutdown(&mut batch);
        if let Some(lookout) = self.driver.lookout() {
            lookout.shutdown(&mut batch);
        }
        wake_all(&mut batch);
        drop(turn);
        self.estate.watchdog.stop();
    }

    fn cancel_tasks(&self, turn: Option<&Turn>) {
        self.estate.owned.close_and_cancel(0);
        self.estate.injection.close();
        // One at a time: what is cancelled is no longer borrowed.
        while let Some(task) =
            turn.and_then(|turn| turn.running.with_seat(|seat| seat.queue.pop_front()))
        {
            task.shutdown();
        }
    }

    /// Whether futures that are not `Send` may be spawned, on the thread that made the runtime.
    pub(crate) fn is_local(&self) -> bool {
        self.own_thread.is_some()
    }

    /// Whether this is the thread that alone runs the scheduler.
    pub(crate) fn is_own_thread(&self) -> bool {
        self.own_thread == Some(super::this_thread())
    }

    pub(crate) fn is_shut_down(&self) -> bool {
        self.shut_down.load(Acquire)
    }

    pub(crate) fn driver(&self) -> &Driver {
        &self.driver
    }

    pub(crate) fn estate(&self) -> &Estate {
        &self.estate
    }

    /// Ends the sleep of the thread that runs the scheduler.
    pub(crate) fn unpark(&self) {
        self.driver.notifier().unpark();
    }

    pub(crate) fn io_counts(&self) -> Counts {
        let lookout = self.driver.lookout();
        lookout.map_or_else(Counts::default, |lookout| lookout.counts())
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }
}

impl Watched for CurrentThread {
    fn estate(&self) -> &Estate {
        &self.estate
    }

    fn handle(self: Arc<Self>) -> Handle {
        Handle {
            flavor: Flavor::CurrentThread(self),
        }
    }

    fn worker_count(&self) -> usize {
        1
    }

    fn look(&self, _worker: usize) -> Option<Sighting> {
        Some(Sighting {
            post: self.post.clone(),
            turn: self.post.turn(),
        })
    }

    /// There is nobody who could help.
    fn attend_for(&self, _worker: usize) {}

    /// The thread is the user's.
    fn lacks_threads(&self) -> bool {
        false
    }

    fn start_missing(self: Arc<Self>) {}

    fn is_vacant(&self, _worker: usize) -> bool {
        false
    }

    fn stand_ins(&self) -> usize {
        0
    }

    /// Futures that are not `Send` may depend on the thread, and `block_on` stays where it was called.
    fn rescue(self: Arc<Self>, _worker: usize, _sighting: &Sighting) -> Rescue {
        Rescue::CurrentThread
    }
}

#[allow(unsafe_code)] // Implements an unsafe method.
impl Schedule for Arc<CurrentThread> {
    unsafe fn schedule(this: NonNull<Self>, task: Runnable) {
        // SAFETY: valid until the task is given away. A task that is queued here can only be run,
        // and freed, by this thread, after this call.
        let scheduler: &Self = unsafe { this.as_ref() };
        let Err(task) = scheduler.schedule_here(task) else {
            return;
        };
        // Giving the task to another thread may free `this`.
        let scheduler = scheduler.clone();
        scheduler.inject(task);
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

    fn unhandled_panic(&self) {
        if self.estate.settings.unhandled_panic == UnhandledPanic::ShutdownRuntime {
            // Release: pairs with the Acquire of a thread that waits for the seat.
            self.must_stop.store(true, Release);
            self.driver.notifier().unpark();
        }
    }
}

/// A thread's entry in [`Place::waiting`].
struct Waiting<'a> {
    scheduler: &'a CurrentThread,
    parker: Parker,
}

impl Waiting<'_> {
    /// Takes the seat if it is there, or else gets onto the list of those who wait for it.
    fn take_seat(&self) -> Option<Box<Seat>> {
        let mut place = self.scheduler.place.lock();
        let seat = place.seat.take();
        if seat.is_none() {
            place.waiting.push(self.parker.unparker().clone());
        }
        seat
    }

    /// Takes the entry off the list, and passes on a call that was meant for it.
    fn withdraw(&self) {
        let own = self.parker.unparker();
        let mut place = self.scheduler.place.lock();
        let position = place.waiting.iter().position(|other| other.is_same(own));
        let next = match position {
            Some(position) => {
                place.waiting.swap_remove(position);
                None
            }
            // C2. One call too many does no harm: who finds no seat waits again.
            None if place.seat.is_some() => place.waiting.pop(),
            None => None,
        };
        drop(place);
        if let Some(next) = next {
            next.unpark();
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.withdraw();
    }
}

/// The waker of the future that the thread blocks on.
struct Woken {
    flag: AtomicBool,
    /// The scheduler's. Wakers must not keep the scheduler itself alive, which has one.
    notifier: Arc<Notifier>,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        Self::wake_by_ref(&self);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Release: pairs with the swap in `block_on`.
        self.flag.store(true, Release);
        // The scheduler's own thread looks at the flag before it sleeps; a token would only make it
        // look at the driver once for nothing.
        let is_meant =
            |scheduler: &CurrentThread| Arc::ptr_eq(scheduler.driver.notifier(), &self.notifier);
        if !runs_here(is_meant) {
            self.notifier.unpark();
        }
    }
}
