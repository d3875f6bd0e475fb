//! Any descriptor: what the guards and the interests do.

use std::fs::File;
use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use runtime_net::async_fd::{AsyncFd, AsyncFdReadyGuard, AsyncFdReadyMutGuard};
use runtime_net::{Interest, Ready};

use crate::executor::{Executor, join};

/// Two ends of a stream that do not block.
fn pair() -> (UnixStream, UnixStream) {
    let (left, right) = UnixStream::pair().unwrap();
    left.set_nonblocking(true).unwrap();
    right.set_nonblocking(true).unwrap();
    (left, right)
}

/// A watched end, and the other.
fn watched(executor: &Executor) -> (AsyncFd<UnixStream>, UnixStream) {
    let (left, right) = pair();
    let _entered = executor.enter();
    (AsyncFd::new(left).unwrap(), right)
}

#[test]
fn users_operations_wait_for_readiness() {
    let mut executor = Executor::new();
    let (mut fd, mut peer) = watched(&executor);
    let mut buf = [0; 8];
    executor.block_on(async {
        let (n, ()) = join(
            fd.async_io(Interest::READABLE, |mut stream| stream.read(&mut buf)),
            async { peer.write_all(b"ping").unwrap() },
        )
        .await;
        assert_eq!(n.unwrap(), 4);
        let (n, ()) = join(
            fd.async_io_mut(Interest::READABLE, |stream| stream.read(&mut buf)),
            async { peer.write_all(b"pong!").unwrap() },
        )
        .await;
        assert_eq!(n.unwrap(), 5);
        fd.async_io(Interest::WRITABLE, |mut stream| stream.write(b"answer"))
            .await
            .unwrap();
        assert_eq!(peer.read(&mut buf).unwrap(), 6);
    });
}

#[test]
fn an_operation_is_tried_only_when_an_event_says_so() {
    let mut executor = Executor::new();
    let (mut fd, mut peer) = watched(&executor);
    let mut buf = [0; 8];
    peer.write_all(b"ping").unwrap();
    let never = fd.try_io(Interest::READABLE, |_| -> io::Result<()> {
        panic!("nothing is known yet")
    });
    assert_eq!(never.unwrap_err().kind(), io::ErrorKind::WouldBlock);
    executor.take_events();
    let n = fd.try_io(Interest::READABLE, |mut stream| stream.read(&mut buf));
    assert_eq!(n.unwrap(), 4);
    // The first that would block learns it, the second is not even tried.
    let error = fd.try_io_mut(Interest::READABLE, |stream| stream.read(&mut buf));
    assert_eq!(error.unwrap_err().kind(), io::ErrorKind::WouldBlock);
    let never = fd.try_io_mut(Interest::READABLE, |_| -> io::Result<()> {
        panic!("it is known to block")
    });
    assert_eq!(never.unwrap_err().kind(), io::ErrorKind::WouldBlock);
}

#[test]
fn a_guard_clears_what_would_block_and_nothing_else() {
    let mut executor = Executor::new();
    let (mut fd, mut peer) = watched(&executor);
    let mut buf = [0; 8];
    peer.write_all(b"ping").unwrap();
    executor.block_on(async {
        let mut guard = fd.readable().await.unwrap();
        assert_eq!(guard.ready(), Ready::READABLE);
        let n = guard.try_io(|fd| fd.get_ref().read(&mut buf)).unwrap();
        assert_eq!(n.unwrap(), 4);
        // Still ready, as far as is known.
        guard.retain_ready();
        let mut guard = fd.readable_mut().await.unwrap();
        guard
            .try_io(|fd| fd.get_mut().read(&mut buf))
            .expect_err("there is nothing");
        assert_eq!(guard.ready(), Ready::EMPTY);
        let mut guard = fd.writable().await.unwrap();
        assert_eq!(guard.get_inner().as_raw_fd(), fd.as_raw_fd());
        let failed = guard.try_io(|_| -> io::Result<()> { Err(io::ErrorKind::Other.into()) });
        assert_eq!(failed.unwrap().unwrap_err().kind(), io::ErrorKind::Other);
        assert!(fd.writable_mut().await.unwrap().ready().is_writable());
    });
    let waiting = pin!(fd.readable());
    assert!(executor.poll_once(waiting).is_pending());
}

#[test]
fn clearing_some_states_leaves_the_others() {
    let mut executor = Executor::new();
    let (fd, mut peer) = watched(&executor);
    let both = Interest::READABLE | Interest::WRITABLE;
    peer.write_all(b"ping").unwrap();
    executor.take_events();
    executor.block_on(async {
        let mut guard = fd.ready(both).await.unwrap();
        assert_eq!(guard.ready(), Ready::READABLE | Ready::WRITABLE);
        guard.clear_ready_matching(Ready::READABLE);
        assert_eq!(guard.ready(), Ready::WRITABLE);
        assert_eq!(fd.ready(both).await.unwrap().ready(), Ready::WRITABLE);
        guard.clear_ready_matching(Ready::WRITABLE);
        assert_eq!(guard.ready(), Ready::EMPTY);
        guard.clear_ready_matching(Ready::ALL);
    });
    let waiting = pin!(fd.ready(both));
    assert!(executor.poll_once(waiting).is_pending());
}

