//! Libraries of others on our sockets: hyper, and the I/O traits of `futures` and of Tokio.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use runtime::futures_io::{FromFutures, IntoFutures};
use runtime::hyper::{HyperIo, HyperTimer};
use runtime::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use runtime::net::{TcpListener, TcpStream};
use runtime::tokio_io::{FromTokio, IntoTokio};
use tests::each_runtime;

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let server = listener.accept().await.unwrap().0;
    // Small pieces must not wait for acknowledgements.
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    (client, server)
}

/// Answers with the path and the body of the question.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let mut text = path.into_bytes();
    text.extend_from_slice(&body);
    Ok(Response::new(Full::new(Bytes::from(text))))
}

/// Serves one connection, whose requests may take `patience` to begin.
fn serve(
    stream: TcpStream,
    patience: Duration,
) -> runtime::task::JoinHandle<Result<(), hyper::Error>> {
    runtime::spawn(
        hyper::server::conn::http1::Builder::new()
            .timer(HyperTimer::new())
            .header_read_timeout(patience)
            .serve_connection(HyperIo::new(stream), service_fn(answer)),
    )
}

#[test]
fn hyper_serves_and_asks_on_our_sockets() {
    each_runtime(|runtime| {
        let task = runtime.spawn(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let server = runtime::spawn(async move {
                loop {
                    // A busy machine lets connections rest for a while.
                    serve(listener.accept().await.unwrap().0, Duration::from_secs(60));
                }
            });
            let clients: Vec<_> = (0..10)
                .map(|client| {
                    runtime::spawn(async move {
                        let stream = TcpStream::connect(address).await.unwrap();
                        let (mut sender, connection) =
                            hyper::client::conn::http1::handshake(HyperIo::new(stream))
                                .await
                                .unwrap();
                        let connection = runtime::spawn(connection);
                        for number in 0..10 {
                            // From nothing to more than any buffer.
                            let body = vec![b'x'; number * 30_000];
                            let request = Request::post(format!("/{client}/{number}"))
                                .header("host", "localhost")
                                .body(Full::new(Bytes::from(body.clone())))
                                .unwrap();
                            let response = sender.send_request(request).await.unwrap();
                            assert_eq!(response.status(), StatusCode::OK);
                            let text = response.into_body().collect().await.unwrap().to_bytes();
                            let mut expected = format!("/{client}/{number}").into_bytes();
                            expected.extend(body);
                            assert!(text == expected);
                        }
                        drop(sender);
                        connection.await.unwrap().unwrap();
                    })
                })
                .collect();
            for client in clients {
                client.await.unwrap();
            }
            server.abort();
        });
        runtime.block_on(task).unwrap();
    });
}

#[test]
fn hyper_measures_its_timeouts_with_our_timers() {
    each_runtime(|runtime| {
        let task = runtime.spawn(async {
            let (mut client, server) = pair().await;
            let served = serve(server, Duration::from_millis(50));
            client
                .write_all(b"GET / HTTP/1.1\r\nhost: half a head")
                .await
                .unwrap();
            assert!(served.await.unwrap().unwrap_err().is_timeout());
            let mut rest = Vec::new();
            client.read_to_end(&mut rest).await.unwrap();
        });
        runtime.block_on(task).unwrap();
    });
}

#[test]
fn hyper_notices_a_client_that_goes_in_the_middle() {
    each_runtime(|runtime| {
        let task = runtime.spawn(async {
            let (mut client, server) = pair().await;
            let served = serve(server, Duration::from_millis(50));
            let head = b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\nhalf";
            client.write_all(head).await.unwrap();
            drop(client);
            // The handler cannot read the body, and panics; that stays in its task.
            assert!(served.await.is_err());
        });
        runtime.block_on(task).unwrap();
    });
}

