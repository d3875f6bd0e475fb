//! What a task waits for.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};

use crate::ready::Ready;

const READABLE: u8 = 0b0001;
const WRITABLE: u8 = 0b0010;
const PRIORITY: u8 = 0b0100;
const ERROR: u8 = 0b1000;

/// What a task waits for: one or more of readable, writable, priority data and error.
///
/// # Examples
///
/// ```
/// use runtime::io::Interest;
///
/// let both = Interest::READABLE | Interest::WRITABLE;
/// assert!(both.is_readable() && both.is_writable());
/// assert_eq!(both.remove(Interest::WRITABLE), Some(Interest::READABLE));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Interest(u8);

impl Interest {
    /// Waits until there is something to read or the reading side is closed.
    pub const READABLE: Self = Self(READABLE);

    /// Waits until there is room to write or the writing side is closed.
    pub const WRITABLE: Self = Self(WRITABLE);

    /// Waits for priority data, such as TCP's urgent byte.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub const PRIORITY: Self = Self(PRIORITY);

    /// Waits for an error of the source.
    pub const ERROR: Self = Self(ERROR);

    /// Whether readable is one of the interests.
    pub const fn is_readable(self) -> bool {
        self.0 & READABLE != 0
    }

    /// Whether writable is one of the interests.
    pub const fn is_writable(self) -> bool {
        self.0 & WRITABLE != 0
    }

    /// Whether priority data is one of the interests.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub const fn is_priority(self) -> bool {
        self.0 & PRIORITY != 0
    }

    /// Whether error is one of the interests.
    pub const fn is_error(self) -> bool {
        self.0 & ERROR != 0
    }

    /// Both sets of interests together.
    #[must_use = "this returns the result of the operation, without modifying the original"]
    pub const fn add(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The interests that are not in `other`, or `None` if nothing is left.
    #[must_use = "this returns the result of the operation, without modifying the original"]
    pub fn remove(self, other: Self) -> Option<Self> {
        match self.0 & !other.0 {
            0 => None,
            left => Some(Self(left)),
        }
    }

    /// The bits of readiness that satisfy this interest. A closed side can be read or written
    /// without waiting, so it satisfies too.
    pub(crate) const fn mask(self) -> Ready {
        let mut mask = Ready::EMPTY;
        if self.is_readable() {
            mask = mask.with(Ready::READABLE).with(Ready::READ_CLOSED);
        }
        if self.is_writable() {
            mask = mask.with(Ready::WRITABLE).with(Ready::WRITE_CLOSED);
        }
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if self.is_priority() {
            mask = mask.with(Ready::PRIORITY).with(Ready::READ_CLOSED);
        }
        if self.is_error() {
            mask = mask.with(Ready::ERROR);
        }
        mask
    }

    /// What to ask the system for. Errors are reported always, but the system wants to be asked for
    /// something: for what is readable, as Tokio does, also where there are other interests. Only so
    /// the end of the peer's sending side is told, which satisfies the interest in priority data.
    pub(crate) fn to_mio(self) -> mio::Interest {
        let mut parts = [None; 3];
        parts[0] = (self.is_readable() || self.is_error()).then_some(mio::Interest::READABLE);
        parts[1] = self.is_writable().then_some(mio::Interest::WRITABLE);
        #[cfg(any(target_os = "linux", target_os = "android"))]
        {
            parts[2] = self.is_priority().then_some(mio::Interest::PRIORITY);
        }
        parts
            .into_iter()
            .flatten()
            .reduce(mio::Interest::add)
            .unwrap_or(mio::Interest::READABLE)
    }
}

impl BitOr for Interest {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.add(other)
    }
}

impl BitOrAssign for Interest {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

impl fmt::Debug for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (READABLE, "READABLE"),
            (WRITABLE, "WRITABLE"),
            (PRIORITY, "PRIORITY"),
            (ERROR, "ERROR"),
        ];
        let mut separator = "";
        for (bit, name) in names {
            if self.0 & bit != 0 {
                write!(f, "{separator}{name}")?;
                separator = " | ";
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_side_satisfies_the_interest_in_it() {
        let readable = Interest::READABLE.mask();
        assert_eq!(readable, Ready::READABLE | Ready::READ_CLOSED);
        let writable = Interest::WRITABLE.mask();
        assert_eq!(writable, Ready::WRITABLE | Ready::WRITE_CLOSED);
        assert_eq!(Interest::ERROR.mask(), Ready::ERROR);
    }

    #[test]
    fn removing_everything_leaves_none() {
        let both = Interest::READABLE | Interest::WRITABLE;
        assert_eq!(format!("{both:?}"), "READABLE | WRITABLE");
        assert_eq!(both.remove(Interest::READABLE), Some(Interest::WRITABLE));
        assert_eq!(both.remove(both), None);
    }

    #[test]
    fn an_interest_in_errors_alone_can_be_registered() {
        assert_eq!(Interest::ERROR.to_mio(), mio::Interest::READABLE);
        let both = Interest::READABLE | Interest::WRITABLE;
        assert_eq!(
            both.to_mio(),
            mio::Interest::READABLE | mio::Interest::WRITABLE
        );
    }
}
