//! The client of a served row, as a process of its own.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::{Dialogue, EchoClient, Load, OpenLoop};
use crate::child::{Child, answer, say};
use crate::statistics::quantile;

/// A process with connections to a server.
#[derive(Debug)]
pub struct Client {
    child: Child,
}

/// What the connections say.
#[derive(Clone, Copy, Debug)]
pub enum Speech {
    /// So many bytes, which come back.
    Echo(usize),
    /// A request of HTTP, answered by a page with the body [`HELLO`].
    Http,
    /// Bytes that come back, asked for at a constant rate.
    Open,
}

/// The page that says hello.
pub const HELLO: &str = "Hello, world!";

/// Percentiles of latencies, in microseconds.
pub const PERCENTILES: [f64; 3] = [0.5, 0.99, 0.999];

impl Client {
    /// Starts it and waits until `connections` connections to `address` are open.
    #[must_use]
    pub fn start(address: SocketAddr, connections: usize, speech: Speech) -> Client {
        let speech = match speech {
            Speech::Echo(size) => size.to_string(),
            Speech::Http => "http".to_owned(),
            Speech::Open => "open".to_owned(),
        };
        let arguments = [address.to_string(), connections.to_string(), speech];
        let mut child = Child::start("client", &arguments);
        child.hear();
        Client { child }
    }

    /// Exchanges `requests` requests on each connection, each after the answer to the one before.
    /// Gives how long it took.
    pub fn exchange(&mut self, requests: u64) -> Duration {
        let answer = self.child.ask(&requests.to_string());
        Duration::from_nanos(answer.parse().expect("a child does not count"))
    }

    /// Sends a request every `interval`, for `duration`. Gives the [`PERCENTILES`] of the latencies.
    pub fn load(&mut self, interval: Duration, duration: Duration) -> Vec<f64> {
        let (interval, duration) = (interval.as_nanos(), duration.as_nanos());
        let answer = self.child.ask(&format!("{interval} {duration}"));
        let numbers = answer.split(' ').map(str::parse);
        numbers.collect::<Result<_, _>>().expect("numbers")
    }
}

/// In the child.
pub fn run_client(arguments: &[String]) {
    let [address, connections, speech] = arguments else {
        panic!("a client has an address, a number of connections and something to say");
    };
    let address: SocketAddr = address.parse().expect("an address");
    let connections = connections.parse().expect("a number");
    let dialogue = match speech.as_str() {
        "open" => return ask_at_a_rate(OpenLoop::connect(address, connections)),
        "http" => http(address),
        size => Dialogue::echo(size.parse().expect("a size")),
    };
    let mut client = EchoClient::connect(address, connections, dialogue);
    say("ready");
    answer(|requests| {
        let start = Instant::now();
        client.exchange(requests.parse().expect("a number"));
        start.elapsed().as_nanos().to_string()
    });
}

fn ask_at_a_rate(mut client: OpenLoop) {
    say("ready");
    answer(|line| {
        let (interval, duration) = line.split_once(' ').expect("two numbers");
        let nanoseconds = |text: &str| Duration::from_nanos(text.parse().expect("a number"));
        let latencies: Vec<f64> = client
            .run(Load {
                interval: nanoseconds(interval),
                duration: nanoseconds(duration),
                patience: Duration::from_secs(1),
            })
            .into_iter()
            .map(|latency| latency.as_secs_f64() * 1e6)
            .collect();
        PERCENTILES
            .map(|share| quantile(&latencies, share).to_string())
            .join(" ")
    });
}

/// The dialogue with a server of [`HELLO`], whose answers have a head of constant length.
fn http(address: SocketAddr) -> Dialogue {
    use std::io::{Read, Write};
    let request = format!("GET / HTTP/1.1\r\nHost: {address}\r\n\r\n").into_bytes();
    let mut stream = std::net::TcpStream::connect(address).expect("cannot connect to the server");
    stream.write_all(&request).expect("cannot send a request");
    let mut answer = Vec::new();
    while !answer.ends_with(HELLO.as_bytes()) {
        let mut byte = [0];
        stream
            .read_exact(&mut byte)
            .expect("a request was not answered");
        answer.push(byte[0]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "not the page");
    Dialogue {
        request,
        answer: answer.len(),
    }
}
