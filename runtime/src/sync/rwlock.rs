//! Stub: rwlock.
