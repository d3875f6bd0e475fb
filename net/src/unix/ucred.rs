//! Who is at the other end of a Unix socket.

#![allow(unsafe_code)] // The system calls, which std does not offer yet.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use super::{gid_t, pid_t, uid_t};

/// The user, the group and the process at the other end of a Unix socket, at the time when it was
/// connected.
///
/// Made by [`UnixStream::peer_cred`](crate::UnixStream::peer_cred).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UCred {
    uid: uid_t,
    gid: gid_t,
    pid: Option<pid_t>,
}

impl UCred {
    /// The user.
    pub fn uid(&self) -> uid_t {
        self.uid
    }

    /// The group.
    pub fn gid(&self) -> gid_t {
        self.gid
    }

    /// The process, on systems that tell it: Linux and Apple's.
    pub fn pid(&self) -> Option<pid_t> {
        self.pid
    }

    #[cfg(any(target_os = "android", target_os = "linux"))]
    pub(super) fn of_peer(socket: &impl AsFd) -> io::Result<Self> {
        // SAFETY: the structure is numbers.
        let cred: libc::ucred = unsafe { option(socket, libc::SOL_SOCKET, libc::SO_PEERCRED)? };
        Ok(Self {
            uid: cred.uid,
            gid: cred.gid,
            pid: Some(cred.pid),
        })
    }

    #[cfg(target_vendor = "apple")]
    pub(super) fn of_peer(socket: &impl AsFd) -> io::Result<Self> {
        let (uid, gid) = effective_ids(socket)?;
        // SAFETY: a process is a number.
        let pid = unsafe { option(socket, libc::SOL_LOCAL, libc::LOCAL_PEERPID)? };
        let pid = Some(pid);
        Ok(Self { uid, gid, pid })
    }

    #[cfg(any(
        target_os = "dragonfly",
        target_os = "freebsd",
        target_os = "netbsd",
        target_os = "openbsd",
    ))]
    pub(super) fn of_peer(socket: &impl AsFd) -> io::Result<Self> {
        let (uid, gid) = effective_ids(socket)?;
        let pid = None;
        Ok(Self { uid, gid, pid })
    }

    /// Other systems have ways of their own, which nobody has written yet.
    #[cfg(not(any(
        target_os = "android",
        target_os = "linux",
        target_vendor = "apple",
        target_os = "dragonfly",
        target_os = "freebsd",
        target_os = "netbsd",
        target_os = "openbsd",
    )))]
    pub(super) fn of_peer(_socket: &impl AsFd) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// The value of a socket's option.
///
/// # Safety
///
/// Every bit pattern is a valid `T`.
#[cfg(any(target_os = "android", target_os = "linux", target_vendor = "apple"))]
unsafe fn option<T>(socket: &impl AsFd, level: libc::c_int, name: libc::c_int) -> io::Result<T> {
    // SAFETY: the caller says that zeros are a valid value.
    let mut value: T = unsafe { std::mem::zeroed() };
    let mut len = size_of::<T>() as libc::socklen_t;
    // SAFETY: the descriptor is open, as it is borrowed. The system writes at most `len` bytes to
    // `value`, and any of them are valid, as the caller says.
    let result = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            name,
            (&raw mut value).cast(),
            &mut len,
        )
    };
    match result {
        0 => Ok(value),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The user and the group, where the system has a function for just that.
#[cfg(any(
    target_vendor = "apple",
    target_os = "dragonfly",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
))]
fn effective_ids(socket: &impl AsFd) -> io::Result<(uid_t, gid_t)> {
    let (mut uid, mut gid) = (0, 0);
    // SAFETY: the descriptor is open, as it is borrowed, and the pointers lead to two numbers.
    match unsafe { libc::getpeereid(socket.as_fd().as_raw_fd(), &mut uid, &mut gid) } {
        0 => Ok((uid, gid)),
        _ => Err(io::Error::last_os_error()),
    }
}
