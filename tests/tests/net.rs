//! Sockets through the runtime: real connections, and what goes wrong with them.

use std::future::poll_fn;
use std::io::{ErrorKind, Read, Write};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use runtime::io::{AsyncReadExt, AsyncWriteExt};
use runtime::net::{TcpListener, TcpSocket, TcpStream};
use runtime::task::yield_now;
use runtime::time::timeout;
use tests::process::{in_own_process, limit_descriptors, processor_time};
use tests::{each_runtime, within_limit};

const ANYWHERE: &str = "127.0.0.1:0";

/// Two ends of a connection.
async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(ANYWHERE).await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    (client, listener.accept().await.unwrap().0)
}

/// A task of the runtime, not the thread that blocks: with workers those differ.
fn in_task<F>(runtime: &runtime::Runtime, future: F) -> F::Output
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    runtime.block_on(runtime.spawn(future)).unwrap()
}

#[test]
fn an_echo_server_serves_many_clients() {
    each_runtime(|runtime| {
        in_task(runtime, async {
            let listener = TcpListener::bind(ANYWHERE).await.unwrap();
            let address = listener.local_addr().unwrap();
            let server = runtime::spawn(async move {
                loop {
                    let (mut stream, _) = listener.accept().await.unwrap();
                    runtime::spawn(async move {
                        let mut buf = [0; 512];
                        while let n @ 1.. = stream.read(&mut buf).await.unwrap() {
                            stream.write_all(&buf[..n]).await.unwrap();
                        }
                    });
                }
            });
            let clients: Vec<_> = (0..50_u8)
                .map(|client| {
                    runtime::spawn(async move {
                        let mut stream = TcpStream::connect(address).await.unwrap();
                        let sent = vec![client; 10_000];
                        let (mut read, mut write) = stream.split();
                        let mut received = vec![0; sent.len()];
                        let writing = async { write.write_all(&sent).await };
                        let reading = async { read.read_exact(&mut received).await };
                        both(writing, reading).await;
                        assert_eq!(received, sent);
                    })
                })
                .collect();
            for client in clients {
                client.await.unwrap();
            }
            server.abort();
            assert!(server.await.unwrap_err().is_cancelled());
        });
    });
}

