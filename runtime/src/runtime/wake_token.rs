//! The handshake between a thread that goes to sleep in its driver and those who wake it.
//!
//! Like [`Parker`](runtime_base::parker::Parker), with the sleeping left to the caller: in the
//! reactor's system call, where only a costly [`wake`](runtime_net::ReactorHandle::wake) reaches it.
//!
//! # Invariants
//!
//! - **K1** [`notify`](WakeToken::notify) says "wake it" to exactly one caller for each sleep.
//! - **K2** A notification that comes before [`begin_sleep`](WakeToken::begin_sleep) makes it say no;
//!   one that comes after makes `notify` say "wake it". The reactor remembers a wake that comes
//!   before its system call, so nothing is lost in between.

use runtime_base::sync::atomic::AtomicUsize;
use runtime_base::sync::atomic::Ordering::AcqRel;
use runtime_base::sync::atomic::Ordering::{Acquire, Relaxed};

/// Awake.
const AWAKE: usize = 0;
/// Asleep, or about to be.
const ASLEEP: usize = 1;
/// Awake or asleep, and something happened that it has not looked at.
const NOTIFIED: usize = 2;

/// One thread's token.
pub(crate) struct WakeToken {
    state: AtomicUsize,
}

impl WakeToken {
    pub(crate) fn new() -> Self {
        Self {
            state: AtomicUsize::new(AWAKE),
        }
    }

    /// Something happened. Says whether the thread sleeps and the caller must wake it.
    #[must_use]
    pub(crate) fn notify(&self) -> bool {
        // AcqRel: what happened is visible to the thread that finds the token; Acquire so that the
        // caller's wake comes after the sleep it is meant for.
        self.state.swap(NOTIFIED, AcqRel) == ASLEEP
    }

    /// The thread wants to sleep. Says no, and uses the token up, if something happened before.
    #[must_use]
    pub(crate) fn begin_sleep(&self) -> bool {
        if self
            .state
            .compare_exchange(AWAKE, ASLEEP, AcqRel, Acquire)
            .is_ok()
        {
            return true;
        }
        self.state.swap(AWAKE, AcqRel);
        false
    }

    /// The thread is awake again. Says whether something happened.
    pub(crate) fn end_sleep(&self) -> bool {
        self.state.swap(AWAKE, AcqRel) == NOTIFIED
    }

    /// Whether something happened that the thread has not looked at.
    pub(crate) fn is_notified(&self) -> bool {
        // Relaxed: a hint; `begin_sleep` decides.
        self.state.load(Relaxed) == NOTIFIED
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime_base::parker::Parker;
    use runtime_base::sync::{Arc, model, thread};

    /// The reactor is played by a parker: it too remembers a wake that comes early.
    #[test]
    fn a_notification_before_or_during_the_sleep_ends_it() {
        model(|| {
            let token = Arc::new(WakeToken::new());
            let mut reactor = Parker::new();
            let data = Arc::new(AtomicUsize::new(0));
            let others: Vec<_> = (0..2)
                .map(|_| {
                    let (token, data) = (token.clone(), data.clone());
                    let wake = reactor.unparker().clone();
                    thread::spawn(move || {
                        data.fetch_add(1, Relaxed);
                        if token.notify() {
                            wake.unpark();
                        }
                    })
                })
                .collect();
            while data.load(Relaxed) < 2 {
                if token.begin_sleep() {
                    reactor.park();
                    token.end_sleep();
                }
            }
            for other in others {
                other.join().unwrap();
            }
        });
    }
}
