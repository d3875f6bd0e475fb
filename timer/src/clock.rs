//! The clock of one runtime, which a test may stop and move by hand.
//!
//! Unpaused programs pay nothing for it: until some clock of the process is paused for the first
//! time, the time is read from the operating system without a look at any clock.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use parking_lot::Mutex;

use crate::instant::Instant;
use crate::tick::Tick;

/// Whether any clock of this process was ever paused; never reset.
///
/// Relaxed on both sides: the thread that pauses sees its own store, and a thread that may rely on
/// the clock being paused learned of it through some other synchronisation.
static EVER_PAUSED: AtomicBool = AtomicBool::new(false);

/// Whether the time may differ from the operating system's.
#[inline]
pub(crate) fn any_ever_paused() -> bool {
    EVER_PAUSED.load(Relaxed)
}

/// A runtime's clock; clones share it.
///
/// It runs with the operating system's monotonic clock until it is paused.
#[derive(Clone)]
pub struct Clock {
    state: Arc<ClockState>,
}

struct ClockState {
    /// Where the ticks of the wheels are counted from.
    origin: std::time::Instant,
    /// A clock that several workers read must not jump: they would disagree about who fires what.
    pausable: bool,
    time: Mutex<Time>,
}

struct Time {
    /// What the clock showed when it was paused or resumed last.
    shown: std::time::Instant,
    flow: Flow,
    /// Guards that keep the paused clock from moving by itself.
    inhibitors: usize,
}

#[derive(Clone, Copy)]
enum Flow {
    /// Running since the clock showed `shown`; the operating system's clock showed this then.
    RunningSince(std::time::Instant),
    Paused,
}

impl Clock {
    /// A running clock. Only a `pausable` one can be paused: that of a current-thread runtime.
    pub fn new(pausable: bool) -> Clock {
        let now = std::time::Instant::now();
        Clock {
            state: Arc::new(ClockState {
                origin: now,
                pausable,
                time: Mutex::new(Time {
                    shown: now,
                    flow: Flow::RunningSince(now),
                    inhibitors: 0,
                }),
            }),
        }
    }

    /// Stops the clock, at the next whole millisecond since its origin.
    ///
    /// Timers are due at whole milliseconds. So a timer of 5 ms that is started on the paused clock
    /// is due when the clock is advanced by 5 ms, and not by up to 6.
    ///
    /// # Panics
    ///
    /// When the clock is not pausable, or paused already.
    #[track_caller]
    pub fn pause(&self) {
        assert!(
            self.state.pausable,
            "`time::pause()` requires the `current_thread` Tokio runtime, because the workers of a \
             multi-thread runtime would disagree about what is due; use `#[runtime::test]`, or \
             `Builder::new_current_thread`"
        );
        EVER_PAUSED.store(true, Relaxed);
        let mut time = self.state.time.lock();
        let Flow::RunningSince(started) = time.flow else {
            drop(time);
            panic!("time is already frozen; call `resume` before pausing it again")
        };
        let shown = time.shown + started.elapsed();
        let tick = Tick::of_deadline(shown.saturating_duration_since(self.state.origin));
        time.shown = self.state.origin + tick.since_origin();
        time.flow = Flow::Paused;
    }

    /// Lets the clock run again, from what it shows.
    ///
    /// # Panics
    ///
    /// When the clock is not paused.
    #[track_caller]
    pub fn resume(&self) {
        let mut time = self.state.time.lock();
        if let Flow::RunningSince(_) = time.flow {
            drop(time);
            panic!("time is not frozen; call `pause` before resuming it")
        }
        time.flow = Flow::RunningSince(std::time::Instant::now());
    }

    /// Whether the clock is stopped.
    pub fn is_paused(&self) -> bool {
        any_ever_paused() && matches!(self.state.time.lock().flow, Flow::Paused)
    }

    /// What the clock shows.
    #[inline]
    pub fn now(&self) -> Instant {
        if any_ever_paused() {
            self.shown()
        } else {
            Instant::from_std(std::time::Instant::now())
        }
    }

    #[cold]
    fn shown(&self) -> Instant {
        let time = self.state.time.lock();
        Instant::from_std(match time.flow {
            Flow::RunningSince(started) => time.shown + started.elapsed(),
            Flow::Paused => time.shown,
        })
    }

    /// Moves the paused clock forward.
    ///
    /// # Panics
    ///
    /// When the clock is not paused, or cannot show a time so far ahead.
    #[track_caller]
    pub(crate) fn advance(&self, by: Duration) {
        let mut time = self.state.time.lock();
        let moved = match time.flow {
            Flow::RunningSince(_) => Err("time is not frozen; call `pause` before advancing it"),
            Flow::Paused => time
                .shown
                .checked_add(by)
                .ok_or("time cannot be advanced that far; advance it by less than thirty years"),
        };
        match moved {
            Ok(shown) => time.shown = shown,
            Err(message) => {
                drop(time);
                panic!("{message}")
            }
        }
    }

