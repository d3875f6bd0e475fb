//! The stream of an interval's ticks.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::time::{Instant, Interval};

/// The ticks of an [`Interval`]; see [`tick`](Interval::tick). It never ends.
///
/// # Examples
///
/// ```
/// use std::future::poll_fn;
/// use std::pin::Pin;
///
/// use futures_core::Stream;
/// use runtime::stream::IntervalStream;
/// use runtime::time::{Duration, Instant, interval};
///
/// # #[runtime::main]
/// # async fn main() {
/// let start = Instant::now();
/// let mut ticks = IntervalStream::new(interval(Duration::from_millis(2)));
/// for _ in 0..3 {
///     assert!(poll_fn(|cx| Pin::new(&mut ticks).poll_next(cx)).await.is_some());
/// }
/// // The first tick comes at once.
/// assert!(start.elapsed() >= Duration::from_millis(4));
/// # }
/// ```
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct IntervalStream {
    interval: Interval,
}

impl IntervalStream {
    /// The stream of the ticks to come.
    pub fn new(interval: Interval) -> Self {
        Self { interval }
    }

    /// The interval.
    pub fn into_inner(self) -> Interval {
        self.interval
    }
}

impl Stream for IntervalStream {
    type Item = Instant;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Instant>> {
        self.interval.poll_tick(cx).map(Some)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::MAX, None)
    }
}

impl AsRef<Interval> for IntervalStream {
    fn as_ref(&self) -> &Interval {
        &self.interval
    }
}

impl AsMut<Interval> for IntervalStream {
    fn as_mut(&mut self) -> &mut Interval {
        &mut self.interval
    }
}
