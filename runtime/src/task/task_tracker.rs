//! Waits until all tasks of a kind are gone, without keeping their outputs.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use runtime_base::sync::Arc;
use runtime_base::sync::atomic::AtomicUsize;
use runtime_base::sync::atomic::Ordering::{AcqRel, Acquire};

use super::JoinHandle;
use crate::runtime::Handle;
use crate::sync::Notify;
use crate::sync::futures::Notified;

/// Counts tasks, and tells when it is closed and none is left: for an orderly end of a server.
///
/// Unlike a [`JoinSet`](super::JoinSet) it keeps no outputs: the memory of a task is free as soon as
/// it is complete. Clones are the same tracker.
///
/// ```
/// use runtime::task::TaskTracker;
///
/// # #[runtime::main]
/// # async fn main() {
/// let tracker = TaskTracker::new();
/// for number in 0..10 {
///     tracker.spawn(async move { number });
/// }
/// tracker.close();
/// tracker.wait().await;
/// assert!(tracker.is_empty());
/// # }
/// ```
#[derive(Clone)]
pub struct TaskTracker {
    tracked: Arc<Tracked>,
}

/// Bit 0 says that the tracker is closed, the others count tasks.
struct Tracked {
    /// Changed with AcqRel and read with Acquire: who sees that a task has ended sees what it did.
    word: AtomicUsize,
    ended: Notify,
}

const CLOSED: usize = 1;
const TASK: usize = 2;

impl TaskTracker {
    /// An open tracker without tasks.
    pub fn new() -> Self {
        Self {
            tracked: Arc::new(Tracked {
                word: AtomicUsize::new(0),
                ended: Notify::new(),
            }),
        }
    }

    /// Waits until the tracker is closed and has no task.
    ///
    /// If it was so at any time since this was called, the future is ready when it is polled, even
    /// if the tracker was opened again meanwhile, or has new tasks.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub fn wait(&self) -> TaskTrackerWaitFuture<'_> {
        // Made before the look, so that a notification in between is not missed.
        let ended = self.tracked.ended.notified();
        // Acquire pairs with the AcqRel of the last task's end: what it did is visible.
        let is_over = self.tracked.word.load(Acquire) == CLOSED;
        TaskTrackerWaitFuture { ended, is_over }
    }

    /// Closes the tracker, so that [`wait`](Self::wait) can end. Tasks may still be added. Says
    /// whether it was open.
    pub fn close(&self) -> bool {
        let before = self.tracked.word.fetch_or(CLOSED, AcqRel);
        if before == 0 {
            self.tracked.ended.notify_waiters();
        }
        before & CLOSED == 0
    }

    /// Opens the tracker again. Says whether it was closed.
    pub fn reopen(&self) -> bool {
        self.tracked.word.fetch_and(!CLOSED, AcqRel) & CLOSED != 0
    }

    /// Whether the tracker is closed.
    pub fn is_closed(&self) -> bool {
        self.tracked.word.load(Acquire) & CLOSED != 0
    }

    /// How many tasks there are.
    pub fn len(&self) -> usize {
        self.tracked.word.load(Acquire) / TASK
    }

    /// Whether there is no task.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Spawns `task` on the current runtime and counts it.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    #[track_caller]
    pub fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        super::spawn(self.track_future(task))
    }

    /// Spawns `task` on the runtime of `handle` and counts it.
    #[track_caller]
    pub fn spawn_on<F>(&self, task: F, handle: &Handle) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        handle.spawn(self.track_future(task))
    }

    /// Runs `work` where blocking is fine, on the current runtime, and counts it.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    #[track_caller]
    pub fn spawn_blocking<F, R>(&self, work: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let token = self.token();
        super::spawn_blocking(move || {
            let result = work();
            drop(token);
            result
        })
    }

    /// Counts `future` until it is dropped.
    pub fn track_future<F: Future>(&self, future: F) -> TrackedFuture<F> {
        TrackedFuture {
            future,
            token: self.token(),
        }
    }

    /// Counts one task, by hand, until the token is dropped.
    pub fn token(&self) -> TaskTrackerToken {
        self.tracked.word.fetch_add(TASK, AcqRel);
        TaskTrackerToken {
            tracker: self.clone(),
        }
    }

    /// Whether both are the same tracker.
    pub fn ptr_eq(left: &Self, right: &Self) -> bool {
        Arc::ptr_eq(&left.tracked, &right.tracked)
    }
}

impl Default for TaskTracker {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TaskTracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskTracker")
            .field("len", &self.len())
            .field("is_closed", &self.is_closed())
            .finish()
    }
}

/// One counted task. Made by [`TaskTracker::token`].
#[derive(Debug)]
#[must_use = "the task is counted only while the token lives"]
pub struct TaskTrackerToken {
    tracker: TaskTracker,
}

impl TaskTrackerToken {
    /// The tracker that counts.
    pub fn task_tracker(&self) -> &TaskTracker {
        &self.tracker
    }
}

impl Clone for TaskTrackerToken {
    /// Counts one more task.
    fn clone(&self) -> Self {
        self.tracker.token()
    }
}

impl Drop for TaskTrackerToken {
    fn drop(&mut self) {
        // AcqRel: the end of the last task publishes what all of them did.
        let before = self.tracker.tracked.word.fetch_sub(TASK, AcqRel);
        if before == TASK | CLOSED {
            self.tracker.tracked.ended.notify_waiters();
        }
    }
}

pin_project! {
    /// Waits for the end of all tasks. Made by [`TaskTracker::wait`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct TaskTrackerWaitFuture<'a> {
        #[pin]
        ended: Notified<'a>,
        // Nothing needs to be waited for: the tracker was closed and empty when it was asked.
        is_over: bool,
    }
}

