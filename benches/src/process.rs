//! What the system knows of this process: CPU time, and how many descriptors it may have; and signals
//! to itself.
#![allow(unsafe_code)] // System calls that the standard library does not wrap.

use std::time::Duration;

/// CPU time of all threads of this process since it started.
#[cfg(unix)]
#[must_use]
pub fn cpu_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a valid place to write a `timespec` to, for the length of the call.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    assert_eq!(result, 0, "the clock of CPU time is not available");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Where there is no clock of CPU time: the time on the wall since the first call.
#[cfg(not(unix))]
#[must_use]
pub fn cpu_time() -> Duration {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    START.get_or_init(std::time::Instant::now).elapsed()
}

/// Lets this process open as many descriptors as it is allowed to; the default of 1,024 is too few
/// for a thousand connections with both their ends.
#[cfg(unix)]
pub fn raise_descriptor_limit() {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is a valid place to write an `rlimit` to, for the length of the call.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } == 0 {
        limit.rlim_cur = limit.rlim_max;
        // SAFETY: `limit` is initialised and only read.
        // A failure shows when descriptors run out, with a message of its own.
        let _ = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
    }
}

/// Nothing to raise.
#[cfg(not(unix))]
pub fn raise_descriptor_limit() {}

/// Sends the calling thread a signal.
///
/// # Panics
///
/// If there is no such signal.
#[cfg(unix)]
pub fn raise(signal: libc::c_int) {
    // SAFETY: it takes no memory. What a handler may do is the concern of who has installed it.
    let result = unsafe { libc::raise(signal) };
    assert_eq!(result, 0, "there is no signal {signal}");
}
