//! Standard streams, and I/O utilities between real sockets and tasks.

use std::io::{BufRead, Read, Write};
use std::pin::Pin;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use runtime::io::{
    self, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, BufWriter, DuplexStream, copy,
    copy_bidirectional, duplex, split,
};
use runtime::net::{TcpListener, TcpStream};
use runtime::task::yield_now;
use tests::process::{is_own_process, this_test_again};
use tests::wakers::{Touch, hooked};
use tests::{Flavour, each_runtime, within_limit};

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    (client, listener.accept().await.unwrap().0)
}

#[test]
fn a_waker_may_use_a_duplex_while_it_is_cloned() {
    fn poll_once<F: Future + Unpin>(mut future: F, waker: &Waker) -> Poll<F::Output> {
        Pin::new(&mut future).poll(&mut Context::from_waker(waker))
    }

    within_limit(|| {
        // A stream knows that it will probably have to wait, unless it has waited the last time.
        for has_waited in [false, true] {
            let (mut near, far) = duplex(1);
            let far = Arc::new(Mutex::new(far));
            let waker = |act: fn(&mut DuplexStream)| {
                let far = far.clone();
                hooked(move |touch| {
                    if touch == Touch::Clone {
                        act(&mut far.lock().unwrap());
                    }
                })
            };
            let writes = waker(|far| {
                assert!(poll_once(far.write(b"a"), Waker::noop()).is_ready());
            });
            let reads = waker(|far| {
                assert!(poll_once(far.read(&mut [0]), Waker::noop()).is_ready());
            });
            if has_waited {
                assert!(poll_once(near.read(&mut [0]), Waker::noop()).is_pending());
            }
            let read = poll_once(near.read(&mut [0]), &writes);
            assert!(matches!(read, Poll::Ready(Ok(1))));
            assert!(poll_once(near.write(b"b"), Waker::noop()).is_ready());
            if has_waited {
                assert!(poll_once(near.write(b"c"), Waker::noop()).is_pending());
            }
            let write = poll_once(near.write(b"c"), &reads);
            assert!(matches!(write, Poll::Ready(Ok(1))));
        }
    });
}

#[test]
fn standard_streams_work_in_a_pipe() {
    if is_own_process() {
        let runtime = Flavour::MultiThread(1).build();
        runtime.block_on(async {
            let mut lines = BufReader::new(io::stdin()).lines();
            let (mut out, mut err) = (io::stdout(), io::stderr());
            while let Some(line) = lines.next_line().await.unwrap() {
                out.write_all(format!("<{line}>\n").as_bytes())
                    .await
                    .unwrap();
                out.flush().await.unwrap();
                err.write_all(format!("[{line}]\n").as_bytes())
                    .await
                    .unwrap();
                err.flush().await.unwrap();
            }
        });
        return;
    }
    within_limit(|| {
        let mut child = this_test_again("standard_streams_work_in_a_pipe")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut to_child = child.stdin.take().unwrap();
        let mut lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
        // Answer by answer: nothing may stay in a buffer.
        for text in ["one", "two", "ünïcödé", ""] {
            writeln!(to_child, "{text}").unwrap();
            let answer = format!("<{text}>");
            // The harness writes lines of its own, and the beginning of the first.
            assert!(lines.any(|line| line.unwrap().ends_with(&answer)));
        }
        let long = "x".repeat(100_000);
        writeln!(to_child, "{long}").unwrap();
        assert!(lines.any(|line| line.unwrap() == format!("<{long}>")));
        drop(to_child);
        let mut errors = String::new();
        // The child would wait for us if the pipe filled up, so the errors are read to the end.
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut errors)
            .unwrap();
        assert!(errors.contains("[one]\n") && errors.contains("[ünïcödé]\n"));
        drop(lines);
        child.wait().unwrap();
    });
}

