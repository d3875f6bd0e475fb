//! Sockets.
//!
//! A socket belongs to the runtime in whose context it was made; using one outside of a runtime, or
//! with I/O not enabled, panics at the caller's line. It registers with a reactor only when it first
//! has to wait, and then with the reactor of the worker that polls it.
//!
//! The crate `runtime-net` holds all of it but [`connect_racing`], which needs time too; its module
//! documentation tells how readiness travels.

mod racing;

pub use self::racing::connect_racing;
pub use runtime_net::{
    RecvBatch, RecvDatagram, RecvDatagrams, TcpListener, TcpSocket, TcpStream, ToSocketAddrs,
    UdpSocket, lookup_host, tcp,
};

#[cfg(unix)]
pub use runtime_net::{UnixDatagram, UnixListener, UnixSocket, UnixStream, unix};
