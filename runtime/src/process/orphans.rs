//! Children whose [`Child`](super::Child) was dropped before they had ended.
//!
//! A process that has ended stays in the system's table until its parent asks for its status. Who
//! drops a `Child` will not ask, so the runtime does.
//!
//! An [`Orphan`] is no task: the waker that it leaves with the reactor is itself, and being woken it
//! asks for the status, on the thread that turned the reactor. It owns itself in this way until the
//! child has ended. If the runtime is shut down before, nothing wakes it any more: it goes to a list
//! that the process's next `spawn` on any runtime goes through. Those that hear of the end by
//! signals are in that list from the beginning, for their waker just stays where it is.

use std::process::Child as SystemChild;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use parking_lot::Mutex;
use runtime_base::coop;

use super::exit::Exit;
use crate::contained::contained;

/// Those that nothing may wake.
static FORGOTTEN: Mutex<Vec<Arc<Orphan>>> = Mutex::new(Vec::new());

/// A child that nobody waits for.
struct Orphan {
    /// `None` after it was reaped. What is called under the lock is ours: it stores the orphan's own
    /// waker, and wakes nobody. It drops no orphan either, as whoever calls has one.
    exit: Mutex<Option<Exit>>,
}

/// Reaps a child when it ends.
pub(super) fn adopt(mut exit: Exit) {
    // Without the lock: this drops the waker of who waited for the child, and if its runtime is gone
    // the one of this thread takes over, which may wake others. A panic must not cost the child.
    contained(|| {
        let mut cx = Context::from_waker(Waker::noop());
        let _ = coop::with_unlimited(|| exit.poll_wait(&mut cx));
    });
    // An error says that there is nothing to reap, as in `Orphan::reap`.
    if !matches!(exit.try_wait(), Ok(None)) {
        return;
    }
    let depends_on_signals = exit.depends_on_signals();
    let orphan = Arc::new(Orphan {
        exit: Mutex::new(Some(exit)),
    });
    if depends_on_signals {
        FORGOTTEN.lock().push(orphan.clone());
    }
    orphan.wake();
}

/// Reaps what has ended of those that nothing may wake.
pub(super) fn reap_forgotten() {
    let orphans = std::mem::take(&mut *FORGOTTEN.lock());
    if orphans.is_empty() {
        return;
    }
    let mut left: Vec<_> = orphans
        .into_iter()
        .filter(|orphan| !orphan.reap())
        .collect();
    FORGOTTEN.lock().append(&mut left);
}

/// Ends a child that has just begun and cannot be waited for, and reaps it. That blocks for as long
/// as the system needs to end a process.
pub(super) fn bury(mut child: SystemChild) {
    // Nobody is left to be told of an error.
    let _ = child.kill();
    let _ = child.wait();
}

impl Orphan {
    /// Whether the child was reaped, which it is if it has ended.
    fn reap(&self) -> bool {
        let mut exit = self.exit.lock();
        let is_reaped = match &mut *exit {
            // An error says that there is nothing to reap: somebody else did.
            Some(exit) => !matches!(exit.try_wait(), Ok(None)),
            None => true,
        };
        let reaped = if is_reaped { exit.take() } else { None };
        drop(exit);
        // Closing its descriptor, or leaving the queue of the signal, may drop our waker.
        drop(reaped);
        is_reaped
    }
}

impl Wake for Orphan {
    fn wake(self: Arc<Self>) {
        let waker = Waker::from(self.clone());
        let mut cx = Context::from_waker(&waker);
        let polled = match &mut *self.exit.lock() {
            // The thread may be in a task, whose budget is not ours to spend.
            Some(exit) => coop::with_unlimited(|| exit.poll_notice(&mut cx)),
            None => return,
        };
        match polled {
            Poll::Pending => {}
            Poll::Ready(result) => {
                let is_reaped = self.reap();
                if result.is_err() && !is_reaped {
                    // The runtime was shut down, or the system does not watch the descriptor.
                    FORGOTTEN.lock().push(self);
                }
            }
        }
    }
}
