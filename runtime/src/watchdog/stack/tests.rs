//! Threads in many places are asked for their stacks.

#![allow(unsafe_code)] // Exports functions, and puts threads where no safe function leads.

use std::ffi::c_int;
use std::hint;
use std::io::{PipeReader, PipeWriter, Write};
use std::os::fd::AsRawFd;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use super::super::{CaptureError, Cause, Stack, capture, trace};
use super::handler;
use super::sample::sample;
use crate::watchdog::whereabouts::{ThreadNumber, Whereabouts, current_thread_number, whereabouts};

/// Longer than any test may take: a capture that needs it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// One test at a time: only one stack is captured at a time, and some tests take signals away.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock()
}

/// A thread that runs `body`, and its number.
fn start(body: impl FnOnce() + Send + 'static) -> (JoinHandle<()>, ThreadNumber) {
    let (sender, number) = mpsc::channel();
    let thread = thread::spawn(move || {
        sender.send(current_thread_number()).unwrap();
        body();
    });
    let number = number.recv().unwrap();
    (thread, number)
}

fn await_sleep(thread: ThreadNumber) {
    while !matches!(
        whereabouts(thread),
        Whereabouts::InSystemCall {
            name: Some("futex"),
            ..
        } | Whereabouts::Sleeping
    ) {
        thread::yield_now();
    }
}

/// This crate is no user code, so the functions that stand for it have no crate in their name.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn waits_in_a_task(release: &mpsc::Receiver<()>) {
    release.recv().unwrap_err();
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn spins_in_a_task(begun: &AtomicBool, stop: &AtomicBool) {
    begun.store(true, Relaxed);
    while !stop.load(Relaxed) {
        hint::spin_loop();
    }
}

fn functions(stack: &Stack) -> Vec<&str> {
    let frames = stack.frames().iter();
    frames.filter_map(|frame| frame.function()).collect()
}

#[test]
fn the_stack_of_a_thread_that_sleeps_names_who_sleeps() {
    let _alone = alone();
    let (release, released) = mpsc::channel();
    let (sleeper, number) = start(move || waits_in_a_task(&released));
    await_sleep(number);
    let stack = capture(number, PATIENCE).unwrap();
    drop(release);
    sleeper.join().unwrap();

    let first = stack.first_in_user_code().expect("there is user code");
    assert_eq!(first.function(), Some("waits_in_a_task"), "{stack:#}");
    assert!(
        first.file().unwrap().ends_with("stack/tests.rs"),
        "{stack:#}"
    );
    assert!(first.line().is_some(), "{stack:#}");
    assert!(stack.is_complete(), "{stack:#}");
    let functions = functions(&stack);
    let user_code = functions.iter().position(|name| *name == "waits_in_a_task");
    let (before, after) = functions.split_at(user_code.expect("it was found above"));
    for side in [before, after] {
        assert!(side.iter().any(|name| name.contains("std::")), "{stack:#}");
    }
    let is_readable = |name: &&str| !name.starts_with("_ZN") && !name.starts_with("_R");
    assert!(functions.iter().all(is_readable), "{stack:#}");
}

#[test]
fn the_stack_of_a_thread_that_spins_names_who_spins() {
    static BEGUN: AtomicBool = AtomicBool::new(false);
    static STOP: AtomicBool = AtomicBool::new(false);
    let _alone = alone();
    let (spinner, number) = start(|| spins_in_a_task(&BEGUN, &STOP));
    while !BEGUN.load(Relaxed) {
        thread::yield_now();
    }
    let stack = capture(number, PATIENCE).unwrap();
    STOP.store(true, Relaxed);
    spinner.join().unwrap();
    let first = stack.first_in_user_code().expect("there is user code");
    assert_eq!(first.function(), Some("spins_in_a_task"), "{stack:#}");
    assert!(stack.is_complete(), "{stack:#}");
}

#[test]
fn threads_that_fight_for_the_allocator_are_captured_without_a_deadlock() {
    static STOP: AtomicBool = AtomicBool::new(false);
    let _alone = alone();
    // Each frees what the other has allocated, in sizes that no thread keeps for itself.
    let (to_first, first_frees) = mpsc::sync_channel::<Vec<u8>>(64);
    let (to_second, second_frees) = mpsc::sync_channel::<Vec<u8>>(64);
    let churn = |to: mpsc::SyncSender<Vec<u8>>, frees: mpsc::Receiver<Vec<u8>>| {
        move || {
            let mut size = 2_000;
            while !STOP.load(Relaxed) {
                size = size % 90_000 + 1_777;
                let _ = to.try_send(Vec::with_capacity(size));
                drop(frees.try_recv());
            }
        }
    };
    let (first, number) = start(churn(to_second, first_frees));
    let (second, other) = start(churn(to_first, second_frees));
    for round in 0..500 {
        for number in [number, other] {
            let sample = sample(number.to_bits(), PATIENCE).unwrap();
            assert!(sample.stack.len() > 1_000);
            // The walk is no affair of theirs, and slower.
            if round % 10 == 0 {
                assert!(trace(number, PATIENCE).unwrap().0.len() > 5);
            }
        }
    }
    STOP.store(true, Relaxed);
    first.join().unwrap();
    second.join().unwrap();
}

