//! A look at the process, and tests that need one of their own.

#![allow(unsafe_code)] // System calls.

use std::process::{Command, Stdio};
use std::time::Duration;

/// Set in a process that [`in_own_process`] started.
const MARK: &str = "RUNTIME_TEST_IN_OWN_PROCESS";

/// Runs the calling test, whose name is `test`, in a process of its own with these environment
/// variables, and fails if it fails there. Says whether this *is* that process: only then the test
/// goes on.
#[must_use]
#[track_caller]
pub fn in_own_process(test: &str, environment: &[(&str, &str)]) -> bool {
    if is_own_process() {
        return true;
    }
    let output = this_test_again(test)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("the test can be started again");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "in its own process: {}\n{text}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    false
}

/// Whether this process was started by [`this_test_again`].
pub fn is_own_process() -> bool {
    std::env::var_os(MARK).is_some()
}

/// A command that runs the test whose name is `test` in a process of its own.
pub fn this_test_again(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("the test's own file"));
    command
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(MARK, "1");
    command
}

/// How many descriptors the process has open.
pub fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("Linux").count()
}

/// Waits until no more descriptors are open than before. For a runtime that lives: its watchdog has a
/// file of the system open for a moment now and then. If one leaks, the test's time runs out.
pub fn wait_for_descriptors(before: usize) {
    while open_descriptors() > before {
        std::thread::yield_now();
    }
}

/// How many threads the process has.
pub fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").expect("Linux").count()
}

/// How much processor time the process has used.
pub fn processor_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the pointer is to a live struct.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    assert_eq!(result, 0);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Lets the process have as many descriptors as it may ask for.
pub fn allow_many_descriptors() {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the pointers are to a live struct.
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit), 0);
        limit.rlim_cur = limit.rlim_max;
        assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &limit), 0);
    }
}

/// Lowers the number of descriptors that the process may have, for good.
pub fn limit_descriptors(limit: u64) {
    let limit = libc::rlimit {
        rlim_cur: limit,
        rlim_max: limit,
    };
    // SAFETY: the pointer is to a live struct.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
}

/// Lets the process have only so many bytes of addresses more, for good.
pub fn limit_more_memory(bytes: u64) {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: u64 = pages.split(' ').next().unwrap().parse().unwrap();
    // SAFETY: has no preconditions.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as u64;
    let limit = libc::rlimit {
        rlim_cur: pages * page + bytes,
        rlim_max: pages * page + bytes,
    };
    // SAFETY: the pointer is to a live struct.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) }, 0);
}