#[test]
fn states_that_a_guard_was_not_asked_for_are_cleared_through_it_too() {
    let mut executor = Executor::new();
    let (fd, mut peer) = watched(&executor);
    peer.write_all(b"ping").unwrap();
    executor.take_events();
    // A protocol may read in order to write, and so learn of the other direction.
    let mut guard = executor.block_on(fd.writable()).unwrap();
    guard.clear_ready_matching(Ready::READABLE);
    assert_eq!(guard.ready(), Ready::WRITABLE);
    let readable = pin!(fd.readable());
    assert!(executor.poll_once(readable).is_pending());
    assert!(executor.poll_once(pin!(fd.writable())).is_ready());
}

#[test]
fn a_guard_does_not_clear_an_event_that_came_after_it() {
    let mut executor = Executor::new();
    let (mut fd, mut peer) = watched(&executor);
    peer.write_all(b"x").unwrap();
    executor.take_events();
    let mut cx = Context::from_waker(Waker::noop());
    let Poll::Ready(Ok(mut guard)) = fd.poll_read_ready(&mut cx) else {
        panic!("there is something");
    };
    peer.write_all(b"y").unwrap();
    executor.take_events();
    guard.clear_ready();
    assert!(fd.poll_read_ready(&mut cx).is_ready());
    let Poll::Ready(Ok(mut guard)) = fd.poll_read_ready_mut(&mut cx) else {
        panic!("the event was lost");
    };
    guard.clear_ready();
    assert!(fd.poll_read_ready(&mut cx).is_pending());
    assert!(fd.poll_write_ready(&mut cx).is_ready());
    let Poll::Ready(Ok(mut guard)) = fd.poll_write_ready_mut(&mut cx) else {
        panic!("there is room");
    };
    assert!(guard.get_ref().get_ref().as_raw_fd() >= 0);
    assert!(guard.get_inner_mut().write(b"z").is_ok());
    assert!(
        format!("{guard:?}").contains("is_writable: true"),
        "{guard:?}"
    );
}

#[test]
#[cfg(target_os = "linux")]
fn a_descriptor_that_cannot_be_watched_is_given_back() {
    let executor = Executor::new();
    let _entered = executor.enter();
    let file = File::open("/proc/self/exe").unwrap();
    let number = file.as_raw_fd();
    let error = AsyncFd::try_new(file).unwrap_err();
    assert!(std::error::Error::source(&error).is_some());
    assert!(
        format!("{error:?} {error}").contains("not permitted"),
        "{error:?}"
    );
    let (mut file, error) = error.into_parts();
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    assert_eq!(error.raw_os_error(), Some(libc::EPERM));
    assert_eq!(file.as_raw_fd(), number);
    file.read_exact(&mut [0; 4]).unwrap();
    let error = AsyncFd::new(file).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    assert_eq!(executor.handle().source_count(), 0);
}

#[test]
fn the_value_comes_back_and_is_no_longer_watched() {
    let mut executor = Executor::new();
    let (fd, mut peer) = watched(&executor);
    assert_eq!(executor.handle().source_count(), 1);
    assert_eq!(fd.as_fd().as_raw_fd(), fd.get_ref().as_raw_fd());
    let mut stream = fd.into_inner();
    assert_eq!(executor.handle().source_count(), 0);
    peer.write_all(b"ping").unwrap();
    assert_eq!(executor.take_events(), 0);
    assert_eq!(stream.read(&mut [0; 8]).unwrap(), 4);
    let entered = executor.enter();
    // It can be watched again, and a descriptor that is dropped leaves nothing behind.
    let fd = AsyncFd::with_interest(stream, Interest::READABLE).unwrap();
    drop(entered);
    drop(fd);
    assert_eq!(executor.handle().source_count(), 0);
}

#[test]
fn only_what_was_asked_for_is_reported() {
    let mut executor = Executor::new();
    let (left, mut peer) = pair();
    let fd = {
        let _entered = executor.enter();
        AsyncFd::try_with_interest(left, Interest::READABLE).unwrap()
    };
    assert_eq!(executor.take_events(), 0);
    {
        let waiting = pin!(fd.writable());
        assert!(executor.poll_once(waiting).is_pending());
    }
    peer.write_all(b"x").unwrap();
    let ready = executor.block_on(fd.readable()).unwrap().ready();
    assert_eq!(ready, Ready::READABLE);
}

