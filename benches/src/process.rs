//! What the system knows of this process: CPU time, how many descriptors it may have and on which CPUs
//! it runs; and signals to itself.
#![allow(unsafe_code)] // System calls that the standard library does not wrap.

#[cfg_attr(target_os = "linux", path = "process/syscalls.rs")]
#[cfg_attr(not(target_os = "linux"), path = "process/no_syscalls.rs")]
mod syscalls;

use std::time::Duration;

pub use syscalls::SyscallCounter;

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

/// Some of the CPUs that a thread may run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cpus {
    /// The last one: the first often serves the interrupts.
    Last,
    /// All but the last; if there is only one, that one.
    Others,
}

/// Lets the calling thread run on every CPU again that it was allowed to run on before.
#[derive(Debug)]
pub struct Confined {
    #[cfg(target_os = "linux")]
    before: libc::cpu_set_t,
}

/// Confines the calling thread, and all threads and processes that it starts, to some CPUs until the
/// result is dropped. They stay there.
///
/// # Panics
///
/// If the system does not let it.
#[cfg(target_os = "linux")]
#[must_use]
pub fn confine_to(cpus: Cpus) -> Confined {
    // SAFETY: a set of CPUs is numbers, for which all zeros are valid: the empty set.
    let mut before: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: `before` is a valid place for a set of this size.
    let result = unsafe { libc::sched_getaffinity(0, size_of_val(&before), &raw mut before) };
    assert_eq!(result, 0, "cannot see on which CPUs this thread may run");
    let mut allowed: Vec<usize> = (0..libc::CPU_SETSIZE as usize)
        // SAFETY: the numbers are below the size of the set.
        .filter(|cpu| unsafe { libc::CPU_ISSET(*cpu, &before) })
        .collect();
    let last = allowed.pop().expect("this thread runs somewhere");
    let chosen = match cpus {
        Cpus::Others if !allowed.is_empty() => allowed,
        _ => vec![last],
    };
    // SAFETY: as above.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    for cpu in chosen {
        // SAFETY: the number is below the size of the set.
        unsafe { libc::CPU_SET(cpu, &mut set) };
    }
    set_cpus(&set);
    Confined { before }
}

#[cfg(target_os = "linux")]
fn set_cpus(cpus: &libc::cpu_set_t) {
    // SAFETY: the set is initialised, of this size, and only read.
    let result = unsafe { libc::sched_setaffinity(0, size_of_val(cpus), cpus) };
    assert_eq!(result, 0, "cannot choose the CPUs of this thread");
}

#[cfg(target_os = "linux")]
impl Drop for Confined {
    fn drop(&mut self) {
        set_cpus(&self.before);
    }
}

/// Not done on this system.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn confine_to(_cpus: Cpus) -> Confined {
    Confined {}
}

/// Lets the sleeps of the calling thread end when they are to end and not up to 50 µs later.
#[cfg(target_os = "linux")]
pub fn sharpen_timers() {
    // SAFETY: this option takes a number.
    let _ = unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1 as libc::c_ulong) };
}

/// Not done on this system.
#[cfg(not(target_os = "linux"))]
pub fn sharpen_timers() {}

/// Waits until `poll` has events, but no longer than `timeout`, which mio rounds up to whole
/// milliseconds. Whether there may be events.
#[cfg(target_os = "linux")]
pub fn wait_readable(poll: &mio::Poll, timeout: Duration) -> bool {
    use std::os::fd::AsRawFd;
    let mut descriptor = libc::pollfd {
        fd: poll.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    let timeout = libc::timespec {
        tv_sec: timeout.as_secs() as libc::time_t,
        tv_nsec: timeout.subsec_nanos().into(),
    };
    // SAFETY: one descriptor and one time, both valid for the length of the call; no signals are
    // masked.
    let count =
        unsafe { libc::ppoll(&raw mut descriptor, 1, &raw const timeout, std::ptr::null()) };
    count != 0
}

/// As well as this system can.
#[cfg(not(target_os = "linux"))]
pub fn wait_readable(_poll: &mio::Poll, timeout: Duration) -> bool {
    std::thread::sleep(timeout.min(Duration::from_micros(200)));
    true
}

/// What a process has used.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Of all its threads.
    pub cpu: Duration,
    /// Context switches of the threads that live.
    pub switches: u64,
    /// Bytes that are resident now.
    pub resident: u64,
}

/// What the process with this id, of this user, has used so far.
///
/// # Panics
///
/// If there is no such process.
#[cfg(target_os = "linux")]
#[must_use]
pub fn usage_of(process: u32) -> Usage {
    let mut clock = 0;
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `clock` and `time` are valid places for what the calls write, for their length.
    let result = unsafe {
        match libc::clock_getcpuclockid(process as libc::pid_t, &raw mut clock) {
            0 => libc::clock_gettime(clock, &raw mut time),
            error => error,
        }
    };
    assert_eq!(result, 0, "there is no process {process}");
    let number = |text: &str, key: &str| -> u64 {
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        let word = line.and_then(|line| line.split_whitespace().next());
        word.and_then(|word| word.parse().ok()).unwrap_or(0)
    };
    let status = std::fs::read_to_string(format!("/proc/{process}/status"));
    let status = status.expect("cannot read the state of a process");
    let threads = std::fs::read_dir(format!("/proc/{process}/task"));
    let switches = threads
        .expect("cannot list the threads of a process")
        .filter_map(|thread| {
            // A thread may end at any time.
            let status = std::fs::read_to_string(thread.ok()?.path().join("status")).ok()?;
            Some(
                number(&status, "voluntary_ctxt_switches:")
                    + number(&status, "nonvoluntary_ctxt_switches:"),
            )
        })
        .sum();
    Usage {
        cpu: Duration::new(time.tv_sec as u64, time.tv_nsec as u32),
        switches,
        resident: number(&status, "VmRSS:") * 1024,
    }
}

/// Not known on this system.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn usage_of(_process: u32) -> Usage {
    Usage {
        cpu: Duration::ZERO,
        switches: 0,
        resident: 0,
    }
}
