//! The rows, for the runtime that `rt` is.

#[cfg(unix)]
use super::SIGNAL;
use super::{for_hyper, receive_burst, rt};
use crate::row::{Flavour, Measure, Pace, Row, Unit, Work, Workload};

mod channels;
mod countdown;
mod datagrams;
mod fanout;
mod files;
mod locks;
mod memory;
mod paths;
mod services;
mod signals;
mod sockets;
mod stalls;
mod streams;
mod tasks;
mod timers;
#[cfg(unix)]
mod unix;

pub use paths::walk;
pub use services::serve;
pub use stalls::victim;

use rt::runtime::{Builder, Runtime};

/// Which flavours a line of the table stands for.
#[derive(Clone, Copy)]
enum On {
    /// Multi-thread, and current-thread with the suffix `_ct`.
    Both,
    /// Multi-thread.
    Multi,
}

use On::{Both, Multi};
use Pace::{Long, Once};

/// A line of the table.
struct Line {
    work: Work,
    on: On,
    /// Whether the thread that measures never waits for long; see [`Flavour::leaving_a_cpu`].
    caller_is_busy: bool,
    start: fn(Runtime) -> Workload,
}

const NS: &[Measure] = &[Measure::only(Unit::Ns)];
const US: &[Measure] = &[Measure::only(Unit::Us)];
const CPU_NS: &[Measure] = &[Measure::only(Unit::CpuNs)];
const BYTES: &[Measure] = &[Measure::only(Unit::Bytes)];

const MILLION_TIMERS: &[Measure] = &[
    Measure {
        suffix: "_insert",
        unit: Unit::Ns,
    },
    Measure {
        suffix: "_drop",
        unit: Unit::Ns,
    },
];

const MILLION_SLEEPERS: &[Measure] = &[
    Measure {
        suffix: "_start",
        unit: Unit::Ns,
    },
    Measure {
        suffix: "_bytes",
        unit: Unit::Bytes,
    },
    Measure {
        suffix: "_end",
        unit: Unit::Ns,
    },
];

const fn row(
    name: &'static str,
    on: On,
    measures: &'static [Measure],
    start: fn(Runtime) -> Workload,
    about: &'static str,
) -> Line {
    Line {
        work: Work::new(name, measures, about),
        on,
        caller_is_busy: false,
        start,
    }
}

impl Line {
    const fn system(mut self) -> Line {
        self.work = self.work.system();
        self
    }

    const fn heavy(mut self) -> Line {
        self.work = self.work.heavy();
        self
    }

    const fn confined(mut self) -> Line {
        self.work = self.work.confined();
        self
    }

    const fn beside_a_busy_caller(mut self) -> Line {
        self.caller_is_busy = true;
        self
    }

    const fn at(mut self, pace: Pace) -> Line {
        self.work = self.work.at(pace);
        self
    }
}

