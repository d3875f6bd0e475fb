//! The rows whose server is a process of its own, and their client another.

use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use crate::load::{Client, REQUEST, Speech};
use crate::process::{Cpus, confine_to};
use crate::row::{Cost, Flavour, Measure, Pace, Row, Unit, Work, Workload};
use crate::serving::{Server, Service};
use crate::sides::Side;
use crate::statistics::median;

/// A line of the table.
struct Line {
    work: Work,
    service: Service,
    connections: usize,
    speech: Speech,
    start: fn(&Line, Side, Flavour) -> Workload,
}

/// Numbers of a row whose requests are counted.
const SERVED: &[Measure] = &[
    Measure::only(Unit::Us),
    Measure {
        suffix: "_cpu",
        unit: Unit::CpuUs,
    },
    Measure {
        suffix: "_switches",
        unit: Unit::Times,
    },
];

const LATENCIES: &[Measure] = &[
    Measure {
        suffix: "_p50",
        unit: Unit::Us,
    },
    Measure {
        suffix: "_p99",
        unit: Unit::Us,
    },
    Measure {
        suffix: "_p999",
        unit: Unit::Us,
    },
];

const BYTES: &[Measure] = &[Measure::only(Unit::Bytes)];
const TIMES: &[Measure] = &[Measure::only(Unit::Times)];

/// Bytes of a large echo request.
const LARGE: usize = 16 * 1024;

const fn exchange(
    name: &'static str,
    service: Service,
    connections: usize,
    speech: Speech,
    about: &'static str,
) -> Line {
    Line {
        work: Work::new(name, SERVED, about).system(),
        service,
        connections,
        speech,
        start: start_exchange,
    }
}

const fn small_echo(name: &'static str, connections: usize, about: &'static str) -> Line {
    let service = Service::Echo(2 * REQUEST);
    exchange(name, service, connections, Speech::Echo(REQUEST), about)
}

const fn large_echo(name: &'static str, connections: usize, about: &'static str) -> Line {
    let speech = Speech::Echo(LARGE);
    exchange(name, Service::Echo(LARGE), connections, speech, about)
}

const fn latency(
    name: &'static str,
    start: fn(&Line, Side, Flavour) -> Workload,
    about: &'static str,
) -> Line {
    Line {
        work: Work::new(name, LATENCIES, about).system().at(Pace::Long),
        service: Service::Hash,
        connections: CLIENTS,
        speech: Speech::Open,
        start,
    }
}

const fn at_rest(
    name: &'static str,
    measures: &'static [Measure],
    start: fn(&Line, Side, Flavour) -> Workload,
    about: &'static str,
) -> Line {
    Line {
        work: Work::new(name, measures, about).system().at(Pace::Once),
        service: Service::Echo(2 * REQUEST),
        connections: 1_000,
        speech: Speech::Echo(REQUEST),
        start,
    }
}

const fn syscalls(name: &'static str, connections: usize, about: &'static str) -> Line {
    Line {
        connections,
        ..at_rest(name, TIMES, start_syscalls, about)
    }
}

impl Line {
    const fn heavy(mut self) -> Line {
        self.work = self.work.heavy();
        self
    }

    const fn confined(mut self) -> Line {
        self.work = self.work.confined();
        self
    }
}

#[rustfmt::skip]
const TABLE: &[Line] = &[
    small_echo("echo_1", 1, "64 bytes there and back, one connection").confined(),
    small_echo("echo_64", 64, "64 bytes there and back, one of 64 connections"),
    small_echo("echo_1000", 1_000, "64 bytes there and back, one of 1,000 connections"),
    small_echo("echo_10000", 10_000, "64 bytes there and back, one of 10,000 connections").heavy(),
    large_echo("echo_1_16k", 1, "16 KiB there and back, one connection").confined().heavy(),
    large_echo("echo_64_16k", 64, "16 KiB there and back, one of 64 connections"),
    large_echo("echo_1000_16k", 1_000, "16 KiB there and back, one of 1,000 connections").heavy(),
    large_echo("echo_10000_16k", 10_000, "16 KiB there and back, one of 10,000 connections").heavy(),
    exchange("request_timeout", Service::Timeout, 64, Speech::Echo(REQUEST), "64 bytes there and back, one of 64 connections, each read under a timeout"),
    exchange("proxy_64", Service::Proxy, 64, Speech::Echo(REQUEST), "64 bytes through a proxy to an echo server in the same runtime and back, one of 64 connections"),
    exchange("hyper_hello", Service::Hello, 64, Speech::Http, "a page of 13 bytes from hyper, one of 64 connections"),
    exchange("mix", Service::Mix, 64, Speech::Echo(REQUEST), "a request that sleeps 1 ms, fans out to 10 tasks, locks or hashes, by turns; one of 64 connections"),
    latency("latency_30", |line, side, flavour| start_latency(line, side, flavour, 0.3), "latency at 30 % of the rate that saturates Tokio: hash 10 us and echo, 64 connections, open loop, the client on a CPU of its own").heavy(),
    latency("latency_70", |line, side, flavour| start_latency(line, side, flavour, 0.7), "latency at 70 % of the rate that saturates Tokio").heavy(),
    latency("latency_90", |line, side, flavour| start_latency(line, side, flavour, 0.9), "latency at 90 % of the rate that saturates Tokio").heavy(),
    syscalls("syscalls_1", 1, "system calls of the server per request, 64 bytes there and back, one connection").confined().heavy(),
    syscalls("syscalls_64", 64, "system calls of the server per request, 64 bytes there and back, one of 64 connections").heavy(),
    at_rest("connection_bytes", BYTES, start_connection_bytes, "resident memory of the server per connection, of 1,000"),
    at_rest("rest_wakeups", TIMES, start_rest, "context switches of the server per second, at rest with 1,000 connections").heavy(),
];

