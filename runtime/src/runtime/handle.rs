//! The way into a runtime from anywhere.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;

use futures_task::{FutureObj, Spawn, SpawnError};
use runtime_base::blocking::PoolRef;
use runtime_base::current;
use runtime_base::{driving, misuse};

use super::blocking_pool::BlockingPool;
use super::driver::{Driver, DriverGuard};
use super::{Id, RuntimeFlavor, RuntimeMetrics, Settings, TryCurrentError};
use crate::scheduler::{self, CurrentThread, Estate, HandedOver, MultiThread};
use crate::spare::{Recycled, Spare};
use crate::task::{self, JoinHandle, SpawnFuture, boxed_if_large};

thread_local! {
    // Shared, so that a look at it costs no atomic operation.
    static CURRENT: RefCell<Option<Recycled<Handle>>> = const { RefCell::new(None) };
    static SPARE: Spare<Handle> = const { Spare::new() };
    /// How many guards of this thread live.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// Refers to a runtime: spawns on it, and makes it the current one of a thread.
///
/// Clones refer to the same runtime. A handle does not keep the runtime running: after it was shut
/// down, what is spawned is cancelled at once.
#[derive(Clone)]
pub struct Handle {
    pub(crate) flavor: Flavor,
}

/// The schedulers there are.
#[derive(Clone)]
pub(crate) enum Flavor {
    CurrentThread(Arc<CurrentThread>),
    MultiThread(Arc<MultiThread>),
}

impl std::panic::UnwindSafe for Handle {}
impl std::panic::RefUnwindSafe for Handle {}

/// Makes a runtime the current one of this thread until it is dropped. Made by
/// [`Handle::enter`] and [`Runtime::enter`](super::Runtime::enter).
///
/// # Panics
///
/// When guards of a thread are not dropped in the reverse order of their making.
#[must_use = "the runtime is current only while the guard lives"]
pub struct EnterGuard<'a> {
    // Without the lifetime, so that the runtime can be moved while a guard is alive but not used.
    _order: DropOrder,
    _context: ContextGuard,
    _handle: PhantomData<&'a Handle>,
}

/// Restores everything that was current before.
pub(crate) struct ContextGuard {
    _driver: DriverGuard,
    _pool: current::EnterGuard<PoolRef>,
    _handle: CurrentGuard,
}

/// Restores the handle that was current before.
struct CurrentGuard {
    previous: Option<Recycled<Handle>>,
    _not_send: PhantomData<*mut ()>,
}

/// Panics when it is dropped at another depth than that at which it was made.
struct DropOrder(usize);

impl Handle {
    /// The current runtime.
    ///
    /// # Panics
    ///
    /// Outside of a runtime; see [`try_current`](Self::try_current).
    #[track_caller]
    pub fn current() -> Self {
        Self::with_current(Self::clone)
    }

    /// The current runtime.
    ///
    /// # Errors
    ///
    /// Outside of a runtime, and on a thread that is ending.
    pub fn try_current() -> Result<Self, TryCurrentError> {
        Self::look_up().map(|handle| Self::clone(&handle))
    }

    fn look_up() -> Result<Recycled<Self>, TryCurrentError> {
        CURRENT
            .try_with(|current| current.borrow().clone())
            .map_err(|_| TryCurrentError::thread_local_destroyed())?
            .ok_or_else(TryCurrentError::missing_context)
    }

    /// The current runtime, if it is a [`LocalRuntime`](super::LocalRuntime).
    pub(crate) fn current_local() -> Option<Recycled<Self>> {
        Self::look_up().ok().filter(|handle| match &handle.flavor {
            Flavor::CurrentThread(scheduler) => scheduler.is_local(),
            Flavor::MultiThread(_) => false,
        })
    }

    /// Calls `f` with the current runtime.
    #[track_caller]
    pub(crate) fn with_current<R>(f: impl FnOnce(&Self) -> R) -> R {
        // Not borrowed, because `f` may drop what the user wrote, and that may enter a runtime.
        match Self::look_up() {
            Ok(handle) => f(&handle),
            Err(error) if error.is_missing_context() => {
                panic!("{error}; {}", misuse::ENTER_RUNTIME)
            }
            Err(error) => panic!("{error} Keep a `Handle`, and call its methods instead."),
        }
    }

