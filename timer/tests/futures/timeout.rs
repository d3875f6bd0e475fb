//! `Timeout`: which of the two ends first.

use std::cell::Cell;
use std::future::{pending, poll_fn, ready};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use runtime_base::coop;
use runtime_timer::{Instant, timeout, timeout_at};

use crate::harness::{Task, Worker, ms};

#[test]
fn a_future_that_is_ready_wins_over_a_deadline_that_is_over() {
    let worker = Worker::new();
    let mut task = Task::new(timeout(Duration::ZERO, ready(1)));
    assert_eq!(task.poll(), Poll::Ready(Ok(1)));
    let mut task = Task::new(timeout_at(Instant::now() - ms(1), ready(2)));
    assert_eq!(task.poll(), Poll::Ready(Ok(2)));
    assert!(worker.timers.is_empty());
}

#[test]
fn a_future_that_is_not_ready_in_time_is_given_up() {
    let worker = Worker::new();
    let mut task = Task::new(timeout(ms(10), pending::<()>()));
    assert!(task.poll().is_pending());
    worker.advance(ms(9));
    assert!(task.poll().is_pending());
    worker.advance(ms(1));
    assert_eq!(task.wakes(), 1);
    let Poll::Ready(Err(elapsed)) = task.poll() else {
        panic!("the deadline is over")
    };
    assert_eq!(elapsed.to_string(), "deadline has elapsed");
}

#[test]
fn a_timeout_that_is_not_needed_leaves_no_entry() {
    let worker = Worker::new();
    let done = Rc::new(Cell::new(false));
    let is_done = done.clone();
    let mut task = Task::new(timeout(
        ms(10),
        poll_fn(move |_| {
            if is_done.get() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        }),
    ));
    assert!(task.poll().is_pending());
    assert!(!worker.timers.is_empty());
    done.set(true);
    assert_eq!(task.poll(), Poll::Ready(Ok(())));
    drop(task);
    assert!(worker.timers.is_empty());
}

#[test]
fn the_longest_timeout_never_comes() {
    let worker = Worker::new();
    let mut task = Task::new(timeout(Duration::MAX, pending::<()>()));
    assert!(task.poll().is_pending());
    worker.advance(Duration::from_secs(20 * 365 * 24 * 3_600));
    assert!(task.poll().is_pending());
}

#[test]
fn a_future_that_spends_the_whole_budget_does_not_outlive_its_deadline() {
    let worker = Worker::new();
    let greedy = poll_fn(|cx| {
        loop {
            match coop::poll_proceed(cx) {
                Poll::Ready(coop) => coop.made_progress(),
                Poll::Pending => return Poll::<()>::Pending,
            }
        }
    });
    let mut task = Task::new(timeout(ms(10), greedy));
    assert!(coop::with_budget(|| task.poll()).is_pending());
    worker.advance(ms(10));
    assert!(coop::with_budget(|| task.poll()).is_ready());
}

#[test]
fn a_task_without_budget_does_not_look_at_the_deadline() {
    let worker = Worker::new();
    let mut task = Task::new(timeout(ms(10), pending::<()>()));
    assert!(task.poll().is_pending());
    worker.advance(ms(10));
    coop::with_budget(|| {
        while coop::has_budget_remaining() {
            assert!(Task::new(coop::consume_budget()).poll().is_ready());
        }
        assert!(task.poll().is_pending());
    });
    assert!(task.poll().is_ready());
}

#[test]
fn the_future_can_be_reached_and_taken_back() {
    let _worker = Worker::new();
    let mut timeout = timeout(ms(10), ready(1));
    let _: &std::future::Ready<i32> = timeout.get_ref();
    *timeout.get_mut() = ready(2);
    assert_eq!(timeout.into_inner().into_inner(), 2);
}
