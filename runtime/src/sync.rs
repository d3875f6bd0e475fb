//! Stub: sync.
