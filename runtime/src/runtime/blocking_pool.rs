//! The threads where blocking is fine.
//!
//! A job goes into one queue; an idle thread takes it, or a new thread is started, up to a limit.
//! Threads that stay idle for the keep-alive time end. Workers of the multi-thread scheduler run on
//! threads of this pool too, outside of the limit: when a worker blocks in place, the pool gives
//! another thread to its queue.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use runtime_timer::Clock;

use super::{Handle, Settings};
use crate::task::{Id, JoinHandle, Runnable, Schedule, TaskRef};

/// The pool of one runtime.
pub(crate) struct BlockingPool {
    queue: Mutex<Queue>,
    /// A job came, or the pool is closed.
    changed: Condvar,
    /// A thread ended.
    ended: Condvar,
    settings: Arc<Settings>,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Runnable>,
    /// Threads that wait for a job and were not promised one.
    idle: usize,
    /// Jobs that were promised to a waiting thread which has not woken up yet.
    promised: usize,
    /// Threads that count against the limit.
    threads: usize,
    /// All threads that have not ended, those of workers included.
    alive: HashMap<u64, thread::JoinHandle<()>>,
    /// Threads that ended after the pool was closed, to be joined.
    ended: Vec<thread::JoinHandle<()>>,
    next_thread: u64,
    closed: bool,
}

/// What a new thread does.
enum Duty {
    /// Takes jobs from the queue.
    Jobs,
    /// Does this first, and then takes jobs if the limit allows one more thread.
    First(Box<dyn FnOnce() + Send>),
}

