//! The scheduler of a set: the tasks that its thread has, and the mailbox that every thread may reach.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::panic::Location;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Waker;

use parking_lot::Mutex;
use runtime_base::coop;
use runtime_base::wake_batch::WakeBatch;

use super::CURRENT;
use crate::task::owned::OwnedTasks;
use crate::task::{BOX_ABOVE, Id, JoinHandle, Runnable, Schedule, TaskRef};

/// How many tasks are polled before the others of the thread have their turn; Tokio's figure.
pub(super) const TASKS_PER_VISIT: usize = 61;

/// What the thread of a set has of it.
pub(super) struct LocalTasks {
    mailbox: Arc<Mailbox>,
    /// Taken out of the mailbox, or woken during a visit, and not run yet.
    batch: RefCell<VecDeque<Runnable>>,
    /// Whether this thread visits the set.
    visiting: Cell<bool>,
    /// Names the next future of `run_until`.
    next_poller: Cell<u64>,
}

/// What every thread may reach of a set.
pub(super) struct Mailbox {
    owned: OwnedTasks,
    inbox: Mutex<Inbox>,
    /// The policy for panics.
    stop_on_panic: AtomicBool,
    /// A task panicked, and the policy is to stop.
    must_stop: AtomicBool,
}

#[derive(Default)]
struct Inbox {
    queue: VecDeque<Runnable>,
    /// See V1.
    visit_due: bool,
    closed: bool,
    /// Who polls the set: itself under number 0, and futures of `run_until`.
    pollers: Vec<(u64, Waker)>,
}

/// The number under which the set itself, as a future, is registered.
pub(super) const WHOLE_SET: u64 = 0;

impl LocalTasks {
    pub(super) fn new() -> Self {
        Self {
            mailbox: Arc::new(Mailbox {
                // Without threads that would share it, one list is enough.
                owned: OwnedTasks::new(0),
                inbox: Mutex::default(),
                stop_on_panic: AtomicBool::new(false),
                must_stop: AtomicBool::new(false),
            }),
            batch: RefCell::default(),
            visiting: Cell::new(false),
            next_poller: Cell::new(WHOLE_SET + 1),
        }
    }

    /// A number for one who polls the set.
    pub(super) fn next_poller(&self) -> u64 {
        let poller = self.next_poller.get();
        self.next_poller.set(poller + 1);
        poller
    }

    /// Sets the policy for panics.
    pub(super) fn stop_on_panic(&self, stop: bool) {
        // Relaxed: read by the thread that writes it.
        self.mailbox.stop_on_panic.store(stop, Relaxed);
    }

    /// Whether all tasks are complete.
    pub(super) fn is_empty(&self) -> bool {
        self.mailbox.owned.len() == 0
    }

    pub(super) fn spawn<F>(
        &self,
        future: F,
        id: Id,
        spawned_at: &'static Location<'static>,
    ) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        if size_of::<F>() > BOX_ABOVE {
            self.spawn_sized(Box::pin(future), id, spawned_at)
        } else {
            self.spawn_sized(future, id, spawned_at)
        }
    }

    fn spawn_sized<F>(
        &self,
        future: F,
        id: Id,
        spawned_at: &'static Location<'static>,
    ) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let scheduler = OnMailbox(self.mailbox.clone());
        let (join, runnable) = self.mailbox.owned.spawn(future, scheduler, id, spawned_at);
        if let Some(runnable) = runnable
            && let Err(runnable) = queue_here(Arc::as_ptr(&self.mailbox), runnable)
        {
            self.mailbox.post(runnable);
        }
        join
    }

    /// Sees to it that `waker` is woken when a task is to be run.
    pub(super) fn register(&self, poller: u64, waker: &Waker) {
        let mailbox = &self.mailbox;
        let known = (mailbox.inbox.lock().pollers.iter())
            .any(|(other, stored)| *other == poller && stored.will_wake(waker));
        if known {
            return;
        }
        let clone = waker.clone();
        let mut inbox = mailbox.inbox.lock();
        let position = inbox.pollers.iter().position(|(other, _)| *other == poller);
        let old = match position {
            Some(position) => Some(std::mem::replace(&mut inbox.pollers[position].1, clone)),
            None => {
                inbox.pollers.push((poller, clone));
                None
            }
        };
        drop(inbox);
        drop(old);
    }

    /// This poller does not come back; if a visit is due that it was woken for, the others make it.
    pub(super) fn deregister(&self, poller: u64) {
        let mut inbox = self.mailbox.inbox.lock();
        let position = inbox.pollers.iter().position(|(other, _)| *other == poller);
        let own = position.map(|position| inbox.pollers.swap_remove(position));
        let others = inbox.visit_due.then(|| inbox.take_pollers());
        drop(inbox);
        drop(own);
        others.into_iter().for_each(Pollers::wake);
    }

    /// Runs tasks. Says whether there may be more to run. The caller's waker is registered.
    pub(super) fn visit(&self) -> bool {
        /// Ends the visit, also by a panic.
        struct Visit<'a>(&'a Cell<bool>, bool);
        impl Drop for Visit<'_> {
            fn drop(&mut self) {
                self.0.set(self.1);
            }
        }
        let _visit = Visit(&self.visiting, self.visiting.replace(true));
        self.stop_if_asked();
        self.take_queue();
        for _ in 0..TASKS_PER_VISIT {
            let Some(task) = self.next_task() else {
                return false;
            };
            coop::with_budget(|| task.run());
            self.stop_if_asked();
        }
        // What was woken during the visit has told nobody yet.
        self.mailbox.inbox.lock().visit_due = true;
        true
    }

    /// Puts what others have queued behind what is there, so that tasks that wake themselves and each
    /// other do not keep it waiting for longer than a visit.
    fn take_queue(&self) {
        let mut batch = self.batch.borrow_mut();
        batch.append(&mut self.mailbox.inbox.lock().queue);
    }

    fn next_task(&self) -> Option<Runnable> {
        let mut batch = self.batch.borrow_mut();
        if let Some(task) = batch.pop_front() {
            return Some(task);
        }
        let mut inbox = self.mailbox.inbox.lock();
        // Both keep their memory.
        std::mem::swap(&mut *batch, &mut inbox.queue);
        let next = batch.pop_front();
        if next.is_none() {
            inbox.visit_due = false;
        }
        next
    }

    fn stop_if_asked(&self) {
        // Relaxed: written by this thread.
        if self.mailbox.must_stop.load(Relaxed) {
            self.close();
            panic!(
                "a spawned task panicked and the LocalSet is configured to shutdown on unhandled \
                 panic"
            );
        }
    }

    /// Cancels all tasks and refuses new ones.
    pub(super) fn close(&self) {
        // First the tasks, then the queue: V2.
        self.mailbox.owned.close_and_cancel(0);
        let mut inbox = self.mailbox.inbox.lock();
        inbox.closed = true;
        let left = (
            std::mem::take(&mut inbox.queue),
            std::mem::take(&mut inbox.pollers),
        );
        drop(inbox);
        drop(left);
        let batch = self.batch.take();
        drop(batch);
    }
}

