//! Work that blocks, handed to the pool of whichever runtime is current.
//!
//! Layers below the runtime have blocking calls too, those of the resolver. They do not know the pool;
//! the runtime fills this thread's slot with it.

use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::thread::Result as Caught;

use crate::current::{self, Ask, EnterGuard, Slot};
use crate::misuse;
use crate::sync::{Arc, Mutex};
use crate::trace;
use crate::waker_cell::WakerCell;

/// A unit of blocking work.
pub type Job = Box<dyn FnOnce() + Send + 'static>;

/// What kind of work it is. Each class has threads of its own, so that none waits for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Whatever a user gives away, and what fits nowhere else.
    General,
    /// Operations on files.
    Files,
    /// Questions to the system's resolver, which may take half a minute to fail.
    Names,
}

/// Something that runs blocking work on threads of its own.
pub trait BlockingPool: Send + Sync {
    /// Runs `job` on a thread that may block. A pool that shuts down drops the job without running
    /// it; [`Offload`] then ends with an error.
    fn run(self: std::sync::Arc<Self>, class: Class, job: Job);
}

/// A shared pool.
pub type PoolRef = std::sync::Arc<dyn BlockingPool>;

thread_local! {
    static POOL: Slot<PoolRef> = const { Slot::new() };
}

/// Makes `pool` the current one of this thread until the guard is dropped.
pub fn enter_pool(pool: PoolRef) -> EnterGuard<PoolRef> {
    current::enter(&POOL, pool)
}

/// Makes `ask` the one who knows the pool of this thread until the guard is dropped.
pub fn enter_asking(ask: Ask<PoolRef>) -> EnterGuard<PoolRef> {
    current::enter_asking(&POOL, ask)
}

/// Runs `work` on the current pool, among others of its `class`.
///
/// # Panics
///
/// Outside of a runtime.
#[track_caller]
pub fn offload<T: Send + 'static>(
    class: Class,
    work: impl FnOnce() -> T + Send + 'static,
) -> Offload<T> {
    // A thread that is ending is in no runtime.
    let Some(pool) = POOL.try_with(Slot::get).ok().flatten() else {
        panic!("{}; {}", misuse::NO_RUNTIME, misuse::ENTER_RUNTIME);
    };
    let answer = Arc::new(Answer {
        result: Mutex::new(Pending),
        waker: WakerCell::new(),
    });
    let sender = AnswerOnDrop(answer.clone());
    let job = Box::new(move || {
        let result = catch_unwind(AssertUnwindSafe(work));
        *sender.0.result.lock() = Done(result);
        drop(sender);
    });
    pool.run(class, job);
    Offload { answer }
}

/// Waits for work given to [`offload`]. Dropping it lets the work go on and forgets the result.
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Offload<T> {
    answer: Arc<Answer<T>>,
}

struct Answer<T> {
    result: Mutex<Progress<T>>,
    waker: WakerCell,
}

enum Progress<T> {
    Pending,
    Done(Caught<T>),
    /// The pool dropped the job.
    Dropped,
}
use Progress::{Done, Dropped, Pending};

impl<T> std::fmt::Debug for Answer<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer").finish_non_exhaustive()
    }
}

/// Tells the waiting side when the job is gone, run or not.
struct AnswerOnDrop<T>(Arc<Answer<T>>);

impl<T> Drop for AnswerOnDrop<T> {
    fn drop(&mut self) {
        {
            let mut result = self.0.result.lock();
            if matches!(*result, Pending) {
                *result = Dropped;
            }
        }
        self.0.waker.wake();
    }
}

// A panic in the work arrives as a panic of whoever waits; the lock is held for a move only.
impl<T> UnwindSafe for Offload<T> {}
impl<T> RefUnwindSafe for Offload<T> {}

impl<T> Future for Offload<T> {
    type Output = io::Result<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(trace::poll_leaf(cx));
        self.answer.waker.register(cx.waker());
        let progress = std::mem::replace(&mut *self.answer.result.lock(), Pending);
        match progress {
            Pending => Poll::Pending,
            Done(Ok(value)) => Poll::Ready(Ok(value)),
            Done(Err(panic)) => resume_unwind(panic),
            Dropped => Poll::Ready(Err(io::Error::other(misuse::WORK_LOST))),
        }
    }
}
