//! What the thread does that has the seat: it runs tasks and the future that it blocks on, and sleeps.

use std::cell::RefCell;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{AcqRel, Relaxed, Release};
use std::task::{Context, Poll};

use runtime_base::wake_batch::WakeBatch;
use runtime_base::{coop, defer};

use super::{CurrentThread, RUNNING, SPARE, Seat};
use crate::runtime::rng_seed::Seeded;
use crate::scheduler;
use crate::scheduler::counters::BusySince;
use crate::scheduler::worker::wake_all;
use crate::spare::Recycled;
use crate::task::Runnable;
use crate::watchdog::Post;

/// The thread that has the seat.
pub(super) struct Running {
    pub(super) scheduler: Arc<CurrentThread>,
    /// Borrowed for moments only, never while a task runs.
    pub(super) seat: RefCell<Option<Box<Seat>>>,
}

/// The time during which this thread has the seat. Ends, also by a panic, with the seat put back.
pub(super) struct Turn {
    pub(super) running: Recycled<Running>,
    previous: Option<Recycled<Running>>,
    seeded: Seeded,
    /// Begins after the first poll of the future: if that is all there is, it is not worth a look at
    /// the clock.
    busy: RefCell<Option<BusySince>>,
}

impl Turn {
    pub(super) fn begin(scheduler: &Arc<CurrentThread>, seat: Box<Seat>) -> Self {
        let seeded = Seeded::enter(seat.random);
        scheduler.counters.set_thread();
        scheduler.post.taken_by_this_thread();
        scheduler.has_woken();
        let running = Running {
            scheduler: scheduler.clone(),
            seat: RefCell::new(Some(seat)),
        };
        let running = Recycled::new(&SPARE, running);
        // A runtime may be dropped by a thread that is ending; then wakes take the way of other threads.
        let previous = RUNNING.try_with(|current| current.replace(Some(running.clone())));
        Self {
            running,
            previous: previous.ok().flatten(),
            seeded,
            busy: RefCell::new(None),
        }
    }

    pub(super) fn block_on<F: Future>(
        &self,
        mut future: Pin<&mut F>,
        blocked_at: &'static Location<'static>,
    ) -> F::Output {
        let _deferred = defer::scheduler();
        let running = &*self.running;
        let scheduler = &running.scheduler;
        let woken = &*scheduler.woken;
        // Relaxed: this thread polls the future at once. Wakers of earlier futures may set it too.
        woken.flag.store(true, Relaxed);
        let mut cx = Context::from_waker(&scheduler.waker);
        let mut batch = WakeBatch::new();
        let event_interval = scheduler.estate.settings.event_interval;
        let mut entered = None;
        // Polls since the last look at the driver.
        let mut polls = 0;
        loop {
            // AcqRel: Acquire pairs with the Release in `wake`; what the waker's author wrote is
            // visible to the poll.
            if woken.flag.swap(false, AcqRel) {
                polls += 1;
                let in_poll = scheduler.post.begin(Post::BLOCKED_ON, blocked_at);
                let polled = coop::with_budget(|| future.as_mut().poll(&mut cx));
                drop(in_poll);
                if let Poll::Ready(output) = polled {
                    return output;
                }
            }
            // From now on it is worth the count of two references to find the driver at once.
            entered.get_or_insert_with(|| scheduler.driver.enter());
            let mut busy = self.busy.borrow_mut();
            let busy = busy.get_or_insert_with(|| BusySince::here(&scheduler.counters));
            // Relaxed: written by this thread, or by one that had the seat before.
            if scheduler.must_stop.load(Relaxed) {
                self.stop();
            }
            let mut idle = false;
            // One at least: a future that is always woken must not use up every interval alone.
            loop {
                let Some(task) = running.next_task() else {
                    idle = true;
                    break;
                };
                polls += 1;
                let settings = &scheduler.estate.settings;
                scheduler::run_task(settings, &scheduler.counters, &scheduler.post, task);
                // Relaxed: written by this thread.
                if scheduler.must_stop.load(Relaxed) {
                    self.stop();
                }
                if polls >= event_interval {
                    break;
                }
            }
            // Relaxed: a hint; the swap above decides, and a waker that comes later also unparks.
            if idle && woken.flag.load(Relaxed) && polls < event_interval {
                continue;
            }
            polls = 0;
            scheduler.estate.tallies.collect_forced_yields();
            running.look_at_driver(idle, &woken.flag, busy, &mut batch);
            defer::take(&mut batch);
            wake_all(&mut batch);
        }
    }