/// All rows of this kind that `side` does.
#[must_use]
pub fn rows(side: Side, workers: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    for line in TABLE {
        if !does(side, line) {
            continue;
        }
        let multi = Flavour::MultiThread { workers };
        rows.push(Row::new(line.work, "", move || {
            (line.start)(line, side, multi)
        }));
        if side != Side::PerCore {
            rows.push(Row::new(line.work, "_ct", move || {
                (line.start)(line, side, Flavour::CurrentThread)
            }));
        }
    }
    rows
}

fn does(side: Side, line: &Line) -> bool {
    match side {
        Side::Ours | Side::Tokio => true,
        Side::PerCore => !line.work.is_confined,
        Side::Floor | Side::Smol => matches!(line.service, Service::Echo(_)),
    }
}

fn start_exchange(line: &Line, side: Side, flavour: Flavour) -> Workload {
    /// Requests per connection in one iteration: with fewer, a thousand connections would be
    /// measured starting and stopping.
    const REQUESTS: u64 = 5;
    let server = Server::start(side, flavour, line.service);
    let mut client = Client::start(server.address, line.connections, line.speech);
    Workload::new(line.connections as u64 * REQUESTS, move |iterations| {
        let before = server.usage();
        let wall = client.exchange(iterations * REQUESTS);
        let after = server.usage();
        Cost::Served {
            wall,
            cpu: after.cpu - before.cpu,
            switches: after.switches.saturating_sub(before.switches),
        }
    })
}

fn start_latency(line: &Line, side: Side, flavour: Flavour, share: f64) -> Workload {
    let rate = saturating_rate(flavour) * share;
    let (server, mut client) = start_apart(side, flavour, line.speech);
    Workload::new(1, move |_| {
        let _serves = &server;
        let interval = Duration::from_secs_f64(1.0 / rate);
        Cost::Values(client.load(interval, Duration::from_millis(300)))
    })
}

/// A client with a CPU of its own and a server with the others.
fn start_apart(side: Side, flavour: Flavour, speech: Speech) -> (Server, Client) {
    let server = {
        let _others = confine_to(Cpus::Others);
        Server::start(side, flavour.leaving_a_cpu(), Service::Hash)
    };
    let _last = confine_to(Cpus::Last);
    let client = Client::start(server.address, CLIENTS, speech);
    (server, client)
}

/// Connections of the latency rows.
const CLIENTS: usize = 64;

/// Requests per second that Tokio answers when every connection always has one under way.
fn saturating_rate(flavour: Flavour) -> f64 {
    static MULTI: OnceLock<f64> = OnceLock::new();
    static SINGLE: OnceLock<f64> = OnceLock::new();
    let rate = match flavour {
        Flavour::MultiThread { .. } => &MULTI,
        Flavour::CurrentThread => &SINGLE,
    };
    *rate.get_or_init(|| {
        let (_server, mut client) = start_apart(Side::Tokio, flavour, Speech::Echo(REQUEST));
        client.exchange(50);
        let rates: Vec<f64> = (0..5)
            .map(|_| {
                const REQUESTS: u64 = 50;
                let time = client.exchange(REQUESTS);
                (REQUESTS * CLIENTS as u64) as f64 / time.as_secs_f64()
            })
            .collect();
        median(&rates)
    })
}

fn start_syscalls(line: &Line, side: Side, flavour: Flavour) -> Workload {
    const REQUESTS: u64 = 20_000;
    let (server, counter) = Server::start_counted(side, flavour, line.service);
    let connections = line.connections as u64;
    let mut client = Client::start(server.address, line.connections, line.speech);
    Workload::new(1, move |_| {
        let _serves = &server;
        let Some(counter) = &counter else {
            return Cost::value(f64::NAN);
        };
        let before = counter.count();
        client.exchange(REQUESTS / connections);
        let requests = REQUESTS / connections * connections;
        Cost::value((counter.count() - before) as f64 / requests as f64)
    })
}

fn start_connection_bytes(line: &Line, side: Side, flavour: Flavour) -> Workload {
    let server = Server::start(side, flavour, line.service);
    let first = Client::start(server.address, 1, line.speech);
    let before = server.usage().resident;
    let others = Client::start(server.address, line.connections, line.speech);
    let bytes = server.usage().resident.saturating_sub(before) as f64 / line.connections as f64;
    Workload::new(1, move |_| {
        // They stay open, with their server, as long as the row is measured.
        let _open = (&server, &first, &others);
        Cost::value(bytes)
    })
}

fn start_rest(line: &Line, side: Side, flavour: Flavour) -> Workload {
    const TIME: Duration = Duration::from_secs(3);
    let server = Server::start(side, flavour, line.service);
    let connections = Client::start(server.address, line.connections, line.speech);
    Workload::new(1, move |_| {
        let _open = &connections;
        let before = server.usage().switches;
        thread::sleep(TIME);
        let switches = server.usage().switches.saturating_sub(before);
        Cost::value(switches as f64 / TIME.as_secs_f64())
    })
}
