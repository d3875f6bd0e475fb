//! What a child reads and writes.

use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::pin::pin;
use std::process::Stdio;
use std::task::{Context, Waker};

use runtime::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use runtime::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tests::{Flavour, each_of, each_runtime, panic_of};

use crate::{shell, sleeper};

/// How many bytes come until the end.
async fn count(mut pipe: impl AsyncRead + Unpin) -> u64 {
    let mut buffer = vec![0; 64 * 1024];
    let mut total = 0;
    loop {
        match pipe.read(&mut buffer).await.unwrap() {
            0 => return total,
            length => total += length as u64,
        }
    }
}

#[test]
fn a_child_writes_100_megabytes_to_both_pipes() {
    each_of(
        &[Flavour::CurrentThread, Flavour::MultiThread(2)],
        |flavour| {
            flavour.build().block_on(async {
                let script = "head -c 100000000 /dev/zero & head -c 100000000 /dev/zero >&2; wait";
                let mut child = shell(script)
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap();
                let stdout = runtime::spawn(count(child.stdout.take().unwrap()));
                let stderr = runtime::spawn(count(child.stderr.take().unwrap()));
                assert!(child.wait().await.unwrap().success());
                assert_eq!(stdout.await.unwrap(), 100_000_000);
                assert_eq!(stderr.await.unwrap(), 100_000_000);
            });
        },
    );
}

#[test]
fn output_reads_both_pipes_whatever_comes_first() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            // More than a pipe holds, to the one and then to the other.
            let script = "head -c 1000000 /dev/zero >&2; head -c 2000000 /dev/zero; echo >&2";
            let output = shell(script).output().await.unwrap();
            assert!(output.status.success());
            assert_eq!(
                (output.stdout.len(), output.stderr.len()),
                (2_000_000, 1_000_001)
            );
        });
    });
}

/// The system ends a read behind each of the packets that a child writes.
#[cfg(target_os = "linux")]
#[test]
fn packets_of_a_child_are_read_without_waiting_for_more() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let script = "read go; printf firstagain | dd bs=5 oflag=direct 2>/dev/null; \
                          echo done >&2; read end";
            let mut child = shell(script)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let mut input = child.stdin.take().unwrap();
            let mut output = child.stdout.take().unwrap();
            let mut buffer = [0; 64];

            // The pipe is watched before there is anything to read, and both packets are there before
            // it is read.
            let waiting = pin!(output.read(&mut buffer));
            let mut cx = Context::from_waker(Waker::noop());
            assert!(waiting.poll(&mut cx).is_pending());
            input.write_all(b"go\n").await.unwrap();
            let mut done = [0; 5];
            let mut errors = child.stderr.take().unwrap();
            errors.read_exact(&mut done).await.unwrap();

            for packet in [b"first", b"again"] {
                let length = output.read(&mut buffer).await.unwrap();
                assert_eq!(&buffer[..length], packet);
            }
            input.write_all(b"end\n").await.unwrap();
            assert!(child.wait().await.unwrap().success());
        });
    });
}

#[test]
fn what_is_written_comes_back() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let mut child = sleeper().stdout(Stdio::piped()).spawn().unwrap();
            let mut input = child.stdin.take().unwrap();
            let sent: Vec<u8> = (0..1_000_000_u32)
                .map(|number| (number % 251) as u8)
                .collect();
            let expected = sent.clone();
            let writing = runtime::spawn(async move {
                let (first, second) = sent.split_at(400_000);
                input.write_all(first).await.unwrap();
                assert!(input.is_write_vectored());
                let mut bufs: Vec<_> = second.chunks(100).map(std::io::IoSlice::new).collect();
                let mut bufs = &mut bufs[..];
                while !bufs.is_empty() {
                    let length = input.write_vectored(bufs).await.unwrap();
                    std::io::IoSlice::advance_slices(&mut bufs, length);
                }
                // Neither ends the child's input: the drop does.
                input.flush().await.unwrap();
                input.shutdown().await.unwrap();
                input.write_all(b"!").await.unwrap();
            });
            let output = child.wait_with_output_of(writing).await;
            assert_eq!(output.len(), expected.len() + 1);
            assert!(output.starts_with(&expected));
        });
    });
}

/// Reads all of a child's output while a task writes its input.
trait WaitWithOutputOf {
    async fn wait_with_output_of(self, writing: runtime::task::JoinHandle<()>) -> Vec<u8>;
}

