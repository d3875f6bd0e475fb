//! Spawning, yielding, joining.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::countdown::Countdown;
use super::repeat;
use super::rt::runtime::Runtime;
use super::rt::sync::oneshot;
use super::rt::task::{self, JoinSet};
use crate::row::{Cost, Workload};

const SPAWNED: usize = 10_000;

/// A task spawns 10,000 tasks, and the last to end says so.
pub(super) fn spawn_local(runtime: Runtime) -> Workload {
    Workload::new(SPAWNED as u64, move |iterations| {
        repeat(&runtime, iterations, || async {
            let (countdown, done) = Countdown::new(SPAWNED);
            for _ in 0..SPAWNED {
                let countdown = countdown.clone();
                task::spawn(async move { countdown.count_down() });
            }
            done.await.unwrap();
        })
    })
}

/// This thread, which is none of the runtime's, spawns 10,000 tasks and then joins them.
pub(super) fn spawn_remote(runtime: Runtime) -> Workload {
    let mut handles = Vec::with_capacity(SPAWNED);
    Workload::new(SPAWNED as u64, move |iterations| {
        Cost::of(|| {
            for _ in 0..iterations {
                for _ in 0..SPAWNED {
                    handles.push(runtime.spawn(async {}));
                }
                runtime.block_on(async {
                    for handle in handles.drain(..) {
                        handle.await.unwrap();
                    }
                });
            }
        })
    })
}

/// The same while every worker is busy with tasks that always want to go on.
pub(super) fn spawn_busy(runtime: Runtime) -> Workload {
    const BUSY: usize = 8;
    const SPAWNED: usize = 1_000;
    let mut handles = Vec::with_capacity(SPAWNED);
    Workload::new(SPAWNED as u64, move |iterations| {
        let stop = Arc::new(AtomicBool::new(false));
        let busy: Vec<_> = (0..BUSY)
            .map(|_| {
                let stop = stop.clone();
                runtime.spawn(async move {
                    // Relaxed: nothing else is handed over.
                    while !stop.load(Relaxed) {
                        task::yield_now().await;
                    }
                })
            })
            .collect();
        let cost = Cost::of(|| {
            for _ in 0..iterations {
                for _ in 0..SPAWNED {
                    handles.push(runtime.spawn(async {}));
                }
                runtime.block_on(async {
                    for handle in handles.drain(..) {
                        handle.await.unwrap();
                    }
                });
            }
        });
        stop.store(true, Relaxed);
        runtime.block_on(async {
            for task in busy {
                task.await.unwrap();
            }
        });
        cost
    })
}

/// A task spawns one task after the other and joins each before the next.
pub(super) fn spawn_join(runtime: Runtime) -> Workload {
    const SPAWNED: usize = 1_000;
    Workload::new(SPAWNED as u64, move |iterations| {
        repeat(&runtime, iterations, || async {
            for number in 0..SPAWNED {
                assert_eq!(task::spawn(async move { number }).await.unwrap(), number);
            }
        })
    })
}

/// A request that asks a hundred things at once: each takes two turns.
pub(super) fn fan_out_100(runtime: Runtime) -> Workload {
    const WIDTH: usize = 100;
    const TIMES: usize = 20;
    Workload::new(TIMES as u64, move |iterations| {
        repeat(&runtime, iterations, || async {
            let mut tasks = Vec::with_capacity(WIDTH);
            for _ in 0..TIMES {
                for number in 0..WIDTH {
                    tasks.push(task::spawn(async move {
                        task::yield_now().await;
                        number
                    }));
                }
                let mut sum = 0;
                for task in tasks.drain(..) {
                    sum += task.await.unwrap();
                }
                assert_eq!(sum, WIDTH * (WIDTH - 1) / 2);
            }
        })
    })
}

