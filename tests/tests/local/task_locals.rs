//! Values that belong to a task.

use std::cell::Cell;
use std::rc::Rc;

use runtime::task::{self, LocalSet};
use tests::{each_runtime, panic_of, within_limit};

runtime::task_local! {
    static NUMBER: u32;
    static SHARED: Rc<Cell<u32>>;
}

#[test]
fn a_task_local_follows_its_task_and_not_those_it_spawns() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let tasks: Vec<_> = (0..20)
                .map(|number| {
                    runtime::spawn(NUMBER.scope(number, async move {
                        for _ in 0..10 {
                            assert_eq!(NUMBER.get(), number);
                            task::yield_now().await;
                        }
                        runtime::spawn(async { NUMBER.try_get().is_err() })
                            .await
                            .unwrap()
                    }))
                })
                .collect();
            for task in tasks {
                assert!(task.await.unwrap());
            }
            assert!(NUMBER.try_get().is_err());
        });
    });
}

#[test]
fn a_task_local_need_not_be_send_in_a_local_task() {
    each_runtime(|runtime| {
        let shared = Rc::new(Cell::new(0));
        let set = LocalSet::new();
        for _ in 0..10 {
            set.spawn_local(SHARED.scope(shared.clone(), async {
                task::yield_now().await;
                SHARED.with(|shared| shared.set(shared.get() + 1));
            }));
        }
        runtime.block_on(set);
        assert_eq!(shared.get(), 10);
    });
}

#[test]
fn a_missing_task_local_panics_at_the_caller_with_the_remedy() {
    within_limit(|| {
        panic_of(|| NUMBER.get())
            .names("inside of `LocalKey::scope`")
            .is_in(file!());
        panic_of(|| NUMBER.with(|number| *number)).is_in(file!());
    });
}
