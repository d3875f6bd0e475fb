//! The short ways through the runtime, for counting instructions.

use std::future::poll_fn;
use std::net::TcpStream as StdStream;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use super::build;
use super::rt::io::{self, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use super::rt::net::{TcpListener, TcpStream};
use super::rt::sync::mpsc;
use super::rt::{task, time};
use crate::load::REQUEST;
use crate::paths::Path;
use crate::row::Flavour;

/// Goes `times` times along `path`, in a task.
pub fn walk(path: Path, flavour: Flavour, times: usize) {
    let runtime = build(flavour);
    let walk = runtime.spawn(async move {
        match path {
            Path::SpawnJoin => spawn_join(times).await,
            Path::Wake => wake(times).await,
            Path::Mpsc => send_receive(times).await,
            Path::Timer => insert_drop(times).await,
            Path::Echo => echo(times).await,
            Path::Duplex => duplex(times).await,
            Path::Lines => lines(times).await,
            Path::Copy => copy(times).await,
        }
    });
    runtime.block_on(walk).expect("the workload panicked");
}

async fn spawn_join(times: usize) {
    for number in 0..times {
        assert_eq!(task::spawn(async move { number }).await.unwrap(), number);
    }
}

/// Two tasks, each of which waits until the other has woken it.
async fn wake(times: usize) {
    struct Turns {
        done: usize,
        waiting: Option<Waker>,
    }

    let turns = Arc::new(Mutex::new(Turns {
        done: 0,
        waiting: None,
    }));
    let players: Vec<_> = (0..2)
        .map(|player| {
            let turns = turns.clone();
            task::spawn(poll_fn(move |cx| {
                let mut state = turns.lock().unwrap();
                if state.done >= times {
                    let waiting = state.waiting.take();
                    drop(state);
                    waiting.into_iter().for_each(Waker::wake);
                    return Poll::Ready(());
                }
                if state.done % 2 == player {
                    state.done += 1;
                    let other = state.waiting.replace(cx.waker().clone());
                    drop(state);
                    other.into_iter().for_each(Waker::wake);
                } else {
                    state.waiting = Some(cx.waker().clone());
                }
                Poll::Pending
            }))
        })
        .collect();
    for player in players {
        player.await.unwrap();
    }
}

async fn send_receive(times: usize) {
    let (sender, mut receiver) = mpsc::channel(16);
    for number in 0..times {
        sender.send(number).await.unwrap();
        assert_eq!(receiver.recv().await, Some(number));
    }
}

async fn insert_drop(times: usize) {
    for _ in 0..times {
        let mut sleep = pin!(time::sleep(Duration::from_secs(60)));
        poll_fn(|cx| {
            assert!(sleep.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
    }
}

/// A client and a server in one runtime: a turn is a read and a write of each.
async fn echo(times: usize) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = StdStream::connect(address).unwrap();
    client.set_nonblocking(true).unwrap();
    let mut client = TcpStream::from_std(client).unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    let serving = task::spawn(async move {
        let mut buffer = [0; 2 * REQUEST];
        while let Ok(length @ 1..) = server.read(&mut buffer).await {
            server.write_all(&buffer[..length]).await.unwrap();
        }
    });
    let mut buffer = [0; REQUEST];
    for _ in 0..times {
        client.write_all(&buffer).await.unwrap();
        client.read_exact(&mut buffer).await.unwrap();
    }
    drop(client);
    serving.await.unwrap();
}

/// A task that writes and one that reads; each waits after four turns.
async fn duplex(times: usize) {
    const PIECE: usize = 64;
    let (mut near, mut far) = io::duplex(4 * PIECE);
    let writing = task::spawn(async move {
        for _ in 0..times {
            near.write_all(&[7; PIECE]).await.unwrap();
        }
    });
    let mut buffer = [0; PIECE];
    for _ in 0..times {
        far.read_exact(&mut buffer).await.unwrap();
    }
    writing.await.unwrap();
}

async fn lines(times: usize) {
    let text = "a line of forty bytes, more or less ....\n".repeat(times);
    let mut lines = io::BufReader::new(text.as_bytes()).lines();
    let mut count = 0;
    while lines.next_line().await.unwrap().is_some() {
        count += 1;
    }
    assert_eq!(count, times);
}

async fn copy(times: usize) {
    let source = vec![7; 64 * 1024];
    for _ in 0..times {
        let copied = io::copy(&mut &source[..], &mut io::sink()).await.unwrap();
        assert_eq!(copied, source.len() as u64);
    }
}
