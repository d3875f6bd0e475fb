//! Tasks that end with the code that started them.
//!
//! # How it works
//!
//! [`scope`] runs a body which may spawn children into the scope. New children go through a queue to
//! the future of the scope, which keeps them in a [`JoinSet`]: it alone polls, joins and aborts.
//!
//! # Invariants
//!
//! - **Y1** The scope's future is ready only when its body is done and no child is left.
//! - **Y2** The first error, of the body or of a child, aborts what is left; later ones are dropped.
//! - **Y3** Once the scope has ended no child stays in the queue (N1 of [`queue`](crate::queue)): whoever
//!   spawns later aborts it.

use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use runtime_base::waker_cell::WakerCell;

use super::{AbortHandle, JoinHandle, JoinSet};
use crate::queue::{Closed, Queue};

/// Where the children of one [`scope`] are spawned. Clones are the same scope; children may spawn
/// more children through theirs.
pub struct Scope<E> {
    arrivals: Arc<Arrivals<E>>,
}

struct Arrivals<E> {
    /// Children that the scope's future has not seen yet.
    children: Queue<JoinHandle<Result<(), E>>>,
    arrived: WakerCell,
    closed: Closed,
}

impl<E> Clone for Scope<E> {
    fn clone(&self) -> Self {
        Self {
            arrivals: self.arrivals.clone(),
        }
    }
}

impl<E> fmt::Debug for Scope<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}

impl<E: Send + 'static> Scope<E> {
    /// Runs `child` as a task of the current runtime that ends with the scope: the scope waits for
    /// it, and aborts it when something fails.
    ///
    /// A child that is spawned after the scope has ended is aborted at once.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    #[track_caller]
    pub fn spawn<F>(&self, child: F) -> AbortHandle
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        let task = super::spawn(child);
        let abort = task.abort_handle();
        self.arrivals.children.push(task);
        if self.arrivals.closed.is_late() {
            self.arrivals.abort_all();
        } else {
            self.arrivals.arrived.wake();
        }
        abort
    }
}

impl<E> Arrivals<E> {
    /// Aborts the children that the scope's future has not seen.
    fn abort_all(&self) {
        while let Some(child) = self.children.pop() {
            child.abort();
        }
    }
}

/// Runs `body` with a [`Scope`] to spawn tasks in, and ends when the body and all of these tasks have
/// ended: no task outlives its scope.
///
/// The output is that of the body, if nothing fails. The first error, of the body or of a child,
/// aborts everything that is left, and is the output once all of it is gone.
///
/// # Errors
///
/// The first error of the body or of a child.
///
/// # Panics
///
/// With the panic of the body or of a child, after the rest was aborted and is gone; and outside of a
/// runtime when a child is spawned.
///
/// # Cancel safety
///
/// Dropping the future drops the body and aborts all children. They are dropped by the runtime, at
/// their next await, which dropping cannot wait for.
///
/// ```
/// use runtime::task::scope;
///
/// # #[runtime::main]
/// # async fn main() {
/// let result: Result<u32, String> = scope(async |scope| {
///     scope.spawn(async { Ok(()) });
///     scope.spawn(async { Err("the second child failed".to_owned()) });
///     std::future::pending::<()>().await;
///     Ok(1)
/// })
/// .await;
/// assert_eq!(result.unwrap_err(), "the second child failed");
/// # }
/// ```
pub async fn scope<T, E, B>(body: B) -> Result<T, E>
where
    B: AsyncFnOnce(&Scope<E>) -> Result<T, E>,
    E: Send + 'static,
{
    let arrivals = Arrivals {
        children: Queue::new(),
        arrived: WakerCell::new(),
        closed: Closed::new(),
    };
    let scope = Scope {
        arrivals: Arc::new(arrivals),
    };
    let mut ending = Ending {
        children: JoinSet::new(),
        arrivals: scope.arrivals.clone(),
    };
    let outcome = run(&scope, &mut ending, body).await;
    // The body is gone; whatever the outcome, what is left goes before it is told.
    if !matches!(outcome, Outcome::Done(Ok(_))) {
        ending.abort();
    }
    let panic = ending.join_rest().await;
    match (outcome, panic) {
        (Outcome::Panicked(panic), _) | (Outcome::Done(Ok(_)), Some(panic)) => resume_unwind(panic),
        (Outcome::Done(result), _) => result,
    }
}

