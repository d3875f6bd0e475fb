//! The names of the system calls that threads usually sleep in.
//!
//! The numbers differ between architectures; `libc` has them. The newer architectures lack the calls
//! that others have replaced, such as `poll`.

#![allow(clippy::unnecessary_cast)] // `c_long` is `i64` on some architectures only

/// The name of a system call, if it is one that may block.
pub(super) fn name(number: i64) -> Option<&'static str> {
    CALLS
        .iter()
        .find(|(known, _)| *known == number)
        .map(|(_, name)| *name)
}

macro_rules! calls {
    ($($number:ident $name:literal)*) => {
        &[$((libc::$number as i64, $name)),*]
    };
}

#[cfg(target_arch = "x86_64")]
const CALLS: &[(i64, &str)] = calls! {
    SYS_futex "futex"
    SYS_nanosleep "nanosleep"
    SYS_clock_nanosleep "clock_nanosleep"
    SYS_pause "pause"
    SYS_read "read"
    SYS_readv "readv"
    SYS_pread64 "pread64"
    SYS_preadv "preadv"
    SYS_preadv2 "preadv2"
    SYS_write "write"
    SYS_writev "writev"
    SYS_pwrite64 "pwrite64"
    SYS_pwritev "pwritev"
    SYS_pwritev2 "pwritev2"
    SYS_sendfile "sendfile"
    SYS_splice "splice"
    SYS_copy_file_range "copy_file_range"
    SYS_poll "poll"
    SYS_ppoll "ppoll"
    SYS_select "select"
    SYS_pselect6 "pselect6"
    SYS_epoll_wait "epoll_wait"
    SYS_epoll_pwait "epoll_pwait"
    SYS_epoll_pwait2 "epoll_pwait2"
    SYS_io_uring_enter "io_uring_enter"
    SYS_io_getevents "io_getevents"
    SYS_connect "connect"
    SYS_accept "accept"
    SYS_accept4 "accept4"
    SYS_recvfrom "recvfrom"
    SYS_recvmsg "recvmsg"
    SYS_recvmmsg "recvmmsg"
    SYS_sendto "sendto"
    SYS_sendmsg "sendmsg"
    SYS_sendmmsg "sendmmsg"
    SYS_open "open"
    SYS_openat "openat"
    SYS_close "close"
    SYS_stat "stat"
    SYS_fstat "fstat"
    SYS_lstat "lstat"
    SYS_newfstatat "newfstatat"
    SYS_statx "statx"
    SYS_getdents64 "getdents64"
    SYS_unlink "unlink"
    SYS_unlinkat "unlinkat"
    SYS_rename "rename"
    SYS_renameat2 "renameat2"
    SYS_mkdir "mkdir"
    SYS_flock "flock"
    SYS_fcntl "fcntl"
    SYS_fsync "fsync"
    SYS_fdatasync "fdatasync"
    SYS_sync "sync"
    SYS_syncfs "syncfs"
    SYS_sync_file_range "sync_file_range"
    SYS_msync "msync"
    SYS_ftruncate "ftruncate"
    SYS_fallocate "fallocate"
    SYS_ioctl "ioctl"
    SYS_mmap "mmap"
    SYS_munmap "munmap"
    SYS_mprotect "mprotect"
    SYS_madvise "madvise"
    SYS_getrandom "getrandom"
    SYS_wait4 "wait4"
    SYS_waitid "waitid"
    SYS_vfork "vfork"
    SYS_clone "clone"
    SYS_clone3 "clone3"
    SYS_rt_sigtimedwait "rt_sigtimedwait"
    SYS_rt_sigsuspend "rt_sigsuspend"
    SYS_semop "semop"
    SYS_semtimedop "semtimedop"
    SYS_msgrcv "msgrcv"
    SYS_msgsnd "msgsnd"
    SYS_mq_timedreceive "mq_timedreceive"
    SYS_mq_timedsend "mq_timedsend"
    SYS_restart_syscall "restart_syscall"
    SYS_sched_yield "sched_yield"
};

#[cfg(target_arch = "aarch64")]
const CALLS: &[(i64, &str)] = calls! {
    SYS_futex "futex"
    SYS_nanosleep "nanosleep"
    SYS_clock_nanosleep "clock_nanosleep"
    SYS_read "read"
    SYS_readv "readv"
    SYS_pread64 "pread64"
    SYS_preadv "preadv"
    SYS_preadv2 "preadv2"
    SYS_write "write"
    SYS_writev "writev"
    SYS_pwrite64 "pwrite64"
    SYS_pwritev "pwritev"
    SYS_pwritev2 "pwritev2"
    SYS_sendfile "sendfile"
    SYS_splice "splice"
    SYS_copy_file_range "copy_file_range"
    SYS_ppoll "ppoll"
    SYS_pselect6 "pselect6"
    SYS_epoll_pwait "epoll_pwait"
    SYS_epoll_pwait2 "epoll_pwait2"
    SYS_io_uring_enter "io_uring_enter"
    SYS_io_getevents "io_getevents"
    SYS_connect "connect"
    SYS_accept "accept"
    SYS_accept4 "accept4"
    SYS_recvfrom "recvfrom"
    SYS_recvmsg "recvmsg"
    SYS_recvmmsg "recvmmsg"
    SYS_sendto "sendto"
    SYS_sendmsg "sendmsg"
    SYS_sendmmsg "sendmmsg"
    SYS_openat "openat"
    SYS_close "close"
    SYS_fstat "fstat"
    SYS_newfstatat "newfstatat"
    SYS_statx "statx"
    SYS_getdents64 "getdents64"
    SYS_unlinkat "unlinkat"
    SYS_renameat2 "renameat2"
    SYS_flock "flock"
    SYS_fcntl "fcntl"
    SYS_fsync "fsync"
    SYS_fdatasync "fdatasync"
    SYS_sync "sync"
    SYS_syncfs "syncfs"
    SYS_sync_file_range "sync_file_range"
    SYS_msync "msync"
    SYS_ftruncate "ftruncate"
    SYS_fallocate "fallocate"
    SYS_ioctl "ioctl"
    SYS_mmap "mmap"
    SYS_munmap "munmap"
    SYS_mprotect "mprotect"
    SYS_madvise "madvise"
    SYS_getrandom "getrandom"
    SYS_wait4 "wait4"
    SYS_waitid "waitid"
    SYS_clone "clone"
    SYS_clone3 "clone3"
    SYS_rt_sigtimedwait "rt_sigtimedwait"
    SYS_rt_sigsuspend "rt_sigsuspend"
    SYS_semop "semop"
    SYS_semtimedop "semtimedop"
    SYS_msgrcv "msgrcv"
    SYS_msgsnd "msgsnd"
    SYS_mq_timedreceive "mq_timedreceive"
    SYS_mq_timedsend "mq_timedsend"
    SYS_restart_syscall "restart_syscall"
    SYS_sched_yield "sched_yield"
};

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const CALLS: &[(i64, &str)] = &[];

#[cfg(all(test, any(target_arch = "x86_64", target_arch = "aarch64")))]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_one_name() {
        assert_eq!(name(libc::SYS_futex as i64), Some("futex"));
        assert_eq!(name(-1), None);
        for (index, (number, _)) in CALLS.iter().enumerate() {
            let first = CALLS.iter().position(|(known, _)| known == number);
            assert_eq!(first, Some(index), "number {number} is there twice");
        }
    }
}
