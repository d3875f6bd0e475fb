//! The clients of the socket rows.
//!
//! They know neither runtime: plain threads, with the blocking sockets of the standard library or
//! with a bare mio loop, the same for both sides. Between rounds they sleep.

mod crew;
mod echo_client;
mod visitor;

pub use crew::Crew;
pub use echo_client::EchoClient;
pub use visitor::Visitor;

/// Bytes of one echo request.
pub const REQUEST: usize = 64;
