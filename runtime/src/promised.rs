//! Blocking work that happens, whatever becomes of the runtime.
//!
//! A write to a file or to standard output is ready when the data are handed over. From then on the
//! data must not be lost, also if the runtime shuts down and its pool drops the jobs that wait. So
//! the work is done when the job is dropped, too: on whichever thread shuts the pool down.
//!
//! A job may also be dropped by the very call that hands it over, because the pool is closed. Then
//! nothing is done, and that is an error. The lock says which of the two it was.

use std::sync::Arc;

use parking_lot::Mutex;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The pool is being asked.
    Offered,
    /// The user was told that the data are handed over.
    Promised,
    /// The pool did not want it.
    Refused,
}

/// The job.
pub(crate) struct Promised<R, F: FnOnce() -> R> {
    /// `None` after it was done.
    work: Option<F>,
    stage: Arc<Mutex<Stage>>,
}

/// What is left with the one who hands it over.
pub(crate) struct Promise {
    stage: Arc<Mutex<Stage>>,
}

/// Makes a job of `work`.
pub(crate) fn offer<R, F: FnOnce() -> R>(work: F) -> (Promised<R, F>, Promise) {
    let stage = Arc::new(Mutex::new(Stage::Offered));
    let promised = Promised {
        work: Some(work),
        stage: stage.clone(),
    };
    (promised, Promise { stage })
}

impl Promise {
    /// From now on the work is done. Says whether it still can.
    #[must_use]
    pub(crate) fn give(self) -> bool {
        let mut stage = self.stage.lock();
        if *stage == Stage::Refused {
            return false;
        }
        *stage = Stage::Promised;
        true
    }
}

impl<R, F: FnOnce() -> R> Promised<R, F> {
    /// Does it.
    pub(crate) fn run(mut self) -> R {
        let work = self.work.take().expect("only this and the drop take it");
        work()
    }
}

impl<R, F: FnOnce() -> R> Drop for Promised<R, F> {
    fn drop(&mut self) {
        let Some(work) = self.work.take() else {
            return;
        };
        let stage = std::mem::replace(&mut *self.stage.lock(), Stage::Refused);
        if stage == Stage::Promised {
            // There is nobody left to be told how it went.
            drop(work());
        }
    }
}

#[cfg(all(test, not(rt_loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_is_promised_is_done_though_the_job_is_dropped() {
        let mut done = 0;
        let (job, promise) = offer(|| done += 1);
        assert!(promise.give());
        drop(job);
        let (job, promise) = offer(|| done += 10);
        assert!(promise.give());
        job.run();
        assert_eq!(done, 11);
    }

    #[test]
    fn what_was_refused_cannot_be_promised() {
        let mut done = false;
        let (job, promise) = offer(|| done = true);
        drop(job);
        assert!(!promise.give());
        assert!(!done);
    }
}
