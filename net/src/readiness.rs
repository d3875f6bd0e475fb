//! What is known about one source, and who waits for it.
//!
//! The reactor reports events, tasks try operations and report that they would block. Both meet in
//! one word:
//!
//! ```text
//!  high bits                          bit 6      bits 5..0
//! [ tick: count of events, wraps ][ shut down ][ ready states ]
//! ```
//!
//! A task that would block clears the states it had relied on. Between its system call and its clear
//! a new event may have come, and an edge is reported once; so a clear names the tick it saw, and
//! does nothing if there was an event since.
//!
//! Who waits is kept under a lock beside the word: one waker for each direction (the functions named
//! `poll_…` promise no more) and any number of [`Wait`] futures, each with an interest of its own.
//!
//! # Invariants
//!
//! - **D1** A state is set by events, and by a presumption at the registration; it is removed only by a
//!   clear whose tick is the current one. So a state that is missing was missing at the time of a
//!   system call that came after every event that was reported.
//! - **D2** A waiter stores its waker and looks at the word under the lock; an event changes the
//!   word and then takes the lock. Whichever has the lock later sees the other.
//! - **D3** The shutdown bit is never removed. A closed state is removed only when a system call of
//!   ours refuted it: a closed side stays closed and reports no further edge, but the system also
//!   reports as closed what merely has an error queued.
//! - **D4** No waker is cloned, woken or dropped under the lock.
//!
//! The models at the end of the file explore the protocol.

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use runtime_base::arena::{Arena, Key};
use runtime_base::shutdown::{poll_error, shutdown_error};
use runtime_base::sync::Mutex;
use runtime_base::sync::atomic::AtomicUsize;
use runtime_base::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use runtime_base::trace;
use runtime_base::wake_batch::WakeBatch;

use crate::interest::Interest;
use crate::ready::Ready;

/// The runtime has shut down; see D3.
const SHUT_DOWN: usize = 1 << 6;
/// One event, in the place of the tick.
const TICK: usize = 1 << 7;

/// One of the two wakers that functions named `poll_…` store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Read,
    Write,
}

impl Direction {
    #[inline]
    pub(crate) const fn interest(self) -> Interest {
        match self {
            Self::Read => Interest::READABLE,
            Self::Write => Interest::WRITABLE,
        }
    }
}

/// What was known when a task looked. It is needed to clear.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// The states that the task had asked for.
    pub(crate) ready: Ready,
    tick: usize,
}

impl Seen {
    #[inline]
    fn of_word(word: usize, interest: Interest) -> Option<Self> {
        let ready = Ready::from_bits(word) & interest.mask();
        let tick = word & !(TICK - 1);
        (!ready.is_empty()).then_some(Self { ready, tick })
    }

    /// The same look, at `ready` only.
    #[cfg(unix)]
    pub(crate) fn only(self, ready: Ready) -> Self {
        Self { ready, ..self }
    }
}

/// The readiness of one source.
pub(crate) struct Readiness {
    word: AtomicUsize,
    waiters: Mutex<Waiters>,
}

struct Waiters {
    reader: Option<Waker>,
    writer: Option<Waker>,
    many: Arena<Waiter>,
}

/// One [`Wait`] future.
struct Waiter {
    interest: Interest,
    /// `None` after it was woken.
    waker: Option<Waker>,
}

impl Readiness {
    /// Nothing is known, nobody waits.
    pub(crate) fn new() -> Self {
        Self {
            word: AtomicUsize::new(0),
            waiters: Mutex::new(Waiters {
                reader: None,
                writer: None,
                many: Arena::new(),
            }),
        }
    }

    /// The source was just registered, and is taken to be ready for `ready` until an operation finds
    /// that it is not.
    pub(crate) fn presume(&self, ready: Ready) {
        // Relaxed: nothing was published with it, and an event that came before is not disturbed.
        self.word.fetch_or(ready.to_bits(), Relaxed);
    }

