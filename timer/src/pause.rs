//! Time under the control of a test.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use runtime_base::defer::defer;
use runtime_base::misuse;

use crate::clock::Clock;
use crate::current;

/// Stops the clock of the current runtime.
///
/// [`Instant::now`](crate::Instant::now) and all timers then see a time that moves in two ways only:
/// by [`advance`], and by itself when the runtime has nothing to do but to wait for a timer; it then
/// jumps to the deadline of the next one. So a test of an hour of timeouts takes no time. While a
/// `spawn_blocking` task runs the clock does not move by itself.
///
/// The clock stops at the next whole millisecond. So a timer of 5 ms that is started now is due after
/// `advance` by 5 ms.
///
/// What waits for anything but timers, a socket for example, takes real time, and while it does the
/// clock may jump: a timeout around it may fire at once.
///
/// # Panics
///
/// When time is paused already, outside of a runtime, in one without time, and in a multi-thread
/// runtime, because its workers would disagree about what is due.
///
/// # Examples
///
/// ```
/// use runtime::time::{self, Duration, Instant};
///
/// #[runtime::main(flavor = "current_thread")]
/// async fn main() {
///     time::pause();
///     let before = Instant::now();
///     time::sleep(Duration::from_secs(3_600)).await; // takes no time
///     assert!(before.elapsed() >= Duration::from_secs(3_600));
/// }
/// ```
#[track_caller]
pub fn pause() {
    clock().pause();
}

/// Lets the clock of the current runtime run again, from what it shows.
///
/// # Panics
///
/// When time is not paused, outside of a runtime, and in one without time.
#[track_caller]
pub fn resume() {
    clock().resume();
}

/// Moves the paused clock of the current runtime forward by `duration`, and yields once so that the
/// timers that are due fire.
///
/// A task that is woken by one of them has not necessarily run when this returns. The clock does not
/// stop at each deadline on its way: a task that sleeps several times in a row sees the last time at
/// its first wake. To let them pass one by one, use [`sleep`](crate::sleep()) on the paused clock.
///
/// # Panics
///
/// When time is not paused, outside of a runtime, in one without time, and when the clock cannot
/// represent the new time.
///
/// # Cancel safety
///
/// The clock moves at the first poll, whether or not the future is dropped afterwards.
///
/// # Examples
///
/// ```
/// use runtime::time::{self, Duration, Instant};
///
/// #[runtime::main(flavor = "current_thread")]
/// async fn main() {
///     time::pause();
///     let before = Instant::now();
///     time::advance(Duration::from_secs(10)).await;
///     assert_eq!(before.elapsed(), Duration::from_secs(10));
/// }
/// ```
pub async fn advance(duration: Duration) {
    clock().advance(duration);
    let mut has_yielded = false;
    poll_fn(|cx| {
        if has_yielded {
            return Poll::Ready(());
        }
        has_yielded = true;
        defer(cx.waker());
        Poll::Pending
    })
    .await;
}

#[track_caller]
fn clock() -> Clock {
    match current::current() {
        None => panic!("{}; {}", misuse::NO_CLOCK, misuse::ENTER_RUNTIME),
        Some(_) => current::timers().clock().clone(),
    }
}
