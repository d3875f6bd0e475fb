//! Tasks that stay on one thread: `LocalSet`, `LocalRuntime`, `spawn_local`, and task-locals.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
use std::thread::{self, ThreadId};
use std::time::Duration;

use futures_task::LocalSpawn;
use runtime::runtime::{Builder, Handle, LocalOptions, LocalRuntime, UnhandledPanic};
use runtime::sync::{Notify, oneshot};
use runtime::task::{self, AbortOnDropHandle, JoinSet, LocalSet};
use runtime::time;
use tests::wakers::Counting;
use tests::{each_runtime, panic_of, within_limit};

/// A future's companion that must stay on its thread.
struct Pinned {
    thread: ThreadId,
    dropped: Arc<AtomicUsize>,
}

impl Pinned {
    fn new(dropped: &Arc<AtomicUsize>) -> Self {
        Self {
            thread: thread::current().id(),
            dropped: dropped.clone(),
        }
    }

    fn check(&self) {
        assert_eq!(thread::current().id(), self.thread);
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // An assertion would be caught by the task.
        let own = thread::current().id() == self.thread;
        self.dropped.fetch_add(if own { 1 } else { 1_000 }, SeqCst);
    }
}

#[test]
fn a_set_is_complete_when_all_of_its_tasks_are() {
    each_runtime(|runtime| {
        let set = LocalSet::new();
        let sum = Rc::new(Cell::new(0));
        for number in 0..100 {
            let sum = sum.clone();
            set.spawn_local(async move {
                task::yield_now().await;
                let inner = sum.clone();
                task::spawn_local(async move { inner.set(inner.get() + number) });
            });
        }
        runtime.block_on(set);
        assert_eq!(sum.get(), 4_950);
    });
}

#[test]
fn run_until_ends_with_its_future_and_the_tasks_go_on_later() {
    each_runtime(|runtime| {
        let set = LocalSet::new();
        let steps = Rc::new(Cell::new(0));
        let (sender, receiver) = oneshot::channel::<()>();
        set.block_on(runtime, async {
            let steps = steps.clone();
            task::spawn_local(async move {
                steps.set(1);
                receiver.await.unwrap();
                steps.set(2);
            });
            task::yield_now().await;
        });
        assert_eq!(steps.get(), 1);
        sender.send(()).unwrap();
        runtime.block_on(set);
        assert_eq!(steps.get(), 2);
    });
}

#[test]
fn wakes_and_aborts_from_other_threads_run_and_drop_the_future_on_its_own() {
    each_runtime(|runtime| {
        let dropped = Arc::new(AtomicUsize::new(0));
        let set = LocalSet::new();
        let woken = Arc::new(Notify::new());
        let polls = Rc::new(Cell::new(0));
        let (pinned, notify, count) = (Pinned::new(&dropped), woken.clone(), polls.clone());
        let task = set.spawn_local(async move {
            loop {
                notify.notified().await;
                pinned.check();
                count.set(count.get() + 1);
            }
        });
        let abort = task.abort_handle();
        let other = {
            let woken = woken.clone();
            thread::spawn(move || {
                for _ in 0..1_000 {
                    woken.notify_one();
                }
                abort.abort();
            })
        };
        let error = set.block_on(runtime, task).unwrap_err();
        assert!(error.is_cancelled());
        other.join().unwrap();
        assert_eq!(dropped.load(SeqCst), 1);
        runtime.block_on(set);
    });
}

#[test]
fn dropping_the_set_drops_its_futures_here_and_later_wakes_do_nothing() {
    each_runtime(|runtime| {
        let dropped = Arc::new(AtomicUsize::new(0));
        let set = LocalSet::new();
        let wakers = Rc::new(RefCell::new(Vec::<Waker>::new()));
        let mut tasks = Vec::new();
        for _ in 0..10 {
            let (pinned, wakers) = (Pinned::new(&dropped), wakers.clone());
            tasks.push(set.spawn_local(poll_fn(move |cx: &mut Context<'_>| {
                pinned.check();
                wakers.borrow_mut().push(cx.waker().clone());
                Poll::<()>::Pending
            })));
        }
        // Never polled.
        let pinned = Pinned::new(&dropped);
        let unpolled = LocalSet::new();
        let never = unpolled.spawn_local(async move { drop(pinned) });
        set.block_on(runtime, task::yield_now());
        let wakers = wakers.take();
        assert_eq!(wakers.len(), 10);
        // Some are woken while the set is dropped, some after it.
        let (begin, begun) = mpsc::channel();
        let aborts: Vec<_> = tasks.iter().map(task::JoinHandle::abort_handle).collect();
        let waking = thread::spawn(move || {
            begin.send(()).unwrap();
            for _ in 0..100 {
                wakers.iter().for_each(Waker::wake_by_ref);
            }
            aborts.iter().for_each(task::AbortHandle::abort);
        });
        begun.recv().unwrap();
        drop(set);
        drop(unpolled);
        assert_eq!(dropped.load(SeqCst), 11);
        waking.join().unwrap();
        for task in tasks.into_iter().chain([never]) {
            assert!(runtime.block_on(task).unwrap_err().is_cancelled());
        }
    });
}

