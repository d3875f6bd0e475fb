//! Two runtimes of one process that talk to each other.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use runtime::Runtime;
use runtime::io::{AsyncReadExt, AsyncWriteExt};
use runtime::net::{TcpListener, TcpStream};
use runtime::sync::{mpsc, oneshot};
use runtime::task::yield_now;
use runtime::time::sleep;
use tests::{Flavour, each_flavour};

/// Runs `body` with all pairs of flavours of which the first is given; the second one runs on a
/// thread of its own.
fn with_another(flavour: Flavour, body: impl Fn(&Runtime, &Runtime)) {
    for other in [Flavour::CurrentThread, Flavour::MultiThread(2)] {
        let (one, other) = (flavour.build(), other.build());
        let (end, ends) = oneshot::channel::<()>();
        thread::scope(|scope| {
            let (other, end) = (&other, end);
            scope.spawn(move || other.block_on(ends));
            let end = tests::OnDrop({
                let mut end = Some(end);
                move || _ = end.take().unwrap().send(())
            });
            body(&one, other);
            drop(end);
        });
    }
}

#[test]
fn a_join_handle_is_awaited_from_another_runtime() {
    each_flavour(|flavour| {
        with_another(flavour, |one, other| {
            let tasks: Vec<_> = (0..50)
                .map(|number| {
                    other.spawn(async move {
                        yield_now().await;
                        number
                    })
                })
                .collect();
            one.block_on(async {
                for (number, task) in tasks.into_iter().enumerate() {
                    // By the thread that blocks and by a task, in turn.
                    let output = match number % 2 {
                        0 => task.await.unwrap(),
                        _ => runtime::spawn(task).await.unwrap().unwrap(),
                    };
                    assert_eq!(output, number);
                }
            });
        });
    });
}

#[test]
fn wakes_cross_from_one_to_the_other_and_back() {
    each_flavour(|flavour| {
        with_another(flavour, |one, other| {
            let (there, mut asks) = mpsc::channel(1);
            let (back, mut answers) = mpsc::channel(1);
            let answering = other.spawn(async move {
                while let Some(number) = asks.recv().await {
                    back.send(number + 1).await.unwrap();
                }
            });
            let asking = one.spawn(async move {
                for number in 0..500 {
                    there.send(number).await.unwrap();
                    assert_eq!(answers.recv().await, Some(number + 1));
                }
            });
            one.block_on(asking).unwrap();
            one.block_on(answering).unwrap();
        });
    });
}

#[test]
fn sockets_made_in_one_are_polled_in_the_other() {
    each_flavour(|flavour| {
        with_another(flavour, |one, other| {
            let listener = other
                .block_on_elsewhere(TcpListener::bind("127.0.0.1:0"))
                .unwrap();
            let address = listener.local_addr().unwrap();
            one.block_on(async move {
                let accept = runtime::spawn(async move { listener.accept().await.unwrap().0 });
                let mut client = TcpStream::connect(address).await.unwrap();
                let mut server = accept.await.unwrap();
                let echo = runtime::spawn(async move {
                    let mut buf = [0; 4];
                    for _ in 0..50 {
                        server.read_exact(&mut buf).await.unwrap();
                        server.write_all(&buf).await.unwrap();
                    }
                });
                for number in 0..50_u32 {
                    client.write_u32(number).await.unwrap();
                    assert_eq!(client.read_u32().await.unwrap(), number);
                }
                echo.await.unwrap();
            });
        });
    });
}

/// Runs a future on a runtime that another thread drives.
trait BlockOnElsewhere {
    fn block_on_elsewhere<F>(&self, future: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static;
}

impl BlockOnElsewhere for Runtime {
    fn block_on_elsewhere<F>(&self, future: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.handle().block_on(self.spawn(future)).unwrap()
    }
}

#[test]
fn a_socket_moves_from_one_runtime_to_the_other_while_it_is_used() {
    each_flavour(|flavour| {
        with_another(flavour, |one, other| {
            let (mut client, mut server) = one.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let client = TcpStream::connect(listener.local_addr().unwrap())
                    .await
                    .unwrap();
                (client, listener.accept().await.unwrap().0)
            });
            for round in 0..10_u8 {
                let task = one.spawn(async move {
                    // Waits first, in the runtime it was made in ...
                    let mut buf = [0];
                    let read = server.read_exact(&mut buf).await.map(|_| buf[0]);
                    (server, read)
                });
                client = other.block_on_elsewhere(async move {
                    client.write_u8(round).await.unwrap();
                    client
                });
                let read;
                (server, read) = one.block_on(task).unwrap();
                assert_eq!(read.unwrap(), round);
                // ... and then in the other one.
                let task = other.spawn(async move {
                    let read = server.read_u8().await;
                    (server, read)
                });
                client = one.block_on(async move {
                    client.write_u8(round).await.unwrap();
                    client
                });
                (server, _) = one.block_on(task).unwrap();
            }
        });
    });
}

#[test]
fn a_timer_made_in_one_fires_in_the_other() {
    each_flavour(|flavour| {
        with_another(flavour, |one, other| {
            let made = {
                let _entered = other.enter();
                sleep(Duration::from_millis(2))
            };
            one.block_on(made);
            let made = {
                let _entered = one.enter();
                sleep(Duration::from_millis(2))
            };
            if flavour != Flavour::CurrentThread {
                other.block_on_elsewhere(made);
            }
        });
    });
}

#[test]
fn one_ends_while_the_other_waits_for_it() {
    each_flavour(|flavour| {
        let (one, other) = (flavour.build(), Flavour::MultiThread(2).build());
        let kept = Arc::new(());
        let tasks: Vec<_> = (0..20)
            .map(|_| {
                let kept = kept.clone();
                let inner = other.spawn(async move {
                    std::future::pending::<()>().await;
                    drop(kept);
                });
                one.spawn(inner)
            })
            .collect();
        let ending = one.spawn_blocking(move || drop(other));
        one.block_on(async {
            for task in tasks {
                assert!(task.await.unwrap().unwrap_err().is_cancelled());
            }
            ending.await.unwrap();
        });
        assert_eq!(Arc::strong_count(&kept), 1);
    });
}
