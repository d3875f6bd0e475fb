//! What yields, as streams.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures_core::Stream;
use runtime::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, duplex};
use runtime::net::{TcpListener, TcpStream};
use runtime::stream::{
    BroadcastStream, BroadcastStreamRecvError, IntervalStream, MpmcStream, TcpListenerStream,
    WatchStream,
};
use runtime::sync::{broadcast, mpmc, mpsc, watch};
use runtime::task::{JoinSet, coop, yield_now};
use runtime::time::{Duration, Instant, interval};
use tests::each_runtime;

async fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    poll_fn(|cx| Pin::new(&mut *stream).poll_next(cx)).await
}

async fn collect<S: Stream + Unpin>(mut stream: S) -> Vec<S::Item> {
    let mut items = Vec::new();
    while let Some(item) = next(&mut stream).await {
        items.push(item);
    }
    items
}

/// Polls once: what a `select!` does before another branch wins.
fn glance<S: Stream + Unpin>(stream: &mut S) -> Poll<Option<S::Item>> {
    Pin::new(stream).poll_next(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn receivers_of_mpsc_are_streams() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let (sender, mut receiver) = mpsc::channel(2);
            assert_eq!(glance(&mut receiver), Poll::Pending);
            runtime::spawn(async move {
                for n in 0..10 {
                    sender.send(n).await.unwrap();
                }
            });
            assert_eq!(collect(&mut receiver).await, (0..10).collect::<Vec<_>>());
            assert_eq!(next(&mut receiver).await, None);

            let (sender, mut receiver) = mpsc::unbounded_channel();
            sender.send(1).unwrap();
            sender.send(2).unwrap();
            assert_eq!(receiver.size_hint(), (2, None));
            drop(sender);
            assert_eq!(collect(&mut receiver).await, [1, 2]);
            assert_eq!(next(&mut receiver).await, None);
        });
    });
}

#[test]
fn streams_of_mpmc_share_the_values_and_lose_none() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let (sender, receiver) = mpmc::channel(2);
            let mut idle = MpmcStream::new(receiver.clone());
            assert_eq!(glance(&mut idle), Poll::Pending);
            let tasks: JoinSet<_> = (0..3)
                .map(|_| collect(MpmcStream::new(receiver.clone())))
                .collect();
            let sending = runtime::spawn(async move {
                for n in 0..100 {
                    sender.send(n).await.unwrap();
                }
            });
            // Chosen, and gone before it looked.
            yield_now().await;
            drop(idle);
            sending.await.unwrap();
            let mut numbers = tasks.join_all().await.concat();
            numbers.sort_unstable();
            assert_eq!(numbers, (0..100).collect::<Vec<_>>());

            let (sender, receiver) = mpmc::unbounded_channel();
            let mut stream = MpmcStream::from(receiver);
            sender.send(1).unwrap();
            drop(sender);
            assert_eq!(next(&mut stream).await, Some(1));
            assert_eq!(next(&mut stream).await, None);
            assert_eq!(next(&mut stream).await, None);
        });
    });
}

#[test]
fn the_stream_of_a_broadcast_says_what_it_missed() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let (sender, receiver) = broadcast::channel(2);
            let mut stream = BroadcastStream::new(receiver);
            assert_eq!(glance(&mut stream), Poll::Pending);
            for n in 0..5 {
                sender.send(n).unwrap();
            }
            let lagged = BroadcastStreamRecvError::Lagged(3);
            assert_eq!(lagged.to_string(), "channel lagged by 3");
            assert_eq!(next(&mut stream).await, Some(Err(lagged)));
            assert_eq!(next(&mut stream).await, Some(Ok(3)));
            let rest = runtime::spawn(async move {
                let rest = collect(&mut stream).await;
                assert_eq!(next(&mut stream).await, None);
                rest
            });
            drop(sender);
            assert_eq!(rest.await.unwrap(), [Ok(4)]);
        });
    });
}

