//! Bytes from one place to another within a task or two, without the system.

use std::sync::Arc;

use super::repeat;
use super::rt::io::{self, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, duplex};
use super::rt::runtime::Runtime;
use super::rt::task;
use crate::row::Workload;

const PIECE: usize = 4 * 1024;
const PIECES: usize = 256;
/// How often a task does its work: to wake a worker for it takes as long as to do it once.
const REPETITIONS: usize = 16;

/// From memory to nowhere: the buffer between them is what costs. The memory is there before: to get a
/// megabyte from the system would cost more than to copy it.
pub(super) fn copy(runtime: Runtime) -> Workload {
    let source: Arc<[u8]> = vec![7; PIECE * PIECES].into();
    Workload::new((PIECES * REPETITIONS) as u64, move |iterations| {
        repeat(&runtime, iterations, || {
            let source = source.clone();
            async move {
                for _ in 0..REPETITIONS {
                    let copied = io::copy(&mut &source[..], &mut io::sink()).await.unwrap();
                    assert_eq!(copied, source.len() as u64);
                }
            }
        })
    })
}

/// Two tasks and a pipe in memory.
pub(super) fn duplex_4k(runtime: Runtime) -> Workload {
    const PIECES: usize = super::streams::PIECES * REPETITIONS;
    Workload::new(PIECES as u64, move |iterations| {
        repeat(&runtime, iterations, || async {
            let (mut near, mut far) = duplex(4 * PIECE);
            let writing = task::spawn(async move {
                for _ in 0..PIECES {
                    near.write_all(&[7; PIECE]).await.unwrap();
                }
            });
            let mut buffer = [0; PIECE];
            for _ in 0..PIECES {
                far.read_exact(&mut buffer).await.unwrap();
            }
            writing.await.unwrap();
        })
    })
}

/// Lines of a text in memory.
pub(super) fn lines(runtime: Runtime) -> Workload {
    const LINES: usize = 1_000;
    Workload::new((LINES * REPETITIONS) as u64, move |iterations| {
        repeat(&runtime, iterations, || async {
            let text = "a line of forty bytes, more or less ....\n".repeat(LINES);
            for _ in 0..REPETITIONS {
                let mut lines = io::BufReader::new(text.as_bytes()).lines();
                let mut count = 0;
                while lines.next_line().await.unwrap().is_some() {
                    count += 1;
                }
                assert_eq!(count, LINES);
            }
        })
    })
}
