//! Wakers collected under a lock and woken after it.
//!
//! Waking runs code that the runtime does not know: it may take locks, wake others, drop futures, or
//! panic. So whoever holds a lock takes the wakers out into a [`WakeBatch`], lets go of the lock, and
//! then wakes them.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::task::Waker;

/// Calls `f` for each of `items`, also for those behind one for which it panics. The first panic goes on
/// when all had their turn.
pub fn for_each_despite_panics<T>(mut items: impl Iterator<Item = T>, mut f: impl FnMut(T)) {
    let mut first_panic = None;
    while let Err(panic) = catch_unwind(AssertUnwindSafe(|| items.by_ref().for_each(&mut f))) {
        match first_panic {
            None => first_panic = Some(panic),
            // Dropping a payload may panic in turn.
            Some(_) => std::mem::forget(panic),
        }
    }
    if let Some(panic) = first_panic {
        resume_unwind(panic);
    }
}

/// A growing list of wakers that keeps its memory between uses.
///
/// Dropping a batch drops its wakers without waking them.
#[derive(Debug, Default)]
#[must_use = "wakers that are not woken leave their tasks asleep"]
pub struct WakeBatch {
    wakers: Vec<Waker>,
}

impl WakeBatch {
    /// An empty batch that has not allocated.
    pub const fn new() -> Self {
        Self { wakers: Vec::new() }
    }

    /// Adds a waker.
    #[inline]
    pub fn push(&mut self, waker: Waker) {
        self.wakers.push(waker);
    }

    /// Adds the waker, if there is one.
    #[inline]
    pub fn extend(&mut self, waker: Option<Waker>) {
        if let Some(waker) = waker {
            self.wakers.push(waker);
        }
    }

    /// How many wakers are in the batch.
    pub fn len(&self) -> usize {
        self.wakers.len()
    }

    /// Whether there is nobody to wake.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.wakers.is_empty()
    }

    /// Wakes all, in the order they were added, and leaves the batch empty. The caller holds no
    /// lock.
    ///
    /// # Panics
    ///
    /// When a waker panics the others are still woken; then the first panic goes on.
    pub fn wake_all(&mut self) {
        // Reversed once, so that popping gives the order of adding; what a panic leaves behind is
        // still in the vector and goes on from there.
        self.wakers.reverse();
        for_each_despite_panics(std::iter::from_fn(|| self.wakers.pop()), Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::Mutex;
    use std::task::Wake;

    struct Recorder {
        id: u32,
        panics: bool,
        log: Arc<Mutex<Vec<u32>>>,
    }

    impl Wake for Recorder {
        fn wake(self: Arc<Self>) {
            self.log.lock().unwrap().push(self.id);
            assert!(!self.panics, "waker {} panics on purpose", self.id);
        }
    }

    #[test]
    fn a_panicking_waker_keeps_nobody_else_asleep() {
        let log = Arc::new(Mutex::new(Vec::new()));
        let mut batch = WakeBatch::new();
        for id in 0..5 {
            let recorder = Recorder {
                id,
                panics: id == 1 || id == 3,
                log: log.clone(),
            };
            batch.push(Waker::from(Arc::new(recorder)));
        }
        let panic = catch_unwind(AssertUnwindSafe(|| batch.wake_all())).unwrap_err();
        assert!(panic.downcast_ref::<String>().unwrap().contains("waker 1"));
        // The lock is not poisoned: the panic happens after the log is written and released.
        assert_eq!(*log.lock().unwrap(), [0, 1, 2, 3, 4]);
        assert!(batch.is_empty());
    }
}
