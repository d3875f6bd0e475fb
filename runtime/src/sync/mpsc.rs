//! A queue of values from many tasks to one.
//!
//! [`channel`] makes a bounded one: when it is full, senders wait until the receiver has made room,
//! in the order in which they came. [`unbounded_channel`] makes one that grows as long as there is
//! memory, and whose senders never wait.
//!
//! Senders are cloned. The receiver ends, with `None`, when the last of them is dropped and
//! everything was received; senders get their values back when the receiver is closed or dropped.
//! Values of one sender arrive in the order in which they were sent.
//!
//! Both work on any executor and outside of one: `blocking_send` and `blocking_recv` connect them to
//! threads, and the senders of an unbounded channel work anywhere as they are.
//!
//! ```
//! use runtime::sync::mpsc;
//!
//! #[runtime::main]
//! async fn main() {
//!     let (sender, mut receiver) = mpsc::channel(100);
//!     runtime::spawn(async move {
//!         for line in ["first", "second"] {
//!             if sender.send(line).await.is_err() {
//!                 return; // The receiver is gone.
//!             }
//!         }
//!     });
//!     assert_eq!(receiver.recv().await, Some("first"));
//!     assert_eq!(receiver.recv().await, Some("second"));
//!     assert_eq!(receiver.recv().await, None);
//! }
//! ```
//!
//! # How it works
//!
//! The values are in a lock-free [`queue`] of linked blocks. What both kinds of channel need around
//! it (the receiver's waker, the counts of senders) is in [`mod@channel`]. An unbounded channel
//! adds nothing; a [`bounded`] one adds a fair counter with one permit for each value that
//! may be queued. A send into an unbounded channel is two atomic operations, into a bounded one
//! three, if nobody has to be woken.
#![allow(rustdoc::private_intra_doc_links)] // For those who read the code.

#[macro_use]
mod receiver;

mod block;
mod bounded;
mod channel;
pub mod error;
mod permit;
mod queue;
mod unbounded;

pub use self::bounded::{Receiver, Sender, WeakSender, channel};
pub use self::permit::{OwnedPermit, Permit, PermitIterator};
pub use self::unbounded::{
    UnboundedReceiver, UnboundedSender, WeakUnboundedSender, unbounded_channel,
};

#[cfg(test)]
mod tests;
