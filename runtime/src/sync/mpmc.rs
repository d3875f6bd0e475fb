//! A queue of values from many tasks to many: each value goes to exactly one receiver.
//!
//! For work that any of several workers may do. (To give every value to every receiver, take
//! [`broadcast`](super::broadcast); with a single receiver [`mpsc`](super::mpsc) is faster.)
//!
//! [`channel`] makes a bounded one: when it is full, senders wait until a receiver has made room, in
//! the order in which they came. [`unbounded_channel`] makes one that grows as long as there is
//! memory, and whose senders never wait.
//!
//! Senders and receivers are cloned. Values are received in the order in which they were sent, and
//! receivers that wait get their turn in the order in which they began to wait. When the last sender
//! is dropped, the receivers end with `None` after everything was received. When the channel is
//! closed, or the last receiver dropped, senders get their values back.
//!
//! Both work on any executor and outside of one: `blocking_send` and `blocking_recv` connect them to
//! threads, and the senders of an unbounded channel work anywhere as they are.
//!
//! ```
//! use runtime::sync::mpmc;
//! use runtime::task::JoinSet;
//!
//! #[runtime::main]
//! async fn main() {
//!     let (sender, receiver) = mpmc::channel(16);
//!     let mut workers = JoinSet::new();
//!     for _ in 0..4 {
//!         let receiver = receiver.clone();
//!         workers.spawn(async move {
//!             let mut sum = 0;
//!             while let Some(number) = receiver.recv().await {
//!                 sum += number;
//!             }
//!             sum
//!         });
//!     }
//!     for number in 1..=100 {
//!         sender.send(number).await.unwrap();
//!     }
//!     drop(sender);
//!     assert_eq!(workers.join_all().await.iter().sum::<i32>(), 5050);
//! }
//! ```
//!
//! # How it works
//!
//! A lock-free queue between two fair counters, `room` and `items`:
//!
//! ```text
//!   send:  take one from `room` ─► push the value ─► give one to `items`
//!   recv:  take one from `items` ─► pop a value ──► give one to `room`
//! ```
//!
//! Who waits, waits at a counter, so the counters give both sides their fairness, and a future that
//! is dropped returns its turn to the counter. Nothing is ever between two awaits: taking from
//! `items` is the only wait of a receiver, and the value stays in the queue until it is over.
//! [`channel`](mod@channel) has the invariants and says how it ends. An unbounded channel is one
//! with more room than there is memory.
#![allow(rustdoc::private_intra_doc_links)] // For those who read the code.

#[macro_use]
mod receiver;
#[macro_use]
mod sender;

mod bounded;
mod channel;
mod permit;
mod unbounded;

/// What sending and receiving can end with: the errors of [`mpsc`](super::mpsc).
pub mod error {
    pub use crate::sync::mpsc::error::{SendError, SendTimeoutError, TryRecvError, TrySendError};
}

pub use self::bounded::{Receiver, Sender, WeakReceiver, WeakSender, channel};
pub use self::permit::{OwnedPermit, Permit};
pub use self::unbounded::{
    UnboundedReceiver, UnboundedSender, WeakUnboundedReceiver, WeakUnboundedSender,
    unbounded_channel,
};

#[cfg(test)]
mod tests;
