//! The monitor does not take the processor away from a thread that works.
//!
//! It wakes up hundreds of times a second, looks for a microsecond, and sleeps again. As a thread like
//! any other it would interrupt a worker for that each time, where all processors are busy. On Linux
//! threads of the policy `SCHED_BATCH` do not interrupt others when they wake up (sched(7)): the
//! monitor then looks when a processor is idle, which it soon is where threads block, or when the
//! worker has used up its slice, if that burns its time.
//!
//! A thread inherits the policy of the one that starts it. So the monitor is a thread like any other
//! while it starts one: a stand-in, or the one that reports.

/// How the monitor behaves from now on.
#[derive(Clone, Copy)]
pub(super) struct Courtesy {
    /// Not if somebody chose a policy for the process, or the system refuses.
    applies: bool,
}

/// Ends the exception when dropped.
#[must_use = "what is dropped at once has no effect"]
pub(super) struct Exception(Courtesy);

impl Courtesy {
    pub(super) fn begin() -> Self {
        Self {
            applies: system::is_like_others() && system::interrupt_others(false),
        }
    }

    /// A thread like any other, from now on.
    pub(super) fn end(self) {
        if self.applies {
            system::interrupt_others(true);
        }
    }

    /// A thread like any other, for a while.
    pub(super) fn make_exception(self) -> Exception {
        self.end();
        Exception(self)
    }
}

impl Drop for Exception {
    fn drop(&mut self) {
        if self.0.applies {
            system::interrupt_others(false);
        }
    }
}

#[cfg(all(target_os = "linux", not(miri)))]
#[allow(unsafe_code)] // System calls.
mod system {
    pub(super) fn is_like_others() -> bool {
        // SAFETY: has no preconditions. Zero means this thread.
        unsafe { libc::sched_getscheduler(0) == libc::SCHED_OTHER }
    }

    /// Says whether it was done.
    pub(super) fn interrupt_others(yes: bool) -> bool {
        let policy = if yes {
            libc::SCHED_OTHER
        } else {
            libc::SCHED_BATCH
        };
        // SAFETY: zero is valid for a structure of numbers, and is the only priority of both policies.
        let parameters: libc::sched_param = unsafe { std::mem::zeroed() };
        // SAFETY: the pointer is valid for the call.
        unsafe { libc::sched_setscheduler(0, policy, &raw const parameters) == 0 }
    }
}

#[cfg(not(all(target_os = "linux", not(miri))))]
mod system {
    pub(super) fn is_like_others() -> bool {
        false
    }

    pub(super) fn interrupt_others(_yes: bool) -> bool {
        false
    }
}

#[cfg(all(test, target_os = "linux", not(miri)))]
mod tests {
    use super::*;

    fn start_another_and_ask_it() -> bool {
        std::thread::spawn(system::is_like_others).join().unwrap()
    }

    #[test]
    fn a_thread_that_is_started_in_an_exception_is_like_any_other() {
        std::thread::spawn(|| {
            let courtesy = Courtesy::begin();
            if !courtesy.applies {
                // The tests run under a policy that somebody chose, or may choose none.
                return;
            }
            assert!(!system::is_like_others());
            {
                let _exception = courtesy.make_exception();
                assert!(start_another_and_ask_it());
            }
            assert!(!system::is_like_others());
            assert!(!start_another_and_ask_it(), "it is inherited");
            // Who has another policy already keeps it.
            assert!(!Courtesy::begin().applies);
            courtesy.end();
            assert!(start_another_and_ask_it());
        })
        .join()
        .unwrap();
    }
}
