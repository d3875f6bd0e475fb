//! `Sleep`: when it ends, its resets, its wakers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use runtime_base::coop;
use runtime_base::wake_batch::WakeBatch;
use runtime_timer::{Instant, Interval, Sleep, Timeout, sleep, sleep_until};

use crate::harness::{Task, Worker, ms};

const _: () = {
    // Tokio's takes 112 bytes.
    assert!(size_of::<Sleep>() <= 40);
    assert!(size_of::<Interval>() <= 64);

    const fn send_and_sync<T: Send + Sync>() {}
    const fn unpin<T: Unpin>() {}
    send_and_sync::<Sleep>();
    send_and_sync::<Interval>();
    send_and_sync::<Timeout<()>>();
    unpin::<Interval>();
};

#[test]
fn sleep_and_timeout_are_not_unpin() {
    // Compiles only while the type is not `Unpin`: with it, there are two candidates for `A`.
    trait Ambiguous<A> {
        fn check() {}
    }
    impl<T: ?Sized> Ambiguous<()> for T {}
    impl<T: ?Sized + Unpin> Ambiguous<u8> for T {}
    <Sleep as Ambiguous<_>>::check();
    <Timeout<()> as Ambiguous<_>>::check();
}

#[test]
fn it_completes_at_its_deadline_and_stays_complete() {
    let worker = Worker::new();
    let start = Instant::now();
    let mut task = Task::new(sleep(ms(10)));
    assert_eq!(task.future.deadline(), start + ms(10));
    assert!(task.poll().is_pending());
    worker.advance(ms(9));
    assert_eq!(task.wakes(), 0);
    assert!(task.poll().is_pending());
    assert!(!task.future.is_elapsed());
    worker.advance(ms(1));
    assert_eq!(task.wakes(), 1);
    assert!(task.future.is_elapsed());
    assert!(task.poll().is_ready());
    assert!(task.poll().is_ready());
}

#[test]
fn it_never_completes_early_within_a_millisecond() {
    let worker = Worker::new();
    let mut task = Task::new(sleep(Duration::from_micros(1_100)));
    assert!(task.poll().is_pending());
    worker.advance(Duration::from_micros(1_099));
    assert!(task.poll().is_pending());
    worker.advance(Duration::from_micros(901));
    assert!(task.poll().is_ready());
}

#[test]
fn a_deadline_in_the_past_completes_at_the_first_poll_without_an_entry() {
    let worker = Worker::new();
    let start = Instant::now();
    assert!(Task::new(sleep(Duration::ZERO)).poll().is_ready());
    let mut unpolled = Task::new(sleep(ms(5)));
    worker.advance(ms(5));
    assert!(!unpolled.future.is_elapsed(), "nobody waited");
    assert!(unpolled.poll().is_ready());
    assert!(Task::new(sleep_until(start)).poll().is_ready());
    assert!(worker.timers.is_empty());
}

#[test]
fn a_far_deadline_does_not_overflow() {
    let worker = Worker::new();
    let mut task = Task::new(sleep(Duration::MAX));
    assert!(task.poll().is_pending());
    assert!(worker.timers.prepare_park().is_some());
    worker.timers.finish_park();
    worker.advance(Duration::from_secs(10 * 365 * 24 * 3_600));
    assert!(task.poll().is_pending());
    assert_eq!(task.wakes(), 0);
}

#[test]
fn a_reset_while_it_waits_keeps_the_waker() {
    let worker = Worker::new();
    let start = Instant::now();
    let mut task = Task::new(sleep(ms(10)));
    assert!(task.poll().is_pending());
    // Later.
    task.future.as_mut().reset(start + ms(100));
    worker.advance(ms(50));
    assert_eq!(task.wakes(), 0);
    // Earlier, and still ahead.
    task.future.as_mut().reset(start + ms(60));
    worker.advance(ms(10));
    assert_eq!(task.wakes(), 1);
    assert!(task.poll().is_ready());
    // Once more, to the future.
    task.future.as_mut().reset(start + ms(70));
    assert!(!task.future.is_elapsed());
    assert!(task.poll().is_pending());
    // To the past: the task need not wait for the next turn.
    task.future.as_mut().reset(start + ms(20));
    assert_eq!(task.wakes(), 2);
    assert!(task.future.is_elapsed());
    assert!(task.poll().is_ready());
    assert!(worker.timers.is_empty());
}

#[test]
fn a_reset_before_the_first_poll_only_changes_the_deadline() {
    let worker = Worker::new();
    let start = Instant::now();
    let mut task = Task::new(sleep(ms(10)));
    task.future.as_mut().reset(start + ms(20));
    assert_eq!(task.future.deadline(), start + ms(20));
    assert!(worker.timers.is_empty());
    worker.advance(ms(10));
    assert!(!task.future.is_elapsed());
    assert!(task.poll().is_pending());
    worker.advance(ms(10));
    assert!(task.poll().is_ready());
}

#[test]
fn a_loop_may_reset_it_and_look_at_it_without_polling() {
    let worker = Worker::new();
    let mut task = Task::new(sleep(ms(10)));
    for _ in 0..3 {
        task.future.as_mut().reset(Instant::now() + ms(10));
        worker.advance(ms(9));
        assert!(!task.future.is_elapsed());
        worker.advance(ms(1));
        assert!(task.future.is_elapsed());
    }
}

