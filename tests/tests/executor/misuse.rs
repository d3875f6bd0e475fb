//! What is a mistake panics at the caller's line, and says what to do instead.

#![allow(clippy::redundant_closure)] // A function passed by name does not know its caller's line.

use std::time::Duration;

use runtime::net::{TcpListener, TcpStream};
use runtime::runtime::UnhandledPanic;
use runtime::time::{Instant, interval, interval_at, sleep, sleep_until, timeout};
use runtime::{Builder, Handle};
use tests::process::in_own_process;
use tests::{Flavour, Panic, each_flavour, each_of, each_runtime, panic_of, within_limit};

/// A panic whose place is here.
#[track_caller]
fn mistake<R>(body: impl FnOnce() -> R) -> Panic {
    let panic = panic_of(body);
    panic.is_in(file!());
    panic
}

#[test]
fn a_builder_refuses_zero() {
    let mut builder = Builder::new_multi_thread();
    mistake(|| _ = builder.worker_threads(0)).names("`Builder::new_current_thread`");
    mistake(|| _ = builder.max_blocking_threads(0)).names("blocking work");
    mistake(|| _ = builder.event_interval(0)).names("1 looks after every poll");
    mistake(|| _ = builder.global_queue_interval(0)).names("1 looks before every poll");
    mistake(|| _ = builder.max_io_events_per_tick(0)).names("the default is");
    // What was refused changed nothing.
    assert_eq!(
        builder
            .worker_threads(1)
            .build()
            .unwrap()
            .metrics()
            .num_workers(),
        1
    );
}

#[test]
fn a_builder_refuses_what_only_a_current_thread_runtime_can_do() {
    let mut builder = Builder::new_multi_thread();
    builder.unhandled_panic(UnhandledPanic::Ignore);
    mistake(|| _ = builder.unhandled_panic(UnhandledPanic::ShutdownRuntime))
        .names("await the `JoinHandle`");
    mistake(|| builder.start_paused(true).build()).names("`Builder::new_current_thread`");
}

#[test]
fn a_wrong_number_of_workers_in_the_environment_is_named() {
    const NAME: &str = "misuse::a_wrong_number_of_workers_in_the_environment_is_named";
    if in_own_process(NAME, &[("RUNTIME_WORKER_THREADS", "0")]) {
        mistake(|| Builder::new_multi_thread().build())
            .names("RUNTIME_WORKER_THREADS")
            .names("set 1 or more");
        // Who says how many is not asked.
        let runtime = Builder::new_multi_thread()
            .worker_threads(3)
            .build()
            .unwrap();
        assert_eq!(runtime.metrics().num_workers(), 3);
    }
}

#[test]
fn the_environment_says_how_many_workers_there_are() {
    const NAME: &str = "misuse::the_environment_says_how_many_workers_there_are";
    if in_own_process(NAME, &[("RUNTIME_WORKER_THREADS", "3")]) {
        let runtime = Builder::new_multi_thread().build().unwrap();
        assert_eq!(runtime.metrics().num_workers(), 3);
    }
}

#[test]
fn block_on_inside_of_block_on_names_the_remedy() {
    each_flavour(|flavour| {
        // A current-thread runtime refuses it whatever its builder said.
        let runtime = &flavour.builder().nested_block_on(false).build().unwrap();
        let handle = runtime.handle().clone();
        runtime.block_on(async {
            mistake(|| handle.block_on(async {})).names("use `.await` on the future instead");
            mistake(|| runtime.block_on(async {})).names("`spawn_blocking`");
            let other = Flavour::CurrentThread.build();
            mistake(|| other.block_on(async {})).names("use `.await` on the future instead");
            other.shutdown_background();
        });
        // Nothing is the matter afterwards.
        runtime.block_on(async { runtime::spawn(async {}).await.unwrap() });
    });
}

