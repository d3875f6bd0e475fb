//! The sockets, driven by the smallest executor that can.

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
