//! The name of a task.

use std::cell::Cell;
use std::fmt;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Identifies a task among all tasks of the process that are alive; numbers are not used again.
#[derive(Clone, Copy, Debug, Hash, Eq, PartialEq, PartialOrd, Ord)]
pub struct Id(NonZeroU64);

thread_local! {
    /// The task that this thread polls or drops.
    static CURRENT: Cell<Option<Id>> = const { Cell::new(None) };
    /// The numbers this thread may give out: next and end.
    static RESERVED: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

/// How many numbers a thread takes from the common counter at a time; chosen so that spawning on
/// several threads does not fight over the counter's cache line.
const RESERVE: u64 = 1 << 10;

impl Id {
    pub(crate) fn next() -> Self {
        // Relaxed: the numbers must differ, nothing else.
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = RESERVED
            .try_with(|reserved| {
                let (mut next, mut end) = reserved.get();
                if next == end {
                    next = NEXT.fetch_add(RESERVE, Relaxed);
                    end = next + RESERVE;
                }
                reserved.set((next + 1, end));
                next
            })
            // The thread is ending.
            .unwrap_or_else(|_| NEXT.fetch_add(1, Relaxed));
        Self(NonZeroU64::new(number).expect("2^64 tasks were spawned"))
    }

    /// The task of this [`number`](Self::number), unless it is 0.
    pub(crate) fn from_number(number: u64) -> Option<Self> {
        NonZeroU64::new(number).map(Self)
    }

    pub(crate) fn number(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The [`Id`] of the task that is being polled or dropped on this thread.
///
/// # Panics
///
/// Outside of a task, and that includes the future given to `block_on`. See [`try_id`].
#[track_caller]
pub fn id() -> Id {
    try_id().expect("Can't get a task id when not inside a task; use `task::try_id` to ask first")
}

/// The [`Id`] of the task that is being polled or dropped on this thread, if there is one.
pub fn try_id() -> Option<Id> {
    CURRENT.try_with(Cell::get).unwrap_or(None)
}

/// Restores the task that was current before. Made by [`enter`].
pub(crate) struct CurrentGuard(Option<Id>);

/// Makes `id` the current task of this thread until the guard is dropped.
#[inline]
pub(crate) fn enter(id: Id) -> CurrentGuard {
    CurrentGuard(
        CURRENT
            .try_with(|current| current.replace(Some(id)))
            .unwrap_or(None),
    )
}

impl Drop for CurrentGuard {
    #[inline]
    fn drop(&mut self) {
        let _ = CURRENT.try_with(|current| current.set(self.0));
    }
}
