//! A deadline and, once it was polled, its entry in a wheel: what all futures of this crate wait
//! with.
//!
//! ```text
//!            first poll                 poll finds the entry gone
//!  Unpolled ────────────► Registered ─────────────────────────────► Elapsed
//!   Reset ▲   └─ the deadline is over ────────────────────────────────▲ │
//!         └────────────────────◄──────── reset ────────◄────────────────┘
//! ```
//!
//! The entry holds the waker and the alarm holds the entry's key, so an alarm is not pinned by its
//! registration and can be dropped on any thread.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use runtime_base::{coop, misuse, shutdown};

use crate::clock;
use crate::current;
use crate::instant::Instant;
use crate::timers::{Insert, Look, Timers};
use crate::wheel::EntryKey;

/// Completes at a deadline.
pub(crate) struct Alarm {
    deadline: Instant,
    /// Where the entry is, or goes unless the polling thread has a nearer wheel of this runtime.
    home: Arc<Timers>,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Not polled since it was made.
    Unpolled,
    /// Not polled since it was reset. Unlike a new one, it counts as elapsed when its time is over:
    /// a loop may reset it and look at it without ever polling, as it may with Tokio's.
    Reset,
    /// As `Unpolled`; the deadline was in the future when it was made, so the first poll does not look
    /// at the clock. Most alarms are polled as soon as they are made.
    UnpolledAhead,
    Registered(EntryKey),
    Elapsed,
}

impl Alarm {
    /// An alarm for `deadline`, on the timers of this thread.
    #[track_caller]
    pub(crate) fn at(deadline: Instant) -> Self {
        Self {
            deadline,
            home: current::timers(),
            state: State::Unpolled,
        }
    }

    /// An alarm for `duration` from now, on the timers of this thread.
    #[track_caller]
    pub(crate) fn after(duration: Duration) -> Self {
        let home = current::timers();
        Self {
            deadline: home.clock().now().add_or_far(duration),
            state: if duration.is_zero() {
                State::Unpolled
            } else {
                State::UnpolledAhead
            },
            home,
        }
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// What the clock of this alarm shows.
    pub(crate) fn now(&self) -> Instant {
        self.home.clock().now()
    }

    /// Whether the deadline came after the first poll or reset.
    pub(crate) fn is_elapsed(&self) -> bool {
        match self.state {
            State::Unpolled | State::UnpolledAhead => false,
            State::Reset => self.deadline <= self.now(),
            State::Registered(key) => self.home.has_fired(key),
            State::Elapsed => true,
        }
    }

    /// Changes the deadline. A registered alarm keeps its waker, and wakes it at the new deadline; at
    /// once if that is over.
    pub(crate) fn reset(&mut self, deadline: Instant) {
        self.deadline = deadline;
        if let State::Registered(key) = self.state {
            // The wheel would find out only when it turns, and the next poll is to complete.
            if !self.may_be_over() || deadline > self.now() {
                if self.home.reset(key, deadline) {
                    return;
                }
            } else {
                self.home.fire(key);
            }
        }
        self.state = State::Reset;
    }

    /// Whether only a look at the clock tells that the deadline is in the future.
    fn may_be_over(&self) -> bool {
        // A test may have moved the clock, and expects exact answers.
        clock::any_ever_paused() || !current::is_far_ahead(self.deadline)
    }

    /// Changes the deadline of an alarm that has elapsed to one that is known to be in the future.
    pub(crate) fn reset_ahead(&mut self, deadline: Instant) {
        debug_assert!(matches!(self.state, State::Elapsed));
        self.deadline = deadline;
        self.state = State::UnpolledAhead;
    }

    /// Completes when the deadline has come, and from then on at every poll.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let coop = ready!(coop::poll_proceed(cx));
        ready!(match self.state {
            State::Reset => self.poll_first(cx, true),
            State::Unpolled => {
                let may_be_over = self.may_be_over();
                self.poll_first(cx, may_be_over)
            }
            // See `may_be_over`.
            State::UnpolledAhead => self.poll_first(cx, clock::any_ever_paused()),
            State::Registered(key) => self.poll_registered(key, cx),
            State::Elapsed => Poll::Ready(()),
        });
        self.state = State::Elapsed;
        coop.made_progress();
        Poll::Ready(())
    }

    fn poll_first(&mut self, cx: &mut Context<'_>, look_at_clock: bool) -> Poll<()> {
        if look_at_clock && self.deadline <= self.home.clock().now() {
            if self.home.is_shut_down() {
                return shut_down(cx);
            }
            return Poll::Ready(());
        }
        // The worker that polls a task sleeps for its timers, so that a timer wakes one thread and
        // not two.
        if let Some(nearer) = current::nearer_than(&self.home) {
            self.home = nearer;
        }
        match self.home.insert(self.deadline, cx.waker().clone()) {
            Insert::Waiting(key) => {
                self.state = State::Registered(key);
                Poll::Pending
            }
            Insert::Due => Poll::Ready(()),
            Insert::ShutDown => shut_down(cx),
        }
    }

    fn poll_registered(&mut self, key: EntryKey, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match self.home.look(key, cx.waker()) {
                Look::Waiting => return Poll::Pending,
                Look::Fired => return Poll::Ready(()),
                Look::ShutDown => return shut_down(cx),
                // If it fires in between it wakes the other task, and the next look tells.
                Look::WaitingForAnother => {
                    if self.home.replace_waker(key, cx.waker().clone()) {
                        return Poll::Pending;
                    }
                }
            }
        }
    }
}

#[cold]
fn shut_down(cx: &Context<'_>) -> Poll<()> {
    if shutdown::is_cancelled(cx.waker()) {
        return Poll::Pending;
    }
    panic!(
        "{} Poll timers only while the runtime that they were created in is running.",
        misuse::SHUTTING_DOWN
    )
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if let State::Registered(key) = self.state {
            self.home.remove(key);
        }
    }
}

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alarm")
            .field("deadline", &self.deadline)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
