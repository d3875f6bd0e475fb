//! Sleeps.

use std::hint::black_box;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use super::countdown::Countdown;
use super::repeat;
use super::rt::runtime::Runtime;
use super::rt::task;
use super::rt::time::{Instant, Sleep, sleep, sleep_until, timeout};
use crate::heap;
use crate::process::cpu_time;
use crate::row::{Cost, Workload};

/// The usual life of a timer: a timeout that does not happen. Four tasks, so that there is company.
pub(super) fn insert_drop(runtime: Runtime) -> Workload {
    const TASKS: usize = 4;
    const TIMERS: usize = 1_000;
    Workload::new((TASKS * TIMERS) as u64, move |iterations| {
        repeat(&runtime, iterations, || async {
            let tasks: Vec<_> = (0..TASKS)
                .map(|_| {
                    task::spawn(async {
                        for _ in 0..TIMERS {
                            let mut sleep = pin!(sleep(Duration::from_secs(60)));
                            std::future::poll_fn(|cx| {
                                assert!(sleep.as_mut().poll(cx).is_pending());
                                Poll::Ready(())
                            })
                            .await;
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        })
    })
}

/// 500 tasks sleep 20 times for a millisecond. The clock on the wall would show the milliseconds,
/// so this row counts CPU time.
pub(super) fn fire(runtime: Runtime) -> Workload {
    const TASKS: usize = 500;
    const SLEEPS: u64 = 20;
    Workload::new(TASKS as u64 * SLEEPS, move |iterations| {
        let start = cpu_time();
        repeat(&runtime, iterations, || async {
            let begin = Instant::now();
            let tasks: Vec<_> = (0..TASKS)
                .map(|_| {
                    task::spawn(async move {
                        for number in 1..=SLEEPS {
                            sleep_until(begin + Duration::from_millis(number)).await;
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
        Cost::Time(cpu_time() - start)
    })
}

/// What many requests are wrapped in, around a future that takes two turns.
pub(super) fn timeouts(runtime: Runtime) -> Workload {
    const TURNS: usize = 1_000;
    Workload::new(TURNS as u64, move |iterations| {
        repeat(&runtime, iterations, || async {
            for _ in 0..TURNS {
                let turn = timeout(Duration::from_secs(10), task::yield_now());
                turn.await.unwrap();
            }
        })
    })
}

/// The clock that a test can stop.
pub(super) fn time_now(runtime: Runtime) -> Workload {
    const TIMES: usize = 10_000;
    Workload::new(TIMES as u64, move |iterations| {
        repeat(&runtime, iterations, || async {
            for _ in 0..TIMES {
                black_box(Instant::now());
            }
        })
    })
}

/// A deadline between a second and a minute from `begin`, another for each number.
fn some_deadline(begin: Instant, number: usize) -> Instant {
    begin + Duration::from_micros(1_000_000 + number as u64 * 7_919 % 59_000_000)
}

/// A million timers at a time. Gives what inserting one takes, and dropping it.
pub(super) fn timers_1m(runtime: Runtime) -> Workload {
    const TIMERS: usize = 1_000_000;
    Workload::new(1, move |_| {
        let task = runtime.spawn(async {
            let begin = Instant::now();
            let mut timers: Vec<Pin<Box<Sleep>>> = (0..TIMERS)
                .map(|number| Box::pin(sleep_until(some_deadline(begin, number))))
                .collect();
            let start = std::time::Instant::now();
            for timer in &mut timers {
                // Nobody waits for them: where the budget of this task ends does not matter.
                let polled = task::unconstrained(std::future::poll_fn(|cx| {
                    Poll::Ready(timer.as_mut().poll(cx).is_pending())
                }));
                assert!(polled.await);
            }
            let inserted = std::time::Instant::now();
            drop(timers);
            [inserted - start, inserted.elapsed()]
        });
        let times = runtime.block_on(task).expect("the workload panicked");
        Cost::Values(times.map(|time| nanoseconds_each(time, TIMERS)).to_vec())
    })
}

/// A hundred thousand tasks sleep until the same time. Gives how long after that one is woken, of
/// all together.
pub(super) fn timers_due(runtime: Runtime) -> Workload {
    const TASKS: usize = 100_000;
    Workload::new(1, move |_| {
        let (countdown, done) = Countdown::new(TASKS);
        // All have begun to sleep long before.
        let deadline = Instant::now() + Duration::from_millis(700);
        for _ in 0..TASKS {
            let countdown = countdown.clone();
            runtime.spawn(async move {
                sleep_until(deadline).await;
                countdown.count_down();
            });
        }
        runtime.block_on(done).unwrap();
        Cost::value(nanoseconds_each(deadline.elapsed(), TASKS))
    })
}

/// A million tasks that sleep. Gives for each what it takes to start it, its heap beyond what it
/// shares, and what it takes to end it before its time.
pub(super) fn sleeping_1m(runtime: Runtime) -> Workload {
    const TASKS: usize = 1_000_000;
    let mut handles = Vec::with_capacity(TASKS);
    Workload::new(1, move |_| {
        let begin = Instant::now();
        let (countdown, asleep) = Countdown::new(TASKS);
        heap::start_counting();
        let start = std::time::Instant::now();
        for number in 0..TASKS {
            let countdown = countdown.clone();
            handles.push(runtime.spawn(async move {
                // The first poll puts it into the timers.
                let mut sleep = pin!(sleep_until(
                    some_deadline(begin, number) + Duration::from_secs(60)
                ));
                let mut countdown = Some(countdown);
                std::future::poll_fn(|cx| {
                    let polled = sleep.as_mut().poll(cx);
                    if let Some(countdown) = countdown.take() {
                        countdown.count_down();
                    }
                    polled
                })
                .await;
            }));
        }
        runtime.block_on(asleep).unwrap();
        let started = start.elapsed();
        let bytes = heap::stop_counting();
        let start = std::time::Instant::now();
        for handle in &handles {
            handle.abort();
        }
        runtime.block_on(async {
            for handle in handles.drain(..) {
                assert!(handle.await.unwrap_err().is_cancelled());
            }
        });
        Cost::Values(vec![
            nanoseconds_each(started, TASKS),
            bytes as f64 / TASKS as f64,
            nanoseconds_each(start.elapsed(), TASKS),
        ])
    })
}

fn nanoseconds_each(time: Duration, count: usize) -> f64 {
    time.as_secs_f64() * 1e9 / count as f64
}
