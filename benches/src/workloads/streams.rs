//! Bytes from one place to another within a task or two, without the system.

use super::repeat;
use super::rt::io::{self, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, duplex};
use super::rt::runtime::Runtime;
use super::rt::task;
use crate::row::Workload;

const PIECE: usize = 4 * 1024;
const PIECES: usize = 256;

/// From memory to nowhere: the buffer between them is what costs.
pub(super) fn copy(runtime: Runtime) -> Workload {
    Workload::new(PIECES as u64, move |iterations| {
        repeat(&runtime, iterations, || async {
            let source = vec![7; PIECE * PIECES];
            let copied = io::copy(&mut &source[..], &mut io::sink()).await.unwrap();
            assert_eq!(copied, source.len() as u64);
        })
    })
}

/// Two tasks and a pipe in memory.
pub(super) fn duplex_4k(runtime: Runtime) -> Workload {
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
    Workload::new(LINES as u64, move |iterations| {
        repeat(&runtime, iterations, || async {
            let text = "a line of forty bytes, more or less ....\n".repeat(LINES);
            let mut lines = io::BufReader::new(text.as_bytes()).lines();
            let mut count = 0;
            while lines.next_line().await.unwrap().is_some() {
                count += 1;
            }
            assert_eq!(count, LINES);
        })
    })
}
