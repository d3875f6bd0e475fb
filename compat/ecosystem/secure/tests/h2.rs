//! h2 without anything above it, both ends on plain TCP: streams, windows, resets and the goodbye.

use std::error::Error;
use std::future::poll_fn;

use bytes::Bytes;
use h2::client::SendRequest;
use h2::{Reason, RecvStream, SendStream, client, server};
use http::{Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

type Failure = Box<dyn Error + Send + Sync>;
type Outcome = Result<(), Failure>;

/// Sends as much at a time as the window of the other end allows.
async fn send(stream: &mut SendStream<Bytes>, mut body: Bytes) -> Result<(), h2::Error> {
    while !body.is_empty() {
        stream.reserve_capacity(body.len());
        let Some(capacity) = poll_fn(|context| stream.poll_capacity(context)).await else {
            return Err(Reason::CANCEL.into());
        };
        let piece = body.split_to(capacity?.min(body.len()));
        stream.send_data(piece, false)?;
    }
    stream.send_data(Bytes::new(), true)
}

/// Reads all of a body, and makes the window as wide again as it was.
async fn receive(stream: &mut RecvStream) -> Result<Vec<u8>, h2::Error> {
    let mut body = Vec::new();
    while let Some(piece) = stream.data().await {
        let piece = piece?;
        stream.flow_control().release_capacity(piece.len())?;
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// A client, connected with a server that sends every body back. `/endless` never ends its answer:
/// the reason why the client gave it up comes from the receiver.
struct Ends {
    client: SendRequest<Bytes>,
    given_up: mpsc::UnboundedReceiver<Reason>,
    /// How many streams there were.
    server: JoinHandle<Result<usize, h2::Error>>,
    driver: JoinHandle<Result<(), h2::Error>>,
}

impl Ends {
    async fn connect() -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (report, given_up) = mpsc::unbounded_channel();
        let server = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("a client comes");
            let mut connection = server::handshake(stream).await?;
            let mut streams = JoinSet::new();
            while let Some(accepted) = connection.accept().await {
                let (request, mut respond) = accepted?;
                let report = report.clone();
                streams.spawn(async move {
                    let endless = request.uri().path() == "/endless";
                    let mut answer = respond.send_response(Response::new(()), false)?;
                    if endless {
                        answer.send_data(Bytes::from_static(b"begin"), false)?;
                        let reason = poll_fn(|context| answer.poll_reset(context)).await?;
                        let _ = report.send(reason);
                        return Ok(());
                    }
                    let body = receive(&mut request.into_body()).await?;
                    send(&mut answer, body.into()).await
                });
            }
            let count = streams.len();
            for done in streams.join_all().await {
                done?;
            }
            Ok::<_, h2::Error>(count)
        });
        let (client, connection) = client::handshake(TcpStream::connect(address).await?).await?;
        Ok(Self {
            client,
            given_up,
            server,
            driver: tokio::spawn(connection),
        })
    }

    /// How many streams there were, when both ends have said goodbye.
    async fn end(self) -> Result<usize, Failure> {
        drop(self.client);
        self.driver.await??;
        Ok(self.server.await??)
    }
}

async fn many_streams_share_one_connection() -> Outcome {
    let ends = Ends::connect().await?;
    let mut requests = JoinSet::new();
    for number in 0..50u8 {
        let client = ends.client.clone();
        requests.spawn(async move {
            // More than the window of a stream, and all together more than that of the connection.
            let body = Bytes::from(vec![number; 100_000]);
            let request = Request::post("http://localhost/").body(())?;
            let (answer, mut stream) = client.ready().await?.send_request(request, false)?;
            send(&mut stream, body.clone()).await?;
            let received = receive(&mut answer.await?.into_body()).await?;
            assert!(received == body, "stream {number} got something else");
            Ok::<_, Failure>(())
        });
    }
    while let Some(done) = requests.join_next().await {
        done??;
    }
    assert_eq!(ends.end().await?, 50);
    Ok(())
}

#[tokio::test]
async fn many_streams_share_one_connection_on_one_thread() -> Outcome {
    many_streams_share_one_connection().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_streams_share_one_connection_on_two_threads() -> Outcome {
    many_streams_share_one_connection().await
}

#[tokio::test]
async fn a_stream_that_is_dropped_is_reset_and_the_others_go_on() -> Outcome {
    let mut ends = Ends::connect().await?;
    let request = Request::get("http://localhost/endless").body(())?;
    let (answer, stream) = ends
        .client
        .clone()
        .ready()
        .await?
        .send_request(request, true)?;
    let mut body = answer.await?.into_body();
    assert_eq!(body.data().await.unwrap()?, "begin");
    drop((body, stream));
    assert_eq!(ends.given_up.recv().await, Some(Reason::CANCEL));

    let request = Request::post("http://localhost/").body(())?;
    let (answer, mut stream) = ends
        .client
        .clone()
        .ready()
        .await?
        .send_request(request, false)?;
    send(&mut stream, Bytes::from_static(b"still here")).await?;
    assert_eq!(
        receive(&mut answer.await?.into_body()).await?,
        b"still here"
    );
    drop(stream);
    assert_eq!(ends.end().await?, 2);
    Ok(())
}