#[rustfmt::skip]
const TABLE: &[Line] = &[
    row("spawn_local", Both, NS, tasks::spawn_local, "a task spawned by a task, run to its end"),
    row("spawn_remote", Both, NS, tasks::spawn_remote, "a task spawned from outside of the runtime and joined"),
    row("spawn_busy", Both, NS, tasks::spawn_busy, "a task spawned from outside while 8 tasks keep the workers busy, and joined").beside_a_busy_caller(),
    row("spawn_join", Both, NS, tasks::spawn_join, "a task spawned by a task and joined before the next"),
    row("fan_out_100", Both, NS, tasks::fan_out_100, "100 tasks of two turns spawned by a task and joined"),
    row("block_on", Both, NS, tasks::block_on, "block_on of a future that is ready"),
    row("yield_many", Both, NS, tasks::yield_many, "one yield_now of one of 200 tasks"),
    row("ping_pong", Both, NS, tasks::ping_pong, "two tasks that exchange two oneshots"),
    row("chained_spawn", Both, NS, tasks::chained_spawn, "a task that spawns the next and ends"),
    row("joinset_10k", Both, NS, tasks::joinset_10k, "a task of 10,000 in a JoinSet, spawned and joined"),
    row("spawn_blocking", Both, NS, tasks::spawn_blocking, "spawn_blocking of nothing, awaited").system().confined(),
    row("spawn_blocking_100", Both, NS, tasks::spawn_blocking_100, "spawn_blocking of nothing, one of 100 at a time").system(),
    row("mpsc_1p1c", Both, NS, channels::mpsc_1p1c, "a value through a channel of 100, one sender"),
    row("mpsc_5p1c", Both, NS, channels::mpsc_5p1c, "a value through a channel of 100, five senders"),
    row("mpsc_unbounded", Both, NS, channels::mpsc_unbounded, "a value through an unbounded channel, five senders"),
    row("mpsc_small", Multi, NS, channels::mpsc_small, "a channel of 8 made, used for one value, dropped"),
    row("oneshot", Both, NS, channels::oneshot, "a oneshot made, sent and received by one task"),
    row("request_reply", Both, NS, channels::request_reply, "a question over an mpsc channel, its answer over a oneshot"),
    row("broadcast_1to16", Both, NS, fanout::broadcast_1to16, "a value received by each of 16 receivers"),
    row("watch_1to16", Both, NS, fanout::watch_1to16, "a value seen by each of 16 receivers, acknowledged"),
    row("select_4", Multi, NS, channels::select_4, "a value by select! over four channels"),
    row("mutex_uncontended", Multi, NS, locks::mutex_uncontended, "lock and unlock, nobody else there"),
    row("mutex_contended", Both, NS, locks::mutex_contended, "lock, yield, unlock by one of 8 tasks"),
    row("rwlock_uncontended", Multi, NS, locks::rwlock_uncontended, "lock for reading and unlock, nobody else there"),
    row("rwlock_10r1w", Both, NS, locks::rwlock_10r1w, "lock, yield, unlock by one of 10 readers and a writer"),
    row("semaphore_uncontended", Multi, NS, locks::semaphore_uncontended, "acquire and release, nobody else there"),
    row("semaphore", Both, NS, locks::semaphore, "acquire, yield, release by one of 8 tasks, 4 permits"),
    row("barrier_8", Both, NS, locks::barrier_8, "a wait of one of 8 tasks that meet"),
    row("once_cell", Multi, NS, locks::once_cell, "get_or_init of a cell that is full"),
    row("notify_1", Both, NS, signals::notify_1, "a notify_one from one task to another and back"),
    row("notify_100", Both, NS, signals::notify_100, "one of 100 tasks woken by notify_waiters"),
    row("timer_insert_drop", Both, NS, timers::insert_drop, "a sleep polled once and dropped"),
    row("timeout", Both, NS, timers::timeouts, "a timeout around a yield_now"),
    row("time_now", Multi, NS, timers::time_now, "Instant::now"),
    row("timer_fire", Both, CPU_NS, timers::fire, "a sleep that ends, one of 500 at a time"),
    row("timers_1m", Both, MILLION_TIMERS, timers::timers_1m, "one of 1,000,000 timers that are there at a time: inserted, and dropped").heavy().at(Long),
    row("timers_due_100k", Both, NS, timers::timers_due, "one of 100,000 tasks whose sleep ends at the same time: from then until it runs, all together").heavy().at(Long),
    row("sleeping_1m", Both, MILLION_SLEEPERS, timers::sleeping_1m, "one of 1,000,000 sleeping tasks: spawned until it sleeps, its heap, aborted and joined").heavy().at(Long),
    row("copy", Both, NS, streams::copy, "4 KiB of a copy from memory to a sink"),
    row("duplex", Both, NS, streams::duplex_4k, "4 KiB through a duplex of 16 KiB, from task to task"),
    row("lines", Both, NS, streams::lines, "a line of 40 bytes from a BufReader over memory"),
    row("accept_close", Both, US, sockets::accept_close, "a connection opened, accepted and closed").system(),
    row("udp_echo", Both, US, datagrams::udp_echo, "a datagram of 64 bytes there and back").system().confined(),
    row("udp_batch", Both, NS, datagrams::udp_batch, "one of 128 datagrams that have arrived, received: by recv_many here, by try_recv_from in a loop on Tokio").system(),
    #[cfg(unix)]
    row("unix_echo", Both, US, unix::unix_echo, "64 bytes there and back over a UnixStream").system().confined(),
    #[cfg(unix)]
    row("pipe", Both, NS, unix::pipe, "4 KiB written to a pipe by one task and read by another").system(),
    #[cfg(unix)]
    row("spawn_process", Both, US, unix::spawn_process, "/bin/true started and waited for").system().confined(),
    #[cfg(unix)]
    row("signal", Both, US, unix::signal, "a signal that the process raises, until recv returns").system().confined(),
    row("fs_read_small", Both, NS, files::fs_read_small, "rewind and read 4 KiB, in the page cache, of an open file").system(),
    row("fs_read_whole", Both, NS, files::fs_read_whole, "fs::read of a file of 4 KiB, in the page cache").system().confined(),
    row("fs_write_small", Both, NS, files::fs_write_small, "write 4 KiB to an open file and flush").system().confined(),
    row("fs_read_big", Multi, US, files::fs_read_big, "one MiB of a file of 64 MiB, in the page cache, read 64 KiB at a time").system(),
    row("fs_read_1g", Multi, US, files::fs_read_1g, "one MiB of a file of 1 GiB, in the page cache, read 64 KiB at a time").system().heavy().at(Long),
    row("task_bytes", Both, BYTES, memory::task_bytes, "heap per live task beyond its future").at(Once),
    row("future_bytes", Multi, BYTES, memory::future_bytes, "sum of the sizes of common futures").at(Once),
];

/// All rows, in the order in which they are printed, on `workers` workers where there are several.
pub fn rows(workers: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    for line in TABLE {
        let mut multi = Flavour::MultiThread { workers };
        if line.caller_is_busy {
            multi = multi.leaving_a_cpu();
        }
        rows.push(Row::new(line.work, "", move || (line.start)(build(multi))));
        if let On::Both = line.on {
            rows.push(Row::new(line.work, "_ct", move || {
                (line.start)(build(Flavour::CurrentThread))
            }));
        }
    }
    rows
}

/// A runtime with the defaults of its crate.
fn build(flavour: Flavour) -> Runtime {
    let mut builder = match flavour {
        Flavour::MultiThread { workers } => {
            let mut builder = Builder::new_multi_thread();
            builder.worker_threads(workers);
            builder
        }
        Flavour::CurrentThread => Builder::new_current_thread(),
    };
    builder
        .enable_all()
        .build()
        .expect("cannot build a runtime")
}

/// `iterations` times what `make` makes, as a task: on a worker where there are workers.
fn repeat<F>(runtime: &Runtime, iterations: u64, mut make: impl FnMut() -> F) -> crate::row::Cost
where
    F: Future<Output = ()> + Send + 'static,
{
    crate::row::Cost::of(|| {
        for _ in 0..iterations {
            let task = runtime.spawn(make());
            runtime.block_on(task).expect("the workload panicked");
        }
    })
}