    /// Whether no event has told anything yet. Then an operation is tried rather than waited for:
    /// the event that registering causes may still be on its way.
    #[inline]
    pub(crate) fn is_fresh(&self) -> bool {
        // Relaxed: nothing that an event published is used.
        self.word.load(Relaxed) == 0
    }

    /// What is known about `interest`; `None` if none of its states is set.
    ///
    /// # Errors
    ///
    /// After [`shutdown`](Self::shutdown).
    #[inline]
    pub(crate) fn seen(&self, interest: Interest) -> io::Result<Option<Seen>> {
        // Acquire pairs with the Release of the event whose states we see: what the reactor's
        // thread did before the event happened before the operation that follows.
        let word = self.word.load(Acquire);
        if word & SHUT_DOWN != 0 {
            return Err(shutdown_error());
        }
        Ok(Seen::of_word(word, interest))
    }

    /// The same for who does not wait, and so does not need the runtime: after
    /// [`shutdown`](Self::shutdown) it is what was known last.
    #[inline]
    pub(crate) fn seen_last(&self, interest: Interest) -> Option<Seen> {
        // Acquire: as in `seen`.
        Seen::of_word(self.word.load(Acquire), interest)
    }

    /// An operation that relied on `seen` was short, so it took all there was: as
    /// [`clear`](Self::clear), unless an urgent byte may have cut it short.
    #[inline]
    pub(crate) fn drained(&self, seen: Seen) {
        // Relaxed: it is at least as new as `seen`, and if an event comes now, the clear does nothing.
        let ready = Ready::from_bits(self.word.load(Relaxed));
        if !ready.has_urgent() {
            self.clear(seen);
        }
    }

    /// An operation that relied on `seen` took all there was, or a user's operation said that it
    /// would block: the states are gone, unless an event has come in between (D1) or a side is
    /// closed (D3).
    #[inline]
    pub(crate) fn clear(&self, seen: Seen) {
        self.remove(seen, seen.ready - Ready::READ_CLOSED - Ready::WRITE_CLOSED);
    }

    /// The system said that an operation which relied on `seen` would block: all states are gone,
    /// unless an event has come in between (D1).
    #[inline]
    pub(crate) fn refute(&self, seen: Seen) {
        self.remove(seen, seen.ready);
    }

    #[inline]
    fn remove(&self, seen: Seen, states: Ready) {
        // AcqRel: Acquire as in `seen`; Release, because the next event continues from this word and
        // whoever sees that event sees what came before the clear.
        let _ = self.word.fetch_update(AcqRel, Acquire, |word| {
            let is_current = word & !(TICK - 1) == seen.tick;
            is_current.then_some(word & !states.to_bits())
        });
    }

    /// An event: sets `ready` and moves the wakers of those who wait for it into `batch`.
    pub(crate) fn event(&self, ready: Ready, batch: &mut WakeBatch) {
        self.set(batch, ready, |word| {
            (word | ready.to_bits()).wrapping_add(TICK)
        });
    }

    /// Everybody who waits is moved into `batch`, and everybody gets an error from now on.
    pub(crate) fn shutdown(&self, batch: &mut WakeBatch) {
        self.set(batch, Ready::ALL, |word| word | SHUT_DOWN);
    }

    fn set(&self, batch: &mut WakeBatch, ready: Ready, change: impl Fn(usize) -> usize) {
        // Release pairs with the Acquire in `seen`; Acquire keeps what earlier events published.
        let _ = self
            .word
            .fetch_update(AcqRel, Acquire, |word| Some(change(word)));
        // D2: after the word.
        let mut waiters = self.waiters.lock();
        if ready.intersects(Interest::READABLE.mask()) {
            batch.extend(waiters.reader.take());
        }
        if ready.intersects(Interest::WRITABLE.mask()) {
            batch.extend(waiters.writer.take());
        }
        if !waiters.many.is_empty() {
            for waiter in waiters.many.values_mut() {
                if ready.intersects(waiter.interest.mask()) {
                    batch.extend(waiter.waker.take());
                }
            }
        }
    }

