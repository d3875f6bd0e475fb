//! The traits of asynchronous bytes, with the names and contracts that Tokio's users know.
//!
//! - [`AsyncRead`], [`AsyncWrite`], [`AsyncBufRead`], [`AsyncSeek`]: what a source or sink of bytes
//!   implements.
//! - [`ReadBuf`]: the buffer that a read fills, which may be uninitialised.

mod async_buf_read;
mod async_read;
mod async_seek;
mod async_write;
mod read_buf;

pub use async_buf_read::AsyncBufRead;
pub use async_read::AsyncRead;
pub use async_seek::AsyncSeek;
pub use async_write::AsyncWrite;
pub use read_buf::ReadBuf;
