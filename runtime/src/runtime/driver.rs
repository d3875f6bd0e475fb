//! What one scheduler thread sleeps in: a reactor or itself, and its timers.
//!
//! A driver belongs to one worker, or to the one thread of a current-thread runtime. It turns events
//! and deadlines into wakers and puts them into the caller's batch; the caller wakes them when no
//! lock is held any more.
//!
//! Several workers share a [`Lookout`]: one of those that sleep does so in its reactor and is woken by
//! the system's events, the others sleep beside it. Whoever goes to sleep and finds the lookout empty
//! takes it, so that it is empty only while a worker of its group is awake; and who is awake looks at
//! it now and then.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use runtime_base::current::{Ask, EnterGuard};
use runtime_base::parker::{Parker, Unparker};
use runtime_base::wake_batch::WakeBatch;
use runtime_net::{Counts, CurrentReactor, Reactor, ReactorHandle};
use runtime_timer::{Clock, CurrentTimers, Timers};

use super::wake_token::{Place, WakeToken};
use crate::contained::contained;

/// A reactor, and the right to wait for its events.
pub(crate) struct Lookout {
    /// Held by the thread that waits, or looks. Never waited for.
    reactor: Mutex<Reactor>,
    /// How many turns found somebody to wake. Written by who has the reactor.
    collected: AtomicU64,
    handle: Arc<ReactorHandle>,
}

/// Where one scheduler thread sleeps, and its timers.
pub(crate) struct Driver {
    /// `None` if I/O is not enabled.
    lookout: Option<Arc<Lookout>>,
    /// Where to sleep beside the lookout. The lock is for stand-ins: a thread that takes over from
    /// another.
    parker: Mutex<Parker>,
    timers: Option<Arc<Timers>>,
    /// What threads of this driver find.
    current: (CurrentReactor, CurrentTimers),
    clock: Clock,
    notifier: Arc<Notifier>,
}

/// A place to sleep in: the reactor, if nobody else has it. To be used at once or dropped.
#[must_use]
pub(crate) struct Berth<'a> {
    watch: Option<Watch<'a>>,
}

/// The reactor, for who waits for its events or looks at them.
struct Watch<'a> {
    reactor: MutexGuard<'a, Reactor>,
    lookout: &'a Lookout,
}

/// Wakes the thread that sleeps in a driver.
pub(crate) struct Notifier {
    token: WakeToken,
    reactor: Option<Arc<ReactorHandle>>,
    thread: Unparker,
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

impl Lookout {
    /// A lookout for threads of the runtime `group`; `None` if I/O is not enabled.
    ///
    /// # Errors
    ///
    /// When the system gives no more descriptors.
    pub(crate) fn new(group: u64, enabled: Enabled) -> io::Result<Option<Arc<Self>>> {
        if !enabled.io {
            return Ok(None);
        }
        let mut reactor = Reactor::new(group, enabled.events_per_turn)?;
        if let Some(events) = enabled.events_per_busy_turn {
            reactor.limit_busy_turns(events);
        }
        Ok(Some(Arc::new(Self {
            handle: reactor.handle().clone(),
            reactor: Mutex::new(reactor),
            collected: AtomicU64::new(0),
        })))
    }

    /// What the reactor has done so far.
    pub(crate) fn counts(&self) -> Counts {
        self.handle.counts()
    }

    fn try_enter(&self) -> Option<Watch<'_>> {
        let reactor = self.reactor.try_lock()?;
        Some(Watch {
            reactor,
            lookout: self,
        })
    }

    /// Everybody who waits for an event is put into the batch, and gets an error from now on.
    pub(crate) fn shutdown(&self, batch: &mut WakeBatch) {
        self.handle.shutdown(batch);
    }
}

impl Watch<'_> {
    /// Says whether it found somebody to wake.
    fn turn(&mut self, timeout: Option<Duration>, batch: &mut WakeBatch) -> bool {
        let before = batch.len();
        if let Err(error) = self.reactor.turn(timeout, batch) {
            // Nothing a task could do about it; what is registered stays registered, and the next
            // turn may succeed.
            contained(|| {
                tracing::error!(target: "runtime::driver", %error, "polling for events failed");
            });
        }
        let found = batch.len() > before;
        if found {
            // Relaxed, and no addition: who has the reactor is alone.
            let collected = &self.lookout.collected;
            collected.store(collected.load(Relaxed) + 1, Relaxed);
        }
        found
    }
}

impl Berth<'_> {
    pub(crate) fn is_in_reactor(&self) -> bool {
        self.watch.is_some()
    }
}

impl Driver {
    /// A driver for one thread, which shares `lookout`.
    pub(crate) fn new(lookout: Option<Arc<Lookout>>, enabled: Enabled, clock: Clock) -> Self {
        let parker = Parker::new();
        let notifier = Arc::new(Notifier {
            token: WakeToken::new(),
            reactor: lookout.as_ref().map(|lookout| lookout.handle.clone()),
            thread: parker.unparker().clone(),
        });
        let timers = enabled.time.then(|| {
            let notifier = notifier.clone();
            Timers::new(clock.clone(), Arc::new(move || notifier.unpark()))
        });
        let reactor = match &lookout {
            Some(lookout) => CurrentReactor::Enabled(lookout.handle.clone()),
            None => CurrentReactor::Disabled,
        };
        let current_timers = match &timers {
            Some(timers) => CurrentTimers::Enabled(timers.clone()),
            None => CurrentTimers::Disabled,
        };
        Self {
            current: (reactor, current_timers),
            lookout,
            parker: Mutex::new(parker),
            timers,
            clock,
            notifier,
        }
    }