#[test]
fn a_read_of_standard_input_that_never_ends_does_not_hold_up_the_rest() {
    if is_own_process() {
        let runtime = Flavour::CurrentThread.build();
        runtime.block_on(async {
            let reading = runtime::spawn(async { io::stdin().read(&mut [0; 8]).await });
            yield_now().await;
            runtime::time::sleep(std::time::Duration::from_millis(5)).await;
            assert!(!reading.is_finished());
            reading.abort();
            assert!(reading.await.unwrap_err().is_cancelled());
        });
        // The thread that reads is left behind.
        runtime.shutdown_background();
        println!("ended");
        return;
    }
    within_limit(|| {
        let mut child =
            this_test_again("a_read_of_standard_input_that_never_ends_does_not_hold_up_the_rest")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
        // Open until the child has ended.
        let to_child = child.stdin.take();
        let mut text = String::new();
        child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert!(text.contains("ended"), "{text}");
        assert!(child.wait().unwrap().success());
        drop(to_child);
    });
}

#[test]
fn a_proxy_copies_in_both_directions_and_ends_each_on_its_own() {
    each_runtime(|runtime| {
        let task = runtime.spawn(async {
            let (mut client, mut front) = pair().await;
            let (mut back, mut server) = pair().await;
            let proxy =
                runtime::spawn(async move { copy_bidirectional(&mut front, &mut back).await });
            let serving = runtime::spawn(async move {
                let mut question = Vec::new();
                server.read_to_end(&mut question).await.unwrap();
                // After the end of the question.
                server.write_all(&question).await.unwrap();
                server.write_all(b"!").await.unwrap();
            });
            let question = vec![7; 300_000];
            client.write_all(&question).await.unwrap();
            client.shutdown().await.unwrap();
            let mut answer = Vec::new();
            client.read_to_end(&mut answer).await.unwrap();
            assert!(answer[..300_000] == question && answer.len() == 300_001);
            serving.await.unwrap();
            assert_eq!(proxy.await.unwrap().unwrap(), (300_000, 300_001));
        });
        runtime.block_on(task).unwrap();
    });
}

#[test]
fn lines_and_buffers_work_over_a_socket() {
    each_runtime(|runtime| {
        let task = runtime.spawn(async {
            let (client, server) = pair().await;
            let (read, write) = client.into_split();
            let writing = runtime::spawn(async move {
                let mut write = BufWriter::new(write);
                for number in 0..1_000 {
                    write
                        .write_all(format!("line {number}\n").as_bytes())
                        .await
                        .unwrap();
                    if number % 100 == 0 {
                        write.flush().await.unwrap();
                    }
                }
                write.shutdown().await.unwrap();
            });
            let (mut theirs, mut back) = split(server);
            let echoing = runtime::spawn(async move {
                let copied = copy(&mut theirs, &mut back).await.unwrap();
                back.shutdown().await.unwrap();
                copied
            });
            let mut lines = BufReader::new(read).lines();
            for number in 0..1_000 {
                let line = lines.next_line().await.unwrap().unwrap();
                assert_eq!(line, format!("line {number}"));
            }
            assert_eq!(lines.next_line().await.unwrap(), None);
            writing.await.unwrap();
            assert_eq!(
                echoing.await.unwrap(),
                (0..1_000).map(|n| format!("line {n}\n").len() as u64).sum()
            );
        });
        runtime.block_on(task).unwrap();
    });
}

#[test]
fn a_stream_in_memory_connects_tasks() {
    each_runtime(|runtime| {
        let task = runtime.spawn(async {
            for capacity in [1, 7, 4096] {
                let (mut near, mut far) = duplex(capacity);
                let sent: Vec<u8> = (0..5_000_u32).map(|n| n as u8).collect();
                let expected = sent.clone();
                let writing = runtime::spawn(async move {
                    near.write_all(&sent).await.unwrap();
                    near.shutdown().await.unwrap();
                    near
                });
                let mut received = Vec::new();
                far.read_to_end(&mut received).await.unwrap();
                assert!(received == expected);
                // The other direction, after the end of the first.
                let mut near = writing.await.unwrap();
                far.write_all(b"!").await.unwrap();
                assert_eq!(near.read_u8().await.unwrap(), b'!');
                drop(far);
                assert_eq!(near.read(&mut [0; 8]).await.unwrap(), 0);
                let error = near.write(b"nobody").await.unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
            }
        });
        runtime.block_on(task).unwrap();
    });
}
