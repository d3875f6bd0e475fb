//! The rows, for the runtime that `rt` is.

#[cfg(unix)]
use super::SIGNAL;
use super::{receive_burst, rt};
use crate::row::{Flavour, Row, Unit, Workload};

mod channels;
mod countdown;
mod datagrams;
mod fanout;
mod files;
mod locks;
mod memory;
mod signals;
mod sockets;
mod tasks;
mod timers;
#[cfg(unix)]
mod unix;

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
use Unit::{Bytes, CpuNs, Ns, Us};

type Line = (
    &'static str,
    On,
    Unit,
    fn(Runtime) -> Workload,
    &'static str,
);

#[rustfmt::skip]
const TABLE: &[Line] = &[
    ("spawn_local", Both, Ns, tasks::spawn_local, "a task spawned by a task, run to its end"),
    ("spawn_remote", Both, Ns, tasks::spawn_remote, "a task spawned from outside of the runtime and joined"),
    ("yield_many", Both, Ns, tasks::yield_many, "one yield_now of one of 200 tasks"),
    ("ping_pong", Both, Ns, tasks::ping_pong, "two tasks that exchange two oneshots"),
    ("chained_spawn", Both, Ns, tasks::chained_spawn, "a task that spawns the next and ends"),
    ("joinset_10k", Both, Ns, tasks::joinset_10k, "a task of 10,000 in a JoinSet, spawned and joined"),
    ("spawn_blocking", Both, Ns, tasks::spawn_blocking, "spawn_blocking of nothing, awaited"),
    ("mpsc_1p1c", Both, Ns, channels::mpsc_1p1c, "a value through a channel of 100, one sender"),
    ("mpsc_5p1c", Both, Ns, channels::mpsc_5p1c, "a value through a channel of 100, five senders"),
    ("mpsc_unbounded", Both, Ns, channels::mpsc_unbounded, "a value through an unbounded channel, five senders"),
    ("mpsc_small", Multi, Ns, channels::mpsc_small, "a channel of 8 made, used for one value, dropped"),
    ("oneshot", Both, Ns, channels::oneshot, "a oneshot made, sent and received by one task"),
    ("broadcast_1to16", Both, Ns, fanout::broadcast_1to16, "a value received by each of 16 receivers"),
    ("watch_1to16", Both, Ns, fanout::watch_1to16, "a value seen by each of 16 receivers, acknowledged"),
    ("select_4", Multi, Ns, channels::select_4, "a value by select! over four channels"),
    ("mutex_uncontended", Multi, Ns, locks::mutex_uncontended, "lock and unlock, nobody else there"),
    ("mutex_contended", Both, Ns, locks::mutex_contended, "lock, yield, unlock by one of 8 tasks"),
    ("rwlock_10r1w", Both, Ns, locks::rwlock_10r1w, "lock, yield, unlock by one of 10 readers and a writer"),
    ("semaphore", Both, Ns, locks::semaphore, "acquire, yield, release by one of 8 tasks, 4 permits"),
    ("notify_1", Both, Ns, signals::notify_1, "a notify_one from one task to another and back"),
    ("notify_100", Both, Ns, signals::notify_100, "one of 100 tasks woken by notify_waiters"),
    ("timer_insert_drop", Both, Ns, timers::insert_drop, "a sleep polled once and dropped"),
    ("timer_fire", Both, CpuNs, timers::fire, "a sleep that ends, one of 500 at a time"),
    ("echo_1", Both, Us, sockets::echo_1, "64 bytes there and back, one connection"),
    ("echo_64", Both, Us, sockets::echo_64, "64 bytes there and back, one of 64 connections"),
    ("echo_1000", Both, Us, sockets::echo_1000, "64 bytes there and back, one of 1,000 connections"),
    ("accept_close", Both, Us, sockets::accept_close, "a connection opened, accepted and closed"),
    ("udp_echo", Both, Us, datagrams::udp_echo, "a datagram of 64 bytes there and back"),
    ("udp_batch", Both, Ns, datagrams::udp_batch, "one of 128 datagrams that have arrived, received: by recv_many here, by try_recv_from in a loop on Tokio"),
    #[cfg(unix)]
    ("unix_echo", Both, Us, unix::unix_echo, "64 bytes there and back over a UnixStream"),
    #[cfg(unix)]
    ("pipe", Both, Ns, unix::pipe, "4 KiB written to a pipe by one task and read by another"),
    #[cfg(unix)]
    ("spawn_process", Both, Us, unix::spawn_process, "/bin/true started and waited for"),
    #[cfg(unix)]
    ("signal", Both, Us, unix::signal, "a signal that the process raises, until recv returns"),
    ("fs_read_small", Both, Ns, files::fs_read_small, "rewind and read 4 KiB, in the page cache, of an open file"),
    ("fs_read_whole", Both, Ns, files::fs_read_whole, "fs::read of a file of 4 KiB, in the page cache"),
    ("fs_write_small", Both, Ns, files::fs_write_small, "write 4 KiB to an open file and flush"),
    ("fs_read_big", Multi, Us, files::fs_read_big, "one MiB of a file of 64 MiB, in the page cache, read 64 KiB at a time"),
    ("task_bytes", Both, Bytes, memory::task_bytes, "heap per live task beyond its future"),
    ("future_bytes", Multi, Bytes, memory::future_bytes, "sum of the sizes of common futures"),
];

/// All rows, in the order in which they are printed, on `workers` workers where there are several.
pub fn rows(workers: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    for &(name, on, unit, start, about) in TABLE {
        let multi = Flavour::MultiThread { workers };
        rows.push(Row::new(name.to_owned(), about, unit, move || {
            start(build(multi))
        }));
        if let On::Both = on {
            rows.push(Row::new(format!("{name}_ct"), about, unit, move || {
                start(build(Flavour::CurrentThread))
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