#[test]
fn what_a_dropped_future_spawns_on_its_dying_set_is_cancelled() {
    within_limit(|| {
        struct SpawnsAtDrop(Rc<Cell<Option<task::JoinHandle<()>>>>);
        impl Drop for SpawnsAtDrop {
            fn drop(&mut self) {
                self.0.set(Some(task::spawn_local(async {})));
            }
        }
        let spawned = Rc::new(Cell::new(None));
        let guard = SpawnsAtDrop(spawned.clone());
        let set = LocalSet::new();
        set.spawn_local(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        drop(set);
        let task = spawned.take().expect("the future was dropped");
        assert!(task.is_finished());
    });
}

#[test]
fn tasks_that_are_always_ready_keep_neither_each_other_nor_the_timers_waiting() {
    each_runtime(|runtime| {
        let set = LocalSet::new();
        for _ in 0..3 {
            set.spawn_local(async {
                loop {
                    task::consume_budget().await;
                }
            });
            set.spawn_local(poll_fn(|cx| {
                cx.waker().wake_by_ref();
                Poll::<()>::Pending
            }));
        }
        let handle = runtime.handle().clone();
        set.block_on(runtime, async {
            time::sleep(Duration::from_millis(1)).await;
            // Woken by a task outside of the set.
            let local = task::spawn_local(async move { handle.spawn(async { 1 }).await.unwrap() });
            assert_eq!(local.await.unwrap(), 1);
        });
    });
}

#[test]
#[expect(
    clippy::async_yields_async,
    reason = "the tasks are looked at outside of the set"
)]
fn sets_nest_and_the_innermost_gets_the_task() {
    each_runtime(|runtime| {
        let outer = LocalSet::new();
        let inner = LocalSet::new();
        let survivor = outer.block_on(runtime, async {
            let of_outer = task::spawn_local(async {
                task::yield_now().await;
                "outer"
            });
            let lost = inner
                .run_until(async {
                    assert_eq!(of_outer.await.unwrap(), "outer");
                    assert_eq!(task::spawn_local(async { "inner" }).await.unwrap(), "inner");
                    task::spawn_local(pending::<()>())
                })
                .await;
            drop(inner);
            assert!(lost.await.unwrap_err().is_cancelled());
            task::spawn_local(async { "outer again" })
        });
        assert_eq!(outer.block_on(runtime, survivor).unwrap(), "outer again");
    });
}

#[test]
fn a_set_polled_by_two_futures_is_woken_whichever_of_them_goes_first() {
    each_runtime(|runtime| {
        let set = LocalSet::new();
        let wake = Rc::new(Notify::new());
        let notified = wake.clone();
        let mut task = set.spawn_local(async move { notified.notified().await });
        runtime.block_on(async {
            let mut long = Box::pin(set.run_until(&mut task));
            let mut short = Box::pin(set.run_until(pending::<()>()));
            let polled = futures_poll(long.as_mut()).await;
            assert!(polled.is_pending());
            // Another task's waker takes the place of ours, and then goes away with its wake.
            let mut noop = Context::from_waker(Waker::noop());
            assert!(short.as_mut().poll(&mut noop).is_pending());
            wake.notify_one();
            drop(short);
            long.await.unwrap();
        });
    });
}