/// From a thread that is none of the runtime's, a future that is ready.
pub(super) fn block_on(runtime: Runtime) -> Workload {
    const CALLS: usize = 1_000;
    Workload::new(CALLS as u64, move |iterations| {
        Cost::of(|| {
            for _ in 0..iterations {
                for number in 0..CALLS {
                    assert_eq!(runtime.block_on(async { black_box(number) }), number);
                }
            }
        })
    })
}

/// 200 tasks yield 1,000 times each.
pub(super) fn yield_many(runtime: Runtime) -> Workload {
    const TASKS: usize = 200;
    const YIELDS: usize = 1_000;
    Workload::new((TASKS * YIELDS) as u64, move |iterations| {
        Cost::of(|| {
            for _ in 0..iterations {
                let (countdown, done) = Countdown::new(TASKS);
                for _ in 0..TASKS {
                    let countdown = countdown.clone();
                    runtime.spawn(async move {
                        for _ in 0..YIELDS {
                            task::yield_now().await;
                        }
                        countdown.count_down();
                    });
                }
                runtime.block_on(done).unwrap();
            }
        })
    })
}

/// 1,000 tasks each spawn a partner, send it a oneshot and await its answer.
pub(super) fn ping_pong(runtime: Runtime) -> Workload {
    const PINGS: usize = 1_000;
    Workload::new(PINGS as u64, move |iterations| {
        repeat(&runtime, iterations, || async {
            let (countdown, done) = Countdown::new(PINGS);
            for _ in 0..PINGS {
                let countdown = countdown.clone();
                task::spawn(async move {
                    let (ping, pinged) = oneshot::channel();
                    let (pong, ponged) = oneshot::channel();
                    task::spawn(async move {
                        pinged.await.unwrap();
                        pong.send(()).unwrap();
                    });
                    ping.send(()).unwrap();
                    ponged.await.unwrap();
                    countdown.count_down();
                });
            }
            done.await.unwrap();
        })
    })
}

/// Each task spawns the next, 1,000 times.
pub(super) fn chained_spawn(runtime: Runtime) -> Workload {
    const LINKS: usize = 1_000;

    fn link(left: usize, done: oneshot::Sender<()>) {
        if left == 0 {
            done.send(()).unwrap();
        } else {
            task::spawn(async move { link(left - 1, done) });
        }
    }

    Workload::new(LINKS as u64, move |iterations| {
        repeat(&runtime, iterations, || async {
            let (sender, done) = oneshot::channel();
            link(LINKS, sender);
            done.await.unwrap();
        })
    })
}

/// A `JoinSet` of 10,000 tasks, each with a value.
pub(super) fn joinset_10k(runtime: Runtime) -> Workload {
    Workload::new(SPAWNED as u64, move |iterations| {
        repeat(&runtime, iterations, || async {
            let mut set = JoinSet::new();
            for number in 0..SPAWNED {
                set.spawn(async move { number });
            }
            let mut sum = 0;
            while let Some(number) = set.join_next().await {
                sum += number.unwrap();
            }
            assert_eq!(sum, SPAWNED * (SPAWNED - 1) / 2);
        })
    })
}

/// One after the other, so that each pays the way to the pool and back.
pub(super) fn spawn_blocking(runtime: Runtime) -> Workload {
    const CALLS: usize = 100;
    Workload::new(CALLS as u64, move |iterations| {
        repeat(&runtime, iterations, || async {
            for _ in 0..CALLS {
                task::spawn_blocking(|| ()).await.unwrap();
            }
        })
    })
}

/// Many at a time.
pub(super) fn spawn_blocking_100(runtime: Runtime) -> Workload {
    const CALLS: usize = 100;
    Workload::new(CALLS as u64, move |iterations| {
        repeat(&runtime, iterations, || async {
            let calls: Vec<_> = (0..CALLS)
                .map(|number| task::spawn_blocking(move || number))
                .collect();
            for call in calls {
                black_box(call.await.unwrap());
            }
        })
    })
}
