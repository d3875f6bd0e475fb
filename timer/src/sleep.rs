//! Waiting for a point in time.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

use crate::alarm::Alarm;
use crate::instant::Instant;

/// Waits until `duration` has passed.
///
/// The resolution is one millisecond: the future completes at the first whole millisecond that is
/// not before the deadline, or later if its task has to wait for its turn. It never completes early.
/// A duration that the clock cannot represent is as good as never.
///
/// To do something periodically, see [`interval`](crate::interval()); to give up on something,
/// [`timeout`](crate::timeout()).
///
/// # Panics
///
/// When called outside of a runtime, or in one whose builder was not told to enable time. The call
/// itself panics, not the first poll: `runtime.block_on(sleep(..))` calls it outside,
/// `runtime.block_on(async { sleep(..).await })` inside.
///
/// # Cancel safety
///
/// Dropping the future takes the timer back; nothing is lost.
///
/// # Examples
///
/// ```
/// use runtime::time::{Duration, sleep};
///
/// #[runtime::main]
/// async fn main() {
///     sleep(Duration::from_millis(10)).await;
///     println!("10 ms have passed");
/// }
/// ```
#[track_caller]
pub fn sleep(duration: Duration) -> Sleep {
    Sleep {
        alarm: Alarm::after(duration),
    }
}

/// Waits until `deadline` has come.
///
/// As [`sleep`], for a point in time instead of a duration. If the deadline is in the past, the
/// first poll completes; in a task that has kept its thread for more than 10 ms it may take until the
/// scheduler looks at the clock again.
///
/// # Panics
///
/// When called outside of a runtime, or in one whose builder was not told to enable time.
///
/// # Cancel safety
///
/// Dropping the future takes the timer back; nothing is lost.
///
/// # Examples
///
/// ```
/// use runtime::time::{Duration, Instant, sleep_until};
///
/// #[runtime::main]
/// async fn main() {
///     let deadline = Instant::now() + Duration::from_millis(10);
///     sleep_until(deadline).await;
///     assert!(Instant::now() >= deadline);
/// }
/// ```
#[track_caller]
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep {
        alarm: Alarm::at(deadline),
    }
}

pin_project! {
    /// Completes at a deadline. Made by [`sleep`] and [`sleep_until`].
    ///
    /// The future is not `Unpin`: pin it with [`pin!`](std::pin::pin) or `Box::pin` to poll it more
    /// than once, as `select!` in a loop does, or to [`reset`](Self::reset) it. It may be polled by
    /// one task after the other and dropped on any thread.
    ///
    /// # Panics
    ///
    /// When it is polled after its runtime was shut down.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future takes the timer back; nothing is lost.
    ///
    /// # Examples
    ///
    /// One timer for a whole loop, set back whenever something happens:
    ///
    /// ```
    /// use runtime::time::{Duration, Instant, sleep};
    ///
    /// #[runtime::main]
    /// async fn main() {
    ///     let mut idle = std::pin::pin!(sleep(Duration::from_secs(60)));
    ///     for _ in 0..3 {
    ///         // Something happened.
    ///         idle.as_mut().reset(Instant::now() + Duration::from_millis(5));
    ///     }
    ///     idle.await;
    /// }
    /// ```
    #[project(!Unpin)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Sleep {
        alarm: Alarm,
    }
}

impl Sleep {
    /// When the future completes.
    pub fn deadline(&self) -> Instant {
        self.alarm.deadline()
    }

    /// Whether the deadline has come.
    ///
    /// A future that was never polled or [`reset`](Self::reset) does not wait yet, and is not elapsed
    /// even if its deadline is over.
    pub fn is_elapsed(&self) -> bool {
        self.alarm.is_elapsed()
    }

    /// Changes the deadline.
    ///
    /// A task that waits for this future stays registered and is woken at the new deadline, so the
    /// future need not be polled for it. A future that has completed can be used once more.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::time::{Duration, Instant, sleep};
    ///
    /// #[runtime::main]
    /// async fn main() {
    ///     let mut sleep = std::pin::pin!(sleep(Duration::from_millis(1)));
    ///     sleep.as_mut().await;
    ///     assert!(sleep.is_elapsed());
    ///     sleep.as_mut().reset(Instant::now() + Duration::from_millis(1));
    ///     sleep.as_mut().await;
    /// }
    /// ```
    pub fn reset(self: Pin<&mut Self>, deadline: Instant) {
        self.project().alarm.reset(deadline);
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().alarm.poll(cx)
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep")
            .field("deadline", &self.deadline())
            .finish_non_exhaustive()
    }
}
