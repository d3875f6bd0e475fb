//! tonic, both ends: single calls, streams in each direction, deadlines, and calls that are dropped.

use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use messages::Number;
use numbers_client::NumbersClient;
use numbers_server::{Numbers, NumbersServer};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tokio_stream::{Stream, StreamExt};
use tonic::transport::{Channel, Server};
use tonic::{Code, Request, Response, Status, Streaming};

tonic::include_proto!("ecosystem.Numbers");

mod messages {
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Number {
        #[prost(uint64, tag = "1")]
        pub value: u64,
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Outcome = Result<(), Failure>;

fn number(value: u64) -> Number {
    Number { value }
}

/// The service; it tells when somebody who counted for ever has gone.
struct Calculator {
    gone: mpsc::UnboundedSender<()>,
}

#[tonic::async_trait]
impl Numbers for Calculator {
    async fn double(&self, request: Request<Number>) -> Result<Response<Number>, Status> {
        let value = request.into_inner().value;
        let doubled = value.checked_mul(2);
        let doubled = doubled.ok_or_else(|| Status::out_of_range("too large to double"))?;
        Ok(Response::new(number(doubled)))
    }

    type CountStream = ReceiverStream<Result<Number, Status>>;

    /// Counts to the number, or for ever if that is 0.
    async fn count(&self, request: Request<Number>) -> Result<Response<Self::CountStream>, Status> {
        let end = request.into_inner().value;
        let (sender, receiver) = mpsc::channel(4);
        let gone = self.gone.clone();
        tokio::spawn(async move {
            for value in 1.. {
                if sender.send(Ok(number(value))).await.is_err() {
                    gone.send(()).ok();
                    break;
                }
                if value == end {
                    break;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn add(&self, request: Request<Streaming<Number>>) -> Result<Response<Number>, Status> {
        let mut numbers = request.into_inner();
        let mut sum = 0;
        while let Some(number) = numbers.message().await? {
            sum += number.value;
        }
        Ok(Response::new(number(sum)))
    }

    type SquaresStream = Pin<Box<dyn Stream<Item = Result<Number, Status>> + Send>>;

    async fn squares(
        &self,
        request: Request<Streaming<Number>>,
    ) -> Result<Response<Self::SquaresStream>, Status> {
        let squares = request
            .into_inner()
            .map(|item| item.map(|Number { value }| number(value * value)));
        Ok(Response::new(Box::pin(squares)))
    }
}

struct Running {
    address: SocketAddr,
    gone: mpsc::UnboundedReceiver<()>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), tonic::transport::Error>>,
}

impl Running {
    async fn start() -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (sender, gone) = mpsc::unbounded_channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = Server::builder()
            .add_service(NumbersServer::new(Calculator { gone: sender }))
            .serve_with_incoming_shutdown(TcpListenerStream::new(listener), async {
                drop(stopped.await);
            });
        Ok(Self {
            address,
            gone,
            stop,
            task: tokio::spawn(server),
        })
    }

    async fn client(&self) -> Result<NumbersClient<Channel>, Failure> {
        Ok(NumbersClient::connect(format!("http://{}", self.address)).await?)
    }

    async fn stop(self) -> Outcome {
        drop(self.stop);
        Ok(self.task.await??)
    }
}

async fn calls_and_streams_are_answered() -> Outcome {
    let server = Running::start().await?;
    let mut client = server.client().await?;

    assert_eq!(client.double(number(21)).await?.into_inner(), number(42));
    let refused = client.double(number(u64::MAX)).await.unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange);
    assert_eq!(refused.message(), "too large to double");

    let mut counted = client.count(number(1000)).await?.into_inner();
    for expected in 1..=1000 {
        assert_eq!(counted.message().await?, Some(number(expected)));
    }
    assert_eq!(counted.message().await?, None);

    let terms = tokio_stream::iter((1..=1000).map(number));
    assert_eq!(client.add(terms).await?.into_inner(), number(500_500));

    // One number at a time, each sent when the last has come back.
    let (sender, receiver) = mpsc::channel(1);
    let squares = client.squares(ReceiverStream::new(receiver)).await?;
    let mut squares = squares.into_inner();
    for value in 0..100 {
        sender.send(number(value)).await?;
        assert_eq!(squares.message().await?, Some(number(value * value)));
    }
    drop(sender);
    assert_eq!(squares.message().await?, None);

    drop(client);
    server.stop().await
}

#[tokio::test]
async fn calls_and_streams_are_answered_on_one_thread() -> Outcome {
    calls_and_streams_are_answered().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_and_streams_are_answered_on_two_threads() -> Outcome {
    calls_and_streams_are_answered().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_calls_share_one_connection() -> Outcome {
    let server = Running::start().await?;
    let client = server.client().await?;
    let mut calls = JoinSet::new();
    for value in 0..500 {
        let mut client = client.clone();
        calls.spawn(async move {
            let doubled = client.double(number(value)).await?.into_inner();
            assert_eq!(doubled, number(value * 2));
            Ok::<_, Status>(())
        });
    }
    while let Some(done) = calls.join_next().await {
        done??;
    }
    drop(client);
    server.stop().await
}

#[tokio::test]
async fn a_call_ends_at_its_deadline_and_a_dropped_stream_is_noticed() -> Outcome {
    let mut server = Running::start().await?;
    let mut client = server.client().await?;

    let (_sender, receiver) = mpsc::channel(1);
    let mut request = Request::new(ReceiverStream::new(receiver));
    request.set_timeout(Duration::from_millis(50));
    let late = client.add(request).await.unwrap_err();
    assert!(matches!(
        late.code(),
        Code::Cancelled | Code::DeadlineExceeded
    ));

    let mut endless = client.count(number(0)).await?.into_inner();
    assert_eq!(endless.message().await?, Some(number(1)));
    drop(endless);
    assert_eq!(server.gone.recv().await, Some(()));

    drop(client);
    server.stop().await
}
