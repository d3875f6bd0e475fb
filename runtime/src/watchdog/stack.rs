//! The native stack of another thread of this process, for the report of a stall.
//!
//! What a task does in its thread is known to that thread alone. It is asked by a signal, whose handler
//! may find it anywhere: with the allocator's lock held, in the loader, in the middle of unwinding a
//! panic. So the handler does next to nothing, in system calls only, and the one who asks does the rest:
//!
//! 1. `sample.rs` asks: it makes a pipe, signals the thread and waits, for a limited time.
//! 2. `handler.rs` answers, in the thread: its registers and a part of its stack, as bytes, go into
//!    the pipe. Who may touch the pipe when is settled by `question.rs`, with numbered invariants.
//! 3. `modules.rs` finds the program and the libraries in `/proc/self/maps`, and `linux.rs` walks the
//!    copied stack with their unwind tables, read through `/proc/self/mem`. The loader and its lock
//!    are not needed, and addresses that are gone by then are an error instead of a crash.
//! 4. `names.rs` looks up functions and lines in the files' debug information, and `origin.rs` says
//!    whose they are.
//!
//! The first three steps, [`trace`], take some milliseconds. The last, [`Trace::resolve`], takes some
//! ten in a release build, up to half a second in one without optimisation: not on a thread that others
//! wait for.
//!
//! # What the thread notices
//!
//! Some ten microseconds. The handler is installed with `SA_RESTART`, yet the calls that `signal(7)`
//! lists as never restarted (`nanosleep`, `poll`, `epoll_wait`, sockets with a timeout, …) end with
//! `EINTR`, as with any signal. The standard library repeats its own.
//!
//! # Which signal
//!
//! The first real-time signal, counted down from the last but one (the last is valgrind's), that has
//! its default action. That is looked at anew before each question. A thread that blocks the signal is
//! not asked. A program that takes the signal from us with a handler of its own gets no question any
//! more. One that resets it to the default in the instant between our look and the signal ends, and so
//! does one in which the thread that is asked executes another program in that instant.
//!
//! # Elsewhere
//!
//! Without the feature `stall-stacks`, on systems other than Linux with x86-64 or AArch64, under Miri
//! and under loom, the answer is always that it is [not supported](Cause::Unsupported).

use std::time::Duration;
use std::{error, fmt, io};

use super::whereabouts::ThreadNumber;

#[cfg(all(
    feature = "stall-stacks",
    target_os = "linux",
    any(target_env = "gnu", target_env = "musl"),
    any(target_arch = "x86_64", target_arch = "aarch64"),
    not(any(miri, rt_loom))
))]
#[path = "stack/linux.rs"]
mod system;
#[cfg(not(all(
    feature = "stall-stacks",
    target_os = "linux",
    any(target_env = "gnu", target_env = "musl"),
    any(target_arch = "x86_64", target_arch = "aarch64"),
    not(any(miri, rt_loom))
)))]
#[path = "stack/unsupported.rs"]
mod system;

#[cfg(any(feature = "stall-stacks", test))] // Its models run in every build.
mod question;

mod origin;

/// Where a thread was at one moment: its innermost function first.
///
/// Functions that the compiler has built into others are frames of their own, if the program has debug
/// information; `debug = "line-tables-only"` in the profile is enough. A program without symbols yields
/// addresses.
#[derive(Debug, Clone)]
pub struct Stack {
    frames: Vec<Frame>,
    is_complete: bool,
}

impl Stack {
    /// The functions, the innermost first, each called by the one after it.
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// The innermost function that is [user code](Frame::is_user_code): the first place to look at.
    pub fn first_in_user_code(&self) -> Option<&Frame> {
        self.frames.iter().find(|frame| frame.is_user_code)
    }

    /// Whether the last frame is where the thread began. A stack is cut short if it is very deep, or
    /// if it leads through code without unwind tables.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }
}

/// One frame per line, and a mark where user code begins. What has called the last of user code, which
/// is this runtime and the thread's beginning, is counted only; `{:#}` lists it too.
impl fmt::Display for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.frames.iter().position(|frame| frame.is_user_code);
        let last = self.frames.iter().rposition(|frame| frame.is_user_code);
        let listed = match last {
            Some(last) if !f.alternate() => last + 1,
            _ => self.frames.len(),
        };
        for (number, frame) in self.frames[..listed].iter().enumerate() {
            let mark = if first == Some(number) { '>' } else { ' ' };
            writeln!(f, "{mark} {number:3}: {frame}")?;
        }
        match self.frames.len() - listed {
            0 => {}
            callers => writeln!(f, "       called through {callers} more")?,
        }
        if !self.is_complete {
            writeln!(f, "       called by what is not known")?;
        }
        Ok(())
    }
}

/// A function in a [`Stack`].
#[derive(Debug, Clone)]
pub struct Frame {
    address: usize,
    function: Option<String>,
    module: Option<String>,
    file: Option<String>,
    line: Option<u32>,
    is_user_code: bool,
}

impl Frame {
    /// The instruction that was being executed, or for a caller, one within its call.
    pub fn address(&self) -> usize {
        self.address
    }

    /// The name of the function, readable, with its path and without a hash. In a program with
    /// `debug = "line-tables-only"`, that of a function that was built into another has no path.
    pub fn function(&self) -> Option<&str> {
        self.function.as_deref()
    }

    /// The file of the program or of the shared library that the function is in.
    pub fn module(&self) -> Option<&str> {
        self.module.as_deref()
    }

    /// The source file, as the compiler knew it.
    pub fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// The line in the source file, counted from 1.
    pub fn line(&self) -> Option<u32> {
        self.line
    }

