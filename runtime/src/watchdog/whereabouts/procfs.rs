//! Linux: the files in `/proc/self/task/<thread>`, see `proc_pid_syscall(5)`, `proc_pid_stat(5)` and
//! the kernel's `Documentation/scheduler/sched-stats.rst`.
//!
//! `syscall` says which call a thread sleeps in, but a kernel may be built without it, and a process
//! that may not be dumped, or runs in a strict sandbox, may not read it. Then the letter in `stat`
//! says at least whether the thread sleeps.

use std::cell::Cell;
use std::sync::Once;
use std::time::Duration;
use std::{fs, str};

use super::{ProcessorTime, Whereabouts, system_calls};

thread_local! {
    /// That of this thread, once it was asked for.
    static NUMBER: Cell<Option<u32>> = const { Cell::new(None) };
}

pub(super) fn current_thread_number() -> u32 {
    let known = NUMBER.get();
    known.unwrap_or_else(|| {
        forget_in_forked_children();
        // Not `gettid`: where there is no `/proc`, or that of another name space, the number could not
        // be looked up later either.
        let asked = fs::read_link("/proc/thread-self")
            .ok()
            .and_then(|target| target.file_name()?.to_str()?.parse().ok())
            .unwrap_or(0);
        NUMBER.set(Some(asked));
        asked
    })
}

/// The thread that forks goes on in the child under another number.
#[allow(unsafe_code)] // A call of the C library.
fn forget_in_forked_children() {
    /// Runs in the child, in its only thread.
    extern "C" fn forget() {
        NUMBER.set(None);
    }
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: what is registered does nothing but write a word of its own thread. If it is refused,
        // for lack of memory, nothing is known of that thread of the child.
        unsafe { libc::pthread_atfork(None, None, Some(forget)) };
    });
}

pub(super) fn whereabouts(thread: u32) -> Whereabouts {
    // The call last: between the two readings a thread may fall asleep or wake up, and "running" is
    // what the second then says.
    let Some(state) = read(thread, "stat").as_deref().and_then(state) else {
        return Whereabouts::Unknown;
    };
    match state {
        // Stopped and traced. The call that the thread was stopped in is not what holds it up.
        'T' | 't' => Whereabouts::Stopped,
        // Dead, and a zombie.
        'X' | 'x' | 'Z' => Whereabouts::Unknown,
        state => read(thread, "syscall")
            .as_deref()
            .and_then(system_call)
            .unwrap_or(match state {
                'R' => Whereabouts::OnCpu,
                'S' | 'D' | 'I' | 'P' => Whereabouts::Sleeping,
                _ => Whereabouts::Unknown,
            }),
    }
}

pub(super) fn processor_time(thread: u32) -> Option<ProcessorTime> {
    let times = times(&read(thread, "schedstat")?)?;
    // What a thread uses that runs just now is in the file at the next tick of the system only, which
    // may be four milliseconds from here; its clock knows it.
    Some(ProcessorTime {
        used: clock_of(thread).unwrap_or(times.used),
        ..times
    })
}

