//! Stub: time.
