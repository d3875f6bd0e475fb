//! A set of tasks whose outputs are taken in the order in which they complete.
//!
//! # How it works
//!
//! Every entry gives its task a waker of its own. When the task completes, the waker puts the entry's
//! key into a queue and wakes whoever waits for the set. So a look at the set costs as much as there
//! are completed tasks, however many there are in all.
//!
//! # Invariants
//!
//! - **S1** A task that is complete and whose output was not taken has its key in the queue, or its
//!   waker is about to put it there.
//! - **S2** No waker is woken, and no handle dropped, under the queue's lock.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker, ready};

use runtime_base::arena::{Arena, Key};
use runtime_base::coop;
use runtime_base::wake_batch::for_each_despite_panics;
use runtime_base::waker_cell::WakerCell;

use super::{AbortHandle, Id, JoinError, JoinHandle, LocalSet};
use crate::queue::Queue;
use crate::runtime::Handle;

/// A set of spawned tasks, all with the same type of output.
///
/// Dropping the set aborts all of its tasks. Outputs come in the order of completion.
///
/// ```
/// use runtime::task::JoinSet;
///
/// # #[runtime::main]
/// # async fn main() {
/// let mut set: JoinSet<u32> = (0..10).map(|number| async move { number * number }).collect();
/// let mut sum = 0;
/// while let Some(square) = set.join_next().await {
///     sum += square.unwrap();
/// }
/// assert_eq!(sum, 285);
/// # }
/// ```
#[must_use = "dropping a `JoinSet` aborts its tasks"]
pub struct JoinSet<T> {
    entries: Arena<Entry<T>>,
    completed: Arc<Completed>,
}

struct Entry<T> {
    task: JoinHandle<T>,
    waker: Waker,
}

/// What the tasks of one set tell it.
struct Completed {
    /// Keys of entries whose task is complete; some may be gone.
    keys: Queue<Key>,
    waiting: WakerCell,
}

/// The join waker of one entry.
struct EntryWaker {
    key: Key,
    completed: Arc<Completed>,
}

impl Wake for EntryWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.completed.keys.push(self.key);
        self.completed.waiting.wake();
    }
}

impl<T> JoinSet<T> {
    /// An empty set.
    pub fn new() -> Self {
        let completed = Completed {
            keys: Queue::new(),
            waiting: WakerCell::new(),
        };
        Self {
            entries: Arena::new(),
            completed: Arc::new(completed),
        }
    }

    /// How many tasks are in the set: running, or complete and not yet taken.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no task is in the set.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Aborts all tasks, also if the waker of who polls a local set panics.
    fn abort_entries(&self) {
        for_each_despite_panics(self.entries.iter(), |(_, entry)| entry.task.abort());
    }
}

