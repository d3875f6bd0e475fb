//! Stub: permits.
