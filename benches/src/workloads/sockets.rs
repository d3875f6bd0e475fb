//! Servers on loopback. The clients are threads that know neither runtime.

use std::time::Duration;

use super::rt::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use super::rt::net::TcpListener;
use super::rt::runtime::Runtime;
use super::rt::sync::oneshot;
use super::rt::task;
use crate::load::{Crew, Visitor};
use crate::row::{Cost, Workload};

/// An echo server whose connections have a buffer of `room` bytes each.
pub(super) async fn serve_echo(listener: TcpListener, room: usize) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        task::spawn(echo_back(stream, room));
    }
}

/// The loop of every echo server.
pub(super) async fn echo_back(mut stream: impl AsyncRead + AsyncWrite + Unpin, room: usize) {
    let mut buffer = vec![0; room];
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        if stream.write_all(&buffer[..length]).await.is_err() {
            break;
        }
    }
}

/// Two threads open connections; each is given a task that closes it.
pub(super) fn accept_close(runtime: Runtime) -> Workload {
    const CLIENTS: usize = 2;
    const VISITS: u64 = 10;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            task::spawn(async move { drop(stream) });
        }
    });
    let crew = Crew::new(CLIENTS, |_| {
        move |times| Visitor::new(address).visit(times * VISITS)
    });
    Workload::new(CLIENTS as u64 * VISITS, move |iterations| {
        serve(&runtime, &crew, iterations)
    })
}

/// Lets the clients work, and the runtime serve them until they are done.
pub(super) fn serve(runtime: &Runtime, crew: &Crew, amount: u64) -> Cost {
    let (sender, done) = oneshot::channel::<Duration>();
    crew.begin(amount, move |elapsed| {
        let _ = sender.send(elapsed);
    });
    Cost::Time(runtime.block_on(done).unwrap())
}
