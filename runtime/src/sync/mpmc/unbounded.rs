//! The channel without a limit.

use std::fmt;

use super::channel::{self, Receiving, Sending, WeakReceiving, WeakSending};
use super::error::{SendError, TryRecvError};
use crate::sync::permits::Permits;

/// Creates a channel without a limit: sending never waits, and the queue grows as long as there is
/// memory.
///
/// Where the senders can be faster than the receivers for long, take [`channel`](super::channel).
///
/// # Examples
///
/// ```
/// use runtime::sync::mpmc;
///
/// #[runtime::main]
/// async fn main() {
///     let (sender, receiver) = mpmc::unbounded_channel();
///     sender.send("to be written").unwrap();
///     drop(sender);
///     assert_eq!(receiver.recv().await, Some("to be written"));
///     assert_eq!(receiver.recv().await, None);
/// }
/// ```
pub fn unbounded_channel<T>() -> (UnboundedSender<T>, UnboundedReceiver<T>) {
    let (sending, receiving) = channel::new(Permits::MAX);
    (UnboundedSender { sending }, UnboundedReceiver { receiving })
}

/// Sends into an unbounded channel. Made by [`unbounded_channel`]; clone it for more senders.
///
/// When the last one is dropped, the receivers end.
pub struct UnboundedSender<T> {
    sending: Sending<T>,
}

impl<T> UnboundedSender<T> {
    /// Sends the value. This never waits, so it works in any context.
    ///
    /// That the value was sent does not mean that it is received: the receivers may be dropped
    /// before they look.
    ///
    /// # Errors
    ///
    /// Gives the value back if the channel was closed or the last receiver dropped before.
    #[inline]
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        // Refused only when closed: memory ends before this room does.
        match self.sending.channel().try_acquire() {
            Ok(()) => {
                self.sending.channel().push(message);
                Ok(())
            }
            Err(_) => Err(SendError(message)),
        }
    }
}

sender_methods!(
    UnboundedSender,
    WeakUnboundedSender,
    "UnboundedSender",
    "WeakUnboundedSender",
    "unbounded_channel()",
    "send"
);

receiver!(
    UnboundedReceiver,
    WeakUnboundedReceiver,
    "UnboundedReceiver",
    "WeakUnboundedReceiver",
    "unbounded_channel()",
    "send"
);
