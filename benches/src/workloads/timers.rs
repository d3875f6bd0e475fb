//! Sleeps.

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use super::repeat;
use super::rt::runtime::Runtime;
use super::rt::task;
use super::rt::time::{Instant, sleep, sleep_until};
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
