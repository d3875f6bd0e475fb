//! What servers do, each in a process of its own.

use std::collections::HashMap;
use std::future::pending;
use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper::{Request, Response};

use super::rt::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use super::rt::net::{TcpListener, TcpStream};
use super::rt::sync::Mutex;
use super::rt::{task, time};
use super::sockets::serve_echo;
use super::{build, for_hyper};
use crate::load::{HELLO, REQUEST, hash};
use crate::row::Flavour;
use crate::serving::Service;

/// Serves at `listener`, for ever.
pub fn serve(flavour: Flavour, service: Service, listener: StdListener) {
    let runtime = build(flavour);
    runtime.block_on(async move {
        let listener = TcpListener::from_std(listener).expect("cannot take over the listener");
        match service {
            Service::Echo(room) => drop(task::spawn(serve_echo(listener, room))),
            Service::Timeout => each(listener, with_timeout),
            Service::Hash => each(listener, hashed),
            Service::Hello => each(listener, hello),
            Service::Proxy => {
                let inner = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let address = inner.local_addr().unwrap();
                task::spawn(serve_echo(inner, 2 * REQUEST));
                each(listener, move |mut client| async move {
                    let mut server = TcpStream::connect(address).await.unwrap();
                    server.set_nodelay(true).unwrap();
                    // However it ends, the connection has ended.
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                });
            }
            Service::Mix => {
                let shared = Arc::new(Mutex::new(HashMap::new()));
                each(listener, move |stream| mix(stream, shared.clone()));
            }
        }
        pending::<()>().await;
    });
}

/// Gives each connection a task.
fn each<F>(listener: TcpListener, mut serve: impl FnMut(TcpStream) -> F + Send + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    task::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            task::spawn(serve(stream));
        }
    });
}

async fn with_timeout(mut stream: TcpStream) {
    let mut buffer = [0; 2 * REQUEST];
    while let Ok(Ok(length @ 1..)) =
        time::timeout(Duration::from_secs(30), stream.read(&mut buffer)).await
    {
        if stream.write_all(&buffer[..length]).await.is_err() {
            break;
        }
    }
}

async fn hashed(mut stream: TcpStream) {
    let mut buffer = [0; 16 * REQUEST];
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        // Requests may come several at a time.
        for _ in 0..length.div_ceil(REQUEST) {
            hash(&buffer[..REQUEST]);
        }
        if stream.write_all(&buffer[..length]).await.is_err() {
            break;
        }
    }
}

async fn hello(stream: TcpStream) {
    let (io, timer) = for_hyper(stream);
    // It ends with the connection, or with an error of it.
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(timer)
        .serve_connection(
            io,
            service_fn(|_: Request<hyper::body::Incoming>| async {
                Ok::<_, std::convert::Infallible>(Response::new(HELLO.to_owned()))
            }),
        )
        .await;
}

async fn mix(mut stream: TcpStream, shared: Arc<Mutex<HashMap<u64, u64>>>) {
    let mut buffer = [0; REQUEST];
    for number in 0_u64.. {
        if stream.read_exact(&mut buffer).await.is_err() {
            break;
        }
        match number % 4 {
            0 => time::sleep(Duration::from_millis(1)).await,
            1 => {
                let tasks: Vec<_> = (0..10)
                    .map(|number| task::spawn(async move { number }))
                    .collect();
                for task in tasks {
                    task.await.unwrap();
                }
            }
            2 => {
                let mut map = shared.lock().await;
                *map.entry(number % 100).or_default() += 1;
                task::yield_now().await;
            }
            _ => hash(&buffer),
        }
        if stream.write_all(&buffer).await.is_err() {
            break;
        }
    }
}
