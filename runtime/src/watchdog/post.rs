//! What a scheduler thread lets the watchdog see.
//!
//! All accesses are `Relaxed`: the monitor compares what it sees now with what it saw some
//! milliseconds ago, and what it acts on is checked again where the seat is taken
//! (`scheduler/tenure.rs`).

use std::panic::Location;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64};

use runtime_base::sync::atomic::AtomicBool;
use runtime_base::sync::atomic::Ordering::Relaxed;

use super::whereabouts::{self, ThreadNumber};
use crate::task::Id;

/// What one thread does. Written by that thread, with every poll: on cache lines that nobody else writes;
/// 128 bytes because Intel's prefetcher fetches pairs of lines.
#[repr(align(128))]
pub(crate) struct Post {
    /// Grows by one when a poll begins and when it ends: odd in a poll.
    turn: AtomicU64,
    /// The number of the task of the last poll, or [`BLOCKED_ON`](Self::BLOCKED_ON).
    task: AtomicU64,
    /// Where that task was spawned.
    spawned_at: AtomicPtr<Location<'static>>,
    /// The system's number of the thread, or 0.
    thread: AtomicU32,
    /// Whether it is not asleep in its driver.
    awake: AtomicBool,
}

/// Ends a poll when dropped. Made by [`Post::begin`].
pub(crate) struct InPoll<'a>(&'a Post);

impl Post {
    /// Instead of a task: the future that a thread blocks on.
    pub(crate) const BLOCKED_ON: u64 = 0;

    /// A post where no thread is.
    pub(crate) fn of_nobody() -> Self {
        Self {
            turn: AtomicU64::new(0),
            task: AtomicU64::new(Self::BLOCKED_ON),
            spawned_at: AtomicPtr::new(ptr::null_mut()),
            thread: AtomicU32::new(0),
            awake: AtomicBool::new(false),
        }
    }

    /// The post of the calling thread.
    pub(crate) fn of_this_thread() -> Self {
        let post = Self::of_nobody();
        post.taken_by_this_thread();
        post
    }

    /// From now on it is the calling thread's.
    pub(crate) fn taken_by_this_thread(&self) {
        let number = whereabouts::current_thread_number().to_bits();
        self.thread.store(number, Relaxed);
    }

    /// A poll begins; it ends with the guard.
    #[inline]
    pub(crate) fn begin(&self, task: u64, spawned_at: &'static Location<'static>) -> InPoll<'_> {
        self.task.store(task, Relaxed);
        self.spawned_at
            .store(ptr::from_ref(spawned_at).cast_mut(), Relaxed);
        self.step();
        InPoll(self)
    }

    /// Nobody depends on this thread any more. Says whether it is in a poll, which goes on unseen.
    pub(crate) fn leave(&self) -> bool {
        let was_in_poll = is_in_poll(self.turn());
        if was_in_poll {
            self.step();
        }
        was_in_poll
    }

    /// This thread, which [`leave`](Self::leave)d within a poll, has its seat again.
    pub(crate) fn come_back(&self) {
        self.step();
    }

    #[inline]
    fn step(&self) {
        self.turn.store(self.turn().wrapping_add(1), Relaxed);
    }

    pub(crate) fn goes_to_sleep(&self) {
        self.awake.store(false, Relaxed);
    }

    pub(super) fn wakes_up(&self) {
        self.awake.store(true, Relaxed);
    }

    pub(super) fn is_awake(&self) -> bool {
        self.awake.load(Relaxed)
    }

    /// Different after each beginning and each end of a poll.
    #[inline]
    pub(crate) fn turn(&self) -> u64 {
        self.turn.load(Relaxed)
    }

    /// The task of the poll, unless it is the future that a thread blocks on.
    pub(crate) fn task(&self) -> Option<Id> {
        Id::from_number(self.task.load(Relaxed))
    }

    #[allow(unsafe_code)] // Reads a pointer that was a reference for ever.
    pub(crate) fn spawned_at(&self) -> Option<&'static Location<'static>> {
        // SAFETY: only `begin` stores it, and it has a reference that lives for ever.
        unsafe { self.spawned_at.load(Relaxed).as_ref() }
    }

    pub(super) fn thread(&self) -> ThreadNumber {
        ThreadNumber::from_bits(self.thread.load(Relaxed))
    }
}

/// Whether a turn is one in which something is polled.
pub(super) fn is_in_poll(turn: u64) -> bool {
    turn % 2 == 1
}

impl Drop for InPoll<'_> {
    #[inline]
    fn drop(&mut self) {
        // A poll that left and did not come back is even already, and must stay so.
        self.0
            .turn
            .store((self.0.turn() | 1).wrapping_add(1), Relaxed);
    }
}
