//! Spawning, joining, aborting, and many of them.

use std::future::{pending, poll_fn, ready};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use futures_task::{FutureObj, Spawn};
use runtime::net::lookup_host;
use runtime::runtime::RuntimeFlavor;
use runtime::sync::{Notify, oneshot};
use runtime::task::{self, yield_now};
use runtime::{Handle, Runtime};
use tests::wakers::Counting;
use tests::{Flavour, OnDrop, each_flavour, each_runtime, poll_once, wake_self, within_limit};

#[test]
fn a_task_gives_its_output_to_who_joins_it() {
    each_runtime(|runtime| {
        let early = runtime.spawn(ready(1));
        let late = runtime.spawn(async {
            yield_now().await;
            wake_self(5).await;
            2
        });
        let nested = runtime.spawn(async { runtime::spawn(async { 4 }).await.unwrap() });
        runtime.block_on(async {
            assert_eq!(
                late.await.unwrap() + early.await.unwrap() + nested.await.unwrap(),
                7
            );
        });
    });
}

#[test]
fn a_task_whose_handle_was_dropped_goes_on() {
    each_runtime(|runtime| {
        let (send, receive) = oneshot::channel();
        drop(runtime.spawn(async move {
            yield_now().await;
            send.send(7).unwrap();
        }));
        assert_eq!(runtime.block_on(receive).unwrap(), 7);
    });
}

#[test]
fn every_task_has_an_id_and_knows_it() {
    each_runtime(|runtime| {
        assert!(task::try_id().is_none());
        let tasks: Vec<_> = (0..50)
            .map(|_| runtime.spawn(async { task::id() }))
            .collect();
        let mut seen = std::collections::HashSet::new();
        for task in tasks {
            let id = task.id();
            assert_eq!(task.abort_handle().id(), id);
            assert!(seen.insert(id));
            assert_eq!(runtime.block_on(task).unwrap(), id);
        }
    });
}

#[test]
fn a_task_aborted_before_its_first_poll_is_never_polled() {
    within_limit(|| {
        let runtime = Flavour::CurrentThread.build();
        let (polled, owned) = (Arc::new(AtomicBool::new(false)), Arc::new(()));
        let task = runtime.spawn({
            let (polled, owned) = (polled.clone(), owned.clone());
            async move {
                polled.store(true, SeqCst);
                drop(owned);
            }
        });
        task.abort();
        task.abort();
        assert!(
            !task.is_finished(),
            "the runtime drops the future, not who aborts"
        );
        assert!(runtime.block_on(task).unwrap_err().is_cancelled());
        assert!(!polled.load(SeqCst));
        assert_eq!(Arc::strong_count(&owned), 1);
    });
}

#[test]
fn a_task_that_waits_is_aborted() {
    each_runtime(|runtime| {
        let begun = Arc::new(Notify::new());
        let owned = Arc::new(());
        let task = runtime.spawn({
            let (begun, owned) = (begun.clone(), owned.clone());
            async move {
                begun.notify_one();
                pending::<()>().await;
                drop(owned);
            }
        });
        runtime.block_on(begun.notified());
        let abort = task.abort_handle();
        assert!(!abort.is_finished());
        abort.abort();
        assert!(runtime.block_on(task).unwrap_err().is_cancelled());
        assert!(abort.is_finished());
        assert_eq!(Arc::strong_count(&owned), 1);
    });
}

#[test]
fn a_task_aborted_during_its_poll_ends_at_its_next_await() {
    each_flavour(|flavour| {
        let runtime = flavour.build();
        let went_on = Arc::new(AtomicBool::new(false));
        let (give, take) = oneshot::channel::<task::AbortHandle>();
        let task = runtime.spawn({
            let went_on = went_on.clone();
            async move {
                take.await.unwrap().abort();
                went_on.store(true, SeqCst);
                pending::<()>().await;
            }
        });
        give.send(task.abort_handle()).unwrap();
        assert!(runtime.block_on(task).unwrap_err().is_cancelled());
        assert!(went_on.load(SeqCst), "a poll is not interrupted");
    });
}

#[test]
fn a_task_that_is_ready_in_the_poll_that_aborts_it_keeps_its_output() {
    each_runtime(|runtime| {
        let (give, take) = oneshot::channel::<task::AbortHandle>();
        let task = runtime.spawn(async move {
            take.await.unwrap().abort();
            7
        });
        give.send(task.abort_handle()).unwrap();
        assert_eq!(runtime.block_on(task).unwrap(), 7);
    });
}

