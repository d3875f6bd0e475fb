//! The stream of a watched value.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::repeated::{Repeated, repeated};
use crate::sync::watch::Receiver;

/// Clones of the value that a [`watch::Receiver`](Receiver) watches, one whenever it has changed.
///
/// Who polls slowly sees the last of several changes. The stream ends when the last sender is gone
/// and its last change was seen; polled after that it ends again.
///
/// # Examples
///
/// ```
/// use std::future::poll_fn;
/// use std::pin::Pin;
///
/// use futures_core::Stream;
/// use runtime::stream::WatchStream;
/// use runtime::sync::watch;
///
/// # #[runtime::main]
/// # async fn main() {
/// let (sender, receiver) = watch::channel("dark");
/// let mut stream = WatchStream::new(receiver);
/// let mut next = async || poll_fn(|cx| Pin::new(&mut stream).poll_next(cx)).await;
/// assert_eq!(next().await, Some("dark"));
/// sender.send("light").unwrap();
/// assert_eq!(next().await, Some("light"));
/// drop(sender);
/// assert_eq!(next().await, None);
/// # }
/// ```
#[must_use = "streams do nothing unless polled"]
pub struct WatchStream<T> {
    stream: Repeated<T>,
}

impl<T: Clone + Send + Sync + 'static> WatchStream<T> {
    /// The stream of the value as it is now, and of its changes.
    pub fn new(mut receiver: Receiver<T>) -> Self {
        receiver.mark_changed();
        Self::from_changes(receiver)
    }

    /// The stream of the changes that `receiver` has not seen: it begins with the next one, or with
    /// the value as it is if that was never looked at.
    pub fn from_changes(receiver: Receiver<T>) -> Self {
        let stream = repeated(receiver, async |mut receiver| {
            let item = match receiver.changed().await {
                Ok(()) => Some(receiver.borrow_and_update().clone()),
                Err(_) => None,
            };
            (item, receiver)
        });
        Self { stream }
    }
}

impl<T: Clone + Send + Sync + 'static> From<Receiver<T>> for WatchStream<T> {
    fn from(receiver: Receiver<T>) -> Self {
        Self::new(receiver)
    }
}

impl<T> Stream for WatchStream<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.stream.as_mut().poll_next(cx)
    }
}

impl<T> fmt::Debug for WatchStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchStream").finish_non_exhaustive()
    }
}
