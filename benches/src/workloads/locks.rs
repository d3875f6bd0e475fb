//! Locks and permits. Where there is contention, the holder yields once, so that the others are
//! there to wait on one thread as well as on many.

use std::sync::Arc;

use super::repeat;
use super::rt::runtime::Runtime;
use super::rt::sync::{Barrier, Mutex, OnceCell, RwLock, Semaphore};
use super::rt::task;
use crate::row::Workload;

/// One task alone.
pub(super) fn mutex_uncontended(runtime: Runtime) -> Workload {
    const TURNS: usize = 10_000;
    Workload::new(TURNS as u64, move |iterations| {
        repeat(&runtime, iterations, || async {
            let mutex = Mutex::new(0);
            for _ in 0..TURNS {
                *mutex.lock().await += 1;
            }
            assert_eq!(mutex.into_inner(), TURNS);
        })
    })
}

/// Eight tasks hand the lock on.
pub(super) fn mutex_contended(runtime: Runtime) -> Workload {
    const TASKS: usize = 8;
    const TURNS: usize = 250;
    Workload::new((TASKS * TURNS) as u64, move |iterations| {
        repeat(&runtime, iterations, || async {
            let mutex = Arc::new(Mutex::new(0));
            let tasks: Vec<_> = (0..TASKS)
                .map(|_| {
                    let mutex = mutex.clone();
                    task::spawn(async move {
                        for _ in 0..TURNS {
                            let mut turns = mutex.lock().await;
                            task::yield_now().await;
                            *turns += 1;
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            assert_eq!(*mutex.lock().await, TASKS * TURNS);
        })
    })
}

/// Ten readers and a writer.
pub(super) fn rwlock_10r1w(runtime: Runtime) -> Workload {
    const READERS: usize = 10;
    const TURNS: usize = 200;
    Workload::new(((READERS + 1) * TURNS) as u64, move |iterations| {
        repeat(&runtime, iterations, || async {
            let lock = Arc::new(RwLock::new(0));
            let mut tasks: Vec<_> = (0..READERS)
                .map(|_| {
                    let lock = lock.clone();
                    task::spawn(async move {
                        for _ in 0..TURNS {
                            let turns = lock.read().await;
                            task::yield_now().await;
                            assert!(*turns <= TURNS);
                        }
                    })
                })
                .collect();
            tasks.push(task::spawn({
                let lock = lock.clone();
                async move {
                    for _ in 0..TURNS {
                        let mut turns = lock.write().await;
                        task::yield_now().await;
                        *turns += 1;
                    }
                }
            }));
            for task in tasks {
                task.await.unwrap();
            }
            assert_eq!(*lock.read().await, TURNS);
        })
    })
}

/// Eight tasks, four permits.
pub(super) fn semaphore(runtime: Runtime) -> Workload {
    const TASKS: usize = 8;
    const TURNS: usize = 250;
    Workload::new((TASKS * TURNS) as u64, move |iterations| {
        repeat(&runtime, iterations, || async {
            let semaphore = Arc::new(Semaphore::new(4));
            let tasks: Vec<_> = (0..TASKS)
                .map(|_| {
                    let semaphore = semaphore.clone();
                    task::spawn(async move {
                        for _ in 0..TURNS {
                            let permit = semaphore.acquire().await.unwrap();
                            task::yield_now().await;
                            drop(permit);
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            assert_eq!(semaphore.available_permits(), 4);
        })
    })
}

/// One task alone.
pub(super) fn rwlock_uncontended(runtime: Runtime) -> Workload {
    const TURNS: usize = 10_000;
    Workload::new(TURNS as u64, move |iterations| {
        repeat(&runtime, iterations, || async {
            let lock = RwLock::new(7);
            for _ in 0..TURNS {
                assert_eq!(*lock.read().await, 7);
            }
        })
    })
}

/// One task alone.
pub(super) fn semaphore_uncontended(runtime: Runtime) -> Workload {
    const TURNS: usize = 10_000;
    Workload::new(TURNS as u64, move |iterations| {
        repeat(&runtime, iterations, || async {
            let semaphore = Semaphore::new(10);
            for _ in 0..TURNS {
                drop(semaphore.acquire().await.unwrap());
            }
        })
    })
}

/// Eight tasks meet again and again.
pub(super) fn barrier_8(runtime: Runtime) -> Workload {
    const TASKS: usize = 8;
    const MEETINGS: usize = 250;
    Workload::new((TASKS * MEETINGS) as u64, move |iterations| {
        repeat(&runtime, iterations, || async {
            let barrier = Arc::new(Barrier::new(TASKS));
            let tasks: Vec<_> = (0..TASKS)
                .map(|_| {
                    let barrier = barrier.clone();
                    task::spawn(async move {
                        for _ in 0..MEETINGS {
                            barrier.wait().await;
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

/// A cell that is full, as it is all its life but for the first time.
pub(super) fn once_cell(runtime: Runtime) -> Workload {
    // So many that to wake a worker for them does not count.
    const TURNS: usize = 1_000_000;
    Workload::new(TURNS as u64, move |iterations| {
        repeat(&runtime, iterations, || async {
            let cell = OnceCell::new();
            for _ in 0..TURNS {
                assert_eq!(*cell.get_or_init(|| async { 7 }).await, 7);
            }
        })
    })
}