/// Polls both until both were ready without an error.
async fn both<A, B>(
    one: impl Future<Output = std::io::Result<A>>,
    other: impl Future<Output = std::io::Result<B>>,
) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut one_done, mut other_done) = (false, false);
    poll_fn(|cx| {
        if !one_done && let Poll::Ready(result) = one.as_mut().poll(cx) {
            result.unwrap();
            one_done = true;
        }
        if !other_done && let Poll::Ready(result) = other.as_mut().poll(cx) {
            result.unwrap();
            other_done = true;
        }
        if one_done && other_done {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

#[test]
fn a_port_where_nobody_listens_refuses() {
    each_runtime(|runtime| {
        in_task(runtime, async {
            // A port that was just given up.
            let listener = TcpListener::bind(ANYWHERE).await.unwrap();
            let address = listener.local_addr().unwrap();
            drop(listener);
            let error = TcpStream::connect(address).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
            // A list of addresses is tried to its end, and its last error counts.
            let error = TcpStream::connect(&[address, address][..])
                .await
                .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
            let error = TcpStream::connect(&[][..]).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
        });
    });
}

#[test]
fn an_address_in_use_is_refused() {
    each_runtime(|runtime| {
        in_task(runtime, async {
            let listener = TcpListener::bind(ANYWHERE).await.unwrap();
            let error = TcpListener::bind(listener.local_addr().unwrap())
                .await
                .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AddrInUse);
        });
    });
}

#[test]
fn a_peer_that_resets_is_an_error_of_the_read() {
    each_runtime(|runtime| {
        in_task(runtime, async {
            let (client, mut server) = pair().await;
            let reading = runtime::spawn(async move { server.read(&mut [0; 8]).await });
            yield_now().await;
            client.set_zero_linger().unwrap();
            drop(client);
            let error = reading.await.unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        });
    });
}

#[test]
fn half_a_connection_goes_on() {
    each_runtime(|runtime| {
        in_task(runtime, async {
            let (mut client, mut server) = pair().await;
            client.write_all(b"question").await.unwrap();
            client.shutdown().await.unwrap();
            let mut text = String::new();
            server.read_to_string(&mut text).await.unwrap();
            assert_eq!(text, "question");
            // The other direction is open still.
            server.write_all(b"answer").await.unwrap();
            drop(server);
            text.clear();
            client.read_to_string(&mut text).await.unwrap();
            assert_eq!(text, "answer");
            assert_eq!(
                client.read(&mut [0; 8]).await.unwrap(),
                0,
                "the end stays the end"
            );
        });
    });
}

#[test]
fn an_owned_write_half_closes_its_direction_when_dropped() {
    each_runtime(|runtime| {
        in_task(runtime, async {
            let (client, mut server) = pair().await;
            let (mut read, mut write) = client.into_split();
            let writing = runtime::spawn(async move { write.write_all(b"question").await });
            let mut text = String::new();
            server.read_to_string(&mut text).await.unwrap();
            assert_eq!(text, "question");
            writing.await.unwrap().unwrap();
            server.write_all(b"answer").await.unwrap();
            drop(server);
            text.clear();
            read.read_to_string(&mut text).await.unwrap();
            assert_eq!(text, "answer");
        });
    });
}

#[test]
fn a_peer_that_goes_in_the_middle_of_a_write_is_an_error_of_the_write() {
    each_runtime(|runtime| {
        in_task(runtime, async {
            let (mut client, mut server) = pair().await;
            let writing = runtime::spawn(async move {
                let piece = vec![7; 1 << 16];
                loop {
                    if let Err(error) = client.write_all(&piece).await {
                        return error.kind();
                    }
                }
            });
            // The writer is under way, and will fill every buffer.
            server.read_exact(&mut [0; 1000]).await.unwrap();
            drop(server);
            let kind = writing.await.unwrap();
            let gone = [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset];
            assert!(gone.contains(&kind), "{kind:?}");
        });
    });
}

#[test]
fn a_write_that_waits_goes_on_when_the_peer_reads() {
    each_runtime(|runtime| {
        in_task(runtime, async {
            let (mut client, mut server) = pair().await;
            const LEN: usize = 8 << 20;
            let writing = runtime::spawn(async move {
                client.write_all(&vec![7; LEN]).await.unwrap();
            });
            let mut received = Vec::new();
            server.read_to_end(&mut received).await.unwrap();
            assert_eq!(received.len(), LEN);
            assert!(received.iter().all(|&byte| byte == 7));
            writing.await.unwrap();
        });
    });
}

#[test]
fn a_read_that_was_dropped_loses_nothing() {
    each_runtime(|runtime| {
        in_task(runtime, async {
            let (mut client, mut server) = pair().await;
            for number in 0..50_u8 {
                {
                    let mut buf = [0];
                    let mut read = pin!(server.read(&mut buf));
                    // Pending, and given up.
                    poll_fn(|cx| {
                        assert!(read.as_mut().poll(cx).is_pending());
                        Poll::Ready(())
                    })
                    .await;
                }
                client.write_u8(number).await.unwrap();
                assert_eq!(server.read_u8().await.unwrap(), number);
            }
        });
    });
}

#[test]
fn a_task_that_waits_for_a_socket_is_aborted() {
    each_runtime(|runtime| {
        in_task(runtime, async {
            let (mut client, mut server) = pair().await;
            let reading = runtime::spawn(async move { server.read(&mut [0; 8]).await });
            yield_now().await;
            reading.abort();
            assert!(reading.await.unwrap_err().is_cancelled());
            // The descriptor went with the task.
            assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
        });
    });
}

#[test]
fn reader_and_writer_of_one_socket_are_on_different_tasks() {
    each_runtime(|runtime| {
        in_task(runtime, async {
            let (client, server) = pair().await;
            let mut tasks = Vec::new();
            for stream in [client, server] {
                let (mut read, mut write) = stream.into_split();
                tasks.push(runtime::spawn(async move {
                    for number in 0..2_000_u32 {
                        write.write_u32(number).await.unwrap();
                    }
                    // Kept until the other side has read it.
                    write.forget();
                }));
                tasks.push(runtime::spawn(async move {
                    for number in 0..2_000_u32 {
                        assert_eq!(read.read_u32().await.unwrap(), number);
                    }
                }));
            }
            for task in tasks {
                task.await.unwrap();
            }
        });
    });
}

#[test]
fn many_tasks_accept_from_one_listener() {
    each_runtime(|runtime| {
        in_task(runtime, async {
            let listener = Arc::new(TcpListener::bind(ANYWHERE).await.unwrap());
            let address = listener.local_addr().unwrap();
            let accepting: Vec<_> = (0..20)
                .map(|_| {
                    let listener = listener.clone();
                    runtime::spawn(async move { listener.accept().await.unwrap().1 })
                })
                .collect();
            yield_now().await;
            let mut clients = Vec::new();
            for _ in 0..20 {
                clients.push(TcpStream::connect(address).await.unwrap());
            }
            let mut accepted = Vec::new();
            for task in accepting {
                accepted.push(task.await.unwrap());
            }
            let mut connected: Vec<_> = clients
                .iter()
                .map(|client| client.local_addr().unwrap())
                .collect();
            accepted.sort();
            connected.sort();
            assert_eq!(accepted, connected);
        });
    });
}

#[test]
fn sockets_come_from_std_and_go_back() {
    each_runtime(|runtime| {
        let listener = std::net::TcpListener::bind(ANYWHERE).unwrap();
        listener.set_nonblocking(true).unwrap();
        let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut server = in_task(runtime, async move {
            let listener = TcpListener::from_std(listener).unwrap();
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buf = [0; 1];
            // Registered by waiting for it.
            let reading = timeout(Duration::ZERO, stream.read(&mut buf)).await;
            assert!(reading.is_err());
            listener.into_std().unwrap();
            stream.into_std().unwrap()
        });
        server.set_nonblocking(false).unwrap();
        client.write_all(b"again").unwrap();
        let mut buf = [0; 5];
        server.read_exact(&mut buf).unwrap();
        assert_eq!(&buf, b"again");
    });
}

#[test]
fn options_of_a_socket_are_set_before_it_connects() {
    each_runtime(|runtime| {
        in_task(runtime, async {
            let socket = TcpSocket::new_v4().unwrap();
            socket.set_reuseaddr(true).unwrap();
            socket.bind(ANYWHERE.parse().unwrap()).unwrap();
            let listener = socket.listen(16).unwrap();
            let client = TcpSocket::new_v4().unwrap();
            client.set_keepalive(true).unwrap();
            let client = client
                .connect(listener.local_addr().unwrap())
                .await
                .unwrap();
            let (server, address) = listener.accept().await.unwrap();
            assert_eq!(client.local_addr().unwrap(), address);
            client.set_nodelay(true).unwrap();
            assert!(client.nodelay().unwrap() && !server.nodelay().unwrap());
        });
    });
}

#[test]
fn without_descriptors_accept_and_connect_fail_and_work_again_later() {
    const NAME: &str = "without_descriptors_accept_and_connect_fail_and_work_again_later";
    if !in_own_process(NAME, &[]) {
        return;
    }
    // Enough for one runtime of the largest flavour, and the flavours come one after the other.
    limit_descriptors(128);
    each_runtime(|runtime| {
        in_task(runtime, async {
            let listener = Arc::new(TcpListener::bind(ANYWHERE).await.unwrap());
            let address = listener.local_addr().unwrap();
            // Registered and used before, so that there is no first time left.
            let waiting: Vec<_> = (0..2)
                .map(|_| {
                    let listener = listener.clone();
                    runtime::spawn(async move { listener.accept().await.map(drop) })
                })
                .collect();
            yield_now().await;
            let client = std::net::TcpStream::connect(address).unwrap();
            let second = std::net::TcpStream::connect(address).unwrap();
            for accepted in waiting {
                accepted.await.unwrap().unwrap();
            }
            // Waits in the backlog for a descriptor.
            let third = std::net::TcpStream::connect(address).unwrap();

            let mut hoard = Vec::new();
            while let Ok(file) = std::fs::File::open("/dev/null") {
                hoard.push(file);
            }
            for _ in 0..3 {
                let error = listener.accept().await.unwrap_err();
                assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
                let error = TcpStream::connect(address).await.unwrap_err();
                assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
                let error = TcpListener::bind(ANYWHERE).await.unwrap_err();
                assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
            }
            assert!(
                runtime::Builder::new_current_thread()
                    .enable_io()
                    .build()
                    .is_err()
            );
            assert!(
                runtime::Builder::new_multi_thread()
                    .enable_io()
                    .build()
                    .is_err()
            );
            // Nobody turns the error into a busy loop.
            let before = processor_time();
            runtime::time::sleep(Duration::from_millis(200)).await;
            let spent = processor_time() - before;
            assert!(
                spent < Duration::from_millis(100),
                "{spent:?} of 200 ms spent on nothing"
            );

            hoard.pop();
            let (accepted, _) = listener.accept().await.unwrap();
            drop((accepted, client, second, third, hoard));
            let (client, accepted) = (TcpStream::connect(address), listener.accept());
            both(client, accepted).await;
        });
    });
}

#[test]
fn a_client_that_never_answers_does_not_hold_up_the_others() {
    within_limit(|| {
        let runtime = tests::Flavour::MultiThread(2).build();
        in_task(&runtime, async {
            let (mut client, server) = pair().await;
            let stuck = runtime::spawn(async move {
                // Nobody reads at the other end.
                let _ = client.write_all(&vec![0; 64 << 20]).await;
            });
            for _ in 0..20 {
                let (mut client, mut server) = pair().await;
                client.write_u8(7).await.unwrap();
                assert_eq!(server.read_u8().await.unwrap(), 7);
            }
            assert!(!stuck.is_finished());
            drop(server);
            stuck.await.unwrap();
        });
    });
}
