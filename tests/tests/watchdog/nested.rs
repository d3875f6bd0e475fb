//! Blocking on a future in a task.

use runtime::task;
use tests::{Flavour, each_of};

use crate::everything_works;

#[test]
fn a_task_may_block_on_a_future() {
    each_of(&Flavour::WITH_WORKERS, |flavour| {
        let runtime = flavour.build();
        let handle = runtime.handle().clone();
        let nested = move || {
            let handle = handle.clone();
            async move {
                let inner = handle.clone();
                handle.block_on(async move {
                    everything_works().await;
                    // Once more, inside of that.
                    inner.block_on(everything_works());
                    7
                })
            }
        };
        // As many at once as would block every worker.
        let tasks: Vec<_> = (0..8).map(|_| runtime.spawn(nested())).collect();
        for task in tasks {
            assert_eq!(runtime.block_on(task).unwrap(), 7);
        }
        assert_eq!(runtime.block_on(nested()), 7);
        let other = runtime.spawn(async {
            let other = Flavour::CurrentThread.build();
            other.block_on(everything_works());
            task::spawn_blocking(move || drop(other)).await.unwrap();
        });
        runtime.block_on(other).unwrap();
        runtime.block_on(runtime.spawn(everything_works())).unwrap();
    });
}

#[test]
fn blocking_on_a_future_in_a_task_can_be_forbidden() {
    each_of(&Flavour::WITH_WORKERS, |flavour| {
        let runtime = flavour.builder().nested_block_on(false).build().unwrap();
        let handle = runtime.handle().clone();
        let task = runtime.spawn(async move { handle.block_on(async {}) });
        let panic = runtime.block_on(task).unwrap_err().into_panic();
        let text = panic.downcast_ref::<&str>().unwrap();
        assert!(text.starts_with("Cannot start a runtime from within a runtime"));
    });
}
