//! The runtime: build one, enter it, block on it, end it.
//!
//! - [`Builder`] decides what a runtime is made of, [`Runtime`] owns it, [`Handle`] refers to it.
//! - What a scheduler thread sleeps in is `runtime/driver.rs`; the threads for blocking work are
//!   `runtime/blocking_pool.rs`. The schedulers are in `scheduler.rs`.
//!
//! # How a runtime ends
//!
//! Dropping a [`Runtime`], or one of its `shutdown_*` methods, goes through these phases:
//!
//! 1. The schedulers are told; every worker finishes the poll it is in.
//! 2. The list of tasks is closed: what is spawned from now on is cancelled at once. All tasks are
//!    cancelled and their futures dropped, on the runtime's threads.
//! 3. Queues are drained, reactors and timers are ended; who still waits for one, from outside, is
//!    woken and gets an error.
//! 4. Blocking work that has not begun is cancelled; what runs is waited for, without a limit when
//!    the runtime is dropped, up to the limit in [`Runtime::shutdown_timeout`], not at all in
//!    [`Runtime::shutdown_background`].

use std::fmt;
use std::future::Future;
use std::io;
use std::time::Duration;

use runtime_base::driving;

pub(crate) mod blocking_pool;
mod builder;
pub(crate) mod driver;
#[cfg(feature = "taskdump")]
pub mod dump;
#[cfg(not(feature = "taskdump"))]
#[path = "runtime/no_dump.rs"]
pub(crate) mod dump;
mod error;
pub(crate) mod handle;
pub(crate) mod histogram;
pub(crate) mod hooks;
mod lane;
mod local_runtime;
mod metrics;
pub(crate) mod rng_seed;
mod settings;
mod wake_token;

pub use builder::Builder;
#[cfg(feature = "taskdump")]
pub use dump::Dump;
pub use error::TryCurrentError;
pub use handle::{EnterGuard, Handle};
pub use histogram::{
    HistogramConfiguration, HistogramScale, InvalidHistogramConfiguration, LogHistogram,
    LogHistogramBuilder,
};
pub use hooks::TaskMeta;
pub use local_runtime::{LocalOptions, LocalRuntime};
pub use metrics::RuntimeMetrics;
pub use rng_seed::RngSeed;
pub(crate) use settings::Settings;
pub use settings::UnhandledPanic;

pub use crate::watchdog::{Frame, Rescue, Stack, Stall, Whereabouts};

use crate::task::JoinHandle;
use handle::{Flavor, enter_to_block};
use rng_seed::Seeded;

/// Which kind of scheduler a runtime has.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuntimeFlavor {
    /// Everything on the thread that calls `block_on`.
    CurrentThread,
    /// Worker threads that take work from each other.
    MultiThread,
}

/// Identifies a runtime among all runtimes of the process.
#[derive(Clone, Copy, Debug, Hash, Eq, PartialEq)]
pub struct Id(u64);

impl Id {
    pub(crate) fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which worker of its runtime this thread is, counted from 0; `None` if it is none.
///
/// A current-thread runtime has one worker, number 0: the thread that is in
/// [`Runtime::block_on`] and runs the tasks. In `block_on` of a multi-thread runtime, and on the threads
/// for blocking work, there is none.
pub fn worker_index() -> Option<usize> {
    crate::scheduler::worker_index()
}

/// Whether an I/O operation failed because its runtime was shut down.
pub fn is_rt_shutdown_err(error: &io::Error) -> bool {
    runtime_base::shutdown::is_shutdown_error(error)
}

/// Whether the crate that this is called through is this runtime: always.
///
/// The crate named `tokio` that has this runtime inside re-exports it as `tokio::runtime::is_shim`.
/// Tokio itself has no such function, so a program can see which of the two it was linked with, and
/// compiles with both: a name that a glob import in a block brings goes before one outside.
///
/// ```
/// # use runtime as tokio;
/// /// What is used when there is no other: the answer for Tokio.
/// #[allow(dead_code)]
/// fn is_shim() -> bool {
///     false
/// }
///
/// fn is_linked_with_shim() -> bool {
///     #[allow(unused_imports)]
///     use tokio::runtime::*;
///     is_shim()
/// }
///
/// assert!(is_linked_with_shim());
/// ```
pub const fn is_shim() -> bool {
    true
}

/// An executor with its sockets, timers and threads.
///
/// Most programs use [`#[runtime::main]`](crate::main) instead of building one.
///
/// ```
/// let runtime = runtime::Runtime::new()?;
/// let answer = runtime.block_on(async {
///     let task = runtime::spawn(async { 6 * 7 });
///     task.await.unwrap()
/// });
/// assert_eq!(answer, 42);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Shutdown
///
/// Dropping the runtime cancels its tasks and waits until the blocking work that runs has ended. To
/// wait less, see [`shutdown_timeout`](Self::shutdown_timeout) and
/// [`shutdown_background`](Self::shutdown_background).
///
/// # Panics
///
/// Dropping it inside of asynchronous code panics, because it would block: move it to
/// [`spawn_blocking`](crate::task::spawn_blocking), or use `shutdown_background`.
#[derive(Debug)]
pub struct Runtime {
    handle: Handle,
    /// One of the `shutdown_*` methods has done what dropping would do.
    is_shut_down: bool,
}

impl std::panic::UnwindSafe for Runtime {}
impl std::panic::RefUnwindSafe for Runtime {}

impl Runtime {
    pub(crate) fn new_with(handle: Handle) -> Self {
        Self {
            handle,
            is_shut_down: false,
        }
    }

