//! Puts a thread to sleep until somebody has something for it.
//!
//! One token: [`Unparker::unpark`] leaves it, [`Parker::park`] takes it or sleeps until it comes.
//!
//! # Invariants
//!
//! - **P1** Only the owner of the [`Parker`] moves the state to `PARKED`, and it holds the lock then.
//! - **P2** An `unpark` that finds `PARKED` takes the lock before it notifies. The sleeper gives the
//!   lock up only by waiting, so the notification cannot fall between its look and its wait.
//! - **P3** What was written before `unpark` is visible after the `park` that took its token.

use std::fmt;
use std::time::Duration;

use crate::sync::atomic::AtomicUsize;
use crate::sync::atomic::Ordering::{AcqRel, Acquire, Release};
use crate::sync::{Arc, SleepLock};

/// Awake, no token.
const EMPTY: usize = 0;
/// Asleep, or about to be.
const PARKED: usize = 1;
/// A token is there.
const NOTIFIED: usize = 2;

/// The sleeping side; it belongs to one thread.
#[derive(Debug)]
pub struct Parker {
    unparker: Unparker,
}

/// The waking side.
#[derive(Clone)]
pub struct Unparker {
    state: Arc<State>,
}

struct State {
    token: AtomicUsize,
    lock: SleepLock,
}

impl Parker {
    /// A parker without a token.
    pub fn new() -> Self {
        let state = State {
            token: AtomicUsize::new(EMPTY),
            lock: SleepLock::default(),
        };
        Self {
            unparker: Unparker {
                state: Arc::new(state),
            },
        }
    }

    /// A handle that wakes this parker.
    pub fn unparker(&self) -> &Unparker {
        &self.unparker
    }

    /// A waker that leaves a token: to block a thread on a future.
    #[cfg(not(rt_loom))]
    pub fn waker(&self) -> std::task::Waker {
        std::task::Waker::from(self.unparker.state.clone())
    }

    /// A waker that leaves a token, through a second allocation: loom's `Arc` makes no wakers.
    #[cfg(rt_loom)]
    pub fn waker(&self) -> std::task::Waker {
        struct Wake(Unparker);
        impl std::task::Wake for Wake {
            fn wake(self: std::sync::Arc<Self>) {
                self.0.unpark();
            }
        }
        std::task::Waker::from(std::sync::Arc::new(Wake(self.unparker.clone())))
    }

    /// Sleeps until there is a token, and takes it.
    pub fn park(&mut self) {
        self.park_for(None);
    }

    /// Sleeps until there is a token and takes it, or until `timeout` has passed; with a timeout it may
    /// also return earlier, and for no reason. `None` waits for ever. Says whether it took a token.
    pub fn park_for(&mut self, timeout: Option<Duration>) -> bool {
        let state = &*self.unparker.state;
        if state.take_token() {
            return true;
        }
        if timeout == Some(Duration::ZERO) {
            return false;
        }
        let mut guard = state.lock.lock();
        // AcqRel: on failure the token's author is visible (P3); on success nothing is published
        // but the state itself.
        if state
            .token
            .compare_exchange(EMPTY, PARKED, AcqRel, Acquire)
            .is_err()
        {
            drop(guard);
            return state.take_token();
        }
        loop {
            guard = state.lock.sleep(guard, timeout);
            if state.take_token() {
                return true;
            }
            if timeout.is_some() {
                // Withdraw; a token that came in the meantime is taken. To find out whether the time
                // has really passed would cost a look at the clock before and after each sleep.
                // AcqRel: as in `take_token` (P3).
                return state.token.swap(EMPTY, AcqRel) == NOTIFIED;
            }
        }
    }
}

impl Default for Parker {
    fn default() -> Self {
        Self::new()
    }
}

impl State {
    fn take_token(&self) -> bool {
        // Acquire pairs with the Release of `unpark` (P3).
        self.token
            .compare_exchange(NOTIFIED, EMPTY, AcqRel, Acquire)
            .is_ok()
    }

    fn unpark(&self) {
        // Release: what the caller wrote is visible to the one who takes the token (P3).
        if self.token.swap(NOTIFIED, Release) == PARKED {
            // P2: wait until the sleeper really waits.
            drop(self.lock.lock());
            self.lock.wake();
        }
    }
}

impl Unparker {
    /// Whether both wake the same parker.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.state, &other.state)
    }

    /// Leaves a token, and wakes the thread if it sleeps.
    pub fn unpark(&self) {
        self.state.unpark();
    }
}

#[cfg(not(rt_loom))]
impl std::task::Wake for State {
    fn wake(self: Arc<Self>) {
        Self::wake_by_ref(&self);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.unpark();
    }
}

impl fmt::Debug for Unparker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unparker").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::{model, thread};

    #[test]
    fn a_token_is_never_lost_and_carries_what_came_before_it() {
        model(|| {
            let mut parker = Parker::new();
            let data = Arc::new(AtomicUsize::new(0));
            let unparker = parker.unparker().clone();
            let other = {
                let data = data.clone();
                thread::spawn(move || {
                    data.store(7, std::sync::atomic::Ordering::Relaxed);
                    unparker.unpark();
                })
            };
            parker.park();
            assert_eq!(data.load(std::sync::atomic::Ordering::Relaxed), 7);
            other.join().unwrap();
        });
    }

    #[test]
    fn two_unparks_let_the_thread_through_at_least_once() {
        model(|| {
            let mut parker = Parker::new();
            let others = [(); 2].map(|()| {
                let unparker = parker.unparker().clone();
                thread::spawn(move || unparker.unpark())
            });
            parker.park();
            for other in others {
                other.join().unwrap();
            }
        });
    }

    #[cfg(not(rt_loom))]
    #[test]
    fn a_timeout_ends_the_sleep_without_a_token() {
        let mut parker = Parker::new();
        assert!(!parker.park_for(Some(Duration::from_millis(1))));
        parker.unparker().unpark();
        assert!(parker.park_for(Some(Duration::MAX)));
    }
}
