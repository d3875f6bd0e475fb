//! There is no descriptor that stands for a process here: the type has no values.

use std::convert::Infallible;
use std::io;
use std::os::fd::{AsRawFd, RawFd};

/// A descriptor for a process, which this system does not have.
#[derive(Debug)]
pub(super) struct Pidfd(Infallible);

impl Pidfd {
    pub(super) fn open(_process: u32) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn kill(&self) -> io::Result<()> {
        match self.0 {}
    }
}

impl AsRawFd for Pidfd {
    fn as_raw_fd(&self) -> RawFd {
        match self.0 {}
    }
}
