//! Attribute macros of the runtime.
