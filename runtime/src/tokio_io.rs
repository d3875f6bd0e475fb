//! Stub: tokio_io.