    /// Waits for `direction`. Each direction has one waker: the latest caller's.
    ///
    /// # Errors
    ///
    /// After [`shutdown`](Self::shutdown).
    #[inline]
    pub(crate) fn poll_seen(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
    ) -> Poll<io::Result<Seen>> {
        match self.seen(direction.interest()) {
            Ok(Some(seen)) => Poll::Ready(Ok(seen)),
            Ok(None) => self.poll_seen_slow(cx, direction),
            Err(error) => poll_error(cx, error),
        }
    }

    fn poll_seen_slow(&self, cx: &mut Context<'_>, direction: Direction) -> Poll<io::Result<Seen>> {
        // Cloned in advance (D4): the slot is nearly always empty, because the event that woke this
        // task took the waker out.
        let mut waker = Some(cx.waker().clone());
        let seen = {
            let mut waiters = self.waiters.lock();
            let slot = match direction {
                Direction::Read => &mut waiters.reader,
                Direction::Write => &mut waiters.writer,
            };
            // The old waker leaves through `waker`, which is dropped after the lock is released.
            std::mem::swap(slot, &mut waker);
            // D2: after the waker is stored.
            self.seen(direction.interest())
        };
        // A waker that was stored although there is nothing to wait for costs one wake at most.
        match seen {
            Ok(Some(seen)) => Poll::Ready(Ok(seen)),
            Ok(None) => Poll::Pending,
            Err(error) => poll_error(cx, error),
        }
    }

    /// Waits for `interest`. Any number of tasks may wait.
    pub(crate) fn wait(&self, interest: Interest) -> Wait<'_> {
        Wait {
            readiness: self,
            interest,
            key: None,
        }
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.word.load(Acquire);
        f.debug_struct("Readiness")
            .field("ready", &Ready::from_bits(word))
            .field("is_shut_down", &(word & SHUT_DOWN != 0))
            .finish_non_exhaustive()
    }
}

/// Waits for an interest. Made by [`Readiness::wait`].
///
/// Dropping it takes nothing from the others: an event wakes everybody whom it concerns.
#[must_use = "futures do nothing unless awaited"]
pub(crate) struct Wait<'a> {
    readiness: &'a Readiness,
    interest: Interest,
    /// Our entry among the waiters, from the first `Pending` on.
    key: Option<Key>,
}

// Nothing foreign runs while a word or the list is half changed.
impl UnwindSafe for Readiness {}
impl RefUnwindSafe for Readiness {}

