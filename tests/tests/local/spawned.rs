//! What spawns and names tasks of both kinds: `JoinSet`, builders, handles.

use std::rc::Rc;

use runtime::sync::oneshot;
use runtime::task::{AbortOnDropHandle, JoinSet, LocalSet};
use tests::each_runtime;

#[test]
fn a_join_set_takes_local_tasks_and_named_ones() {
    each_runtime(|runtime| {
        let local = LocalSet::new();
        let mut outputs = local.block_on(runtime, async {
            let mut set = JoinSet::new();
            set.spawn_local(async { Rc::new(1) });
            set.spawn_local_on(async { Rc::new(2) }, &local);
            set.build_task()
                .name("third")
                .spawn_local(async { Rc::new(3) })
                .unwrap();
            set.build_task()
                .spawn_local_on(async { Rc::new(4) }, &local)
                .unwrap();
            set.join_all().await
        });
        outputs.sort();
        assert_eq!(outputs.iter().map(|number| **number).sum::<i32>(), 10);
        let mut set = JoinSet::new();
        let handle = runtime.handle();
        set.build_task()
            .name("on")
            .spawn_on(async { 1 }, handle)
            .unwrap();
        set.build_task()
            .name("blocking")
            .spawn_blocking_on(|| 2, handle)
            .unwrap();
        let _guard = runtime.enter();
        set.build_task().name("here").spawn(async { 3 }).unwrap();
        set.build_task().spawn_blocking(|| 4).unwrap();
        assert_eq!(runtime.block_on(set.join_all()).iter().sum::<i32>(), 10);
    });
}

#[test]
fn a_dropped_abort_on_drop_handle_aborts_and_a_detached_one_does_not() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let (sender, receiver) = oneshot::channel::<()>();
            let bound = AbortOnDropHandle::new(runtime::spawn(async {
                drop(receiver.await);
            }));
            assert!(!bound.is_finished());
            drop(bound);
            let mut sender = sender;
            sender.closed().await;
            let (sender, receiver) = oneshot::channel::<()>();
            let bound = AbortOnDropHandle::new(runtime::spawn(receiver));
            let task = bound.detach();
            sender.send(()).unwrap();
            assert!(task.await.unwrap().is_ok());
            assert_eq!(
                AbortOnDropHandle::new(runtime::spawn(async { 1 }))
                    .await
                    .unwrap(),
                1
            );
        });
    });
}
