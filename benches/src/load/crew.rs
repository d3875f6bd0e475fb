//! Threads that do a round of work whenever they are told to.

use std::fmt;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Some threads, each with a state of its own, that wait for rounds. Dropping it ends them.
pub struct Crew {
    doors: Vec<mpsc::Sender<Round>>,
    threads: Vec<JoinHandle<()>>,
}

/// One round's work for one thread. The round is over when all of them are dropped.
struct Round {
    amount: u64,
    end: Arc<End>,
}

/// Calls back when the last thread lets go of it.
struct End {
    start: Instant,
    then: Mutex<Option<Then>>,
}

/// Takes how long the round took.
type Then = Box<dyn FnOnce(Duration) + Send>;

impl Crew {
    /// Starts `size` threads; the one with number `i` does its rounds with `hand(i)`.
    pub fn new<W>(size: usize, mut hand: impl FnMut(usize) -> W) -> Crew
    where
        W: FnMut(u64) + Send + 'static,
    {
        let mut crew = Crew {
            doors: Vec::new(),
            threads: Vec::new(),
        };
        for number in 0..size {
            let mut work = hand(number);
            let (door, rounds) = mpsc::channel::<Round>();
            crew.doors.push(door);
            crew.threads.push(thread::spawn(move || {
                for round in rounds {
                    work(round.amount);
                    drop(round.end);
                }
            }));
        }
        crew
    }

    /// Lets every thread do `amount` of its work, and calls `then` with the time that the slowest
    /// took, on that thread.
    pub fn begin(&self, amount: u64, then: impl FnOnce(Duration) + Send + 'static) {
        let end = Arc::new(End {
            start: Instant::now(),
            then: Mutex::new(Some(Box::new(then))),
        });
        for door in &self.doors {
            let end = end.clone();
            // A thread that panicked has said so, and lets `then` be called nevertheless.
            let _ = door.send(Round { amount, end });
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let elapsed = self.start.elapsed();
        let then = self.then.get_mut().ok().and_then(Option::take);
        if let Some(then) = then {
            then(elapsed);
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.doors.clear();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Crew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crew")
            .field("size", &self.threads.len())
            .finish()
    }
}