#[test]
fn aborting_a_complete_task_changes_nothing() {
    each_runtime(|runtime| {
        let task = runtime.spawn(ready(7));
        while !task.is_finished() {
            runtime.block_on(yield_now());
        }
        task.abort();
        assert_eq!(runtime.block_on(task).unwrap(), 7);
    });
}

#[test]
fn tasks_are_aborted_from_all_sides_while_they_run() {
    each_runtime(|runtime| {
        let owned = Arc::new(());
        let tasks: Vec<_> = (0..200)
            .map(|_| {
                let owned = owned.clone();
                runtime.spawn(async move {
                    loop {
                        wake_self(3).await;
                        yield_now().await;
                        let _ = &owned;
                    }
                })
            })
            .collect();
        let aborts: Vec<_> = tasks.iter().map(|task| task.abort_handle()).collect();
        let other = thread::spawn(move || aborts.iter().for_each(|abort| abort.abort()));
        runtime.block_on(async {
            for task in tasks {
                task.abort();
                assert!(task.await.unwrap_err().is_cancelled());
            }
        });
        other.join().unwrap();
        assert_eq!(Arc::strong_count(&owned), 1);
    });
}

#[test]
fn the_waker_of_the_last_poll_of_a_join_handle_is_woken() {
    each_runtime(|runtime| {
        let go = Arc::new(Notify::new());
        let mut task = runtime.spawn({
            let go = go.clone();
            async move { go.notified().await }
        });
        let (old, old_waker) = Counting::new();
        let (new, new_waker) = Counting::new();
        for waker in [&old_waker, &old_waker, &new_waker] {
            assert!(poll_once(&mut task, &mut Context::from_waker(waker)).is_pending());
        }
        drop(old_waker);
        assert_eq!(
            Arc::strong_count(&old),
            1,
            "a waker that was replaced is dropped"
        );
        go.notify_one();
        while new.count() == 0 {
            runtime.block_on(yield_now());
        }
        assert_eq!((old.count(), new.count()), (0, 1));
        assert!(poll_once(&mut task, &mut Context::from_waker(&new_waker)).is_ready());
        drop((task, new_waker));
        // The task lets go of the waker shortly after it has woken it.
        while Arc::strong_count(&new) > 1 {
            runtime.block_on(yield_now());
        }
    });
}

#[test]
fn wakers_are_equal_where_they_wake_the_same_task() {
    each_runtime(|runtime| {
        let wakers = || {
            runtime.spawn(async {
                let first = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
                yield_now().await;
                let second = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
                assert!(first.will_wake(&second));
                second
            })
        };
        let (one, other) = (wakers(), wakers());
        let (one, other) = (
            runtime.block_on(one).unwrap(),
            runtime.block_on(other).unwrap(),
        );
        assert!(!one.will_wake(&other));
        one.wake();
        other.wake_by_ref();
    });
}

#[test]
fn a_task_is_polled_once_for_many_wakes_and_again_for_a_wake_during_its_poll() {
    within_limit(|| {
        let runtime = Flavour::CurrentThread.build();
        let polls = Arc::new(AtomicUsize::new(0));
        let count = polls.clone();
        let task = runtime.spawn(poll_fn(move |cx| {
            let poll = count.fetch_add(1, SeqCst);
            for _ in 0..10 {
                cx.waker().wake_by_ref();
                let clone = cx.waker().clone();
                clone.wake();
            }
            if poll == 4 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        }));
        runtime.block_on(task).unwrap();
        assert_eq!(polls.load(SeqCst), 5);
    });
}

#[test]
fn large_futures_and_outputs_arrive_whole() {
    each_runtime(|runtime| {
        let task = runtime.spawn(async {
            let mut memory = [1_u8; 20_000];
            yield_now().await;
            memory[19_999] = 7;
            wake_self(1).await;
            memory
        });
        let memory = runtime.block_on(task).unwrap();
        assert_eq!((memory[0], memory[19_999]), (1, 7));
        // On the stack of whoever blocks.
        let sum: u64 = runtime.block_on(async {
            let memory = [1_u8; 50_000];
            yield_now().await;
            memory.iter().map(|&byte| u64::from(byte)).sum()
        });
        assert_eq!(sum, 50_000);
    });
}

#[test]
fn a_future_of_odd_alignment_is_polled_where_it_may_be() {
    #[repr(align(256))]
    struct Aligned(u8);
    impl Future for Aligned {
        type Output = usize;
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<usize> {
            Poll::Ready(std::ptr::from_ref(&*self).addr() % 256 + usize::from(self.0))
        }
    }
    each_runtime(|runtime| {
        for _ in 0..10 {
            assert_eq!(runtime.block_on(runtime.spawn(Aligned(0))).unwrap(), 0);
        }
    });
}

