//! What only Unix has: its sockets, pipes and signals; and a process that ends at once.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream as StdStream;

use super::rt::io::{AsyncReadExt, AsyncWriteExt};
use super::rt::net::{UnixStream, unix::pipe};
use super::rt::process::Command;
use super::rt::runtime::Runtime;
use super::rt::signal::unix::SignalKind;
use super::rt::task;
use super::sockets::{echo_back, serve};
use super::{SIGNAL, repeat, rt};
use crate::load::{Crew, REQUEST};
use crate::process::raise;
use crate::row::Workload;

/// One connection: what a round trip takes.
pub(super) fn unix_echo(runtime: Runtime) -> Workload {
    const REQUESTS: u64 = 20;
    let (mut client, server) = StdStream::pair().expect("cannot make a pair of sockets");
    server.set_nonblocking(true).unwrap();
    runtime
        .spawn(async move { echo_back(UnixStream::from_std(server).unwrap(), 2 * REQUEST).await });
    let mut client = Some(move |requests| {
        for _ in 0..requests * REQUESTS {
            client
                .write_all(&[7; REQUEST])
                .expect("cannot send a request");
            client
                .read_exact(&mut [0; REQUEST])
                .expect("a request was not answered");
        }
    });
    let crew = Crew::new(1, |_| client.take().expect("the crew has one thread"));
    Workload::new(REQUESTS, move |iterations| {
        serve(&runtime, &crew, iterations)
    })
}

/// Both ends in one runtime: whoever finds the pipe full or empty waits for the other.
pub(super) fn pipe(runtime: Runtime) -> Workload {
    const PIECE: usize = 4 * 1024;
    const PIECES: usize = 200;
    Workload::new(PIECES as u64, move |iterations| {
        repeat(&runtime, iterations, || async {
            let (mut sender, mut receiver) = pipe::pipe().unwrap();
            let writing = task::spawn(async move {
                for _ in 0..PIECES {
                    sender.write_all(&[7; PIECE]).await.unwrap();
                }
            });
            let mut buffer = [0; PIECE];
            for _ in 0..PIECES {
                receiver.read_exact(&mut buffer).await.unwrap();
            }
            assert_eq!(buffer, [7; PIECE]);
            writing.await.unwrap();
        })
    })
}

/// One child after the other.
pub(super) fn spawn_process(runtime: Runtime) -> Workload {
    Workload::new(1, move |iterations| {
        repeat(&runtime, iterations, || async {
            let status = Command::new("/bin/true").status().await.unwrap();
            assert!(status.success());
        })
    })
}

/// Raised on the thread that then waits.
pub(super) fn signal(runtime: Runtime) -> Workload {
    const SIGNALS: usize = 20;
    Workload::new(SIGNALS as u64, move |iterations| {
        repeat(&runtime, iterations, || async {
            let mut signals = rt::signal::unix::signal(SignalKind::from_raw(SIGNAL)).unwrap();
            for _ in 0..SIGNALS {
                raise(SIGNAL);
                signals.recv().await.unwrap();
            }
        })
    })
}
