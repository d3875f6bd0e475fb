//! The primitives on every flavour, with bad input, with wakers that misbehave, and as streams.

#[path = "sync/channels.rs"]
mod channels;
#[path = "sync/locks.rs"]
mod locks;
#[path = "sync/misuse.rs"]
mod misuse;
#[path = "sync/streams.rs"]
mod streams;
#[path = "sync/tasks.rs"]
mod tasks;
#[path = "sync/wakers.rs"]
mod wakers;