#[test]
#[cfg(target_os = "linux")]
fn who_asks_for_errors_learns_that_the_peer_has_ended_its_side() {
    let mut executor = Executor::new();
    let (left, peer) = pair();
    let fd = {
        let _entered = executor.enter();
        AsyncFd::with_interest(left, Interest::ERROR | Interest::PRIORITY).unwrap()
    };
    peer.shutdown(std::net::Shutdown::Write).unwrap();
    // Nothing more comes: a wait for priority data ends too.
    let ready = executor
        .block_on(fd.ready(Interest::PRIORITY))
        .unwrap()
        .ready();
    assert_eq!(ready, Ready::READ_CLOSED);
}

#[test]
fn a_closed_side_stays_readable_whatever_is_cleared() {
    let mut executor = Executor::new();
    let (fd, peer) = watched(&executor);
    drop(peer);
    executor.block_on(async {
        let mut guard = fd.readable().await.unwrap();
        assert!(guard.ready().is_read_closed());
        guard.clear_ready();
        let guard = fd.readable().await.unwrap();
        assert!(guard.ready().is_read_closed());
        let n = fd.async_io(Interest::READABLE, |mut stream| stream.read(&mut [0; 8]));
        assert_eq!(n.await.unwrap(), 0);
    });
}

#[test]
#[cfg(target_os = "linux")]
fn priority_data_is_reported_to_who_asks_for_it() {
    let mut executor = Executor::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    server.set_nonblocking(true).unwrap();
    let fd = {
        let _entered = executor.enter();
        AsyncFd::with_interest(server, Interest::READABLE | Interest::PRIORITY).unwrap()
    };
    (&client).write_all(b"ordinary").unwrap();
    drop(executor.block_on(fd.readable()).unwrap());
    {
        let waiting = pin!(fd.ready(Interest::PRIORITY));
        assert!(executor.poll_once(waiting).is_pending());
    }
    socket2::SockRef::from(&client)
        .send_out_of_band(b"!")
        .unwrap();
    executor.block_on(async {
        let mut guard = fd.ready(Interest::PRIORITY).await.unwrap();
        assert!(guard.ready().is_priority() && !guard.ready().is_readable());
        guard.clear_ready_matching(Ready::PRIORITY);
        assert!(fd.readable().await.unwrap().ready().is_readable());
    });
}

#[test]
#[cfg(target_os = "linux")]
fn errors_are_reported_to_who_asks_for_them() {
    let mut executor = Executor::new();
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let nobody = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(nobody.local_addr().unwrap()).unwrap();
    socket.set_nonblocking(true).unwrap();
    drop(nobody);
    let fd = {
        let _entered = executor.enter();
        AsyncFd::with_interest(socket, Interest::ERROR).unwrap()
    };
    executor.take_events();
    {
        let waiting = pin!(fd.ready(Interest::ERROR));
        assert!(executor.poll_once(waiting).is_pending());
    }
    fd.get_ref().send(b"x").unwrap();
    let ready = executor
        .block_on(fd.ready(Interest::ERROR))
        .unwrap()
        .ready();
    assert_eq!(ready, Ready::ERROR);
    let error = fd.get_ref().take_error().unwrap().unwrap();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
}

#[test]
fn waits_end_with_an_error_when_the_runtime_shuts_down() {
    let mut executor = Executor::new();
    let (fd, _peer) = watched(&executor);
    executor.take_events();
    let mut batch = runtime_base::wake_batch::WakeBatch::new();
    executor.handle().shutdown(&mut batch);
    let error = executor.block_on(fd.readable()).map(drop).unwrap_err();
    assert!(runtime_base::shutdown::is_shutdown_error(&error));
    // Who does not wait needs no runtime.
    let operated = fd.try_io(Interest::WRITABLE, |_| Ok("operated"));
    assert_eq!(operated.unwrap(), "operated");
    let (left, _right) = pair();
    let _entered = executor.enter();
    // It is given back, not lost.
    let (_left, error) = AsyncFd::try_new(left).unwrap_err().into_parts();
    assert!(runtime_base::shutdown::is_shutdown_error(&error));
}

#[test]
#[should_panic(expected = "there is no reactor running")]
fn outside_of_a_runtime_nothing_is_watched() {
    let _ = AsyncFd::new(pair().0);
}

#[test]
fn futures_and_types_may_be_sent_and_shared() {
    fn is_send<T: Send>(_: &T) {}
    fn is_public<T: Send + Sync + Unpin + std::fmt::Debug>() {}
    is_public::<AsyncFd<UnixStream>>();
    is_public::<AsyncFdReadyGuard<'static, File>>();
    is_public::<AsyncFdReadyMutGuard<'static, File>>();
    let mut executor = Executor::new();
    let (mut fd, _peer) = watched(&executor);
    is_send(&fd.readable());
    is_send(&fd.async_io(Interest::READABLE, |_| Ok(())));
    is_send(&fd.writable_mut());
    executor.block_on(poll_fn(|cx| fd.poll_write_ready(cx).map(drop)));
}
