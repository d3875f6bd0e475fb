//! Stub: barrier.
