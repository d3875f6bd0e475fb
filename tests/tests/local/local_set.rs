//! `LocalSet`: tasks of one future, which run on its thread.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
use std::thread::{self};
use std::time::Duration;

use runtime::runtime::{Handle, UnhandledPanic};
use runtime::sync::{Notify, oneshot};
use runtime::task::{self, LocalSet};
use runtime::time;
use tests::wakers::Counting;
use tests::{each_runtime, panic_of, within_limit};

use super::Pinned;

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
