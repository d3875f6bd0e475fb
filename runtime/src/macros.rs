//! Stub: macros.
