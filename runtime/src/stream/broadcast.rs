//! The stream of a broadcast receiver.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::repeated::{Repeated, repeated};
use crate::sync::broadcast::Receiver;
use crate::sync::broadcast::error::RecvError;

/// The values that a [`broadcast::Receiver`](Receiver) receives.
///
/// A receiver that was too slow yields an error with the number of values that it missed, and goes
/// on with the oldest that is still there. The stream ends when the last sender is gone and
/// everything was received; polled after that it ends again.
///
/// # Examples
///
/// ```
/// use std::future::poll_fn;
/// use std::pin::Pin;
///
/// use futures_core::Stream;
/// use runtime::stream::{BroadcastStream, BroadcastStreamRecvError};
/// use runtime::sync::broadcast;
///
/// # #[runtime::main]
/// # async fn main() {
/// let (sender, receiver) = broadcast::channel(1);
/// let mut stream = BroadcastStream::new(receiver);
/// sender.send(1).unwrap();
/// sender.send(2).unwrap();
/// drop(sender);
/// let mut items = Vec::new();
/// while let Some(item) = poll_fn(|cx| Pin::new(&mut stream).poll_next(cx)).await {
///     items.push(item);
/// }
/// assert_eq!(items, [Err(BroadcastStreamRecvError::Lagged(1)), Ok(2)]);
/// # }
/// ```
#[must_use = "streams do nothing unless polled"]
pub struct BroadcastStream<T> {
    stream: Repeated<Result<T, BroadcastStreamRecvError>>,
}

impl<T: Clone + Send + 'static> BroadcastStream<T> {
    /// The stream of what `receiver` has not received.
    pub fn new(receiver: Receiver<T>) -> Self {
        let stream = repeated(receiver, async |mut receiver| {
            let item = match receiver.recv().await {
                Ok(value) => Some(Ok(value)),
                Err(RecvError::Lagged(n)) => Some(Err(BroadcastStreamRecvError::Lagged(n))),
                Err(RecvError::Closed) => None,
            };
            (item, receiver)
        });
        Self { stream }
    }
}

impl<T: Clone + Send + 'static> From<Receiver<T>> for BroadcastStream<T> {
    fn from(receiver: Receiver<T>) -> Self {
        Self::new(receiver)
    }
}

impl<T> Stream for BroadcastStream<T> {
    type Item = Result<T, BroadcastStreamRecvError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.stream.as_mut().poll_next(cx)
    }
}

impl<T> fmt::Debug for BroadcastStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BroadcastStream").finish_non_exhaustive()
    }
}

/// Why a [`BroadcastStream`] yields no value in its turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BroadcastStreamRecvError {
    /// So many values were overwritten before the receiver got them.
    Lagged(u64),
}

impl fmt::Display for BroadcastStreamRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Lagged(n) = self;
        write!(f, "channel lagged by {n}")
    }
}

impl Error for BroadcastStreamRecvError {}
