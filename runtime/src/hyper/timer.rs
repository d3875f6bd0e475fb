//! Timers for hyper.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use pin_project_lite::pin_project;

use crate::time;

/// Measures hyper's timeouts with the clock and the timers of the current runtime.
///
/// A clock that a test [pauses](crate::time::pause) is paused for hyper too.
///
/// # Examples
///
/// ```
/// use hyper::rt::Timer;
/// use runtime::hyper::HyperTimer;
/// use std::time::Duration;
///
/// #[runtime::main]
/// async fn main() {
///     let timer = HyperTimer::new();
///     let before = timer.now();
///     timer.sleep(Duration::from_millis(2)).await;
///     assert!(timer.now() - before >= Duration::from_millis(2));
/// }
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct HyperTimer {}

impl HyperTimer {
    /// A timer.
    pub fn new() -> Self {
        Self {}
    }
}

/// # Panics
///
/// The sleeps panic outside of a runtime.
impl ::hyper::rt::Timer for HyperTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn ::hyper::rt::Sleep>> {
        Box::pin(HyperSleep {
            sleep: time::sleep(duration),
        })
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn ::hyper::rt::Sleep>> {
        Box::pin(HyperSleep {
            sleep: time::sleep_until(deadline.into()),
        })
    }

    fn now(&self) -> Instant {
        time::Instant::now().into()
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn ::hyper::rt::Sleep>>, new_deadline: Instant) {
        match sleep.as_mut().downcast_mut_pin::<HyperSleep>() {
            Some(sleep) => sleep.project().sleep.reset(new_deadline.into()),
            // Of another timer; ours takes its place.
            None => *sleep = self.sleep_until(new_deadline),
        }
    }
}

pin_project! {
    /// A sleep that hyper can reset.
    struct HyperSleep {
        #[pin]
        sleep: time::Sleep,
    }
}

impl Future for HyperSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().sleep.poll(cx)
    }
}

impl ::hyper::rt::Sleep for HyperSleep {}

#[cfg(all(test, not(rt_loom)))]
mod tests {
    use super::*;
    use ::hyper::rt::Timer;

    fn block_on<F: Future>(future: F) -> F::Output {
        let mut builder = crate::Builder::new_current_thread();
        let runtime = builder.enable_all().start_paused(true).build().unwrap();
        runtime.block_on(future)
    }

    #[test]
    fn sleeps_follow_the_clock_of_the_runtime_and_can_be_reset() {
        block_on(async {
            let timer = HyperTimer::new();
            let start = timer.now();
            let hour = Duration::from_secs(3_600);
            timer.sleep(hour).await;
            assert!(timer.now() - start >= hour);
            let mut sleep = timer.sleep_until(start + 50 * hour);
            let address = std::ptr::from_ref(&*sleep).cast::<()>();
            timer.reset(&mut sleep, start + 2 * hour);
            assert_eq!(std::ptr::from_ref(&*sleep).cast::<()>(), address);
            sleep.await;
            let now = timer.now() - start;
            assert!(now >= 2 * hour && now < 3 * hour);
        });
    }

    #[test]
    fn a_sleep_of_another_timer_is_replaced() {
        struct Never;
        impl Future for Never {
            type Output = ();
            fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<()> {
                Poll::Pending
            }
        }
        impl ::hyper::rt::Sleep for Never {}
        block_on(async {
            let timer = HyperTimer::new();
            let mut sleep: Pin<Box<dyn ::hyper::rt::Sleep>> = Box::pin(Never);
            timer.reset(&mut sleep, timer.now());
            sleep.await;
        });
    }
}