    /// Keeps the paused clock from moving by itself while the guard lives: a blocking task runs, and
    /// what it will do cannot be foreseen.
    ///
    /// Whoever drops the last guard unparks the driver, which may be asleep until a deadline that
    /// the clock can now jump to.
    pub fn inhibit_auto_advance(&self) -> AutoAdvanceGuard {
        // A clock that cannot be paused has nothing to inhibit; its blocking tasks share no lock.
        if self.state.pausable {
            self.state.time.lock().inhibitors += 1;
        }
        AutoAdvanceGuard {
            clock: self.clone(),
        }
    }

    /// Moves the clock forward by `by` if it is paused and nothing inhibits it, and says whether it
    /// did: the driver found nothing to do, and the next deadline is `by` away.
    pub fn auto_advance(&self, by: Duration) -> bool {
        if !any_ever_paused() {
            return false;
        }
        let mut time = self.state.time.lock();
        if time.inhibitors > 0 || matches!(time.flow, Flow::RunningSince(_)) {
            return false;
        }
        match time.shown.checked_add(by) {
            Some(shown) => {
                time.shown = shown;
                true
            }
            None => false,
        }
    }

    /// Whether both are clones of one clock: the identity of a runtime.
    #[inline]
    pub(crate) fn is_same(&self, other: &Clock) -> bool {
        Arc::ptr_eq(&self.state, &other.state)
    }

    /// When `deadline` is due.
    pub(crate) fn tick_of_deadline(&self, deadline: Instant) -> Tick {
        Tick::of_deadline(self.since_origin(deadline))
    }

    /// The ticks that are over.
    pub(crate) fn tick_of_now(&self) -> Tick {
        Tick::of_now(self.since_origin(self.now()))
    }

    /// The time from now until `tick` begins; zero when it has.
    pub(crate) fn until(&self, tick: Tick) -> Duration {
        tick.since_origin()
            .saturating_sub(self.since_origin(self.now()))
    }

    fn since_origin(&self, instant: Instant) -> Duration {
        instant
            .into_std()
            .saturating_duration_since(self.state.origin)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock")
            .field("now", &self.now())
            .field("is_paused", &self.is_paused())
            .finish()
    }
}

/// Keeps a paused clock from moving by itself. Made by [`Clock::inhibit_auto_advance`].
#[derive(Debug)]
#[must_use = "the clock is held only while the guard lives"]
pub struct AutoAdvanceGuard {
    clock: Clock,
}

impl Drop for AutoAdvanceGuard {
    fn drop(&mut self) {
        if self.clock.state.pausable {
            self.clock.state.time.lock().inhibitors -= 1;
        }
    }
}

#[cfg(all(test, not(rt_loom)))]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn a_paused_clock_moves_only_when_told() {
        let clock = Clock::new(true);
        assert!(!clock.is_paused());
        clock.pause();
        assert!(clock.is_paused());
        let before = clock.now();
        assert_eq!(clock.now(), before);
        clock.advance(HOUR);
        assert_eq!(clock.now() - before, HOUR);
        clock.resume();
        assert!(!clock.is_paused());
        assert!(clock.now() - before >= HOUR);
    }

    #[test]
    fn a_timer_on_the_paused_clock_is_due_after_its_very_duration() {
        let clock = Clock::new(true);
        let before = clock.now();
        clock.pause();
        assert!(clock.now() >= before, "time ran backwards");
        assert!(
            clock.now() - before < Duration::from_secs(5),
            "time made a leap"
        );
        let millisecond = Duration::from_millis(1);
        let due = clock.tick_of_deadline(clock.now() + millisecond);
        assert_eq!(clock.until(due), millisecond);
        clock.advance(millisecond);
        assert_eq!(clock.tick_of_now(), due);
    }

    #[test]
    fn the_clock_jumps_unless_it_runs_or_a_guard_lives() {
        let clock = Clock::new(true);
        assert!(!clock.auto_advance(HOUR));
        clock.pause();
        let before = clock.now();
        let guards = [clock.inhibit_auto_advance(), clock.inhibit_auto_advance()];
        assert!(!clock.auto_advance(HOUR));
        let [first, second] = guards;
        drop(first);
        assert!(!clock.auto_advance(HOUR));
        drop(second);
        assert!(clock.auto_advance(HOUR));
        assert_eq!(clock.now() - before, HOUR);
        assert!(!clock.auto_advance(Duration::MAX));
    }

    #[test]
    #[should_panic(expected = "requires the `current_thread` Tokio runtime")]
    fn a_clock_of_many_workers_cannot_be_paused() {
        Clock::new(false).pause();
    }

    #[test]
    #[should_panic(expected = "time is already frozen")]
    fn a_clock_cannot_be_paused_twice() {
        let clock = Clock::new(true);
        clock.pause();
        clock.pause();
    }

    #[test]
    #[should_panic(expected = "time is not frozen")]
    fn a_running_clock_cannot_be_resumed() {
        Clock::new(true).resume();
    }

    #[test]
    #[should_panic(expected = "time is not frozen")]
    fn a_running_clock_cannot_be_advanced() {
        Clock::new(true).advance(HOUR);
    }
}
