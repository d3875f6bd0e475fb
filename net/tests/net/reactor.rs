//! What the reactor sees of the sockets.

use std::future::Future;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use crate::executor::{Executor, join, read, read_exact, write_all};
use runtime_base::wake_batch::WakeBatch;
use runtime_net::{
    CurrentReactor, Interest, Reactor, Ready, TcpListener, TcpSocket, TcpStream, UdpSocket, enter,
};

/// Counts how often it is woken.
#[derive(Default)]
struct Counter(AtomicUsize);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn sockets_that_never_block_are_never_registered() {
    let mut executor = Executor::new();
    let (mut client, mut server) = executor.connection();
    assert_eq!(executor.handle().source_count(), 0);
    executor.block_on(async {
        for _ in 0..10 {
            write_all(&mut client, b"ping").await.unwrap();
            read_exact(&mut server, &mut [0; 4]).await.unwrap();
        }
    });
    assert_eq!(executor.handle().source_count(), 0);
    assert_eq!(executor.take_events(), 0);
    {
        let mut buf = [0; 4];
        let mut waiting = pin!(read(&mut server, &mut buf));
        assert!(executor.poll_once(waiting.as_mut()).is_pending());
        assert_eq!(executor.handle().source_count(), 1);
    }
    drop(server);
    assert_eq!(executor.handle().source_count(), 0);
}

