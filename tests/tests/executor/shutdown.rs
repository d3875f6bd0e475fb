//! How a runtime ends.

use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use runtime::io::AsyncReadExt;
use runtime::net::{TcpListener, UnixStream};
use runtime::sync::oneshot;
use runtime::task::{JoinHandle, spawn_blocking, yield_now};
use runtime::time::sleep;
use runtime::{Handle, Runtime};
use tests::{Flavour, OnDrop, each_flavour, each_of, with_quiet_panics};

/// A blocking task that ends when the sender goes away, and a sign that it has begun.
fn block_until_dropped(runtime: &Runtime) -> (std::sync::mpsc::Sender<()>, JoinHandle<()>) {
    let (release, released) = channel::<()>();
    let (begun, begins) = channel();
    let task = runtime.spawn_blocking(move || {
        begun.send(()).unwrap();
        let _ = released.recv();
    });
    begins.recv().unwrap();
    (release, task)
}

/// Waits for `task` without a runtime.
fn join<T>(task: JoinHandle<T>) -> Result<T, runtime::task::JoinError> {
    runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(task)
}

#[test]
fn spawning_after_the_end_gives_a_cancelled_task() {
    each_flavour(|flavour| {
        let runtime = flavour.build();
        let handle = runtime.handle().clone();
        drop(runtime);
        let owned = Arc::new(());
        let mut tasks = vec![handle.spawn({
            let owned = owned.clone();
            async move { drop(owned) }
        })];
        tasks.push(handle.spawn_blocking({
            let owned = owned.clone();
            move || drop(owned)
        }));
        {
            let _entered = handle.enter();
            tasks.push(runtime::spawn(async {}));
        }
        for task in tasks {
            assert!(task.is_finished());
            assert!(join(task).unwrap_err().is_cancelled());
        }
        assert_eq!(Arc::strong_count(&owned), 1, "the future is dropped");
        assert_eq!(handle.metrics().num_alive_tasks(), 0);
        let spawner: &dyn futures_task::Spawn = &handle;
        assert!(spawner.status().unwrap_err().is_shutdown());
    });
}

#[test]
fn every_future_is_dropped_in_the_context_of_its_runtime() {
    each_flavour(|flavour| {
        let runtime = flavour
            .builder()
            .thread_name("of the runtime")
            .build()
            .unwrap();
        let id = runtime.handle().id();
        let (say, said) = channel();
        let (begun, begins) = channel();
        for _ in 0..50 {
            let (say, begun) = (say.clone(), begun.clone());
            runtime.spawn(async move {
                let _on_drop = OnDrop(move || {
                    let current = Handle::try_current().map(|handle| handle.id());
                    let name = thread::current().name().map(str::to_owned);
                    say.send((current, name, runtime::task::try_id())).unwrap();
                });
                begun.send(()).unwrap();
                pending::<()>().await;
            });
        }
        // Some never begin: those are dropped in the same way.
        if flavour != Flavour::CurrentThread {
            begins.iter().take(50).for_each(drop);
        }
        runtime.block_on(yield_now());
        drop(runtime);
        drop((say, begun));
        for (current, name, task) in said {
            assert_eq!(current.unwrap(), id);
            assert!(task.is_some(), "a task's drop knows its id");
            if flavour != Flavour::CurrentThread {
                assert_eq!(name.as_deref(), Some("of the runtime"));
            }
        }
    });
}

#[test]
fn what_is_awaited_elsewhere_is_told_of_the_end() {
    each_flavour(|flavour| {
        let runtime = flavour.build();
        let tasks: Vec<_> = (0..20).map(|_| runtime.spawn(pending::<()>())).collect();
        let waiting = thread::spawn(move || {
            tasks
                .into_iter()
                .all(|task| join(task).unwrap_err().is_cancelled())
        });
        runtime.block_on(yield_now());
        drop(runtime);
        assert!(waiting.join().unwrap());
    });
}

