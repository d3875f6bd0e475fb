//! Stub: task.
