//! Servers, each in a process of its own.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::str::FromStr;

use socket2::{Domain, Socket, Type};

use crate::child::{Child, say};
use crate::process::{SyscallCounter, Usage};
use crate::row::Flavour;
use crate::sides::Side;
use crate::{floor, ours, peer, smol};

/// What a server does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Sends it back, through a buffer of so many bytes.
    Echo(usize),
    /// Sends it back, and each read has a timeout.
    Timeout,
    /// Hashes for some ten microseconds, and sends it back.
    Hash,
    /// Hands it to an echo server in the same runtime, and the answer back.
    Proxy,
    /// Says hello with hyper.
    Hello,
    /// By turns: sleeps a millisecond, fans out to ten tasks, locks what all share, hashes; and sends
    /// it back.
    Mix,
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Service::Echo(room) => write!(f, "{room}"),
            Service::Timeout => f.write_str("timeout"),
            Service::Hash => f.write_str("hash"),
            Service::Proxy => f.write_str("proxy"),
            Service::Hello => f.write_str("hello"),
            Service::Mix => f.write_str("mix"),
        }
    }
}

impl FromStr for Service {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [
            Service::Timeout,
            Service::Hash,
            Service::Proxy,
            Service::Hello,
            Service::Mix,
        ];
        if let Some(service) = all.into_iter().find(|service| service.to_string() == text) {
            return Ok(service);
        }
        let room = text.parse().map_err(|_| format!("no service `{text}`"))?;
        Ok(Service::Echo(room))
    }
}

/// A server that runs. Dropping it ends it.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where it serves.
    pub address: SocketAddr,
}

impl Server {
    /// Starts a process that serves.
    ///
    /// # Panics
    ///
    /// If it cannot.
    #[must_use]
    pub fn start(side: Side, flavour: Flavour, service: Service) -> Server {
        let mut server = Server::start_waiting(side, flavour, service);
        server.begin();
        server
    }

    /// The same, with its system calls counted if the system lets us. That makes every system call
    /// of every process slower.
    #[must_use]
    pub fn start_counted(
        side: Side,
        flavour: Flavour,
        service: Service,
    ) -> (Server, Option<SyscallCounter>) {
        let mut server = Server::start_waiting(side, flavour, service);
        // It has no other threads before it is told to begin.
        let counter = server.child.count_syscalls();
        server.begin();
        (server, counter)
    }

    fn start_waiting(side: Side, flavour: Flavour, service: Service) -> Server {
        let workers = match flavour {
            Flavour::MultiThread { workers } => workers,
            Flavour::CurrentThread => 0,
        };
        let arguments = [side.to_string(), workers.to_string(), service.to_string()];
        Server {
            child: Child::start("serve", &arguments),
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        }
    }

    fn begin(&mut self) {
        let address = self.child.ask("begin");
        self.address = address.parse().expect("a server says where it serves");
    }

    /// What its process has used so far.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.child.usage()
    }
}

/// In the child: serves for ever.
pub fn run(arguments: &[String]) {
    let [side, workers, service] = arguments else {
        panic!("a server has a side, a number of workers and a service");
    };
    let side: Side = side.parse().expect("a side");
    let service: Service = service.parse().expect("a service");
    let flavour = match workers.parse().expect("a number") {
        0 => Flavour::CurrentThread,
        workers => Flavour::MultiThread { workers },
    };
    let listener = listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    let address = listener.local_addr().expect("it is bound");
    say(&address.to_string());
    match side {
        Side::Ours => ours::serve(flavour, service, listener),
        Side::Tokio => peer::serve(flavour, service, listener),
        Side::PerCore => per_core(flavour, service, listener),
        Side::Floor => floor::serve(service, listener),
        Side::Smol => smol::serve(flavour, service, listener),
    }
}

/// One current-thread Tokio per CPU, each with a listener of its own for the same address.
fn per_core(flavour: Flavour, service: Service, listener: TcpListener) {
    let Flavour::MultiThread { workers } = flavour else {
        panic!("one runtime per CPU is several");
    };
    let address = listener.local_addr().expect("it is bound");
    for _ in 1..workers {
        std::thread::spawn(move || {
            peer::serve(Flavour::CurrentThread, service, listen(address));
        });
    }
    peer::serve(Flavour::CurrentThread, service, listener);
}

/// Listens in a way that lets others listen at the same address.
fn listen(address: SocketAddr) -> TcpListener {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None);
    let listener = socket.and_then(|socket| {
        #[cfg(unix)]
        socket.set_reuse_port(true)?;
        socket.bind(&address.into())?;
        socket.listen(1024)?;
        socket.set_nonblocking(true)?;
        Ok(socket.into())
    });
    listener.expect("cannot listen on loopback")
}