#[test]
fn a_task_that_spawns_in_its_drop_does_not_outlive_the_runtime() {
    each_flavour(|flavour| {
        let runtime = flavour.build();
        let alive = Arc::new(());
        fn spawn_on_drop(alive: Arc<()>, generations: u32) {
            drop(runtime::spawn(async move {
                let _alive = alive.clone();
                let _spawn = OnDrop(move || {
                    if generations > 0 {
                        spawn_on_drop(alive.clone(), generations - 1);
                    }
                });
                pending::<()>().await;
            }));
        }
        runtime.block_on(async {
            for _ in 0..20 {
                spawn_on_drop(alive.clone(), 5);
            }
            yield_now().await;
        });
        let metrics = runtime.metrics();
        drop(runtime);
        assert_eq!(Arc::strong_count(&alive), 1);
        assert_eq!(metrics.num_alive_tasks(), 0);
    });
}

#[test]
fn a_task_that_wakes_aborts_and_joins_others_in_its_drop_disturbs_nobody() {
    each_flavour(|flavour| {
        let runtime = flavour.build();
        let alive = Arc::new(());
        runtime.block_on(async {
            for _ in 0..20 {
                let (send, receive) = oneshot::channel::<()>();
                let (kept, other) = (alive.clone(), alive.clone());
                let neighbour = runtime::spawn(async move {
                    let _kept = kept;
                    let _ = receive.await;
                    pending::<()>().await;
                });
                runtime::spawn(async move {
                    let _other = other;
                    let mut send = Some(send);
                    let _on_drop = OnDrop(move || {
                        let _ = send.take().unwrap().send(());
                        neighbour.abort();
                        let _entered = Handle::current().enter();
                    });
                    pending::<()>().await;
                });
            }
            yield_now().await;
        });
        drop(runtime);
        assert_eq!(Arc::strong_count(&alive), 1);
    });
}

#[test]
fn dropping_waits_for_blocking_work_that_runs_and_cancels_what_is_queued() {
    each_flavour(|flavour| {
        let runtime = flavour.builder().max_blocking_threads(1).build().unwrap();
        let (release, running) = block_until_dropped(&runtime);
        let ran = Arc::new(AtomicBool::new(false));
        let queued = runtime.spawn_blocking({
            let ran = ran.clone();
            move || ran.store(true, SeqCst)
        });
        let dropping = thread::spawn(move || drop(runtime));
        // The end has begun: what waited is cancelled.
        assert!(join(queued).unwrap_err().is_cancelled());
        assert!(!dropping.is_finished());
        drop(release);
        join(running).unwrap();
        dropping.join().unwrap();
        assert!(!ran.load(SeqCst));
    });
}

#[test]
fn shutdown_timeout_leaves_behind_what_does_not_end() {
    each_flavour(|flavour| {
        let runtime = flavour.build();
        let (release, running) = block_until_dropped(&runtime);
        let task = runtime.spawn(pending::<()>());
        let limit = Duration::from_millis(50);
        let begin = Instant::now();
        runtime.shutdown_timeout(limit);
        assert!(begin.elapsed() >= limit);
        assert!(join(task).unwrap_err().is_cancelled());
        // What was left behind goes on and gives its result.
        assert!(!running.is_finished());
        drop(release);
        join(running).unwrap();
    });
}

#[test]
fn shutdown_timeout_does_not_wait_longer_than_needed() {
    each_flavour(|flavour| {
        let runtime = flavour.build();
        runtime.block_on(runtime.spawn_blocking(|| ())).unwrap();
        let task = runtime.spawn(pending::<()>());
        // Too long for the limit of a test, and for any clock.
        runtime.shutdown_timeout(Duration::MAX);
        assert!(join(task).unwrap_err().is_cancelled());
    });
}

#[test]
fn a_poll_that_blocks_its_worker_is_waited_for_as_long_as_asked() {
    each_of(&Flavour::WITH_WORKERS, |flavour| {
        let runtime = flavour.build();
        let (release, released) = channel::<()>();
        let (begun, begins) = channel();
        let dropped = Arc::new(AtomicBool::new(false));
        let on_drop = dropped.clone();
        let task = runtime.spawn(async move {
            let _set = OnDrop(move || on_drop.store(true, SeqCst));
            begun.send(()).unwrap();
            // No await: nothing can interrupt this.
            let _ = released.recv();
            pending::<()>().await;
        });
        begins.recv().unwrap();
        runtime.shutdown_timeout(Duration::from_millis(20));
        assert!(!dropped.load(SeqCst));
        drop(release);
        // Its worker cancels it, though nobody waits for that any more.
        assert!(join(task).unwrap_err().is_cancelled());
        assert!(dropped.load(SeqCst));
    });
}