enum Outcome<T, E> {
    Done(Result<T, E>),
    Panicked(Box<dyn std::any::Any + Send>),
}

/// Runs the body and the children until both are done or something failed.
async fn run<T, E, B>(scope: &Scope<E>, ending: &mut Ending<E>, body: B) -> Outcome<T, E>
where
    B: AsyncFnOnce(&Scope<E>) -> Result<T, E>,
    E: Send + 'static,
{
    let mut body = pin!(body(scope));
    let mut output = None;
    poll_fn(|cx| {
        // First the waker, then the look: a child that arrives meanwhile wakes us.
        ending.arrivals.arrived.register(cx.waker());
        if output.is_none() {
            // A panic waits for the children as well.
            match catch_unwind(AssertUnwindSafe(|| body.as_mut().poll(cx))) {
                Ok(Poll::Ready(Ok(value))) => output = Some(value),
                Ok(Poll::Ready(Err(error))) => return Poll::Ready(Outcome::Done(Err(error))),
                Ok(Poll::Pending) => {}
                Err(panic) => return Poll::Ready(Outcome::Panicked(panic)),
            }
        }
        loop {
            ending.admit();
            match ending.children.poll_join_next(cx) {
                Poll::Ready(Some(Ok(Ok(())))) => {}
                Poll::Ready(Some(Ok(Err(error)))) => {
                    return Poll::Ready(Outcome::Done(Err(error)));
                }
                Poll::Ready(Some(Err(error))) => {
                    // An aborted child was aborted by its own handle; that is no failure.
                    if let Ok(panic) = error.try_into_panic() {
                        return Poll::Ready(Outcome::Panicked(panic));
                    }
                }
                Poll::Ready(None) => {
                    // The last child may have spawned another before it ended.
                    if !ending.arrivals.children.is_empty() {
                        continue;
                    }
                    return match output.take() {
                        Some(value) => Poll::Ready(Outcome::Done(Ok(value))),
                        None => Poll::Pending,
                    };
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await
}

/// The children of one scope, and their end. Dropping it aborts them, and whatever comes later.
struct Ending<E: 'static> {
    children: JoinSet<Result<(), E>>,
    arrivals: Arc<Arrivals<E>>,
}

impl<E: Send + 'static> Ending<E> {
    fn admit(&mut self) {
        while let Some(child) = self.arrivals.children.pop() {
            self.children.insert(child);
        }
    }

    fn abort(&mut self) {
        self.admit();
        self.children.abort_all();
    }

    /// Waits until no child is left, and aborts those that still arrive. Gives the first panic.
    async fn join_rest(&mut self) -> Option<Box<dyn std::any::Any + Send>> {
        let mut panic = None;
        loop {
            self.abort();
            match self.children.join_next().await {
                Some(Err(error)) => {
                    if let Ok(first) = error.try_into_panic() {
                        panic.get_or_insert(first);
                    }
                }
                Some(Ok(_)) => {}
                None if self.arrivals.children.is_empty() => return panic,
                None => {}
            }
        }
    }
}

impl<E> Drop for Ending<E> {
    fn drop(&mut self) {
        // The set aborts its own; these have not reached it.
        self.arrivals.closed.close();
        self.arrivals.abort_all();
    }
}

#[cfg(all(test, not(rt_loom)))]
mod property;
#[cfg(all(test, not(rt_loom)))]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;
    use std::sync::atomic::Ordering::SeqCst;

    fn on_every_flavour(body: impl AsyncFn()) {
        let builders = [
            crate::Builder::new_current_thread(),
            crate::Builder::new_multi_thread(),
        ];
        for mut builder in builders {
            builder
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap()
                .block_on(body());
        }
    }

    /// Counts itself while it lives.
    struct Alive(Arc<AtomicUsize>);
    impl Alive {
        fn new(count: &Arc<AtomicUsize>) -> Self {
            count.fetch_add(1, SeqCst);
            Self(count.clone())
        }
    }
    impl Drop for Alive {
        fn drop(&mut self) {
            self.0.fetch_sub(1, SeqCst);
        }
    }

    #[test]
    fn a_scope_waits_for_children_and_grandchildren() {
        on_every_flavour(async || {
            let done = Arc::new(AtomicUsize::new(0));
            let result: Result<u32, ()> = scope(async |scope| {
                for _ in 0..10 {
                    let (done, inner) = (done.clone(), scope.clone());
                    scope.spawn(async move {
                        crate::task::yield_now().await;
                        let done_by_grandchild = done.clone();
                        inner.spawn(async move {
                            crate::task::yield_now().await;
                            done_by_grandchild.fetch_add(1, SeqCst);
                            Ok(())
                        });
                        done.fetch_add(1, SeqCst);
                        Ok(())
                    });
                }
                Ok(7)
            })
            .await;
            assert_eq!((result, done.load(SeqCst)), (Ok(7), 20));
        });
    }

    #[test]
    fn the_first_error_ends_the_body_and_all_children() {
        on_every_flavour(async || {
            let alive = Arc::new(AtomicUsize::new(0));
            let result: Result<(), &str> = scope(async |scope| {
                for _ in 0..5 {
                    let alive = Alive::new(&alive);
                    scope.spawn(async move {
                        let _alive = alive;
                        std::future::pending().await
                    });
                }
                scope.spawn(async { Err("failed") });
                let _alive = Alive::new(&alive);
                std::future::pending().await
            })
            .await;
            assert_eq!((result, alive.load(SeqCst)), (Err("failed"), 0));
        });
    }

    #[test]
    fn an_error_of_the_body_ends_the_children() {
        on_every_flavour(async || {
            let alive = Arc::new(AtomicUsize::new(0));
            let child = Alive::new(&alive);
            let result: Result<(), &str> = scope(async |scope| {
                scope.spawn(async move {
                    let _child = child;
                    std::future::pending().await
                });
                Err("body")
            })
            .await;
            assert_eq!((result, alive.load(SeqCst)), (Err("body"), 0));
        });
    }

    #[test]
    fn a_panic_of_a_child_comes_out_after_the_others_are_gone() {
        on_every_flavour(async || {
            let alive = Arc::new(AtomicUsize::new(0));
            let count = alive.clone();
            let task = crate::spawn(async move {
                let other = Alive::new(&count);
                let _: Result<(), ()> = scope(async |scope| {
                    scope.spawn(async move {
                        let _other = other;
                        std::future::pending().await
                    });
                    scope.spawn(async { panic!("child") });
                    std::future::pending().await
                })
                .await;
            });
            assert!(task.await.unwrap_err().is_panic());
            assert_eq!(alive.load(SeqCst), 0);
        });
    }

    #[test]
    fn a_child_that_comes_after_the_end_is_aborted_although_it_holds_the_scope() {
        on_every_flavour(async || {
            for is_dropped in [false, true] {
                let mut kept = None;
                let mut body = Box::pin(scope(async |scope: &Scope<()>| {
                    kept = Some(scope.clone());
                    if is_dropped {
                        std::future::pending::<()>().await;
                    }
                    Ok(())
                }));
                if is_dropped {
                    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
                    assert!(body.as_mut().poll(&mut cx).is_pending());
                    drop(body);
                } else {
                    assert_eq!(body.await, Ok(()));
                }
                let alive = Arc::new(AtomicUsize::new(0));
                let late = Alive::new(&alive);
                let kept = kept.unwrap();
                let holds = kept.clone();
                let child = kept.spawn(async move {
                    let _held = (late, holds);
                    std::future::pending().await
                });
                while !child.is_finished() {
                    crate::task::yield_now().await;
                }
                assert_eq!(alive.load(SeqCst), 0);
            }
        });
    }
}
