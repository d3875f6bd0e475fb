//! Stub: io.
