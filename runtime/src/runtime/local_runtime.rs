//! A runtime that stays on one thread, for futures that are not `Send`.
//!
//! It is a current-thread runtime whose owner cannot leave its thread. So no other thread ever runs
//! its tasks, and it may accept any future there; see C3 in `scheduler/current_thread.rs`.

use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::panic::Location;
use std::time::Duration;

use futures_task::{LocalFutureObj, LocalSpawn, SpawnError};

use super::handle::Flavor;
use super::{Builder, EnterGuard, Handle, Runtime, RuntimeMetrics};
use crate::task::{self, JoinHandle};

/// A current-thread [`Runtime`] that belongs to the thread that built it, and whose
/// [`spawn_local`](Self::spawn_local) takes futures that are not [`Send`].
///
/// [`task::spawn_local`](crate::task::spawn_local) works everywhere inside of it, without a
/// [`LocalSet`](crate::task::LocalSet). Its [`Handle`] may be sent to other threads, which spawn
/// `Send` futures with it.
///
/// Shutdown is that of a [`Runtime`], and so are the panics of dropping it.
///
/// ```
/// use std::rc::Rc;
/// use runtime::runtime::LocalRuntime;
///
/// let runtime = LocalRuntime::new()?;
/// let length = runtime.block_on(async {
///     let text = Rc::new("not Send");
///     runtime::task::spawn_local(async move { text.len() }).await.unwrap()
/// });
/// assert_eq!(length, 8);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct LocalRuntime {
    runtime: Runtime,
    /// The invariant: the runtime is used and dropped where it was made.
    _not_send: PhantomData<*mut ()>,
}

/// Settings of a [`LocalRuntime`]; there are none yet. See [`Builder::build_local`].
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct LocalOptions {
    /// Settings to come may hold what must stay on this thread.
    _not_send: PhantomData<*mut ()>,
}

impl std::panic::UnwindSafe for LocalRuntime {}
impl std::panic::RefUnwindSafe for LocalRuntime {}

impl LocalRuntime {
    pub(super) fn new_with(runtime: Runtime) -> Self {
        Self {
            runtime,
            _not_send: PhantomData,
        }
    }

    /// A local runtime with everything enabled.
    ///
    /// # Errors
    ///
    /// When the system gives no descriptors.
    pub fn new() -> io::Result<Self> {
        Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default())
    }

    /// A handle, which can be cloned and sent elsewhere.
    pub fn handle(&self) -> &Handle {
        self.runtime.handle()
    }

    /// Runs `future`, which need not be [`Send`], as a task of this runtime; see
    /// [`task::spawn_local`](crate::task::spawn_local).
    #[track_caller]
    pub fn spawn_local<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        match &self.handle().flavor {
            Flavor::CurrentThread(scheduler) => {
                scheduler.spawn_local(future, task::Id::next(), Location::caller())
            }
            Flavor::MultiThread(_) => unreachable!("a local runtime is a current-thread runtime"),
        }
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
        self.runtime.spawn_blocking(work)
    }

    /// Runs the runtime on this thread until `future` is ready, and gives its output; see
    /// [`Runtime::block_on`].
    ///
    /// # Panics
    ///
    /// As [`Runtime::block_on`].
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// Makes this runtime the current one of the thread; see [`Handle::enter`].
    pub fn enter(&self) -> EnterGuard<'_> {
        self.runtime.enter()
    }

    /// What the runtime counts.
    pub fn metrics(&self) -> RuntimeMetrics {
        self.runtime.metrics()
    }

    /// Ends the runtime, and waits at most `timeout` for blocking work that runs; see
    /// [`Runtime::shutdown_timeout`].
    ///
    /// # Panics
    ///
    /// As [`Runtime::shutdown_timeout`].
    #[track_caller]
    pub fn shutdown_timeout(self, timeout: Duration) {
        self.runtime.shutdown_timeout(timeout);
    }

    /// Ends the runtime without waiting for anything; see [`Runtime::shutdown_background`].
    pub fn shutdown_background(self) {
        self.runtime.shutdown_background();
    }
}

impl LocalSpawn for LocalRuntime {
    fn spawn_local_obj(&self, future: LocalFutureObj<'static, ()>) -> Result<(), SpawnError> {
        drop(self.spawn_local(future));
        Ok(())
    }
}