#[test]
fn a_hundred_thousand_tasks() {
    each_runtime(|runtime| {
        const TASKS: usize = 100_000;
        let ended = Arc::new(AtomicUsize::new(0));
        let go = Arc::new(Notify::new());
        let spawned = runtime.spawn({
            let (ended, go) = (ended.clone(), go.clone());
            async move {
                for number in 0..TASKS {
                    let (ended, go) = (ended.clone(), go.clone());
                    runtime::spawn(async move {
                        if number % 4 == 0 {
                            yield_now().await;
                        }
                        if ended.fetch_add(1, SeqCst) + 1 == TASKS {
                            go.notify_one();
                        }
                    });
                }
            }
        });
        runtime.block_on(async {
            spawned.await.unwrap();
            go.notified().await;
        });
        assert_eq!(ended.load(SeqCst), TASKS);
        // The last ones are on their way out.
        while runtime.metrics().num_alive_tasks() > 0 {
            runtime.block_on(yield_now());
        }
    });
}

#[test]
fn tasks_are_spawned_from_many_threads() {
    each_runtime(|runtime| {
        let handle = runtime.handle();
        thread::scope(|scope| {
            let spawners: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        (0..500)
                            .map(|n| handle.spawn(async move { n }))
                            .collect::<Vec<_>>()
                    })
                })
                .collect();
            for spawner in spawners {
                let tasks = spawner.join().unwrap();
                runtime.block_on(async {
                    for (number, task) in tasks.into_iter().enumerate() {
                        assert_eq!(task.await.unwrap(), number);
                    }
                });
            }
        });
    });
}

#[test]
fn libraries_can_spawn_without_naming_the_runtime() {
    each_runtime(|runtime| {
        let spawner: &dyn Spawn = runtime.handle();
        spawner.status().unwrap();
        let (send, receive) = oneshot::channel();
        let future = async move { send.send(7).unwrap() };
        spawner.spawn_obj(FutureObj::new(Box::new(future))).unwrap();
        assert_eq!(runtime.block_on(receive).unwrap(), 7);
    });
}

#[test]
fn enter_nests_and_is_left_in_order() {
    each_flavour(|flavour| {
        let (outer, inner) = (flavour.build(), flavour.build());
        let current = || Handle::try_current().map(|handle| handle.id()).ok();
        assert_eq!(current(), None);
        {
            let _outer = outer.enter();
            assert_eq!(current(), Some(outer.handle().id()));
            {
                let _inner = inner.enter();
                assert_eq!(current(), Some(inner.handle().id()));
                let task = runtime::spawn(async { Handle::current().id() });
                assert_eq!(inner.block_on(task).unwrap(), inner.handle().id());
                // Blocking on another one changes the current one for that time only.
                let id = outer.block_on(async { Handle::current().id() });
                assert_eq!(id, outer.handle().id());
                assert_eq!(current(), Some(inner.handle().id()));
                let again = outer.enter();
                assert_eq!(current(), Some(outer.handle().id()));
                drop(again);
            }
            assert_eq!(current(), Some(outer.handle().id()));
        }
        assert_eq!(current(), None);
    });
}

#[test]
fn a_handle_blocks_on_a_future_while_its_runtime_runs_elsewhere() {
    each_flavour(|flavour| {
        let runtime = flavour.build();
        let handle = runtime.handle().clone();
        let (end, ends) = oneshot::channel::<()>();
        thread::scope(|scope| {
            scope.spawn(move || runtime.block_on(ends));
            let output = handle.block_on(async {
                let (send, receive) = oneshot::channel();
                runtime::spawn(async move {
                    runtime::time::sleep(Duration::from_millis(1)).await;
                    send.send(6).unwrap();
                });
                runtime::time::sleep(Duration::from_millis(1)).await;
                receive.await.unwrap() + 1
            });
            assert_eq!(output, 7);
            end.send(()).unwrap();
        });
    });
}

#[test]
fn handle_block_on_polls_its_future_though_a_current_thread_runtime_rests() {
    within_limit(|| {
        let runtime = Flavour::CurrentThread.build();
        let (send, receive) = oneshot::channel();
        let sender = thread::spawn(move || send.send(7).unwrap());
        assert_eq!(runtime.handle().block_on(receive).unwrap(), 7);
        sender.join().unwrap();
    });
}