/// Blocks a thread from the first call until a runtime has ended.
struct UntilTheEnd {
    begun: std::sync::mpsc::Sender<()>,
    released: Receiver<()>,
}

impl UntilTheEnd {
    fn block(&self) {
        self.begun.send(()).unwrap();
        let _ = self.released.recv();
    }
}

/// A task that blocks its worker until the reactors and timers of its runtime have ended, and then waits
/// for some of them.
fn hold_up<F>(body: impl Fn(UntilTheEnd) -> F + Send + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    each_of(&Flavour::WITH_WORKERS, move |flavour| {
        let runtime = flavour.build();
        let (begun, begins) = channel();
        let (release, released) = channel::<()>();
        let task = runtime.spawn(body(UntilTheEnd { begun, released }));
        begins.recv().unwrap();
        while runtime.metrics().num_stand_ins() == 0 {
            thread::yield_now();
        }
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let handle = runtime.handle().clone();
        let dropping = thread::spawn(move || drop(runtime));
        let error = handle.block_on(listener.accept()).unwrap_err();
        assert!(runtime::runtime::is_rt_shutdown_err(&error), "{error}");
        // Whatever it does now, it is cancelled as the others are.
        drop(release);
        assert!(join(task).unwrap_err().is_cancelled());
        dropping.join().unwrap();
    });
}

#[test]
fn a_task_that_was_held_up_until_the_end_may_sleep() {
    hold_up(|end| async move {
        end.block();
        sleep(Duration::from_millis(1)).await;
    });
    hold_up(|end| async move {
        let mut sleep = Box::pin(sleep(Duration::from_secs(3600)));
        assert!(poll_once(&mut sleep).await.is_none());
        end.block();
        sleep.await;
    });
}

#[test]
fn a_task_that_was_held_up_until_the_end_may_serve_for_ever() {
    hold_up(|end| async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        end.block();
        // It does not give up because of one error.
        while listener.accept().await.is_err() {}
    });
    hold_up(|end| async move {
        let (mut stream, _other) = UnixStream::pair().unwrap();
        assert!(poll_once(&mut Box::pin(stream.read_u8())).await.is_none());
        end.block();
        while stream.read_u8().await.is_err() {}
    });
    hold_up(|end| async move {
        let (stream, _other) = UnixStream::pair().unwrap();
        assert!(poll_once(&mut Box::pin(stream.readable())).await.is_none());
        end.block();
        while stream.readable().await.is_err() {}
    });
}

