//! Several workers, one reactor: somebody waits for the system's events as long as anybody is idle.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream as OtherStream};
use std::sync::mpsc::{Receiver, channel};

use runtime::io::{AsyncReadExt, AsyncWriteExt};
use runtime::net::{TcpListener, TcpStream};
use runtime::{Builder, Runtime};
use tests::within_limit;

/// Two workers that share a reactor, and nobody who takes over from one that is held up.
fn without_rescue() -> Builder {
    let mut builder = Builder::new_multi_thread();
    builder
        .worker_threads(2)
        .enable_all()
        .stall_rescue_after(None)
        .on_stall(|_| {});
    builder
}

/// Serves one connection.
fn serve<F>(runtime: &Runtime, serve: impl FnOnce(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        serve(stream).await;
    });
    address
}

async fn echo(mut stream: TcpStream) {
    let mut byte = [0];
    while stream.read_exact(&mut byte).await.is_ok() {
        stream.write_all(&byte).await.unwrap();
    }
}

fn ask(stream: &mut OtherStream) {
    stream.write_all(b"x").unwrap();
    stream.read_exact(&mut [0]).unwrap();
}

/// Blocks the worker that got the event of a socket, which was the one in the reactor.
fn block_the_one_who_waits(
    runtime: &Runtime,
    work: impl FnOnce(Receiver<()>) + Send + 'static,
    meanwhile: impl FnOnce(),
) {
    let (entered, was_entered) = channel();
    let (open, opened) = channel();
    let address = serve(runtime, move |mut stream| async move {
        stream.read_exact(&mut [0]).await.unwrap();
        entered.send(()).unwrap();
        work(opened);
    });
    let mut blocks = OtherStream::connect(address).unwrap();
    blocks.write_all(b"x").unwrap();
    was_entered.recv().unwrap();
    meanwhile();
    open.send(()).unwrap();
}

/// Asks a server while the worker does `work` that got an event, several times.
fn ask_during(runtime: &Runtime, work: fn(Receiver<()>)) {
    let mut client = OtherStream::connect(serve(runtime, echo)).unwrap();
    ask(&mut client);
    for _ in 0..5 {
        block_the_one_who_waits(runtime, work, || ask(&mut client));
    }
}

fn block(opened: Receiver<()>) {
    opened.recv().unwrap();
}

#[test]
fn an_idle_worker_waits_for_the_events_of_one_that_is_held_up() {
    within_limit(|| ask_during(&without_rescue().build().unwrap(), block));
}

#[test]
fn an_idle_worker_waits_for_the_events_of_one_that_blocks_in_place() {
    within_limit(|| {
        ask_during(&without_rescue().build().unwrap(), |opened| {
            runtime::task::block_in_place(|| block(opened));
        });
    });
}

#[test]
fn who_asks_for_it_has_the_events_waited_for_before_a_task_is_run() {
    within_limit(|| {
        // Nobody would notice that a worker is held up.
        let runtime = without_rescue()
            .stall_report_after(None)
            .enable_eager_driver_handoff()
            .build()
            .unwrap();
        ask_during(&runtime, block);
    });
}

/// More workers than share one reactor.
#[test]
fn sockets_of_all_reactors_are_served() {
    within_limit(|| {
        let runtime = Builder::new_multi_thread()
            .worker_threads(20)
            .enable_all()
            .build()
            .unwrap();
        let addresses: Vec<_> = (0..40).map(|_| serve(&runtime, echo)).collect();
        let mut clients: Vec<_> = addresses
            .into_iter()
            .map(|address| OtherStream::connect(address).unwrap())
            .collect();
        for _ in 0..20 {
            clients.iter_mut().for_each(ask);
        }
        let registered = runtime.metrics().io_driver_fd_registered_count();
        let released = runtime.metrics().io_driver_fd_deregistered_count();
        // The listeners may be gone.
        assert!(registered - released >= 40, "{registered} {released}");
    });
}
