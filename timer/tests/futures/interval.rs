//! `Interval`: its ticks, and what it does about those that were missed.

use std::task::{Context, Poll, Waker};
use std::time::Duration;

use runtime_timer::{Instant, Interval, MissedTickBehavior, interval, interval_at};

use crate::harness::{Task, Worker, ms};

/// Polls once; gives the tick as the milliseconds since `start`.
fn tick(interval: &mut Interval, start: Instant) -> Option<u128> {
    match interval.poll_tick(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(at) => Some((at - start).as_millis()),
        Poll::Pending => None,
    }
}

/// At 0 ms and 50 ms it ticks in time; then 120 ms pass. What are the next five ticks, and when do
/// they come?
fn after_a_long_poll(behavior: MissedTickBehavior) -> Vec<(u128, u128)> {
    let worker = Worker::new();
    let start = Instant::now();
    let mut interval = interval(ms(50));
    interval.set_missed_tick_behavior(behavior);
    assert_eq!(interval.missed_tick_behavior(), behavior);
    assert_eq!(tick(&mut interval, start), Some(0));
    assert_eq!(tick(&mut interval, start), None);
    worker.advance(ms(50));
    assert_eq!(tick(&mut interval, start), Some(50));
    worker.advance(ms(120));
    let mut ticks = Vec::new();
    for _ in 0..200 {
        while let Some(scheduled) = tick(&mut interval, start) {
            ticks.push((scheduled, start.elapsed().as_millis()));
        }
        worker.advance(ms(1));
    }
    ticks.truncate(5);
    ticks
}

#[test]
fn burst_catches_up_with_what_was_missed() {
    assert_eq!(
        after_a_long_poll(MissedTickBehavior::Burst),
        [(100, 170), (150, 170), (200, 200), (250, 250), (300, 300)]
    );
}

#[test]
fn delay_starts_over_from_the_late_tick() {
    assert_eq!(
        after_a_long_poll(MissedTickBehavior::Delay)[..4],
        [(100, 170), (220, 220), (270, 270), (320, 320)]
    );
}

#[test]
fn skip_goes_on_at_the_next_multiple_of_the_period() {
    assert_eq!(
        after_a_long_poll(MissedTickBehavior::Skip)[..4],
        [(100, 170), (200, 200), (250, 250), (300, 300)]
    );
}

#[test]
fn a_tick_that_is_hardly_late_is_not_missed() {
    for behavior in [MissedTickBehavior::Delay, MissedTickBehavior::Skip] {
        let worker = Worker::new();
        let start = Instant::now();
        let mut interval = interval(ms(50));
        interval.set_missed_tick_behavior(behavior);
        assert_eq!(tick(&mut interval, start), Some(0));
        worker.advance(ms(55));
        assert_eq!(tick(&mut interval, start), Some(50));
        worker.advance(ms(45));
        assert_eq!(tick(&mut interval, start), Some(100));
    }
}

#[test]
fn the_task_is_woken_for_every_tick_and_a_dropped_tick_is_not_lost() {
    let worker = Worker::new();
    let start = Instant::now() + ms(10);
    let mut interval = interval_at(start, ms(10));
    assert_eq!(interval.period(), ms(10));
    for count in 0..3 {
        {
            let mut task = Task::new(interval.tick());
            assert!(task.poll().is_pending());
            worker.advance(ms(10));
            assert_eq!(task.wakes(), 1);
        }
        let mut task = Task::new(interval.tick());
        assert_eq!(task.poll(), Poll::Ready(start + count * ms(10)));
    }
}

#[test]
fn resets_move_the_next_tick_and_keep_the_period() {
    let worker = Worker::new();
    let start = Instant::now();
    let mut interval = interval(ms(50));
    assert_eq!(tick(&mut interval, start), Some(0));
    assert_eq!(tick(&mut interval, start), None);
    worker.advance(ms(20));
    interval.reset();
    worker.advance(ms(49));
    assert_eq!(tick(&mut interval, start), None);
    worker.advance(ms(1));
    assert_eq!(tick(&mut interval, start), Some(70));
    assert_eq!(tick(&mut interval, start), None);

    worker.advance(ms(5));
    interval.reset_immediately();
    assert_eq!(tick(&mut interval, start), Some(75));
    interval.reset_after(ms(5));
    assert_eq!(tick(&mut interval, start), None);
    worker.advance(ms(5));
    assert_eq!(tick(&mut interval, start), Some(80));
    interval.reset_at(start + ms(100));
    worker.advance(ms(20));
    assert_eq!(tick(&mut interval, start), Some(100));
    worker.advance(ms(50));
    assert_eq!(tick(&mut interval, start), Some(150));
}

#[test]
fn a_period_without_end_ticks_once() {
    let worker = Worker::new();
    let start = Instant::now();
    let mut interval = interval(Duration::MAX);
    assert_eq!(tick(&mut interval, start), Some(0));
    worker.advance(Duration::from_secs(365 * 24 * 3_600));
    assert_eq!(tick(&mut interval, start), None);
    interval.reset();
    interval.reset_after(Duration::MAX);
    assert_eq!(tick(&mut interval, start), None);
}