/// What a library that knows only the traits of `futures` would do.
async fn echo_futures<S>(mut stream: S)
where
    S: futures_io::AsyncRead + futures_io::AsyncWrite + Unpin,
{
    let mut buf = [0; 100];
    loop {
        let n = std::future::poll_fn(|cx| Pin::new(&mut stream).poll_read(cx, &mut buf))
            .await
            .unwrap();
        if n == 0 {
            return std::future::poll_fn(|cx| Pin::new(&mut stream).poll_close(cx))
                .await
                .unwrap();
        }
        let mut written = 0;
        while written < n {
            let rest = &buf[written..n];
            written += std::future::poll_fn(|cx| Pin::new(&mut stream).poll_write(cx, rest))
                .await
                .unwrap();
        }
        std::future::poll_fn(|cx| Pin::new(&mut stream).poll_flush(cx))
            .await
            .unwrap();
    }
}

/// The same with the traits of Tokio.
async fn echo_tokio<S>(mut stream: S)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let mut memory = [std::mem::MaybeUninit::uninit(); 100];
    loop {
        let mut buf = tokio::io::ReadBuf::uninit(&mut memory);
        let read = |cx: &mut Context<'_>| -> Poll<std::io::Result<()>> {
            Pin::new(&mut stream).poll_read(cx, &mut buf)
        };
        std::future::poll_fn(read).await.unwrap();
        if buf.filled().is_empty() {
            return std::future::poll_fn(|cx| Pin::new(&mut stream).poll_shutdown(cx))
                .await
                .unwrap();
        }
        let mut rest = buf.filled();
        while !rest.is_empty() {
            let n = std::future::poll_fn(|cx| Pin::new(&mut stream).poll_write(cx, rest))
                .await
                .unwrap();
            rest = &rest[n..];
        }
        std::future::poll_fn(|cx| Pin::new(&mut stream).poll_flush(cx))
            .await
            .unwrap();
    }
}

/// Sends lines and expects them back.
async fn converse<S>(mut stream: S)
where
    S: runtime::io::AsyncRead + runtime::io::AsyncWrite + Unpin,
{
    for number in 0..50 {
        let line = format!("line {number} {}\n", "x".repeat(number * 20));
        stream.write_all(line.as_bytes()).await.unwrap();
        let mut buf = vec![0; line.len()];
        stream.read_exact(&mut buf).await.unwrap();
        assert_eq!(buf, line.as_bytes());
    }
    stream.shutdown().await.unwrap();
    assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0);
}

#[test]
fn libraries_that_know_other_traits_talk_through_our_sockets() {
    each_runtime(|runtime| {
        let task = runtime.spawn(async {
            let (client, server) = pair().await;
            let echo = runtime::spawn(echo_futures(IntoFutures::new(server)));
            // There and back: the wrapper of the wrapper is a stream of ours again.
            converse(FromFutures::new(IntoFutures::new(client))).await;
            echo.await.unwrap();

            let (client, server) = pair().await;
            let echo = runtime::spawn(echo_tokio(IntoTokio::new(server)));
            converse(FromTokio::new(IntoTokio::new(client))).await;
            echo.await.unwrap();

            let (client, server) = pair().await;
            let echo = runtime::spawn(echo_futures(IntoFutures::new(FromTokio::new(
                IntoTokio::new(server),
            ))));
            converse(client).await;
            echo.await.unwrap();
        });
        runtime.block_on(task).unwrap();
    });
}

#[test]
fn a_buffered_reader_goes_around_a_wrapper() {
    each_runtime(|runtime| {
        let task = runtime.spawn(async {
            let (mut client, server) = pair().await;
            client.write_all(b"one\ntwo\r\nthree").await.unwrap();
            drop(client);
            let mut lines = BufReader::new(FromTokio::new(IntoTokio::new(server))).lines();
            let mut seen = Vec::new();
            while let Some(line) = lines.next_line().await.unwrap() {
                seen.push(line);
            }
            assert_eq!(seen, ["one", "two", "three"]);
        });
        runtime.block_on(task).unwrap();
    });
}