    /// Whether the function belongs to neither the standard library, nor this runtime, nor a library
    /// that only does what its caller asked for (locks, system calls, combinators of futures), nor is
    /// it foreign code.
    ///
    /// It goes by names, so it is a good guess.
    pub fn is_user_code(&self) -> bool {
        self.is_user_code
    }
}

/// `function at file:line`, or what of it is known.
impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.function {
            Some(function) => f.write_str(function)?,
            None => write!(f, "{:#x}", self.address)?,
        }
        match (
            self.file.as_deref().map(origin::shortened),
            self.line,
            &self.module,
        ) {
            (Some(file), Some(line), _) => write!(f, " at {file}:{line}"),
            (Some(file), None, _) => write!(f, " at {file}"),
            (None, _, Some(module)) => write!(f, " in {module}"),
            (None, _, None) => Ok(()),
        }
    }
}

/// There is no stack of the thread, and why.
#[derive(Debug)]
pub(crate) struct CaptureError(Cause);

#[derive(Debug)]
#[allow(dead_code)] // Where no stacks are captured there is one cause only.
enum Cause {
    /// Not on this system, or not in this build.
    Unsupported,
    /// The thread has ended.
    Ended,
    /// The thread blocks the signal.
    Blocked,
    /// All signals are in use.
    NoSignal,
    /// The thread did not answer in time.
    TimedOut,
    /// Another capture is under way, or its late answer.
    Busy,
    /// The answer makes no sense.
    Garbled,
    /// A system call failed.
    System(&'static str, io::Error),
}

#[cfg(test)]
#[allow(dead_code)] // Where no stacks are captured one of them is enough.
impl CaptureError {
    /// Whether stacks cannot be had on this system or in this build, whatever the thread.
    pub(crate) fn is_unsupported(&self) -> bool {
        matches!(self.0, Cause::Unsupported)
    }

    /// Whether the thread did not answer in time. One in an uninterruptible system call cannot.
    pub(crate) fn is_timeout(&self) -> bool {
        matches!(self.0, Cause::TimedOut)
    }

    /// Whether the thread had ended.
    pub(crate) fn is_ended(&self) -> bool {
        matches!(self.0, Cause::Ended)
    }
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Cause::Unsupported => "stacks are not supported in this build",
            Cause::Ended => "the thread has ended",
            Cause::Blocked => "the thread blocks the signal that asks for its stack",
            Cause::NoSignal => "the program uses all real-time signals",
            Cause::TimedOut => "the thread did not answer in time",
            Cause::Busy => "another stack is being captured",
            Cause::Garbled => "the thread's answer was not understood",
            Cause::System(call, error) => return write!(f, "{call}: {error}"),
        })
    }
}

impl error::Error for CaptureError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &self.0 {
            Cause::System(_, error) => Some(error),
            _ => None,
        }
    }
}

/// The addresses of a stack, not yet looked up.
#[derive(Debug)]
pub(crate) struct Trace(system::Trace);

impl Trace {
    /// Looks up functions and lines. Reads the program's debug information: slow.
    pub(crate) fn resolve(self) -> Stack {
        self.0.resolve()
    }
}

/// Asks `thread`, another one than the caller's, where it is. Waits for its answer up to `limit`, and
/// as long again for one that is being given.
///
/// Only one capture runs at a time in the process; another waits its turn, up to `limit`.
///
/// # Errors
///
/// When the thread has ended or does not answer in time, when stacks are not supported, or when the
/// system refuses something.
pub(crate) fn trace(thread: ThreadNumber, limit: Duration) -> Result<Trace, CaptureError> {
    match thread {
        ThreadNumber::UNKNOWN => Err(CaptureError(Cause::Unsupported)),
        thread => system::trace(thread.to_bits(), limit)
            .map(Trace)
            .map_err(CaptureError),
    }
}

/// [`trace`] and [`Trace::resolve`] in one.
///
/// # Errors
///
/// Those of [`trace`].
#[cfg(test)]
pub(crate) fn capture(thread: ThreadNumber, limit: Duration) -> Result<Stack, CaptureError> {
    trace(thread, limit).map(Trace::resolve)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(function: Option<&str>, is_user_code: bool) -> Frame {
        Frame {
            address: 0x1234,
            function: function.map(str::to_owned),
            module: Some("/usr/lib/libc.so.6".to_owned()),
            file: None,
            line: None,
            is_user_code,
        }
    }

    #[test]
    fn a_stack_is_told_line_by_line_and_user_code_is_marked() {
        let mut named = frame(Some("shop::prices"), true);
        named.file = Some("src/shop.rs".to_owned());
        named.line = Some(7);
        let mut stack = Stack {
            frames: vec![
                frame(None, false),
                frame(Some("read"), false),
                named,
                frame(Some("shop::main"), true),
                frame(Some("runtime::run"), false),
            ],
            is_complete: true,
        };
        let first = stack.first_in_user_code().expect("there are two");
        assert_eq!(first.to_string(), "shop::prices at src/shop.rs:7");
        let mut told = vec![
            "    0: 0x1234 in /usr/lib/libc.so.6",
            "    1: read in /usr/lib/libc.so.6",
            ">   2: shop::prices at src/shop.rs:7",
            "    3: shop::main in /usr/lib/libc.so.6",
            "       called through 1 more",
        ];
        assert_eq!(stack.to_string().lines().collect::<Vec<_>>(), told);
        stack.is_complete = false;
        told[4] = "    4: runtime::run in /usr/lib/libc.so.6";
        told.push("       called by what is not known");
        assert_eq!(format!("{stack:#}").lines().collect::<Vec<_>>(), told);
    }

    #[test]
    fn of_no_thread_there_is_no_stack() {
        let error = capture(ThreadNumber::UNKNOWN, Duration::from_secs(1)).unwrap_err();
        assert!(error.is_unsupported(), "{error}");
    }
}
