//! Giving up on a future at a deadline.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use runtime_base::coop;

use crate::error::Elapsed;
use crate::instant::Instant;
use crate::sleep::{Sleep, sleep, sleep_until};

/// Gives `future` at most `duration` to complete.
///
/// The result is `Ok` with the output of `future`, or `Err` when the time is over; then `future` is
/// dropped with the [`Timeout`]. `future` is polled first: if it is ready, it does not matter that
/// the deadline is over too. A future that never yields cannot be interrupted by a timeout.
///
/// A duration that the clock cannot represent, such as [`Duration::MAX`], is as good as never.
///
/// # Errors
///
/// [`Elapsed`] when the deadline came first. It converts into an [`io::Error`](std::io::Error) of
/// kind [`TimedOut`](std::io::ErrorKind::TimedOut).
///
/// # Panics
///
/// When called outside of a runtime, or in one whose builder was not told to enable time.
///
/// # Cancel safety
///
/// Dropping the timeout drops `future` where it stands; it is as cancel safe as that.
///
/// # Examples
///
/// ```
/// use runtime::time::{Duration, timeout};
///
/// #[runtime::main]
/// async fn main() {
///     let in_time = timeout(Duration::from_secs(1), async { 42 }).await;
///     assert_eq!(in_time, Ok(42));
///
///     let never = std::future::pending::<()>();
///     assert!(timeout(Duration::from_millis(5), never).await.is_err());
/// }
/// ```
#[track_caller]
pub fn timeout<F>(duration: Duration, future: F) -> Timeout<F::IntoFuture>
where
    F: IntoFuture,
{
    Timeout {
        delay: sleep(duration),
        future: future.into_future(),
    }
}

/// Gives `future` until `deadline` to complete.
///
/// As [`timeout`], for a point in time instead of a duration.
///
/// # Errors
///
/// [`Elapsed`] when the deadline came first.
///
/// # Panics
///
/// When called outside of a runtime, or in one whose builder was not told to enable time.
///
/// # Cancel safety
///
/// Dropping the timeout drops `future` where it stands; it is as cancel safe as that.
///
/// # Examples
///
/// One deadline for several steps:
///
/// ```
/// use runtime::time::{Duration, Instant, error::Elapsed, timeout_at};
///
/// async fn three_steps() -> Result<(), Elapsed> {
///     let deadline = Instant::now() + Duration::from_secs(1);
///     for _ in 0..3 {
///         timeout_at(deadline, async { /* one step */ }).await?;
///     }
///     Ok(())
/// }
///
/// #[runtime::main]
/// async fn main() {
///     assert!(three_steps().await.is_ok());
/// }
/// ```
#[track_caller]
pub fn timeout_at<F>(deadline: Instant, future: F) -> Timeout<F::IntoFuture>
where
    F: IntoFuture,
{
    Timeout {
        delay: sleep_until(deadline),
        future: future.into_future(),
    }
}

pin_project! {
    /// A future with a deadline. Made by [`timeout`] and [`timeout_at`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the timeout drops the future in it where it stands.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Timeout<T> {
        #[pin]
        future: T,
        #[pin]
        delay: Sleep,
    }
}

impl<T> Timeout<T> {
    /// The future that has a deadline.
    pub fn get_ref(&self) -> &T {
        &self.future
    }

    /// The future that has a deadline.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.future
    }

    /// The future, without its deadline.
    pub fn into_inner(self) -> T {
        self.future
    }
}

impl<T: Future> Future for Timeout<T> {
    type Output = Result<T::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let had_budget = coop::has_budget_remaining();
        if let Poll::Ready(output) = this.future.poll(cx) {
            return Poll::Ready(Ok(output));
        }
        // A future that spends the whole budget at every poll must not keep the deadline from being
        // looked at.
        let spent_by_future = had_budget && !coop::has_budget_remaining();
        ready!(if spent_by_future {
            coop::with_unlimited(|| this.delay.poll(cx))
        } else {
            this.delay.poll(cx)
        });
        Poll::Ready(Err(Elapsed::new()))
    }
}
