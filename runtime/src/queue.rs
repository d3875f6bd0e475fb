//! A queue for many threads: the library's, or one that loom understands.
//!
//! `SegQueue` knows nothing of loom, so the models run on a locked queue: they check the protocol
//! around it, which relies on no more than that it is a queue.

#[cfg(not(rt_loom))]
pub(crate) use crossbeam_queue::SegQueue as Queue;

#[cfg(rt_loom)]
pub(crate) use locked::Queue;

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
