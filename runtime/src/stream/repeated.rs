//! A stream of what an async function gives, called again and again.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use pin_project_lite::pin_project;

/// The stream that [`repeated`] makes, without the name of its future.
pub(super) type Repeated<T> = Pin<Box<dyn Stream<Item = T> + Send + Sync>>;

/// A stream of what `next` gives, which takes the source and gives it back. It is allocated once, not
/// per item: the next future takes the place of the last.
///
/// After the end it calls `next` again, so it is fused if the source stays at its end.
pub(super) fn repeated<S, T, F>(
    source: S,
    mut next: impl FnMut(S) -> F + Send + Sync + 'static,
) -> Repeated<T>
where
    F: Future<Output = (Option<T>, S)> + Send + Sync + 'static,
    S: 'static,
{
    Box::pin(Repeat {
        future: next(source),
        next,
    })
}

pin_project! {
    struct Repeat<F, N> {
        #[pin]
        future: F,
        next: N,
    }
}

impl<S, T, F, N> Stream for Repeat<F, N>
where
    F: Future<Output = (Option<T>, S)>,
    N: FnMut(S) -> F,
{
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut this = self.project();
        let (item, source) = ready!(this.future.as_mut().poll(cx));
        let future = (this.next)(source);
        this.future.set(future);
        Poll::Ready(item)
    }
}
