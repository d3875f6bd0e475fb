//! The error of an operation whose runtime was shut down.
//!
//! Programs tell it from others by [`is_shutdown_error`], and by its text.

use std::error::Error;
use std::fmt;
use std::io;

use crate::misuse::SHUTTING_DOWN;

/// What an operation gives whose runtime was shut down.
pub fn shutdown_error() -> io::Error {
    io::Error::other(ShutDown)
}

/// Whether an operation failed because its runtime was shut down.
pub fn is_shutdown_error(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|error| error.is::<ShutDown>())
}

/// The cause of [`shutdown_error`], to be recognised.
#[derive(Debug)]
struct ShutDown;

impl fmt::Display for ShutDown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SHUTTING_DOWN)
    }
}

impl Error for ShutDown {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_error_is_recognised() {
        assert!(is_shutdown_error(&shutdown_error()));
        assert_eq!(shutdown_error().to_string(), SHUTTING_DOWN);
        assert!(!is_shutdown_error(&io::Error::other("something else")));
        assert!(!is_shutdown_error(&io::ErrorKind::Other.into()));
    }
}
