//! The unit of the wheel: whole milliseconds since the clock's origin.

use std::time::Duration;

/// A point in time, in milliseconds since the origin of its clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tick(pub(crate) u64);

impl Tick {
    /// The origin of the clock.
    pub(crate) const ZERO: Self = Self(0);

    /// Later than any deadline.
    pub(crate) const NEVER: Self = Self(u64::MAX);

    /// The latest deadline. What lies beyond is half a billion years away.
    const LAST: u64 = u64::MAX - 1;

    /// The first tick that is not before `since_origin`: when a deadline is due.
    pub(crate) fn of_deadline(since_origin: Duration) -> Self {
        let rounds_up = u64::from(!since_origin.subsec_nanos().is_multiple_of(1_000_000));
        Self(
            whole_millis(since_origin)
                .saturating_add(rounds_up)
                .min(Self::LAST),
        )
    }

    /// The last tick that is not after `since_origin`: what the wheel may expire.
    pub(crate) fn of_now(since_origin: Duration) -> Self {
        Self(whole_millis(since_origin).min(Self::LAST))
    }

    /// The time from the origin to this tick.
    pub(crate) fn since_origin(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

/// As `Duration::as_millis`, in 64 bits.
fn whole_millis(duration: Duration) -> u64 {
    duration
        .as_secs()
        .saturating_mul(1_000)
        .saturating_add(u64::from(duration.subsec_millis()))
}

#[cfg(all(test, not(rt_loom)))]
mod tests {
    use super::*;

    #[test]
    fn deadlines_round_up_and_now_rounds_down() {
        let just_after = Duration::from_millis(7) + Duration::from_nanos(1);
        assert_eq!(Tick::of_deadline(just_after), Tick(8));
        assert_eq!(Tick::of_now(just_after), Tick(7));
        let exact = Duration::from_millis(7);
        assert_eq!(Tick::of_deadline(exact), Tick::of_now(exact));
    }

    #[test]
    fn no_deadline_overflows_or_reaches_never() {
        assert!(Tick::of_deadline(Duration::MAX) < Tick::NEVER);
        assert!(Tick::of_now(Duration::MAX) < Tick::NEVER);
        assert!(Tick::of_deadline(Duration::MAX).since_origin() > Duration::from_secs(1 << 50));
    }
}
