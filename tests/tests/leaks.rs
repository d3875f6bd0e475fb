//! Nothing is left behind: no descriptor, no task, no thread, no memory that a future owned.
//!
//! The counts are of the process, so every test has one of its own.

use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll};
use std::time::Duration;

use runtime::Runtime;
use runtime::io::{AsyncReadExt, AsyncWriteExt};
use runtime::net::{TcpListener, TcpSocket, TcpStream};
use runtime::sync::{Notify, mpsc, oneshot};
use runtime::task::{spawn_blocking, yield_now};
use runtime::time::sleep;
use tests::process::{
    allow_many_descriptors, in_own_process, open_descriptors, threads, wait_for_descriptors,
};
use tests::wakers::Counting;
use tests::{Flavour, each_flavour, each_of};

/// Waits until no task is left but `count`.
fn wait_for_tasks(runtime: &Runtime, count: usize) {
    // A task is counted until shortly after its joiner was woken.
    while runtime.metrics().num_alive_tasks() > count {
        runtime.block_on(yield_now());
    }
}

/// Waits until there are no more threads than before. The system lists a thread for a moment after
/// it was joined, so both counts may include one that is gone; many rounds leave many if one leaks.
fn wait_for_threads(before: usize) {
    while threads() > before {
        std::thread::yield_now();
    }
}

async fn serve(listener: TcpListener) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        runtime::spawn(async move {
            let mut buf = [0; 64];
            while let Ok(n @ 1..) = stream.read(&mut buf).await {
                if stream.write_all(&buf[..n]).await.is_err() {
                    break;
                }
            }
        });
    }
}

async fn visit(address: std::net::SocketAddr) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"hello").await.unwrap();
    let mut buf = [0; 5];
    stream.read_exact(&mut buf).await.unwrap();
    assert_eq!(&buf, b"hello");
}

#[test]
fn ten_thousand_connections_one_after_the_other_leave_nothing() {
    if !in_own_process(
        "ten_thousand_connections_one_after_the_other_leave_nothing",
        &[],
    ) {
        return;
    }
    each_of(
        &[Flavour::CurrentThread, Flavour::MultiThread(2)],
        |flavour| {
            let outside = open_descriptors();
            let runtime = flavour.build();
            let server = runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                (
                    listener.local_addr().unwrap(),
                    runtime::spawn(serve(listener)),
                )
            });
            let (address, server) = server;
            let before = open_descriptors();
            let visits = runtime.spawn(async move {
                for _ in 0..10_000 {
                    visit(address).await;
                }
            });
            runtime.block_on(visits).unwrap();
            wait_for_tasks(&runtime, 1);
            wait_for_descriptors(before);
            server.abort();
            assert!(runtime.block_on(server).unwrap_err().is_cancelled());
            drop(runtime);
            assert_eq!(open_descriptors(), outside);
        },
    );
}

#[test]
fn a_thousand_connections_at_once_leave_nothing() {
    if !in_own_process("a_thousand_connections_at_once_leave_nothing", &[]) {
        return;
    }
    allow_many_descriptors();
    each_flavour(|flavour| {
        let outside = open_descriptors();
        let runtime = flavour.build();
        let (address, server) = runtime.block_on(async {
            // Room for all of them: where it is short, Linux hands out SYN cookies, and a cookie that comes
            // back late makes a connection that has no client and never ends.
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
            let listener = socket.listen(2_048).unwrap();
            (
                listener.local_addr().unwrap(),
                runtime::spawn(serve(listener)),
            )
        });
        let before = open_descriptors();
        let connected = Arc::new((AtomicUsize::new(0), Notify::new()));
        let visits: Vec<_> = (0..1_000)
            .map(|_| {
                let connected = connected.clone();
                runtime.spawn(async move {
                    let mut stream = TcpStream::connect(address).await.unwrap();
                    // All are there before the first one goes.
                    if connected.0.fetch_add(1, SeqCst) + 1 == 1_000 {
                        connected.1.notify_waiters();
                    }
                    loop {
                        let notified = connected.1.notified();
                        if connected.0.load(SeqCst) == 1_000 {
                            break;
                        }
                        notified.await;
                    }
                    stream.write_all(b"hello").await.unwrap();
                    stream.read_exact(&mut [0; 5]).await.unwrap();
                })
            })
            .collect();
        runtime.block_on(async {
            for visit in visits {
                visit.await.unwrap();
            }
        });
        wait_for_tasks(&runtime, 1);
        wait_for_descriptors(before);
        drop((runtime, server));
        assert_eq!(open_descriptors(), outside);
    });
}

#[test]
fn the_end_closes_connections_that_are_in_use() {
    if !in_own_process("the_end_closes_connections_that_are_in_use", &[]) {
        return;
    }
    each_flavour(|flavour| {
        let outside = open_descriptors();
        let runtime = flavour.build();
        let address = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            runtime::spawn(serve(listener));
            address
        });
        runtime.block_on(async {
            for _ in 0..50 {
                let mut stream = TcpStream::connect(address).await.unwrap();
                runtime::spawn(async move {
                    // Forever: the echo never ends.
                    stream.write_all(b"hello").await.unwrap();
                    while stream.read(&mut [0; 64]).await.unwrap() > 0 {
                        sleep(Duration::from_millis(1)).await;
                        stream.write_all(b"hello").await.unwrap();
                    }
                });
            }
            sleep(Duration::from_millis(5)).await;
        });
        drop(runtime);
        assert_eq!(open_descriptors(), outside);
    });
}

