//! The threads where blocking is fine.
//!
//! Work comes in classes, each with a queue and threads of its own ([`Lane`]): a resolver that does
//! not answer must not occupy the threads that files need. Workers of the multi-thread scheduler run
//! on threads of this pool too, outside of any limit: when a worker blocks in place, the pool gives
//! another thread to its queue.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use runtime_base::blocking::{Class, Job};
use runtime_timer::{AutoAdvanceGuard, Clock};

use super::lane::{Lane, Pushed};
use super::{Handle, Settings};
use crate::contained::contained;
use crate::scheduler::{CurrentThread, MultiThread};
use crate::task::{Id, JoinHandle, Runnable, Schedule, TaskRef};
use crate::watchdog::Watched;

/// How many threads wait for the system's resolver at most. Chosen: a healthy resolver answers in
/// milliseconds, and one that does not is not helped by more questions.
const NAME_THREADS: usize = 16;

/// How large the stacks of threads for the runtime itself are at least: the user's size is chosen for
/// tasks, and who reads debug information needs more than many of them. The standard library's default.
const LEAST_STACK_ASIDE: usize = 2 * 1024 * 1024;

/// The pool of one runtime.
pub(crate) struct BlockingPool {
    /// What the user gives away.
    general: Lane<Work>,
    /// What file operations need.
    files: Lane<Work>,
    /// What asks the resolver.
    names: Lane<Work>,
    threads: Mutex<Threads>,
    /// A thread ended.
    ended: Condvar,
    settings: Arc<Settings>,
}

/// Something to run.
enum Work {
    /// Somebody may wait for it with a handle.
    Task(Runnable),
    /// It tells its author itself. While it runs a paused clock must wait for it.
    Job(Job, AutoAdvanceGuard),
}

/// Every thread of the runtime, those of workers included.
#[derive(Default)]
struct Threads {
    alive: HashMap<u64, thread::JoinHandle<()>>,
    /// Threads that ended after the pool was closed, to be joined.
    ended: Vec<thread::JoinHandle<()>>,
    next: u64,
    closed: bool,
}

/// What a new thread does.
enum Duty {
    /// Takes jobs of a class.
    Jobs(Class),
    /// Does this.
    Worker(Box<dyn FnOnce() + Send>),
    /// Does this under a name of its own; no thread that the user's hooks know of.
    Aside(&'static str, Box<dyn FnOnce() + Send>),
}

impl BlockingPool {
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        let limit = settings.max_blocking_threads;
        Self {
            general: Lane::new(limit),
            files: Lane::new(limit),
            names: Lane::new(NAME_THREADS),
            threads: Mutex::default(),
            ended: Condvar::new(),
            settings,
        }
    }

    fn lane(&self, class: Class) -> &Lane<Work> {
        match class {
            Class::General => &self.general,
            Class::Files => &self.files,
            Class::Names => &self.names,
        }
    }

    fn lanes(&self) -> [&Lane<Work>; 3] {
        [&self.general, &self.files, &self.names]
    }

