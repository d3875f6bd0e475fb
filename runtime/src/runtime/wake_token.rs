//! The handshake between a thread that goes to sleep in its driver and those who wake it.
//!
//! Like [`Parker`](runtime_base::parker::Parker), with the sleeping left to the caller: in one of two
//! places, each of which has its own way to be woken.
//!
//! # Invariants
//!
//! - **K1** [`notify`](WakeToken::notify) says "wake it" to exactly one caller for each sleep.
//! - **K2** A notification that comes before [`begin_sleep`](WakeToken::begin_sleep) makes it say no;
//!   one that comes after makes `notify` say where to wake it. Both places remember a wake that comes
//!   before the sleep, so nothing is lost in between.

use runtime_base::sync::atomic::AtomicUsize;
use runtime_base::sync::atomic::Ordering::AcqRel;
use runtime_base::sync::atomic::Ordering::{Acquire, Relaxed};

/// Awake.
const AWAKE: usize = 0;
/// Awake or asleep, and something happened that it has not looked at.
const NOTIFIED: usize = 1;
/// Asleep in the reactor, or about to be.
const IN_REACTOR: usize = 2;
/// Asleep by itself, or about to be.
const IN_THREAD: usize = 3;

/// Where a thread sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the reactor's system call, which ends with
    /// [`wake`](runtime_net::ReactorHandle::wake).
    Reactor,
    /// In its [`Parker`](runtime_base::parker::Parker).
    Thread,
}

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

    /// Something happened. Says where the thread sleeps, if the caller must wake it.
    #[must_use]
    pub(crate) fn notify(&self) -> Option<Place> {
        // AcqRel: what happened is visible to the thread that finds the token; Acquire so that the
        // caller's wake comes after the sleep it is meant for.
        match self.state.swap(NOTIFIED, AcqRel) {
            IN_REACTOR => Some(Place::Reactor),
            IN_THREAD => Some(Place::Thread),
            _ => None,
        }
    }

    /// The thread wants to sleep there. Says no, and uses the token up, if something happened before.
    #[must_use]
    pub(crate) fn begin_sleep(&self, place: Place) -> bool {
        let asleep = match place {
            Place::Reactor => IN_REACTOR,
            Place::Thread => IN_THREAD,
        };
        // AcqRel, also in the swap: pairs with `notify`. Who takes the notification sees what happened.
        if self
            .state
            .compare_exchange(AWAKE, asleep, AcqRel, Acquire)
            .is_ok()
        {
            return true;
        }
        self.state.swap(AWAKE, AcqRel);
        false
    }

    /// The thread is awake again. Says whether something happened.
    pub(crate) fn end_sleep(&self) -> bool {
        // AcqRel: as in `begin_sleep`.
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

    /// The reactor is played by a parker: it too remembers a wake that comes early. The thread sleeps
    /// here and there in turn, and a wake for one place must not be given to the other.
    #[test]
    fn a_notification_before_or_during_the_sleep_ends_it() {
        model(|| {
            let token = Arc::new(WakeToken::new());
            let mut places = [Parker::new(), Parker::new()];
            let data = Arc::new(AtomicUsize::new(0));
            let others: Vec<_> = (0..2)
                .map(|_| {
                    let (token, data) = (token.clone(), data.clone());
                    let wake = places.each_ref().map(|place| place.unparker().clone());
                    thread::spawn(move || {
                        data.fetch_add(1, Relaxed);
                        match token.notify() {
                            Some(Place::Reactor) => wake[0].unpark(),
                            Some(Place::Thread) => wake[1].unpark(),
                            None => {}
                        }
                    })
                })
                .collect();
            let mut next = 0;
            while data.load(Relaxed) < 2 {
                if token.begin_sleep([Place::Reactor, Place::Thread][next]) {
                    places[next].park();
                    token.end_sleep();
                    next = 1 - next;
                }
            }
            for other in others {
                other.join().unwrap();
            }
        });
    }
}