#[test]
fn a_poller_that_leaves_work_behind_passes_it_on() {
    within_limit(|| {
        let set = Rc::new(LocalSet::new());
        let (woken, waker) = Counting::new();
        let same_set = set.clone();
        let staying: Rc<RefCell<std::pin::Pin<Box<dyn Future<Output = ()>>>>> =
            Rc::new(RefCell::new(Box::pin(async move {
                same_set.run_until(pending::<()>()).await
            })));
        let run = Rc::new(Cell::new(0));
        // Inside of the other poller's visit the one that stays finds nothing to do, and then there
        // is more than one visit's worth of it.
        let (inside, count) = (staying.clone(), run.clone());
        set.spawn_local(async move {
            let mut cx = Context::from_waker(&waker);
            assert!(inside.borrow_mut().as_mut().poll(&mut cx).is_pending());
            for _ in 0..100 {
                let count = count.clone();
                task::spawn_local(async move { count.set(count.get() + 1) });
            }
        });
        let mut leaving = Box::pin(set.run_until(pending::<()>()));
        let mut noop = Context::from_waker(Waker::noop());
        assert!(leaving.as_mut().poll(&mut noop).is_pending());
        assert_eq!((run.get(), woken.count()), (60, 0));
        drop(leaving);
        assert_eq!(woken.count(), 1);
        assert!(staying.borrow_mut().as_mut().poll(&mut noop).is_pending());
        assert_eq!(run.get(), 100);
        // It borrows the set in a circle.
        drop(std::mem::replace(
            &mut *staying.borrow_mut(),
            Box::pin(async {}),
        ));
    });
}

/// Polls once with the waker of the task.
async fn futures_poll<F: Future>(mut future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}

#[test]
fn a_set_runs_inside_of_blocking_work() {
    each_runtime(|runtime| {
        let answer = runtime.block_on(async {
            task::spawn_blocking(|| {
                let set = LocalSet::new();
                let text = Rc::new("not Send");
                Handle::current().block_on(set.run_until(async move {
                    task::spawn_local(async move { text.len() }).await.unwrap()
                }))
            })
            .await
            .unwrap()
        });
        assert_eq!(answer, 8);
    });
}

#[test]
fn entering_a_set_makes_spawn_local_work_outside_of_a_runtime() {
    each_runtime(|runtime| {
        let set = LocalSet::new();
        let task = {
            let _guard = set.enter();
            task::spawn_local(async { Rc::new(5) })
        };
        assert_eq!(*set.block_on(runtime, task).unwrap(), 5);
    });
}

#[test]
fn spawn_local_outside_of_a_set_panics_at_the_caller_with_the_remedy() {
    each_runtime(|runtime| {
        let panic = panic_of(|| task::spawn_local(async {}));
        panic
            .names("`spawn_local` called from outside of a `task::LocalSet`")
            .is_in(file!());
        let panic = panic_of(|| runtime.block_on(async { drop(task::spawn_local(async {})) }));
        panic.names("LocalSet::run_until").is_in(file!());
    });
}

#[test]
fn blocking_in_place_is_refused_inside_of_run_until() {
    each_runtime(|runtime| {
        let set = LocalSet::new();
        let panic = panic_of(|| set.block_on(runtime, async { task::block_in_place(|| ()) }));
        panic.names("can call blocking only when running on the multi-threaded runtime");
    });
}

#[test]
fn a_panic_stops_the_set_if_that_is_the_policy_and_is_its_tasks_otherwise() {
    each_runtime(|runtime| {
        let dropped = Arc::new(AtomicUsize::new(0));
        for stop in [false, true] {
            let mut set = LocalSet::new();
            if stop {
                set.unhandled_panic(UnhandledPanic::ShutdownRuntime);
            }
            let pinned = Pinned::new(&dropped);
            let other = set.spawn_local(async move {
                pending::<()>().await;
                pinned.check();
            });
            let run = || {
                set.block_on(runtime, async {
                    let error = task::spawn_local(async { panic!("boom") })
                        .await
                        .unwrap_err();
                    assert!(error.is_panic());
                });
            };
            if stop {
                let (result, panics) = tests::with_quiet_panics(run);
                assert!(result.is_none());
                let panic = panics.last().expect("the task panics, and then the set");
                panic.names("the LocalSet is configured to shutdown on unhandled panic");
                assert!(other.is_finished());
            } else {
                tests::with_quiet_panics(run);
                assert!(!other.is_finished());
            }
        }
        assert_eq!(dropped.load(SeqCst), 2);
    });
}

#[test]
fn a_set_in_a_variable_of_a_thread_ends_with_the_thread() {
    within_limit(|| {
        thread_local! {
            static SET: LocalSet = LocalSet::new();
        }
        let dropped = Arc::new(AtomicUsize::new(0));
        let count = dropped.clone();
        let task = thread::spawn(move || {
            let pinned = Pinned::new(&count);
            SET.with(|set| {
                set.spawn_local(async move {
                    pending::<()>().await;
                    drop(pinned);
                })
                .abort_handle()
            })
        })
        .join()
        .unwrap();
        assert!(task.is_finished());
        assert_eq!(dropped.load(SeqCst), 1);
    });
}

// LocalRuntime

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

// Sets of tasks, names, handles

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

// Task-locals

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
