//! Sentences that programs, and their tests, look for.

use std::io;
use std::time::Duration;

use runtime::io::{AsyncReadExt, BufReader, BufStream, duplex, split};
use runtime::net::{TcpListener, UnixSocket};
use runtime::runtime::{Builder, Handle, UnhandledPanic};
use runtime::sync::{RwLock, Semaphore, SetOnce, broadcast, mpsc, oneshot};
use runtime::time;
use tests::{Panic, panic_of, within_limit};

fn current_thread() -> runtime::Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[track_caller]
fn begins(panic: Panic, sentence: &str) {
    assert!(panic.message.starts_with(sentence), "{panic:?}");
}

#[test]
fn panics_outside_of_a_runtime_begin_with_the_known_sentence() {
    let sentence =
        "there is no reactor running, must be called from the context of a Tokio 1.x runtime";
    begins(panic_of(|| drop(runtime::spawn(async {}))), sentence);
    begins(panic_of(Handle::current), sentence);
    begins(panic_of(|| drop(time::sleep(Duration::ZERO))), sentence);
    begins(
        panic_of(|| drop(runtime::task::spawn_blocking(|| ()))),
        sentence,
    );
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    begins(panic_of(|| TcpListener::from_std(listener)), sentence);
    assert_eq!(Handle::try_current().unwrap_err().to_string(), sentence);
    begins(
        panic_of(time::pause),
        "time cannot be frozen from outside the Tokio runtime",
    );
}

#[test]
fn panics_in_a_runtime_that_lacks_a_part_name_the_builders_method() {
    within_limit(|| {
        let bare = Builder::new_current_thread().build().unwrap();
        let panic = panic_of(|| bare.block_on(async { time::sleep(Duration::ZERO).await }));
        begins(
            panic,
            "A Tokio 1.x context was found, but timers are disabled. Call `enable_time` on the \
             runtime builder to enable timers.",
        );
        let bind = TcpListener::bind("127.0.0.1:0");
        let panic = panic_of(|| bare.block_on(bind).map(drop));
        begins(
            panic,
            "A Tokio 1.x context was found, but IO is disabled. Call `enable_io` on the runtime \
             builder to enable IO.",
        );
        let runtime = current_thread();
        let sleep = {
            let _entered = runtime.enter();
            time::sleep(Duration::from_secs(1))
        };
        let handle = runtime.handle().clone();
        drop(runtime);
        let panic = panic_of(|| handle.block_on(sleep));
        begins(
            panic,
            "A Tokio 1.x context was found, but it is being shutdown.",
        );
    });
}

#[test]
fn panics_of_the_clock_speak_of_frozen_time() {
    within_limit(|| {
        let again = || {
            current_thread().block_on(async {
                time::pause();
                time::pause();
            })
        };
        begins(panic_of(again), "time is already frozen");
        let resume = || current_thread().block_on(async { time::resume() });
        begins(panic_of(resume), "time is not frozen");
        let advance = || current_thread().block_on(time::advance(Duration::ZERO));
        begins(panic_of(advance), "time is not frozen");
        let several = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_time()
            .build();
        let several = several.unwrap();
        let panic = panic_of(|| several.block_on(async { time::pause() }));
        begins(
            panic,
            "`time::pause()` requires the `current_thread` Tokio runtime",
        );
    });
}

