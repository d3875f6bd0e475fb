//! The types of this crate that are streams themselves.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::io::{AsyncBufRead, Lines, Split};
use crate::sync::mpsc;
use crate::task::{JoinError, JoinSet};

/// Yields what [`recv`](mpsc::Receiver::recv) gives, and ends when that gives `None`; polled after
/// that it ends again.
impl<T> Stream for mpsc::Receiver<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.poll_recv(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        received_at_least(self.len())
    }
}

/// Yields what [`recv`](mpsc::UnboundedReceiver::recv) gives, and ends when that gives `None`;
/// polled after that it ends again.
impl<T> Stream for mpsc::UnboundedReceiver<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.poll_recv(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        received_at_least(self.len())
    }
}

/// What is queued is received, and nobody knows what is sent later.
fn received_at_least(len: usize) -> (usize, Option<usize>) {
    (len, None)
}

/// Yields what [`next_line`](Lines::next_line) gives, errors too, and ends with the reader.
impl<R: AsyncBufRead> Stream for Lines<R> {
    type Item = io::Result<String>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_next_line(cx).map(Result::transpose)
    }
}

/// Yields what [`next_segment`](Split::next_segment) gives, errors too, and ends with the reader.
impl<R: AsyncBufRead> Stream for Split<R> {
    type Item = io::Result<Vec<u8>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_next_segment(cx).map(Result::transpose)
    }
}

/// Yields what [`join_next`](JoinSet::join_next) gives, in the order in which the tasks end. It ends
/// while the set is empty, and goes on when tasks are spawned on it: it is not fused.
impl<T: 'static> Stream for JoinSet<T> {
    type Item = Result<T, JoinError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_join_next(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // Exact: who spawns has the set, and so the stream, in hand.
        (self.len(), Some(self.len()))
    }
}
