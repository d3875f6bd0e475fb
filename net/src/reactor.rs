//! Waits for the events of many sources.
//!
//! A [`Reactor`] is the right to wait: it owns the `mio::Poll` and the buffer of events, and only
//! one thread at a time has it. The [`ReactorHandle`] is the side that sockets know: they register
//! and deregister through it from any thread, also while the reactor waits.
//!
//! # Invariants
//!
//! - **R1** The token of an event is the key of an entry of the arena. Keys are never reused, so an
//!   event for a source that is gone finds nothing.
//! - **R2** While the table is locked no waker is woken or dropped and no `Readiness` is dropped
//!   (it holds wakers). Wakers leave in a [`WakeBatch`].
//! - **R3** Locks are taken in the order table, then waiters of one source.
//! - **R4** After the table is closed nothing is added to it.
//!
//! Where to read next: `readiness`, which keeps what an event says.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use parking_lot::Mutex;
use runtime_base::arena::{Arena, Key};
use runtime_base::shutdown::shutdown_error;
use runtime_base::wake_batch::WakeBatch;

use crate::readiness::Readiness;
use crate::ready::Ready;

/// The token of [`ReactorHandle::wake`]. No key has this value: an arena holds fewer than 2^32
/// entries.
const WAKE: mio::Token = mio::Token(usize::MAX);

/// The longest wait that is passed on, in milliseconds: what the system's `int` holds. A wait that
/// ends earlier than asked is legal.
const MAX_TIMEOUT: Duration = Duration::from_millis(i32::MAX as u64);

// A token carries a whole key (R1).
const _: () = assert!(
    usize::BITS >= u64::BITS,
    "the reactor needs 64-bit tokens; 32-bit targets are not supported yet"
);

/// The right to wait for the events of some sources.
pub struct Reactor {
    poll: mio::Poll,
    events: mio::Events,
    /// For turns that do not wait, if they may take fewer events than the others.
    busy_events: Option<mio::Events>,
    handle: Arc<ReactorHandle>,
}

/// The side of a reactor that sockets and wakers know.
pub struct ReactorHandle {
    group: u64,
    registry: mio::Registry,
    waker: mio::Waker,
    table: Mutex<Table>,
    is_shut_down: AtomicBool,
}

/// The registered sources.
struct Table {
    sources: Arena<Arc<Readiness>>,
    is_closed: bool,
    counts: Counts,
}

/// What a reactor has done so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Sources that were registered.
    pub registered: u64,
    /// Sources that were deregistered.
    pub deregistered: u64,
    /// Events of sources.
    pub events: u64,
}

impl Reactor {
    /// A reactor without sources. `group` is the identity of the runtime: a source may register with
    /// any reactor of its group. At most `events_capacity` events are taken per turn.
    ///
    /// # Errors
    ///
    /// When the system gives no descriptors for it.
    pub fn new(group: u64, events_capacity: usize) -> io::Result<Self> {
        let poll = mio::Poll::new()?;
        let registry = poll.registry().try_clone()?;
        let waker = mio::Waker::new(poll.registry(), WAKE)?;
        let handle = ReactorHandle {
            group,
            registry,
            waker,
            table: Mutex::new(Table {
                sources: Arena::new(),
                is_closed: false,
                counts: Counts::default(),
            }),
            is_shut_down: AtomicBool::new(false),
        };
        Ok(Self {
            poll,
            events: mio::Events::with_capacity(events_capacity.max(1)),
            busy_events: None,
            handle: Arc::new(handle),
        })
    }

    /// Lets turns that do not wait take so many events at most.
    pub fn limit_busy_turns(&mut self, events_capacity: usize) {
        self.busy_events = Some(mio::Events::with_capacity(events_capacity.max(1)));
    }

    /// The side that sockets register with.
    pub fn handle(&self) -> &Arc<ReactorHandle> {
        &self.handle
    }