/// The processor time of a thread of this process, up to this moment.
#[allow(unsafe_code)] // A system call.
fn clock_of(thread: u32) -> Option<Duration> {
    /// The time that the scheduler has counted, of one thread (`include/linux/posix-timers.h`).
    const OF_A_THREAD: libc::clockid_t = 4 | 2;
    let thread = libc::clockid_t::try_from(thread).ok()?;
    let clock = (!thread << 3) | OF_A_THREAD;
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a valid place for the length of the call. A clock that does not exist is an
    // error.
    let result = unsafe { libc::clock_gettime(clock, &raw mut time) };
    (result == 0).then(|| Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
}

fn read(thread: u32, file: &str) -> Option<String> {
    let bytes = fs::read(format!("/proc/self/task/{thread}/{file}")).ok()?;
    // A thread may have any bytes for a name; nothing else here is but ASCII.
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The letter of the state: `number (name) letter …`, where the name may hold anything.
fn state(stat: &str) -> Option<char> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.trim_start().chars().next()
}

/// `running`, or `number arguments… stack-pointer instruction`, with the number -1 outside of calls.
fn system_call(syscall: &str) -> Option<Whereabouts> {
    let first = syscall.split_ascii_whitespace().next()?;
    if first == "running" {
        return Some(Whereabouts::OnCpu);
    }
    match first.parse().ok()? {
        -1 => Some(Whereabouts::Sleeping),
        number => Some(Whereabouts::InSystemCall {
            number,
            name: system_calls::name(number),
        }),
    }
}

/// Nanoseconds on a processor, nanoseconds ready to run, and a count.
fn times(schedstat: &str) -> Option<ProcessorTime> {
    let mut numbers = schedstat
        .split_ascii_whitespace()
        .map_while(|number| number.parse().ok())
        .map(Duration::from_nanos);
    Some(ProcessorTime {
        used: numbers.next()?,
        waited: numbers.next()?,
    })
}

#[cfg(test)]
mod tests {
    use std::hint;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    use std::sync::mpsc;
    use std::thread;

    use super::super::{ThreadNumber, current_thread_number, processor_time, whereabouts};
    use super::*;

    /// Asks until the answer is what is waited for.
    fn await_whereabouts(thread: ThreadNumber, wanted: impl Fn(Whereabouts) -> bool) {
        while !wanted(whereabouts(thread)) {
            thread::yield_now();
        }
    }

    #[test]
    fn a_thread_that_waits_for_another_is_in_a_call_of_that_name() {
        let (number_sender, number) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let waiting = thread::spawn(move || {
            number_sender.send(current_thread_number()).unwrap();
            released.recv().unwrap_err();
        });
        // Where the file may not be read, asleep is all that is known.
        await_whereabouts(number.recv().unwrap(), |found| {
            matches!(
                found,
                Whereabouts::InSystemCall {
                    name: Some("futex"),
                    ..
                } | Whereabouts::Sleeping
            )
        });
        drop(release);
        waiting.join().unwrap();
    }

    #[test]
    fn a_thread_that_spins_is_on_cpu_and_its_time_grows() {
        static STOP: AtomicBool = AtomicBool::new(false);
        let (number_sender, number) = mpsc::channel();
        let spinning = thread::spawn(move || {
            number_sender.send(current_thread_number()).unwrap();
            while !STOP.load(Relaxed) {
                hint::spin_loop();
            }
        });
        let number = number.recv().unwrap();
        await_whereabouts(number, |found| found == Whereabouts::OnCpu);
        if let Some(before) = processor_time(number) {
            while processor_time(number).expect("it was there before").used == before.used {
                thread::yield_now();
            }
        }
        STOP.store(true, Relaxed);
        spinning.join().unwrap();
    }

    #[test]
    fn nothing_is_known_of_a_thread_that_has_ended() {
        let number = thread::spawn(current_thread_number).join().unwrap();
        // The system may take a moment longer than `join` to forget it.
        await_whereabouts(number, |found| found == Whereabouts::Unknown);
        assert_eq!(processor_time(number), None);
    }

    #[test]
    fn every_thread_has_a_number_of_its_own() {
        let mine = current_thread_number();
        assert_ne!(mine, ThreadNumber::UNKNOWN);
        assert_eq!(mine, current_thread_number());
        assert_ne!(mine, thread::spawn(current_thread_number).join().unwrap());
        assert_eq!(ThreadNumber::from_bits(mine.to_bits()), mine);
    }

    #[test]
    #[allow(unsafe_code)] // System calls.
    fn a_thread_that_forks_has_another_number_in_the_child() {
        assert_ne!(current_thread_number(), ThreadNumber::UNKNOWN);
        // SAFETY: the child does nothing but ask and end.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let number = current_thread_number().to_bits();
            let is_right = number == std::process::id();
            // SAFETY: has no preconditions.
            unsafe { libc::_exit(i32::from(!is_right)) };
        }
        assert!(child > 0);
        let mut status = -1;
        // SAFETY: the pointer is to a live number.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!(status, 0);
    }

    #[test]
    fn the_name_of_a_thread_does_not_confuse_the_state() {
        assert_eq!(state("12 (a) R (b\n) S) D 1 2"), Some('D'));
        assert_eq!(state("12 (\u{fffd}) S 1"), Some('S'));
        assert_eq!(state("12"), None);
        assert_eq!(state("12 (a)"), None);
    }

    #[test]
    fn what_the_call_file_says_is_understood() {
        let sleeping = |number, name| Some(Whereabouts::InSystemCall { number, name });
        assert_eq!(system_call("running\n"), Some(Whereabouts::OnCpu));
        assert_eq!(
            system_call("-1 0x7ffc 0x7f00\n"),
            Some(Whereabouts::Sleeping)
        );
        assert_eq!(
            system_call("7 0x1 0x2 0x7ffc 0x7f00\n"),
            sleeping(7, system_calls::name(7))
        );
        assert_eq!(system_call("99999 0x1 0x2\n"), sleeping(99999, None));
        assert_eq!(system_call(""), None);
        assert_eq!(system_call("what?"), None);
    }

    #[test]
    fn the_clock_of_a_thread_is_its_processor_time() {
        let number = thread::spawn(|| {
            let number = current_thread_number().to_bits();
            // To the moment: a file that is written at the ticks would lag behind.
            for _ in 0..100 {
                let before = clock_of_this_thread();
                let by_number = clock_of(number).expect("it runs");
                assert!((before..=clock_of_this_thread()).contains(&by_number));
            }
            number
        })
        .join()
        .unwrap();
        while clock_of(number).is_some() {
            thread::yield_now();
        }
    }

    #[allow(unsafe_code)] // A system call.
    fn clock_of_this_thread() -> Duration {
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: `time` is a valid place for the length of the call.
        let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
        assert_eq!(result, 0);
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    }

    #[test]
    fn times_are_nanoseconds() {
        assert_eq!(
            times("1500 20 3\n"),
            Some(ProcessorTime {
                used: Duration::from_nanos(1500),
                waited: Duration::from_nanos(20),
            })
        );
        assert_eq!(times("1500"), None);
        assert_eq!(times(""), None);
    }
}
