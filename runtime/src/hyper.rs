//! hyper's runtime traits on this runtime: I/O, spawning, timers. Needs the feature `hyper`.
//!
//! hyper 1 knows no runtime. It asks for three things, and these are they:
//!
//! - [`HyperIo`] wraps a stream, such as a `TcpStream`, for hyper; and also the other way round, what
//!   hyper hands out after an upgrade for us.
//! - [`HyperExecutor`] spawns hyper's background tasks (HTTP/2 needs it).
//! - [`HyperTimer`] measures hyper's timeouts, such as that for reading a request's head.
//!
//! # Examples
//!
//! A server, with hyper's features `server` and `http1`:
//!
//! ```text
//! use runtime::hyper::{HyperIo, HyperTimer};
//!
//! let listener = runtime::net::TcpListener::bind("127.0.0.1:8080").await?;
//! loop {
//!     let (socket, _) = listener.accept().await?;
//!     runtime::spawn(
//!         hyper::server::conn::http1::Builder::new()
//!             .timer(HyperTimer::new())
//!             .serve_connection(HyperIo::new(socket), service_fn(hello)),
//!     );
//! }
//! ```

mod executor;
mod io;
mod timer;

pub use executor::HyperExecutor;
pub use io::HyperIo;
pub use timer::HyperTimer;
