//! A queue for many threads, the library's or one that loom understands, and how it ends.
//!
//! `SegQueue` knows nothing of loom, so the models run on a locked queue: they check the protocol
//! around it, which relies on no more than that it is a queue.
//!
//! # Invariants
//!
//! - **N1** After [`close`](Closed::close) and the drain that follows it, nothing stays inside: whoever
//!   pushes later [sees the mark](Closed::is_late) and drains.

use runtime_base::sync::atomic::Ordering::{Relaxed, SeqCst};
use runtime_base::sync::atomic::{AtomicBool, fence};

#[cfg(not(rt_loom))]
pub(crate) use crossbeam_queue::SegQueue as Queue;

#[cfg(rt_loom)]
pub(crate) use locked::Queue;

/// Whether a queue has ended.
pub(crate) struct Closed(AtomicBool);

impl Closed {
    /// It has not.
    pub(crate) fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// The queue ends. The caller drains it.
    pub(crate) fn close(&self) {
        // Relaxed: ordered by the fence.
        self.0.store(true, Relaxed);
        // Partner: the fence in `is_late`. One of the two drains sees what was pushed.
        fence(SeqCst);
    }

    /// The caller has pushed. Whether that may have been after the end, so that the caller drains.
    #[inline]
    #[must_use = "what was pushed after the end stays there for ever"]
    pub(crate) fn is_late(&self) -> bool {
        // Partner: the fence in `close`.
        fence(SeqCst);
        // Relaxed: ordered by the fence.
        self.0.load(Relaxed)
    }
}

#[cfg(rt_loom)]
mod locked {
    use runtime_base::sync::Mutex;
    use std::collections::VecDeque;

    pub(crate) struct Queue<T>(Mutex<VecDeque<T>>);

    impl<T> Queue<T> {
        pub(crate) fn new() -> Self {
            Self(Mutex::new(VecDeque::new()))
        }

        pub(crate) fn push(&self, value: T) {
            self.0.lock().push_back(value);
        }

        pub(crate) fn pop(&self) -> Option<T> {
            self.0.lock().pop_front()
        }

        pub(crate) fn is_empty(&self) -> bool {
            self.0.lock().is_empty()
        }

        pub(crate) fn len(&self) -> usize {
            self.0.lock().len()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime_base::sync::atomic::AtomicUsize;
    use runtime_base::sync::{Arc, model, thread};

    /// A queue that is a counter: all accesses relaxed, so that only the marks order them.
    #[derive(Clone)]
    struct Counter {
        inside: Arc<AtomicUsize>,
        closed: Arc<Closed>,
    }

    impl Counter {
        fn push(&self) {
            self.inside.fetch_add(1, Relaxed);
            if self.closed.is_late() {
                self.drain();
            }
        }

        fn drain(&self) {
            // A load first, as a queue has it: it may miss what another thread has pushed.
            while self.inside.load(Relaxed) > 0 {
                self.inside.swap(0, Relaxed);
            }
        }
    }

    #[test]
    fn nothing_stays_in_a_queue_that_has_ended() {
        model(|| {
            let queue = Counter {
                inside: Arc::new(AtomicUsize::new(0)),
                closed: Arc::new(Closed::new()),
            };
            let producers: Vec<_> = (0..2)
                .map(|_| {
                    let queue = queue.clone();
                    thread::spawn(move || queue.push())
                })
                .collect();
            queue.closed.close();
            queue.drain();
            for producer in producers {
                producer.join().unwrap();
            }
            assert_eq!(queue.inside.load(Relaxed), 0);
        });
    }
}
