//! Stub: notify.
