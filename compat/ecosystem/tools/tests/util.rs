//! tokio-util: codecs on a real socket, tokens and trackers of a service that ends, the delay queue
//! on a paused clock.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::codec::{BytesCodec, Framed, LengthDelimitedCodec, LinesCodec, LinesCodecError};
use tokio_util::io::{ReaderStream, StreamReader, SyncIoBridge};
use tokio_util::sync::{CancellationToken, PollSemaphore, PollSender};
use tokio_util::task::TaskTracker;
use tokio_util::time::{DelayQueue, FutureExt as _};
use tokio_util::udp::UdpFramed;

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

async fn connected() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let (client, accepted) = tokio::try_join!(
        TcpStream::connect(listener.local_addr()?),
        listener.accept()
    )?;
    Ok((client, accepted.0))
}

#[tokio::test]
async fn lines_travel_through_a_socket_and_one_too_long_is_refused() -> Outcome {
    let (client, server) = connected().await?;
    let server = tokio::spawn(async move {
        let mut lines = Framed::new(server, LinesCodec::new_with_max_length(64));
        while let Some(line) = lines.next().await {
            lines.send(line?.to_uppercase()).await?;
        }
        Ok::<_, LinesCodecError>(())
    });
    let mut lines = Framed::new(client, LinesCodec::new());
    for line in ["one", "two", "three"] {
        lines.feed(line).await?;
    }
    lines.send("x".repeat(1000)).await?;
    for expected in ["ONE", "TWO", "THREE"] {
        assert_eq!(lines.next().await.unwrap()?, expected);
    }
    let refused = server.await?.unwrap_err();
    assert!(matches!(refused, LinesCodecError::MaxLineLengthExceeded));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_with_a_length_arrive_whole() -> Outcome {
    let (client, server) = connected().await?;
    let (mut sink, mut stream) = Framed::new(client, LengthDelimitedCodec::new()).split();
    let echo = tokio::spawn(async move {
        let (sink, stream) = Framed::new(server, LengthDelimitedCodec::new()).split();
        stream
            .map(|frame| frame.map(Bytes::from))
            .forward(sink)
            .await
    });
    let writer = tokio::spawn(async move {
        for length in (0..100_000).step_by(997) {
            sink.send(Bytes::from(vec![length as u8; length])).await?;
        }
        sink.close().await
    });
    for length in (0..100_000).step_by(997) {
        let frame = stream.next().await.unwrap()?;
        assert_eq!(frame, vec![length as u8; length]);
    }
    writer.await??;
    assert!(stream.next().await.is_none());
    echo.await??;
    Ok(())
}

#[tokio::test]
async fn datagrams_are_framed() -> Outcome {
    let [one, other] = [
        UdpSocket::bind("127.0.0.1:0").await?,
        UdpSocket::bind("127.0.0.1:0").await?,
    ];
    let (here, there) = (one.local_addr()?, other.local_addr()?);
    let mut one = UdpFramed::new(one, BytesCodec::new());
    let mut other = UdpFramed::new(other, BytesCodec::new());
    one.send((Bytes::from_static(b"datagram"), there)).await?;
    let (datagram, from) = other.next().await.unwrap()?;
    assert_eq!((&datagram[..], from), (&b"datagram"[..], here));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_ends_when_its_token_is_cancelled() {
    let (token, tracker) = (CancellationToken::new(), TaskTracker::new());
    let started = Arc::new(Semaphore::new(0));
    let ended = Arc::new(AtomicUsize::new(0));
    for _ in 0..100 {
        let (token, started, ended) = (token.child_token(), started.clone(), ended.clone());
        tracker.spawn(async move {
            started.add_permits(1);
            token.cancelled().await;
            ended.fetch_add(1, Ordering::Relaxed);
        });
    }
    let interrupted = tracker.spawn({
        let token = token.clone();
        async move {
            token
                .run_until_cancelled(std::future::pending::<()>())
                .await
        }
    });
    drop(started.acquire_many(100).await.unwrap());

    let child = token.child_token();
    child.cancel();
    assert!(child.is_cancelled() && !token.is_cancelled());
    tracker.close();
    assert_eq!(ended.load(Ordering::Relaxed), 0);
    drop(token.clone().drop_guard());
    tracker.wait().await;
    assert_eq!(ended.load(Ordering::Relaxed), 100);
    assert_eq!(interrupted.await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn the_delay_queue_yields_in_the_order_of_deadlines() {
    let begin = Instant::now();
    let mut queue = DelayQueue::new();
    let late = queue.insert("late", Duration::from_secs(3600));
    queue.insert("soon", Duration::from_millis(5));
    let never = queue.insert("never", Duration::from_secs(1));
    queue.insert("middle", Duration::from_secs(60));
    queue.remove(&never);
    queue.reset(&late, Duration::from_secs(90));
    let mut order = Vec::new();
    while let Some(expired) = queue.next().await {
        order.push((expired.into_inner(), begin.elapsed().as_secs()));
    }
    assert_eq!(order, [("soon", 0), ("middle", 60), ("late", 90)]);
}

#[tokio::test(start_paused = true)]
async fn a_future_with_a_limit_is_given_up_when_it_is_over() {
    let begin = Instant::now();
    let limited = std::future::pending::<()>().timeout(Duration::from_secs(30));
    assert!(limited.await.is_err());
    assert_eq!(begin.elapsed().as_secs(), 30);
}

#[tokio::test]
async fn readers_and_streams_turn_into_each_other() -> Outcome {
    let text: Vec<u8> = (0..100_000u32).map(|number| number as u8).collect();
    let (mut write, read) = tokio::io::duplex(1000);
    let sent = text.clone();
    let writer = tokio::spawn(async move {
        write.write_all(&sent).await?;
        write.shutdown().await
    });
    let mut reader = StreamReader::new(ReaderStream::new(read));
    let mut received = Vec::new();
    reader.read_to_end(&mut received).await?;
    writer.await??;
    assert_eq!(received, text);
    Ok(())
}

#[tokio::test]
async fn blocking_code_reads_what_tasks_write() -> Outcome {
    let (mut write, read) = tokio::io::duplex(16);
    let reader = tokio::task::spawn_blocking(move || io::read_to_string(SyncIoBridge::new(read)));
    write
        .write_all("a text longer than the pipe".as_bytes())
        .await?;
    drop(write);
    assert_eq!(reader.await??, "a text longer than the pipe");
    Ok(())
}

#[tokio::test]
async fn channels_and_semaphores_are_sinks_and_streams() {
    let (sender, mut receiver) = mpsc::channel(1);
    let mut sink = PollSender::new(sender);
    let sending = tokio::spawn(async move {
        for number in 0..10 {
            sink.send(number).await.unwrap();
        }
    });
    for expected in 0..10 {
        assert_eq!(receiver.recv().await, Some(expected));
    }
    sending.await.unwrap();
    assert_eq!(receiver.recv().await, None);

    let mut permits = PollSemaphore::new(Arc::new(Semaphore::new(2)));
    let [one, _other] = [permits.next().await.unwrap(), permits.next().await.unwrap()];
    assert_eq!(permits.available_permits(), 0);
    drop(one);
    assert!(permits.next().await.is_some());
}
