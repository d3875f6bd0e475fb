//! What the current thread knows of timers.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use runtime_base::current::{self as slots, Ask, EnterGuard, Slot};
use runtime_base::misuse;

use crate::instant::Instant;
use crate::timers::Timers;

thread_local! {
    static CURRENT: Slot<CurrentTimers> = const { Slot::new() };
    /// When this thread's scheduler last looked at the clock, unless it has ended.
    static SEEN: Cell<Option<std::time::Instant>> = const { Cell::new(None) };
}

/// A deadline that is so far ahead of the last look at the clock is taken to be in the future. Chosen:
/// longer than tasks that behave keep a scheduler from its next look. If they do not, a timer that is due
/// already is noticed with that look, and not at its first poll.
const FAR_AHEAD: Duration = Duration::from_millis(10);

/// The scheduler of this thread has looked at the clock; `None` if it ends.
#[inline]
pub fn saw_time(now: Option<std::time::Instant>) {
    // A thread that is ending makes no timers.
    let _ = SEEN.try_with(|seen| seen.set(now));
}

/// Whether `deadline` is known to be in the future without a look at the clock.
#[inline]
pub(crate) fn is_far_ahead(deadline: Instant) -> bool {
    let seen = SEEN.try_with(Cell::get).ok().flatten();
    seen.is_some_and(|seen| {
        deadline
            .into_std()
            .checked_duration_since(seen)
            .is_some_and(|ahead| ahead > FAR_AHEAD)
    })
}

/// What a thread knows of timers: fills the slot of the current thread.
#[derive(Debug, Clone)]
pub enum CurrentTimers {
    /// Timers that are first polled on this thread go here.
    Enabled(Arc<Timers>),
    /// There is a runtime, but its builder was not told to enable time.
    Disabled,
}

/// Makes `current` what this thread knows of timers, until the guard is dropped.
pub fn enter(current: CurrentTimers) -> EnterGuard<CurrentTimers> {
    slots::enter(&CURRENT, current)
}

/// Makes `ask` the one who knows what this thread knows of timers, until the guard is dropped.
pub fn enter_asking(ask: Ask<CurrentTimers>) -> EnterGuard<CurrentTimers> {
    slots::enter_asking(&CURRENT, ask)
}

/// The timers of this thread.
///
/// # Panics
///
/// When the thread is not in a runtime, or in one without time.
#[track_caller]
pub(crate) fn timers() -> Arc<Timers> {
    match current() {
        Some(CurrentTimers::Enabled(timers)) => timers,
        Some(CurrentTimers::Disabled) => panic!("{}", misuse::NO_TIME),
        None => panic!("{}; {}", misuse::NO_RUNTIME, misuse::ENTER_RUNTIME),
    }
}

/// The timers of this thread, if they are of the same runtime as `home` and not `home` itself.
#[inline]
pub(crate) fn nearer_than(home: &Arc<Timers>) -> Option<Arc<Timers>> {
    CURRENT
        .try_with(|slot| {
            slot.with(|current| match current {
                Some(CurrentTimers::Enabled(timers))
                    if !Arc::ptr_eq(timers, home) && timers.clock().is_same(home.clock()) =>
                {
                    Some(timers.clone())
                }
                _ => None,
            })
        })
        .ok()
        .flatten()
}

/// The time of the current runtime's clock, or of the operating system's where there is none.
#[cold]
pub(crate) fn now() -> Instant {
    match current() {
        Some(CurrentTimers::Enabled(timers)) => timers.clock().now(),
        Some(CurrentTimers::Disabled) | None => Instant::from_std(std::time::Instant::now()),
    }
}

pub(crate) fn current() -> Option<CurrentTimers> {
    // A thread that is ending is in no runtime.
    CURRENT.try_with(Slot::get).ok().flatten()
}

#[cfg(all(test, not(rt_loom)))]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    #[should_panic(expected = "from the context of a Tokio 1.x runtime")]
    fn there_are_no_timers_outside_of_a_runtime() {
        timers();
    }

    #[test]
    #[should_panic(expected = "timers are disabled. Call `enable_time`")]
    fn there_are_no_timers_in_a_runtime_without_time() {
        let _entered = enter(CurrentTimers::Disabled);
        timers();
    }

    #[test]
    fn only_other_timers_of_the_same_runtime_are_nearer() {
        let clock = Clock::new(true);
        let home = Timers::new(clock.clone(), Arc::new(|| ()));
        let neighbour = Timers::new(clock, Arc::new(|| ()));
        let stranger = Timers::new(Clock::new(true), Arc::new(|| ()));
        assert!(nearer_than(&home).is_none());
        for (current, is_nearer) in [(&home, false), (&neighbour, true), (&stranger, false)] {
            let _entered = enter(CurrentTimers::Enabled(current.clone()));
            assert_eq!(nearer_than(&home).is_some(), is_nearer);
        }
    }
}
