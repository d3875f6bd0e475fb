//! Ticks in equal distances.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use crate::alarm::Alarm;
use crate::instant::Instant;

/// How late a tick may be before it counts as missed. The same as Tokio's: the delays of timer and
/// scheduler are below it.
const TOLERANCE: Duration = Duration::from_millis(5);

/// Ticks every `period`, for the first time at once.
///
/// Unlike a [`sleep`](crate::sleep()) in a loop, an interval takes the time between two calls of
/// [`tick`](Interval::tick) into account. What it does when that time is longer than the period, its
/// [`MissedTickBehavior`] says.
///
/// # Panics
///
/// When `period` is zero, when called outside of a runtime, or in one whose builder was not told to
/// enable time.
///
/// # Examples
///
/// ```
/// use runtime::time::{Duration, Instant, interval};
///
/// #[runtime::main]
/// async fn main() {
///     let start = Instant::now();
///     let mut interval = interval(Duration::from_millis(5));
///     interval.tick().await; // at once
///     interval.tick().await;
///     interval.tick().await;
///     assert!(start.elapsed() >= Duration::from_millis(10));
/// }
/// ```
#[track_caller]
pub fn interval(period: Duration) -> Interval {
    assert!(
        !period.is_zero(),
        "`period` must be non-zero; to run as often as possible use `yield_now` in a loop"
    );
    Interval::new(Alarm::after(Duration::ZERO), period)
}

/// Ticks every `period`, for the first time at `start`.
///
/// # Panics
///
/// When `period` is zero, when called outside of a runtime, or in one whose builder was not told to
/// enable time.
///
/// # Examples
///
/// ```
/// use runtime::time::{Duration, Instant, interval_at};
///
/// #[runtime::main]
/// async fn main() {
///     let start = Instant::now() + Duration::from_millis(5);
///     let mut interval = interval_at(start, Duration::from_millis(5));
///     assert_eq!(interval.tick().await, start);
///     assert_eq!(interval.tick().await, start + Duration::from_millis(5));
/// }
/// ```
#[track_caller]
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    assert!(
        !period.is_zero(),
        "`period` must be non-zero; to run as often as possible use `yield_now` in a loop"
    );
    Interval::new(Alarm::at(start), period)
}

/// When an [`Interval`] ticks next after a tick came more than 5 ms late.
///
/// With a period of 50 ms, and a task that is busy for 120 ms after the second tick:
///
/// ```text
/// expected │ 0        50        100       150       200       250       300
/// busy     │          [────────────────────────]
/// Burst    │ 0        50                       170 170       200       250
/// Delay    │ 0        50                       170       220       270
/// Skip     │ 0        50                       170  200       250       300
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MissedTickBehavior {
    /// Tick as fast as possible until the ticks have caught up: none is left out, and the schedule
    /// stays.
    #[default]
    Burst,
    /// Wait a full period from now on: two ticks are never closer than a period, and the schedule
    /// moves.
    Delay,
    /// Leave out what was missed and tick at the next multiple of the period: the schedule stays.
    Skip,
}

impl MissedTickBehavior {
    /// The tick after the one that was due at `scheduled` and came `now`, which is later.
    fn next_tick(self, scheduled: Instant, now: Instant, period: Duration) -> Instant {
        match self {
            MissedTickBehavior::Burst => scheduled.add_or_far(period),
            MissedTickBehavior::Delay => now.add_or_far(period),
            MissedTickBehavior::Skip => {
                let into_period = (now - scheduled).as_nanos() % period.as_nanos();
                // It is shorter than the period, so it is a duration, and so is the rest.
                let into_period = Duration::new(
                    (into_period / 1_000_000_000) as u64,
                    (into_period % 1_000_000_000) as u32,
                );
                now.add_or_far(period - into_period)
            }
        }
    }
}

/// Ticks in equal distances. Made by [`interval`] and [`interval_at`].
#[derive(Debug)]
pub struct Interval {
    alarm: Alarm,
    period: Duration,
    missed_tick_behavior: MissedTickBehavior,
}

impl Interval {
    fn new(alarm: Alarm, period: Duration) -> Self {
        Self {
            alarm,
            period,
            missed_tick_behavior: MissedTickBehavior::default(),
        }
    }

    /// Waits for the next tick and gives the time at which it was due.
    ///
    /// # Panics
    ///
    /// When the runtime of the interval was shut down.
    ///
    /// # Cancel safety
    ///
    /// No tick is lost when the future is dropped: it is the next call's.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::time::{Duration, interval};
    ///
    /// #[runtime::main]
    /// async fn main() {
    ///     let mut interval = interval(Duration::from_millis(2));
    ///     let first = interval.tick().await;
    ///     assert_eq!(interval.tick().await - first, Duration::from_millis(2));
    /// }
    /// ```
    pub async fn tick(&mut self) -> Instant {
        poll_fn(|cx| self.poll_tick(cx)).await
    }

    /// Polls for the next tick; ready with the time at which it was due.
    ///
    /// While it is pending, the task of the last call is woken at the next tick.
    ///
    /// # Panics
    ///
    /// When the runtime of the interval was shut down.
    pub fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        ready!(self.alarm.poll(cx));
        let scheduled = self.alarm.deadline();
        let now = self.alarm.now();
        let next = if now > scheduled.add_or_far(TOLERANCE) {
            self.missed_tick_behavior
                .next_tick(scheduled, now, self.period)
        } else {
            scheduled.add_or_far(self.period)
        };
        if next > now {
            self.alarm.reset_ahead(next);
        } else {
            self.alarm.reset(next);
        }
        Poll::Ready(scheduled)
    }

    /// Makes the next tick due one period from now.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::time::{Duration, Instant, interval};
    ///
    /// #[runtime::main]
    /// async fn main() {
    ///     let mut interval = interval(Duration::from_millis(5));
    ///     let start = Instant::now();
    ///     interval.reset();
    ///     interval.tick().await;
    ///     assert!(start.elapsed() >= Duration::from_millis(5));
    /// }
    /// ```
    pub fn reset(&mut self) {
        self.reset_after(self.period);
    }

    /// Makes the next tick due now.
    pub fn reset_immediately(&mut self) {
        self.alarm.reset(self.alarm.now());
    }

    /// Makes the next tick due `after` from now, which may be zero; the period stays.
    pub fn reset_after(&mut self, after: Duration) {
        self.alarm.reset(self.alarm.now().add_or_far(after));
    }

    /// Makes the next tick due at `deadline`, which may be in the past; the period stays.
    pub fn reset_at(&mut self, deadline: Instant) {
        self.alarm.reset(deadline);
    }

    /// What happens after a tick came late.
    pub fn missed_tick_behavior(&self) -> MissedTickBehavior {
        self.missed_tick_behavior
    }

    /// Says what is to happen after a tick came late.
    pub fn set_missed_tick_behavior(&mut self, behavior: MissedTickBehavior) {
        self.missed_tick_behavior = behavior;
    }

    /// The time between two ticks.
    pub fn period(&self) -> Duration {
        self.period
    }
}
