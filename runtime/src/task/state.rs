//! The life of a task in one word.
//!
//! # How it works
//!
//! The low bits are flags, the rest counts references. Every change is named after the event that
//! causes it and returns an action that says what the caller owes.
//!
//! ```text
//!              wake                 begin_poll               end_poll
//!   IDLE ───────────────► SCHEDULED ───────────► RUNNING ───────────────► IDLE
//!     ▲                       ▲                     │ wake: |SCHEDULED
//!     │                       └──── end_poll ───────┤
//!     │                                             │ complete
//!     └─ shutdown: IDLE ─► RUNNING                  ▼
//!                                                COMPLETE
//! ```
//!
//! # Invariants
//!
//! - **T1** The future (later: the output) belongs to whoever set `RUNNING`, until `RUNNING` is
//!   cleared. `RUNNING` and `COMPLETE` are never both set.
//! - **T2** After `COMPLETE` the output belongs to the join handle if `JOIN_INTEREST` was set at
//!   that moment, otherwise to the completing thread.
//! - **T3** `SCHEDULED` means: exactly one [`Runnable`](super::Runnable) exists, or a thread that
//!   has `RUNNING` will make one when its poll ends. So a task is never in two queues.
//! - **T4** The join waker's slot belongs to the join handle while `JOIN_WAKER` is clear and to the
//!   completing thread while it is set. Only the join handle sets it; it clears it only before
//!   `COMPLETE`, or gives it up for good by dropping its interest.
//! - **T5** One reference each: the runnable, the list of owned tasks, the join handle, each abort
//!   handle, each waker. The memory is freed by whoever drops the last one.

use std::fmt;

use runtime_base::sync::atomic::AtomicUsize;
use runtime_base::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

/// Somebody polls or drops the future.
const RUNNING: usize = 1 << 0;
/// The task is in a queue, or will be when its poll ends.
const SCHEDULED: usize = 1 << 1;
/// The future is gone.
const COMPLETE: usize = 1 << 2;
/// The future is to be dropped instead of polled.
const CANCELLED: usize = 1 << 3;
/// The join handle exists.
const JOIN_INTEREST: usize = 1 << 4;
/// The join waker's slot is filled and belongs to the completing thread.
const JOIN_WAKER: usize = 1 << 5;
/// One reference.
const REFERENCE: usize = 1 << 6;

/// The state of one task.
pub(crate) struct State {
    word: AtomicUsize,
}

/// What to do with a task that was woken.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wake {
    /// Nothing.
    Nothing,
    /// Put it into a queue; the reference for that is counted.
    Schedule,
    /// Free it: this was the last reference.
    Free,
}

/// What to do with a task that was aborted.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Abort {
    /// Nothing: it has ended, or whoever polls it sees to it.
    Nothing,
    /// Put it into a queue; the reference for that is counted.
    Schedule,
    /// It has a runnable: whoever keeps that back must let it go.
    LetGo,
}

/// What to do with a task that came out of a queue.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BeginPoll {
    /// Poll the future.
    Poll,
    /// Drop the future and complete the task.
    Cancel,
    /// Nothing: the future is gone, or somebody else drops it.
    Nothing,
    /// Nothing, and free it.
    Free,
}

/// What to do after a poll that was pending.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum EndPoll {
    /// Nothing: somebody will wake it.
    Nothing,
    /// Put it into a queue: it was woken meanwhile.
    Schedule,
    /// Free it: nobody can ever wake it.
    Free,
    /// Drop the future and complete the task: it was cancelled meanwhile.
    Cancel,
}

/// What the completing thread owes to the join handle.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Complete {
    /// Drop the output: nobody wants it.
    DropOutput,
    /// Nothing: the output stays for the join handle, which does not wait yet.
    KeepOutput,
    /// Wake the join handle.
    WakeJoin,
}

/// What the dropped join handle owes.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DropJoin {
    /// Drop the output: the task had completed, and it is ours.
    pub(crate) output: bool,
    /// Drop the join waker: its slot is ours.
    pub(crate) waker: bool,
}

impl State {
    /// A task with a runnable, a place in the list of owned tasks, and a join handle.
    pub(crate) fn new() -> Self {
        Self {
            word: AtomicUsize::new((3 * REFERENCE) | SCHEDULED | JOIN_INTEREST),
        }
    }

    /// Applies `change` to the word until nobody interferes. `change` gives the new word and an
    /// action, or `None` in place of the word to leave it.
    fn update<A>(&self, mut change: impl FnMut(usize) -> (Option<usize>, A)) -> A {
        // Acquire: what earlier owners of the future or the output did is visible. Paired with the
        // Release half of every update.
        let mut word = self.word.load(Acquire);
        loop {
            let (next, action) = change(word);
            let Some(next) = next else { return action };
            match self.word.compare_exchange_weak(word, next, AcqRel, Acquire) {
                Ok(_) => return action,
                Err(actual) => word = actual,
            }
        }
    }

