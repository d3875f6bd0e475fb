//! What a runtime counts.

use super::Handle;
use super::handle::Flavor;

/// Counters of a runtime, read at the moment of the call. Made by [`Handle::metrics`].
#[derive(Debug, Clone)]
pub struct RuntimeMetrics {
    handle: Handle,
}

impl RuntimeMetrics {
    pub(crate) fn new(handle: Handle) -> Self {
        Self { handle }
    }

    /// How many workers there are; 1 for a current-thread runtime.
    pub fn num_workers(&self) -> usize {
        match &self.handle.flavor {
            Flavor::CurrentThread(_) => 1,
            Flavor::MultiThread(scheduler) => scheduler.worker_count(),
        }
    }

    /// How many tasks were spawned and are not complete. Blocking work is not counted.
    pub fn num_alive_tasks(&self) -> usize {
        match &self.handle.flavor {
            Flavor::CurrentThread(scheduler) => scheduler.owned().len(),
            Flavor::MultiThread(scheduler) => scheduler.owned().len(),
        }
    }

    /// How many tasks wait in the queue that all threads share.
    pub fn global_queue_depth(&self) -> usize {
        match &self.handle.flavor {
            Flavor::CurrentThread(scheduler) => scheduler.injection().len(),
            Flavor::MultiThread(scheduler) => scheduler.injection().len(),
        }
    }
}
