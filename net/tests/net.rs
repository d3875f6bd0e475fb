//! The sockets, driven by the smallest executor that can.

#[cfg(unix)]
#[path = "net/async_fd.rs"]
mod async_fd;
#[path = "net/executor.rs"]
mod executor;
#[cfg(unix)]
#[path = "net/pipe.rs"]
mod pipe;
#[path = "net/reactor.rs"]
mod reactor;
#[path = "net/tcp.rs"]
mod tcp;
#[path = "net/udp.rs"]
mod udp;
#[cfg(unix)]
#[path = "net/unix.rs"]
mod unix;
