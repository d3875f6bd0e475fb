//! What one scheduler thread sleeps in: its reactor and its timers.
//!
//! A driver belongs to one worker, or to the one thread of a current-thread runtime. It turns events
//! and deadlines into wakers and puts them into the caller's batch; the caller wakes them when no
//! lock is held any more.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use runtime_base::current::EnterGuard;
use runtime_base::parker::{Parker, Unparker};
use runtime_base::wake_batch::WakeBatch;
use runtime_net::{Counts, CurrentReactor, Reactor, ReactorHandle};
use runtime_timer::{Clock, CurrentTimers, Timers};

use super::wake_token::WakeToken;

/// Reactor and timers of one scheduler thread.
pub(crate) struct Driver {
    sleeper: Sleeper,
    timers: Option<Arc<Timers>>,
    clock: Clock,
    notifier: Arc<Notifier>,
}

/// Where the thread sleeps. The locks are for stand-ins: a thread that takes over from another.
enum Sleeper {
    Reactor {
        reactor: Mutex<Reactor>,
        handle: Arc<ReactorHandle>,
    },
    /// I/O is not enabled.
    Thread(Mutex<Parker>),
}

/// Wakes the thread that sleeps in a driver.
pub(crate) struct Notifier {
    token: WakeToken,
    wake: Wake,
}

enum Wake {
    Reactor(Arc<ReactorHandle>),
    Thread(Unparker),
}

/// Which parts of a driver are built.
#[derive(Clone, Copy)]
pub(crate) struct Enabled {
    pub(crate) io: bool,
    pub(crate) time: bool,
    /// How many events one turn of the reactor takes at most.
    pub(crate) events_per_turn: usize,
    /// How many one turn takes that does not wait, if that is another number.
    pub(crate) events_per_busy_turn: Option<usize>,
}

impl Driver {
    /// A driver for one thread of the runtime `group`.
    ///
    /// # Errors
    ///
    /// When the system gives no more descriptors.
    pub(crate) fn new(group: u64, enabled: Enabled, clock: Clock) -> io::Result<Self> {
        let (sleeper, wake) = if enabled.io {
            let mut reactor = Reactor::new(group, enabled.events_per_turn)?;
            if let Some(events) = enabled.events_per_busy_turn {
                reactor.limit_busy_turns(events);
            }
            let handle = reactor.handle().clone();
            let wake = Wake::Reactor(handle.clone());
            (
                Sleeper::Reactor {
                    reactor: Mutex::new(reactor),
                    handle,
                },
                wake,
            )
        } else {
            let parker = Parker::new();
            let wake = Wake::Thread(parker.unparker().clone());
            (Sleeper::Thread(Mutex::new(parker)), wake)
        };
        let notifier = Arc::new(Notifier {
            token: WakeToken::new(),
            wake,
        });
        let timers = enabled.time.then(|| {
            let notifier = notifier.clone();
            Timers::new(clock.clone(), Arc::new(move || notifier.unpark()))
        });
        Ok(Self {
            sleeper,
            timers,
            clock,
            notifier,
        })
    }

    /// What wakes the thread.
    pub(crate) fn notifier(&self) -> &Arc<Notifier> {
        &self.notifier
    }

    /// What the reactor has done so far; nothing if I/O is not enabled.
    pub(crate) fn io_counts(&self) -> Counts {
        match &self.sleeper {
            Sleeper::Reactor { handle, .. } => handle.counts(),
            Sleeper::Thread(_) => Counts::default(),
        }
    }

    /// Makes this driver's reactor and timers the current ones of the thread.
    pub(crate) fn enter(&self) -> DriverGuard {
        let reactor = match &self.sleeper {
            Sleeper::Reactor { handle, .. } => CurrentReactor::Enabled(handle.clone()),
            Sleeper::Thread(_) => CurrentReactor::Disabled,
        };
        let timers = match &self.timers {
            Some(timers) => CurrentTimers::Enabled(timers.clone()),
            None => CurrentTimers::Disabled,
        };
        DriverGuard {
            _reactor: runtime_net::enter(reactor),
            _timers: runtime_timer::enter(timers),
        }
    }

    /// Collects what has happened, without sleeping.
    pub(crate) fn poll(&self, batch: &mut WakeBatch) {
        if let Sleeper::Reactor { .. } = self.sleeper {
            self.turn(Some(Duration::ZERO), batch);
        }
        if let Some(timers) = &self.timers {
            timers.expire(batch);
        }
    }

    /// Sleeps until something happens, the next deadline comes, or somebody calls
    /// [`unpark`](Notifier::unpark), and collects what has happened. It may return for no reason.
    pub(crate) fn park(&self, batch: &mut WakeBatch) {
        if !self.notifier.token.begin_sleep() {
            return self.poll(batch);
        }
        let timeout = self
            .timers
            .as_ref()
            .and_then(|timers| timers.prepare_park());
        match timeout {
            Some(timeout) if self.clock.is_paused() => self.park_paused(timeout, batch),
            _ => self.turn(timeout, batch),
        }
        self.notifier.token.end_sleep();
        if let Some(timers) = &self.timers {
            timers.finish_park();
            timers.expire(batch);
        }
    }

    /// The clock stands still: when nothing happens now, it jumps to the deadline.
    fn park_paused(&self, timeout: Duration, batch: &mut WakeBatch) {
        self.turn(Some(Duration::ZERO), batch);
        let nothing = batch.is_empty() && !self.notifier.token.is_notified();
        if nothing && !timeout.is_zero() && !self.clock.auto_advance(timeout) {
            // Somebody works on a blocking thread and will wake us.
            self.turn(Some(timeout), batch);
        }
    }

    fn turn(&self, timeout: Option<Duration>, batch: &mut WakeBatch) {
        match &self.sleeper {
            Sleeper::Reactor { reactor, .. } => {
                if let Err(error) = reactor.lock().turn(timeout, batch) {
                    // Nothing a task could do about it; what is registered stays registered, and
                    // the next turn may succeed.
                    tracing::error!(target: "runtime::driver", %error, "polling for events failed");
                }
            }
            Sleeper::Thread(parker) => {
                parker.lock().park_for(timeout);
            }
        }
    }

    /// Ends the reactor and the timers: everybody who waits is put into the batch.
    pub(crate) fn shutdown(&self, batch: &mut WakeBatch) {
        if let Some(timers) = &self.timers {
            timers.shutdown(batch);
        }
        if let Sleeper::Reactor { handle, .. } = &self.sleeper {
            handle.shutdown(batch);
        }
    }
}

/// Restores the reactor and the timers that were current before.
pub(crate) struct DriverGuard {
    _reactor: EnterGuard<CurrentReactor>,
    _timers: EnterGuard<CurrentTimers>,
}

impl Notifier {
    /// Ends the sleep in progress, or the next one.
    pub(crate) fn unpark(&self) {
        if self.token.notify() {
            match &self.wake {
                Wake::Reactor(handle) => handle.wake(),
                Wake::Thread(unparker) => unparker.unpark(),
            }
        }
    }
}