    /// A multi-thread runtime with everything enabled.
    ///
    /// # Errors
    ///
    /// When the system gives no descriptors or threads.
    pub fn new() -> io::Result<Self> {
        Builder::new_multi_thread().enable_all().build()
    }

    /// A handle, which can be cloned and sent elsewhere.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Runs `future` as a task of this runtime; see [`spawn`](crate::spawn).
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.handle.spawn(future)
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
        self.handle.spawn_blocking(work)
    }

    /// Runs the runtime on this thread until `future` is ready, and gives its output.
    ///
    /// On a multi-thread runtime the future is polled here, and the tasks run on the workers. On a
    /// current-thread runtime everything runs here; when several threads call it, one of them runs
    /// the tasks and hands over when it is done.
    ///
    /// Inside of a task of a multi-thread runtime, another thread takes over what this one has to do;
    /// see [`Handle::block_on`].
    ///
    /// # Panics
    ///
    /// Inside of a task of a current-thread runtime or a `LocalSet`, because nobody could take over, and
    /// when `future` panics. Await the future there instead.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let context = enter_to_block(&self.handle);
        let output = match &self.handle.flavor {
            Flavor::CurrentThread(scheduler) => scheduler.block_on(future),
            Flavor::MultiThread(scheduler) => {
                let seed = scheduler.estate().settings.rng_seed.as_ref();
                // Workers count from zero; this thread is none of them.
                let _seeded = Seeded::enter(seed.map(|seed| seed.state(usize::MAX)));
                crate::scheduler::block_on_this_thread(&self.handle, future)
            }
        };
        drop(context);
        output
    }

    /// Makes this runtime the current one of the thread; see [`Handle::enter`].
    pub fn enter(&self) -> EnterGuard<'_> {
        self.handle.enter()
    }

    /// What the runtime counts.
    pub fn metrics(&self) -> RuntimeMetrics {
        self.handle.metrics()
    }

    /// Ends the runtime, and waits at most `timeout` for tasks to give way and for blocking work
    /// that runs. What has not ended then is left behind: its thread goes on.
    ///
    /// # Panics
    ///
    /// Inside of asynchronous code, because it would block, unless `timeout` is zero. The runtime is
    /// ended all the same.
    #[track_caller]
    pub fn shutdown_timeout(mut self, timeout: Duration) {
        self.is_shut_down = true;
        self.shutdown(Some(timeout));
    }

    /// Ends the runtime without waiting for anything. It may be called inside of asynchronous code.
    pub fn shutdown_background(self) {
        self.shutdown_timeout(Duration::ZERO);
    }

    #[track_caller]
    fn shutdown(&self, timeout: Option<Duration>) {
        let may_wait = !driving::is_driving();
        match &self.handle.flavor {
            Flavor::CurrentThread(scheduler) => {
                let _context = self.handle.enter_owned();
                scheduler.shutdown();
            }
            Flavor::MultiThread(scheduler) => scheduler.begin_shutdown(),
        }
        let pool = self.handle.blocking_pool();
        pool.close();
        if may_wait || timeout == Some(Duration::ZERO) {
            pool.join(timeout);
        } else if !std::thread::panicking() {
            panic!(
                "Cannot drop a runtime in a context where blocking is not allowed. This happens \
                 when a runtime is dropped from within an asynchronous context. Drop it in \
                 `spawn_blocking`, or call `Runtime::shutdown_background`."
            );
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if !self.is_shut_down {
            self.shutdown(None);
        }
    }
}
