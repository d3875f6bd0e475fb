//! What the program `stall` does to a runtime that serves echoes.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// How tasks misbehave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// Not at all.
    None,
    /// One task holds its thread for 50 ms of every 150.
    OneOfN,
    /// As many tasks as there are workers hold theirs for two seconds, once.
    AllOfN,
    /// One task holds its thread until the end, asleep.
    Forever,
    /// One task holds its thread until the end, busy.
    Spin,
}

impl Case {
    /// In the order in which they are run.
    pub const ALL: &[Case] = &[
        Case::None,
        Case::OneOfN,
        Case::AllOfN,
        Case::Forever,
        Case::Spin,
    ];

    /// How long requests are sent.
    #[must_use]
    pub fn duration(self) -> Duration {
        Duration::from_millis(match self {
            Case::None | Case::Forever | Case::Spin => 3_000,
            Case::OneOfN => 4_500,
            Case::AllOfN => 4_000,
        })
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Case::None => "none",
            Case::OneOfN => "one_of_n",
            Case::AllOfN => "all_of_n",
            Case::Forever => "forever",
            Case::Spin => "spin",
        })
    }
}

/// A runtime with an echo server.
pub struct Victim {
    /// Where it serves.
    pub address: SocketAddr,
    /// Starts the tasks of a case.
    pub block: Box<dyn Fn(Case)>,
    /// Lets go of what is blocked, and of the runtime, without waiting for either.
    pub end: Box<dyn FnOnce()>,
}

impl fmt::Debug for Victim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Victim")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// What holds a thread "for ever": until a measurement has ended, so that the next one has the
/// machine for itself.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    is_open: AtomicBool,
    lock: Mutex<()>,
    opened: Condvar,
}

impl Gate {
    /// Sleeps until it is opened.
    pub fn sleep(&self) {
        let mut guard = self.state.lock.lock();
        while !self.is_open() {
            self.state.opened.wait(&mut guard);
        }
    }

    /// Burns CPU until it is opened.
    pub fn spin(&self) {
        while !self.is_open() {
            std::hint::spin_loop();
        }
    }

    /// Lets everybody go.
    pub fn open(&self) {
        // Relaxed: nothing but this word is handed over, and the lock orders it for who sleeps.
        let guard = self.state.lock.lock();
        self.state.is_open.store(true, Relaxed);
        drop(guard);
        self.state.opened.notify_all();
    }

    fn is_open(&self) -> bool {
        self.state.is_open.load(Relaxed)
    }
}

/// Holds the calling thread as a synchronous query does.
pub fn hold_thread(time: Duration) {
    thread::sleep(time);
}