#[test]
fn a_thread_that_unwinds_is_captured_without_a_deadlock() {
    static STOP: AtomicBool = AtomicBool::new(false);
    let _alone = alone();
    let (thread, number) = start(|| {
        while !STOP.load(Relaxed) {
            // Without a message.
            let unwound = std::panic::catch_unwind(|| std::panic::resume_unwind(Box::new(())));
            assert!(unwound.is_err());
        }
    });
    let mut through_unwinder = 0;
    for _ in 0..300 {
        let trace = trace(number, PATIENCE).unwrap();
        through_unwinder += usize::from(trace.0.passes("libgcc_s"));
    }
    STOP.store(true, Relaxed);
    thread.join().unwrap();
    // Elsewhere the unwinder is a part of the program.
    assert!(through_unwinder > 0 || !cfg!(target_env = "gnu"));
}

#[test]
fn the_stack_of_a_thread_that_looks_at_the_clock_leads_through_code_of_the_kernel() {
    static STOP: AtomicBool = AtomicBool::new(false);
    let _alone = alone();
    let (thread, number) = start(|| {
        while !STOP.load(Relaxed) {
            hint::black_box(std::time::Instant::now());
        }
    });
    let trace = loop {
        let trace = trace(number, PATIENCE).unwrap();
        if trace.0.passes("[vdso]") {
            break trace;
        }
    };
    STOP.store(true, Relaxed);
    thread.join().unwrap();
    let stack = trace.resolve();
    assert!(stack.is_complete(), "{stack:#}");
    assert!(
        functions(&stack)
            .iter()
            .any(|name| name.contains("std::sys::")),
        "{stack:#}"
    );
}

#[test]
fn a_thread_that_has_ended_has_no_stack() {
    let _alone = alone();
    let (thread, number) = start(|| {});
    thread.join().unwrap();
    // The system may take a moment longer than `join` to forget it.
    while whereabouts(number) != Whereabouts::Unknown {
        thread::yield_now();
    }
    let error = capture(number, PATIENCE).unwrap_err();
    assert!(error.is_ended(), "{error}");
}

#[test]
fn a_thread_that_blocks_the_signal_is_not_asked() {
    let _alone = alone();
    let (release, released) = mpsc::channel();
    let (thread, number) = start(move || {
        block_all_signals();
        waits_in_a_task(&released);
    });
    await_sleep(number);
    let error = capture(number, Duration::from_millis(1)).unwrap_err();
    assert!(matches!(error, CaptureError(Cause::Blocked)), "{error}");
    drop(release);
    thread.join().unwrap();
}

fn block_all_signals() {
    // SAFETY: all zero is a valid set, and the pointers are to live ones.
    unsafe {
        let mut all = std::mem::zeroed();
        libc::sigfillset(&mut all);
        assert_eq!(
            libc::pthread_sigmask(libc::SIG_SETMASK, &all, std::ptr::null_mut()),
            0
        );
    }
}

/// Puts the calling thread where no signal reaches it, until the pipe has a byte or is closed: it waits
/// for a child process, a copy of this one, as `vfork` does.
fn sleep_uninterruptibly(release: PipeReader, release_write_end: c_int) {
    let flags = libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: without `CLONE_VM` the child has memory of its own. It makes three system calls and ends.
    unsafe {
        let child = libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) as libc::pid_t;
        if child == 0 {
            libc::close(release_write_end);
            let mut byte = 0_u8;
            libc::read(release.as_raw_fd(), (&raw mut byte).cast(), 1);
            libc::_exit(0);
        }
        assert!(child > 0, "{}", std::io::Error::last_os_error());
        assert_eq!(libc::waitpid(child, std::ptr::null_mut(), 0), child);
    }
}

