//! A point in time that follows the runtime's clock.

use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::time::Duration;

use crate::clock;
use crate::current;

/// A point in time, as shown by the clock of the current runtime.
///
/// It is a [`std::time::Instant`] in all but one thing: inside a runtime whose time is paused,
/// [`Instant::now`] is what the paused clock shows. The two convert into each other for free.
///
/// # Examples
///
/// ```
/// use runtime::time::{Duration, Instant, sleep};
///
/// #[runtime::main]
/// async fn main() {
///     let before = Instant::now();
///     sleep(Duration::from_millis(5)).await;
///     assert!(before.elapsed() >= Duration::from_millis(5));
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant {
    std: std::time::Instant,
}

/// How far away "never" is: thirty years, far beyond any process and within the range of every
/// platform's clock. The same as Tokio's.
const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

impl Instant {
    /// The current time: that of the current runtime's clock, or of the operating system's where
    /// there is none.
    #[inline]
    pub fn now() -> Instant {
        if clock::any_ever_paused() {
            current::now()
        } else {
            Instant::from_std(std::time::Instant::now())
        }
    }

    /// The same point in time, from the standard library's type.
    #[inline]
    pub fn from_std(std: std::time::Instant) -> Instant {
        Instant { std }
    }

    /// The same point in time, as the standard library's type.
    #[inline]
    pub fn into_std(self) -> std::time::Instant {
        self.std
    }

    /// `after` from `self`, or so far ahead that it never comes where that cannot be represented.
    pub(crate) fn add_or_far(self, after: Duration) -> Instant {
        self.checked_add(after)
            .or_else(|| self.checked_add(FAR))
            .unwrap_or(self)
    }

    /// The time from `earlier` to `self`; zero when `earlier` is the later one.
    pub fn duration_since(&self, earlier: Instant) -> Duration {
        self.std.saturating_duration_since(earlier.std)
    }

    /// The time from `earlier` to `self`, or `None` when `earlier` is the later one.
    pub fn checked_duration_since(&self, earlier: Instant) -> Option<Duration> {
        self.std.checked_duration_since(earlier.std)
    }

    /// The time from `earlier` to `self`; zero when `earlier` is the later one.
    pub fn saturating_duration_since(&self, earlier: Instant) -> Duration {
        self.std.saturating_duration_since(earlier.std)
    }

    /// The time from `self` until now; zero when `self` is ahead.
    pub fn elapsed(&self) -> Duration {
        Instant::now().saturating_duration_since(*self)
    }

    /// `self + duration`, or `None` when the platform cannot represent it.
    pub fn checked_add(&self, duration: Duration) -> Option<Instant> {
        self.std.checked_add(duration).map(Instant::from_std)
    }

    /// `self - duration`, or `None` when the platform cannot represent it.
    pub fn checked_sub(&self, duration: Duration) -> Option<Instant> {
        self.std.checked_sub(duration).map(Instant::from_std)
    }
}

impl From<std::time::Instant> for Instant {
    fn from(std: std::time::Instant) -> Instant {
        Instant::from_std(std)
    }
}

impl From<Instant> for std::time::Instant {
    fn from(instant: Instant) -> std::time::Instant {
        instant.into_std()
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    /// # Panics
    ///
    /// When the platform cannot represent the sum; see [`Instant::checked_add`].
    #[track_caller]
    fn add(self, duration: Duration) -> Instant {
        Instant::from_std(self.std + duration)
    }
}

impl AddAssign<Duration> for Instant {
    #[track_caller]
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub for Instant {
    type Output = Duration;

    /// Zero when `earlier` is the later one.
    fn sub(self, earlier: Instant) -> Duration {
        self.std.saturating_duration_since(earlier.std)
    }
}

impl Sub<Duration> for Instant {
    type Output = Instant;

    /// # Panics
    ///
    /// When the platform cannot represent the difference; see [`Instant::checked_sub`].
    #[track_caller]
    fn sub(self, duration: Duration) -> Instant {
        Instant::from_std(self.std - duration)
    }
}

impl SubAssign<Duration> for Instant {
    #[track_caller]
    fn sub_assign(&mut self, duration: Duration) {
        *self = *self - duration;
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.std.fmt(f)
    }
}

#[cfg(all(test, not(rt_loom)))]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_is_that_of_the_standard_library() {
        let second = Duration::from_secs(1);
        let std = std::time::Instant::now();
        let instant = Instant::from(std);
        assert_eq!(std::time::Instant::from(instant), std);
        assert_eq!((instant + second).into_std(), std + second);
        assert_eq!((instant + second) - instant, second);
        assert_eq!(instant - (instant + second), Duration::ZERO);
        assert_eq!(instant.checked_duration_since(instant + second), None);
        assert_eq!(instant.checked_add(Duration::MAX), None);
        let mut moved = instant;
        moved += second;
        moved -= second;
        assert_eq!(moved, instant);
    }

    #[test]
    fn far_deadlines_do_not_overflow() {
        let now = Instant::now();
        assert_eq!(now.add_or_far(Duration::MAX) - now, FAR);
        assert_eq!(now.add_or_far(FAR * 2) - now, FAR * 2);
    }
}