impl WaitWithOutputOf for Child {
    async fn wait_with_output_of(self, writing: runtime::task::JoinHandle<()>) -> Vec<u8> {
        let output = self.wait_with_output().await.unwrap();
        writing.await.unwrap();
        assert!(output.status.success());
        output.stdout
    }
}

#[test]
fn writing_to_a_child_that_has_ended_breaks_the_pipe() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let mut child = shell("exit 0").stdin(Stdio::piped()).spawn().unwrap();
            let mut input = child.stdin.take().unwrap();
            child.wait().await.unwrap();
            // A child of another test may be a copy of this process still, and have the other end.
            let error = loop {
                if let Err(error) = input.write_all(b"hello?").await {
                    break error;
                }
            };
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        });
    });
}

#[test]
fn a_writer_that_waits_hears_that_the_pipe_breaks() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            // It never reads, so the pipe fills up.
            let mut child = Command::new("sleep")
                .arg("60")
                .stdin(Stdio::piped())
                .spawn()
                .unwrap();
            let mut input = child.stdin.take().unwrap();
            let bytes = vec![0; 1 << 20];
            let mut writing = pin!(input.write_all(&bytes));
            let mut cx = Context::from_waker(Waker::noop());
            assert!(writing.as_mut().poll(&mut cx).is_pending());
            let (result, killed) = runtime::join!(writing, child.kill());
            killed.unwrap();
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        });
    });
}

#[test]
fn waiting_closes_the_input() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let mut child = sleeper().spawn().unwrap();
            assert!(child.wait().await.unwrap().success());
            assert!(child.stdin.is_none());
            assert!(sleeper().status().await.unwrap().success());
            let output = sleeper().output().await.unwrap();
            assert!(output.status.success() && output.stdout.is_empty());
        });
    });
}

#[test]
fn a_pipe_goes_from_one_child_to_the_next() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let mut first = shell("echo hello").stdout(Stdio::piped()).spawn().unwrap();
            let between: Stdio = first.stdout.take().unwrap().try_into().unwrap();
            let mut second = Command::new("tr")
                .args(["a-z", "A-Z"])
                .stdin(between)
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let between: Stdio = second.stdout.take().unwrap().try_into().unwrap();
            let last = Command::new("rev").stdin(between).output().await.unwrap();
            assert_eq!(last.stdout, b"OLLEH\n");
            assert!(first.wait().await.unwrap().success());
            assert!(second.wait().await.unwrap().success());
            // The other two, too.
            let mut child = sleeper().stderr(Stdio::piped()).spawn().unwrap();
            let _: Stdio = child.stdin.take().unwrap().try_into().unwrap();
            let _: Stdio = child.stderr.take().unwrap().try_into().unwrap();
            assert!(child.wait().await.unwrap().success());
        });
    });
}

#[test]
fn a_descriptor_that_is_given_away_blocks_again() {
    fn is_nonblocking(pipe: &impl AsRawFd) -> bool {
        // SAFETY: the call takes numbers.
        let flags = unsafe { libc::fcntl(pipe.as_raw_fd(), libc::F_GETFL) };
        assert!(flags >= 0);
        flags & libc::O_NONBLOCK != 0
    }
    each_runtime(|runtime| {
        runtime.block_on(async {
            let mut child = shell("echo hello; read line")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut output = child.stdout.take().unwrap();
            assert!(is_nonblocking(&output));
            let mut text = [0; 6];
            output.read_exact(&mut text).await.unwrap();
            assert_eq!(&text, b"hello\n");
            let fd = output.into_owned_fd().unwrap();
            assert!(!is_nonblocking(&fd));
            assert!(child.wait().await.is_ok());
        });
    });
}

#[test]
fn pipes_of_std_are_taken_over() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let mut child = std::process::Command::new("sh")
                .args(["-c", "read line; echo $line; echo $line >&2"])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let mut stdin = ChildStdin::from_std(child.stdin.take().unwrap()).unwrap();
            let stdout = ChildStdout::from_std(child.stdout.take().unwrap()).unwrap();
            let stderr = ChildStderr::from_std(child.stderr.take().unwrap()).unwrap();
            stdin.write_all(b"four\n").await.unwrap();
            assert_eq!((count(stdout).await, count(stderr).await), (5, 5));
            child.wait().unwrap();
        });
    });
    let mut child = std::process::Command::new("true")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let stdin = child.stdin.take().unwrap();
    let panic = panic_of(|| ChildStdin::from_std(stdin));
    assert!(panic.message.contains("within this runtime"), "{panic:?}");
    assert!(panic.file.ends_with("pipes.rs"), "{panic:?}");
    child.wait().unwrap();
}
