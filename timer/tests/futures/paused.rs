//! The paused clock: `pause`, `advance`, and the clock that moves by itself.

use std::sync::Arc;
use std::time::Duration;

use runtime_timer::{Clock, CurrentTimers, Instant, Timers, enter, pause, resume, sleep};

use crate::harness::{Task, Worker, ms};

const HOUR: Duration = Duration::from_secs(3_600);

#[test]
fn an_idle_worker_jumps_from_deadline_to_deadline() {
    let worker = Worker::new();
    let start = Instant::now();
    let mut tasks: Vec<_> = [3, 1, 500, 2]
        .map(|hours| Task::new(sleep(hours * HOUR)))
        .into();
    for task in &mut tasks {
        assert!(task.poll().is_pending());
    }
    let mut fired_at = Vec::new();
    while let Some(by) = worker.timers.prepare_park() {
        worker.timers.finish_park();
        assert!(worker.timers.clock().auto_advance(by));
        worker.turn();
        let before = tasks.len();
        tasks.retain(|task| task.wakes() == 0);
        if tasks.len() < before {
            fired_at.push(start.elapsed());
        }
    }
    assert_eq!(fired_at, [HOUR, 2 * HOUR, 3 * HOUR, 500 * HOUR]);
}

#[test]
fn each_runtime_has_its_own_time() {
    let outer = Worker::new();
    let start = Instant::now();
    {
        let _inner = Worker::new();
        _inner.advance(HOUR);
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
    outer.advance(ms(1));
    assert_eq!(start.elapsed(), ms(1));
}

#[test]
fn outside_of_a_runtime_time_is_that_of_the_system() {
    let worker = Worker::new();
    worker.advance(HOUR);
    let inside = Instant::now();
    drop(worker);
    assert!(Instant::now() < inside);
    let before = std::time::Instant::now();
    assert!(Instant::now().into_std() >= before);
}

#[test]
fn time_can_be_paused_and_resumed_from_inside() {
    let timers = Timers::new(Clock::new(true), Arc::new(|| ()));
    let _entered = enter(CurrentTimers::Enabled(timers.clone()));
    for _ in 0..3 {
        pause();
        assert!(timers.clock().is_paused());
        resume();
        assert!(!timers.clock().is_paused());
    }
}
