//! Stub: mutex.