#[test]
fn panics_for_sizes_of_zero_name_the_argument() {
    let capacity = "capacity must be greater than zero";
    begins(panic_of(|| BufReader::with_capacity(0, &b""[..])), capacity);
    begins(
        panic_of(|| BufStream::with_capacity(0, 1, duplex(1).0)),
        capacity,
    );
    begins(
        panic_of(|| duplex(0)),
        "`max_buf_size` must be greater than 0",
    );
    begins(
        panic_of(|| mpsc::channel::<u8>(0)),
        "mpsc bounded channel requires buffer > 0",
    );
    begins(
        panic_of(|| broadcast::channel::<u8>(0)),
        "broadcast channel capacity cannot be zero",
    );
    begins(
        panic_of(|| RwLock::with_max_readers(1, 0)),
        "a RwLock may not be created with 0 readers",
    );
    within_limit(|| {
        let copy = |there, back| {
            let (mut a, mut b) = (duplex(1).0, duplex(1).0);
            let copying = runtime::io::copy_bidirectional_with_sizes(&mut a, &mut b, there, back);
            panic_of(|| current_thread().block_on(copying).map(drop))
        };
        begins(copy(0, 1), "`a_to_b_buf_size` must be greater than 0");
        begins(copy(1, 0), "`b_to_a_buf_size` must be greater than 0");
    });
    let mut builder = Builder::new_multi_thread();
    begins(
        panic_of(|| {
            builder.name(" ");
        }),
        "runtime name shouldn't be empty",
    );
    begins(
        panic_of(|| {
            builder.max_io_events_per_tick(0);
        }),
        "max_io_events_per_tick must be non-zero",
    );
    begins(
        panic_of(|| {
            builder.unhandled_panic(UnhandledPanic::ShutdownRuntime);
        }),
        "UnhandledPanic::ShutdownRuntime is only supported in current thread runtime",
    );
}

#[test]
fn panics_for_what_does_not_belong_together_say_so() {
    let (one, other) = (Semaphore::new(1), Semaphore::new(1));
    let mut permit = one.try_acquire().unwrap();
    let foreign = other.try_acquire().unwrap();
    begins(
        panic_of(|| permit.merge(foreign)),
        "merging permits from different semaphore instances",
    );
    let full = Semaphore::new(Semaphore::MAX_PERMITS);
    begins(
        panic_of(|| full.add_permits(1)),
        "number of added permits (1) would overflow",
    );
    let (reader, _) = split(duplex(1).0);
    let (_, writer) = split(duplex(1).0);
    begins(
        panic_of(|| reader.unsplit(writer)),
        "Unrelated `split::Write` passed to `split::Read::unsplit`",
    );
    within_limit(|| {
        let (sender, mut receiver) = oneshot::channel();
        sender.send(1).unwrap();
        let runtime = current_thread();
        runtime.block_on(async { (&mut receiver).await.unwrap() });
        let panic = panic_of(|| runtime.block_on(async { (&mut receiver).await.map(drop) }));
        begins(panic, "called after complete");
    });
}

#[test]
fn errors_read_as_they_always_did() {
    within_limit(|| {
        current_thread().block_on(async {
            let elapsed = time::timeout(Duration::ZERO, std::future::pending::<()>()).await;
            assert_eq!(
                io::Error::from(elapsed.unwrap_err()).to_string(),
                "timed out"
            );
            let early = (&b"a"[..]).read_u16().await.unwrap_err();
            assert_eq!(early.to_string(), "unexpected end of file");
            let socket = UnixSocket::new_datagram().unwrap();
            let error = socket.connect("/nowhere").await.unwrap_err();
            assert_eq!(
                error.to_string(),
                "connect cannot be called on a datagram socket"
            );
            let file = runtime::fs::File::open("/dev/null").await.unwrap();
            assert!(format!("{file:?}").starts_with("tokio::fs::File { std: File {"));
        });
    });
    let (sender, receiver) = mpsc::channel(1);
    sender.try_send(1).unwrap();
    assert_eq!(
        format!("{:?}", sender.try_send(2).unwrap_err()),
        "\"Full(..)\""
    );
    drop(receiver);
    assert_eq!(
        format!("{:?}", sender.try_send(2).unwrap_err()),
        "\"Closed(..)\""
    );
    assert_eq!(format!("{:?}", sender.downgrade()), "WeakSender");
    assert_eq!(
        format!("{:?}", broadcast::channel::<u8>(1).0),
        "broadcast::Sender"
    );
    let twice = SetOnce::new_with(Some(1)).set(2).unwrap_err();
    assert_eq!(twice.to_string(), "SetOnceError");
}
