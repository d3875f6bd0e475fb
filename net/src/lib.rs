//! The reactor and the sockets.
//!
//! A socket is tried first and waited for second: every operation calls the system, and only when
//! the system says that it would block does the socket register with a reactor and its task go to
//! sleep. A few workers share a reactor, so that a task follows its sockets and the workers of a large
//! machine do not all meet at one set of descriptors.
//!
//! How an event reaches a task, in the order of reading:
//!
//! 1. [`Reactor`] waits in `mio::Poll`, finds the source of each event, and marks it;
//! 2. `readiness` holds what is known about one source, and who waits for it;
//! 3. `source` is the one loop "try, would block, wait" that every socket type goes through;
//! 4. the sockets themselves ([`TcpStream`], [`TcpListener`], [`UdpSocket`]) are thin.
//!
//! Users of the runtime find the public types under `runtime::net`, and [`Interest`] and [`Ready`]
//! under `runtime::io`.

#![deny(unsafe_code)]

mod addr;
#[cfg(unix)]
pub mod async_fd;
mod current;
mod datagram;
#[cfg(unix)]
mod descriptor;
mod halves;
mod interest;
mod ip_options;
mod reactor;
mod readiness;
mod ready;
mod source;
mod stream;
pub mod tcp;
mod udp;
#[cfg(unix)]
pub mod unix;

pub use addr::{ToSocketAddrs, lookup_host};
pub use current::{CurrentReactor, enter, enter_asking};
#[doc(hidden)]
pub use current::{home as current_reactor, try_home as try_current_reactor};
#[cfg(unix)]
#[doc(hidden)]
pub use descriptor::{Descriptor, set_nonblocking};
pub use interest::Interest;
pub use reactor::{Counts, Reactor, ReactorHandle};
pub use ready::Ready;
pub use tcp::listener::TcpListener;
pub use tcp::socket::TcpSocket;
pub use tcp::stream::TcpStream;
pub use udp::socket::UdpSocket;
pub use udp::{RecvBatch, RecvDatagram, RecvDatagrams};
#[cfg(unix)]
pub use unix::{
    datagram::UnixDatagram, listener::UnixListener, socket::UnixSocket, stream::UnixStream,
};