    /// Makes this runtime the current one of the thread until the guard is dropped, so that
    /// [`spawn`](crate::spawn), timers and sockets find it.
    ///
    /// ```
    /// # let handle = runtime::Runtime::new().unwrap();
    /// let guard = handle.enter();
    /// let task = runtime::spawn(async { 1 });
    /// drop(guard);
    /// assert_eq!(handle.block_on(task).unwrap(), 1);
    /// ```
    pub fn enter(&self) -> EnterGuard<'_> {
        EnterGuard {
            _context: self.enter_owned(),
            // Evaluated after the context was entered.
            _order: DropOrder(DEPTH.get()),
            _handle: PhantomData,
        }
    }

    pub(crate) fn enter_owned(&self) -> ContextGuard {
        DEPTH.set(DEPTH.get() + 1);
        ContextGuard {
            _driver: DriverGuard::asking(
                |answer| {
                    Self::ask(|handle| answer(handle.map(|handle| &handle.driver().current().0)))
                },
                |answer| {
                    Self::ask(|handle| answer(handle.map(|handle| &handle.driver().current().1)))
                },
            ),
            _pool: runtime_base::blocking::enter_asking(|answer| {
                Self::ask(|handle| answer(handle.map(Self::pool).as_ref()));
            }),
            _handle: CurrentGuard::enter(self.clone()),
        }
    }

    /// Calls `answer` with the current runtime, if there is one. `answer` must not enter or leave one.
    #[inline]
    fn ask(answer: impl FnOnce(Option<&Self>)) {
        let mut answer = Some(answer);
        let _ = CURRENT.try_with(|current| {
            let current = current.borrow();
            answer.take().map(|answer| answer(current.as_deref()))
        });
        // A thread that is ending is in no runtime.
        if let Some(answer) = answer {
            answer(None);
        }
    }

    /// The driver for threads that are none of the scheduler's.
    pub(crate) fn driver(&self) -> &Driver {
        match &self.flavor {
            Flavor::CurrentThread(scheduler) => scheduler.driver(),
            Flavor::MultiThread(scheduler) => scheduler.driver_for_guests(),
        }
    }

    fn pool(&self) -> PoolRef {
        match &self.flavor {
            Flavor::CurrentThread(scheduler) => scheduler.clone(),
            Flavor::MultiThread(scheduler) => scheduler.clone(),
        }
    }

    /// Runs `future` as a task of this runtime; see [`spawn`](crate::spawn).
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.spawn_as(future, task::Id::next(), Location::caller())
    }

    pub(crate) fn spawn_as<F>(
        &self,
        future: F,
        id: task::Id,
        spawned_at: &'static Location<'static>,
    ) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        struct SpawnOn<'a> {
            handle: &'a Handle,
            id: task::Id,
            spawned_at: &'static Location<'static>,
        }
        impl SpawnFuture for SpawnOn<'_> {
            #[inline]
            fn spawn<F>(self, future: F) -> JoinHandle<F::Output>
            where
                F: Future + Send + 'static,
                F::Output: Send + 'static,
            {
                match &self.handle.flavor {
                    Flavor::CurrentThread(scheduler) => {
                        scheduler.spawn(future, self.id, self.spawned_at)
                    }
                    Flavor::MultiThread(scheduler) => {
                        scheduler.spawn(future, self.id, self.spawned_at)
                    }
                }
            }
        }
        let spawn = SpawnOn {
            handle: self,
            id,
            spawned_at,
        };
        boxed_if_large(future, spawn)
    }

    /// Runs `work` on a thread where blocking is fine; see
    /// [`task::spawn_blocking`](crate::task::spawn_blocking).
    ///
    /// # Panics
    ///
    /// When the system gives no thread and the pool has none.
    #[track_caller]
    pub fn spawn_blocking<F, R>(&self, work: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        expect_thread(self.spawn_blocking_as(work, task::Id::next(), Location::caller()))
    }

    pub(crate) fn spawn_blocking_as<F, R>(
        &self,
        work: F,
        id: task::Id,
        spawned_at: &'static Location<'static>,
    ) -> io::Result<JoinHandle<R>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let clock = &self.estate().clock;
        self.blocking_pool()
            .spawn(self, clock, work, id, spawned_at)
    }

    /// Blocks this thread until `future` is ready, with this runtime as the current one.
    ///
    /// On a current-thread runtime the future is polled here but the runtime's tasks, sockets and
    /// timers are not driven: some other thread must be in
    /// [`Runtime::block_on`](super::Runtime::block_on) for them to make progress.
    ///
    /// # Inside of asynchronous code
    ///
    /// On a thread of a multi-thread runtime another thread takes over what this one has to do, as in
    /// [`block_in_place`](crate::task::block_in_place); the other futures of the *same* task wait. See
    /// [`Builder::nested_block_on`](super::Builder::nested_block_on).
    ///
    /// # Panics
    ///
    /// Inside of a task of a current-thread runtime or a `LocalSet`, because nobody could take over, and
    /// when `future` panics. Await the future there instead.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let context = enter_to_block(self);
        let output = crate::scheduler::block_on_this_thread(self, future);
        drop(context);
        output
    }

    /// Whether the poll in progress is one of a dump, which must do nothing. For tests of
    /// leaf futures.
    #[doc(hidden)]
    pub fn is_tracing() -> bool {
        runtime_base::coop::is_traced()
    }

    /// What belongs to the runtime as a whole.
    pub(crate) fn estate(&self) -> &Estate {
        match &self.flavor {
            Flavor::CurrentThread(scheduler) => scheduler.estate(),
            Flavor::MultiThread(scheduler) => scheduler.estate(),
        }
    }

    /// Which kind of scheduler the runtime has.
    pub fn runtime_flavor(&self) -> RuntimeFlavor {
        match &self.flavor {
            Flavor::CurrentThread(_) => RuntimeFlavor::CurrentThread,
            Flavor::MultiThread(_) => RuntimeFlavor::MultiThread,
        }
    }

    /// The runtime's [`Id`].
    pub fn id(&self) -> Id {
        self.estate().id
    }

    /// The name that [`Builder::name`](super::Builder::name) gave.
    pub fn name(&self) -> Option<&str> {
        self.estate().settings.name.as_deref()
    }

    /// What the runtime counts.
    pub fn metrics(&self) -> RuntimeMetrics {
        RuntimeMetrics::new(self.clone())
    }

    /// A paused clock waited for the work; now it may go on to the next deadline.
    pub(crate) fn blocking_work_ended(&self) {
        if let Flavor::CurrentThread(scheduler) = &self.flavor
            && scheduler.estate().clock.is_paused()
        {
            scheduler.unpark();
        }
    }

    /// Counts the budgets that were used up on this thread.
    #[inline]
    pub(crate) fn collect_forced_yields(&self) {
        self.estate().tallies.collect_forced_yields()
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.estate().settings
    }

    pub(crate) fn blocking_pool(&self) -> &BlockingPool {
        &self.estate().blocking
    }
}

