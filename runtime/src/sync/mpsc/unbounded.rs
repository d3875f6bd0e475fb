//! The channel without a limit.

use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll};

use runtime_base::driving;
use runtime_base::wait_list::Wakers;

use super::channel::{self, Limit, Receiving, Sending, WeakSending};
use super::error::{SendError, TryRecvError};
use super::queue::{Head, Queue};

/// No limit: closing is the queue's own affair.
pub(super) struct Unbounded;

impl Limit for Unbounded {
    #[inline]
    fn taken(&self, _n: usize) {}

    fn close<T>(&self, queue: &Queue<T>, head: &mut Head<T>, _wakers: &mut Wakers) {
        queue.close(head);
    }

    fn is_closed<T>(&self, queue: &Queue<T>) -> bool {
        queue.is_closed()
    }

    fn is_exhausted<T>(&self, queue: &Queue<T>, head: &Head<T>) -> bool {
        queue.is_exhausted(head)
    }
}

/// Creates a channel without a limit: sending never waits, and the queue grows as long as there is
/// memory.
///
/// Where the senders can be faster than the receiver for long, take [`channel`](super::channel).
///
/// # Examples
///
/// ```
/// use runtime::sync::mpsc;
///
/// #[runtime::main]
/// async fn main() {
///     let (sender, mut receiver) = mpsc::unbounded_channel();
///     sender.send("to be written").unwrap();
///     drop(sender);
///     assert_eq!(receiver.recv().await, Some("to be written"));
///     assert_eq!(receiver.recv().await, None);
/// }
/// ```
pub fn unbounded_channel<T>() -> (UnboundedSender<T>, UnboundedReceiver<T>) {
    let (sending, receiving) = channel::new(Unbounded);
    (UnboundedSender { sending }, UnboundedReceiver { receiving })
}

/// Sends into an unbounded channel. Made by [`unbounded_channel`]; clone it for more senders.
///
/// When the last one is dropped, the receiver ends.
pub struct UnboundedSender<T> {
    sending: Sending<T, Unbounded>,
}

impl<T> UnboundedSender<T> {
    /// Sends the value. This never waits, so it works in any context.
    ///
    /// That the value was sent does not mean that it is received: the receiver may be dropped
    /// before it looks.
    ///
    /// # Errors
    ///
    /// Gives the value back if the receiver was closed or dropped before.
    #[inline]
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.sending.channel().push(message).map_err(SendError)
    }

    /// Waits until the receiver is closed or dropped: nobody needs more values.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn closed(&self) {
        self.sending.channel().closed().await;
    }

    /// Whether the receiver was closed or dropped, so that [`send`](Self::send) fails.
    pub fn is_closed(&self) -> bool {
        self.sending.channel().is_closed()
    }

    /// Whether both send into the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        self.sending.same_channel(&other.sending)
    }

    /// A sender that does not keep the channel open.
    #[must_use = "downgrading has no effect on the sender itself"]
    pub fn downgrade(&self) -> WeakUnboundedSender<T> {
        WeakUnboundedSender {
            sending: self.sending.downgrade(),
        }
    }

    /// How many [`UnboundedSender`]s the channel has.
    pub fn strong_count(&self) -> usize {
        self.sending.channel().strong_count()
    }

    /// How many [`WeakUnboundedSender`]s the channel has.
    pub fn weak_count(&self) -> usize {
        self.sending.channel().weak_count()
    }
}

impl<T> Clone for UnboundedSender<T> {
    fn clone(&self) -> Self {
        Self {
            sending: self.sending.clone(),
        }
    }
}

impl<T> fmt::Debug for UnboundedSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnboundedSender").finish_non_exhaustive()
    }
}

/// A sender that does not keep its unbounded channel open. Made by [`UnboundedSender::downgrade`].
///
/// It sends after [`upgrade`](Self::upgrade), which works as long as another sender exists.
pub struct WeakUnboundedSender<T> {
    sending: WeakSending<T, Unbounded>,
}

impl<T> WeakUnboundedSender<T> {
    /// A sender, if the channel still has one.
    pub fn upgrade(&self) -> Option<UnboundedSender<T>> {
        let sending = self.sending.upgrade()?;
        Some(UnboundedSender { sending })
    }

    /// How many [`UnboundedSender`]s the channel has.
    pub fn strong_count(&self) -> usize {
        self.sending.channel().strong_count()
    }

    /// How many [`WeakUnboundedSender`]s the channel has.
    pub fn weak_count(&self) -> usize {
        self.sending.channel().weak_count()
    }
}

impl<T> Clone for WeakUnboundedSender<T> {
    fn clone(&self) -> Self {
        Self {
            sending: self.sending.clone(),
        }
    }
}

impl<T> fmt::Debug for WeakUnboundedSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakUnboundedSender").finish()
    }
}

/// Receives from an unbounded channel. Made by [`unbounded_channel`].
///
/// Dropping it closes the channel and drops what is queued.
pub struct UnboundedReceiver<T> {
    receiving: Receiving<T, Unbounded>,
}

receiver_methods!(
    UnboundedReceiver,
    "UnboundedReceiver",
    "unbounded_channel()",
    "send",
    "UnboundedSender",
    "WeakUnboundedSender"
);