    /// Runs `work` and gives its result through the handle, which is cancelled if the pool is
    /// closed.
    ///
    /// # Errors
    ///
    /// When the system gives no thread, and there is none that would take the job later.
    pub(crate) fn spawn<F, R>(
        &self,
        handle: &Handle,
        clock: &Clock,
        work: F,
        id: Id,
        spawned_at: &'static Location<'static>,
    ) -> io::Result<JoinHandle<R>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let future = Blocking { work: Some(work) };
        let scheduler = Unscheduled {
            guard: Mutex::new(Some(clock.inhibit_auto_advance())),
        };
        let (listed, runnable, join) = TaskRef::allocate(future, scheduler, id, spawned_at);
        drop(listed);
        let join = JoinHandle::new(join);
        self.push(handle, Class::General, Work::Task(runnable))?;
        Ok(join)
    }

    /// Runs what a layer below wants to have run. A pool that is closed, or gets no thread, drops the
    /// job, whose author then gets an error.
    fn offload(&self, handle: &Handle, clock: &Clock, class: Class, job: Job) {
        let work = Work::Job(job, clock.inhibit_auto_advance());
        // Said by the drop.
        let _ = self.push(handle, class, work);
    }

    fn push(&self, handle: &Handle, class: Class, work: Work) -> io::Result<()> {
        let lane = self.lane(class);
        match lane.push(work) {
            Pushed::Done => Ok(()),
            Pushed::Closed => {
                if lane.may_drain() {
                    cancel_all(lane);
                }
                Ok(())
            }
            Pushed::StartThread => self
                .start_thread(handle, Duty::Jobs(class))
                .or_else(|error| {
                    if lane.forget_thread() || lane.may_drain() {
                        // Nobody would ever come to it.
                        cancel_all(lane);
                        return Err(error);
                    }
                    Ok(())
                }),
        }
    }

    /// Runs `duty` on a thread of its own, whatever the limits say.
    ///
    /// # Errors
    ///
    /// When the system gives no thread.
    pub(crate) fn run_on_own_thread(
        &self,
        handle: &Handle,
        duty: impl FnOnce() + Send + 'static,
    ) -> io::Result<()> {
        self.start_thread(handle, Duty::Worker(Box::new(duty)))
    }

    /// Runs `duty` on a thread of its own for the runtime itself, which is joined with the others.
    ///
    /// # Errors
    ///
    /// When the system gives no thread.
    pub(crate) fn run_aside(
        &self,
        name: &'static str,
        handle: &Handle,
        duty: impl FnOnce() + Send + 'static,
    ) -> io::Result<()> {
        self.start_thread(handle, Duty::Aside(name, Box::new(duty)))
    }

    fn start_thread(&self, handle: &Handle, duty: Duty) -> io::Result<()> {
        let size = self.settings.thread_stack_size;
        let (name, size) = match duty {
            Duty::Aside(name, _) => {
                let size = size.map(|size| size.max(LEAST_STACK_ASIDE));
                (name.to_owned(), size)
            }
            _ => (self.settings.name_thread(), size),
        };
        let mut builder = thread::Builder::new().name(name);
        if let Some(size) = size {
            builder = builder.stack_size(size);
        }
        let runtime = handle.clone();
        let mut threads = self.threads.lock();
        let number = threads.next;
        threads.next += 1;
        let thread =
            builder.spawn(move || runtime.blocking_pool().run_thread(&runtime, number, duty))?;
        // We hold the lock, so the thread cannot have ended and looked for its entry yet.
        threads.alive.insert(number, thread);
        Ok(())
    }

    fn run_thread(&self, handle: &Handle, number: u64, duty: Duty) {
        let context = handle.enter_owned();
        if let Duty::Aside(_, duty) = duty {
            duty();
        } else {
            self.settings.call(&self.settings.on_thread_start);
            match duty {
                Duty::Worker(duty) | Duty::Aside(_, duty) => duty(),
                Duty::Jobs(class) => self.take_jobs(handle, self.lane(class)),
            }
            self.settings.call(&self.settings.on_thread_stop);
        }
        drop(context);
        let mut threads = self.threads.lock();
        let thread = threads.alive.remove(&number);
        if threads.closed {
            threads.ended.extend(thread);
        }
        drop(threads);
        self.ended.notify_all();
    }

    fn take_jobs(&self, handle: &Handle, lane: &Lane<Work>) {
        let keep_alive = self.settings.thread_keep_alive;
        let first = lane.take_first();
        if lane.may_drain() {
            cancel_all(lane);
        }
        if let Some(first) = first {
            first.run();
            handle.blocking_work_ended();
        }
        lane.take_jobs(Some(keep_alive), |work| {
            if lane.is_closed() {
                work.cancel();
            } else {
                work.run();
                handle.blocking_work_ended();
            }
        });
    }

    /// Refuses new jobs, cancels those that wait, and lets the idle threads end.
    pub(crate) fn close(&self) {
        self.threads.lock().closed = true;
        for lane in self.lanes() {
            lane.close();
            if lane.may_drain() {
                cancel_all(lane);
            }
        }
    }

    /// Waits until all threads have ended, for `timeout` at most. Says whether they have.
    pub(crate) fn join(&self, timeout: Option<Duration>) -> bool {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let this_thread = thread::current().id();
        let mut threads = self.threads.lock();
        // A thread of the pool that drops the last handle of its runtime must not wait for itself.
        while threads
            .alive
            .values()
            .any(|thread| thread.thread().id() != this_thread)
        {
            if timeout == Some(Duration::ZERO) {
                return false;
            }
            match deadline {
                Some(deadline) => {
                    if self.ended.wait_until(&mut threads, deadline).timed_out() {
                        return false;
                    }
                }
                None => self.ended.wait(&mut threads),
            }
        }
        let ended = std::mem::take(&mut threads.ended);
        drop(threads);
        for thread in ended {
            // It has done everything but ending, and panics are caught before that.
            let _ = thread.join();
        }
        true
    }

    /// How many threads there are for blocking work.
    pub(crate) fn thread_count(&self) -> usize {
        self.lanes().iter().map(|lane| lane.threads()).sum()
    }

    /// How many of them wait for work.
    pub(crate) fn idle_count(&self) -> usize {
        self.lanes().iter().map(|lane| lane.idle()).sum()
    }

    /// How much work waits for a thread.
    pub(crate) fn queue_depth(&self) -> usize {
        self.lanes().iter().map(|lane| lane.queued()).sum()
    }
}

