//! Who panics fails alone: the runtime, its other tasks and its end go on.

use std::future::{pending, poll_fn};
use std::panic::panic_any;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll};
use std::time::Duration;

use runtime::Runtime;
use runtime::net::TcpListener;
use runtime::runtime::UnhandledPanic;
use runtime::sync::{Notify, mpsc, oneshot};
use runtime::task::{JoinHandle, spawn_blocking, yield_now};
use runtime::time::sleep;
use tests::wakers::{PanicsAt, panicking};
use tests::{
    Flavour, OnDrop, each_flavour, each_of, each_runtime, panic_of, with_quiet_panics, within_limit,
};

/// Panics when dropped, unless the thread already does.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("a destructor panicked");
        }
    }
}

/// Whether tasks still run, wake each other and sleep on `runtime`.
#[track_caller]
fn assert_is_well(runtime: &Runtime) {
    runtime.block_on(async {
        let (send, receive) = oneshot::channel();
        let task = runtime::spawn(async move { receive.await.unwrap() });
        runtime::spawn(async move {
            sleep(Duration::from_millis(1)).await;
            send.send(7).unwrap();
        });
        assert_eq!(task.await.unwrap(), 7);
        // Enough to occupy every worker.
        let tasks: Vec<_> = (0..64).map(|_| runtime::spawn(yield_now())).collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

#[test]
fn a_panic_becomes_the_join_error_of_its_task_alone() {
    each_runtime(|runtime| {
        let neighbour = runtime.spawn(async {
            for _ in 0..100 {
                yield_now().await;
            }
            "well"
        });
        let number = std::hint::black_box(7);
        let task = runtime.spawn(async move {
            yield_now().await;
            panic!("the message is {number}");
        });
        let id = task.id();
        let error = runtime.block_on(task).unwrap_err();
        assert!(error.is_panic() && !error.is_cancelled());
        assert_eq!(error.id(), id);
        assert!(error.to_string().contains("the message is 7"));
        let payload = error.into_panic();
        assert_eq!(
            payload.downcast_ref::<String>().unwrap(),
            "the message is 7"
        );
        assert_eq!(runtime.block_on(neighbour).unwrap(), "well");
        assert_is_well(runtime);
    });
}

#[test]
fn a_payload_of_any_type_arrives() {
    each_runtime(|runtime| {
        let task = runtime.spawn(async { panic_any(7_u8) });
        let payload = runtime.block_on(task).unwrap_err().into_panic();
        assert_eq!(*payload.downcast::<u8>().unwrap(), 7);
    });
}

#[test]
fn a_future_whose_drop_panics_after_its_last_poll_fails_alone() {
    each_runtime(|runtime| {
        let task = runtime.spawn(poll_fn({
            let bomb = Bomb;
            move |_| {
                let _ = &bomb;
                Poll::Ready(7)
            }
        }));
        // The output is lost: whoever waits must learn of the panic.
        assert!(runtime.block_on(task).unwrap_err().is_panic());
        assert_is_well(runtime);
    });
}

#[test]
fn a_future_that_panics_and_whose_drop_panics_fails_alone() {
    struct Both;
    impl Future for Both {
        type Output = ();
        fn poll(self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            panic!("a poll panicked");
        }
    }
    impl Drop for Both {
        fn drop(&mut self) {
            panic!("a destructor panicked");
        }
    }
    each_runtime(|runtime| {
        let task = runtime.spawn(Both);
        assert!(runtime.block_on(task).unwrap_err().is_panic());
        assert_is_well(runtime);
    });
}

#[test]
fn a_future_whose_drop_panics_when_aborted_fails_alone() {
    each_runtime(|runtime| {
        let begun = Arc::new(Notify::new());
        let task = runtime.spawn({
            let begun = begun.clone();
            async move {
                let _bomb = Bomb;
                begun.notify_one();
                pending::<()>().await;
            }
        });
        runtime.block_on(begun.notified());
        task.abort();
        assert!(runtime.block_on(task).unwrap_err().is_panic());
        assert_is_well(runtime);
    });
}

#[test]
fn an_output_whose_drop_panics_harms_nobody() {
    each_runtime(|runtime| {
        // Dropped by the task, because nobody waits.
        drop(runtime.spawn(async {
            yield_now().await;
            Bomb
        }));
        assert_is_well(runtime);
        // Dropped with the handle.
        let task = runtime.spawn(async { Bomb });
        wait_until_finished(runtime, &task);
        with_quiet_panics(|| drop(task));
        assert_is_well(runtime);
    });
}

#[test]
fn a_payload_whose_drop_panics_harms_nobody() {
    each_runtime(|runtime| {
        drop(runtime.spawn(async { panic_any(Bomb) }));
        assert_is_well(runtime);
        drop(runtime.spawn_blocking(|| panic_any(Bomb)));
        runtime.block_on(runtime.spawn_blocking(|| ())).unwrap();
        assert_is_well(runtime);
    });
}

fn wait_until_finished<T>(runtime: &Runtime, task: &JoinHandle<T>) {
    runtime.block_on(async {
        while !task.is_finished() {
            yield_now().await;
        }
    });
}

#[test]
fn destructors_that_panic_do_not_disturb_the_end() {
    each_flavour(|flavour| {
        let dropped = Arc::new(AtomicUsize::new(0));
        let runtime = flavour.build();
        let (begun, mut begins) = mpsc::unbounded_channel();
        for number in 0..20 {
            let (dropped, begun) = (dropped.clone(), begun.clone());
            runtime.spawn(async move {
                let _count = OnDrop(move || {
                    dropped.fetch_add(1, SeqCst);
                });
                let _bomb = (number % 2 == 0).then(|| Bomb);
                begun.send(()).unwrap();
                pending::<()>().await;
            });
        }
        runtime.block_on(async {
            for _ in 0..20 {
                begins.recv().await.unwrap();
            }
        });
        let metrics = runtime.metrics();
        drop(runtime);
        assert_eq!(dropped.load(SeqCst), 20);
        assert_eq!(metrics.num_alive_tasks(), 0);
    });
}

#[test]
fn a_join_waker_that_panics_does_not_harm_the_task() {
    each_runtime(|runtime| {
        for at in PanicsAt::ALL {
            let go = Arc::new(Notify::new());
            let mut task = runtime.spawn({
                let go = go.clone();
                async move {
                    go.notified().await;
                    7
                }
            });
            {
                let _entered = runtime.enter();
                let waker = panicking(at);
                let mut cx = Context::from_waker(&waker);
                for _ in 0..2 {
                    with_quiet_panics(|| {
                        assert!(tests::poll_once(&mut task, &mut cx).is_pending())
                    });
                }
            }
            go.notify_one();
            wait_until_finished(runtime, &task);
            // The output was not lost.
            let (output, _) = with_quiet_panics(|| runtime.block_on(&mut task));
            assert_eq!(output.map(Result::unwrap), Some(7), "{at:?}");
            with_quiet_panics(|| drop(task));
            assert_is_well(runtime);
        }
    });
}

#[test]
fn a_join_handle_dropped_with_a_waker_that_panics_harms_nobody() {
    each_runtime(|runtime| {
        for at in PanicsAt::ALL {
            let go = Arc::new(Notify::new());
            let mut task = runtime.spawn({
                let go = go.clone();
                async move { go.notified().await }
            });
            let waker = panicking(at);
            with_quiet_panics(|| {
                let _pending = tests::poll_once(&mut task, &mut Context::from_waker(&waker));
            });
            with_quiet_panics(|| drop(task));
            go.notify_one();
            assert_is_well(runtime);
        }
    });
}

/// A task that polls `future` once with a waker that panics at `at`, and keeps it.
fn poll_with_bad_waker<F: Future + Send + 'static>(
    runtime: &Runtime,
    at: PanicsAt,
    make: impl FnOnce() -> F + Send + 'static,
) -> JoinHandle<()> {
    let begun = Arc::new(Notify::new());
    let task = runtime.spawn({
        let begun = begun.clone();
        async move {
            let mut future = Box::pin(make());
            let waker = panicking(at);
            with_quiet_panics(|| {
                let _ = tests::poll_once(&mut future, &mut Context::from_waker(&waker));
            });
            begun.notify_one();
            pending::<()>().await;
        }
    });
    runtime.block_on(begun.notified());
    task
}

#[test]
fn a_timer_whose_waker_panics_stops_nobody() {
    each_runtime(|runtime| {
        for at in PanicsAt::ALL {
            let task = poll_with_bad_waker(runtime, at, || sleep(Duration::from_millis(2)));
            // Due at the same time, and later.
            runtime.block_on(async {
                let sleepers: Vec<_> = (0..8)
                    .map(|n| runtime::spawn(sleep(Duration::from_millis(2 + n))))
                    .collect();
                for sleeper in sleepers {
                    sleeper.await.unwrap();
                }
            });
            task.abort();
            let _ = runtime.block_on(task);
            assert_is_well(runtime);
        }
    });
}

#[test]
fn a_socket_whose_waker_panics_stops_nobody() {
    each_runtime(|runtime| {
        for at in PanicsAt::ALL {
            let (bad, good) = runtime.block_on(async {
                let bind = || TcpListener::bind("127.0.0.1:0");
                (Arc::new(bind().await.unwrap()), bind().await.unwrap())
            });
            let addresses = [bad.local_addr().unwrap(), good.local_addr().unwrap()];
            // A second owner, because a future that panics drops what it has.
            let kept = bad.clone();
            let task =
                poll_with_bad_waker(
                    runtime,
                    at,
                    move || async move { bad.accept().await.map(drop) },
                );
            let accepted = runtime.spawn(async move { good.accept().await.map(drop) });
            for address in addresses {
                std::net::TcpStream::connect(address).unwrap();
            }
            runtime.block_on(accepted).unwrap().unwrap();
            drop(kept);
            task.abort();
            let _ = runtime.block_on(task);
            assert_is_well(runtime);
        }
    });
}

#[test]
fn a_task_that_wakes_a_waker_that_panics_fails_alone() {
    each_runtime(|runtime| {
        let notify = Arc::new(Notify::new());
        let (send, receive) = oneshot::channel::<()>();
        let mut receive = pin!(receive);
        let waker = panicking(PanicsAt::Wake);
        let mut cx = Context::from_waker(&waker);
        assert!(receive.as_mut().poll(&mut cx).is_pending());
        let task = runtime.spawn(async move { send.send(()) });
        // Whether the panic reaches the sender is the channel's affair; nobody else's.
        if let Err(error) = runtime.block_on(task) {
            assert!(error.is_panic());
        }
        let waiting = runtime.spawn({
            let notify = notify.clone();
            async move { notify.notified().await }
        });
        notify.notify_one();
        runtime.block_on(waiting).unwrap();
        assert_is_well(runtime);
    });
}

#[test]
fn a_panic_of_the_future_of_block_on_leaves_the_runtime_usable() {
    each_runtime(|runtime| {
        let task = runtime.spawn(async {
            yield_now().await;
            7
        });
        let panic = panic_of(|| {
            runtime.block_on(async {
                yield_now().await;
                panic!("out of block_on");
            })
        });
        panic.names("out of block_on");
        assert!(runtime::Handle::try_current().is_err());
        assert_eq!(runtime.block_on(task).unwrap(), 7);
        assert_is_well(runtime);
    });
}

#[test]
fn blocking_work_that_panics_fails_alone() {
    each_flavour(|flavour| {
        let runtime = flavour.builder().max_blocking_threads(1).build().unwrap();
        runtime.block_on(async {
            for _ in 0..3 {
                let error = spawn_blocking(|| panic!("blocking work"))
                    .await
                    .unwrap_err();
                assert!(error.is_panic());
                assert_eq!(spawn_blocking(|| 7).await.unwrap(), 7);
            }
        });
        assert_is_well(&runtime);
    });
}

#[test]
fn block_in_place_that_panics_gives_the_worker_back() {
    each_of(&Flavour::WITH_WORKERS, |flavour| {
        let runtime = flavour.build();
        for _ in 0..20 {
            let task = runtime.spawn(async {
                runtime::task::block_in_place(|| panic!("in place"));
            });
            assert!(runtime.block_on(task).unwrap_err().is_panic());
        }
        assert_is_well(&runtime);
    });
}

#[test]
fn hooks_that_panic_cost_no_thread() {
    each_flavour(|flavour| {
        let mut builder = flavour.builder();
        builder
            .on_thread_start(|| panic!("on_thread_start"))
            .on_thread_stop(|| panic!("on_thread_stop"));
        // The hooks of parking run often: one panic each is enough.
        let (parked, unparked) = (AtomicBool::new(false), AtomicBool::new(false));
        builder
            .on_thread_park(move || assert!(parked.swap(true, SeqCst), "on_thread_park"))
            .on_thread_unpark(move || assert!(unparked.swap(true, SeqCst), "on_thread_unpark"));
        let runtime = builder.build().unwrap();
        assert_is_well(&runtime);
        assert_eq!(runtime.block_on(runtime.spawn_blocking(|| 7)).unwrap(), 7);
    });
}

#[test]
fn a_thread_name_that_panics_costs_no_thread() {
    each_flavour(|flavour| {
        let runtime = flavour
            .builder()
            .max_blocking_threads(1)
            .thread_name_fn(|| panic!("the name"))
            .build()
            .unwrap();
        assert_eq!(runtime.block_on(runtime.spawn_blocking(|| 7)).unwrap(), 7);
        assert_is_well(&runtime);
    });
}

#[test]
fn an_unhandled_panic_ends_a_runtime_that_is_told_so() {
    within_limit(|| {
        let runtime = Flavour::CurrentThread
            .builder()
            .unhandled_panic(UnhandledPanic::ShutdownRuntime)
            .build()
            .unwrap();
        let dropped = Arc::new(AtomicBool::new(false));
        let on_drop = dropped.clone();
        let set = OnDrop(move || on_drop.store(true, SeqCst));
        let waiting = runtime.spawn(async move {
            let _set = set;
            pending::<()>().await;
        });
        let panic = panic_of(|| {
            runtime.block_on(async {
                let (_set, _) = (waiting, runtime::spawn(async { panic_any("unhandled") }));
                pending::<()>().await;
            });
        });
        // The hook sees the task's panic first.
        assert!(panic.message.contains("unhandled"));
        assert!(dropped.load(SeqCst), "the other tasks are cancelled");
        let late = runtime.spawn(async {});
        let (result, _) = with_quiet_panics(|| runtime.block_on(late));
        if let Some(result) = result {
            assert!(result.unwrap_err().is_cancelled());
        }
    });
}
