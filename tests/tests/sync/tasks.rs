//! Sets of tasks at work, on every flavour.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use runtime::sync::Notify;
use runtime::task::{JoinSet, TaskTracker, scope, yield_now};
use tests::{OnDrop, each_runtime};

#[test]
fn a_join_set_gives_every_output_once() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let mut set = JoinSet::new();
            for n in 0..100 {
                set.spawn(async move {
                    for _ in 0..n % 5 {
                        yield_now().await;
                    }
                    if n % 10 == 9 {
                        std::panic::resume_unwind(Box::new(n));
                    }
                    n
                });
            }
            let mut outputs = Vec::new();
            let mut panics = 0;
            while let Some(result) = set.join_next().await {
                match result {
                    Ok(n) => outputs.push(n),
                    Err(error) => {
                        assert!(error.is_panic());
                        panics += 1;
                    }
                }
            }
            outputs.sort_unstable();
            assert_eq!(
                outputs,
                (0..100).filter(|n| n % 10 != 9).collect::<Vec<_>>()
            );
            assert_eq!(panics, 10);
            assert!(set.is_empty());
        });
    });
}

#[test]
fn a_join_set_that_shuts_down_leaves_no_task() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let dropped = Arc::new(AtomicUsize::new(0));
            let mut set = JoinSet::new();
            for n in 0..20 {
                let dropped = dropped.clone();
                let count = OnDrop(move || {
                    dropped.fetch_add(1, SeqCst);
                });
                set.spawn(async move {
                    let _count = count;
                    std::future::pending::<()>().await;
                });
                if n == 10 {
                    // Some have started, some have not.
                    yield_now().await;
                }
            }
            assert_eq!(dropped.load(SeqCst), 0);
            set.shutdown().await;
            assert!(set.is_empty());
            assert_eq!(dropped.load(SeqCst), 20);
        });
    });
}

#[test]
fn a_tracker_waits_for_tasks_that_are_spawned_by_tasks() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let tracker = TaskTracker::new();
            let done = Arc::new(AtomicUsize::new(0));
            for _ in 0..10 {
                let (inner, done) = (tracker.clone(), done.clone());
                tracker.spawn(async move {
                    yield_now().await;
                    let done = done.clone();
                    inner.spawn(async move {
                        yield_now().await;
                        done.fetch_add(1, SeqCst);
                    });
                });
            }
            tracker.close();
            tracker.wait().await;
            assert_eq!(done.load(SeqCst), 10);
            assert!(tracker.is_empty());
        });
    });
}

#[test]
fn a_scope_ends_after_its_children_and_its_first_error_ends_them() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let done = Arc::new(AtomicUsize::new(0));
            let result: Result<u32, ()> = scope(async |scope| {
                for _ in 0..10 {
                    let done = done.clone();
                    scope.spawn(async move {
                        yield_now().await;
                        done.fetch_add(1, SeqCst);
                        Ok(())
                    });
                }
                Ok(1)
            })
            .await;
            assert_eq!((result, done.load(SeqCst)), (Ok(1), 10));

            let dropped = Arc::new(AtomicUsize::new(0));
            let started = Arc::new(Notify::new());
            let result: Result<(), &str> = scope(async |scope| {
                let (dropped, running) = (dropped.clone(), started.clone());
                scope.spawn(async move {
                    let _count = OnDrop(|| {
                        dropped.fetch_add(1, SeqCst);
                    });
                    running.notify_one();
                    std::future::pending().await
                });
                started.notified().await;
                scope.spawn(async { Err("first") });
                std::future::pending().await
            })
            .await;
            assert_eq!((result, dropped.load(SeqCst)), (Err("first"), 1));
        });
    });
}