    /// A waker was used up.
    pub(crate) fn wake_by_value(&self) -> Wake {
        self.update(|word| {
            if word & RUNNING != 0 {
                // The polling thread holds a reference, so this is not the last one.
                (Some((word | SCHEDULED) - REFERENCE), Wake::Nothing)
            } else if word & (COMPLETE | SCHEDULED) != 0 {
                let next = word - REFERENCE;
                (
                    Some(next),
                    if next < REFERENCE {
                        Wake::Free
                    } else {
                        Wake::Nothing
                    },
                )
            } else {
                // The waker's reference becomes the runnable's.
                (Some(word | SCHEDULED), Wake::Schedule)
            }
        })
    }

    /// A waker was used and stays.
    pub(crate) fn wake_by_ref(&self) -> Wake {
        self.update(|word| {
            if word & COMPLETE != 0 {
                (None, Wake::Nothing)
            } else if word & SCHEDULED != 0 {
                // Nothing changes, but what the waker's author wrote must be visible to the coming
                // poll, which acquires this word: the exchange to the same value publishes it.
                (Some(word), Wake::Nothing)
            } else if word & RUNNING != 0 {
                (Some(word | SCHEDULED), Wake::Nothing)
            } else {
                (Some(Self::one_more(word) | SCHEDULED), Wake::Schedule)
            }
        })
    }

    /// Somebody asked to cancel the task from outside.
    pub(crate) fn abort(&self) -> Abort {
        self.update(|word| {
            if word & (COMPLETE | CANCELLED) != 0 {
                (None, Abort::Nothing)
            } else if word & RUNNING != 0 {
                // Marked as woken as well, so that the poll's end looks at the flag.
                (Some(word | CANCELLED | SCHEDULED), Abort::Nothing)
            } else if word & SCHEDULED != 0 {
                (Some(word | CANCELLED), Abort::LetGo)
            } else {
                (
                    Some(Self::one_more(word) | CANCELLED | SCHEDULED),
                    Abort::Schedule,
                )
            }
        })
    }

    /// The runnable came out of its queue.
    pub(crate) fn begin_poll(&self) -> BeginPoll {
        self.update(|word| {
            debug_assert!(
                word & SCHEDULED != 0,
                "a runnable exists only while scheduled (T3)"
            );
            if word & (RUNNING | COMPLETE) != 0 {
                // A shutdown took the future before us.
                let next = word - REFERENCE;
                let free = next < REFERENCE;
                (
                    Some(next),
                    if free {
                        BeginPoll::Free
                    } else {
                        BeginPoll::Nothing
                    },
                )
            } else {
                let action = if word & CANCELLED != 0 {
                    BeginPoll::Cancel
                } else {
                    BeginPoll::Poll
                };
                (Some(word & !SCHEDULED | RUNNING), action)
            }
        })
    }

    /// The poll was pending.
    pub(crate) fn end_poll(&self) -> EndPoll {
        self.update(|word| {
            debug_assert!(
                word & RUNNING != 0,
                "only the polling thread ends a poll (T1)"
            );
            if word & CANCELLED != 0 {
                (None, EndPoll::Cancel)
            } else if word & SCHEDULED != 0 {
                // The reference that was the runnable's becomes the new runnable's.
                (Some(word & !RUNNING), EndPoll::Schedule)
            } else {
                let next = (word & !RUNNING) - REFERENCE;
                (
                    Some(next),
                    if next < REFERENCE {
                        EndPoll::Free
                    } else {
                        EndPoll::Nothing
                    },
                )
            }
        })
    }

    /// The runtime shuts down: cancels the task, and says whether the caller is to drop the future
    /// and complete the task.
    pub(crate) fn shutdown(&self) -> bool {
        self.update(|word| {
            let idle = word & (RUNNING | COMPLETE) == 0;
            let next = word | CANCELLED | if idle { RUNNING } else { 0 };
            (Some(next), idle)
        })
    }

    /// The output is in its place.
    pub(crate) fn complete(&self) -> Complete {
        // One instruction clears RUNNING and sets COMPLETE: T1 says which of them are set. AcqRel:
        // the output is visible to the join handle, its waker to us.
        let before = self.word.fetch_xor(RUNNING | COMPLETE, AcqRel);
        debug_assert!(before & RUNNING != 0 && before & COMPLETE == 0);
        if before & JOIN_INTEREST == 0 {
            Complete::DropOutput
        } else if before & JOIN_WAKER == 0 {
            Complete::KeepOutput
        } else {
            Complete::WakeJoin
        }
    }

