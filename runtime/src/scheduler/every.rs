//! Counts to a number, again and again: without a division, which every poll would pay.

/// Is due every so many times.
pub(super) struct Every {
    interval: u32,
    /// How many times are left, this one included.
    left: u32,
}

impl Every {
    /// Every `interval` times; each time, if that is 0 or 1.
    pub(super) fn new(interval: u32) -> Self {
        let interval = interval.max(1);
        Self {
            interval,
            left: interval,
        }
    }

    /// Counts one more, and says whether it is the one.
    #[inline]
    pub(super) fn is_due(&mut self) -> bool {
        self.left -= 1;
        if self.left > 0 {
            return false;
        }
        self.left = self.interval;
        true
    }

    /// Another interval, from the last time that it was due on; if that is over, the next time is due.
    pub(super) fn set_interval(&mut self, interval: u32) {
        let counted = self.interval - self.left;
        self.interval = interval.max(1);
        self.left = self.interval.saturating_sub(counted).max(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts_until_due(every: &mut Every) -> u32 {
        (1..).find(|_| every.is_due()).unwrap()
    }

    #[test]
    fn it_is_due_at_the_interval() {
        for interval in 1..5 {
            let mut every = Every::new(interval);
            for _ in 0..3 {
                assert_eq!(counts_until_due(&mut every), interval);
            }
        }
    }

    #[test]
    fn what_was_counted_stays_counted_when_the_interval_changes() {
        let mut every = Every::new(10);
        (0..4).for_each(|_| assert!(!every.is_due()));
        every.set_interval(6);
        assert_eq!(counts_until_due(&mut every), 2);
        (0..4).for_each(|_| assert!(!every.is_due()));
        every.set_interval(3);
        assert_eq!(counts_until_due(&mut every), 1);
        assert_eq!(counts_until_due(&mut every), 3);
        every.set_interval(8);
        assert_eq!(counts_until_due(&mut every), 8);
    }
}