    /// Waits for events at most `timeout` (rounded up to milliseconds; `None`: for ever), marks
    /// their sources ready and moves the wakers of those who waited for that into `batch`.
    ///
    /// Returns how many events of sources there were. A signal, [`wake`](ReactorHandle::wake) and
    /// the end of the timeout all end the turn, possibly with zero.
    ///
    /// # Errors
    ///
    /// When the system cannot wait. `EINTR` is not an error.
    pub fn turn(&mut self, timeout: Option<Duration>, batch: &mut WakeBatch) -> io::Result<usize> {
        let timeout = timeout.map(|timeout| timeout.min(MAX_TIMEOUT));
        let events = match &mut self.busy_events {
            Some(busy_events) if timeout == Some(Duration::ZERO) => busy_events,
            _ => &mut self.events,
        };
        match self.poll.poll(events, timeout) {
            Ok(()) => {}
            // The buffer was cleared before the wait, so there is nothing to look at.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(0),
            Err(error) => return Err(error),
        }
        if events.is_empty() {
            return Ok(0);
        }
        let mut count = 0;
        let mut table = self.handle.table.lock();
        for event in &*events {
            let token = event.token();
            if token == WAKE {
                continue;
            }
            count += 1;
            // R1: what is not found was deregistered after the event was reported.
            if let Some(readiness) = table.sources.get(Key::from_bits(token.0 as u64)) {
                readiness.event(Ready::of_event(event), batch);
            }
        }
        table.counts.events += count as u64;
        Ok(count)
    }
}

impl ReactorHandle {
    /// Ends the turn in progress, or the next one.
    pub fn wake(&self) {
        // The waker is an eventfd, a kqueue event or a completion packet: they fail only when the
        // reactor is gone, and then there is nobody to wake. A pipe that is full wakes too.
        let _ = self.waker.wake();
    }

    /// Moves the wakers of everybody who waits into `batch`. They and everybody after them get an
    /// error from now on.
    pub fn shutdown(&self, batch: &mut WakeBatch) {
        let mut table = self.table.lock();
        table.is_closed = true;
        // Relaxed: see `is_shut_down`.
        self.is_shut_down.store(true, Relaxed);
        for (_, readiness) in table.sources.iter() {
            readiness.shutdown(batch);
        }
    }

    /// Whether the runtime was shut down, so that nothing drives new sources. A source that is made
    /// at the same moment may miss it, and learns it when it registers.
    pub(crate) fn is_shut_down(&self) -> bool {
        // Relaxed: nothing but the flag itself is looked at.
        self.is_shut_down.load(Relaxed)
    }

    /// The identity of the runtime.
    pub fn group(&self) -> u64 {
        self.group
    }

    /// How many sources are registered.
    pub fn source_count(&self) -> usize {
        self.table.lock().sources.len()
    }

    /// What the reactor has done so far.
    pub fn counts(&self) -> Counts {
        self.table.lock().counts
    }

    /// Adds a source: `tell_system` is called with the token its events are to have. Everything
    /// that is ready already is reported as an event by the next turn.
    pub(crate) fn register(
        &self,
        tell_system: impl FnOnce(&mio::Registry, mio::Token) -> io::Result<()>,
    ) -> io::Result<(Key, Arc<Readiness>)> {
        let readiness = Arc::new(Readiness::new());
        let key = {
            let mut table = self.table.lock();
            if table.is_closed {
                return Err(shutdown_error());
            }
            table.counts.registered += 1;
            table.sources.insert(readiness.clone())
        };
        // Outside of the lock: a turn that delivers events need not wait for this system call.
        match tell_system(&self.registry, mio::Token(key.to_bits() as usize)) {
            Ok(()) => Ok((key, readiness)),
            Err(error) => {
                drop(self.remove(key));
                Err(error)
            }
        }
    }

    /// Removes a source: `tell_system` is called to stop its events.
    pub(crate) fn deregister(
        &self,
        key: Key,
        tell_system: impl FnOnce(&mio::Registry) -> io::Result<()>,
    ) -> io::Result<()> {
        let result = tell_system(&self.registry);
        drop(self.remove(key));
        result
    }

    /// Takes an entry out. The caller drops it, after the lock is released (R2).
    fn remove(&self, key: Key) -> Option<Arc<Readiness>> {
        let mut table = self.table.lock();
        let removed = table.sources.remove(key);
        table.counts.deregistered += u64::from(removed.is_some());
        removed
    }
}

impl fmt::Debug for Reactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reactor")
            .field("handle", &self.handle)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ReactorHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReactorHandle")
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}
