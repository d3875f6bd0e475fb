//! Asks a thread for its registers and its stack.
//!
//! Each question has a pipe of its own, which is closed when no handler can write into it any more:
//! then its descriptor may get another meaning. The pipe of an abandoned question (see
//! [`question`](super::question)) is kept until the late handler is done.

#![allow(unsafe_code)] // Makes pipes that do not block.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::thread;
use std::time::{Duration, Instant};

use libc::c_int;
use parking_lot::Mutex;

use super::Cause;
use super::handler::{self, MOST_OF_STACK, Registers};
use super::question::{Asker, Progress, Question, StillAnswering};

/// How long to wait before looking again whether a thread still blocks the signal. Chosen: several times
/// what a handler takes.
const BLOCKED_LOOKS: Duration = Duration::from_micros(200);

/// The one who asks in this process.
static SAMPLER: Mutex<Option<Sampler>> = Mutex::new(None);

/// A thread at one moment.
pub(super) struct Sample {
    pub(super) registers: Registers,
    /// Its stack, from the pointer in `registers` upwards.
    pub(super) stack: Vec<u8>,
}

impl Sample {
    /// A word of the stack.
    pub(super) fn word_at(&self, address: u64) -> Option<u64> {
        let offset = usize::try_from(address.checked_sub(self.registers.stack)?).ok()?;
        let word = self.stack.get(offset..offset.checked_add(8)?)?;
        Some(u64::from_ne_bytes(word.try_into().expect("eight bytes")))
    }
}

/// Asks `thread`.
pub(super) fn sample(thread: u32, limit: Duration) -> Result<Sample, Cause> {
    let mut sampler = SAMPLER.try_lock_for(limit).ok_or(Cause::Busy)?;
    sampler
        .get_or_insert_with(Sampler::new)
        .sample(thread, limit)
}

struct Sampler {
    asker: Asker<&'static Question>,
    /// The signal that our handler is installed for.
    signal: Option<c_int>,
    /// Where the handler of an abandoned question may still write.
    abandoned: Option<Pipe>,
}

impl Sampler {
    fn new() -> Self {
        Self {
            asker: Asker::new(handler::question()),
            signal: None,
            abandoned: None,
        }
    }

    fn sample(&mut self, thread: u32, limit: Duration) -> Result<Sample, Cause> {
        let signal = self.installed()?;
        let start = Instant::now();
        // For a moment every thread blocks signals: in handlers, ours among them, and in libc.
        while is_blocked(thread, signal)? {
            if start.elapsed() >= limit {
                return Err(Cause::Blocked);
            }
            thread::sleep(BLOCKED_LOOKS);
        }
        self.ask(thread, signal, limit)
    }

    /// The signal to use.
    fn installed(&mut self) -> Result<c_int, Cause> {
        if let Some(signal) = self.signal
            && handler::is_installed(signal)
        {
            return Ok(signal);
        }
        self.signal = handler::install().map_err(|error| Cause::System("sigaction", error))?;
        self.signal.ok_or(Cause::NoSignal)
    }

    fn ask(&mut self, thread: u32, signal: c_int, limit: Duration) -> Result<Sample, Cause> {
        if self.asker.progress().0 == Progress::Answering {
            return Err(Cause::Busy);
        }
        self.abandoned = None;
        let mut pipe = Pipe::new().map_err(|error| Cause::System("pipe2", error))?;
        handler::answer_into(pipe.write_end.as_raw_fd());
        self.asker
            .ask(thread)
            .map_err(|StillAnswering| Cause::Busy)?;
        if let Err(error) = handler::send(signal, thread) {
            // A late handler of this thread may have taken the question all the same.
            if self.asker.withdraw() == Progress::Answering {
                self.abandoned = Some(pipe);
            }
            return Err(match error.raw_os_error() {
                Some(libc::ESRCH) => Cause::Ended,
                _ => Cause::System("tgkill", error),
            });
        }
        self.wait_while(Progress::Asked, limit);
        if self.asker.withdraw() == Progress::Answering {
            // It has begun, so it is a matter of microseconds, unless the system has other plans.
            self.wait_while(Progress::Answering, limit);
        }
        match self.asker.progress().0 {
            Progress::Answered => pipe
                .read()
                .map_err(|error| Cause::System("read", error))?
                .ok_or(Cause::Garbled),
            Progress::Answering => {
                self.abandoned = Some(pipe);
                Err(Cause::TimedOut)
            }
            Progress::Idle | Progress::Asked => Err(Cause::TimedOut),
        }
    }

    /// Waits for the question to move on.
    fn wait_while(&self, progress: Progress, limit: Duration) {
        let start = Instant::now();
        loop {
            let (now, word) = self.asker.progress();
            let left = limit.saturating_sub(start.elapsed());
            // While it is asked, a claim does not end the wait: the answer does.
            let moved_on = now != progress && now != Progress::Answering;
            if moved_on || left.is_zero() {
                return;
            }
            handler::wait(self.asker.question().word().as_ptr(), word, left);
        }
    }
}

/// The way from a handler to the one who has asked.
struct Pipe {
    read_end: File,
    write_end: OwnedFd,
}

impl Pipe {
    fn new() -> io::Result<Self> {
        let mut ends = [0; 2];
        // SAFETY: the pointer is to a live array of two numbers.
        if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC | libc::O_NONBLOCK) } != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: both are open, and nobody else has them.
        let [read_end, write_end] = ends.map(|end| unsafe { OwnedFd::from_raw_fd(end) });
        // One page more than the stack may have: the head, and the piece up to the first boundary. If
        // it is refused, less fits.
        let size = (MOST_OF_STACK + 2 * 4096) as c_int;
        // SAFETY: the descriptor is open, and the call touches no memory.
        unsafe { libc::fcntl(write_end.as_raw_fd(), libc::F_SETPIPE_SZ, size) };
        Ok(Self {
            read_end: read_end.into(),
            write_end,
        })
    }

    /// What was written.
    fn read(&mut self) -> io::Result<Option<Sample>> {
        let mut answer = Vec::with_capacity(MOST_OF_STACK + Registers::BYTES);
        match self.read_end.read_to_end(&mut answer) {
            // What else: the other end is open.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
            Ok(_) => {}
        }
        let Some((registers, stack)) = Registers::split_from(&answer) else {
            return Ok(None);
        };
        let stack = stack.to_vec();
        Ok(Some(Sample { registers, stack }))
    }
}

/// Whether a thread blocks a signal: it would get it much later, or wait for it with a call of its own.
fn is_blocked(thread: u32, signal: c_int) -> Result<bool, Cause> {
    let status = match std::fs::read(format!("/proc/self/task/{thread}/status")) {
        Ok(status) => status,
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(Cause::Ended),
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => return Err(Cause::Ended),
        Err(error) => return Err(Cause::System("/proc/self/task/…/status", error)),
    };
    let mask = blocked(&String::from_utf8_lossy(&status)).ok_or(Cause::Garbled)?;
    Ok(mask & 1 << (signal - 1) != 0)
}

/// The mask of blocked signals in a thread's `status`, see `proc_pid_status(5)`.
fn blocked(status: &str) -> Option<u64> {
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigBlk:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}
