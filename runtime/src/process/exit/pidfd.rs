//! A descriptor that stands for a process.

#![allow(unsafe_code)] // System calls that libc does not wrap.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// A descriptor for a process: readable when the process has ended.
#[derive(Debug)]
pub(super) struct Pidfd(OwnedFd);

impl Pidfd {
    /// Opens one for a child that was not reaped. It is closed when another program is executed.
    pub(super) fn open(process: u32) -> io::Result<Self> {
        // The numbers that the system gives fit into its `pid_t`.
        let process = process as libc::pid_t;
        let no_flags: libc::c_uint = 0;
        // SAFETY: the call takes two numbers and touches no memory.
        let result = unsafe { libc::syscall(libc::SYS_pidfd_open, process, no_flags) };
        if result < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the system has just made this descriptor, for us alone. Descriptors are `int`s.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(result as RawFd) }))
    }

    /// Sends `SIGKILL` to the process, and never to another that got its number later.
    pub(super) fn kill(&self) -> io::Result<()> {
        let no_information = std::ptr::null::<libc::siginfo_t>();
        let no_flags: libc::c_uint = 0;
        // SAFETY: the descriptor is open, and the system accepts a null pointer there.
        let result = unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                self.0.as_raw_fd(),
                libc::SIGKILL,
                no_information,
                no_flags,
            )
        };
        if result < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }
}

impl AsRawFd for Pidfd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
