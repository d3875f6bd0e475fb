//! Asynchronous input and output: traits, their methods, buffers, copying, streams in memory.
//!
//! The asynchronous counterpart of [`std::io`]. Sources and sinks of bytes implement [`AsyncRead`] and
//! [`AsyncWrite`]; programs call the methods of the traits whose names end in `Ext`, which every
//! implementor has:
//!
//! - [`AsyncReadExt`]: `read`, `read_exact`, `read_to_end`, numbers.
//! - [`AsyncWriteExt`]: `write_all`, `flush`, `shutdown`, numbers.
//! - [`AsyncBufReadExt`]: lines and other delimited pieces, of readers with a buffer.
//! - [`AsyncSeekExt`]: the position in a file.
//!
//! [`BufReader`], [`BufWriter`] and [`BufStream`] put buffers before them; [`copy`],
//! [`copy_bidirectional`] connect them; [`split`] and [`join()`] divide and unite; [`duplex`] and
//! [`simplex`] are streams in memory, [`empty`], [`sink`] and [`repeat`] trivial ones; [`stdin`],
//! [`stdout`] and [`stderr`] are the process's own. Sockets are in [`net`](crate::net).
//!
//! # Examples
//!
//! ```
//! use runtime::io::{self, AsyncBufReadExt, AsyncWriteExt, BufReader};
//!
//! #[runtime::main]
//! async fn main() -> io::Result<()> {
//!     let (mut client, server) = io::duplex(64);
//!     client.write_all(b"hello\nworld\n").await?;
//!     client.shutdown().await?;
//!     let mut lines = BufReader::new(server).lines();
//!     while let Some(line) = lines.next_line().await? {
//!         println!("{line}");
//!     }
//!     Ok(())
//! }
//! ```
//!
//! # Interruptions
//!
//! An error of kind [`Interrupted`](ErrorKind::Interrupted) says that nothing happened and that the
//! operation may be repeated. What reads or writes until something is complete (`read_exact`,
//! `read_to_end`, lines, numbers, `write_all`, the copies) repeats it; a single `read`, `write` or
//! `flush` passes it on.
//!
//! # Where things are
//!
//! One file for each type. The futures of the `Ext` traits are in `read_futures`, `read_to_end`,
//! `read_until`, `write_futures` and `number`. Everything that handles uninitialised memory is in
//! `uninit`.

mod async_buf_read_ext;
mod async_read_ext;
mod async_seek_ext;
mod async_write_ext;
mod buf_reader;
mod buf_stream;
mod buf_writer;
mod byte_queue;
mod chain;
mod copy;
mod copy_bidirectional;
mod duplex;
mod empty;
mod join;
mod lines;
mod number;
mod offloaded;
mod pipe;
mod read_futures;
mod read_memory;
mod read_to_end;
mod read_until;
mod repeat;
mod retry;
#[cfg(all(test, not(rt_loom)))]
pub(crate) mod script;
mod segments;
mod simplex;
mod sink;
mod split;
mod stdio;
mod take;
mod text;
mod uninit;
mod write_futures;

pub use async_buf_read_ext::AsyncBufReadExt;
pub use async_read_ext::AsyncReadExt;
pub use async_seek_ext::AsyncSeekExt;
pub use async_write_ext::AsyncWriteExt;
pub use buf_reader::BufReader;
pub use buf_stream::BufStream;
pub use buf_writer::BufWriter;
pub use chain::Chain;
pub use copy::{copy, copy_buf};
pub use copy_bidirectional::{copy_bidirectional, copy_bidirectional_with_sizes};
pub use duplex::{DuplexStream, duplex};
pub use empty::{Empty, empty};
pub use join::{Join, join};
pub use lines::Lines;
pub use repeat::{Repeat, repeat};
pub use runtime_base::io::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};
pub use runtime_net::{Interest, Ready};
pub use segments::Split;
pub use simplex::{SimplexStream, simplex};
pub use sink::{Sink, sink};
pub use split::{ReadHalf, WriteHalf, split};
pub use std::io::{Error, ErrorKind, Result, SeekFrom};
pub use stdio::{Stderr, Stdin, Stdout, stderr, stdin, stdout};
pub use take::Take;

/// Any descriptor, on Unix.
#[cfg(unix)]
pub mod unix {
    #[doc(hidden)]
    #[allow(deprecated)]
    pub use runtime_net::async_fd::AsyncFdTryNewError;
    pub use runtime_net::async_fd::{
        AsyncFd, AsyncFdReadyGuard, AsyncFdReadyMutGuard, AsyncFdRegisterError, TryIoError,
    };
}

/// The size of a buffer when the user did not say, in bytes; `std` has the same.
const DEFAULT_BUF_SIZE: usize = 8 * 1024;
