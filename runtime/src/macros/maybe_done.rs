//! A future that becomes its output, in place.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

pin_project! {
    /// A future, then its output, then nothing. The branches of [`join!`](crate::join).
    #[project = Projected]
    #[project_replace = Replaced]
    #[derive(Debug)]
    pub enum MaybeDone<F: Future> {
        /// Not ready yet.
        Going { #[pin] future: F },
        /// Ready, and the output is still there.
        Done { output: F::Output },
        /// The output was taken.
        Taken,
    }
}

/// Wraps a future that has not been polled.
pub fn maybe_done<F: IntoFuture>(future: F) -> MaybeDone<F::IntoFuture> {
    MaybeDone::Going {
        future: future.into_future(),
    }
}

/// [`maybe_done`] for the branches of [`try_join!`](crate::try_join).
pub fn maybe_done_or_failed<F, T, E>(future: F) -> MaybeDone<F::IntoFuture>
where
    F: IntoFuture<Output = Result<T, E>>,
{
    maybe_done(future)
}

impl<F: Future> Future for MaybeDone<F> {
    type Output = ();

    /// Ready as soon as the future is, and from then on until the output is taken.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.as_mut().project() {
            Projected::Going { future } => {
                let output = ready!(future.poll(cx));
                self.set(Self::Done { output });
            }
            Projected::Done { .. } => {}
            Projected::Taken => unreachable!("`join!` polls nothing after it was ready"),
        }
        Poll::Ready(())
    }
}

impl<F: Future> MaybeDone<F> {
    /// The output of a future that is done.
    pub fn take_output(self: Pin<&mut Self>) -> F::Output {
        match self.project_replace(Self::Taken) {
            Replaced::Done { output } => output,
            _ => unreachable!("`join!` takes outputs when all branches are done, once"),
        }
    }
}

impl<F: Future<Output = Result<T, E>>, T, E> MaybeDone<F> {
    /// The error of a future that is done and failed; otherwise nothing happens.
    pub fn take_error(mut self: Pin<&mut Self>) -> Option<E> {
        match self.as_mut().project() {
            Projected::Done { output: Err(_) } => self.take_output().err(),
            _ => None,
        }
    }

    /// The value of a future that is done and did not fail.
    pub fn take_value(self: Pin<&mut Self>) -> T {
        match self.take_output() {
            Ok(value) => value,
            Err(_) => unreachable!("`try_join!` ends with the first error"),
        }
    }
}
