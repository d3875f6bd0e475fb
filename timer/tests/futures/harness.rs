//! What a runtime does for timers, one step at a time.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use runtime_base::current::EnterGuard;
use runtime_base::wake_batch::WakeBatch;
use runtime_timer::{Clock, CurrentTimers, Timers, enter};

/// One worker on a paused clock, current on this thread.
pub(crate) struct Worker {
    pub(crate) timers: Arc<Timers>,
    _entered: EnterGuard<CurrentTimers>,
}

impl Worker {
    pub(crate) fn new() -> Self {
        let clock = Clock::new(true);
        clock.pause();
        let timers = Timers::new(clock, Arc::new(|| ()));
        Self {
            _entered: enter(CurrentTimers::Enabled(timers.clone())),
            timers,
        }
    }

    /// Time passes, and what is due is woken.
    pub(crate) fn advance(&self, by: Duration) {
        let mut advance = pin!(runtime_timer::advance(by));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(
            advance.as_mut().poll(&mut cx).is_pending(),
            "it yields once"
        );
        self.turn();
        assert!(advance.as_mut().poll(&mut cx).is_ready());
    }

    /// What is due is woken.
    pub(crate) fn turn(&self) {
        let mut batch = WakeBatch::new();
        self.timers.expire(&mut batch);
        batch.wake_all();
    }
}

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A future, and how often it was woken.
pub(crate) struct Task<F> {
    pub(crate) future: Pin<Box<F>>,
    wakes: Arc<Wakes>,
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

impl<F> Task<F> {
    pub(crate) fn new(future: F) -> Self {
        Self {
            future: Box::pin(future),
            wakes: Arc::default(),
        }
    }

    pub(crate) fn wakes(&self) -> usize {
        self.wakes.0.load(SeqCst)
    }

    pub(crate) fn waker(&self) -> Waker {
        Waker::from(self.wakes.clone())
    }
}

impl<F: Future> Task<F> {
    pub(crate) fn poll(&mut self) -> Poll<F::Output> {
        let waker = self.waker();
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }
}
