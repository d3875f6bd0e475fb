//! The signal handler: what a thread does that is asked for its stack.
//!
//! It runs wherever the thread happens to be, so it does nothing but look at its registers and make
//! system calls. It neither allocates nor locks, cannot panic, and leaves `errno` as it was. It runs on
//! the alternative stack, if the thread has one, and needs less than a kilobyte of it; all other
//! signals wait meanwhile.
//!
//! The copy of the stack is made by the system, in `write`: where the stack ends nobody needs to know,
//! because the system says so instead of faulting.

#![allow(unsafe_code)] // Installs a handler, reads registers, and makes system calls.

use std::ffi::c_void;
use std::os::fd::RawFd;
use std::sync::OnceLock;
use std::sync::atomic::AtomicI32;
use std::sync::atomic::Ordering::Relaxed;
use std::{io, mem, ptr};

use libc::{c_int, siginfo_t, ucontext_t};

use super::question::Question;

/// How much of a stack is copied at most. Chosen: a poll is seldom deeper than a few dozen KiB, even
/// without optimisation.
pub(super) const MOST_OF_STACK: usize = 256 * 1024;

/// In pieces that either can be read or cannot.
const PAGE: usize = 4096;

/// What handlers are asked. Made before the first one is installed.
static QUESTION: OnceLock<Question> = OnceLock::new();

/// Where the answer goes. Written before the question is asked, and read with a claim only.
static ANSWER: AtomicI32 = AtomicI32::new(-1);

pub(super) fn question() -> &'static Question {
    QUESTION.get_or_init(Question::new)
}

/// Where the next answer goes.
pub(super) fn answer_into(write_end: RawFd) {
    // Relaxed: the question that follows publishes it.
    ANSWER.store(write_end, Relaxed);
}

/// What of the registers leads to the callers: the head of an answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Registers {
    pub(super) instruction: u64,
    pub(super) stack: u64,
    pub(super) frame: u64,
    /// Where a function returns to that has not called another: on AArch64.
    pub(super) link: u64,
}

impl Registers {
    pub(super) const BYTES: usize = 4 * 8;

    #[cfg(target_arch = "x86_64")]
    fn of(context: &ucontext_t) -> Self {
        let register = |number: c_int| context.uc_mcontext.gregs[number as usize] as u64;
        Self {
            instruction: register(libc::REG_RIP),
            stack: register(libc::REG_RSP),
            frame: register(libc::REG_RBP),
            link: 0,
        }
    }

    #[cfg(target_arch = "aarch64")]
    fn of(context: &ucontext_t) -> Self {
        Self {
            instruction: context.uc_mcontext.pc,
            stack: context.uc_mcontext.sp,
            frame: context.uc_mcontext.regs[29],
            link: context.uc_mcontext.regs[30],
        }
    }

    fn to_words(self) -> [u64; 4] {
        [self.instruction, self.stack, self.frame, self.link]
    }

    /// The head of an answer, and the rest of it.
    pub(super) fn split_from(answer: &[u8]) -> Option<(Self, &[u8])> {
        let (head, rest) = answer.split_at_checked(Self::BYTES)?;
        let mut words = head
            .chunks_exact(8)
            .map(|word| u64::from_ne_bytes(word.try_into().expect("eight bytes")));
        let mut next = || words.next().expect("four words");
        Some((
            Self {
                instruction: next(),
                stack: next(),
                frame: next(),
                link: next(),
            },
            rest,
        ))
    }
}

/// The handler.
extern "C" fn answer(_signal: c_int, _info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the address of the calling thread's `errno`, which is always valid.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above; nobody else uses it while this handler runs in this thread.
    let before = unsafe { *errno };
    // The system's answer fits: numbers of threads are below 2²².
    // SAFETY: the call has no arguments and does nothing but return a number.
    let thread = unsafe { libc::syscall(libc::SYS_gettid) } as u32;
    // `get` is a load: there was a question before the first handler.
    if let Some(question) = QUESTION.get()
        && let Some(claim) = question.claim(thread)
    {
        // SAFETY: installed with `SA_SIGINFO`, a handler is given the interrupted context.
        let registers = Registers::of(unsafe { &*context.cast::<ucontext_t>() });
        // With a claim, the descriptor is open until it is answered (A2, A3). Relaxed: it was written
        // before the question that the claim has acquired.
        write_answer(ANSWER.load(Relaxed), registers);
        claim.answered();
        wake(question.word().as_ptr());
    }
    // SAFETY: as above.
    unsafe { *errno = before };
}