    /// A task panicked, and the policy is to stop.
    fn stop(&self) -> ! {
        let scheduler = &self.running.scheduler;
        // Release: pairs with the Acquire in `is_shut_down`.
        scheduler.shut_down.store(true, Release);
        scheduler.cancel_tasks(Some(self));
        // Nobody else goes on either.
        let waiting = std::mem::take(&mut scheduler.place.lock().waiting);
        for thread in waiting {
            thread.unpark();
        }
        stopped();
    }
}

pub(super) fn stopped() -> ! {
    panic!("a spawned task panicked and the runtime is configured to shut down on unhandled panic")
}

impl Drop for Turn {
    fn drop(&mut self) {
        let previous = self.previous.take();
        let random = self.seeded.leave();
        let scheduler = &self.running.scheduler;
        if let Some(busy) = self.busy.get_mut() {
            busy.leave(&scheduler.counters);
        }
        scheduler.estate.tallies.collect_forced_yields();
        scheduler.post.goes_to_sleep();
        let seat = self.running.seat.borrow_mut().take();
        if let Some(mut seat) = seat {
            seat.random = random;
            self.running.scheduler.put_back(seat);
        }
        drop(RUNNING.try_with(|current| current.replace(previous)));
    }
}

impl Running {
    pub(super) fn with_seat<R>(&self, f: impl FnOnce(&mut Seat) -> Option<R>) -> Option<R> {
        self.seat.borrow_mut().as_mut().and_then(|seat| f(seat))
    }

    fn next_task(&self) -> Option<Runnable> {
        self.with_seat(|seat| {
            let injection = &self.scheduler.estate.injection;
            let next = if seat.injection_first.is_due() {
                injection.pop().or_else(|| seat.queue.pop_front())
            } else {
                seat.queue.pop_front().or_else(|| injection.pop())
            };
            self.scheduler.counters.set_queued(seat.queue.len());
            next
        })
    }

    fn has_tasks(&self) -> bool {
        self.queued() > 0 || !self.scheduler.estate.injection.is_empty()
    }

    fn queued(&self) -> usize {
        let seat = self.seat.borrow();
        seat.as_ref().map_or(0, |seat| seat.queue.len())
    }

    /// Looks for events; sleeps until there are some if there is nothing else to do.
    fn look_at_driver(
        &self,
        idle: bool,
        woken: &AtomicBool,
        busy: &mut BusySince,
        batch: &mut WakeBatch,
    ) {
        let scheduler = &self.scheduler;
        let counters = &scheduler.counters;
        // Relaxed: a wake on this thread is seen anyway, one from elsewhere leaves a token in the
        // driver.
        if !idle || woken.load(Relaxed) || !defer::is_empty() {
            busy.count(counters);
            return scheduler.driver.poll(batch);
        }
        scheduler
            .estate
            .settings
            .call(&scheduler.estate.settings.before_park);
        // The hook may have spawned, yielded, or woken the future.
        if self.has_tasks() || woken.load(Relaxed) || !defer::is_empty() {
            scheduler.driver.poll(batch);
        } else {
            busy.park(counters);
            scheduler.post.goes_to_sleep();
            scheduler.driver.park(scheduler.driver.berth(), batch);
            scheduler.has_woken();
            busy.unpark(counters);
        }
        scheduler
            .estate
            .settings
            .call(&scheduler.estate.settings.after_unpark);
    }
}
