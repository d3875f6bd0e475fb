//! Lets tasks go on only together: [`Barrier`].
//!
//! Those who arrive are counted under the lock of their queue. The last one, the leader, resets the
//! count, takes all out of the queue in the same breath, and wakes them. So one who arrives next
//! belongs to the next round. Who goes away before the round is over stays counted.

use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::task::{Poll, ready};

use runtime_base::coop;
use runtime_base::wait_list::{WaitList, Waiter, Wakers};

/// Makes a number of tasks wait until all of them have come as far.
///
/// After the last one has arrived all go on, and the barrier can be used again. Exactly one of each
/// round is told that it is the [leader](BarrierWaitResult::is_leader).
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use runtime::sync::Barrier;
///
/// #[runtime::main]
/// async fn main() {
///     let barrier = Arc::new(Barrier::new(3));
///     let mut tasks = Vec::new();
///     for _ in 0..3 {
///         let barrier = barrier.clone();
///         tasks.push(runtime::spawn(async move { barrier.wait().await.is_leader() }));
///     }
///     let mut leaders = 0;
///     for task in tasks {
///         leaders += u32::from(task.await.unwrap());
///     }
///     assert_eq!(leaders, 1);
/// }
/// ```
pub struct Barrier {
    size: usize,
    /// Guards how many have arrived in this round.
    waiters: WaitList<usize, ()>,
}

/// What [`Barrier::wait`] says to one of those who waited.
#[derive(Debug, Clone)]
pub struct BarrierWaitResult {
    leads: bool,
}

impl Barrier {
    /// A barrier for `n` tasks. One for 0 tasks lets everybody through, as one for 1 does.
    pub fn new(n: usize) -> Barrier {
        Barrier {
            size: n.max(1),
            waiters: WaitList::new(0),
        }
    }

    /// Waits until the `n` tasks of this round have called it.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: a future that was polled and is dropped has arrived nevertheless, and the
    /// others go on without it.
    pub async fn wait(&self) -> BarrierWaitResult {
        let mut waiter = pin!(Waiter::new(&self.waiters, ()));
        let mut has_arrived = false;
        let leads = poll_fn(move |cx| {
            if has_arrived {
                let coop = ready!(coop::poll_proceed(cx));
                if waiter.as_mut().keep_waiting(cx.waker()) {
                    return Poll::Pending;
                }
                coop.made_progress();
                return Poll::Ready(false);
            }
            // Cloned before the lock, and dropped after it where it is not needed.
            let waker = cx.waker().clone();
            let mut locked = waiter.as_mut().lock();
            has_arrived = true;
            *locked.guarded() += 1;
            if *locked.guarded() < self.size {
                locked.enqueue(Some(waker));
                return Poll::Pending;
            }
            *locked.guarded() = 0;
            let mut list = locked.into_list();
            let mut wakers = Wakers::new();
            while !list.is_empty() {
                wakers.extend(list.pop_front());
            }
            drop(list);
            wakers.wake_all();
            Poll::Ready(true)
        })
        .await;
        BarrierWaitResult { leads }
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier")
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

impl BarrierWaitResult {
    /// Whether this task is the one leader of its round, the one that arrived last.
    pub fn is_leader(&self) -> bool {
        self.leads
    }
}

#[cfg(test)]
mod tests;
