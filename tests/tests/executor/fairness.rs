//! Everybody has a turn: no task, queue, socket or timer is starved.
//!
//! A task that must not starve another goes round until the other has run, and fails after so many
//! rounds that only starvation explains it.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use runtime::io::{AsyncReadExt, AsyncWriteExt};
use runtime::net::{TcpListener, TcpStream};
use runtime::sync::mpsc;
use runtime::task::{coop, unconstrained, yield_now};
use runtime::time::sleep;
use tests::{Flavour, each_flavour, each_of, each_runtime};

/// More polls than anybody may have to wait for a turn.
const TOO_MANY: usize = 5_000_000;
const ONE_THREAD: [Flavour; 2] = [Flavour::CurrentThread, Flavour::MultiThread(1)];

/// Wakes itself until `done`; says after how many polls.
async fn spin_until(done: &AtomicBool) -> usize {
    let mut polls = 0;
    poll_fn(|cx| {
        polls += 1;
        if done.load(SeqCst) {
            return Poll::Ready(polls);
        }
        assert!(polls < TOO_MANY, "starved for {polls} polls");
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await
}

/// Two tasks that wake each other until `done`.
fn converse_until(done: &Arc<AtomicBool>) -> Vec<runtime::task::JoinHandle<()>> {
    let wakers: Arc<[Mutex<Option<Waker>>; 2]> = Arc::default();
    (0..2)
        .map(|own| {
            let (wakers, done) = (wakers.clone(), done.clone());
            let mut polls = 0;
            runtime::spawn(poll_fn(move |cx| {
                polls += 1;
                assert!(polls < TOO_MANY, "the third was starved for {polls} polls");
                *wakers[own].lock().unwrap() = Some(cx.waker().clone());
                let other = wakers[1 - own].lock().unwrap().clone();
                if let Some(other) = other {
                    other.wake();
                }
                if done.load(SeqCst) {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            }))
        })
        .collect()
}

#[test]
fn two_tasks_that_wake_each_other_do_not_starve_a_third() {
    each_flavour(|flavour| {
        for lifo in [true, false] {
            let mut builder = flavour.builder();
            if !lifo {
                builder.disable_lifo_slot();
            }
            let runtime = builder.build().unwrap();
            let all = runtime.spawn(async {
                let done = Arc::new(AtomicBool::new(false));
                let third = {
                    let done = done.clone();
                    runtime::spawn(async move { done.store(true, SeqCst) })
                };
                for task in converse_until(&done) {
                    task.await.unwrap();
                }
                third.await.unwrap();
            });
            runtime.block_on(all).unwrap();
        }
    });
}

#[test]
fn a_task_that_wakes_itself_does_not_starve_what_is_spawned_elsewhere() {
    each_flavour(|flavour| {
        for interval in [1, 2, 61] {
            let runtime = flavour
                .builder()
                .global_queue_interval(interval)
                .build()
                .unwrap();
            let done = Arc::new(AtomicBool::new(false));
            let handle = runtime.handle().clone();
            let begun = Arc::new(AtomicBool::new(false));
            // As many as would occupy all workers.
            let spinners: Vec<_> = (0..4)
                .map(|_| {
                    let (done, begun) = (done.clone(), begun.clone());
                    runtime.spawn(async move {
                        begun.store(true, SeqCst);
                        spin_until(&done).await
                    })
                })
                .collect();
            let spawner = thread::spawn(move || {
                while !begun.load(SeqCst) {
                    thread::yield_now();
                }
                drop(handle.spawn(async move { done.store(true, SeqCst) }));
            });
            for spinner in spinners {
                runtime.block_on(spinner).unwrap();
            }
            spawner.join().unwrap();
        }
    });
}

#[test]
fn tasks_that_wake_themselves_do_not_starve_sockets_and_timers() {
    each_flavour(|flavour| {
        for interval in [1, 2, 61] {
            let runtime = flavour.builder().event_interval(interval).build().unwrap();
            let task = runtime.spawn(async {
                let done = Arc::new(AtomicBool::new(false));
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let address = listener.local_addr().unwrap();
                let server = runtime::spawn(async move {
                    let (mut stream, _) = listener.accept().await.unwrap();
                    sleep(Duration::from_millis(2)).await;
                    stream.write_all(b"late").await.unwrap();
                });
                let reader = {
                    let done = done.clone();
                    runtime::spawn(async move {
                        let mut stream = TcpStream::connect(address).await.unwrap();
                        let mut text = Vec::new();
                        stream.read_to_end(&mut text).await.unwrap();
                        done.store(true, SeqCst);
                        text
                    })
                };
                let spinners: Vec<_> = (0..4)
                    .map(|_| {
                        let done = done.clone();
                        runtime::spawn(async move { spin_until(&done).await })
                    })
                    .collect();
                for spinner in spinners {
                    spinner.await.unwrap();
                }
                server.await.unwrap();
                assert_eq!(reader.await.unwrap(), b"late");
            });
            runtime.block_on(task).unwrap();
        }
    });
}

#[test]
fn a_future_that_wakes_itself_in_block_on_does_not_starve_the_tasks() {
    each_flavour(|flavour| {
        for interval in [1, 61] {
            let runtime = flavour.builder().event_interval(interval).build().unwrap();
            runtime.block_on(async {
                let done = Arc::new(AtomicBool::new(false));
                let set = done.clone();
                let task = runtime::spawn(async move {
                    yield_now().await;
                    sleep(Duration::from_millis(1)).await;
                    set.store(true, SeqCst);
                });
                spin_until(&done).await;
                task.await.unwrap();
            });
        }
    });
}

#[test]
fn many_tasks_do_not_starve_the_future_of_block_on() {
    each_flavour(|flavour| {
        let runtime = flavour.build();
        let done = Arc::new(AtomicBool::new(false));
        let tasks: Vec<_> = (0..100)
            .map(|_| {
                let done = done.clone();
                runtime.spawn(async move { spin_until(&done).await })
            })
            .collect();
        runtime.block_on(async {
            for _ in 0..5 {
                yield_now().await;
            }
            done.store(true, SeqCst);
            for task in tasks {
                task.await.unwrap();
            }
        });
    });
}

/// How often a task on one thread ran until `busy`, which never has to wait, was through.
async fn turns_during(busy: impl Future<Output = ()> + Send + 'static) -> usize {
    let (done, turns) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let busy = {
        let done = done.clone();
        runtime::spawn(async move {
            busy.await;
            done.store(true, SeqCst);
        })
    };
    let other = {
        let turns = turns.clone();
        runtime::spawn(async move {
            while !done.load(SeqCst) {
                turns.fetch_add(1, SeqCst);
                yield_now().await;
            }
        })
    };
    busy.await.unwrap();
    other.await.unwrap();
    turns.load(SeqCst)
}

#[test]
fn a_task_that_reads_an_ever_ready_channel_gives_way() {
    async fn read_all(messages: usize) {
        let (send, mut receive) = mpsc::unbounded_channel();
        for number in 0..messages {
            send.send(number).unwrap();
        }
        for _ in 0..messages {
            receive.recv().await.unwrap();
        }
    }
    each_of(&ONE_THREAD, |flavour| {
        let runtime = flavour.build();
        let task = runtime.spawn(async {
            // A budget is far smaller than 1,000.
            assert!(turns_during(read_all(10_000)).await > 10);
            // And this is how to do without.
            assert!(turns_during(unconstrained(read_all(10_000))).await <= 2);
        });
        runtime.block_on(task).unwrap();
    });
}

#[test]
fn a_task_that_reads_an_ever_ready_socket_gives_way() {
    each_of(&ONE_THREAD, |flavour| {
        let runtime = flavour.build();
        let task = runtime.spawn(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let mut client = std::net::TcpStream::connect(address).unwrap();
            let (mut stream, _) = listener.accept().await.unwrap();
            std::io::Write::write_all(&mut client, &[7; 10_000]).unwrap();
            // All of it is there before the reader begins, or at least more than a budget.
            let mut peeked = vec![0; 10_000];
            while stream.peek(&mut peeked).await.unwrap() < 10_000 {
                yield_now().await;
            }
            let turns = turns_during(async move {
                for _ in 0..10_000 {
                    assert_eq!(stream.read_u8().await.unwrap(), 7);
                }
            });
            assert!(turns.await > 10);
        });
        runtime.block_on(task).unwrap();
    });
}

#[test]
fn a_task_that_writes_accepts_joins_or_reads_memory_gives_way() {
    each_of(&ONE_THREAD, |flavour| {
        let runtime = flavour.build();
        let task = runtime.spawn(async {
            let tasks: Vec<_> = (0..2_000)
                .map(|n| runtime::spawn(async move { n }))
                .collect();
            yield_now().await;
            let joins = turns_during(async {
                for task in tasks {
                    task.await.unwrap();
                }
            });
            assert!(joins.await > 5, "join handles");
            let consumes = turns_during(async {
                for _ in 0..2_000 {
                    coop::consume_budget().await;
                }
            });
            assert!(consumes.await > 5, "consume_budget");
            let (mut one, mut other) = runtime::io::duplex(16);
            let streams = turns_during(async move {
                for _ in 0..2_000 {
                    one.write_u8(7).await.unwrap();
                    other.read_u8().await.unwrap();
                }
            });
            assert!(streams.await > 5, "streams in memory");
        });
        runtime.block_on(task).unwrap();
    });
}

#[test]
fn the_future_of_block_on_has_a_budget_too() {
    each_of(&ONE_THREAD, |flavour| {
        let runtime = flavour.build();
        runtime.block_on(async {
            let mut given_way = 0;
            for _ in 0..1_000 {
                if !coop::has_budget_remaining() {
                    given_way += 1;
                }
                coop::consume_budget().await;
            }
            assert!(given_way > 1);
        });
    });
}

#[test]
fn work_spreads_over_the_workers() {
    each_runtime(|runtime| {
        let workers = runtime.metrics().num_workers();
        if workers == 1 {
            return;
        }
        // Two tasks of one queue that are done only when both run at the same time.
        let task = runtime.spawn(async {
            for _ in 0..20 {
                let barrier = Arc::new(std::sync::Barrier::new(2));
                let other = barrier.clone();
                let task = runtime::spawn(async move { _ = other.wait() });
                // What is in the slot of a worker cannot be stolen; this drives it out.
                let last = runtime::spawn(async {});
                barrier.wait();
                task.await.unwrap();
                last.await.unwrap();
            }
        });
        runtime.block_on(task).unwrap();
    });
}
