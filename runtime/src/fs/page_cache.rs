//! Reads that need not wait, because the system has the data in memory.
//!
//! Linux's `preadv2` with `RWF_NOWAIT` reads what is in the page cache, and fails where it would have
//! to wait. Copying from there costs the calling thread no more than copying what another thread has
//! read. Whatever is not a plain success is left to the pool, which then meets the same error, or
//! waits.
//!
//! # Invariants
//!
//! - **C1** Only regular files that this process opened itself and did not duplicate are tried: to
//!   move a shared position the kernel takes a lock, which somebody else may hold during a read from
//!   disk.
//! - **C2** Not with `O_DIRECT`, where a read that "need not wait" waits for the disk all the same.
//! - **C3** The position is only moved here when a read has shown that the file system knows
//!   `RWF_NOWAIT`. Files that are not what they seem, such as those in `/proc`, do not.
//!
//! Writes have no such way: ext4 and tmpfs refuse `RWF_NOWAIT` for them.

#![allow(unsafe_code)] // `std` has neither `preadv2` nor `uname`, and reads into uninitialised memory.

use std::ffi::CStr;
use std::fs::File as StdFile;
use std::io::{self, Seek, SeekFrom};
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::sync::LazyLock;

use crate::io::ReadBuf;

/// What is known about a file and the page cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PageCache {
    /// It may be tried (C1, C2).
    Untried,
    /// It was tried, and the file system can tell.
    Works,
    /// Everything goes to the pool.
    Avoided,
}

impl PageCache {
    /// Of a file that was just opened, and that nobody else has. May block.
    pub(super) fn of_own(file: &StdFile) -> Self {
        let is_regular = file.metadata().is_ok_and(|metadata| metadata.is_file());
        if is_regular && !is_direct(file) {
            Self::Untried
        } else {
            Self::Avoided
        }
    }

    /// Reads at the file's position, if at least a byte, or the end of the file, is there at once.
    /// Says whether it has.
    pub(super) fn try_read(&mut self, file: &StdFile, buf: &mut ReadBuf<'_>, max: usize) -> bool {
        if *self == Self::Avoided {
            return false;
        }
        // SAFETY: the kernel writes only initialised bytes into it, and nobody else writes.
        let memory = unsafe { buf.unfilled_mut() };
        let len = memory.len().min(max);
        let target = libc::iovec {
            iov_base: memory.as_mut_ptr().cast(),
            iov_len: len,
        };
        // SAFETY: the descriptor is open as long as `file` lives; `target` describes the first `len`
        // bytes of `memory`, which is borrowed for the whole call. Offset -1 is the own position.
        let read = unsafe { libc::preadv2(file.as_raw_fd(), &target, 1, -1, libc::RWF_NOWAIT) };
        let Ok(read) = usize::try_from(read) else {
            match io::Error::last_os_error().raw_os_error() {
                Some(libc::EAGAIN) => *self = Self::Works,
                // A signal.
                Some(libc::EINTR) => {}
                _ => *self = Self::Avoided,
            }
            return false;
        };
        *self = Self::Works;
        // SAFETY: the kernel has written so many bytes, from the start of the unfilled part.
        unsafe { buf.assume_init(read) };
        buf.advance(read);
        read > 0 || *END_IS_TRUE
    }

    /// Moves the position, if that is certain not to wait (C1, C3).
    pub(super) fn try_seek(self, file: &StdFile, position: SeekFrom) -> Option<io::Result<u64>> {
        // For the end a network file system asks its server.
        let needs_no_size = !matches!(position, SeekFrom::End(_));
        (self == Self::Works && needs_no_size).then(|| (&*file).seek(position))
    }
}

/// Whether reads bypass the page cache.
fn is_direct(file: &StdFile) -> bool {
    // SAFETY: the descriptor is open as long as `file` lives; F_GETFL has no argument.
    let flags = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETFL) };
    flags < 0 || flags & libc::O_DIRECT != 0
}

/// Whether nothing read means the end of the file: Linux 5.9 and 5.10 said so too where the data were
/// just not in memory (tokio-rs/tokio#3803).
static END_IS_TRUE: LazyLock<bool> = LazyLock::new(|| {
    let mut name = MaybeUninit::<libc::utsname>::zeroed();
    // SAFETY: `name` is memory for a `utsname`.
    if unsafe { libc::uname(name.as_mut_ptr()) } != 0 {
        return false;
    }
    // SAFETY: an array of characters is valid when zeroed, and `uname` has filled it in.
    let name = unsafe { name.assume_init() };
    // SAFETY: `uname` ends each name with a zero.
    let release = unsafe { CStr::from_ptr(name.release.as_ptr()) };
    is_after_the_bug(&release.to_string_lossy())
});

fn is_after_the_bug(release: &str) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    let mut next = || numbers.next().and_then(|number| number.parse::<u32>().ok());
    (next(), next()) >= (Some(5), Some(12))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_believed_from_linux_5_12_on() {
        for release in ["5.12.0", "5.15.0-generic", "6.1-rc1", "10.0"] {
            assert!(is_after_the_bug(release), "{release}");
        }
        for release in ["4.19.1", "5.9.16", "5.10.3-arch1", "5.11", "", "custom"] {
            assert!(!is_after_the_bug(release), "{release}");
        }
    }

    #[test]
    fn what_is_no_regular_file_is_avoided() {
        for path in ["/dev/zero", "/dev/null", "/"] {
            let file = StdFile::open(path).unwrap();
            assert_eq!(PageCache::of_own(&file), PageCache::Avoided, "{path}");
        }
    }

    #[test]
    fn a_file_that_only_seems_regular_is_avoided_after_the_first_read() {
        let file = StdFile::open("/proc/self/status").unwrap();
        let mut cache = PageCache::of_own(&file);
        let mut memory = [0; 16];
        let mut buf = ReadBuf::new(&mut memory);
        assert!(!cache.try_read(&file, &mut buf, 16));
        assert_eq!((cache, buf.filled().len()), (PageCache::Avoided, 0));
        assert!(cache.try_seek(&file, SeekFrom::Start(0)).is_none());
    }
}