/// A thread that blocks on a future, with a runtime entered; ends when dropped. Made by
/// [`enter_to_block`].
pub(crate) struct Blocking {
    // In this order: the runtime of before is current again when the thread takes its seat back.
    _context: ContextGuard,
    _driving: driving::DrivingGuard,
    _handed_over: Option<HandedOver>,
}

/// Enters `handle` on a thread that is going to block on a future. A worker's thread hands its work
/// over.
#[track_caller]
pub(crate) fn enter_to_block(handle: &Handle) -> Blocking {
    let handed_over = if driving::is_driving() {
        let allowed = Handle::try_current().is_ok_and(|outer| outer.settings().nested_block_on);
        assert!(
            allowed && scheduler::is_replaceable(),
            "Cannot start a runtime from within a runtime. This happens because a function (like \
             `block_on`) attempted to block the current thread while the thread is being used to \
             drive asynchronous tasks. If you are in an async function, use `.await` on the future \
             instead of blocking on it. Elsewhere, move the call into `spawn_blocking` or \
             `block_in_place`."
        );
        Some(scheduler::hand_over())
    } else {
        None
    };
    Blocking {
        _context: handle.enter_owned(),
        _driving: driving::enter(),
        _handed_over: handed_over,
    }
}

/// Blocking work for which there is a thread.
#[track_caller]
pub(crate) fn expect_thread<R>(task: io::Result<JoinHandle<R>>) -> JoinHandle<R> {
    match task {
        Ok(task) => task,
        Err(error) => panic!(
            "OS can't spawn worker thread: {error}; raise the system's limit of threads, or lower \
             `Builder::max_blocking_threads`"
        ),
    }
}

impl CurrentGuard {
    fn enter(handle: Handle) -> Self {
        let handle = Recycled::new(&SPARE, handle);
        // On a thread that is ending nothing becomes current.
        let previous = CURRENT.try_with(|current| current.replace(Some(handle)));
        Self {
            previous: previous.ok().flatten(),
            _not_send: PhantomData,
        }
    }
}

// A shared guard gives access to nothing inside; only its drop does, and it cannot be sent.
#[allow(unsafe_code)]
// SAFETY: as above.
unsafe impl Sync for CurrentGuard {}

impl Drop for CurrentGuard {
    fn drop(&mut self) {
        let previous = self.previous.take();
        drop(CURRENT.try_with(|current| current.replace(previous)));
    }
}

impl Drop for ContextGuard {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}

impl Drop for DropOrder {
    fn drop(&mut self) {
        // The context is left in any case.
        if self.0 != DEPTH.get() && !std::thread::panicking() {
            panic!(
                "`EnterGuard` values dropped out of order. Guards returned by \
                 `tokio::runtime::Handle::enter()` must be dropped in the reverse order as they were acquired."
            );
        }
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("flavor", &self.runtime_flavor())
            .field("id", &self.id())
            .field("name", &self.name())
            .finish()
    }
}

impl fmt::Debug for EnterGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnterGuard").finish_non_exhaustive()
    }
}

impl Spawn for Handle {
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        drop(self.spawn(future));
        Ok(())
    }

    fn status(&self) -> Result<(), SpawnError> {
        let closed = match &self.flavor {
            Flavor::CurrentThread(scheduler) => scheduler.is_shut_down(),
            Flavor::MultiThread(scheduler) => scheduler.is_shut_down(),
        };
        if closed {
            Err(SpawnError::shutdown())
        } else {
            Ok(())
        }
    }
}
