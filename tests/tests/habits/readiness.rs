//! What is known of a socket before anybody has waited for it.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};

use runtime::io::{AsyncReadExt, AsyncWriteExt, Interest};
use runtime::net::unix::pipe;
use runtime::net::{TcpListener, TcpStream, UnixDatagram, UnixListener, UnixStream};
use tests::each_runtime;

fn is_ready_now(future: impl Future) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    pin!(future).poll(&mut cx).is_ready()
}

#[test]
fn an_accepted_socket_is_taken_for_ready_until_it_is_found_not_to_be() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let mut client = TcpStream::connect(address).await.unwrap();
            let (server, _) = listener.accept().await.unwrap();
            assert!(is_ready_now(server.readable()));
            assert!(is_ready_now(server.writable()));
            // More than once, if the first event comes in between: there is room to write.
            while is_ready_now(server.readable()) {
                let nothing = server.try_read(&mut [0; 4]).unwrap_err();
                assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
            }
            // What comes then is seen as ever.
            client.write_all(b"late").await.unwrap();
            server.readable().await.unwrap();
            assert_eq!(server.try_read(&mut [0; 8]).unwrap(), 4);
        });
    });
}

#[test]
fn a_read_that_found_nothing_before_anybody_waited_is_remembered() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let _client = TcpStream::connect(address).await.unwrap();
            let (server, _) = listener.accept().await.unwrap();
            assert!(server.try_read(&mut [0; 4]).is_err());
            assert!(!is_ready_now(server.readable()));
        });
    });
}

#[test]
fn a_fresh_pair_has_room() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let (left, right) = UnixStream::pair().unwrap();
            assert!(is_ready_now(left.writable()));
            assert!(!is_ready_now(right.readable()));
            let (left, right) = UnixDatagram::pair().unwrap();
            assert!(is_ready_now(poll_fn(|cx| left.poll_send_ready(cx))));
            assert!(!is_ready_now(poll_fn(|cx| right.poll_recv_ready(cx))));
            left.try_send(b"hi").unwrap();
            assert_eq!(right.recv(&mut [0; 4]).await.unwrap(), 2);
        });
    });
}

#[test]
fn an_operation_of_the_users_is_not_called_while_the_socket_is_not_ready() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let (left, right) = UnixStream::pair().unwrap();
            let refused = right.try_io(Interest::READABLE, || -> io::Result<()> {
                panic!("nothing is there to be read")
            });
            assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::WouldBlock);
            left.try_write(b"x").unwrap();
            right.readable().await.unwrap();
            assert_eq!(right.try_io(Interest::READABLE, || Ok(7)).unwrap(), 7);

            let (mut sender, receiver) = pipe::pipe().unwrap();
            let refused = receiver.try_io(|| -> io::Result<()> { panic!("the pipe is empty") });
            assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::WouldBlock);
            sender.write_all(b"x").await.unwrap();
            receiver.readable().await.unwrap();
            assert_eq!(receiver.try_io(|| Ok(7)).unwrap(), 7);
        });
    });
}

#[test]
fn a_receiver_that_was_opened_by_name_waits_for_its_first_sender() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let path = std::env::temp_dir().join(format!(
                "habits-fifo-{}-{:?}",
                std::process::id(),
                std::thread::current().id()
            ));
            let _ = std::fs::remove_file(&path);
            assert!(
                Command::new("mkfifo")
                    .arg(&path)
                    .status()
                    .unwrap()
                    .success()
            );
            let mut receiver = pipe::OpenOptions::new().open_receiver(&path).unwrap();
            let mut buf = [0; 4];
            {
                let mut reading = pin!(receiver.read_exact(&mut buf));
                assert!(!is_ready_now(reading.as_mut()));
                let mut sender = pipe::OpenOptions::new().open_sender(&path).unwrap();
                sender.write_all(b"ping").await.unwrap();
                reading.await.unwrap();
            }
            std::fs::remove_file(&path).unwrap();
            assert_eq!(&buf, b"ping");
            // Now that it had one, there is an end.
            assert_eq!(receiver.read(&mut buf).await.unwrap(), 0);
        });
    });
}

#[test]
fn a_wait_is_over_at_once_for_a_stream_that_was_connected() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let client = TcpStream::connect(address).await.unwrap();
            let written = poll_fn(|cx| match client.poll_write_ready(cx) {
                Poll::Ready(_) => Poll::Ready(client.try_write(b"x")),
                Poll::Pending => panic!("it was seen writable when it was connected"),
            });
            assert_eq!(written.await.unwrap(), 1);
        });
    });
}

#[test]
fn whoever_connects_lets_the_others_begin_meanwhile() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            // A client that opens a connection for each request that finds none open.
            let begun = AtomicUsize::new(0);
            let connect = async || {
                begun.fetch_add(1, SeqCst);
                let stream = TcpStream::connect(address).await.unwrap();
                (begun.load(SeqCst), stream)
            };
            let (first, second, third) = runtime::join!(connect(), connect(), connect());
            assert_eq!((first.0, second.0, third.0), (3, 3, 3));
        });
    });
}

#[test]
fn a_connection_to_a_path_is_not_open_at_the_first_look_either() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let name = format!("not-open-at-once-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            let _ = std::fs::remove_file(&path);
            let _listener = UnixListener::bind(&path).unwrap();
            let mut connecting = pin!(UnixStream::connect(&path));
            let is_open = poll_fn(|cx| Poll::Ready(connecting.as_mut().poll(cx).is_ready())).await;
            assert!(!is_open);
            connecting.await.unwrap();
            std::fs::remove_file(&path).unwrap();
        });
    });
}
