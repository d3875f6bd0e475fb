//! Stub: semaphore.