#[test]
fn block_on_inside_of_a_task_names_the_remedy() {
    each_flavour(|flavour| {
        let runtime = flavour.builder().nested_block_on(false).build().unwrap();
        let task = runtime.spawn(async {
            let handle = Handle::current();
            mistake(|| handle.block_on(async {})).names("use `.await` on the future instead");
            7
        });
        assert_eq!(runtime.block_on(task).unwrap(), 7);
    });
}

#[test]
fn nothing_can_be_spawned_outside_of_a_runtime() {
    const REMEDY: &str = "`Runtime::block_on`";
    mistake(|| runtime::spawn(async {})).names(REMEDY);
    mistake(|| runtime::task::spawn_blocking(|| ())).names(REMEDY);
    mistake(|| Handle::current()).names("`Handle::enter`");
    assert!(Handle::try_current().unwrap_err().is_missing_context());
}

#[test]
fn there_are_no_timers_outside_of_a_runtime() {
    const SECOND: Duration = Duration::from_secs(1);
    const REMEDY: &str = "`Runtime::block_on`";
    mistake(|| sleep(SECOND)).names(REMEDY);
    mistake(|| sleep_until(Instant::now())).names(REMEDY);
    mistake(|| timeout(SECOND, async {})).names(REMEDY);
    mistake(|| runtime::time::pause()).names("runtime");
    // An interval looks for its timers when it is made.
    mistake(|| interval(SECOND)).names(REMEDY);
    mistake(|| interval_at(Instant::now(), SECOND)).names(REMEDY);
}

#[test]
fn an_interval_of_no_length_is_refused() {
    each_runtime(|runtime| {
        let _entered = runtime.enter();
        mistake(|| interval(Duration::ZERO)).names("non-zero");
    });
}

#[test]
fn there_are_no_timers_where_time_is_not_enabled() {
    within_limit(|| {
        for mut builder in [Builder::new_current_thread(), Builder::new_multi_thread()] {
            let runtime = builder.worker_threads(1).enable_io().build().unwrap();
            runtime.block_on(async {
                let panic = mistake(|| sleep(Duration::from_secs(1)));
                panic.names("`enable_time`").names("runtime builder");
                mistake(|| timeout(Duration::ZERO, async {})).names("`enable_time`");
            });
            let task = runtime.spawn(async {
                mistake(|| sleep(Duration::from_secs(1))).names("`enable_time`");
            });
            runtime.block_on(task).unwrap();
        }
    });
}

/// Polls `future` on this thread, which is in no runtime.
fn outside<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut cx) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => panic!("pending outside of a runtime"),
    }
}

#[test]
fn there_are_no_sockets_outside_of_a_runtime() {
    const REMEDY: &str = "`Runtime::block_on`";
    let address = "127.0.0.1:0";
    // The place of a panic inside of an `async fn` is not the caller's to have.
    panic_of(|| outside(TcpListener::bind(address)).map(drop)).names(REMEDY);
    panic_of(|| outside(TcpStream::connect("127.0.0.1:1")).map(drop)).names(REMEDY);
    panic_of(|| outside(runtime::net::lookup_host("localhost:1")).map(|_| ())).names(REMEDY);
    let listener = std::net::TcpListener::bind(address).unwrap();
    listener.set_nonblocking(true).unwrap();
    let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    stream.set_nonblocking(true).unwrap();
    mistake(|| TcpListener::from_std(listener)).names(REMEDY);
    mistake(|| TcpStream::from_std(stream)).names(REMEDY);
}

#[test]
fn there_are_no_sockets_where_io_is_not_enabled() {
    within_limit(|| {
        for mut builder in [Builder::new_current_thread(), Builder::new_multi_thread()] {
            let runtime = builder.worker_threads(1).enable_time().build().unwrap();
            let _entered = runtime.enter();
            let bind = TcpListener::bind("127.0.0.1:0");
            panic_of(|| runtime.block_on(bind).map(drop)).names("`enable_io`");
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.set_nonblocking(true).unwrap();
            mistake(|| TcpListener::from_std(listener))
                .names("`enable_io`")
                .names("runtime builder");
        }
    });
}

