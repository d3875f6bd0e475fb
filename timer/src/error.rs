//! What can go wrong with time.

use std::fmt;
use std::io;

/// The deadline came before the future was ready: what [`timeout`](crate::timeout) gives.
#[derive(Debug, PartialEq, Eq)]
pub struct Elapsed(());

impl Elapsed {
    pub(crate) fn new() -> Self {
        Self(())
    }
}

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("deadline has elapsed")
    }
}

impl std::error::Error for Elapsed {}

impl From<Elapsed> for io::Error {
    /// An error of kind [`TimedOut`](io::ErrorKind::TimedOut).
    fn from(_elapsed: Elapsed) -> io::Error {
        io::ErrorKind::TimedOut.into()
    }
}

/// An error of the timer itself.
///
/// No function of this module returns it: what it names is a panic, or cannot happen here. It
/// exists for code that is written against Tokio's type of this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Error(Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Shutdown,
    AtCapacity,
    Invalid,
}

impl Error {
    /// The timer was shut down.
    pub fn shutdown() -> Error {
        Error(Kind::Shutdown)
    }

    /// Whether the timer was shut down.
    pub fn is_shutdown(&self) -> bool {
        self.0 == Kind::Shutdown
    }

    /// The timer holds as many entries as it can.
    pub fn at_capacity() -> Error {
        Error(Kind::AtCapacity)
    }

    /// Whether the timer holds as many entries as it can.
    pub fn is_at_capacity(&self) -> bool {
        self.0 == Kind::AtCapacity
    }

    /// The timer is misconfigured.
    pub fn invalid() -> Error {
        Error(Kind::Invalid)
    }

    /// Whether the timer is misconfigured.
    pub fn is_invalid(&self) -> bool {
        self.0 == Kind::Invalid
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Shutdown => {
                "the timer is shutdown, must be called from the context of Tokio runtime"
            }
            Kind::AtCapacity => "timer is at capacity and cannot create a new entry",
            Kind::Invalid => "timer duration exceeds maximum duration",
        })
    }
}

impl std::error::Error for Error {}

#[cfg(all(test, not(rt_loom)))]
mod tests {
    use super::*;

    #[test]
    fn an_elapsed_deadline_is_an_io_error_of_its_kind() {
        let error = io::Error::from(Elapsed::new());
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(error.to_string(), "timed out");
    }

    #[test]
    fn each_error_is_of_one_kind() {
        for error in [Error::shutdown(), Error::at_capacity(), Error::invalid()] {
            let kinds = [
                error.is_shutdown(),
                error.is_at_capacity(),
                error.is_invalid(),
            ];
            assert_eq!(kinds.iter().filter(|is| **is).count(), 1, "{error}");
        }
    }
}
