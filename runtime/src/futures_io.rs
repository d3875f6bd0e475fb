//! Wrappers between our I/O traits and those of the `futures` crates. Needs the feature
//! `futures-io`.
//!
//! - [`FromFutures`] takes a type with the traits of [`futures_io`](::futures_io) and gives it ours.
//! - [`IntoFutures`] takes a type with our traits and gives it those of [`futures_io`](::futures_io).
//!
//! Each wraps what there is: a type that only reads becomes one that only reads. Neither has a buffer
//! or costs more than the call.
//!
//! # Examples
//!
//! ```
//! use runtime::futures_io::{FromFutures, IntoFutures};
//! use runtime::io::{self, AsyncReadExt, AsyncWriteExt};
//!
//! #[runtime::main]
//! async fn main() -> io::Result<()> {
//!     // Ours, for a library of the futures world.
//!     let (near, mut far) = io::duplex(64);
//!     let theirs = IntoFutures::new(near);
//!     // And theirs, for us.
//!     let mut ours = FromFutures::new(theirs);
//!     ours.write_all(b"hello").await?;
//!     drop(ours);
//!     let mut text = String::new();
//!     far.read_to_string(&mut text).await?;
//!     assert_eq!(text, "hello");
//!     Ok(())
//! }
//! ```

mod from_futures;
mod into_futures;

pub use from_futures::FromFutures;
pub use into_futures::IntoFutures;
