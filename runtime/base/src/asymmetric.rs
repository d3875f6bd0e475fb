//! A pair of fences of which one side costs nothing.
//!
//! Two threads that each write one word and then read the other's need a full fence between the write
//! and the read, on both sides; without it both can miss the other's write. Where one side runs a
//! million times a second and the other hardly ever, Linux lets the rare side pay for both:
//! `membarrier(2)` with `MEMBARRIER_CMD_PRIVATE_EXPEDITED` makes every running thread of the process
//! pass a full barrier. So [`light`] only stops the compiler, and [`heavy`] is a system call with an
//! interrupt to each busy core.
//!
//! # Invariant
//!
//! - **B1** Which kind of fences is used is decided once, by [`prepare`], before the first use of
//!   either; both sides then use the same kind. Where the call does not exist, or is forbidden, and
//!   under loom and Miri, both are `fence(SeqCst)`.

#![allow(unsafe_code)] // A system call.

use crate::sync::atomic::Ordering::SeqCst;
use crate::sync::atomic::fence;

/// Decides which kind of fences this process uses. To be called before the threads start that use
/// [`light`] and [`heavy`] (B1); calling it again changes nothing.
pub fn prepare() {
    membarrier::register();
}

/// The frequent side: between the write of one word and the read of the other.
#[inline(always)]
pub fn light() {
    if membarrier::is_registered() {
        std::sync::atomic::compiler_fence(SeqCst);
    } else {
        fence(SeqCst);
    }
}

/// The rare side: between the write of one word and the read of the other. Says whether it worked;
/// if not, nothing is known of the other side.
#[must_use]
pub fn heavy() -> bool {
    // The system call orders the other threads; our own write and read are ordered by this.
    fence(SeqCst);
    !membarrier::is_registered() || membarrier::run()
}

#[cfg(all(target_os = "linux", not(rt_loom), not(miri)))]
mod membarrier {
    use std::sync::OnceLock;
    use std::sync::atomic::AtomicBool;
    use std::sync::atomic::Ordering::Relaxed;

    static REGISTERED: AtomicBool = AtomicBool::new(false);

    fn call(command: libc::c_int) -> bool {
        // SAFETY: the call takes two numbers and a processor that is not used; it touches no memory.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
    }

    pub(super) fn register() {
        static ONCE: OnceLock<()> = OnceLock::new();
        ONCE.get_or_init(|| {
            // Relaxed: whoever uses the fences was started after this (B1).
            REGISTERED.store(
                call(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED),
                Relaxed,
            );
        });
    }

    #[inline(always)]
    pub(super) fn is_registered() -> bool {
        // Relaxed: as above.
        REGISTERED.load(Relaxed)
    }

    pub(super) fn run() -> bool {
        call(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED)
    }
}

#[cfg(not(all(target_os = "linux", not(rt_loom), not(miri))))]
mod membarrier {
    pub(super) fn register() {}

    #[inline(always)]
    pub(super) fn is_registered() -> bool {
        false
    }

    pub(super) fn run() -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::atomic::AtomicUsize;
    use crate::sync::atomic::Ordering::Relaxed;
    use crate::sync::{Arc, model, thread};

    #[test]
    fn one_of_two_threads_sees_what_the_other_wrote() {
        model(|| {
            prepare();
            let words = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
            let other = thread::spawn({
                let words = words.clone();
                move || {
                    words.0.store(1, Relaxed);
                    light();
                    words.1.load(Relaxed)
                }
            });
            words.1.store(1, Relaxed);
            let worked = heavy();
            let seen = words.0.load(Relaxed);
            let seen_by_other = other.join().unwrap();
            assert!(!worked || seen + seen_by_other > 0);
        });
    }
}