#[test]
fn a_socket_that_would_block_its_thread_is_refused() {
    each_runtime(|runtime| {
        let _entered = runtime.enter();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        mistake(|| TcpListener::from_std(listener)).names("set_nonblocking");
    });
}

#[test]
fn block_in_place_is_refused_on_a_current_thread_runtime() {
    within_limit(|| {
        let runtime = Flavour::CurrentThread.build();
        runtime.block_on(async {
            mistake(|| runtime::task::block_in_place(|| ())).names("`spawn_blocking`");
        });
        let task = runtime.spawn(async {
            mistake(|| runtime::task::block_in_place(|| ())).names("`spawn_blocking`");
        });
        runtime.block_on(task).unwrap();
    });
}

#[test]
fn block_in_place_outside_of_a_runtime_just_calls() {
    assert_eq!(runtime::task::block_in_place(|| 7), 7);
    each_of(&Flavour::ALL, |flavour| {
        let runtime = flavour.build();
        let _entered = runtime.enter();
        assert_eq!(runtime::task::block_in_place(|| 7), 7);
    });
}

#[test]
fn a_join_handle_is_not_polled_after_it_was_ready() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let mut task = runtime::spawn(async {});
            (&mut task).await.unwrap();
            let panic = panic_of(|| {
                let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
                tests::poll_once(&mut task, &mut cx).is_ready()
            });
            panic.names("polled after completion");
        });
    });
}

#[test]
fn a_runtime_dropped_inside_of_async_code_names_the_remedy() {
    each_of(&Flavour::ALL, |flavour| {
        let outer = flavour.build();
        for inner in [Flavour::CurrentThread, Flavour::MultiThread(2)] {
            outer.block_on(async {
                let inner = inner.build();
                let task = inner.spawn(std::future::pending::<()>());
                panic_of(|| drop(inner))
                    .names("`spawn_blocking`")
                    .names("shutdown_background");
                // It is shut down all the same.
                assert!(task.await.unwrap_err().is_cancelled());
            });
            let task = outer.spawn(async move {
                panic_of(|| drop(inner.build())).names("`spawn_blocking`");
            });
            outer.block_on(task).unwrap();
        }
    });
}

#[test]
fn shutdown_with_a_limit_inside_of_async_code_names_the_remedy() {
    each_of(&Flavour::ALL, |flavour| {
        let outer = flavour.build();
        for inner in [Flavour::CurrentThread, Flavour::MultiThread(2)] {
            outer.block_on(async {
                let inner = inner.build();
                let task = inner.spawn(std::future::pending::<()>());
                mistake(|| inner.shutdown_timeout(Duration::MAX))
                    .names("Cannot drop a runtime in a context where blocking is not allowed")
                    .names("shutdown_background");
                // It is shut down all the same.
                assert!(task.await.unwrap_err().is_cancelled());
            });
            let task = outer.spawn(async move {
                let local = Builder::new_current_thread().build_local(Default::default());
                mistake(|| local.unwrap().shutdown_timeout(Duration::MAX))
                    .names("`spawn_blocking`");
                // Who says that nothing is to be waited for may do it anywhere.
                inner.build().shutdown_timeout(Duration::ZERO);
            });
            outer.block_on(task).unwrap();
        }
    });
}

#[test]
fn pause_is_refused_where_it_cannot_work() {
    within_limit(|| {
        let workers = Flavour::MultiThread(1).build();
        workers.block_on(async {
            mistake(|| runtime::time::pause()).names("current_thread");
        });
        let runtime = Flavour::CurrentThread.build();
        runtime.block_on(async {
            runtime::time::pause();
            mistake(|| runtime::time::pause()).names("already");
            runtime::time::resume();
            mistake(|| runtime::time::resume()).names("pause");
        });
    });
}