impl Future for TaskTrackerWaitFuture<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        if *this.is_over {
            return Poll::Ready(());
        }
        this.ended.poll(cx)
    }
}

impl fmt::Debug for TaskTrackerWaitFuture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskTrackerWaitFuture")
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// A future that is counted until it is dropped. Made by [`TaskTracker::track_future`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct TrackedFuture<F> {
        #[pin]
        future: F,
        // After the future: what it drops is dropped before the task is counted as gone.
        token: TaskTrackerToken,
    }
}

impl<F: Future> Future for TrackedFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.project().future.poll(cx)
    }
}

#[cfg(test)]
mod models {
    use super::*;
    use runtime_base::driving::block_on;
    use runtime_base::sync::{model, thread};

    #[test]
    fn who_waits_learns_of_the_end_whoever_makes_it() {
        model(|| {
            let tracker = TaskTracker::new();
            let token = tracker.token();
            let ending = thread::spawn(move || drop(token));
            let closing = {
                let tracker = tracker.clone();
                thread::spawn(move || {
                    tracker.close();
                })
            };
            block_on(tracker.wait());
            assert!(tracker.is_closed() && tracker.is_empty());
            ending.join().unwrap();
            closing.join().unwrap();
        });
    }

    #[test]
    fn the_end_counts_even_if_the_tracker_is_opened_again_at_once() {
        model(|| {
            let tracker = TaskTracker::new();
            let wait = tracker.wait();
            let other = {
                let tracker = tracker.clone();
                thread::spawn(move || {
                    tracker.close();
                    tracker.reopen();
                })
            };
            block_on(wait);
            assert!(tracker.is_empty());
            other.join().unwrap();
        });
    }
}

#[cfg(all(test, not(rt_loom)))]
mod tests {
    use super::*;

    #[test]
    fn waiting_ends_when_the_tracker_is_closed_and_empty() {
        let runtime = crate::Builder::new_multi_thread()
            .worker_threads(2)
            .build()
            .unwrap();
        runtime.block_on(async {
            let tracker = TaskTracker::new();
            let (sender, receiver) = crate::sync::oneshot::channel::<()>();
            tracker.spawn(async move { receiver.await.unwrap() });
            let waiting = crate::spawn({
                let tracker = tracker.clone();
                async move { tracker.wait().await }
            });
            assert!(tracker.close());
            assert!(!tracker.close());
            assert!(!waiting.is_finished());
            assert_eq!(tracker.len(), 1);
            sender.send(()).unwrap();
            waiting.await.unwrap();
            assert!(tracker.reopen());
            let token = tracker.token();
            drop(token.clone());
            assert_eq!(tracker.len(), 1);
        });
    }

    use crate::sync::permits::test_wakers::Counter;
    use proptest::prelude::*;
    use std::pin::pin;
    use std::task::Waker;

    #[test]
    fn who_waits_is_not_led_astray_by_a_tracker_that_is_opened_again() {
        let tracker = TaskTracker::new();
        let token = tracker.token();
        tracker.close();
        let wait = tracker.wait();
        drop(token);
        tracker.reopen();
        let _token = tracker.token();
        assert!(
            pin!(wait)
                .poll(&mut Context::from_waker(Waker::noop()))
                .is_ready()
        );
    }

    #[derive(Clone, Debug)]
    enum Step {
        Token,
        DropToken,
        Close,
        Reopen,
        Wait,
        Poll(prop::sample::Index),
        Drop(prop::sample::Index),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            2 => Just(Step::Token),
            3 => Just(Step::DropToken),
            2 => Just(Step::Close),
            1 => Just(Step::Reopen),
            4 => Just(Step::Wait),
            8 => any::<prop::sample::Index>().prop_map(Step::Poll),
            2 => any::<prop::sample::Index>().prop_map(Step::Drop),
        ];
        prop::collection::vec(step, 0..100)
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: if cfg!(miri) { 3 } else { 256 },
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn it_behaves_as_a_count_and_a_flag(steps in steps()) {
            let tracker = TaskTracker::new();
            let mut tokens = Vec::new();
            let mut closed = false;
            // Each with: whether the end came since it was made, and whether it was polled before.
            let mut waits = Vec::new();
            for step in steps {
                match step {
                    Step::Token => tokens.push(tracker.token()),
                    Step::DropToken => drop(tokens.pop()),
                    Step::Close => {
                        prop_assert_eq!(tracker.close(), !closed);
                        closed = true;
                    }
                    Step::Reopen => {
                        prop_assert_eq!(tracker.reopen(), closed);
                        closed = false;
                    }
                    Step::Wait => {
                        waits.push(Some((Box::pin(tracker.wait()), Counter::new(), false, false)));
                    }
                    Step::Poll(_) | Step::Drop(_) if waits.is_empty() => {}
                    Step::Poll(index) => {
                        let id = index.index(waits.len());
                        let Some((wait, (_, waker), reached, queued)) = &mut waits[id] else {
                            continue;
                        };
                        let result = wait.as_mut().poll(&mut Context::from_waker(waker));
                        prop_assert_eq!(result.is_ready(), *reached);
                        *queued = true;
                        if result.is_ready() {
                            waits[id] = None;
                        }
                    }
                    Step::Drop(index) => {
                        let id = index.index(waits.len());
                        waits[id] = None;
                    }
                }
                prop_assert_eq!(tracker.len(), tokens.len());
                prop_assert_eq!(tracker.is_closed(), closed);
                for (_, (counter, _), reached, queued) in waits.iter_mut().flatten() {
                    *reached |= closed && tokens.is_empty();
                    prop_assert_eq!(counter.count() > 0, *queued && *reached);
                }
            }
        }
    }
}
