//! Tasks that stay on one thread, because their futures must not leave it.
//!
//! # How it works
//!
//! A [`LocalSet`] is a small scheduler inside of a future: whoever polls the set, or a future of
//! [`run_until`](LocalSet::run_until), *visits* it, and a visit polls at most
//! [`TASKS_PER_VISIT`](tasks::TASKS_PER_VISIT) tasks. What other threads can reach is the
//! [`Mailbox`](tasks::Mailbox): a wake puts the task into its queue, under one lock, and wakes those
//! who poll the set unless a visit is due anyway. A visit takes that queue out as a whole. What is woken
//! by the tasks themselves, during the visit, needs no lock: it goes behind what was taken out.
//!
//! # Invariants
//!
//! - **V1** While a task is queued and nobody visits, `visit_due` is set, and then somebody was woken
//!   who polls the set, or nobody does; every poll visits. `visit_due` is cleared under the lock, by a
//!   visitor who finds no task and whose waker is registered.
//! - **V2** Futures are polled and dropped by the thread of the set only: other threads put runnables
//!   into the queue, or drop them after it was closed. At that time all tasks are complete, because
//!   the set closes its list of tasks first.
//! - **V3** No waker is cloned, woken or dropped under the lock, and no task run or dropped.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_task::{LocalFutureObj, LocalSpawn, SpawnError};
use pin_project_lite::pin_project;
use runtime_base::current::{self, EnterGuard, Slot};
use runtime_base::defer;

use super::{Id, JoinHandle};
use crate::runtime::handle::Flavor;
use crate::runtime::{self, Handle, Runtime, UnhandledPanic};

mod tasks;

use tasks::{LocalTasks, WHOLE_SET};

thread_local! {
    /// The set that [`spawn_local`] of this thread uses.
    static CURRENT: Slot<Rc<LocalTasks>> = const { Slot::new() };
    /// Whether this thread polls, or drops, what belongs to a set.
    static IN_LOCAL_SET: Cell<bool> = const { Cell::new(false) };
}

/// Runs `future`, which need not be [`Send`], as a task of this thread.
///
/// The task belongs to the [`LocalRuntime`](crate::runtime::LocalRuntime) of this thread, or else to
/// the innermost [`LocalSet`] that is polled or [entered](LocalSet::enter) here.
///
/// # Panics
///
/// Outside of both, and inside of a `LocalRuntime` that belongs to another thread.
///
/// ```
/// use std::rc::Rc;
/// use runtime::task;
///
/// # #[runtime::main(flavor = "current_thread")]
/// # async fn main() {
/// let text = Rc::new("not Send");
/// let set = task::LocalSet::new();
/// let length = set
///     .run_until(async move { task::spawn_local(async move { text.len() }).await.unwrap() })
///     .await;
/// assert_eq!(length, 8);
/// # }
/// ```
#[track_caller]
pub fn spawn_local<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    spawn_here(future, Id::next(), Location::caller())
}

/// See [`spawn_local`].
#[track_caller]
pub(super) fn spawn_here<F>(
    future: F,
    id: Id,
    spawned_at: &'static Location<'static>,
) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    if let Some(handle) = Handle::current_local()
        && let Flavor::CurrentThread(scheduler) = &handle.flavor
    {
        assert!(
            scheduler.is_own_thread(),
            "Local tasks can only be spawned on a LocalRuntime from the thread the runtime was \
             created on; use `spawn` for futures that are `Send`"
        );
        return scheduler.spawn_local(future, id, spawned_at);
    }
    let Some(tasks) = CURRENT.try_with(Slot::get).ok().flatten() else {
        panic!(
            "`spawn_local` called from outside of a `task::LocalSet` or `runtime::LocalRuntime`; \
             call it inside of `LocalSet::run_until`, or use `spawn` for futures that are `Send`"
        )
    };
    tasks.spawn(future, id, spawned_at)
}