    pub(crate) fn lookout(&self) -> Option<&Lookout> {
        self.lookout.as_deref()
    }

    /// What wakes the thread.
    pub(crate) fn notifier(&self) -> &Arc<Notifier> {
        &self.notifier
    }

    /// Makes this driver's reactor and timers the current ones of the thread.
    pub(crate) fn enter(&self) -> DriverGuard {
        let (reactor, timers) = self.current.clone();
        DriverGuard {
            _reactor: runtime_net::enter(reactor),
            _timers: runtime_timer::enter(timers),
        }
    }

    /// What threads of this driver find.
    pub(crate) fn current(&self) -> &(CurrentReactor, CurrentTimers) {
        &self.current
    }

    /// Collects what has happened, without sleeping.
    pub(crate) fn poll(&self, batch: &mut WakeBatch) {
        // Who has the reactor collects its events.
        if let Some(mut watch) = self.try_watch() {
            watch.turn(Some(Duration::ZERO), batch);
        }
        if let Some(timers) = &self.timers {
            timers.expire(batch);
        }
    }

    /// Whether some thread waits for the reactor's events, or looks for them just now.
    pub(crate) fn is_attended(&self) -> bool {
        let lookout = self.lookout.as_ref();
        lookout.is_none_or(|lookout| lookout.reactor.is_locked())
    }

    /// How many turns of the reactor found somebody to wake.
    pub(crate) fn collected(&self) -> u64 {
        let collected = |lookout: &Arc<Lookout>| lookout.collected.load(Relaxed);
        // Relaxed: a hint.
        self.lookout.as_ref().map_or(0, collected)
    }

    pub(crate) fn shares_lookout(&self, other: &Self) -> bool {
        match (&self.lookout, &other.lookout) {
            (Some(own), Some(other)) => Arc::ptr_eq(own, other),
            _ => false,
        }
    }

    /// A place to sleep in.
    pub(crate) fn berth(&self) -> Berth<'_> {
        Berth {
            watch: self.try_watch(),
        }
    }

    /// Sleeps until something happens, the next deadline comes, or somebody calls
    /// [`unpark`](Notifier::unpark), and collects what has happened. It may return for no reason. Says
    /// whether it waited in the reactor and found somebody to wake.
    pub(crate) fn park(&self, berth: Berth<'_>, batch: &mut WakeBatch) -> bool {
        let Berth { mut watch } = berth;
        let place = match watch {
            Some(_) => Place::Reactor,
            None => Place::Thread,
        };
        if !self.notifier.token.begin_sleep(place) {
            drop(watch);
            self.poll(batch);
            return false;
        }
        let timeout = self
            .timers
            .as_ref()
            .and_then(|timers| timers.prepare_park());
        let found = match timeout {
            Some(timeout) if self.clock.is_paused() => {
                self.park_paused(watch.as_mut(), timeout, batch)
            }
            _ => self.sleep(watch.as_mut(), timeout, batch),
        };
        self.notifier.token.end_sleep();
        drop(watch);
        if let Some(timers) = &self.timers {
            timers.finish_park();
            timers.expire(batch);
        }
        found
    }

    /// The clock stands still: when nothing happens now, it jumps to the deadline.
    fn park_paused(
        &self,
        mut watch: Option<&mut Watch<'_>>,
        timeout: Duration,
        batch: &mut WakeBatch,
    ) -> bool {
        let found = self.sleep(watch.as_deref_mut(), Some(Duration::ZERO), batch);
        let nothing = batch.is_empty() && !self.notifier.token.is_notified();
        if nothing && !timeout.is_zero() && !self.clock.auto_advance(timeout) {
            // Somebody works on a blocking thread and will wake us.
            return self.sleep(watch, Some(timeout), batch);
        }
        found
    }

    fn sleep(
        &self,
        watch: Option<&mut Watch<'_>>,
        timeout: Option<Duration>,
        batch: &mut WakeBatch,
    ) -> bool {
        match watch {
            Some(watch) => watch.turn(timeout, batch),
            None => {
                self.parker.lock().park_for(timeout);
                false
            }
        }
    }

    fn try_watch(&self) -> Option<Watch<'_>> {
        self.lookout.as_ref()?.try_enter()
    }

    /// Ends the timers: everybody who waits for one is put into the batch.
    pub(crate) fn shutdown(&self, batch: &mut WakeBatch) {
        if let Some(timers) = &self.timers {
            timers.shutdown(batch);
        }
    }
}

/// Restores the reactor and the timers that were current before.
pub(crate) struct DriverGuard {
    _reactor: EnterGuard<CurrentReactor>,
    _timers: EnterGuard<CurrentTimers>,
}

impl DriverGuard {
    /// For threads of which somebody else knows the driver.
    pub(crate) fn asking(reactor: Ask<CurrentReactor>, timers: Ask<CurrentTimers>) -> Self {
        Self {
            _reactor: runtime_net::enter_asking(reactor),
            _timers: runtime_timer::enter_asking(timers),
        }
    }
}

impl Notifier {
    /// Ends the sleep in progress, or the next one.
    pub(crate) fn unpark(&self) {
        match self.token.notify() {
            Some(Place::Thread) => self.thread.unpark(),
            Some(Place::Reactor) => self.reactor.iter().for_each(|reactor| reactor.wake()),
            None => {}
        }
    }
}