#[test]
fn the_task_that_polled_last_is_woken() {
    let worker = Worker::new();
    let mut first = Task::new(sleep(ms(10)));
    let second = Task::new(());
    assert!(first.poll().is_pending());
    let waker = second.waker();
    assert!(Future::poll(first.future.as_mut(), &mut Context::from_waker(&waker)).is_pending());
    worker.advance(ms(10));
    assert_eq!((first.wakes(), second.wakes()), (0, 1));
}

#[test]
fn a_task_without_budget_waits_for_its_next_turn() {
    let _worker = Worker::new();
    let mut task = Task::new(sleep(Duration::ZERO));
    coop::with_budget(|| {
        for _ in 0..coop::INITIAL {
            assert!(Task::new(sleep(Duration::ZERO)).poll().is_ready());
        }
        assert!(task.poll().is_pending());
        assert_eq!(task.wakes(), 1, "it is scheduled again");
    });
    coop::with_budget(|| {
        let mut pending = Task::new(sleep(ms(1)));
        for _ in 0..1_000 {
            assert!(pending.poll().is_pending(), "waiting is free");
        }
        assert!(coop::has_budget_remaining());
        assert!(task.poll().is_ready());
    });
}

#[test]
#[should_panic(expected = "Poll timers only while the runtime")]
fn it_cannot_be_polled_first_after_shutdown() {
    let worker = Worker::new();
    let mut task = Task::new(sleep(ms(1)));
    worker.timers.shutdown(&mut WakeBatch::new());
    let _ = task.poll();
}

#[test]
fn shutdown_wakes_who_waits_and_refuses_the_next_poll() {
    let worker = Worker::new();
    let mut task = Task::new(sleep(ms(1)));
    assert!(task.poll().is_pending());
    let mut batch = WakeBatch::new();
    worker.timers.shutdown(&mut batch);
    batch.wake_all();
    assert_eq!(task.wakes(), 1);
    assert!(catch_unwind(AssertUnwindSafe(|| task.poll())).is_err());
    // Dropping is fine.
    drop(task);
}

/// A waker that owns another timer of the same wheel, drops it when it is dropped, and may panic.
struct Owner {
    owned: Mutex<Option<Pin<Box<Sleep>>>>,
    panics: bool,
}

impl Owner {
    fn waker(panics: bool) -> Waker {
        let mut owned = Task::new(sleep(ms(1_000)));
        assert!(owned.poll().is_pending());
        Waker::from(Arc::new(Self {
            owned: Mutex::new(Some(owned.future)),
            panics,
        }))
    }
}

impl Wake for Owner {
    fn wake(self: Arc<Self>) {
        let owned = self.owned.lock().unwrap().take();
        if let Some(mut owned) = owned {
            let deadline = owned.deadline() + ms(1);
            owned.as_mut().reset(deadline);
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        drop(self.owned.get_mut().unwrap().take());
        assert!(!self.panics, "a waker that panics on purpose");
    }
}

#[test]
fn a_waker_may_come_back_to_the_wheel_when_it_is_woken_or_dropped() {
    let worker = Worker::new();
    let start = Instant::now();
    let pending_with = |waker: Waker| {
        let mut sleep = Box::pin(sleep(ms(10)));
        assert!(Future::poll(sleep.as_mut(), &mut Context::from_waker(&waker)).is_pending());
        sleep
    };
    // Dropped with its timer.
    drop(pending_with(Owner::waker(false)));
    // Replaced by another waker.
    let mut replaced = pending_with(Owner::waker(false));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(Future::poll(replaced.as_mut(), &mut cx).is_pending());
    drop(replaced);
    // Woken by a reset to the past.
    pending_with(Owner::waker(false)).as_mut().reset(start);
    // Woken in the worker's turn.
    let fired = pending_with(Owner::waker(false));
    worker.advance(ms(10));
    drop(fired);
    // Not stored, because the timer is due.
    let mut due = Box::pin(sleep_until(start));
    let waker = Owner::waker(false);
    assert!(Future::poll(due.as_mut(), &mut Context::from_waker(&waker)).is_ready());
    drop(waker);
    // Woken by the shutdown.
    let _ended = pending_with(Owner::waker(false));
    let mut batch = WakeBatch::new();
    worker.timers.shutdown(&mut batch);
    batch.wake_all();
    assert!(worker.timers.is_empty());
}

#[test]
fn a_waker_that_panics_when_it_is_dropped_leaves_the_wheel_usable() {
    let worker = Worker::new();
    let waker = Owner::waker(true);
    let mut sleep = Box::pin(sleep(ms(10)));
    assert!(Future::poll(sleep.as_mut(), &mut Context::from_waker(&waker)).is_pending());
    drop(waker);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(sleep))).is_err());
    assert!(worker.timers.is_empty());
    let mut task = Task::new(sleep_until(Instant::now() + ms(1)));
    assert!(task.poll().is_pending());
    worker.advance(ms(1));
    assert!(task.poll().is_ready());
}
