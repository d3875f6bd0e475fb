//! `LocalRuntime`: a runtime of one thread, whose tasks need not be `Send`.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::mpsc;
use std::task::{Poll, Waker};
use std::thread::{self};
use std::time::Duration;

use futures_task::LocalSpawn;
use runtime::runtime::{Builder, LocalOptions, LocalRuntime};
use runtime::sync::Notify;
use runtime::task::{self, LocalSet};
use runtime::time;
use tests::{panic_of, within_limit};

use super::Pinned;

fn local() -> LocalRuntime {
    LocalRuntime::new().expect("the system has descriptors")
}

#[test]
fn a_local_runtime_runs_what_is_not_send_next_to_what_is() {
    within_limit(|| {
        let runtime = local();
        let text = Rc::new("not Send");
        let first = runtime.spawn_local({
            let text = text.clone();
            async move { text.len() }
        });
        let answer = runtime.block_on(async {
            let sent = runtime::spawn(async { 1 }).await.unwrap();
            let timed = task::spawn_local(async move {
                time::sleep(Duration::from_millis(1)).await;
                text.len()
            });
            let blocking = task::spawn_blocking(|| 100).await.unwrap();
            sent + timed.await.unwrap() + first.await.unwrap() + blocking
        });
        assert_eq!(answer, 117);
    });
}

#[test]
fn other_threads_wake_abort_and_spawn_but_futures_stay_on_the_runtimes_thread() {
    within_limit(|| {
        let dropped = Arc::new(AtomicUsize::new(0));
        let runtime = local();
        let notify = Arc::new(Notify::new());
        let (pinned, notified) = (Pinned::new(&dropped), notify.clone());
        let task = runtime.spawn_local(async move {
            loop {
                notified.notified().await;
                pinned.check();
            }
        });
        let (abort, handle) = (task.abort_handle(), runtime.handle().clone());
        let other = thread::spawn(move || {
            for _ in 0..1_000 {
                notify.notify_one();
            }
            let spawned = handle.spawn(async { thread::current().id() });
            abort.abort();
            let panic = panic_of(|| handle.block_on(async { drop(task::spawn_local(async {})) }));
            panic
                .names("from the thread the runtime was created on")
                .is_in(file!());
            handle.block_on(spawned).unwrap()
        });
        assert!(runtime.block_on(task).unwrap_err().is_cancelled());
        while !other.is_finished() {
            runtime.block_on(task::yield_now());
        }
        assert_eq!(other.join().unwrap(), thread::current().id());
        assert_eq!(dropped.load(SeqCst), 1);
    });
}

#[test]
fn dropping_a_local_runtime_drops_its_futures_here_whatever_others_do() {
    within_limit(|| {
        let dropped = Arc::new(AtomicUsize::new(0));
        let runtime = local();
        let wakers = Rc::new(RefCell::new(Vec::<Waker>::new()));
        for _ in 0..10 {
            let (pinned, wakers) = (Pinned::new(&dropped), wakers.clone());
            runtime.spawn_local(poll_fn(move |cx| {
                pinned.check();
                wakers.borrow_mut().push(cx.waker().clone());
                Poll::<()>::Pending
            }));
        }
        runtime.block_on(task::yield_now());
        let wakers = wakers.take();
        assert_eq!(wakers.len(), 10);
        let (begin, begun) = mpsc::channel();
        let waking = thread::spawn(move || {
            begin.send(()).unwrap();
            for _ in 0..100 {
                wakers.iter().for_each(Waker::wake_by_ref);
            }
        });
        begun.recv().unwrap();
        drop(runtime);
        waking.join().unwrap();
        assert_eq!(dropped.load(SeqCst), 10);
    });
}

#[test]
fn inside_of_a_local_runtime_spawn_local_is_the_runtimes_even_in_a_set() {
    within_limit(|| {
        let dropped = Arc::new(AtomicUsize::new(0));
        let runtime = local();
        let pinned = Pinned::new(&dropped);
        runtime.block_on(async {
            let set = LocalSet::new();
            set.run_until(async move {
                task::spawn_local(async move {
                    pending::<()>().await;
                    pinned.check();
                });
            })
            .await;
            set.spawn_local(async {});
        });
        assert_eq!(
            dropped.load(SeqCst),
            0,
            "the set is gone, and the task was not its"
        );
        assert_eq!(runtime.metrics().num_alive_tasks(), 1);
        drop(runtime);
        assert_eq!(dropped.load(SeqCst), 1);
    });
}

#[test]
fn libraries_spawn_local_futures_without_naming_the_runtime() {
    fn spawn(spawner: &dyn LocalSpawn) -> Rc<Cell<u32>> {
        let ran = Rc::new(Cell::new(0));
        let in_task = ran.clone();
        let future = Box::new(async move { in_task.set(1) });
        spawner.spawn_local_obj(future.into()).unwrap();
        ran
    }
    within_limit(|| {
        let runtime = local();
        let ran = spawn(&runtime);
        runtime.block_on(task::yield_now());
        assert_eq!(ran.get(), 1);
        let set = LocalSet::new();
        let ran = spawn(&set);
        runtime.block_on(set);
        assert_eq!(ran.get(), 1);
    });
}

#[test]
fn a_multi_thread_builder_builds_no_local_runtime() {
    within_limit(|| {
        let panic = panic_of(|| Builder::new_multi_thread().build_local(LocalOptions::default()));
        panic
            .names("multi_thread is not supported for LocalRuntime")
            .is_in(file!());
    });
}

#[runtime::test(flavor = "local")]
async fn the_attribute_makes_a_local_runtime() {
    let text = Rc::new("not Send");
    assert_eq!(
        task::spawn_local(async move { text.len() }).await.unwrap(),
        8
    );
}
