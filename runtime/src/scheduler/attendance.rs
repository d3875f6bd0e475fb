//! When a worker that is busy sends another one to wait in their reactor.
//!
//! # How it works
//!
//! Workers that share a reactor can fall into a rut: one runs what its sockets bring, and finds the next
//! event there whenever it looks, while the other sleeps beside the reactor and nobody waits in it. Two
//! tasks at the ends of a pipe then take turns on one worker, although each could fill and empty the
//! pipe on a processor of its own. So a worker that finds events at once several times in a row wakes one
//! that sleeps beside ([`attend_for`](super::MultiThread::attend_for)), and then runs its task.
//!
//! That is right if the task goes on for a while after it caused the next event, and wrong if the event
//! comes at its end, as with a request and its reply: the other worker wakes up for what this one would
//! have seen itself a moment later. Nobody knows beforehand, but the worker learns it: when it goes to
//! sleep next, somebody else has found events meanwhile, or not. Each time that nobody did it waits
//! twice as long before it tries again.

use std::time::Duration;

/// To sleep and be woken takes longer: events that a worker finds sooner were there before it slept.
const AT_ONCE: Duration = Duration::from_micros(2);

/// What a worker knows of that.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attendance {
    /// How often in a row it has found events at once.
    streak: u32,
    /// How long a streak must be to send somebody.
    patience: u32,
    errand: Option<Errand>,
}

/// Somebody was sent, and it is not known yet what for.
#[derive(Clone, Copy, Debug)]
struct Errand {
    /// How often the reactor has found something, if only this worker had looked since.
    expected: u64,
    /// How many sleeps are left until nobody expects anything of it.
    sleeps_left: u32,
}

impl Attendance {
    const LEAST_PATIENCE: u32 = 2;
    /// Some milliseconds of short tasks: beside them an errand in vain costs nothing.
    const MOST_PATIENCE: u32 = 4096;
    /// It takes the other one a while to get there.
    const SLEEPS_PER_ERRAND: u32 = 8;

    pub(super) fn new() -> Self {
        Self {
            streak: 0,
            patience: Self::LEAST_PATIENCE,
            errand: None,
        }
    }

    /// Whether it is not known yet what somebody was sent for.
    #[inline]
    pub(super) fn has_sent_somebody(&self) -> bool {
        self.errand.is_some()
    }

    /// The worker goes to sleep, in the reactor or beside somebody, and the reactor has found
    /// something so often.
    pub(super) fn goes_to_sleep(&mut self, in_reactor: bool, found: u64) {
        let Some(errand) = &mut self.errand else {
            return;
        };
        errand.sleeps_left -= 1;
        if found > errand.expected {
            // Not all the way: it may have been by chance.
            self.patience = Self::LEAST_PATIENCE.max(self.patience / 4);
        } else if !in_reactor || errand.sleeps_left == 0 {
            self.patience = Self::MOST_PATIENCE.min(2 * self.patience);
        } else {
            return;
        }
        self.errand = None;
    }

    /// The worker slept so long in the reactor and was woken by what that found. Says whether it is time
    /// to send somebody.
    pub(super) fn found_something(&mut self, slept: Duration) -> bool {
        if slept < AT_ONCE {
            self.streak = self.streak.saturating_add(1);
        } else {
            self.streak = 0;
        }
        match &mut self.errand {
            // One at a time, or nothing would be learnt of either.
            Some(errand) => {
                errand.expected += 1;
                false
            }
            None => self.streak >= self.patience,
        }
    }

    /// The reactor had found something so often then.
    pub(super) fn sent_somebody(&mut self, found: u64) {
        self.streak = 0;
        self.errand = Some(Errand {
            expected: found,
            sleeps_left: Self::SLEEPS_PER_ERRAND,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_nanos(500);
    const LATE: Duration = Duration::from_millis(1);

    /// Finds something at once until it is time to send somebody; says how often that was.
    fn streak(attendance: &mut Attendance) -> u32 {
        let mut found = 1;
        while !attendance.found_something(SOON) {
            found += 1;
            assert!(found <= Attendance::MOST_PATIENCE, "it never sends anybody");
        }
        found
    }

    #[test]
    fn somebody_is_sent_when_events_were_there_at_once_several_times_in_a_row() {
        let mut attendance = Attendance::new();
        for _ in 0..10 {
            assert!(!attendance.found_something(SOON));
            assert!(!attendance.found_something(LATE));
        }
        assert_eq!(streak(&mut attendance), Attendance::LEAST_PATIENCE);
    }

    #[test]
    fn errands_in_vain_become_rare_and_useful_ones_frequent_again() {
        let mut attendance = Attendance::new();
        let mut expected = Attendance::LEAST_PATIENCE;
        for _ in 0..20 {
            assert_eq!(streak(&mut attendance), expected);
            attendance.sent_somebody(7);
            attendance.goes_to_sleep(false, 7);
            expected = Attendance::MOST_PATIENCE.min(2 * expected);
        }
        assert_eq!(expected, Attendance::MOST_PATIENCE);
        while expected > Attendance::LEAST_PATIENCE {
            assert_eq!(streak(&mut attendance), expected);
            attendance.sent_somebody(7);
            attendance.goes_to_sleep(true, 8);
            expected = Attendance::LEAST_PATIENCE.max(expected / 4);
        }
        assert_eq!(streak(&mut attendance), Attendance::LEAST_PATIENCE);
    }

    #[test]
    fn what_the_worker_finds_itself_does_not_count() {
        let mut attendance = Attendance::new();
        attendance.sent_somebody(7);
        for found in 8..7 + u64::from(Attendance::SLEEPS_PER_ERRAND) {
            attendance.goes_to_sleep(true, found - 1);
            assert!(
                attendance.errand.is_some(),
                "the other one may be on its way"
            );
            assert!(!attendance.found_something(SOON), "one at a time");
        }
        attendance.goes_to_sleep(true, 6 + u64::from(Attendance::SLEEPS_PER_ERRAND));
        assert!(attendance.errand.is_none());
        assert_eq!(attendance.patience, 2 * Attendance::LEAST_PATIENCE);
    }
}
