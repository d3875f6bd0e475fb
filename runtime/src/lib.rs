//! An async/await runtime: an executor, sockets, timers, and everything a program awaits.
//!
//! Programs are written in straight-line code, where evented programs once had callbacks:
//!
//! ```no_run
//! use runtime::io::{AsyncReadExt, AsyncWriteExt};
//! use runtime::net::TcpListener;
//!
//! #[runtime::main]
//! async fn main() -> std::io::Result<()> {
//!     let listener = TcpListener::bind("127.0.0.1:8080").await?;
//!     loop {
//!         let (mut socket, _) = listener.accept().await?;
//!         runtime::spawn(async move {
//!             let mut buf = [0; 1024];
//!             while let Ok(n @ 1..) = socket.read(&mut buf).await {
//!                 if socket.write_all(&buf[..n]).await.is_err() {
//!                     break;
//!                 }
//!             }
//!         });
//!     }
//! }
//! ```
//!
//! # Where to find what
//!
//! | module | what it holds |
//! |---|---|
//! | [`task`] | spawn tasks, wait for them, cancel them, give way to them |
//! | [`net`] | TCP, UDP, Unix sockets, pipes |
//! | [`fs`] | files and directories |
//! | [`time`] | sleep, timeout, interval, a clock that tests can pause |
//! | [`io`] | the I/O traits and what is built on them |
//! | [`process`] | child processes and their pipes (Unix) |
//! | [`signal`] | Ctrl-C and the other signals of the system (Unix) |
//! | [`sync`] | channels, locks and notifications |
//! | [`mod@runtime`] | build a runtime with settings of your own |
//!
//! Names, signatures and semantics are those of Tokio 1.54, so that habits and code carry over.
//!
//! # Features
//!
//! - `macros` (default): `#[runtime::main]`, `#[runtime::test]`, [`select!`], [`join!`], [`try_join!`].
//! - `hyper`: hyper's runtime traits.
//! - `futures-io`, `tokio-io`: wrappers both ways for the I/O traits of others.
//! - `taskdump`: [`Handle::dump`], what every task waits for.
//! - `tokio-defaults`: Tokio's names for threads and for the variable with their number, and Tokio's panic where a
//!   task blocks on a future.
//! - `stream`: `futures_core::Stream` for what yields one thing after another.
//! - `stall-stacks`: native stacks in the reports of stalls (Linux on x86-64 and AArch64).
//!
//! # How it works
//!
//! `docs/architecture.md` in the repository follows a task, a socket's readiness and a timer through
//! the code.

#![deny(unsafe_code)]

pub mod fs;
pub mod io;
pub mod net;
#[cfg(unix)]
pub mod process;
pub mod runtime;
#[cfg(unix)]
pub mod signal;
pub mod sync;
pub mod task;
pub mod time;

#[cfg(feature = "futures-io")]
pub mod futures_io;
#[cfg(feature = "hyper")]
pub mod hyper;
#[cfg(feature = "stream")]
pub mod stream;
#[cfg(feature = "tokio-io")]
pub mod tokio_io;

mod contained;
#[doc(hidden)]
pub mod macros;
mod promised;
mod queue;
mod scheduler;
mod spare;
mod watchdog;
#[cfg(any(feature = "futures-io", feature = "tokio-io", feature = "hyper"))]
mod wrapper;

#[cfg(feature = "macros")]
pub use macros::{main, test};
pub use runtime::{Builder, Handle, Runtime};
pub use task::spawn;

/// The README's program compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
