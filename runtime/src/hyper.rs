//! Stub: hyper.
