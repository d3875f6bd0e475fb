//! What every task of a runtime waits for: task dumps.
//!
//! [`Handle::dump`](super::Handle::dump) polls each task once while it looks on; the stack from each
//! leaf future up to the task is its [`Trace`]. How a poll is looked on is in
//! `runtime/base/src/trace.rs`, how tasks are asked for their traces in `dump/requests.rs`, and what is
//! known of a stack in `dump/backtrace.rs`.

use std::ffi::c_void;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use runtime_base::trace;

mod backtrace;
pub(crate) mod requests;
mod tree;

pub use self::backtrace::{Backtrace, BacktraceFrame, BacktraceSymbol};

use crate::runtime::Handle;
use crate::task::Id;

/// What the tasks of a runtime waited for. Made by [`Handle::dump`].
#[derive(Debug)]
pub struct Dump {
    tasks: Tasks,
}

/// The tasks of a [`Dump`].
#[derive(Debug)]
pub struct Tasks {
    tasks: Vec<Task>,
}

/// One task of a [`Dump`].
#[derive(Debug)]
pub struct Task {
    id: Id,
    trace: Trace,
}

impl Dump {
    /// The tasks.
    pub fn tasks(&self) -> &Tasks {
        &self.tasks
    }
}

impl Tasks {
    /// One after the other, in the order of their [`Id`]s.
    pub fn iter(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter()
    }
}

impl Task {
    /// A task that cannot be polled.
    fn without_trace(id: Id) -> Self {
        Self {
            id,
            trace: Trace::default(),
        }
    }

    /// Which task it is.
    pub fn id(&self) -> Id {
        self.id
    }

    /// What it waited for.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }
}

impl Handle {
    /// What every task of the runtime waits for.
    ///
    /// Each task is polled once more. In this poll the futures of this crate do nothing but have their
    /// stack recorded; they are polled again soon afterwards, and nothing is lost. Futures of others
    /// are polled as always. So a dump costs about as much as waking every task twice, and a stack for
    /// each future that waits. Looking up the names of functions costs far more, and is left to
    /// whoever looks at a [`Trace`].
    ///
    /// A task that is being polled at this moment is seen at its next poll. One that blocks its thread is
    /// not waited for once another thread has taken over (which is at once if it blocks in
    /// [`block_in_place`](crate::task::block_in_place) or a `block_on` of its own), nor is one that is not
    /// begun because of [`max_stand_ins`](super::Builder::max_stand_ins): their traces are mostly empty. Where no
    /// thread takes over a task that blocks delays the dump until it gives way, and so does a
    /// current-thread runtime that nobody runs. Tasks of a [`LocalSet`](crate::task::LocalSet) are not the
    /// runtime's. Tasks that end meanwhile are left out.
    ///
    /// # Cancel safety
    ///
    /// Nothing is left behind when the future is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// async fn wait_for_better_times() {
    ///     runtime::time::sleep(Duration::from_secs(1_000_000)).await;
    /// }
    ///
    /// # #[runtime::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let task = runtime::spawn(wait_for_better_times());
    /// let dump = runtime::Handle::current().dump().await;
    /// let waiting = dump.tasks().iter().find(|found| found.id() == task.id()).unwrap();
    /// assert!(waiting.trace().to_string().contains("wait_for_better_times"));
    /// # }
    /// ```
    pub async fn dump(&self) -> Dump {
        let mut tasks = requests::collect(self).await;
        tasks.sort_by_key(|task| task.id);
        Dump {
            tasks: Tasks { tasks },
        }
    }
}

/// Where futures waited when they were polled: one stack for each.
///
/// Its [`Display`](fmt::Display) is a tree: functions that are on several stacks come once. For that it
/// looks up the names of functions, which may take a tenth of a second and more when it is done for
/// the first time; leave it to [`spawn_blocking`](crate::task::spawn_blocking) where that matters.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    stacks: Vec<Backtrace>,
}

impl Trace {
    /// Calls `f`, normally with a poll of a future in it, and records the stack of every future of this
    /// crate that is polled. None of these futures does anything but have its task scheduled again, so
    /// what was captured must be polled once more without, to go on.
    ///
    /// ```
    /// use std::future::{Future, poll_fn};
    /// use std::task::Poll;
    /// use runtime::runtime::dump::Trace;
    ///
    /// # #[runtime::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (_sender, receiver) = runtime::sync::oneshot::channel::<u32>();
    /// let mut receiver = std::pin::pin!(receiver);
    /// let looked = Trace::root(poll_fn(|cx| {
    ///     Poll::Ready(Trace::capture(|| receiver.as_mut().poll(cx)))
    /// }));
    /// let (polled, trace) = looked.await;
    /// assert!(polled.is_pending());
    /// assert_eq!(trace.resolve_backtraces().len(), 1);
    /// # }
    /// ```
    pub fn capture<F, R>(f: F) -> (R, Self)
    where
        F: FnOnce() -> R,
    {
        let mut stacks = Vec::new();
        let result = trace_with(f, |meta| stacks.push(Backtrace::here(meta)));
        (result, Self { stacks })
    }

    /// A future within which captured stacks end at this one.
    pub fn root<F>(future: F) -> Root<F>
    where
        F: Future,
    {
        Root { future }
    }

    /// The stacks with the names of their functions, one for each future that was polled.
    pub fn resolve_backtraces(&self) -> Vec<Backtrace> {
        self.stacks.iter().map(Backtrace::resolved).collect()
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        tree::Tree::new(&self.resolve_backtraces()).fmt(f)
    }
}

pin_project! {
    /// Where captured stacks end. Made by [`Trace::root`].
    #[derive(Debug, Clone)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct Root<T> {
        #[pin]
        future: T,
    }
}

impl<T: Future> Future for Root<T> {
    type Output = T::Output;

    #[inline(never)] // Its frame is where a stack ends.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T::Output> {
        let future = self.project().future;
        trace::with_root(Self::poll as *const c_void, || future.poll(cx))
    }
}

/// What a look down the stack has to know. It goes to the function of [`trace_with`].
#[non_exhaustive]
#[derive(Debug)]
pub struct TraceMeta {
    /// The function at which the stack may end: the innermost [`Root`], or the one that polls a task
    /// for a dump.
    pub root_addr: Option<*const c_void>,
    /// The function of this crate that calls yours. What interests is further down.
    pub trace_leaf_addr: *const c_void,
}

/// Calls `f`, and `trace_leaf` whenever a future of this crate is polled in it, which then does nothing
/// else, as described at [`Trace::capture`]. With it you can look at the stack in your own way.
pub fn trace_with<FN, FT, R>(f: FN, mut trace_leaf: FT) -> R
where
    FN: FnOnce() -> R,
    FT: FnMut(&TraceMeta),
{
    trace::trace_with(f, |leaf| {
        trace_leaf(&TraceMeta {
            root_addr: leaf.root,
            trace_leaf_addr: leaf.leaf,
        });
    })
}