/// Whether this thread is busy with a [`LocalSet`], and so must not hand its other tasks to anybody.
pub(crate) fn is_in_local_set() -> bool {
    IN_LOCAL_SET.get()
}

/// The stretch of a thread in which it must not block in place.
struct StaysOnThread(bool);

impl StaysOnThread {
    fn enter() -> Self {
        Self(IN_LOCAL_SET.replace(true))
    }
}

impl Drop for StaysOnThread {
    fn drop(&mut self) {
        IN_LOCAL_SET.set(self.0);
    }
}

/// A set of tasks that are all polled by one thread, so that their futures need not be [`Send`].
///
/// The tasks run while the set itself is awaited, which ends when all of them have, or while a future
/// of [`run_until`](Self::run_until) is; and not at other times. The set cannot be sent to another
/// thread, so it is awaited inside of [`Runtime::block_on`] or [`block_on`](Self::block_on), or inside
/// of another set. Wakes and aborts may come from any thread.
///
/// Dropping the set cancels its tasks and drops their futures.
///
/// ```
/// use std::rc::Rc;
/// use std::cell::Cell;
/// use runtime::task::LocalSet;
///
/// let runtime = runtime::Builder::new_current_thread().build()?;
/// let sum = Rc::new(Cell::new(0));
/// let set = LocalSet::new();
/// for number in 1..=10 {
///     let sum = sum.clone();
///     set.spawn_local(async move { sum.set(sum.get() + number) });
/// }
/// runtime.block_on(set);
/// assert_eq!(sum.get(), 55);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct LocalSet {
    id: runtime::Id,
    tasks: Rc<LocalTasks>,
}

impl LocalSet {
    /// An empty set.
    pub fn new() -> Self {
        Self {
            id: runtime::Id::next(),
            tasks: Rc::new(LocalTasks::new()),
        }
    }

    /// Makes this the set that [`spawn_local`] of this thread uses, until the guard is dropped.
    ///
    /// ```
    /// use runtime::task;
    ///
    /// let set = task::LocalSet::new();
    /// let guard = set.enter();
    /// let answer = task::spawn_local(async { 42 });
    /// drop(guard);
    /// let runtime = runtime::Builder::new_current_thread().build()?;
    /// assert_eq!(set.block_on(&runtime, answer).unwrap(), 42);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn enter(&self) -> LocalEnterGuard {
        LocalEnterGuard::enter(&self.tasks)
    }

    /// Runs `future` as a task of this set; it is polled when the set is.
    ///
    /// It may be called anywhere on the thread of the set, also outside of a runtime.
    #[track_caller]
    pub fn spawn_local<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        self.spawn_as(future, Id::next(), Location::caller())
    }

    pub(super) fn spawn_as<F>(
        &self,
        future: F,
        id: Id,
        spawned_at: &'static Location<'static>,
    ) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        self.tasks.spawn(future, id, spawned_at)
    }

    /// Runs `runtime` on this thread, and the tasks of this set, until `future` is ready.
    ///
    /// Tasks of the set that are not complete then stay in it.
    ///
    /// # Panics
    ///
    /// As [`Runtime::block_on`] and [`run_until`](Self::run_until). Inside of asynchronous code await the
    /// latter instead.
    #[track_caller]
    pub fn block_on<F>(&self, runtime: &Runtime, future: F) -> F::Output
    where
        F: Future,
    {
        runtime.block_on(self.run_until(future))
    }

    /// Runs the tasks of this set until `future` is ready, and gives its output.
    ///
    /// Tasks that are not complete then stay in the set, and go on when it is polled again.
    ///
    /// # Panics
    ///
    /// When a task panicked and the policy is to stop; see
    /// [`unhandled_panic`](Self::unhandled_panic).
    /// [`block_in_place`](super::block_in_place) panics inside.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops `future` and leaves the tasks in the set.
    pub async fn run_until<F>(&self, future: F) -> F::Output
    where
        F: Future,
    {
        RunUntil {
            tasks: &self.tasks,
            poller: self.tasks.next_poller(),
            future,
        }
        .await
    }

    /// What happens when a task of this set panics.
    ///
    /// With [`UnhandledPanic::ShutdownRuntime`] the set cancels all of its tasks, and whoever polls it
    /// panics. By default the panic is the task's [`JoinError`](super::JoinError) and nothing else.
    ///
    /// ```should_panic
    /// use runtime::runtime::UnhandledPanic;
    /// use runtime::task::{self, LocalSet};
    ///
    /// # #[runtime::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut set = LocalSet::new();
    /// set.unhandled_panic(UnhandledPanic::ShutdownRuntime);
    /// set.run_until(async {
    ///     task::spawn_local(async { panic!("boom") });
    ///     std::future::pending::<()>().await
    /// })
    /// .await;
    /// # }
    /// ```
    pub fn unhandled_panic(&mut self, policy: UnhandledPanic) -> &mut Self {
        let stop = policy == UnhandledPanic::ShutdownRuntime;
        self.tasks.stop_on_panic(stop);
        self
    }

    /// Identifies the set among all sets and runtimes of the process.
    pub fn id(&self) -> runtime::Id {
        self.id
    }
}