#[test]
fn a_try_that_would_block_does_not_register() {
    let mut executor = Executor::new();
    let (client, server) = executor.connection();
    let error = server.try_read(&mut [0; 4]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    assert_eq!(executor.handle().source_count(), 0);
    client.try_write(b"ping").unwrap();
    executor.block_on(server.readable()).unwrap();
    assert_eq!(executor.handle().source_count(), 1);
    assert_eq!(server.try_read(&mut [0; 8]).unwrap(), 4);
}

#[test]
fn a_socket_registers_with_the_reactor_of_the_thread_that_polls_it() {
    let mut made = Executor::in_group(7);
    let mut polled = Executor::in_group(7);
    let mut foreign = Executor::in_group(8);
    let (mut client, mut server) = made.connection();
    let mut buf = [0; 4];
    {
        let mut waiting = pin!(read(&mut server, &mut buf));
        assert!(polled.poll_once(waiting.as_mut()).is_pending());
    }
    assert_eq!(made.handle().source_count(), 0);
    assert_eq!(polled.handle().source_count(), 1);
    made.block_on(write_all(&mut client, b"ping")).unwrap();
    polled.block_on(read_exact(&mut server, &mut buf)).unwrap();
    assert_eq!(&buf, b"ping");

    // A reactor of another runtime is not used: it may be gone tomorrow.
    {
        let mut waiting = pin!(client.readable());
        assert!(foreign.poll_once(waiting.as_mut()).is_pending());
    }
    assert_eq!(foreign.handle().source_count(), 0);
    assert_eq!(made.handle().source_count(), 1);
    assert_eq!(foreign.take_events(), 0);
}

#[test]
fn a_connection_belongs_to_the_runtime_that_accepts_it() {
    let mut listening = Executor::in_group(7);
    let mut accepting = Executor::in_group(8);
    let listener = listening
        .block_on(TcpListener::bind("127.0.0.1:0"))
        .unwrap();
    let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = accepting.block_on(listener.accept()).unwrap();
    let handle = listening.handle().clone();
    handle.shutdown(&mut listening.batch);
    // The end of the listener's runtime is not that of the connection.
    let mut buf = [0; 4];
    let mut reading = pin!(read(&mut server, &mut buf));
    assert!(accepting.poll_once(reading.as_mut()).is_pending());
    client.write_all(b"ping").unwrap();
    assert_eq!(accepting.block_on(reading).unwrap(), 4);
}

#[test]
fn a_task_that_moves_on_is_woken_by_the_reactor_where_its_socket_is_registered() {
    let mut first = Executor::new();
    let mut second = Executor::new();
    let (client, server) = first.connection();
    let counter = Arc::new(Counter::default());
    let waker = Waker::from(counter.clone());
    let mut waiting = pin!(server.readable());
    assert!(first.poll_once(waiting.as_mut()).is_pending());
    {
        let _entered = second.enter();
        let polled = waiting.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
    }
    // Being registered is an event by itself: there is room to write. It wakes no reader.
    first.take_events();
    assert_eq!(counter.0.load(SeqCst), 0);
    client.try_write(b"x").unwrap();
    assert_eq!(first.reactor.turn(None, &mut first.batch).unwrap(), 1);
    first.batch.wake_all();
    assert_eq!(counter.0.load(SeqCst), 1);
    assert!(matches!(
        second.poll_once(waiting.as_mut()),
        Poll::Ready(Ok(()))
    ));
    assert_eq!(second.take_events(), 0);
}

#[test]
fn readable_wakes_every_task_that_awaits_it() {
    let mut executor = Executor::new();
    let (client, server) = executor.connection();
    let counters = [(); 3].map(|()| Arc::new(Counter::default()));
    let mut waiting: Vec<_> = counters
        .iter()
        .map(|_| Box::pin(server.readable()))
        .collect();
    {
        let _entered = executor.enter();
        for (future, counter) in waiting.iter_mut().zip(&counters) {
            let waker = Waker::from(counter.clone());
            let mut cx = Context::from_waker(&waker);
            assert!(future.as_mut().poll(&mut cx).is_pending());
            // Polling again replaces the waker and takes no second place.
            assert!(future.as_mut().poll(&mut cx).is_pending());
        }
    }
    executor.take_events();
    // One gives up; the others are woken all the same.
    drop(waiting.remove(1));
    client.try_write(b"x").unwrap();
    assert_eq!(executor.reactor.turn(None, &mut executor.batch).unwrap(), 1);
    executor.batch.wake_all();
    assert_eq!(
        counters.each_ref().map(|counter| counter.0.load(SeqCst)),
        [1, 0, 1]
    );
    for future in &mut waiting {
        assert!(executor.poll_once(future.as_mut()).is_ready());
    }
}

#[test]
fn ready_tells_which_states_are_set() {
    let mut executor = Executor::new();
    let (client, mut server) = executor.connection();
    executor.block_on(async {
        let both = Interest::READABLE | Interest::WRITABLE;
        let ready = server.ready(both).await.unwrap();
        assert!(ready.is_writable() && !ready.is_readable() && !ready.is_read_closed());

        client.try_write(b"x").unwrap();
        let ready = server.ready(Interest::READABLE).await.unwrap();
        assert_eq!(ready, Ready::READABLE);
        let ready = server.ready(both).await.unwrap();
        assert_eq!(ready, Ready::READABLE | Ready::WRITABLE);
    });
    drop(client);
    assert_eq!(executor.take_events(), 1);
    executor.block_on(async {
        let closed = Ready::READABLE | Ready::READ_CLOSED;
        assert_eq!(server.ready(Interest::READABLE).await.unwrap(), closed);
        // What is there is read; the end stays.
        assert_eq!(read(&mut server, &mut [0; 8]).await.unwrap(), 1);
        let ready = server.ready(Interest::READABLE).await.unwrap();
        assert_eq!(ready, Ready::READ_CLOSED);
        assert_eq!(read(&mut server, &mut [0; 8]).await.unwrap(), 0);
        let ready = server.ready(Interest::READABLE).await.unwrap();
        assert_eq!(ready, Ready::READ_CLOSED);
    });
}

#[test]
fn a_short_read_costs_no_second_system_call() {
    let mut executor = Executor::new();
    let (client, mut server) = executor.connection();
    executor.block_on(async {
        client.try_write(b"x").unwrap();
        server.readable().await.unwrap();
        assert_eq!(read(&mut server, &mut [0; 8]).await.unwrap(), 1);
    });
    // The state is cleared, although nobody has seen "would block".
    let mut waiting = pin!(server.readable());
    assert!(executor.poll_once(waiting.as_mut()).is_pending());
    client.try_write(b"y").unwrap();
    executor.block_on(waiting).unwrap();
}

#[test]
fn a_read_that_fills_its_buffer_leaves_the_source_ready() {
    let mut executor = Executor::new();
    let (client, mut server) = executor.connection();
    executor.block_on(async {
        client.try_write(b"xyz").unwrap();
        server.readable().await.unwrap();
        for _ in 0..3 {
            // The edge has passed; the bytes must be found without another one.
            assert_eq!(read(&mut server, &mut [0; 1]).await.unwrap(), 1);
        }
    });
}

#[test]
fn reader_and_writer_of_one_stream_are_woken_each_for_its_own() {
    let mut executor = Executor::new();
    let (mut client, server) = executor.connection();
    let (mut reader, mut writer) = server.into_split();
    let chunk = vec![7; 1 << 16];
    let (received, sent) = executor.block_on(join(
        async {
            let mut buf = [0; 4];
            read_exact(&mut reader, &mut buf).await.unwrap();
            buf
        },
        async {
            // Until the buffers are full, and a little more.
            let mut sent = 0;
            while let Ok(n) = writer.try_write(&chunk) {
                sent += n;
            }
            let rest = async {
                write_all(&mut writer, &chunk).await.unwrap();
                drop(writer);
            };
            let drain = async {
                write_all(&mut client, b"ping").await.unwrap();
                crate::executor::read_to_end(&mut client).await.unwrap()
            };
            let ((), received) = join(rest, drain).await;
            assert_eq!(received.len(), sent + chunk.len());
            sent
        },
    ));
    assert_eq!(&received, b"ping");
    assert!(sent > 0);
}

#[test]
fn a_turn_ends_when_it_is_woken_and_counts_no_event() {
    let mut reactor = Reactor::new(1, 8).unwrap();
    let mut batch = WakeBatch::new();
    reactor.handle().wake();
    assert_eq!(reactor.turn(None, &mut batch).unwrap(), 0);
    let handle = reactor.handle().clone();
    let waker = std::thread::spawn(move || handle.wake());
    assert_eq!(reactor.turn(None, &mut batch).unwrap(), 0);
    waker.join().unwrap();
    assert!(batch.is_empty());
}

#[test]
fn a_turn_of_any_length_can_be_asked_for() {
    let mut reactor = Reactor::new(1, 8).unwrap();
    let mut batch = WakeBatch::new();
    for timeout in [Duration::ZERO, Duration::from_nanos(1)] {
        assert_eq!(reactor.turn(Some(timeout), &mut batch).unwrap(), 0);
    }
    for timeout in [Duration::MAX, Duration::from_millis(1 << 32)] {
        let handle = reactor.handle().clone();
        let waker = std::thread::spawn(move || handle.wake());
        assert_eq!(reactor.turn(Some(timeout), &mut batch).unwrap(), 0);
        waker.join().unwrap();
    }
}

#[test]
fn a_source_dropped_while_a_task_waits_is_forgotten() {
    let mut executor = Executor::new();
    let (client, mut server) = executor.connection();
    let counter = Arc::new(Counter::default());
    let waker = Waker::from(counter.clone());
    {
        let _entered = executor.enter();
        let mut buf = [0; 4];
        let mut waiting = pin!(read(&mut server, &mut buf));
        let polled = waiting.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
    }
    client.try_write(b"x").unwrap();
    drop(server);
    assert_eq!(executor.handle().source_count(), 0);
    assert_eq!(executor.take_events(), 0);
    assert_eq!(counter.0.load(SeqCst), 0);
    // Nobody but the test holds the waker: it did not leak.
    drop(waker);
    assert_eq!(Arc::strong_count(&counter), 1);
}

#[test]
fn an_event_of_a_source_that_is_gone_concerns_nobody() {
    let mut executor = Executor::new();
    let (client, server) = executor.connection();
    let duplicate = std::os::fd::AsFd::as_fd(&server)
        .try_clone_to_owned()
        .unwrap();
    executor.block_on(server.writable()).unwrap();
    // The descriptor lives on in the duplicate, yet the source is deregistered.
    drop(server);
    client.try_write(b"x").unwrap();
    assert_eq!(executor.take_events(), 0);

    // The next source takes the place of the first and hears nothing of it.
    let (_other_client, other) = executor.connection();
    let mut waiting = pin!(other.readable());
    assert!(executor.poll_once(waiting.as_mut()).is_pending());
    executor.take_events();
    client.try_write(b"x").unwrap();
    executor.take_events();
    assert!(executor.poll_once(waiting.as_mut()).is_pending());
    drop(duplicate);
}

#[test]
fn after_shutdown_everybody_who_waits_gets_an_error() {
    let mut executor = Executor::new();
    let (_client, mut server) = executor.connection();
    let (_other_client, other) = executor.connection();
    let (client, _server) = std_connection(&executor);
    let counter = Arc::new(Counter::default());
    let waker = Waker::from(counter.clone());
    let mut cx = Context::from_waker(&waker);
    {
        let mut waiting = pin!(other.readable());
        let mut buf = [0; 4];
        let mut reading = pin!(read(&mut server, &mut buf));
        {
            let _entered = executor.enter();
            assert!(waiting.as_mut().poll(&mut cx).is_pending());
            assert!(reading.as_mut().poll(&mut cx).is_pending());
        }
        let handle = executor.handle().clone();
        handle.shutdown(&mut executor.batch);
        executor.batch.wake_all();
        assert_eq!(counter.0.load(SeqCst), 2);
        let errors = [
            executor.poll_once(waiting).map(Result::unwrap_err),
            executor.poll_once(reading).map(Result::unwrap_err),
        ];
        for error in errors {
            let Poll::Ready(error) = error else {
                panic!("nobody will wake this task any more")
            };
            assert_eq!(error.kind(), io::ErrorKind::Other);
            assert!(error.to_string().contains("it is being shutdown"));
        }
    }
    // A source that registers later is not left waiting either, and none is made any more.
    let Poll::Ready(error) = executor.poll_once(pin!(client.readable())) else {
        panic!("nobody will wake this task any more")
    };
    assert_eq!(error.unwrap_err().kind(), io::ErrorKind::Other);
    let error = {
        let _entered = executor.enter();
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        UdpSocket::from_std(socket).unwrap_err()
    };
    assert!(error.to_string().contains("it is being shutdown"));
    drop((server, other));
    assert_eq!(executor.handle().source_count(), 0);
}

#[test]
fn who_does_not_wait_needs_no_runtime() {
    let mut executor = Executor::new();
    let (client, server) = executor.connection();
    executor.block_on(async {
        client.writable().await.unwrap();
        client.try_write(b"early").unwrap();
        server.readable().await.unwrap();
    });
    let handle = executor.handle().clone();
    handle.shutdown(&mut executor.batch);
    executor.batch.wake_all();
    // What was known last is acted upon.
    assert_eq!(client.try_write(b"late").unwrap(), 4);
    let operated = client.try_io(Interest::WRITABLE, || Ok("operated"));
    assert_eq!(operated.unwrap(), "operated");
    assert_eq!(server.try_read(&mut [0; 16]).unwrap(), 9);
    for nothing in [server.try_read(&mut [0]), client.try_read(&mut [0])] {
        assert_eq!(nothing.unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}

/// A connection that is made without waiting.
fn std_connection(executor: &Executor) -> (TcpStream, std::net::TcpStream) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.set_nonblocking(true).unwrap();
    let (server, _) = listener.accept().unwrap();
    let _entered = executor.enter();
    (TcpStream::from_std(client).unwrap(), server)
}

#[test]
fn sockets_outlive_their_reactor() {
    let mut executor = Executor::new();
    let (client, server) = executor.connection();
    executor.block_on(client.writable()).unwrap();
    drop(executor);
    assert_eq!(client.try_write(b"late").unwrap(), 4);
    drop((client, server));
}

/// What a panic said.
fn panic_message(f: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(f)).unwrap_err();
    match panic.downcast::<String>() {
        Ok(message) => *message,
        Err(panic) => panic.downcast::<&str>().unwrap().to_string(),
    }
}

#[test]
fn making_a_socket_without_a_reactor_panics_with_the_remedy() {
    let listener = || {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        listener
    };
    let message = panic_message(|| drop(TcpListener::from_std(listener())));
    assert!(message.contains("within this runtime"), "{message}");
    let message = panic_message(|| {
        let bind = pin!(TcpListener::bind("127.0.0.1:0"));
        let _ = bind.poll(&mut Context::from_waker(Waker::noop()));
    });
    assert!(message.contains("within this runtime"), "{message}");

    let _entered = enter(CurrentReactor::Disabled);
    let message = panic_message(|| drop(TcpListener::from_std(listener())));
    assert!(message.contains("`enable_io`"), "{message}");
}

#[test]
fn waiting_costs_no_budget_and_progress_does() {
    use runtime_base::coop;

    let mut executor = Executor::new();
    let (client, mut server) = executor.connection();
    coop::with_budget(|| {
        for _ in 0..1_000 {
            let mut buf = [0; 1];
            assert!(
                executor
                    .poll_once(pin!(read(&mut server, &mut buf)))
                    .is_pending()
            );
            assert!(executor.poll_once(pin!(server.peek(&mut buf))).is_pending());
        }
        assert!(coop::has_budget_remaining());
    });
    assert_eq!(client.try_write(&[0; 1_000]).unwrap(), 1_000);
    executor.block_on(server.readable()).unwrap();
    let reads = coop::with_budget(|| {
        let mut reads = 0;
        while executor
            .poll_once(pin!(read(&mut server, &mut [0; 1])))
            .is_ready()
        {
            reads += 1;
        }
        reads
    });
    assert_eq!(reads, u32::from(coop::INITIAL));
}

#[test]
fn two_threads_that_block_at_the_same_time_register_once() {
    let mut executors = [Executor::new(), Executor::new()];
    // More than any buffer holds, should the peer's make room in the meantime.
    let much = vec![0; 32 << 20];
    for _ in 0..50 {
        let (_client, mut server) = executors[0].connection();
        // Nothing is registered yet, so this is the system's own answer.
        while server.try_write(&[0; 1 << 16]).is_ok() {}
        let barrier = Barrier::new(2);
        let (mut reader, mut writer) = server.split();
        std::thread::scope(|scope| {
            let [first, second] = &executors;
            scope.spawn(|| {
                barrier.wait();
                let mut buf = [0; 4];
                let polled = first.poll_once(pin!(read(&mut reader, &mut buf)));
                assert!(polled.is_pending());
            });
            barrier.wait();
            let polled = second.poll_once(pin!(write_all(&mut writer, &much)));
            assert!(polled.is_pending());
        });
        let count = executors
            .iter()
            .map(|executor| executor.handle().source_count())
            .sum::<usize>();
        assert_eq!(count, 1);
    }
}

#[test]
fn a_connection_that_is_given_up_leaves_nothing_behind() {
    let mut executor = Executor::new();
    let address = "127.0.0.1:0".parse().unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(address).unwrap();
    let address = socket.local_addr().unwrap();
    let _listener = {
        let _entered = executor.enter();
        socket.listen(0).unwrap()
    };
    // Nobody accepts, so soon one has to wait for its turn.
    let mut connected = Vec::new();
    let mut connecting = loop {
        assert!(connected.len() < 64, "a backlog of zero has no end");
        let mut connecting = Box::pin(TcpStream::connect(address));
        // The first poll is never the last.
        assert!(executor.poll_once(connecting.as_mut()).is_pending());
        match executor.poll_once(connecting.as_mut()) {
            Poll::Ready(stream) => connected.push(stream.unwrap()),
            Poll::Pending => break connecting,
        }
    };
    executor.take_events();
    assert!(executor.poll_once(connecting.as_mut()).is_pending());
    assert_eq!(executor.handle().source_count(), 1);
    drop(connecting);
    assert_eq!(executor.handle().source_count(), 0);
}

#[test]
fn a_source_may_be_tried_before_its_first_event() {
    let executor = Executor::new();
    let (stream, _peer) = std_connection(&executor);
    assert!(executor.poll_once(pin!(stream.readable())).is_pending());
    assert_eq!(executor.handle().source_count(), 1);
    // The event that says "writable" is still on its way; there is room all the same.
    assert_eq!(stream.try_write(b"early").unwrap(), 5);
}
