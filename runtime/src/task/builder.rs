//! Spawns a task with settings of its own.

use std::future::Future;
use std::io;
use std::panic::Location;

use super::local_set::{LocalSet, spawn_here};
use super::names::{Name, Named};
use super::{Id, JoinHandle};
use crate::runtime::Handle;

/// Spawns one task that has a name.
///
/// The name appears in reports about the task. Names need not be unique. A task
/// without one costs nothing more for it.
///
/// ```
/// # #[runtime::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let task = runtime::task::Builder::new().name("answers").spawn(async { 42 })?;
/// assert_eq!(task.await?, 42);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
#[must_use = "a builder spawns nothing by itself"]
pub struct Builder<'a> {
    name: Option<&'a str>,
}

impl<'a> Builder<'a> {
    /// A task without a name.
    pub fn new() -> Self {
        Self::default()
    }

    /// The task's name.
    pub fn name(&self, name: &'a str) -> Self {
        Self { name: Some(name) }
    }

    /// Runs `future` as a task of the current runtime; see [`spawn`](super::spawn).
    ///
    /// # Errors
    ///
    /// None at present.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    #[track_caller]
    pub fn spawn<Fut>(self, future: Fut) -> io::Result<JoinHandle<Fut::Output>>
    where
        Fut: Future + Send + 'static,
        Fut::Output: Send + 'static,
    {
        let handle = Handle::current();
        self.spawn_on(future, &handle)
    }

    /// Runs `future` as a task of the runtime of `handle`.
    ///
    /// # Errors
    ///
    /// None at present.
    #[track_caller]
    pub fn spawn_on<Fut>(self, future: Fut, handle: &Handle) -> io::Result<JoinHandle<Fut::Output>>
    where
        Fut: Future + Send + 'static,
        Fut::Output: Send + 'static,
    {
        let (id, spawned_at) = (Id::next(), Location::caller());
        Ok(match self.register(id) {
            None => handle.spawn_as(future, id, spawned_at),
            Some(name) => handle.spawn_as(Named::new(future, name), id, spawned_at),
        })
    }

    /// Runs `future`, which need not be [`Send`], as a task of this thread; see
    /// [`spawn_local`](super::spawn_local).
    ///
    /// # Errors
    ///
    /// None at present.
    ///
    /// # Panics
    ///
    /// Outside of a local set and of a local runtime.
    #[track_caller]
    pub fn spawn_local<Fut>(self, future: Fut) -> io::Result<JoinHandle<Fut::Output>>
    where
        Fut: Future + 'static,
        Fut::Output: 'static,
    {
        let (id, spawned_at) = (Id::next(), Location::caller());
        Ok(match self.register(id) {
            None => spawn_here(future, id, spawned_at),
            Some(name) => spawn_here(Named::new(future, name), id, spawned_at),
        })
    }

    /// Runs `future`, which need not be [`Send`], as a task of `local_set`.
    ///
    /// # Errors
    ///
    /// None at present.
    #[track_caller]
    pub fn spawn_local_on<Fut>(
        self,
        future: Fut,
        local_set: &LocalSet,
    ) -> io::Result<JoinHandle<Fut::Output>>
    where
        Fut: Future + 'static,
        Fut::Output: 'static,
    {
        let (id, spawned_at) = (Id::next(), Location::caller());
        Ok(match self.register(id) {
            None => local_set.spawn_as(future, id, spawned_at),
            Some(name) => local_set.spawn_as(Named::new(future, name), id, spawned_at),
        })
    }

    /// Runs `work` where blocking is fine; see [`spawn_blocking`](super::spawn_blocking).
    ///
    /// # Errors
    ///
    /// When the system gives no thread and the pool has none.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    #[track_caller]
    pub fn spawn_blocking<Function, Output>(self, work: Function) -> io::Result<JoinHandle<Output>>
    where
        Function: FnOnce() -> Output + Send + 'static,
        Output: Send + 'static,
    {
        let handle = Handle::current();
        self.spawn_blocking_on(work, &handle)
    }

    /// Runs `work` where blocking is fine, on the runtime of `handle`.
    ///
    /// # Errors
    ///
    /// When the system gives no thread and the pool has none.
    #[track_caller]
    pub fn spawn_blocking_on<Function, Output>(
        self,
        work: Function,
        handle: &Handle,
    ) -> io::Result<JoinHandle<Output>>
    where
        Function: FnOnce() -> Output + Send + 'static,
        Output: Send + 'static,
    {
        let (id, spawned_at) = (Id::next(), Location::caller());
        match self.register(id) {
            None => handle.spawn_blocking_as(work, id, spawned_at),
            Some(name) => {
                let named = move || {
                    let _name = name;
                    work()
                };
                handle.spawn_blocking_as(named, id, spawned_at)
            }
        }
    }

    fn register(&self, id: Id) -> Option<Name> {
        self.name.map(|name| Name::new(id, name))
    }
}

#[cfg(all(test, not(rt_loom)))]
mod tests {
    use super::*;
    use crate::task::names::name_of;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn a_name_lives_as_long_as_the_future_of_its_task() {
        let runtime = crate::Builder::new_current_thread().build().unwrap();
        let task = Builder::new()
            .name("waiting")
            .spawn_on(std::future::pending::<()>(), runtime.handle())
            .unwrap();
        assert_eq!(name_of(task.id()).as_deref(), Some("waiting"));
        task.abort();
        let id = task.id();
        assert!(runtime.block_on(task).unwrap_err().is_cancelled());
        assert_eq!(name_of(id), None);
        let blocking = Builder::new()
            .name("blocking")
            .spawn_blocking_on(|| name_of(crate::task::id()), runtime.handle())
            .unwrap();
        let name = runtime.block_on(blocking).unwrap();
        assert_eq!(name.as_deref(), Some("blocking"));
        let unnamed = Builder::new().spawn_on(async {}, runtime.handle()).unwrap();
        assert_eq!(name_of(unnamed.id()), None);
    }

    #[test]
    #[cfg(not(miri))] // It has room for any stack.
    fn work_for_which_there_is_no_thread_is_an_error() {
        let runtime = crate::Builder::new_current_thread()
            .thread_stack_size(1 << 60)
            .build()
            .unwrap();
        for name in [None, Some("blocking")] {
            let builder = Builder { name };
            assert!(builder.spawn_blocking_on(|| (), runtime.handle()).is_err());
        }
        let spawn = AssertUnwindSafe(|| runtime.spawn_blocking(|| ()));
        let message = catch_unwind(spawn).unwrap_err().downcast::<String>();
        assert!(
            message
                .unwrap()
                .starts_with("OS can't spawn worker thread: ")
        );
    }
}
