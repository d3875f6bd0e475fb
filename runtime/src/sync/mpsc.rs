//! Stub.
mod block;
mod queue;
