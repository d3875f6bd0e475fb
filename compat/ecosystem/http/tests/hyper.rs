//! hyper and hyper-util: HTTP/1 and HTTP/2 on connections made by hand, the pooling client, upgrades
//! and graceful ends.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONNECTION, UPGRADE};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

type Failure = Box<dyn Error + Send + Sync>;
type Outcome = Result<(), Failure>;

/// Echoes the body, and upgrades whoever asks to a connection that sends everything back.
async fn serve(mut request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Failure> {
    if request.headers().contains_key(UPGRADE) {
        let upgrade = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            let mut stream = TokioIo::new(upgrade.await?);
            let mut word = [0; 4];
            stream.read_exact(&mut word).await?;
            stream.write_all(&word).await?;
            stream.shutdown().await?;
            Ok::<_, Failure>(())
        });
        let switching = Response::builder()
            .status(StatusCode::SWITCHING_PROTOCOLS)
            .header(CONNECTION, "upgrade")
            .header(UPGRADE, "echo");
        return Ok(switching.body(Full::default())?);
    }
    let body = request.into_body().collect().await?.to_bytes();
    Ok(Response::new(Full::new(body)))
}

/// A server for both versions of HTTP, which counts its connections.
struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Outcome>,
}

impl Server {
    async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let connections = Arc::new(AtomicUsize::new(0));
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(accept(listener, connections.clone(), stopped));
        Ok(Self {
            address,
            connections,
            stop,
            task,
        })
    }

    /// How many connections there were, when all of them have ended.
    async fn stop(self) -> Result<usize, Failure> {
        drop(self.stop);
        self.task.await??;
        Ok(self.connections.load(Ordering::Relaxed))
    }
}

async fn accept(
    listener: TcpListener,
    connections: Arc<AtomicUsize>,
    mut stopped: oneshot::Receiver<()>,
) -> Outcome {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(5));
    builder.http2().timer(TokioTimer::new());
    let graceful = GracefulShutdown::new();
    loop {
        let (stream, _) = tokio::select! {
            accepted = listener.accept() => accepted?,
            _ = &mut stopped => break,
        };
        connections.fetch_add(1, Ordering::Relaxed);
        let connection = builder
            .serve_connection_with_upgrades(TokioIo::new(stream), service_fn(serve))
            .into_owned();
        tokio::spawn(graceful.watch(connection));
    }
    tokio::time::timeout(Duration::from_secs(8), graceful.shutdown()).await?;
    Ok(())
}

#[tokio::test]
async fn one_http1_connection_carries_many_requests() -> Outcome {
    let server = Server::start().await?;
    let stream = TcpStream::connect(server.address).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    for number in 0..100 {
        let body = Full::new(Bytes::from(number.to_string()));
        sender.ready().await?;
        let answer = sender.send_request(Request::post("/").body(body)?).await?;
        let body = answer.into_body().collect().await?.to_bytes();
        assert_eq!(body, number.to_string());
    }
    drop(sender);
    driver.await??;
    assert_eq!(server.stop().await?, 1);
    Ok(())
}

async fn one_http2_connection_carries_requests_side_by_side() -> Outcome {
    let server = Server::start().await?;
    let stream = TcpStream::connect(server.address).await?;
    let (sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(1))
        .handshake(TokioIo::new(stream))
        .await?;
    let driver = tokio::spawn(connection);
    let mut requests = JoinSet::new();
    for number in 0..100u8 {
        let mut sender = sender.clone();
        requests.spawn(async move {
            let piece = Bytes::from(vec![number; 4096]);
            // More than the window of a stream: the answer is read while the request is written.
            let pieces = (0..32).map(move |_| Ok::<_, Infallible>(Frame::data(piece.clone())));
            let body = StreamBody::new(tokio_stream::iter(pieces)).boxed();
            let answer = sender.send_request(Request::post("/").body(body)?).await?;
            let body = answer.into_body().collect().await?.to_bytes();
            assert_eq!(body, vec![number; 32 * 4096]);
            Ok::<_, Failure>(())
        });
    }
    while let Some(done) = requests.join_next().await {
        done??;
    }
    drop(sender);
    driver.await??;
    assert_eq!(server.stop().await?, 1);
    Ok(())
}

#[tokio::test]
async fn one_http2_connection_carries_requests_side_by_side_on_one_thread() -> Outcome {
    one_http2_connection_carries_requests_side_by_side().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_http2_connection_carries_requests_side_by_side_on_two_threads() -> Outcome {
    one_http2_connection_carries_requests_side_by_side().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pooling_client_keeps_its_connection() -> Outcome {
    let server = Server::start().await?;
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(Duration::from_secs(30))
        .build(connector);
    for _ in 0..50 {
        // A name, so that the resolver takes part.
        let url = format!("http://localhost:{}/", server.address.port());
        let answer = client
            .request(Request::post(url).body(Full::new(Bytes::from_static(b"again")))?)
            .await?;
        let body = answer.into_body().collect().await?.to_bytes();
        assert_eq!(body, "again");
    }
    drop(client);
    // A request that comes before the connection is back in the pool opens another.
    let connections = server.stop().await?;
    assert!(
        connections <= 10,
        "{connections} connections for 50 requests"
    );
    Ok(())
}

#[tokio::test]
async fn a_connection_is_upgraded() -> Outcome {
    let server = Server::start().await?;
    let stream = TcpStream::connect(server.address).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection.with_upgrades());
    let request = Request::get("/")
        .header(CONNECTION, "upgrade")
        .header(UPGRADE, "echo");
    let answer = sender
        .send_request(request.body(Empty::<Bytes>::new())?)
        .await?;
    assert_eq!(answer.status(), StatusCode::SWITCHING_PROTOCOLS);
    let mut stream = TokioIo::new(hyper::upgrade::on(answer).await?);
    stream.write_all(b"word").await?;
    let mut echoed = String::new();
    stream.read_to_string(&mut echoed).await?;
    assert_eq!(echoed, "word");
    server.stop().await?;
    Ok(())
}