impl Future for Wait<'_> {
    type Output = io::Result<Seen>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<Seen>> {
        let this = self.get_mut();
        match this.readiness.seen(this.interest) {
            Ok(None) => {}
            Ok(Some(seen)) => return Poll::Ready(Ok(seen)),
            Err(error) => return poll_error(cx, error),
        }
        ready!(trace::poll_leaf(cx));
        let mut waker = Some(cx.waker().clone());
        let seen = {
            let mut waiters = this.readiness.waiters.lock();
            match this.key.and_then(|key| waiters.many.get_mut(key)) {
                // The old waker is dropped after the lock is released (D4).
                Some(waiter) => std::mem::swap(&mut waiter.waker, &mut waker),
                None => {
                    let waker = waker.take();
                    let interest = this.interest;
                    this.key = Some(waiters.many.insert(Waiter { interest, waker }));
                }
            }
            // D2: after the waker is stored.
            this.readiness.seen(this.interest)
        };
        match seen {
            Ok(Some(seen)) => Poll::Ready(Ok(seen)),
            Ok(None) => Poll::Pending,
            Err(error) => poll_error(cx, error),
        }
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            // The guard is gone at the end of the statement, before the waker is dropped (D4).
            let waiter = self.readiness.waiters.lock().many.remove(key);
            drop(waiter);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime_base::sync::atomic::AtomicBool;
    use runtime_base::sync::{Arc, model, thread};
    use std::sync::atomic::AtomicUsize as Count;
    use std::sync::atomic::Ordering::SeqCst;
    use std::task::Wake;

    #[derive(Default)]
    struct Counter(Count);

    impl Wake for Counter {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
        }
    }

    fn counter() -> (std::sync::Arc<Counter>, Waker) {
        let counter = std::sync::Arc::new(Counter::default());
        let waker = Waker::from(counter.clone());
        (counter, waker)
    }

    impl Counter {
        fn was_woken(&self) -> bool {
            self.0.load(SeqCst) > 0
        }
    }

    fn event(readiness: &Readiness, ready: Ready) {
        let mut batch = WakeBatch::new();
        readiness.event(ready, &mut batch);
        batch.wake_all();
    }

    #[test]
    fn a_reader_sees_the_event_or_is_woken() {
        model(|| {
            let readiness = Arc::new(Readiness::new());
            let reactor = {
                let readiness = readiness.clone();
                thread::spawn(move || event(&readiness, Ready::READABLE))
            };
            let (_, old) = counter();
            let (new_counter, new) = counter();
            // A task may change its waker between polls; the latest counts.
            let seen = [old, new].iter().any(|waker| {
                let mut cx = Context::from_waker(waker);
                readiness.poll_seen(&mut cx, Direction::Read).is_ready()
            });
            reactor.join().unwrap();
            assert!(seen || new_counter.was_woken(), "the event was lost");
        });
    }

    #[test]
    fn a_clear_does_not_take_away_a_newer_event() {
        model(|| {
            let readiness = Arc::new(Readiness::new());
            // The socket: whether it has bytes.
            let bytes = Arc::new(AtomicBool::new(false));
            // A false alarm, so that there is something to clear.
            event(&readiness, Ready::READABLE);
            let reactor = {
                let (readiness, bytes) = (readiness.clone(), bytes.clone());
                thread::spawn(move || {
                    // Relaxed: the word alone must carry it over.
                    bytes.store(true, Relaxed);
                    event(&readiness, Ready::READABLE);
                })
            };
            let (counter, waker) = counter();
            let mut cx = Context::from_waker(&waker);
            let has_read = loop {
                match readiness.poll_seen(&mut cx, Direction::Read) {
                    Poll::Pending => break false,
                    Poll::Ready(_) if bytes.load(Relaxed) => break true,
                    Poll::Ready(seen) => readiness.refute(seen.unwrap()),
                }
            };
            reactor.join().unwrap();
            assert!(has_read || counter.was_woken(), "the event was lost");
            // Whoever looks now finds the event: nothing cleared it.
            assert!(readiness.seen(Interest::READABLE).unwrap().is_some());
        });
    }

    #[test]
    fn each_of_two_interests_is_woken_by_its_own_event() {
        model(|| {
            let readiness = Arc::new(Readiness::new());
            let events = [Ready::READABLE, Ready::WRITABLE].map(|ready| {
                let readiness = readiness.clone();
                thread::spawn(move || event(&readiness, ready))
            });
            let (reader, reader_waker) = counter();
            let (writer, writer_waker) = counter();
            let mut reading = readiness.wait(Interest::READABLE);
            let seen_by_reader = Pin::new(&mut reading)
                .poll(&mut Context::from_waker(&reader_waker))
                .is_ready();
            let seen_by_writer = readiness
                .poll_seen(&mut Context::from_waker(&writer_waker), Direction::Write)
                .is_ready();
            for event in events {
                event.join().unwrap();
            }
            assert!(seen_by_reader || reader.was_woken(), "the reader sleeps");
            assert!(seen_by_writer || writer.was_woken(), "the writer sleeps");
        });
    }

    #[test]
    fn shutdown_reaches_everybody_who_waits() {
        model(|| {
            let readiness = Arc::new(Readiness::new());
            let shutdown = {
                let readiness = readiness.clone();
                thread::spawn(move || {
                    let mut batch = WakeBatch::new();
                    readiness.shutdown(&mut batch);
                    batch.wake_all();
                })
            };
            let (reader, reader_waker) = counter();
            let (waiter, waiter_waker) = counter();
            let mut waiting = readiness.wait(Interest::ERROR);
            let seen_by_reader = readiness
                .poll_seen(&mut Context::from_waker(&reader_waker), Direction::Read)
                .is_ready();
            let seen_by_waiter = Pin::new(&mut waiting)
                .poll(&mut Context::from_waker(&waiter_waker))
                .is_ready();
            shutdown.join().unwrap();
            assert!(seen_by_reader || reader.was_woken(), "the reader sleeps");
            assert!(seen_by_waiter || waiter.was_woken(), "the waiter sleeps");
            assert!(readiness.seen(Interest::READABLE).is_err());
        });
    }

    #[test]
    fn a_waiter_that_gives_up_takes_no_wake_from_the_others() {
        model(|| {
            let readiness = Arc::new(Readiness::new());
            let (stays, stays_waker) = counter();
            let mut waiting = readiness.wait(Interest::READABLE);
            let polled = Pin::new(&mut waiting).poll(&mut Context::from_waker(&stays_waker));
            assert!(polled.is_pending());
            let leaver = {
                let readiness = readiness.clone();
                thread::spawn(move || {
                    let (_, waker) = counter();
                    let mut leaving = readiness.wait(Interest::READABLE);
                    let _ = Pin::new(&mut leaving).poll(&mut Context::from_waker(&waker));
                })
            };
            event(&readiness, Ready::READABLE);
            leaver.join().unwrap();
            assert!(stays.was_woken());
            drop(waiting);
            // Nobody left an entry behind.
            assert!(readiness.waiters.lock().many.is_empty());
        });
    }

    #[cfg(not(rt_loom))]
    mod alone {
        use super::*;

        #[test]
        fn a_closed_side_is_refuted_by_the_system_only() {
            let readiness = Readiness::new();
            event(&readiness, Ready::READABLE | Ready::READ_CLOSED);
            let seen = readiness.seen(Interest::READABLE).unwrap().unwrap();
            readiness.clear(seen);
            let seen = readiness.seen(Interest::READABLE).unwrap().unwrap();
            assert_eq!(seen.ready, Ready::READ_CLOSED);
            readiness.refute(seen);
            assert!(readiness.seen(Interest::READABLE).unwrap().is_none());
        }

        #[test]
        fn events_that_nobody_asked_for_wake_nobody() {
            let readiness = Readiness::new();
            let (counter, waker) = counter();
            let mut cx = Context::from_waker(&waker);
            assert!(readiness.poll_seen(&mut cx, Direction::Read).is_pending());
            let mut waiting = readiness.wait(Interest::READABLE);
            assert!(Pin::new(&mut waiting).poll(&mut cx).is_pending());
            event(&readiness, Ready::WRITABLE | Ready::ERROR);
            assert!(!counter.was_woken());
            event(&readiness, Ready::READ_CLOSED);
            assert_eq!(counter.0.load(SeqCst), 2);
        }

        #[test]
        fn wakers_may_reenter_the_source_when_they_are_dropped() {
            /// A waker whose drop looks at the source.
            struct Reenters(std::sync::Arc<Readiness>);
            impl Wake for Reenters {
                fn wake(self: std::sync::Arc<Self>) {}
            }
            impl Drop for Reenters {
                fn drop(&mut self) {
                    assert!(self.0.waiters.try_lock().is_some());
                    event(&self.0, Ready::READABLE);
                }
            }

            let readiness = std::sync::Arc::new(Readiness::new());
            let reenters = || Waker::from(std::sync::Arc::new(Reenters(readiness.clone())));
            let poll = |waker: Waker| {
                let mut cx = Context::from_waker(&waker);
                let mut waiting = readiness.wait(Interest::WRITABLE);
                let _ = Pin::new(&mut waiting).poll(&mut cx);
                let _ = readiness.poll_seen(&mut cx, Direction::Write);
            };
            // The second replaces the first.
            poll(reenters());
            poll(reenters());
            assert!(
                readiness
                    .poll_seen(&mut Context::from_waker(Waker::noop()), Direction::Write)
                    .is_pending()
            );
        }
    }
}
