//! The stream of an mpmc receiver.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::repeated::{Repeated, repeated};
use crate::sync::mpmc::{Receiver, UnboundedReceiver};

/// The values that an [`mpmc::Receiver`](Receiver) receives.
///
/// A stream keeps its place among the receivers that wait from one poll to the next, and is given
/// values in its turn: one that waits and is neither polled nor dropped holds up a value that others
/// could have. It ends when the channel is closed and everything was received; polled after that it
/// ends again.
///
/// # Examples
///
/// ```
/// use std::future::poll_fn;
/// use std::pin::Pin;
///
/// use futures_core::Stream;
/// use runtime::stream::MpmcStream;
/// use runtime::sync::mpmc;
///
/// # #[runtime::main]
/// # async fn main() {
/// let (sender, receiver) = mpmc::channel(8);
/// let mut stream = MpmcStream::new(receiver.clone());
/// sender.send(1).await.unwrap();
/// sender.send(2).await.unwrap();
/// assert_eq!(poll_fn(|cx| Pin::new(&mut stream).poll_next(cx)).await, Some(1));
/// assert_eq!(receiver.recv().await, Some(2));
/// # }
/// ```
#[must_use = "streams do nothing unless polled"]
pub struct MpmcStream<T> {
    stream: Repeated<T>,
}

impl<T: Send + 'static> MpmcStream<T> {
    /// The stream of what `receiver` receives; keep a clone to close the channel.
    pub fn new(receiver: Receiver<T>) -> Self {
        let stream = repeated(receiver, async |receiver| (receiver.recv().await, receiver));
        Self { stream }
    }

    /// The stream of what the receiver of an unbounded channel receives.
    pub fn new_unbounded(receiver: UnboundedReceiver<T>) -> Self {
        let stream = repeated(receiver, async |receiver| (receiver.recv().await, receiver));
        Self { stream }
    }
}

impl<T: Send + 'static> From<Receiver<T>> for MpmcStream<T> {
    fn from(receiver: Receiver<T>) -> Self {
        Self::new(receiver)
    }
}

impl<T: Send + 'static> From<UnboundedReceiver<T>> for MpmcStream<T> {
    fn from(receiver: UnboundedReceiver<T>) -> Self {
        Self::new_unbounded(receiver)
    }
}

impl<T> Stream for MpmcStream<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.stream.as_mut().poll_next(cx)
    }
}

impl<T> fmt::Debug for MpmcStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MpmcStream").finish_non_exhaustive()
    }
}