impl<T: 'static> JoinSet<T> {
    /// Spawns `task` on the current runtime and adds it; see [`spawn`](super::spawn).
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    #[track_caller]
    pub fn spawn<F>(&mut self, task: F) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
        T: Send,
    {
        self.insert(super::spawn(task))
    }

    /// Spawns `task` on the runtime of `handle` and adds it.
    #[track_caller]
    pub fn spawn_on<F>(&mut self, task: F, handle: &Handle) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
        T: Send,
    {
        self.insert(handle.spawn(task))
    }

    /// Runs `work` where blocking is fine and adds it; see
    /// [`spawn_blocking`](super::spawn_blocking). Work that has begun cannot be aborted.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    #[track_caller]
    pub fn spawn_blocking<F>(&mut self, work: F) -> AbortHandle
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send,
    {
        self.insert(super::spawn_blocking(work))
    }

    /// Runs `work` where blocking is fine, on the runtime of `handle`, and adds it.
    ///
    /// # Panics
    ///
    /// When the system gives no thread and the pool has none.
    #[track_caller]
    pub fn spawn_blocking_on<F>(&mut self, work: F, handle: &Handle) -> AbortHandle
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send,
    {
        self.insert(handle.spawn_blocking(work))
    }

    /// Spawns `task`, which need not be [`Send`], on the local set or local runtime of this thread
    /// and adds it; see [`spawn_local`](super::spawn_local).
    ///
    /// # Panics
    ///
    /// Outside of both.
    #[track_caller]
    pub fn spawn_local<F>(&mut self, task: F) -> AbortHandle
    where
        F: Future<Output = T> + 'static,
    {
        self.insert(super::spawn_local(task))
    }

    /// Spawns `task`, which need not be [`Send`], on `local_set` and adds it.
    #[track_caller]
    pub fn spawn_local_on<F>(&mut self, task: F, local_set: &LocalSet) -> AbortHandle
    where
        F: Future<Output = T> + 'static,
    {
        self.insert(local_set.spawn_local(task))
    }

    /// Makes a task with settings of its own, such as a name, and adds it.
    ///
    /// ```
    /// # use runtime::task::JoinSet;
    /// # #[runtime::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut set = JoinSet::new();
    /// set.build_task().name("answers").spawn(async { 42 })?;
    /// assert_eq!(set.join_next().await.unwrap().unwrap(), 42);
    /// # Ok(())
    /// # }
    /// ```
    pub fn build_task(&mut self) -> Builder<'_, T> {
        Builder {
            set: self,
            task: super::Builder::new(),
        }
    }

    /// Adds a task that runs already.
    pub(super) fn insert(&mut self, task: JoinHandle<T>) -> AbortHandle {
        let abort = task.abort_handle();
        let completed = &self.completed;
        let mut waker = None;
        let key = self.entries.insert_with(|key| {
            let entry_waker = EntryWaker {
                key,
                completed: completed.clone(),
            };
            let entry = Entry {
                task,
                waker: Waker::from(Arc::new(entry_waker)),
            };
            waker = Some(entry.waker.clone());
            entry
        });
        // Only now can the waker find its entry.
        if let (Some(entry), Some(waker)) = (self.entries.get(key), waker) {
            entry.task.notify_on_completion(&waker);
        }
        abort
    }

    /// Waits until a task of the set is complete, takes it out, and gives its output; `None` when
    /// the set is empty.
    ///
    /// # Errors
    ///
    /// The [`JoinError`] of the task, if it panicked or was cancelled. It is out of the set then, too.
    ///
    /// # Cancel safety
    ///
    /// A task leaves the set only when its output is returned: dropping the future loses nothing.
    pub async fn join_next(&mut self) -> Option<Result<T, JoinError>> {
        poll_fn(|cx| self.poll_join_next(cx)).await
    }

    /// Like [`join_next`](Self::join_next), with the task's [`Id`]; that of a task that failed is in
    /// the [`JoinError`].
    ///
    /// # Errors
    ///
    /// As for [`join_next`](Self::join_next).
    ///
    /// # Cancel safety
    ///
    /// As for [`join_next`](Self::join_next).
    pub async fn join_next_with_id(&mut self) -> Option<Result<(Id, T), JoinError>> {
        poll_fn(|cx| self.poll_join_next_with_id(cx)).await
    }

    /// Takes out a task that is complete, if there is one, and gives its output.
    ///
    /// # Errors
    ///
    /// As for [`join_next`](Self::join_next).
    pub fn try_join_next(&mut self) -> Option<Result<T, JoinError>> {
        self.try_join_next_with_id()
            .map(|result| result.map(|(_, output)| output))
    }

    /// Like [`try_join_next`](Self::try_join_next), with the task's [`Id`].
    ///
    /// # Errors
    ///
    /// As for [`join_next`](Self::join_next).
    pub fn try_join_next_with_id(&mut self) -> Option<Result<(Id, T), JoinError>> {
        while let Some(key) = self.completed.keys.pop() {
            let Some(entry) = self.entries.get_mut(key) else {
                continue;
            };
            let id = entry.task.id();
            let mut cx = Context::from_waker(&entry.waker);
            // The set itself pays for the look, not each handle; and the handle's waker stays the
            // entry's, should the task not be complete after all.
            let polled = coop::with_unlimited(|| Pin::new(&mut entry.task).poll(&mut cx));
            if let Poll::Ready(result) = polled {
                drop(self.entries.remove(key));
                return Some(result.map(|output| (id, output)));
            }
        }
        None
    }

    /// Polls for a task that is complete; see [`join_next`](Self::join_next). `Ready(None)` when the
    /// set is empty.
    pub fn poll_join_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, JoinError>>> {
        self.poll_join_next_with_id(cx)
            .map(|next| next.map(|result| result.map(|(_, output)| output)))
    }

    /// Like [`poll_join_next`](Self::poll_join_next), with the task's [`Id`].
    pub fn poll_join_next_with_id(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<(Id, T), JoinError>>> {
        if self.is_empty() {
            return Poll::Ready(None);
        }
        let coop = ready!(coop::poll_proceed(cx));
        if let Some(result) = self.try_join_next_with_id() {
            coop.made_progress();
            return Poll::Ready(Some(result));
        }
        // First the waker, then the second look: S1. What it replaces goes before that: the drop may panic,
        // and an output in our hands would be lost.
        drop(self.completed.waiting.replace(cx.waker()));
        match self.try_join_next_with_id() {
            Some(result) => {
                coop.made_progress();
                Poll::Ready(Some(result))
            }
            None => Poll::Pending,
        }
    }

    /// Aborts all tasks. They stay in the set until they are joined.
    pub fn abort_all(&mut self) {
        self.abort_entries();
    }

    /// Removes all tasks without aborting them: they go on by themselves.
    pub fn detach_all(&mut self) {
        drop(std::mem::take(&mut self.entries));
    }

    /// Aborts all tasks and waits until they are gone. Panics of theirs are ignored.
    ///
    /// # Cancel safety
    ///
    /// The tasks stay aborted, and in the set, when the future is dropped.
    pub async fn shutdown(&mut self) {
        self.abort_all();
        while self.join_next().await.is_some() {}
    }

    /// Waits for all tasks and gives their outputs, in the order of completion.
    ///
    /// # Panics
    ///
    /// With a task's own panic, when one panics, and when one was aborted. The others are aborted
    /// then.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the set, which aborts its tasks.
    pub async fn join_all(mut self) -> Vec<T> {
        let mut outputs = Vec::with_capacity(self.len());
        while let Some(result) = self.join_next().await {
            match result {
                Ok(output) => outputs.push(output),
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Err(error) => panic!("{error}; use `join_next` where tasks may be aborted"),
            }
        }
        outputs
    }
}