#[test]
fn the_stream_of_a_watch_begins_with_the_value_or_with_its_change() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let (sender, mut receiver) = watch::channel(0);
            receiver.mark_unchanged();
            let mut all = WatchStream::new(receiver.clone());
            let mut changes = WatchStream::from_changes(receiver);
            assert_eq!(next(&mut all).await, Some(0));
            assert_eq!(glance(&mut all), Poll::Pending);
            assert_eq!(glance(&mut changes), Poll::Pending);
            sender.send(1).unwrap();
            sender.send(2).unwrap();
            assert_eq!(next(&mut all).await, Some(2));
            assert_eq!(next(&mut changes).await, Some(2));
            sender.send(3).unwrap();
            drop(sender);
            for mut stream in [all, changes] {
                assert_eq!(next(&mut stream).await, Some(3));
                assert_eq!(next(&mut stream).await, None);
                assert_eq!(next(&mut stream).await, None);
            }

            let (sender, receiver) = watch::channel(7);
            drop(sender);
            assert_eq!(collect(WatchStream::new(receiver)).await, [7]);
        });
    });
}

#[test]
fn the_stream_of_an_interval_ticks_on() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let start = Instant::now();
            let mut ticks = IntervalStream::new(interval(Duration::from_millis(1)));
            let mut last = None;
            for _ in 0..5 {
                let tick = next(&mut ticks).await;
                assert!(tick > last);
                last = tick;
            }
            assert!(start.elapsed() >= Duration::from_millis(4));
            assert_eq!(ticks.as_ref().period(), Duration::from_millis(1));
            ticks.as_mut().reset();
            assert!(glance(&mut ticks).is_pending() || start.elapsed() > Duration::from_millis(5));
        });
    });
}

#[test]
fn lines_and_segments_are_streams_that_keep_what_was_read() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let (mut client, server) = duplex(64);
            let mut lines = BufReader::new(server).lines();
            client.write_all(b"one\ntw").await.unwrap();
            assert_eq!(next(&mut lines).await.unwrap().unwrap(), "one");
            // What was read of a line is there when the next poll comes.
            assert!(glance(&mut lines).is_pending());
            client.write_all(b"o\r\n\xff\nlast").await.unwrap();
            drop(client);
            assert_eq!(next(&mut lines).await.unwrap().unwrap(), "two");
            assert!(next(&mut lines).await.unwrap().is_err());
            assert_eq!(next(&mut lines).await.unwrap().unwrap(), "last");
            assert!(next(&mut lines).await.is_none());
            assert!(next(&mut lines).await.is_none());

            let mut parts = BufReader::new(&b"a,b,c"[..]).split(b',');
            let mut all = Vec::new();
            while let Some(part) = next(&mut parts).await {
                all.extend(part.unwrap());
            }
            assert_eq!(all, b"abc");
            assert!(next(&mut parts).await.is_none());
        });
    });
}

#[test]
fn a_listener_yields_connections() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let mut incoming = TcpListenerStream::new(listener);
            assert!(glance(&mut incoming).is_pending());
            for _ in 0..3 {
                let client = TcpStream::connect(address).await.unwrap();
                let server = next(&mut incoming).await.unwrap().unwrap();
                assert_eq!(server.peer_addr().unwrap(), client.local_addr().unwrap());
            }
            assert_eq!(incoming.into_inner().local_addr().unwrap(), address);
        });
    });
}

#[test]
fn a_join_set_is_a_stream_that_goes_on_after_its_end() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let mut set = JoinSet::new();
            for n in 0..10 {
                set.spawn(async move { n });
            }
            assert_eq!(set.size_hint(), (10, Some(10)));
            let mut outputs: Vec<_> = collect(&mut set)
                .await
                .into_iter()
                .map(Result::unwrap)
                .collect();
            outputs.sort_unstable();
            assert_eq!(outputs, (0..10).collect::<Vec<_>>());
            assert!(next(&mut set).await.is_none());
            set.spawn(async { 10 });
            assert_eq!(next(&mut set).await.unwrap().unwrap(), 10);
        });
    });
}

#[test]
fn a_stream_that_is_always_ready_gives_way() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let (sender, receiver) = mpmc::unbounded_channel();
            for n in 0..1_000 {
                sender.send(n).unwrap();
            }
            let mut stream = MpmcStream::new_unbounded(receiver);
            runtime::spawn(poll_fn(move |cx| {
                let mut taken = 0;
                while coop::has_budget_remaining() {
                    assert!(Pin::new(&mut stream).poll_next(cx).is_ready());
                    taken += 1;
                }
                assert!(taken < 1_000);
                assert!(Pin::new(&mut stream).poll_next(cx).is_pending());
                Poll::Ready(())
            }))
            .await
            .unwrap();
        });
    });
}
