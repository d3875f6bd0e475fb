//! tokio-stream: adapters on a paused clock, and the streams of channels, timers and listeners.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::Instant;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;
use tokio_stream::wrappers::{
    BroadcastStream, IntervalStream, LinesStream, ReceiverStream, TcpListenerStream, WatchStream,
};
use tokio_stream::{StreamExt, StreamMap};

#[tokio::test(start_paused = true)]
async fn an_interval_is_a_stream() {
    let begin = Instant::now();
    let interval = tokio::time::interval(Duration::from_secs(10));
    let ticks: Vec<_> = IntervalStream::new(interval)
        .take(4)
        .map(|tick| (tick - begin).as_secs())
        .collect()
        .await;
    assert_eq!(ticks, [0, 10, 20, 30]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_rests_too_long_says_so() {
    let (sender, receiver) = mpsc::channel(4);
    tokio::spawn(async move {
        for pause in [1, 5, 1] {
            tokio::time::sleep(Duration::from_secs(pause)).await;
            sender.send(pause).await.unwrap();
        }
    });
    let numbers = ReceiverStream::new(receiver).timeout(Duration::from_secs(3));
    let seen: Vec<_> = numbers.map(Result::ok).collect().await;
    assert_eq!(seen, [Some(1), None, Some(5), Some(1)]);
}

#[tokio::test(start_paused = true)]
async fn chunks_are_cut_by_size_and_by_time() {
    let (sender, receiver) = mpsc::channel(16);
    tokio::spawn(async move {
        for number in 0..5 {
            sender.send(number).await.unwrap();
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
        sender.send(5).await.unwrap();
    });
    let chunks = ReceiverStream::new(receiver).chunks_timeout(3, Duration::from_secs(10));
    let chunks: Vec<_> = chunks.collect().await;
    assert_eq!(chunks, [vec![0, 1, 2], vec![3, 4], vec![5]]);
}

#[tokio::test]
async fn a_map_of_streams_yields_from_all_and_forgets_those_that_end() {
    let mut map = StreamMap::new();
    for key in ["one", "other"] {
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            for number in 0..100 {
                sender.send(number).await.unwrap();
            }
        });
        map.insert(key, ReceiverStream::new(receiver));
    }
    let mut next = [0, 0];
    while let Some((key, number)) = map.next().await {
        let expected = &mut next[usize::from(key == "other")];
        assert_eq!(number, *expected);
        *expected += 1;
    }
    assert_eq!(next, [100, 100]);
    assert!(map.is_empty());
}

#[tokio::test]
async fn channels_are_streams() {
    let (sender, receiver) = broadcast::channel(2);
    for number in 0..4 {
        sender.send(number).unwrap();
    }
    drop(sender);
    let seen: Vec<_> = BroadcastStream::new(receiver).collect().await;
    assert_eq!(
        seen,
        [Err(BroadcastStreamRecvError::Lagged(2)), Ok(2), Ok(3)]
    );

    let (sender, receiver) = watch::channel("first");
    let mut values = WatchStream::new(receiver);
    assert_eq!(values.next().await, Some("first"));
    sender.send("unseen").unwrap();
    sender.send("last").unwrap();
    drop(sender);
    assert_eq!(values.next().await, Some("last"));
    assert_eq!(values.next().await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_is_a_stream_of_connections_and_a_connection_of_lines() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let clients: Vec<_> = (0..10)
        .map(|number| {
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(address).await.unwrap();
                let text = format!("{number}\nend\n");
                stream.write_all(text.as_bytes()).await.unwrap();
            })
        })
        .collect();
    let mut numbers: Vec<u32> = TcpListenerStream::new(listener)
        .take(10)
        .then(|stream| async {
            let mut lines = LinesStream::new(BufReader::new(stream.unwrap()).lines());
            let number = lines.next().await.unwrap().unwrap();
            assert_eq!(lines.next().await.unwrap().unwrap(), "end");
            assert!(lines.next().await.is_none());
            number.parse().unwrap()
        })
        .collect()
        .await;
    numbers.sort();
    assert_eq!(numbers, (0..10).collect::<Vec<_>>());
    for client in clients {
        client.await.unwrap();
    }
}