/// Spawns one task with settings of its own into a [`JoinSet`]. Made by
/// [`JoinSet::build_task`].
#[must_use = "a builder spawns nothing by itself"]
pub struct Builder<'a, T> {
    set: &'a mut JoinSet<T>,
    task: super::Builder<'a>,
}

impl<'a, T: 'static> Builder<'a, T> {
    /// The task's name, for reports.
    pub fn name(self, name: &'a str) -> Self {
        Self {
            task: self.task.name(name),
            ..self
        }
    }

    /// As [`JoinSet::spawn`].
    ///
    /// # Errors
    ///
    /// None at present.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> io::Result<AbortHandle>
    where
        F: Future<Output = T> + Send + 'static,
        T: Send,
    {
        Ok(self.set.insert(self.task.spawn(future)?))
    }

    /// As [`JoinSet::spawn_on`].
    ///
    /// # Errors
    ///
    /// None at present.
    #[track_caller]
    pub fn spawn_on<F>(self, future: F, handle: &Handle) -> io::Result<AbortHandle>
    where
        F: Future<Output = T> + Send + 'static,
        T: Send,
    {
        Ok(self.set.insert(self.task.spawn_on(future, handle)?))
    }

    /// As [`JoinSet::spawn_blocking`].
    ///
    /// # Errors
    ///
    /// When the system gives no thread and the pool has none.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    #[track_caller]
    pub fn spawn_blocking<F>(self, work: F) -> io::Result<AbortHandle>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send,
    {
        Ok(self.set.insert(self.task.spawn_blocking(work)?))
    }

    /// As [`JoinSet::spawn_blocking_on`].
    ///
    /// # Errors
    ///
    /// When the system gives no thread and the pool has none.
    #[track_caller]
    pub fn spawn_blocking_on<F>(self, work: F, handle: &Handle) -> io::Result<AbortHandle>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send,
    {
        Ok(self.set.insert(self.task.spawn_blocking_on(work, handle)?))
    }

    /// As [`JoinSet::spawn_local`].
    ///
    /// # Errors
    ///
    /// None at present.
    ///
    /// # Panics
    ///
    /// Outside of a local set and of a local runtime.
    #[track_caller]
    pub fn spawn_local<F>(self, future: F) -> io::Result<AbortHandle>
    where
        F: Future<Output = T> + 'static,
    {
        Ok(self.set.insert(self.task.spawn_local(future)?))
    }

    /// As [`JoinSet::spawn_local_on`].
    ///
    /// # Errors
    ///
    /// None at present.
    #[track_caller]
    pub fn spawn_local_on<F>(self, future: F, local_set: &LocalSet) -> io::Result<AbortHandle>
    where
        F: Future<Output = T> + 'static,
    {
        Ok(self
            .set
            .insert(self.task.spawn_local_on(future, local_set)?))
    }
}

