//! Locks and signals at work, on every flavour.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use runtime::sync::{
    Barrier, CancellationToken, Mutex, Notify, OnceCell, RwLock, Semaphore, SetOnce,
};
use runtime::task::{JoinSet, yield_now};
use runtime::time::timeout;
use tests::each_runtime;

const TASKS: usize = 8;
const ROUNDS: usize = 50;

/// Runs `body` in many tasks at once.
async fn crowd<F: Future<Output: Send + 'static> + Send + 'static>(
    body: impl Fn(usize) -> F,
) -> Vec<F::Output> {
    (0..TASKS)
        .map(body)
        .collect::<JoinSet<_>>()
        .join_all()
        .await
}

#[test]
fn a_mutex_lets_in_one_at_a_time() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let mutex = Arc::new(Mutex::new(0));
            crowd(|id| {
                let mutex = mutex.clone();
                async move {
                    for round in 0..ROUNDS {
                        if (id + round) % 5 == 0 {
                            // Somebody who gives up leaves the others their turn.
                            let _ = timeout(Duration::ZERO, mutex.lock()).await;
                        }
                        let mut guard = mutex.lock().await;
                        let before = *guard;
                        yield_now().await;
                        *guard = before + 1;
                    }
                }
            })
            .await;
            assert_eq!(*mutex.lock().await, TASKS * ROUNDS);
        });
    });
}

#[test]
fn a_lock_lets_in_many_readers_or_one_writer() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let lock = Arc::new(RwLock::new((0, 0)));
            crowd(|id| {
                let lock = lock.clone();
                async move {
                    for round in 0..ROUNDS {
                        if id % 4 == 0 {
                            let mut guard = lock.write().await;
                            guard.0 += 1;
                            yield_now().await;
                            guard.1 += 1;
                        } else {
                            if round % 5 == 0 {
                                let _ = timeout(Duration::ZERO, lock.write()).await;
                            }
                            let guard = lock.read().await;
                            assert_eq!(guard.0, guard.1);
                            yield_now().await;
                        }
                    }
                }
            })
            .await;
            assert_eq!(*lock.read().await, (TASKS / 4 * ROUNDS, TASKS / 4 * ROUNDS));
        });
    });
}

#[test]
fn a_semaphore_lets_in_as_many_as_it_has_permits() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let semaphore = Arc::new(Semaphore::new(3));
            let inside = Arc::new(AtomicUsize::new(0));
            crowd(|id| {
                let (semaphore, inside) = (semaphore.clone(), inside.clone());
                async move {
                    for round in 0..ROUNDS {
                        let n = 1 + (id + round) % 3;
                        let _ = timeout(Duration::ZERO, semaphore.acquire_many(2)).await;
                        let permits = semaphore.acquire_many(n as u32).await.unwrap();
                        assert!(inside.fetch_add(n, SeqCst) + n <= 3);
                        yield_now().await;
                        inside.fetch_sub(n, SeqCst);
                        drop(permits);
                    }
                }
            })
            .await;
            assert_eq!(semaphore.available_permits(), 3);
        });
    });
}

#[test]
fn every_notification_for_one_reaches_one() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let (notify, done) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
            let count = Arc::new(AtomicUsize::new(0));
            let mut tasks = JoinSet::new();
            for _ in 0..TASKS {
                let (notify, done, count) = (notify.clone(), done.clone(), count.clone());
                tasks.spawn(async move {
                    for _ in 0..ROUNDS {
                        notify.notified().await;
                        count.fetch_add(1, SeqCst);
                        done.notify_one();
                    }
                });
            }
            for _ in 0..TASKS * ROUNDS {
                notify.notify_one();
                done.notified().await;
            }
            tasks.join_all().await;
            assert_eq!(count.load(SeqCst), TASKS * ROUNDS);
        });
    });
}

#[test]
fn a_call_for_all_reaches_all_who_wait() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let notify = Arc::new(Notify::new());
            let waiting: Vec<_> = (0..TASKS)
                .map(|_| notify.clone().notified_owned())
                .collect();
            let tasks: JoinSet<_> = waiting.into_iter().collect();
            notify.notify_waiters();
            assert_eq!(tasks.join_all().await.len(), TASKS);
        });
    });
}

#[test]
fn a_barrier_keeps_the_rounds_apart_and_has_one_leader_in_each() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let barrier = Arc::new(Barrier::new(TASKS));
            let arrived = Arc::new(AtomicUsize::new(0));
            let led = crowd(|_| {
                let (barrier, arrived) = (barrier.clone(), arrived.clone());
                async move {
                    let mut led = 0;
                    for round in 1..=ROUNDS {
                        arrived.fetch_add(1, SeqCst);
                        led += usize::from(barrier.wait().await.is_leader());
                        assert!(arrived.load(SeqCst) >= round * TASKS);
                        barrier.wait().await;
                    }
                    led
                }
            })
            .await;
            assert_eq!(led.iter().sum::<usize>(), ROUNDS);
        });
    });
}

#[test]
fn cells_are_filled_once_and_seen_by_all() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let cell = Arc::new(OnceCell::new());
            let set_once = Arc::new(SetOnce::new());
            let calls = Arc::new(AtomicUsize::new(0));
            let seen = crowd(|id| {
                let (cell, set_once, calls) = (cell.clone(), set_once.clone(), calls.clone());
                async move {
                    let first = *cell
                        .get_or_init(async || {
                            calls.fetch_add(1, SeqCst);
                            yield_now().await;
                            id
                        })
                        .await;
                    let _ = set_once.set(id);
                    (first, *set_once.wait().await)
                }
            })
            .await;
            assert_eq!(calls.load(SeqCst), 1);
            assert!(seen.iter().all(|pair| *pair == seen[0]));
        });
    });
}

#[test]
fn cancelling_reaches_all_descendants_and_no_ancestor() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let root = CancellationToken::new();
            let middle = root.child_token();
            let tasks: JoinSet<_> = (0..TASKS)
                .map(|_| middle.child_token().cancelled_owned())
                .collect();
            let child = root.child_token();
            let other = runtime::spawn(async move {
                child
                    .run_until_cancelled(std::future::pending::<()>())
                    .await
            });
            middle.cancel();
            tasks.join_all().await;
            assert!(!root.is_cancelled() && !other.is_finished());
            root.cancel();
            assert!(other.await.unwrap().is_none());
        });
    });
}
