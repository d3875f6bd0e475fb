//! In place of task dumps, where the feature `taskdump` is not asked for.

/// What the scheduler asks of task dumps.
pub(crate) mod requests {
    use runtime_base::coop;

    use crate::task::{Id, Runnable};

    #[inline]
    pub(crate) fn are_there() -> bool {
        false
    }

    #[inline]
    pub(crate) fn task_ended(_id: Id) {}

    #[inline]
    pub(crate) fn task_polled(_id: Id) {}

    /// Nobody.
    #[must_use]
    pub(crate) enum Untold {}

    impl Untold {
        pub(crate) fn tell(self) {}
    }

    #[inline]
    pub(crate) fn task_held_up(_id: Id) -> Option<Untold> {
        None
    }

    #[inline]
    pub(crate) fn task_came_back(_id: Id) {}

    pub(crate) fn run(task: Runnable) {
        coop::with_budget(|| task.run());
    }
}