impl<T> fmt::Debug for Builder<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("join_set::Builder")
            .field("set", &self.set)
            .field("task", &self.task)
            .finish()
    }
}

impl<T> Drop for JoinSet<T> {
    fn drop(&mut self) {
        self.abort_entries();
    }
}

impl<T> Default for JoinSet<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for JoinSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinSet").field("len", &self.len()).finish()
    }
}

impl<T, F> FromIterator<F> for JoinSet<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    /// Spawns every future of the iterator on the current runtime.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    #[track_caller] // Of `collect`, the place is in the standard library.
    fn from_iter<I: IntoIterator<Item = F>>(tasks: I) -> Self {
        let mut set = Self::new();
        set.extend(tasks);
        set
    }
}

impl<T, F> Extend<F> for JoinSet<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    /// Spawns every future of the iterator on the current runtime.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    #[track_caller]
    fn extend<I: IntoIterator<Item = F>>(&mut self, tasks: I) {
        for task in tasks {
            self.spawn(task);
        }
    }
}

#[cfg(all(test, not(rt_loom)))]
mod property;
#[cfg(all(test, not(rt_loom)))]
mod tests {
    use super::*;

    fn block_on<F: Future>(future: F) -> F::Output {
        crate::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(future)
    }

    #[test]
    fn outputs_come_in_the_order_of_completion() {
        block_on(async {
            let mut set = JoinSet::new();
            let (first, second) = (
                crate::sync::oneshot::channel(),
                crate::sync::oneshot::channel(),
            );
            let a = set.spawn(async move { first.1.await.unwrap() }).id();
            let b = set.spawn(async move { second.1.await.unwrap() }).id();
            assert!(set.try_join_next().is_none());
            second.0.send("second").unwrap();
            assert_eq!(
                set.join_next_with_id().await.unwrap().unwrap(),
                (b, "second")
            );
            first.0.send("first").unwrap();
            assert_eq!(
                set.join_next_with_id().await.unwrap().unwrap(),
                (a, "first")
            );
            assert!(set.join_next().await.is_none());
        });
    }

    #[test]
    fn dropping_the_set_aborts_and_detaching_does_not() {
        block_on(async {
            let alive = Arc::new(());
            let mut detached = JoinSet::new();
            let (sender, receiver) = crate::sync::oneshot::channel::<()>();
            let witness = alive.clone();
            detached.spawn(async move {
                receiver.await.unwrap();
                drop(witness);
            });
            detached.detach_all();
            assert!(detached.is_empty());
            drop(detached);
            let mut dropped = JoinSet::new();
            let witness = alive.clone();
            dropped.spawn(async move {
                std::future::pending::<()>().await;
                drop(witness);
            });
            drop(dropped);
            while Arc::strong_count(&alive) > 2 {
                crate::task::yield_now().await;
            }
            sender.send(()).unwrap();
            while Arc::strong_count(&alive) > 1 {
                crate::task::yield_now().await;
            }
        });
    }

    #[test]
    fn panics_and_aborts_are_errors_of_their_tasks() {
        block_on(async {
            let mut set = JoinSet::new();
            set.spawn(async { panic!("boom") });
            set.spawn(std::future::pending());
            assert!(set.join_next().await.unwrap().unwrap_err().is_panic());
            set.abort_all();
            let error: JoinError = set.join_next().await.unwrap().unwrap_err();
            assert!(error.is_cancelled());
            set.spawn(async {});
            set.shutdown().await;
            assert!(set.is_empty());
        });
    }

    #[test]
    fn a_waker_that_panics_leaves_no_task_running() {
        use crate::sync::permits::test_wakers::{Touch, hooked};
        use std::panic::{AssertUnwindSafe, catch_unwind};

        let alive = Arc::new(());
        let mut local = LocalSet::new();
        let mut set = JoinSet::new();
        for _ in 0..3 {
            let witness = alive.clone();
            let task = async move {
                std::future::pending::<()>().await;
                drop(witness);
            };
            set.spawn_local_on(task, &local);
        }
        // The first task that is aborted wakes who polls the local set.
        let angry = hooked(|touch| assert_ne!(touch, Touch::Wake, "the waker panics on purpose"));
        let polled = Pin::new(&mut local).poll(&mut Context::from_waker(&angry));
        assert!(polled.is_pending());
        assert!(catch_unwind(AssertUnwindSafe(|| drop(set))).is_err());
        let polled = Pin::new(&mut local).poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_ready(), "a task goes on although its set is gone");
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}
