//! Counts the system calls of a process, with the kernel's own counter.

use std::fs;
use std::io::Read;
use std::os::fd::{FromRawFd, OwnedFd};

/// Counts from the time it was made.
#[derive(Debug)]
pub struct SyscallCounter {
    counter: fs::File,
}

/// The first version of what `perf_event_open` takes; later ones only append.
#[repr(C)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup: u32,
    breakpoint_type: u32,
    config1: u64,
}

impl SyscallCounter {
    /// Counts the calls of the process with this id, and of the threads that it starts from now on.
    /// `None` where the system does not let it: that takes root and a mounted tracefs.
    #[must_use]
    pub fn of(process: u32) -> Option<SyscallCounter> {
        const TRACEPOINT: u32 = 2;
        const INHERIT: u64 = 1 << 1;
        let number = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"]
            .iter()
            .find_map(|folder| {
                fs::read_to_string(format!("{folder}/events/raw_syscalls/sys_enter/id")).ok()
            })?;
        let attributes = Attributes {
            kind: TRACEPOINT,
            size: size_of::<Attributes>() as u32,
            config: number.trim().parse().ok()?,
            sample_period: 0,
            sample_type: 0,
            read_format: 0,
            flags: INHERIT,
            wakeup: 0,
            breakpoint_type: 0,
            config1: 0,
        };
        // SAFETY: `attributes` is as large as it says and only read; the rest are numbers: this
        // process, on any CPU, in no group, without flags.
        let descriptor = unsafe {
            libc::syscall(
                libc::SYS_perf_event_open,
                &raw const attributes,
                process as libc::pid_t,
                -1,
                -1,
                0,
            )
        };
        let descriptor = i32::try_from(descriptor).ok().filter(|fd| *fd >= 0)?;
        // SAFETY: the call has just opened it, and nobody else knows it.
        let counter = unsafe { OwnedFd::from_raw_fd(descriptor) };
        Some(SyscallCounter {
            counter: counter.into(),
        })
    }

    /// How many so far.
    ///
    /// # Panics
    ///
    /// If the counter is gone.
    #[must_use]
    pub fn count(&self) -> u64 {
        let mut count = [0; 8];
        let mut counter = &self.counter;
        counter.read_exact(&mut count).expect("a counter tells");
        u64::from_ne_bytes(count)
    }
}