#[test]
fn a_runtime_leaves_no_descriptor_and_no_thread() {
    if !in_own_process("a_runtime_leaves_no_descriptor_and_no_thread", &[]) {
        return;
    }
    each_flavour(|flavour| {
        let (descriptors, before) = (open_descriptors(), threads());
        for round in 0..20 {
            let runtime = flavour.build();
            runtime.block_on(async {
                spawn_blocking(|| ()).await.unwrap();
                runtime::spawn(sleep_forever());
                yield_now().await;
            });
            match round % 2 {
                0 => drop(runtime),
                _ => runtime.shutdown_timeout(Duration::from_secs(5)),
            }
        }
        assert_eq!(open_descriptors(), descriptors);
        wait_for_threads(before);
    });
}

async fn sleep_forever() {
    sleep(Duration::MAX).await;
}

#[test]
fn a_runtime_that_was_left_in_the_background_goes_too() {
    if !in_own_process("a_runtime_that_was_left_in_the_background_goes_too", &[]) {
        return;
    }
    each_flavour(|flavour| {
        let (descriptors, before) = (open_descriptors(), threads());
        for _ in 0..20 {
            let runtime = flavour.build();
            runtime.spawn(sleep_forever_in_pieces());
            runtime.spawn_blocking(|| ());
            runtime.shutdown_background();
        }
        wait_for_threads(before);
        wait_for_descriptors(descriptors);
    });
}

async fn sleep_forever_in_pieces() {
    loop {
        sleep(Duration::from_millis(1)).await;
    }
}

#[test]
fn what_a_task_owns_goes_with_it_however_it_ends() {
    if !in_own_process("what_a_task_owns_goes_with_it_however_it_ends", &[]) {
        return;
    }
    each_flavour(|flavour| {
        let owned = Arc::new(());
        let runtime = flavour.build();
        let begun = Arc::new(Notify::new());
        for round in 0..6 {
            let task = runtime.spawn({
                let (owned, begun) = (owned.clone(), begun.clone());
                async move {
                    begun.notify_one();
                    match round {
                        0 => {}
                        1 => std::panic::resume_unwind(Box::new("quiet")),
                        2 => yield_now().await,
                        _ => pending::<()>().await,
                    }
                    owned
                }
            });
            runtime.block_on(begun.notified());
            match round {
                0..=2 => drop(runtime.block_on(task)),
                3 => {
                    task.abort();
                    drop(runtime.block_on(task));
                }
                4 => {
                    // The abort outlives the handle.
                    let abort = task.abort_handle();
                    drop(task);
                    abort.abort();
                    wait_for_tasks(&runtime, 0);
                }
                _ => drop(task),
            }
            if round < 5 {
                assert_eq!(Arc::strong_count(&owned), 1, "round {round}");
            }
        }
        drop(runtime);
        assert_eq!(Arc::strong_count(&owned), 1);
    });
}

#[test]
fn tasks_that_refer_to_each_other_go_with_the_runtime() {
    if !in_own_process("tasks_that_refer_to_each_other_go_with_the_runtime", &[]) {
        return;
    }
    each_flavour(|flavour| {
        let owned = Arc::new(());
        let runtime = flavour.build();
        runtime.block_on(async {
            for _ in 0..20 {
                // Each owns the other's handle, and its channel.
                let (give, take) = oneshot::channel();
                let (send, mut receive) = mpsc::channel::<()>(1);
                let kept = owned.clone();
                let one = runtime::spawn(async move {
                    let _kept = kept;
                    let other: runtime::task::JoinHandle<()> = take.await.unwrap();
                    let _ = other.await;
                    drop(send);
                });
                let kept = owned.clone();
                let other = runtime::spawn(async move {
                    let _kept = kept;
                    receive.recv().await;
                    let _ = one.await;
                });
                let _ = give.send(other);
            }
            yield_now().await;
        });
        drop(runtime);
        assert_eq!(Arc::strong_count(&owned), 1);
    });
}

#[test]
fn wakers_that_a_task_keeps_of_itself_go_with_the_runtime() {
    if !in_own_process(
        "wakers_that_a_task_keeps_of_itself_go_with_the_runtime",
        &[],
    ) {
        return;
    }
    each_flavour(|flavour| {
        let owned = Arc::new(());
        let runtime = flavour.build();
        for _ in 0..20 {
            let owned = owned.clone();
            let mut wakers = Vec::new();
            runtime.spawn(poll_fn(move |cx| {
                let _owned = &owned;
                wakers.push(cx.waker().clone());
                if wakers.len() < 3 {
                    cx.waker().wake_by_ref();
                }
                Poll::<()>::Pending
            }));
        }
        runtime.block_on(yield_now());
        drop(runtime);
        assert_eq!(Arc::strong_count(&owned), 1);
    });
}

#[test]
fn wakers_left_with_leaf_futures_go_with_the_runtime() {
    if !in_own_process("wakers_left_with_leaf_futures_go_with_the_runtime", &[]) {
        return;
    }
    each_flavour(|flavour| {
        let runtime = flavour.build();
        let (count, waker) = Counting::new();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        {
            let _entered = runtime.enter();
            let mut cx = Context::from_waker(&waker);
            let mut task = runtime.spawn(pending::<()>());
            let mut timer = Box::pin(sleep(Duration::from_secs(3600)));
            assert!(tests::poll_once(&mut task, &mut cx).is_pending());
            assert!(timer.as_mut().poll(&mut cx).is_pending());
            assert!(listener.poll_accept(&mut cx).is_pending());
            assert!(Arc::strong_count(&count) > 2);
            drop(timer);
        }
        drop(runtime);
        drop(listener);
        drop(waker);
        assert_eq!(Arc::strong_count(&count), 1);
    });
}