#[test]
fn many_threads_block_on_one_runtime() {
    each_runtime(|runtime| {
        let everybody = Arc::new(AtomicUsize::new(0));
        thread::scope(|scope| {
            for number in 0..8 {
                let everybody = &everybody;
                scope.spawn(move || {
                    let output = runtime.block_on(async {
                        for _ in 0..20 {
                            // Needs whoever has the scheduler just now.
                            let task = runtime::spawn(async move {
                                yield_now().await;
                                number
                            });
                            assert_eq!(task.await.unwrap(), number);
                            runtime::time::sleep(Duration::from_micros(200)).await;
                        }
                        everybody.fetch_add(1, SeqCst);
                        number
                    });
                    assert_eq!(output, number);
                });
            }
        });
        assert_eq!(everybody.load(SeqCst), 8);
    });
}

#[test]
fn the_scheduler_is_handed_over_when_its_thread_is_done() {
    within_limit(|| {
        let runtime = Flavour::CurrentThread.build();
        let (first, ends) = oneshot::channel::<()>();
        let (has_begun, begun) = channel();
        thread::scope(|scope| {
            let runtime = &runtime;
            let holder = scope.spawn(move || {
                runtime.block_on(async {
                    has_begun.send(()).unwrap();
                    let _ = ends.await;
                });
            });
            begun.recv().unwrap();
            let other = scope.spawn(move || {
                runtime.block_on(async {
                    // The first ends now, and the rest is up to us.
                    first.send(()).unwrap();
                    for _ in 0..10 {
                        runtime::spawn(runtime::time::sleep(Duration::from_millis(1)))
                            .await
                            .unwrap();
                    }
                });
            });
            holder.join().unwrap();
            other.join().unwrap();
        });
    });
}

#[test]
fn a_runtime_is_what_its_builder_says() {
    within_limit(|| {
        let runtime = Runtime::new().unwrap();
        assert_eq!(
            runtime.handle().runtime_flavor(),
            RuntimeFlavor::MultiThread
        );
        let runtime = Flavour::CurrentThread
            .builder()
            .name("mine")
            .build()
            .unwrap();
        assert_eq!(
            runtime.handle().runtime_flavor(),
            RuntimeFlavor::CurrentThread
        );
        assert_eq!(runtime.handle().name(), Some("mine"));
        assert_eq!(runtime.metrics().num_workers(), 1);
        let runtime = Flavour::MultiThread(3).build();
        assert_eq!(runtime.handle().name(), None);
        assert_eq!(runtime.metrics().num_workers(), 3);
    });
}

#[test]
fn a_builder_builds_more_than_one() {
    each_flavour(|flavour| {
        let mut builder = flavour.builder();
        let (one, other) = (builder.build().unwrap(), builder.build().unwrap());
        assert_ne!(one.handle().id(), other.handle().id());
        for runtime in [one, other] {
            assert_eq!(runtime.block_on(runtime.spawn(ready(7))).unwrap(), 7);
        }
    });
}

#[test]
fn names_are_looked_up_without_blocking_the_runtime() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let addresses: Vec<_> = lookup_host("localhost:80").await.unwrap().collect();
            assert!(!addresses.is_empty());
            assert!(
                addresses
                    .iter()
                    .all(|a| a.ip().is_loopback() && a.port() == 80)
            );
            assert!(lookup_host("localhost").await.is_err(), "a port is missing");
            assert!(lookup_host(("name with spaces", 1)).await.is_err());
        });
    });
}

#[test]
fn the_order_of_yields_is_round_robin() {
    for flavour in [Flavour::CurrentThread, Flavour::MultiThread(1)] {
        within_limit(move || {
            let runtime = flavour.build();
            let log = Arc::new(Mutex::new(Vec::new()));
            let all = runtime.spawn({
                let log = log.clone();
                async move {
                    let tasks: Vec<_> = (0..3)
                        .map(|task| {
                            let log = log.clone();
                            runtime::spawn(async move {
                                for _ in 0..3 {
                                    log.lock().unwrap().push(task);
                                    yield_now().await;
                                }
                            })
                        })
                        .collect();
                    for task in tasks {
                        task.await.unwrap();
                    }
                }
            });
            runtime.block_on(all).unwrap();
            let log = log.lock().unwrap();
            // Nobody runs a second time before everybody ran once.
            for round in log.chunks(3) {
                let mut round = round.to_vec();
                round.sort_unstable();
                assert_eq!(round, [0, 1, 2], "{log:?} on {flavour}");
            }
        });
    }
}

#[test]
fn the_end_of_a_task_drops_its_future_before_its_joiner_is_woken() {
    each_runtime(|runtime| {
        for _ in 0..50 {
            let dropped = Arc::new(AtomicBool::new(false));
            let on_drop = dropped.clone();
            let task = runtime.spawn(async move {
                let _on_drop = OnDrop(move || on_drop.store(true, SeqCst));
                yield_now().await;
            });
            runtime.block_on(task).unwrap();
            assert!(dropped.load(SeqCst));
        }
    });
}
