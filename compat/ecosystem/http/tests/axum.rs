//! axum behind the layers of tower-http, on a real socket, with reqwest as its client.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::sse::{Event, Sse};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Sum {
    terms: Vec<u64>,
    total: Option<u64>,
}

/// Adds on a thread of the blocking pool, as a program would that has real work to do.
async fn add(Json(mut sum): Json<Sum>) -> Json<Sum> {
    let added = tokio::task::spawn_blocking(move || {
        sum.total = Some(sum.terms.iter().sum());
        sum
    });
    Json(added.await.expect("adding does not panic"))
}

async fn count(Path(end): Path<u32>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let numbers =
        tokio_stream::StreamExt::throttle(tokio_stream::iter(0..end), Duration::from_millis(1));
    Sse::new(numbers.map(|number| Ok(Event::default().data(number.to_string()))))
}

/// Takes a permit, which tells that it has begun, and answers when it has another.
async fn wait(State(permits): State<Arc<Semaphore>>) -> &'static str {
    for _ in 0..2 {
        let permit = permits.acquire().await;
        permit.expect("it is never closed").forget();
    }
    "waited"
}

fn routes(permits: Arc<Semaphore>) -> Router {
    Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/add", post(add))
        .route("/count/{end}", get(count))
        .route("/echo", post(|body: Bytes| async { body }))
        .route("/panic", get(|| async { panic!("on purpose") as &str }))
        .route("/wait", get(wait))
        .with_state(permits)
        .layer(RequestBodyLimitLayer::new(1 << 20))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::GATEWAY_TIMEOUT,
            Duration::from_millis(500),
        ))
        .layer(SetResponseHeaderLayer::overriding(
            header::SERVER,
            HeaderValue::from_static("ecosystem"),
        ))
        .layer(CatchPanicLayer::new())
}

/// A server that runs until `stop`.
struct Server {
    address: SocketAddr,
    permits: Arc<Semaphore>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Server {
    async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let permits = Arc::new(Semaphore::new(0));
        let (stop, stopped) = oneshot::channel();
        let app = routes(permits.clone());
        let task = tokio::spawn(async move {
            axum::serve(listener, app)
                .with_graceful_shutdown(async { drop(stopped.await) })
                .await
        });
        Ok(Self {
            address,
            permits,
            stop,
            task,
        })
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn stop(self) -> Outcome {
        drop(self.stop);
        Ok(self.task.await??)
    }
}

async fn answers_requests_of_every_kind() -> Outcome {
    let server = Server::start().await?;
    let client = reqwest::Client::new();

    let hello = client.get(server.url("/")).send().await?;
    assert_eq!(hello.headers()["server"], "ecosystem");
    assert_eq!(hello.text().await?, "hello");

    let sum = Sum {
        terms: (1..=100).collect(),
        total: None,
    };
    let added: Sum = client
        .post(server.url("/add"))
        .json(&sum)
        .send()
        .await?
        .json()
        .await?;
    assert_eq!(added.total, Some(5050));

    let missing = client.get(server.url("/nowhere")).send().await?;
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    let panicked = client.get(server.url("/panic")).send().await?;
    assert_eq!(panicked.status(), StatusCode::INTERNAL_SERVER_ERROR);

    let large = vec![7; (1 << 20) + 1];
    let refused = client.post(server.url("/echo")).body(large).send().await?;
    assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);

    drop(client);
    server.stop().await
}

#[tokio::test]
async fn answers_requests_of_every_kind_on_one_thread() -> Outcome {
    answers_requests_of_every_kind().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_requests_of_every_kind_on_two_threads() -> Outcome {
    answers_requests_of_every_kind().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_stream_both_ways() -> Outcome {
    let server = Server::start().await?;
    let client = reqwest::Client::new();

    let pieces = (0..64u8).map(|piece| Ok::<_, Infallible>(vec![piece; 4096]));
    let body = reqwest::Body::wrap_stream(tokio_stream::iter(pieces));
    let echoed = client.post(server.url("/echo")).body(body).send().await?;
    let mut chunks = echoed.bytes_stream();
    let mut received = Vec::new();
    while let Some(chunk) = chunks.next().await {
        received.extend_from_slice(&chunk?);
    }
    let expected: Vec<u8> = (0..64u8).flat_map(|piece| [piece; 4096]).collect();
    assert_eq!(received, expected);

    let events = client.get(server.url("/count/20")).send().await?;
    let expected: String = (0..20)
        .map(|number| format!("data: {number}\n\n"))
        .collect();
    assert_eq!(events.text().await?, expected);

    drop(client);
    server.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_requests_of_fifty_clients_are_answered() -> Outcome {
    let server = Server::start().await?;
    let client = reqwest::Client::new();
    let mut clients = JoinSet::new();
    for number in 0..50u64 {
        let (client, url) = (client.clone(), server.url("/add"));
        clients.spawn(async move {
            for term in 0..20 {
                let sum = Sum {
                    terms: vec![number, term],
                    total: None,
                };
                let added: Sum = client.post(&url).json(&sum).send().await?.json().await?;
                assert_eq!(added.total, Some(number + term));
            }
            Ok::<_, reqwest::Error>(())
        });
    }
    while let Some(done) = clients.join_next().await {
        done??;
    }
    drop(client);
    server.stop().await
}

#[tokio::test]
async fn slow_answers_are_given_up_on_both_sides() -> Outcome {
    let server = Server::start().await?;
    let client = reqwest::Client::new();

    let late = client.get(server.url("/wait")).send().await?;
    assert_eq!(late.status(), StatusCode::GATEWAY_TIMEOUT);

    let impatient = client
        .get(server.url("/wait"))
        .timeout(Duration::from_millis(20));
    assert!(impatient.send().await.unwrap_err().is_timeout());

    drop(client);
    server.stop().await
}

#[tokio::test]
async fn a_graceful_end_waits_for_the_request_that_runs() -> Outcome {
    let server = Server::start().await?;
    let client = reqwest::Client::new();
    let (permits, url) = (server.permits.clone(), server.url("/"));

    let request = tokio::spawn(client.get(server.url("/wait")).send());
    permits.add_permits(1);
    while permits.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    drop(server.stop);
    // Nobody is let in any more.
    while client.get(&url).send().await.is_ok() {}
    assert!(!server.task.is_finished());
    permits.add_permits(1);
    assert_eq!(request.await??.text().await?, "waited");
    drop(client);
    server.task.await??;
    Ok(())
}
