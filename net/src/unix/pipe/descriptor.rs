//! What a descriptor is.

#![allow(unsafe_code)] // `fcntl`, which std has no names for.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::FileTypeExt;

/// # Errors
///
/// `InvalidInput` for everything but pipes.
pub(super) fn must_be_pipe(file: &File) -> io::Result<()> {
    if file.metadata()?.file_type().is_fifo() {
        Ok(())
    } else {
        let kind = io::ErrorKind::InvalidInput;
        Err(io::Error::new(kind, "the file is not a pipe"))
    }
}

/// # Errors
///
/// `InvalidInput` with the text `refusal` for a descriptor that is open in none of `modes`.
pub(super) fn must_be_open_for(
    file: &File,
    modes: &[libc::c_int],
    refusal: &'static str,
) -> io::Result<()> {
    if modes.contains(&(flags(file)? & libc::O_ACCMODE)) {
        Ok(())
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, refusal))
    }
}

/// Makes the descriptor one that does not block, or one that does.
pub(super) fn set_nonblocking(fd: &impl AsFd, nonblocking: bool) -> io::Result<()> {
    let old = flags(fd)?;
    let new = if nonblocking {
        old | libc::O_NONBLOCK
    } else {
        old & !libc::O_NONBLOCK
    };
    if new == old {
        return Ok(());
    }
    // SAFETY: the descriptor is open, as it is borrowed; the call touches no memory.
    match unsafe { libc::fcntl(fd.as_fd().as_raw_fd(), libc::F_SETFL, new) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

fn flags(fd: &impl AsFd) -> io::Result<libc::c_int> {
    // SAFETY: the descriptor is open, as it is borrowed; the call touches no memory.
    match unsafe { libc::fcntl(fd.as_fd().as_raw_fd(), libc::F_GETFL) } {
        -1 => Err(io::Error::last_os_error()),
        flags => Ok(flags),
    }
}