impl Future for LocalSet {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let tasks = &self.tasks;
        let _current = LocalEnterGuard::enter(tasks);
        let _stays = StaysOnThread::enter();
        // First the waker, then the visit: V1.
        tasks.register(WHOLE_SET, cx.waker());
        if tasks.visit() {
            // After the driver was looked at, so that tasks that are always ready do not keep the
            // thread from its sockets.
            defer::defer(cx.waker());
            return Poll::Pending;
        }
        if !tasks.is_empty() {
            return Poll::Pending;
        }
        tasks.deregister(WHOLE_SET);
        Poll::Ready(())
    }
}

pin_project! {
    /// Polls a future and, in the same poll, the tasks of a set.
    struct RunUntil<'a, F> {
        tasks: &'a Rc<LocalTasks>,
        poller: u64,
        #[pin]
        future: F,
    }

    impl<F> PinnedDrop for RunUntil<'_, F> {
        fn drop(this: Pin<&mut Self>) {
            this.tasks.deregister(this.poller);
        }
    }
}

impl<F: Future> Future for RunUntil<'_, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _current = LocalEnterGuard::enter(this.tasks);
        let _stays = StaysOnThread::enter();
        // First the waker, then the visit: V1.
        this.tasks.register(*this.poller, cx.waker());
        if let Poll::Ready(output) = this.future.poll(cx) {
            return Poll::Ready(output);
        }
        if this.tasks.visit() {
            defer::defer(cx.waker());
        }
        Poll::Pending
    }
}

impl Drop for LocalSet {
    fn drop(&mut self) {
        // What the futures spawn while they are dropped belongs to this set, which refuses it.
        let _current = LocalEnterGuard::enter(&self.tasks);
        let _stays = StaysOnThread::enter();
        self.tasks.close();
    }
}

impl Default for LocalSet {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for LocalSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalSet").finish()
    }
}

/// Makes a [`LocalSet`] the one that [`spawn_local`] uses, until it is dropped. Made by
/// [`LocalSet::enter`].
///
/// Guards of a thread must be dropped in the reverse order of their making.
#[must_use = "the set is current only while the guard lives"]
pub struct LocalEnterGuard {
    _current: EnterGuard<Rc<LocalTasks>>,
    _not_send: PhantomData<*mut ()>,
}

impl LocalEnterGuard {
    fn enter(tasks: &Rc<LocalTasks>) -> Self {
        Self {
            _current: current::enter(&CURRENT, tasks.clone()),
            _not_send: PhantomData,
        }
    }
}

impl fmt::Debug for LocalEnterGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalEnterGuard").finish()
    }
}

impl LocalSpawn for LocalSet {
    fn spawn_local_obj(&self, future: LocalFutureObj<'static, ()>) -> Result<(), SpawnError> {
        drop(self.spawn_local(future));
        Ok(())
    }
}
