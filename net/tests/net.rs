//! The sockets, driven by the smallest executor that can.

#[cfg(unix)]
#[path = "net/async_fd.rs"]
mod async_fd;
#[path = "net/executor.rs"]
mod executor;
#[path = "net/reactor.rs"]
mod reactor;
#[path = "net/tcp.rs"]
mod tcp;
#[path = "net/udp.rs"]
mod udp;
#[cfg(unix)]
#[path = "net/unix.rs"]
mod unix;