/// What `future` says at once.
async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    poll_fn(|cx| {
        Poll::Ready(match Pin::new(&mut *future).poll(cx) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

#[test]
fn shutdown_background_waits_for_nothing() {
    each_flavour(|flavour| {
        let runtime = flavour.build();
        let (release, running) = block_until_dropped(&runtime);
        let alive = Arc::new(());
        let task = runtime.spawn({
            let alive = alive.clone();
            async move {
                pending::<()>().await;
                drop(alive);
            }
        });
        runtime.shutdown_background();
        drop(release);
        join(running).unwrap();
        assert!(join(task).unwrap_err().is_cancelled());
        assert_eq!(Arc::strong_count(&alive), 1);
    });
}

#[test]
fn shutdown_background_works_inside_of_async_code() {
    each_flavour(|flavour| {
        let outer = flavour.build();
        for inner in Flavour::ALL {
            let task = outer.spawn(async move {
                let inner = inner.build();
                let task = inner.spawn(pending::<()>());
                inner.shutdown_background();
                assert!(task.await.unwrap_err().is_cancelled());
            });
            outer.block_on(task).unwrap();
        }
    });
}

#[test]
fn a_runtime_can_be_dropped_in_spawn_blocking_even_in_its_own() {
    each_flavour(|flavour| {
        let outer = flavour.build();
        outer.block_on(async {
            for inner in Flavour::ALL {
                spawn_blocking(move || {
                    let inner = inner.build();
                    inner.spawn(pending::<()>());
                    drop(inner);
                })
                .await
                .unwrap();
            }
        });
        let handle = outer.handle().clone();
        let task = handle.spawn_blocking(move || drop(outer));
        join(task).unwrap();
    });
}

#[test]
fn spawning_while_the_runtime_ends_never_hangs() {
    each_flavour(|flavour| {
        for _ in 0..20 {
            let runtime = flavour.build();
            let handle = runtime.handle().clone();
            let (begun, begins) = channel();
            let spawners: Vec<_> = (0..2)
                .map(|_| {
                    let (handle, begun) = (handle.clone(), begun.clone());
                    thread::spawn(move || {
                        let mut tasks = Vec::new();
                        let mut number = 0;
                        loop {
                            tasks.push(handle.spawn(yield_now()));
                            tasks.push(handle.spawn_blocking(|| ()));
                            number += 1;
                            if number == 10 {
                                begun.send(()).unwrap();
                            }
                            let status = futures_task::Spawn::status(&handle);
                            if (status.is_err() && number > 20) || number > 100_000 {
                                return tasks;
                            }
                        }
                    })
                })
                .collect();
            begins.recv().unwrap();
            drop(runtime);
            for spawner in spawners {
                for task in spawner.join().unwrap() {
                    if let Err(error) = join(task) {
                        assert!(error.is_cancelled());
                    }
                }
            }
            assert_eq!(handle.metrics().num_alive_tasks(), 0);
        }
    });
}

#[test]
fn a_waker_may_be_used_at_any_time_after_the_end() {
    each_flavour(|flavour| {
        let runtime = flavour.build();
        let alive = Arc::new(());
        let wakers = Arc::new(Mutex::new(Vec::<Waker>::new()));
        let task = runtime.spawn({
            let (alive, wakers) = (alive.clone(), wakers.clone());
            poll_fn(move |cx| {
                let _alive = &alive;
                let mut wakers = wakers.lock().unwrap();
                wakers.extend((0..4).map(|_| cx.waker().clone()));
                Poll::<()>::Pending
            })
        });
        while wakers.lock().unwrap().is_empty() {
            runtime.block_on(yield_now());
        }
        drop(runtime);
        assert_eq!(
            Arc::strong_count(&alive),
            1,
            "the future is gone, whoever has a waker"
        );
        let wakers = std::mem::take(&mut *wakers.lock().unwrap());
        let elsewhere = thread::spawn(move || {
            let mut wakers = wakers.into_iter();
            let (by_ref, by_value) = (wakers.next().unwrap(), wakers.next().unwrap());
            by_ref.wake_by_ref();
            by_value.wake();
            by_ref.wake_by_ref();
            drop(by_ref.clone());
            // The others are never used.
        });
        elsewhere.join().unwrap();
        assert!(join(task).unwrap_err().is_cancelled());
    });
}

#[test]
fn a_handle_survives_its_runtime() {
    each_flavour(|flavour| {
        let runtime = flavour.builder().name("the late").build().unwrap();
        let handle = runtime.handle().clone();
        let (id, workers) = (handle.id(), handle.metrics().num_workers());
        drop(runtime);
        assert_eq!(handle.id(), id);
        assert_eq!(handle.name(), Some("the late"));
        assert_eq!(handle.metrics().num_workers(), workers);
        assert_eq!(handle.block_on(async { 7 }), 7);
        let _entered = handle.enter();
        assert_eq!(Handle::current().id(), id);
    });
}

#[test]
fn sockets_and_timers_of_a_runtime_that_ended_do_not_hang() {
    each_flavour(|flavour| {
        let runtime = flavour.build();
        let handle = runtime.handle().clone();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let waiting = {
            let _entered = runtime.enter();
            sleep(Duration::from_secs(3600))
        };
        // One waits already, on a thread of its own, the others come later.
        let (polled, was_polled) = channel();
        let other = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let early = thread::spawn({
            let handle = handle.clone();
            move || {
                handle.block_on(async {
                    let mut accept = Box::pin(other.accept());
                    poll_fn(|cx| {
                        let result = Pin::new(&mut accept).poll(cx);
                        let _ = polled.send(());
                        result
                    })
                    .await
                    .map(drop)
                })
            }
        });
        was_polled.recv().unwrap();
        drop(runtime);
        let error = early.join().unwrap().unwrap_err();
        assert!(runtime::runtime::is_rt_shutdown_err(&error), "{error}");
        let error = handle.block_on(listener.accept()).unwrap_err();
        assert!(runtime::runtime::is_rt_shutdown_err(&error), "{error}");
        // A timer has no way to say so but a panic.
        let (slept, panics) = with_quiet_panics(|| handle.block_on(waiting));
        assert!(
            slept.is_some() || panics[0].message.contains("shut"),
            "{panics:?}"
        );
    });
}

#[test]
fn blocking_in_place_while_the_runtime_ends() {
    each_of(&Flavour::WITH_WORKERS, |flavour| {
        for inner_block_on in [false, true] {
            let runtime = flavour.build();
            let (begun, begins) = channel();
            let (release, released) = channel::<()>();
            let ended = Arc::new(AtomicUsize::new(0));
            let count = ended.clone();
            runtime.spawn(async move {
                let _count = OnDrop(move || {
                    count.fetch_add(1, SeqCst);
                });
                runtime::task::block_in_place(|| {
                    begun.send(()).unwrap();
                    wait(&released, inner_block_on);
                });
                pending::<()>().await;
            });
            begins.recv().unwrap();
            let neighbour = runtime.spawn(pending::<()>());
            let dropping = thread::spawn(move || drop(runtime));
            // The others are cancelled without waiting for the one that blocks.
            assert!(join(neighbour).unwrap_err().is_cancelled());
            drop(release);
            dropping.join().unwrap();
            assert_eq!(ended.load(SeqCst), 1);
        }
    });
}

fn wait(released: &Receiver<()>, inner_block_on: bool) {
    if inner_block_on {
        let _ = catch_unwind(AssertUnwindSafe(|| Handle::current().block_on(yield_now())));
    }
    let _ = released.recv();
}

#[test]
fn a_future_that_blocks_in_its_drop_on_what_never_comes_does_not_hang_the_end() {
    each_of(&Flavour::WITH_WORKERS, |flavour| {
        for in_place in [false, true] {
            let runtime = flavour.build();
            let handle = runtime.handle().clone();
            let (begun, begins) = channel();
            let (say, said) = channel();
            runtime.spawn(async move {
                let _at_the_end = OnDrop(move || {
                    let wait = || handle.block_on(sleep(Duration::from_secs(3600)));
                    // It is told of the end like everybody who waits for a timer.
                    let _ = catch_unwind(AssertUnwindSafe(|| match in_place {
                        true => runtime::task::block_in_place(wait),
                        false => wait(),
                    }));
                    say.send(()).unwrap();
                });
                begun.send(()).unwrap();
                pending::<()>().await;
            });
            begins.recv().unwrap();
            drop(runtime);
            assert_eq!(said.try_recv(), Ok(()));
        }
    });
}

#[test]
fn the_current_thread_runtime_drops_what_block_on_left_behind() {
    tests::within_limit(|| {
        let runtime = Flavour::CurrentThread.build();
        let dropped = Arc::new(Mutex::new(Vec::new()));
        for number in 0..3 {
            let dropped = dropped.clone();
            let on_drop = OnDrop(move || dropped.lock().unwrap().push(number));
            runtime.spawn(async move {
                let _on_drop = on_drop;
                pending::<()>().await;
            });
        }
        // Nothing runs between two calls of `block_on`.
        runtime.block_on(async {});
        assert!(dropped.lock().unwrap().is_empty());
        drop(runtime);
        let mut dropped = dropped.lock().unwrap().clone();
        dropped.sort_unstable();
        assert_eq!(dropped, [0, 1, 2]);
    });
}