/// A thread that sleeps uninterruptibly, and after that until it is released for good.
fn sleeper() -> (JoinHandle<()>, ThreadNumber, PipeWriter, mpsc::Sender<()>) {
    let (release, mut wake) = std::io::pipe().unwrap();
    let write_end = wake.as_raw_fd();
    let (release_for_good, released) = mpsc::channel();
    let (thread, number) = start(move || {
        sleep_uninterruptibly(release, write_end);
        waits_in_a_task(&released);
    });
    while !std::fs::read_to_string(format!("/proc/self/task/{}/stat", number.to_bits()))
        .unwrap()
        .contains(") D ")
    {
        thread::yield_now();
    }
    wake.flush().unwrap();
    (thread, number, wake, release_for_good)
}

#[test]
fn a_thread_that_cannot_answer_is_given_up_and_its_late_answer_does_no_harm() {
    let _alone = alone();
    let (thread, number, mut wake, release) = sleeper();
    for _ in 0..3 {
        let error = capture(number, Duration::from_millis(10)).unwrap_err();
        assert!(error.is_timeout(), "{error}");
    }
    // Others can be asked.
    let (release_other, released) = mpsc::channel();
    let (other, number_of_other) = start(move || waits_in_a_task(&released));
    await_sleep(number_of_other);
    trace(number_of_other, PATIENCE).unwrap();
    // While the other is asked again and again, the late handlers run.
    let asker = thread::spawn(move || {
        for _ in 0..50 {
            let frames = trace(number_of_other, PATIENCE).unwrap().0.len();
            assert!(frames > 5, "the answer is that of another thread");
        }
    });
    wake.write_all(&[1]).unwrap();
    asker.join().unwrap();
    await_sleep(number);
    let stack = capture(number, PATIENCE).unwrap();
    assert!(functions(&stack).contains(&"waits_in_a_task"), "{stack:#}");
    drop((release, release_other));
    thread.join().unwrap();
    other.join().unwrap();
}

#[test]
fn several_may_ask_at_once() {
    let _alone = alone();
    let (release, released) = mpsc::channel();
    let (thread, number) = start(move || waits_in_a_task(&released));
    await_sleep(number);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20 {
                    assert!(trace(number, PATIENCE).unwrap().0.len() > 5);
                }
            });
        }
    });
    drop(release);
    thread.join().unwrap();
}

#[test]
fn the_thread_that_is_asked_keeps_its_errno() {
    static STOP: AtomicBool = AtomicBool::new(false);
    let _alone = alone();
    let (thread, number) = start(|| {
        // SAFETY: the address of the calling thread's `errno` is valid.
        let errno = unsafe { libc::__errno_location() };
        // SAFETY: as above; only this thread uses it.
        unsafe { errno.write_volatile(4242) };
        while !STOP.load(Relaxed) {
            // SAFETY: as above.
            assert_eq!(unsafe { errno.read_volatile() }, 4242);
        }
    });
    for _ in 0..50 {
        trace(number, PATIENCE).unwrap();
    }
    STOP.store(true, Relaxed);
    thread.join().unwrap();
}

#[test]
fn a_signal_that_the_program_takes_for_itself_is_left_to_it() {
    extern "C" fn of_the_program(_signal: c_int) {}
    let _alone = alone();
    let (release, released) = mpsc::channel();
    let (thread, number) = start(move || waits_in_a_task(&released));
    await_sleep(number);
    trace(number, PATIENCE).unwrap();
    let ours =
        || (libc::SIGRTMIN()..libc::SIGRTMAX()).rfind(|&signal| handler::is_installed(signal));
    let before = ours().expect("one is installed");
    // SAFETY: the handler does nothing.
    unsafe { libc::signal(before, of_the_program as *const () as usize) };
    trace(number, PATIENCE).unwrap();
    let after = ours().expect("one is installed");
    assert_ne!(before, after);
    // SAFETY: as above, without a handler.
    unsafe { libc::signal(before, libc::SIG_DFL) };
    drop(release);
    thread.join().unwrap();
}

#[test]
fn a_deep_stack_is_cut_short() {
    #[inline(never)]
    fn descend(depth: usize, release: &mpsc::Receiver<()>) -> u8 {
        let room = hint::black_box([0_u8; 4096]);
        if depth == 0 {
            waits_in_a_task(release);
        } else {
            descend(depth - 1, release);
        }
        room[depth % 4096]
    }
    let _alone = alone();
    let (release, released) = mpsc::channel();
    let (thread, number) = start(move || {
        descend(100, &released);
    });
    await_sleep(number);
    let stack = capture(number, PATIENCE).unwrap();
    assert!(!stack.is_complete());
    assert!(stack.frames().len() > 20, "{stack:#}");
    let first = stack.first_in_user_code().expect("there is user code");
    assert_eq!(first.function(), Some("waits_in_a_task"), "{stack:#}");
    drop(release);
    thread.join().unwrap();
}
