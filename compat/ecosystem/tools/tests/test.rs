//! tokio-test: futures polled by hand, scripted I/O and scripted streams.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::sync::{Mutex, Notify, mpsc};
use tokio::time::Instant;
use tokio_stream::StreamExt;
use tokio_test::io::Builder;
use tokio_test::stream_mock::StreamMockBuilder;
use tokio_test::{assert_pending, assert_ready, assert_ready_eq, assert_ready_ok, block_on, task};

#[test]
fn a_lock_is_passed_on_when_it_is_released() {
    let lock = Mutex::new(1);
    let mut first = task::spawn(lock.lock());
    let mut second = task::spawn(lock.lock());
    let guard = assert_ready!(first.poll());
    assert_pending!(second.poll());
    assert!(!second.is_woken());
    drop(guard);
    assert!(second.is_woken());
    assert_eq!(*assert_ready!(second.poll()), 1);
}

#[test]
fn notifications_wake_in_the_order_of_waiting() {
    let notify = Notify::new();
    let mut first = task::spawn(notify.notified());
    let mut second = task::spawn(notify.notified());
    assert_pending!(first.poll());
    assert_pending!(second.poll());
    notify.notify_one();
    assert!(first.is_woken() && !second.is_woken());
    drop(first); // It had been told, and passes that on.
    assert!(second.is_woken());
    assert_ready!(second.poll());
}

#[test]
fn a_full_channel_wakes_its_sender_when_there_is_room() {
    let (sender, mut receiver) = mpsc::channel(1);
    assert_ready_ok!(task::spawn(sender.send(1)).poll());
    let mut send = task::spawn(sender.send(2));
    assert_pending!(send.poll());
    assert_ready_eq!(task::spawn(receiver.recv()).poll(), Some(1));
    assert!(send.is_woken());
    assert_ready_ok!(send.poll());
    assert_ready_eq!(task::spawn(receiver.recv()).poll(), Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_conversation_goes_by_its_script() {
    let begin = Instant::now();
    let script = Builder::new()
        .read(b"name?\n")
        .write(b"ecosystem\n")
        .wait(Duration::from_secs(30))
        .read(b"welcome\n")
        .build();
    let mut stream = BufReader::new(script);
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    assert_eq!(line, "name?\n");
    stream.write_all(b"ecosystem\n").await.unwrap();
    line.clear();
    stream.read_line(&mut line).await.unwrap();
    assert_eq!(line, "welcome\n");
    assert_eq!(begin.elapsed().as_secs(), 30);
}

#[tokio::test]
async fn a_scripted_error_arrives() {
    let error = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    let mut script = Builder::new().read(b"some").read_error(error).build();
    let mut word = [0; 4];
    script.read_exact(&mut word).await.unwrap();
    let error = script.read_exact(&mut word).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test(start_paused = true)]
async fn a_scripted_stream_rests_as_long_as_it_says() {
    let begin = Instant::now();
    let mut stream = StreamMockBuilder::new()
        .next(1)
        .wait(Duration::from_secs(60))
        .next(2)
        .build();
    assert_eq!(stream.next().await, Some(1));
    assert_eq!(stream.next().await, Some(2));
    assert_eq!(stream.next().await, None);
    assert_eq!(begin.elapsed().as_secs(), 60);
}

#[test]
fn block_on_has_a_clock_and_an_event_loop() {
    block_on(async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    });
}
