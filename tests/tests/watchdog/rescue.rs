//! A task that blocks its thread does not hold up the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use runtime::io::{AsyncReadExt, AsyncWriteExt};
use runtime::net::{TcpListener, TcpStream};
use runtime::runtime::Rescue;
use runtime::sync::{mpsc, oneshot};
use runtime::task::{block_in_place, yield_now};
use runtime::time::{sleep, timeout};
use tests::process::{in_own_process, limit_more_memory};
use tests::{Flavour, OnDrop, each_of, within_limit};

use crate::{Gate, Told, echo, everything_works, visit};

#[test]
fn all_workers_blocked_are_as_good_as_none() {
    each_of(&Flavour::WITH_WORKERS, |flavour| {
        let runtime = flavour.build();
        let address = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            runtime::spawn(echo(listener));
            address
        });
        visit(address);
        let workers = runtime.metrics().num_workers();
        let gates: Vec<_> = (0..workers)
            .map(|_| {
                let (gate, blocker) = Gate::new();
                runtime.spawn(async move { blocker.block() });
                // Each on a worker of its own, or on the stand-in of one.
                gate.wait();
                gate
            })
            .collect();
        visit(address);
        runtime.block_on(everything_works());
        runtime.block_on(runtime.spawn(everything_works())).unwrap();
        assert!(runtime.metrics().num_stand_ins() >= 1);
        gates.into_iter().for_each(Gate::open);
        while runtime.metrics().num_stand_ins() > 0 {
            thread::yield_now();
        }
        visit(address);
    });
}

/// The system had none at the moment when the seat was taken.
#[test]
fn a_worker_without_a_thread_gets_one_when_there_is_one_again() {
    if !in_own_process(
        "rescue::a_worker_without_a_thread_gets_one_when_there_is_one_again",
        &[],
    ) {
        return;
    }
    within_limit(|| {
        const STACK: usize = 1 << 28;
        let told = Told::default();
        let mut builder = Flavour::MultiThread(1).builder();
        told.listen(builder.thread_stack_size(STACK));
        let runtime = builder.build().unwrap();
        let metrics = runtime.metrics();
        // For a stand-in, and for a report, which reads debug information.
        let room = Vec::<u8>::with_capacity(4 * STACK);
        let (gate, blocker) = Gate::new();
        runtime.spawn(async move {
            // The watchdog has its thread. There is no room for another one.
            limit_more_memory(STACK as u64 / 2);
            blocker.block();
        });
        gate.wait();
        while metrics.stalls_count() == 0 {
            thread::yield_now();
        }
        // The watchdog asks for threads, in vain.
        thread::sleep(Duration::from_millis(50));
        drop(room);
        runtime.block_on(runtime.spawn(everything_works())).unwrap();
        while metrics.stall_rescues_count() == 0 {
            thread::yield_now();
        }
        // At the time of the report.
        assert_eq!(told.wait(|_| true).rescue(), Rescue::NoThread);
        gate.open();
    });
}

#[test]
fn a_task_that_spins_is_rescued_too() {
    each_of(&Flavour::WITH_WORKERS, |flavour| {
        let runtime = flavour.build();
        let stop = Arc::new(AtomicBool::new(false));
        let (begun, has_begun) = channel();
        let spinner = runtime.spawn({
            let stop = stop.clone();
            async move {
                begun.send(()).unwrap();
                while !stop.load(SeqCst) {
                    std::hint::spin_loop();
                }
            }
        });
        has_begun.recv().unwrap();
        runtime.block_on(runtime.spawn(everything_works())).unwrap();
        stop.store(true, SeqCst);
        runtime.block_on(spinner).unwrap();
    });
}