    /// The join handle is ready to have its waker's slot read. Says no if the task has completed,
    /// so that nobody would wake it.
    pub(crate) fn lend_join_waker(&self) -> bool {
        self.update(|word| {
            debug_assert!(word & JOIN_INTEREST != 0 && word & JOIN_WAKER == 0);
            if word & COMPLETE != 0 {
                (None, false)
            } else {
                (Some(word | JOIN_WAKER), true)
            }
        })
    }

    /// The join handle wants its waker's slot back, to put another one in. Says no if the task has
    /// completed.
    pub(crate) fn reclaim_join_waker(&self) -> bool {
        self.update(|word| {
            // The completing thread may have returned the slot since the handle looked (T4).
            debug_assert!(word & JOIN_INTEREST != 0 && word & (JOIN_WAKER | COMPLETE) != 0);
            if word & COMPLETE != 0 {
                (None, false)
            } else {
                (Some(word & !JOIN_WAKER), true)
            }
        })
    }

    /// The join handle is dropped; its reference is still counted.
    pub(crate) fn drop_join(&self) -> DropJoin {
        self.update(|word| {
            debug_assert!(word & JOIN_INTEREST != 0);
            let mut next = word & !JOIN_INTEREST;
            if word & COMPLETE == 0 {
                // The completing thread will find neither interest nor waker.
                next &= !JOIN_WAKER;
            }
            let action = DropJoin {
                output: word & COMPLETE != 0,
                waker: next & JOIN_WAKER == 0,
            };
            (Some(next), action)
        })
    }

    /// The completing thread has woken the join handle. Says whether the waker must be dropped,
    /// because the handle went away in the meantime and left the slot to us.
    pub(crate) fn return_join_waker(&self) -> bool {
        // AcqRel: pairs with `is_join_waker_lent`, and with `drop_join` if the handle is gone.
        let before = self.word.fetch_and(!JOIN_WAKER, AcqRel);
        before & JOIN_INTEREST == 0
    }

    /// The join handle is dropped before anything happened, which is the common case of a task that
    /// nobody waits for. Says no if the general way must be taken.
    pub(crate) fn drop_join_fast(&self) -> bool {
        let fresh = (3 * REFERENCE) | SCHEDULED | JOIN_INTEREST;
        // Release: nothing was done through the handle that the task would have to see, but the
        // last drop of a reference acquires all earlier ones.
        let next = (2 * REFERENCE) | SCHEDULED;
        self.word
            .compare_exchange_weak(fresh, next, Release, Relaxed)
            .is_ok()
    }

    /// One more reference, made from an existing one.
    pub(crate) fn add_reference(&self) {
        // Relaxed: whoever passes the new reference on synchronises by that.
        let before = self.word.fetch_add(REFERENCE, Relaxed);
        if before > isize::MAX as usize {
            // Leaked wakers brought the count near its end; going on would free memory in use.
            std::process::abort();
        }
    }

    /// Gives references up. Says whether the memory must be freed.
    #[must_use]
    pub(crate) fn drop_references(&self, count: usize) -> bool {
        // AcqRel: the one who frees sees what all others did.
        let before = self.word.fetch_sub(count * REFERENCE, AcqRel);
        debug_assert!(
            before / REFERENCE >= count,
            "more references dropped than counted (T5)"
        );
        before / REFERENCE == count
    }

    /// Whether the output is there, or was.
    pub(crate) fn is_complete(&self) -> bool {
        // Acquire: the output is visible.
        self.word.load(Acquire) & COMPLETE != 0
    }

    /// Whether somebody asked to cancel the task.
    pub(crate) fn is_cancelled(&self) -> bool {
        // Relaxed: it decides only whether the task waits; `begin_poll` and `end_poll` look again.
        self.word.load(Relaxed) & CANCELLED != 0
    }

    /// Whether the join waker's slot belongs to the completing thread.
    pub(crate) fn is_join_waker_lent(&self) -> bool {
        // Acquire: only the join handle, which asks, sets the flag; but the completing thread may
        // have returned the slot, and what it read there must be read before we write.
        self.word.load(Acquire) & JOIN_WAKER != 0
    }

    fn one_more(word: usize) -> usize {
        if word > isize::MAX as usize {
            std::process::abort();
        }
        word + REFERENCE
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.word.load(Relaxed);
        let mut names = Vec::new();
        for (flag, name) in [
            (RUNNING, "running"),
            (SCHEDULED, "scheduled"),
            (COMPLETE, "complete"),
            (CANCELLED, "cancelled"),
            (JOIN_INTEREST, "join interest"),
            (JOIN_WAKER, "join waker"),
        ] {
            if word & flag != 0 {
                names.push(name);
            }
        }
        write!(f, "{} ({} references)", names.join("|"), word / REFERENCE)
    }
}
