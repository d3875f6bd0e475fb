//! Stub: set_once.