#[test]
fn what_waits_behind_a_task_that_blocks_is_run() {
    each_of(&[Flavour::MultiThread(1)], |flavour| {
        let runtime = flavour.build();
        let (gate, blocker) = Gate::new();
        let done = Arc::new(AtomicUsize::new(0));
        let count = {
            let done = done.clone();
            move || {
                done.fetch_add(1, SeqCst);
            }
        };
        let task = runtime.spawn(async move {
            // One that yielded and waits for the worker's next look at its driver, ...
            let yielded = runtime::spawn({
                let count = count.clone();
                async move {
                    yield_now().await;
                    count();
                }
            });
            yield_now().await;
            // ... one in the queue, and one in the slot for the task that was woken last.
            let (wake, woken) = oneshot::channel::<()>();
            runtime::spawn({
                let count = count.clone();
                async move {
                    woken.await.unwrap();
                    count();
                }
            });
            runtime::spawn({
                let count = count.clone();
                async move { count() }
            });
            yield_now().await;
            wake.send(()).unwrap();
            let sleeper = runtime::spawn({
                let count = count.clone();
                async move {
                    sleep(Duration::from_millis(1)).await;
                    count();
                }
            });
            blocker.block();
            yielded.await.unwrap();
            sleeper.await.unwrap();
        });
        gate.wait();
        while done.load(SeqCst) < 4 {
            thread::yield_now();
        }
        gate.open();
        runtime.block_on(task).unwrap();
    });
}

#[test]
fn a_task_that_comes_back_goes_on_as_if_nothing_had_happened() {
    each_of(&Flavour::WITH_WORKERS, |flavour| {
        let runtime = flavour.build();
        for round in 0..6 {
            let (gate, blocker) = Gate::new();
            let task = runtime.spawn(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let address = listener.local_addr().unwrap();
                let (client, server) = (TcpStream::connect(address), listener.accept());
                let (client, server) = runtime::join!(client, server);
                let (mut client, (mut server, _)) = (client.unwrap(), server.unwrap());
                let (send, mut receive) = mpsc::channel(1);
                let waiting = runtime::spawn(async move { receive.recv().await });
                yield_now().await;
                blocker.block();
                // This thread is no worker any more.
                match round {
                    0 => drop((client, server)),
                    1 => {
                        client.write_all(b"x").await.unwrap();
                        server.read_exact(&mut [0]).await.unwrap();
                    }
                    2 => runtime::spawn(async {}).await.unwrap(),
                    3 => sleep(Duration::from_millis(1)).await,
                    4 => block_in_place(|| thread::sleep(Duration::from_millis(1))),
                    _ => panic!("when it comes back"),
                }
                send.send(round).await.unwrap();
                assert_eq!(waiting.await.unwrap(), Some(round));
                everything_works().await;
            });
            gate.wait();
            while runtime.metrics().num_stand_ins() == 0 {
                thread::yield_now();
            }
            gate.open();
            let result = runtime.block_on(task);
            assert_eq!(result.is_err(), round == 5);
            runtime.block_on(runtime.spawn(everything_works())).unwrap();
        }
        while runtime.metrics().num_stand_ins() > 0 {
            thread::yield_now();
        }
    });
}

#[test]
fn a_stalled_task_does_not_delay_a_timeout() {
    each_of(&[Flavour::MultiThread(1)], |flavour| {
        let runtime = flavour.build();
        let (gate, blocker) = Gate::new();
        let limited = runtime.spawn(async {
            timeout(Duration::from_millis(20), std::future::pending::<()>()).await
        });
        runtime.spawn(async move { blocker.block() });
        gate.wait();
        assert!(runtime.block_on(limited).unwrap().is_err());
        gate.open();
    });
}

#[test]
fn a_runtime_whose_tasks_block_for_ever_can_be_left() {
    each_of(&Flavour::WITH_WORKERS, |flavour| {
        let runtime = flavour.build();
        let dropped = Arc::new(AtomicBool::new(false));
        let on_drop = OnDrop({
            let dropped = dropped.clone();
            move || dropped.store(true, SeqCst)
        });
        let mut gates = Vec::new();
        for _ in 0..4 {
            let (gate, blocker) = Gate::new();
            runtime.spawn(async move { blocker.block() });
            gate.wait();
            gates.push(gate);
        }
        runtime.spawn(async move {
            let _on_drop = on_drop;
            std::future::pending::<()>().await;
        });
        runtime.shutdown_timeout(Duration::from_millis(50));
        // The futures of the others are dropped although every worker was held up.
        while !dropped.load(SeqCst) {
            thread::yield_now();
        }
        drop(gates);
    });
}
