//! A descriptor that cannot be watched.

use std::error::Error;
use std::fmt;
use std::io;

/// A value whose descriptor cannot be watched, and why.
///
/// Made by [`AsyncFd::try_new`](super::AsyncFd::try_new) and
/// [`AsyncFd::try_with_interest`](super::AsyncFd::try_with_interest).
pub struct AsyncFdRegisterError<T> {
    inner: T,
    cause: io::Error,
}

impl<T> AsyncFdRegisterError<T> {
    pub(super) fn new(inner: T, cause: io::Error) -> Self {
        Self { inner, cause }
    }

    /// The value, and the system's error.
    pub fn into_parts(self) -> (T, io::Error) {
        (self.inner, self.cause)
    }
}

impl<T> From<AsyncFdRegisterError<T>> for io::Error {
    /// The system's error; the value is dropped.
    fn from(error: AsyncFdRegisterError<T>) -> Self {
        error.cause
    }
}

impl<T> fmt::Display for AsyncFdRegisterError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl<T> fmt::Debug for AsyncFdRegisterError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncFdRegisterError")
            .field("cause", &self.cause)
            .finish_non_exhaustive()
    }
}

impl<T> Error for AsyncFdRegisterError<T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}
