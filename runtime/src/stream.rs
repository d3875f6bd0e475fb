//! `futures_core::Stream` for what yields one thing after another.
//!
//! Implemented directly by what can be polled as it is, and through a wrapper, with the names of
//! `tokio-stream`, by what needs a place to wait or lives in another crate:
//!
//! | what yields | as a stream | item |
//! |---|---|---|
//! | [`mpsc::Receiver`], [`mpsc::UnboundedReceiver`] | itself | `T` |
//! | [`mpmc::Receiver`], [`mpmc::UnboundedReceiver`] | [`MpmcStream`] | `T` |
//! | [`broadcast::Receiver`] | [`BroadcastStream`] | `Result<T, BroadcastStreamRecvError>` |
//! | [`watch::Receiver`] | [`WatchStream`] | `T`, a clone of what is watched |
//! | [`Interval`] | [`IntervalStream`] | [`Instant`] |
//! | [`Lines`], [`Split`] | itself | `io::Result<String>`, `io::Result<Vec<u8>>` |
//! | [`TcpListener`] | [`TcpListenerStream`] | `io::Result<TcpStream>` |
//! | [`JoinSet`] | itself | `Result<T, JoinError>` |
//!
//! A poll of a stream is one operation of the cooperative budget, as the method behind it. Nothing
//! is lost when the future of a combinator such as `next` is dropped: what the stream yields is
//! taken out of its source in the poll that returns it.
//!
//! # The end
//!
//! Streams of channels, lines and segments end when their source does, and may be polled after
//! that: they go on to say that they have ended. A [`JoinSet`] ends when it is empty, and goes on
//! when tasks are spawned on it. Intervals and listeners never end.
//!
//! # Examples
//!
//! ```
//! use std::future::poll_fn;
//! use std::pin::Pin;
//!
//! use futures_core::Stream;
//! use runtime::sync::mpsc;
//!
//! // What `StreamExt::next` of the `futures` crate does.
//! async fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
//!     poll_fn(|cx| Pin::new(&mut *stream).poll_next(cx)).await
//! }
//!
//! #[runtime::main]
//! async fn main() {
//!     let (sender, mut receiver) = mpsc::channel(8);
//!     sender.send("one").await.unwrap();
//!     drop(sender);
//!     assert_eq!(next(&mut receiver).await, Some("one"));
//!     assert_eq!(next(&mut receiver).await, None);
//! }
//! ```
//!
//! [`mpsc::Receiver`]: crate::sync::mpsc::Receiver
//! [`mpsc::UnboundedReceiver`]: crate::sync::mpsc::UnboundedReceiver
//! [`mpmc::Receiver`]: crate::sync::mpmc::Receiver
//! [`mpmc::UnboundedReceiver`]: crate::sync::mpmc::UnboundedReceiver
//! [`broadcast::Receiver`]: crate::sync::broadcast::Receiver
//! [`watch::Receiver`]: crate::sync::watch::Receiver
//! [`Interval`]: crate::time::Interval
//! [`Instant`]: crate::time::Instant
//! [`Lines`]: crate::io::Lines
//! [`Split`]: crate::io::Split
//! [`TcpListener`]: crate::net::TcpListener
//! [`JoinSet`]: crate::task::JoinSet

mod broadcast;
mod direct;
mod interval;
mod mpmc;
mod repeated;
mod tcp_listener;
mod watch;

pub use self::broadcast::{BroadcastStream, BroadcastStreamRecvError};
pub use self::interval::IntervalStream;
pub use self::mpmc::MpmcStream;
pub use self::tcp_listener::TcpListenerStream;
pub use self::watch::WatchStream;
