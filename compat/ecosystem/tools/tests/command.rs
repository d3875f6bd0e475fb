//! What a small command-line tool does: pipes through other programs, limits their time, and
//! listens to signals.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};
use tokio_stream::wrappers::{LinesStream, SignalStream};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_goes_through_another_program() -> io::Result<()> {
    let mut sort = Command::new("sort")
        .arg("-n")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut input = sort.stdin.take().unwrap();
    let writer = tokio::spawn(async move {
        for number in (0..10_000).rev() {
            input.write_all(format!("{number}\n").as_bytes()).await?;
        }
        io::Result::Ok(())
    });
    let mut lines = LinesStream::new(BufReader::new(sort.stdout.take().unwrap()).lines());
    for expected in 0..10_000 {
        assert_eq!(lines.next().await.unwrap()?, expected.to_string());
    }
    assert!(lines.next().await.is_none());
    writer.await??;
    assert!(sort.wait().await?.success());
    Ok(())
}

#[tokio::test]
async fn a_program_that_takes_too_long_is_ended() -> io::Result<()> {
    let mut sleeper = Command::new("sleep").arg("60").kill_on_drop(true).spawn()?;
    let waited = tokio::time::timeout(Duration::from_millis(20), sleeper.wait()).await;
    assert!(waited.is_err());
    sleeper.kill().await?;
    assert!(!sleeper.wait().await?.success());
    Ok(())
}

#[tokio::test]
async fn a_signal_of_another_process_arrives() -> io::Result<()> {
    let mut signals = SignalStream::new(signal(SignalKind::user_defined1())?);
    let killer = Command::new("sh").args(["-c", "kill -USR1 $PPID"]).status();
    let (killer, signal) = tokio::join!(killer, signals.next());
    assert!(killer?.success() && signal.is_some());
    Ok(())
}
