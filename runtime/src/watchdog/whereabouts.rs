//! What a thread of this process does right now.
//!
//! The report of a stall says whether the thread burns processor time, sleeps in a system call, and in
//! which. On Linux `/proc/self/task` knows; elsewhere everything is
//! [`Unknown`](Whereabouts::Unknown). What is read is true for the moment of the reading only.
//!
//! The thread is named by its [`ThreadNumber`], which it finds out itself, once, and leaves where the
//! observer sees it.

use std::fmt;
use std::time::Duration;

#[cfg(all(target_os = "linux", not(miri)))]
use self::procfs as system;
#[cfg(not(all(target_os = "linux", not(miri))))]
use self::unknown as system;

#[cfg(all(target_os = "linux", not(miri)))]
mod procfs;
#[cfg(all(target_os = "linux", not(miri)))]
mod system_calls;
#[cfg(not(all(target_os = "linux", not(miri))))]
mod unknown;

/// What a thread does at one moment, as far as the system tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Whereabouts {
    /// It runs, or could run and waits for a processor.
    OnCpu,
    /// It sleeps in a system call.
    InSystemCall {
        /// The number of the call, which differs between architectures.
        number: i64,
        /// Its name, if it is one of those that threads usually sleep in.
        name: Option<&'static str>,
    },
    /// It sleeps: outside of any system call, for example until memory is read from disk, or in one
    /// that the system does not tell.
    Sleeping,
    /// It was stopped, by a signal or a debugger.
    Stopped,
    /// The thread has ended, or the system does not tell.
    Unknown,
}

impl fmt::Display for Whereabouts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnCpu => f.write_str("on CPU"),
            Self::InSystemCall {
                name: Some(name), ..
            } => write!(f, "in system call {name}"),
            Self::InSystemCall { number, name: None } => write!(f, "in system call {number}"),
            Self::Sleeping => f.write_str("asleep"),
            Self::Stopped => f.write_str("stopped"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// The system's number of a thread, or "not known".
///
/// A number is used again some time after its thread has ended: whoever keeps one sees to it that it
/// is forgotten with the thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ThreadNumber(u32);

impl ThreadNumber {
    /// No thread.
    pub(crate) const UNKNOWN: Self = Self(0);

    /// For an atomic; [`UNKNOWN`](Self::UNKNOWN) is 0.
    pub(crate) fn to_bits(self) -> u32 {
        self.0
    }

    /// Out of an atomic.
    pub(crate) fn from_bits(bits: u32) -> Self {
        Self(bits)
    }
}

/// How a thread has spent its time since it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProcessorTime {
    /// On a processor.
    pub(crate) used: Duration,
    /// Ready to run, while all processors were busy with others.
    pub(crate) waited: Duration,
}

/// The number of the calling thread. Costs a system call the first time.
pub(crate) fn current_thread_number() -> ThreadNumber {
    ThreadNumber(system::current_thread_number())
}

/// What `thread` does right now. Reads one or two files of some dozen bytes, which the system makes
/// up on the spot: some microseconds.
pub(crate) fn whereabouts(thread: ThreadNumber) -> Whereabouts {
    match thread {
        ThreadNumber::UNKNOWN => Whereabouts::Unknown,
        ThreadNumber(number) => system::whereabouts(number),
    }
}

/// How `thread` has spent its time. The difference between two readings tells a thread that burns
/// processor time from one that gets none.
pub(crate) fn processor_time(thread: ThreadNumber) -> Option<ProcessorTime> {
    match thread {
        ThreadNumber::UNKNOWN => None,
        ThreadNumber(number) => system::processor_time(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whereabouts_are_told_in_plain_words() {
        let call = |number, name| Whereabouts::InSystemCall { number, name }.to_string();
        assert_eq!(call(202, Some("futex")), "in system call futex");
        assert_eq!(call(7000, None), "in system call 7000");
        assert_eq!(Whereabouts::OnCpu.to_string(), "on CPU");
        assert_eq!(Whereabouts::Sleeping.to_string(), "asleep");
    }

    #[test]
    fn nothing_is_known_of_no_thread() {
        assert_eq!(whereabouts(ThreadNumber::UNKNOWN), Whereabouts::Unknown);
        assert_eq!(processor_time(ThreadNumber::UNKNOWN), None);
    }
}