impl Mailbox {
    /// Queues a task, and wakes those who poll the set unless a visit is due anyway.
    fn post(&self, task: Runnable) {
        let mut inbox = self.inbox.lock();
        if inbox.closed {
            drop(inbox);
            // Complete already: V2.
            return drop(task);
        }
        inbox.queue.push_back(task);
        if std::mem::replace(&mut inbox.visit_due, true) {
            return;
        }
        let pollers = inbox.take_pollers();
        drop(inbox);
        pollers.wake();
    }
}

impl Inbox {
    fn take_pollers(&mut self) -> Pollers {
        let mut pollers = Pollers {
            only: None,
            several: WakeBatch::new(),
        };
        if self.pollers.len() == 1 {
            pollers.only = self.pollers.pop().map(|(_, waker)| waker);
        } else {
            for (_, waker) in self.pollers.drain(..) {
                pollers.several.push(waker);
            }
        }
        pollers
    }
}

/// Wakers taken out of an inbox, to be woken after its lock. One, as usual, needs no memory.
struct Pollers {
    only: Option<Waker>,
    several: WakeBatch,
}

impl Pollers {
    fn wake(mut self) {
        if let Some(waker) = self.only {
            waker.wake();
        }
        self.several.wake_all();
    }
}

/// Queues `task` without a lock if this thread visits the set of `mailbox`; hands it back otherwise.
#[inline]
fn queue_here(mailbox: *const Mailbox, task: Runnable) -> Result<(), Runnable> {
    let mut task = Some(task);
    let _ = CURRENT.try_with(|slot| {
        slot.with(|tasks| {
            if let Some(tasks) = tasks
                && Arc::as_ptr(&tasks.mailbox) == mailbox
                && tasks.visiting.get()
            {
                tasks.batch.borrow_mut().extend(task.take());
            }
        });
    });
    task.map_or(Ok(()), Err)
}

/// The scheduler of a set's tasks.
struct OnMailbox(Arc<Mailbox>);

#[allow(unsafe_code)] // Implements an unsafe method.
impl Schedule for OnMailbox {
    unsafe fn schedule(this: NonNull<Self>, task: Runnable) {
        // SAFETY: valid until the task is given away. A task that is queued here can only be run,
        // and freed, by this thread, after this call.
        let mailbox = unsafe { &this.as_ref().0 };
        let Err(task) = queue_here(Arc::as_ptr(mailbox), task) else {
            return;
        };
        // Giving the task to another thread may free `this`.
        let mailbox = mailbox.clone();
        mailbox.post(task);
    }

    fn release(&self, task: &TaskRef) -> bool {
        self.0.owned.remove(task)
    }

    fn unhandled_panic(&self) {
        // Relaxed: both are used by the thread of the set only, as the task is.
        if self.0.stop_on_panic.load(Relaxed) {
            self.0.must_stop.store(true, Relaxed);
        }
    }
}
