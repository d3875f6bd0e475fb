//! Threads that take over, how many there may be, and what becomes of those that come back.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use runtime::net::TcpListener;
use runtime::runtime::Rescue;
use runtime::task::{block_in_place, yield_now};
use runtime::time::sleep;
use tests::{Flavour, each_of};

use crate::{Gate, Told, echo, everything_works, visit};

#[test]
fn stalls_that_end_about_when_they_are_noticed_lose_nothing() {
    each_of(&Flavour::WITH_WORKERS, |flavour| {
        let runtime = flavour
            .builder()
            .stall_rescue_after(Some(Duration::from_millis(1)))
            .build()
            .unwrap();
        let done = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..16_u64)
            .map(|task| {
                let done = done.clone();
                runtime.spawn(async move {
                    for round in 0..20 {
                        // Around the limit, a little more each time.
                        thread::sleep(Duration::from_micros(500 + (task * 20 + round) % 10 * 150));
                        let inner = runtime::spawn({
                            let done = done.clone();
                            async move {
                                yield_now().await;
                                done.fetch_add(1, SeqCst);
                            }
                        });
                        match round % 3 {
                            0 => yield_now().await,
                            1 => sleep(Duration::from_millis(1)).await,
                            _ => inner.await.unwrap(),
                        }
                    }
                })
            })
            .collect();
        runtime.block_on(async {
            for task in tasks {
                task.await.unwrap();
            }
        });
        while done.load(SeqCst) < 16 * 20 {
            thread::yield_now();
        }
        while runtime.metrics().num_stand_ins() > 0 {
            thread::yield_now();
        }
    });
}

#[test]
fn a_stand_in_that_is_held_up_has_a_stand_in() {
    each_of(&[Flavour::MultiThread(1)], |flavour| {
        let runtime = flavour.build();
        let gates: Vec<_> = (1..=10)
            .map(|count| {
                let (gate, blocker) = Gate::new();
                runtime.spawn(async move { blocker.block() });
                gate.wait();
                while runtime.metrics().num_stand_ins() < count {
                    thread::yield_now();
                }
                gate
            })
            .collect();
        runtime.block_on(runtime.spawn(everything_works())).unwrap();
        drop(gates);
        while runtime.metrics().num_stand_ins() > 0 {
            thread::yield_now();
        }
        // On a busy machine others may have been rescued, too.
        assert!(runtime.metrics().stall_rescues_count() >= 10);
    });
}

#[test]
fn the_number_of_stand_ins_has_a_limit_that_is_told() {
    each_of(&[Flavour::MultiThread(2)], |flavour| {
        let told = Told::default();
        let mut builder = flavour.builder();
        told.listen(builder.max_stand_ins(2));
        let runtime = builder.build().unwrap();
        /// A task that blocks, of a spawn site of its own.
        macro_rules! hold_up {
            () => {{
                let (gate, blocker) = Gate::new();
                runtime.spawn(async move { blocker.block() });
                gate.wait();
                gate
            }};
        }
        let wait_for = |count| {
            while runtime.metrics().num_stand_ins() < count {
                thread::yield_now();
            }
        };
        let first = hold_up!();
        let mut held_up = vec![hold_up!()];
        wait_for(2);
        // One more for each worker.
        held_up.push(hold_up!());
        held_up.push(hold_up!());
        wait_for(4);
        held_up.push(hold_up!());
        held_up.push(hold_up!());
        let late = runtime.spawn(everything_works());
        let stall = told.wait(|stall| stall.rescue() == Rescue::TooManyStandIns);
        // Two, and one for each worker.
        assert_eq!(stall.stand_ins(), 4);
        let text = stall.to_string();
        assert!(
            text.contains("so many threads are blocked already"),
            "{text}"
        );
        // One comes back, and one of those that are left is rescued.
        first.open();
        runtime.block_on(late).unwrap();
        assert!(runtime.metrics().num_stand_ins() <= 4);
        drop(held_up);
    });
}

#[test]
fn a_task_that_waits_because_others_like_it_block_ends_at_once_when_it_is_aborted() {
    each_of(&[Flavour::MultiThread(1)], |flavour| {
        let runtime = flavour.builder().max_stand_ins(1).build().unwrap();
        let mut gates = Vec::new();
        let mut tasks = Vec::new();
        for count in 1..=3 {
            let (gate, blocker) = Gate::new();
            tasks.push(runtime.spawn(async move { blocker.block() }));
            if count == 1 {
                gate.wait();
                while runtime.metrics().num_stand_ins() < 1 {
                    thread::yield_now();
                }
            }
            gates.push(gate);
        }
        // The only worker has had them in its hands before this one.
        runtime.block_on(runtime.spawn(async {})).unwrap();
        let aborted = tasks.remove(1);
        aborted.abort();
        assert!(runtime.block_on(aborted).unwrap_err().is_cancelled());
        assert!(tasks.iter().all(|task| !task.is_finished()));
        gates.remove(0).open();
        let last = gates.pop().unwrap();
        last.wait();
        last.open();
        for task in tasks {
            runtime.block_on(task).unwrap();
        }
    });
}

#[test]
fn a_thousand_tasks_that_block_for_ever_leave_a_worker_to_the_others() {
    each_of(&Flavour::WITH_WORKERS, |flavour| {
        let told = Told::default();
        let mut builder = flavour.builder();
        told.listen(builder.max_stand_ins(8));
        let runtime = builder.build().unwrap();
        let address = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            runtime::spawn(echo(listener));
            address
        });
        let open = Arc::new((Mutex::new(false), std::sync::Condvar::new()));
        let tasks: Vec<_> = (0..1_000)
            .map(|_| {
                let open = open.clone();
                runtime.spawn(async move {
                    let mut is_open = open.0.lock().unwrap();
                    while !*is_open {
                        is_open = open.1.wait(is_open).unwrap();
                    }
                })
            })
            .collect();
        let stall = told.wait(|stall| stall.rescue() == Rescue::LastStandIn);
        assert!(stall.to_string().contains("one of the last that may"));
        visit(address);
        runtime.block_on(everything_works());
        let stand_ins = runtime.metrics().num_stand_ins();
        assert!(stand_ins >= 8 && stand_ins <= 8 + runtime.metrics().num_workers());
        *open.0.lock().unwrap() = true;
        open.1.notify_all();
        // Those that were not begun are run, too.
        runtime.block_on(async {
            for task in tasks {
                task.await.unwrap();
            }
        });
    });
}

#[test]
fn a_thread_that_has_its_seat_back_is_watched_again() {
    each_of(&[Flavour::MultiThread(1)], |flavour| {
        let runtime = flavour.build();
        // The seat goes through many hands, and comes back to threads that gave it away long before.
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                runtime.spawn(async {
                    for _ in 0..200 {
                        block_in_place(thread::yield_now);
                        yield_now().await;
                    }
                })
            })
            .collect();
        let blocked: Vec<_> = (0..20)
            .map(|_| {
                let (gate, blocker) = Gate::new();
                runtime.spawn(async move {
                    block_in_place(thread::yield_now);
                    blocker.block();
                });
                gate.wait();
                gate
            })
            .collect();
        runtime.block_on(async {
            for task in tasks {
                task.await.unwrap();
            }
        });
        runtime.block_on(everything_works());
        drop(blocked);
    });
}