fn cancel_all(lane: &Lane<Work>) {
    while let Some(work) = lane.drain() {
        work.cancel();
    }
}

impl Work {
    fn run(self) {
        match self {
            Self::Task(task) => task.run(),
            Self::Job(job, guard) => {
                // What must be known of a panic the author's own code has caught.
                contained(job);
                drop(guard);
            }
        }
    }

    fn cancel(self) {
        match self {
            Self::Task(task) => task.shutdown(),
            Self::Job(job, _guard) => contained(|| drop(job)),
        }
    }
}

/// Work as a future: ready at its first poll.
struct Blocking<F> {
    work: Option<F>,
}

// The work is moved out before it is called and never pinned.
impl<F> Unpin for Blocking<F> {}

impl<F, R> Future for Blocking<F>
where
    F: FnOnce() -> R,
{
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<R> {
        let work = self.work.take().expect("blocking work is polled once");
        Poll::Ready(work())
    }
}

/// The scheduler of work that is never pending.
struct Unscheduled {
    /// A paused clock must wait for the work, until whoever waits for the result was woken.
    guard: Mutex<Option<AutoAdvanceGuard>>,
}

impl Schedule for Unscheduled {
    #[allow(unsafe_code)] // Implements an unsafe method; uses nothing unsafe.
    unsafe fn schedule(_this: NonNull<Self>, task: Runnable) {
        // An abort of work that waits in the queue only sets a flag, and work that runs is never
        // pending; so nobody schedules it a second time.
        drop(task);
    }

    fn release(&self, _task: &TaskRef) -> bool {
        // Its drop may let the clock go on, which unparks: not under the lock.
        let guard = self.guard.lock().take();
        drop(guard);
        false
    }
}

/// The pool as the layers below know it: the scheduler itself, so that a runtime is entered without
/// an allocation for it.
impl runtime_base::blocking::BlockingPool for CurrentThread {
    fn run(self: Arc<Self>, class: Class, job: Job) {
        offload(self.handle(), class, job);
    }
}

impl runtime_base::blocking::BlockingPool for MultiThread {
    fn run(self: Arc<Self>, class: Class, job: Job) {
        offload(self.handle(), class, job);
    }
}

fn offload(handle: Handle, class: Class, job: Job) {
    let clock = &handle.estate().clock;
    handle.blocking_pool().offload(&handle, clock, class, job);
}