impl BlockingPool {
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        Self {
            queue: Mutex::default(),
            changed: Condvar::new(),
            ended: Condvar::new(),
            settings,
        }
    }

    /// Runs `work` and gives its result through the handle, which is cancelled if the pool is
    /// closed.
    ///
    /// # Panics
    ///
    /// When the system gives no thread, and there is none that would take the job later.
    pub(crate) fn spawn<F, R>(
        &self,
        handle: &Handle,
        clock: &Clock,
        work: F,
        id: Id,
        spawned_at: &'static Location<'static>,
    ) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        // While the work runs a paused clock must wait for it.
        let work = (work, clock.inhibit_auto_advance());
        let future = Blocking { work: Some(work) };
        let (listed, runnable, join) = TaskRef::allocate(future, Unscheduled, id, spawned_at);
        drop(listed);
        let join = JoinHandle::new(join);
        if let Err(error) = self.push(handle, runnable) {
            panic!(
                "the system gives no thread for blocking work: {error}; raise its limit of threads \
                 or lower `Builder::max_blocking_threads`"
            );
        }
        join
    }

    fn push(&self, handle: &Handle, job: Runnable) -> io::Result<()> {
        let mut queue = self.queue.lock();
        if queue.closed {
            drop(queue);
            job.shutdown();
            return Ok(());
        }
        queue.jobs.push_back(job);
        if queue.idle > 0 {
            queue.idle -= 1;
            queue.promised += 1;
            drop(queue);
            self.changed.notify_one();
            return Ok(());
        }
        if queue.threads >= self.settings.max_blocking_threads {
            return Ok(());
        }
        queue.threads += 1;
        if let Err(error) = self.start_thread(&mut queue, handle, Duty::Jobs) {
            queue.threads -= 1;
            if queue.threads == 0 {
                let job = queue.jobs.pop_back();
                drop(queue);
                job.into_iter().for_each(Runnable::shutdown);
                return Err(error);
            }
            // One of the others will come to it.
        }
        Ok(())
    }

    /// Runs `duty` on a thread of its own, whatever the limit says.
    ///
    /// # Errors
    ///
    /// When the system gives no thread.
    pub(crate) fn run_on_own_thread(
        &self,
        handle: &Handle,
        duty: impl FnOnce() + Send + 'static,
    ) -> io::Result<()> {
        self.start_thread(&mut self.queue.lock(), handle, Duty::First(Box::new(duty)))
    }

    fn start_thread(&self, queue: &mut Queue, handle: &Handle, duty: Duty) -> io::Result<()> {
        let number = queue.next_thread;
        queue.next_thread += 1;
        let mut builder = thread::Builder::new().name((self.settings.thread_name)());
        if let Some(size) = self.settings.thread_stack_size {
            builder = builder.stack_size(size);
        }
        let runtime = handle.clone();
        let thread =
            builder.spawn(move || runtime.blocking_pool().run_thread(&runtime, number, duty))?;
        // We hold the lock, so the thread cannot have ended and looked for its entry yet.
        queue.alive.insert(number, thread);
        Ok(())
    }

    fn run_thread(&self, handle: &Handle, number: u64, duty: Duty) {
        /// Takes the thread off the list even if a hook of the user panics.
        struct Ended<'a>(&'a BlockingPool, u64);
        impl Drop for Ended<'_> {
            fn drop(&mut self) {
                let mut queue = self.0.queue.lock();
                let thread = queue.alive.remove(&self.1);
                if queue.closed {
                    queue.ended.extend(thread);
                }
                drop(queue);
                self.0.ended.notify_all();
            }
        }
        let ended = Ended(self, number);
        let context = handle.enter_owned();
        self.settings.call(&self.settings.on_thread_start);
        let takes_jobs = match duty {
            Duty::Jobs => true,
            Duty::First(first) => {
                first();
                false
            }
        };
        if takes_jobs {
            self.take_jobs(handle);
        }
        self.settings.call(&self.settings.on_thread_stop);
        drop(context);
        drop(ended);
    }

    /// Runs jobs until the pool closes or there was none for the keep-alive time.
    fn take_jobs(&self, handle: &Handle) {
        let mut queue = self.queue.lock();
        loop {
            while let Some(job) = queue.jobs.pop_front() {
                let closed = queue.closed;
                drop(queue);
                if closed {
                    job.shutdown();
                } else {
                    job.run();
                    handle.blocking_work_ended();
                }
                queue = self.queue.lock();
            }
            if queue.closed {
                break;
            }
            queue.idle += 1;
            let deadline = Instant::now().checked_add(self.settings.thread_keep_alive);
            loop {
                let timed_out = match deadline {
                    Some(deadline) => self.changed.wait_until(&mut queue, deadline).timed_out(),
                    None => {
                        self.changed.wait(&mut queue);
                        false
                    }
                };
                if queue.promised > 0 {
                    // The promise took us off the idle count.
                    queue.promised -= 1;
                    break;
                }
                if queue.closed || timed_out {
                    queue.idle -= 1;
                    if timed_out && !queue.closed {
                        queue.threads -= 1;
                        return;
                    }
                    break;
                }
            }
        }
        queue.threads -= 1;
    }

    /// Refuses new jobs, cancels those that wait, and lets the idle threads end.
    pub(crate) fn close(&self) {
        let mut queue = self.queue.lock();
        queue.closed = true;
        let jobs = std::mem::take(&mut queue.jobs);
        drop(queue);
        self.changed.notify_all();
        jobs.into_iter().for_each(Runnable::shutdown);
    }

    /// Waits until all threads have ended, for `timeout` at most. Says whether they have.
    pub(crate) fn join(&self, timeout: Option<Duration>) -> bool {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut queue = self.queue.lock();
        let this_thread = thread::current().id();
        // A thread of the pool that drops the last handle of its runtime must not wait for itself.
        while queue
            .alive
            .values()
            .any(|thread| thread.thread().id() != this_thread)
        {
            if timeout == Some(Duration::ZERO) {
                return false;
            }
            match deadline {
                Some(deadline) => {
                    if self.ended.wait_until(&mut queue, deadline).timed_out() {
                        return false;
                    }
                }
                None => self.ended.wait(&mut queue),
            }
        }
        let ended = std::mem::take(&mut queue.ended);
        drop(queue);
        for thread in ended {
            // A panic in it was one of a user's hook, and is printed.
            let _ = thread.join();
        }
        true
    }
}

/// Work as a future: ready at its first poll.
struct Blocking<F> {
    work: Option<F>,
}

// The work is moved out before it is called and never pinned.
impl<F> Unpin for Blocking<F> {}

impl<F, G, R> Future for Blocking<(F, G)>
where
    F: FnOnce() -> R,
{
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<R> {
        let (work, _guard) = self.work.take().expect("blocking work is polled once");
        Poll::Ready(work())
    }
}

/// The scheduler of work that is never pending.
struct Unscheduled;

impl Schedule for Unscheduled {
    #[allow(unsafe_code)] // Implements an unsafe method; uses nothing unsafe.
    unsafe fn schedule(_this: NonNull<Self>, task: Runnable) {
        // An abort of work that waits in the queue only sets a flag, and work that runs is never
        // pending; so nobody schedules it a second time.
        drop(task);
    }

    fn release(&self, _task: &TaskRef) -> bool {
        false
    }
}

/// The pool as the layers below know it.
pub(crate) struct OffloadTo(pub(crate) Handle);

impl runtime_base::blocking::BlockingPool for OffloadTo {
    fn run(&self, job: runtime_base::blocking::Job) {
        // A pool without threads drops the job, whose author then gets an error.
        let spawned = catch_unwind(AssertUnwindSafe(|| self.0.spawn_blocking(job)));
        drop(spawned);
    }
}
