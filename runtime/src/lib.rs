//! An async/await runtime.

#![deny(unsafe_code)]

pub mod io;
pub mod net;
pub mod sync;
pub mod task;
pub mod time;

#[cfg(feature = "futures-io")]
pub mod futures_io;
#[cfg(feature = "hyper")]
pub mod hyper;
#[cfg(feature = "tokio-io")]
pub mod tokio_io;

#[doc(hidden)]
pub mod macros;
#[cfg(feature = "macros")]
pub use runtime_macros::{main, test};
