//! The values between the two counters.
//!
//! `SegQueue` knows nothing of loom, so the models run on a locked queue: they check the protocol
//! around it, which relies on no more than that it is a queue.

#[cfg(not(rt_loom))]
pub(super) use crossbeam_queue::SegQueue as Queue;

#[cfg(rt_loom)]
pub(super) use locked::Queue;

#[cfg(rt_loom)]
mod locked {
    use runtime_base::sync::Mutex;
    use std::collections::VecDeque;

    pub(in super::super) struct Queue<T>(Mutex<VecDeque<T>>);

    impl<T> Queue<T> {
        pub(in super::super) fn new() -> Self {
            Self(Mutex::new(VecDeque::new()))
        }

        pub(in super::super) fn push(&self, value: T) {
            self.0.lock().push_back(value);
        }

        pub(in super::super) fn pop(&self) -> Option<T> {
            self.0.lock().pop_front()
        }

        pub(in super::super) fn len(&self) -> usize {
            self.0.lock().len()
        }
    }
}
