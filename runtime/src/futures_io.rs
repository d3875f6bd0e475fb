//! Stub: futures_io.
