//! The error of an operation whose runtime was shut down.
//!
//! Programs tell it from others by [`is_shutdown_error`], and by its text.
//!
//! # Who does not get it
//!
//! A runtime's reactors and timers end when its workers have, and a thread whose seat was taken away may
//! still be in the poll that held it up. What that poll waits for then is of no account, since its task is
//! cancelled already and ends with the poll. An error would only make it complain, or try again in a loop
//! that never ends. So operations that find their runtime shut down ask [`is_cancelled`] first, and are
//! `Pending` if it is so. The waker tells which task is meant: whoever else is polled on this thread, by
//! an executor inside of the task, must learn that nobody will wake it.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};

use crate::misuse::SHUTTING_DOWN;

/// What an operation gives whose runtime was shut down.
pub fn shutdown_error() -> io::Error {
    io::Error::other(ShutDown)
}

/// Whether an operation failed because its runtime was shut down.
pub fn is_shutdown_error(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|error| error.is::<ShutDown>())
}

/// Whose tasks there are, to be asked.
static TASKS: OnceLock<fn(&Waker) -> bool> = OnceLock::new();

/// From now on [`is_cancelled`] asks `tasks` whether a waker is that of a task that is cancelled.
pub fn ask_tasks(tasks: fn(&Waker) -> bool) {
    // There is one kind of task in a process, and whoever makes some says so.
    let _ = TASKS.set(tasks);
}

/// Whether `waker` is that of a task that is cancelled: whatever its poll finds, it is dropped after it.
#[cold]
pub fn is_cancelled(waker: &Waker) -> bool {
    TASKS.get().is_some_and(|is_cancelled| is_cancelled(waker))
}

/// The error of an operation, for a task that can make something of it.
#[cold]
pub fn poll_error<T>(cx: &mut Context<'_>, error: io::Error) -> Poll<io::Result<T>> {
    if is_shutdown_error(&error) && is_cancelled(cx.waker()) {
        return Poll::Pending;
    }
    Poll::Ready(Err(error))
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
