//! What a source is ready for.

use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign, Sub};

const READABLE: u8 = 0b00_0001;
const WRITABLE: u8 = 0b00_0010;
const READ_CLOSED: u8 = 0b00_0100;
const WRITE_CLOSED: u8 = 0b00_1000;
const PRIORITY: u8 = 0b01_0000;
const ERROR: u8 = 0b10_0000;

#[cfg(any(target_os = "linux", target_os = "android"))]
const ALL: u8 = READABLE | WRITABLE | READ_CLOSED | WRITE_CLOSED | PRIORITY | ERROR;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const ALL: u8 = READABLE | WRITABLE | READ_CLOSED | WRITE_CLOSED | ERROR;

/// What a source is ready for: a set of states, possibly empty.
///
/// # Examples
///
/// ```
/// use runtime::io::Ready;
///
/// let ready = Ready::READABLE | Ready::WRITE_CLOSED;
/// assert!(ready.is_readable());
/// // Writing to a closed side does not wait: it fails at once.
/// assert!(ready.is_writable());
/// assert!(!ready.is_read_closed());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ready(u8);

impl Ready {
    /// Ready for nothing.
    pub const EMPTY: Self = Self(0);

    /// There is something to read, or an error that a read tells.
    pub const READABLE: Self = Self(READABLE);

    /// There is room to write.
    pub const WRITABLE: Self = Self(WRITABLE);

    /// Nothing more will arrive: the peer ended its sending side, or the connection is gone.
    pub const READ_CLOSED: Self = Self(READ_CLOSED);

    /// Nothing more can be sent.
    pub const WRITE_CLOSED: Self = Self(WRITE_CLOSED);

    /// There is priority data to read.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub const PRIORITY: Self = Self(PRIORITY);

    /// The source has an error to report.
    pub const ERROR: Self = Self(ERROR);

    /// Ready for everything.
    pub const ALL: Self = Self(ALL);

    /// Whether nothing is ready.
    pub fn is_empty(self) -> bool {
        self == Self::EMPTY
    }

    /// Whether a read would not wait: there is something to read, or the reading side is closed.
    pub fn is_readable(self) -> bool {
        self.intersects(Self::READABLE) || self.is_read_closed()
    }

    /// Whether a write would not wait: there is room, or the writing side is closed.
    pub fn is_writable(self) -> bool {
        self.intersects(Self::WRITABLE) || self.is_write_closed()
    }

    /// Whether the reading side is closed.
    pub fn is_read_closed(self) -> bool {
        self.intersects(Self::READ_CLOSED)
    }

    /// Whether the writing side is closed.
    pub fn is_write_closed(self) -> bool {
        self.intersects(Self::WRITE_CLOSED)
    }

    /// Whether there is priority data.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub fn is_priority(self) -> bool {
        self.intersects(Self::PRIORITY)
    }

    /// Whether there is an error to report.
    pub fn is_error(self) -> bool {
        self.intersects(Self::ERROR)
    }

    /// Whether a read may end before all was read: the system ends it before an urgent byte.
    #[inline]
    pub(crate) const fn has_urgent(self) -> bool {
        self.0 & PRIORITY != 0
    }

    /// The states of an event.
    pub(crate) fn of_event(event: &mio::event::Event) -> Self {
        let states = [
            // An error that is pending is told by the next read. Linux does not call a socket for
            // datagrams readable because of it, and who waits for a datagram must learn it.
            (event.is_readable() || event.is_error(), READABLE),
            (event.is_writable(), WRITABLE),
            (event.is_read_closed(), READ_CLOSED),
            (event.is_write_closed(), WRITE_CLOSED),
            (event.is_priority(), PRIORITY & ALL),
            (event.is_error(), ERROR),
        ];
        let mut bits = 0;
        for (is_set, bit) in states {
            if is_set {
                bits |= bit;
            }
        }
        Self(bits)
    }

    /// `const` form of `|`.
    pub(crate) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[inline]
    pub(crate) const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The states as an integer, for the word of a source. Uses the lowest six bits.
    #[inline]
    pub(crate) const fn to_bits(self) -> usize {
        self.0 as usize
    }

    /// The states that [`to_bits`](Self::to_bits) packed; other bits are ignored.
    #[inline]
    pub(crate) const fn from_bits(bits: usize) -> Self {
        Self(bits as u8 & ALL)
    }
}

impl BitOr for Ready {
    type Output = Self;

    #[inline]
    fn bitor(self, other: Self) -> Self {
        self.with(other)
    }
}

impl BitOrAssign for Ready {
    #[inline]
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

impl BitAnd for Ready {
    type Output = Self;

    #[inline]
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl Sub for Ready {
    type Output = Self;

    #[inline]
    fn sub(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Ready");
        out.field("is_readable", &self.is_readable())
            .field("is_writable", &self.is_writable())
            .field("is_read_closed", &self.is_read_closed())
            .field("is_write_closed", &self.is_write_closed())
            .field("is_error", &self.is_error());
        #[cfg(any(target_os = "linux", target_os = "android"))]
        out.field("is_priority", &self.is_priority());
        out.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_sides_count_as_ready() {
        assert!(Ready::READ_CLOSED.is_readable());
        assert!(Ready::WRITE_CLOSED.is_writable());
        assert!(!Ready::ERROR.is_readable());
        assert!((Ready::ALL - Ready::ALL).is_empty());
        assert_eq!(Ready::ALL & Ready::READABLE, Ready::READABLE);
        assert_eq!(Ready::from_bits(Ready::ALL.to_bits()), Ready::ALL);
    }
}