/// Writes the registers and the stack from its pointer upwards, until it ends or enough is written.
fn write_answer(write_end: RawFd, registers: Registers) {
    let head = registers.to_words();
    // SAFETY: the pointer is to the words of a live array.
    let written = unsafe { libc::write(write_end, head.as_ptr().cast(), Registers::BYTES) };
    if written != Registers::BYTES as isize {
        return;
    }
    let mut from = registers.stack as usize;
    let Some(end) = from.checked_add(MOST_OF_STACK) else {
        return;
    };
    while from < end {
        // To the next boundary of a page: on one side of it the bytes can all be read, or none.
        let length = (PAGE - from % PAGE).min(end - from);
        // SAFETY: `write` only reads, and what cannot be read makes it fail. What is read may be
        // changed by others meanwhile; nothing is made of it here.
        let written = unsafe { libc::write(write_end, ptr::without_provenance(from), length) };
        if written != length as isize {
            // The stack has ended, or the pipe is full.
            return;
        }
        from += length;
    }
}

/// Waits until the word at `word` is no longer `value`, or the time is up, or for no reason.
pub(super) fn wait(word: *mut u32, value: u32, limit: std::time::Duration) {
    // A time that the system cannot represent is as good as none; this one is cut to a day.
    let limit = limit.min(std::time::Duration::from_secs(86_400));
    let limit = libc::timespec {
        tv_sec: limit.as_secs() as libc::time_t,
        tv_nsec: limit.subsec_nanos() as libc::c_long,
    };
    // SAFETY: the pointers are to a live atomic word and to a live struct.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word,
            libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG,
            value,
            &limit,
        );
    }
}

/// Wakes who waits for the word. Safe in a signal handler.
fn wake(word: *mut u32) {
    // SAFETY: the system only takes the address for a name.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word,
            libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG,
            1,
        );
    }
}

/// Installs the handler for a real-time signal that the program does not use.
///
/// # Errors
///
/// When there is none.
pub(super) fn install() -> io::Result<Option<c_int>> {
    let _ = question();
    for signal in (libc::SIGRTMIN()..libc::SIGRTMAX()).rev() {
        if action(signal)?.sa_sigaction != libc::SIG_DFL {
            continue;
        }
        // SAFETY: all zero is a valid action.
        let mut ours: libc::sigaction = unsafe { mem::zeroed() };
        ours.sa_sigaction = answer as *const () as usize;
        ours.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART | libc::SA_ONSTACK;
        // SAFETY: the pointer is to a live struct.
        unsafe { libc::sigfillset(&mut ours.sa_mask) };
        let before = exchange(signal, &ours)?;
        if before.sa_sigaction != libc::SIG_DFL {
            // Somebody was faster by a moment.
            exchange(signal, &before)?;
            continue;
        }
        return Ok(Some(signal));
    }
    Ok(None)
}

/// Whether a signal still leads to our handler.
pub(super) fn is_installed(signal: c_int) -> bool {
    action(signal).is_ok_and(|action| action.sa_sigaction == answer as *const () as usize)
}

/// What the process does when a signal arrives.
fn action(signal: c_int) -> io::Result<libc::sigaction> {
    sigaction(signal, ptr::null())
}

/// Sets what it does, and says what it did before.
fn exchange(signal: c_int, action: &libc::sigaction) -> io::Result<libc::sigaction> {
    sigaction(signal, action)
}

fn sigaction(signal: c_int, action: *const libc::sigaction) -> io::Result<libc::sigaction> {
    // SAFETY: all zero is a valid action.
    let mut before: libc::sigaction = unsafe { mem::zeroed() };
    // SAFETY: the pointers are to live structs, or null. A handler that is set here is ours, which
    // does only what is allowed in one, or the one that was there before.
    match unsafe { libc::sigaction(signal, action, &mut before) } {
        0 => Ok(before),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Sends a signal to one thread of this process.
pub(super) fn send(signal: c_int, thread: u32) -> io::Result<()> {
    let process = std::process::id();
    // SAFETY: all arguments are numbers. The thread is one of this process, or the call fails; the
    // signal has a handler.
    match unsafe { libc::syscall(libc::SYS_tgkill, process, thread, signal) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
