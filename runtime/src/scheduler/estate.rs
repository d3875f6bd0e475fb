//! What a runtime owns as a whole, whatever its flavour.

use std::sync::Arc;

use runtime_base::shutdown;
use runtime_timer::Clock;

use super::counters::Tallies;
use super::injection::Injection;
use crate::runtime::blocking_pool::BlockingPool;
use crate::runtime::{Id, Settings};
use crate::task;
use crate::task::owned::OwnedTasks;
use crate::watchdog::Watchdog;

/// The parts that every scheduler has, and that the rest of the runtime reaches through it.
pub(crate) struct Estate {
    pub(crate) id: Id,
    pub(crate) settings: Arc<Settings>,
    pub(crate) clock: Clock,
    /// Every task that is not complete.
    pub(crate) owned: OwnedTasks,
    /// What comes in from other threads.
    pub(crate) injection: Injection,
    pub(crate) blocking: BlockingPool,
    pub(crate) tallies: Tallies,
    pub(crate) watchdog: Watchdog,
}

impl Estate {
    /// The estate of a scheduler with so many threads, for each of which another may stand in.
    pub(crate) fn of_workers(
        id: Id,
        threads: usize,
        clock: Clock,
        settings: Arc<Settings>,
    ) -> Self {
        Self::new(id, threads, true, clock, settings)
    }

    /// The estate of a scheduler with one thread, in whose place no other can be.
    pub(crate) fn of_one_thread(id: Id, clock: Clock, settings: Arc<Settings>) -> Self {
        Self::new(id, 1, false, clock, settings)
    }

    fn new(
        id: Id,
        threads: usize,
        can_be_rescued: bool,
        clock: Clock,
        settings: Arc<Settings>,
    ) -> Self {
        shutdown::ask_tasks(task::is_cancelled);
        Self {
            id,
            clock,
            owned: OwnedTasks::new(threads),
            injection: Injection::new(),
            blocking: BlockingPool::new(settings.clone()),
            tallies: Tallies::default(),
            watchdog: Watchdog::new(&settings.stalls, can_be_rescued),
            settings,
        }
    }
}
