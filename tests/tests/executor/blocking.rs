//! Blocking work: the pool, and `block_in_place`.

use std::collections::HashSet;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier, Condvar, Mutex};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Duration;

use runtime::runtime::worker_index;
use runtime::sync::{Notify, mpsc, oneshot};
use runtime::task::{JoinHandle, block_in_place, spawn_blocking, yield_now};
use runtime::time::sleep;
use runtime::{Handle, Runtime};
use tests::process::{in_own_process, limit_more_memory};
use tests::{Flavour, each_flavour, each_of, each_runtime, within_limit};

#[test]
fn blocking_work_runs_elsewhere_and_knows_its_runtime() {
    each_runtime(|runtime| {
        let id = runtime.handle().id();
        runtime.block_on(async {
            let here = thread::current().id();
            let (there, current) =
                spawn_blocking(|| (thread::current().id(), Handle::current().id()))
                    .await
                    .unwrap();
            assert_ne!(here, there);
            assert_eq!(current, id);
            // Blocking is fine there.
            let nested = spawn_blocking(|| {
                Handle::current().block_on(async {
                    yield_now().await;
                    runtime::spawn(async { 7 }).await.unwrap()
                })
            });
            assert_eq!(nested.await.unwrap(), 7);
        });
    });
}

#[test]
fn as_many_threads_as_there_is_work_until_the_limit() {
    each_flavour(|flavour| {
        let runtime = flavour.builder().max_blocking_threads(8).build().unwrap();
        // All of them must run at the same time to pass.
        let barrier = Arc::new(Barrier::new(8));
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let barrier = barrier.clone();
                runtime.spawn_blocking(move || {
                    barrier.wait();
                    thread::current().id()
                })
            })
            .collect();
        let threads: HashSet<_> = tasks
            .into_iter()
            .map(|task| runtime.block_on(task).unwrap())
            .collect();
        assert_eq!(threads.len(), 8);
    });
}

#[test]
fn one_thread_takes_the_work_in_order() {
    each_flavour(|flavour| {
        let runtime = flavour.builder().max_blocking_threads(1).build().unwrap();
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let order = Arc::new(Mutex::new(Vec::new()));
        let tasks: Vec<_> = (0..200)
            .map(|number| {
                let (running, most, order) = (running.clone(), most.clone(), order.clone());
                runtime.spawn_blocking(move || {
                    most.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
                    order.lock().unwrap().push(number);
                    running.fetch_sub(1, SeqCst);
                })
            })
            .collect();
        for task in tasks {
            runtime.block_on(task).unwrap();
        }
        assert_eq!(most.load(SeqCst), 1);
        assert!(order.lock().unwrap().iter().copied().eq(0..200));
    });
}

/// Occupies the only thread for blocking work until the sender goes away.
fn occupy(runtime: &Runtime) -> (Sender<()>, JoinHandle<()>) {
    let (release, released) = channel::<()>();
    let (begun, begins) = channel();
    let task = runtime.spawn_blocking(move || {
        begun.send(()).unwrap();
        let _ = released.recv();
    });
    begins.recv().unwrap();
    (release, task)
}

#[test]
fn work_that_waits_can_be_aborted_and_work_that_runs_cannot() {
    each_flavour(|flavour| {
        let runtime = flavour.builder().max_blocking_threads(1).build().unwrap();
        let (release, running) = occupy(&runtime);
        let ran = Arc::new(AtomicBool::new(false));
        let waiting = runtime.spawn_blocking({
            let ran = ran.clone();
            move || ran.store(true, SeqCst)
        });
        running.abort();
        waiting.abort();
        drop(release);
        runtime.block_on(running).unwrap();
        assert!(runtime.block_on(waiting).unwrap_err().is_cancelled());
        assert!(!ran.load(SeqCst));
        assert_eq!(Arc::strong_count(&ran), 1);
    });
}

#[test]
fn the_workers_do_not_count_against_the_limit() {
    each_of(&Flavour::WITH_WORKERS, |flavour| {
        let runtime = flavour.builder().max_blocking_threads(1).build().unwrap();
        let (release, running) = occupy(&runtime);
        // Needs a thread beyond the limit, or it would wait for `running`.
        let task = runtime.spawn(async {
            let (send, receive) = oneshot::channel();
            runtime::spawn(async move { send.send(7).unwrap() });
            block_in_place(|| Handle::current().block_on(receive)).unwrap()
        });
        assert_eq!(runtime.block_on(task).unwrap(), 7);
        drop(release);
        runtime.block_on(running).unwrap();
    });
}

#[test]
fn an_idle_thread_ends_after_its_keep_alive_and_not_before() {
    each_flavour(|flavour| {
        let ended = Arc::new((Mutex::new(0), Condvar::new()));
        let on_stop = ended.clone();
        let runtime = flavour
            .builder()
            .thread_keep_alive(Duration::from_millis(20))
            .on_thread_stop(move || {
                *on_stop.0.lock().unwrap() += 1;
                on_stop.1.notify_all();
            })
            .build()
            .unwrap();
        for round in 1..=2 {
            runtime.block_on(runtime.spawn_blocking(|| ())).unwrap();
            // Woken by the hook; the watchdog ends it otherwise.
            let count = ended.0.lock().unwrap();
            drop(ended.1.wait_while(count, |ended| *ended < round).unwrap());
        }
        // A pool whose threads ended starts new ones.
        runtime.block_on(runtime.spawn_blocking(|| ())).unwrap();
    });
}

#[test]
fn a_thread_is_used_again_within_its_keep_alive() {
    each_flavour(|flavour| {
        // Longer than any clock can count.
        let runtime = flavour
            .builder()
            .thread_keep_alive(Duration::MAX)
            .build()
            .unwrap();
        let mut threads = HashSet::new();
        for _ in 0..50 {
            let task = runtime.spawn_blocking(|| thread::current().id());
            threads.insert(runtime.block_on(task).unwrap());
        }
        // The thread that gave the result may not be idle yet when the next work comes.
        assert!(threads.len() < 50, "every piece of work got a new thread");
    });
}

#[test]
fn while_a_task_blocks_in_place_the_others_of_its_worker_go_on() {
    each_of(&Flavour::WITH_WORKERS, |flavour| {
        let runtime = flavour.build();
        let task = runtime.spawn(async {
            let (send, receive) = channel();
            // On this worker's queue: only another thread can run it now.
            runtime::spawn(async move { send.send(7).unwrap() });
            block_in_place(|| receive.recv().unwrap())
        });
        assert_eq!(runtime.block_on(task).unwrap(), 7);
    });
}

#[test]
fn who_yielded_is_woken_before_the_thread_blocks_in_place() {
    struct Flag(AtomicBool);
    impl Wake for Flag {
        fn wake(self: Arc<Self>) {
            self.0.store(true, SeqCst);
        }
    }

    each_of(&Flavour::WITH_WORKERS, |flavour| {
        let runtime = flavour.build();
        let task = runtime.spawn(async {
            let flag = Arc::new(Flag(AtomicBool::new(false)));
            let waker = Waker::from(flag.clone());
            let mut yields = pin!(yield_now());
            let polled = yields.as_mut().poll(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
            assert!(!flag.0.load(SeqCst), "not before others had their turn");
            assert!(block_in_place(|| flag.0.load(SeqCst)));
        });
        runtime.block_on(task).unwrap();
    });
}

#[test]
fn a_task_that_yielded_goes_on_while_another_blocks_in_place() {
    each_of(&Flavour::WITH_WORKERS, |flavour| {
        let runtime = flavour.build();
        for round in 0..20 {
            let task = runtime.spawn(async move {
                let (send, receive) = channel();
                let yields = async move {
                    for _ in 0..3 {
                        yield_now().await;
                    }
                    send.send(7).unwrap();
                };
                let blocks = async move { block_in_place(|| receive.recv().unwrap()) };
                // What is spawned last runs first, and the one that yields must be first to be one
                // that waits for the scheduler.
                let (yields, blocks) = if round % 2 == 0 {
                    let blocks = runtime::spawn(blocks);
                    (runtime::spawn(yields), blocks)
                } else {
                    (runtime::spawn(yields), runtime::spawn(blocks))
                };
                yields.await.unwrap();
                blocks.await.unwrap()
            });
            assert_eq!(runtime.block_on(task).unwrap(), 7);
        }
    });
}

#[cfg(target_os = "linux")]
#[test]
fn the_other_workers_run_what_nobody_takes_over() {
    if !in_own_process(
        "blocking::the_other_workers_run_what_nobody_takes_over",
        &[],
    ) {
        return;
    }
    within_limit(|| {
        const STACK: usize = 1 << 28;
        let runtime = Flavour::MultiThread(2)
            .builder()
            .thread_stack_size(STACK)
            .build()
            .unwrap();
        let metrics = runtime.metrics();
        let task = runtime.spawn(async move {
            let worker = worker_index().unwrap();
            while metrics
                .worker_park_unpark_count(1 - worker)
                .is_multiple_of(2)
            {
                thread::yield_now();
            }
            // There is no room for a thread more.
            limit_more_memory(STACK as u64 / 2);
            let (send, receive) = channel();
            runtime::spawn(async move { send.send(()).unwrap() });
            block_in_place(|| receive.recv_timeout(Duration::from_secs(5)))
        });
        let received = runtime.block_on(task).unwrap();
        assert!(received.is_ok(), "nobody was woken");
    });
}

/// The system had none at the moment when the task said that it blocks.
#[test]
fn a_worker_that_nobody_takes_over_gets_a_thread_when_there_is_one_again() {
    if !in_own_process(
        "blocking::a_worker_that_nobody_takes_over_gets_a_thread_when_there_is_one_again",
        &[],
    ) {
        return;
    }
    within_limit(|| {
        const STACK: usize = 1 << 28;
        let runtime = Flavour::MultiThread(1)
            .builder()
            .thread_stack_size(STACK)
            .build()
            .unwrap();
        let task = runtime.spawn(async move {
            let room = Vec::<u8>::with_capacity(STACK);
            // There is no room for a thread more, until there is.
            limit_more_memory(STACK as u64 / 2);
            let (send, receive) = channel();
            runtime::spawn(async move { send.send(()).unwrap() });
            block_in_place(|| {
                drop(room);
                receive.recv_timeout(Duration::from_secs(20))
            })
        });
        let received = runtime.block_on(task).unwrap();
        assert!(received.is_ok(), "nobody ran the other task");
    });
}

#[test]
fn a_waker_that_blocks_in_place_leaves_a_worker_that_wakes_others() {
    /// Blocks where it is woken until the other end is gone.
    struct Blocks(Sender<Option<usize>>, Mutex<Receiver<()>>);
    impl Wake for Blocks {
        fn wake(self: Arc<Self>) {
            block_in_place(|| {
                self.0.send(worker_index()).unwrap();
                let _ = self.1.lock().unwrap().recv();
            });
        }
    }

    each_of(&[Flavour::MultiThread(2)], |flavour| {
        let runtime = flavour.builder().stall_rescue_after(None).build().unwrap();
        let (say, said) = channel();
        let (open, opened) = channel::<()>();
        let waker = Waker::from(Arc::new(Blocks(say, Mutex::new(opened))));
        let (keep, _sleeping) = channel();
        let task = runtime.spawn(async move {
            let mut sleep = Box::pin(sleep(Duration::from_millis(1)));
            let polled = sleep.as_mut().poll(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
            keep.send(sleep).unwrap();
        });
        runtime.block_on(task).unwrap();
        let worker = said.recv().unwrap().unwrap();
        // Each on a worker of its own.
        let both = Arc::new(Barrier::new(2));
        let tasks = [(); 2].map(|()| {
            let both = both.clone();
            let metrics = runtime.metrics();
            runtime.spawn(async move {
                both.wait();
                if worker_index() != Some(worker) {
                    return;
                }
                let sleeps = || metrics.worker_park_unpark_count(1 - worker) % 2 == 1;
                while !sleeps() {
                    thread::yield_now();
                }
                // The second drives the first one out to where others may take it.
                let (send, receive) = channel();
                runtime::spawn(async move { send.send(()).unwrap() });
                runtime::spawn(async {});
                let received = receive.recv_timeout(Duration::from_secs(5));
                assert!(received.is_ok(), "the other worker was not woken");
            })
        });
        for task in tasks {
            runtime.block_on(task).unwrap();
        }
        drop(open);
    });
}

#[test]
fn sockets_and_timers_go_on_while_every_worker_blocks_in_place() {
    each_of(&Flavour::WITH_WORKERS, |flavour| {
        let runtime = flavour.build();
        let Flavour::MultiThread(workers) = flavour else {
            unreachable!()
        };
        let barrier = Arc::new(Barrier::new(workers + 1));
        let (release, released) = channel::<()>();
        let released = Arc::new(Mutex::new(released));
        let blockers: Vec<_> = (0..workers)
            .map(|_| {
                let (barrier, released) = (barrier.clone(), released.clone());
                runtime.spawn(async move {
                    block_in_place(|| {
                        barrier.wait();
                        let _ = released.lock().unwrap().recv();
                    });
                })
            })
            .collect();
        barrier.wait();
        let task = runtime.spawn(async {
            let listener = runtime::net::TcpListener::bind("127.0.0.1:0")
                .await
                .unwrap();
            let address = listener.local_addr().unwrap();
            let client = runtime::spawn(runtime::net::TcpStream::connect(address));
            listener.accept().await.unwrap();
            client.await.unwrap().unwrap();
            runtime::time::sleep(Duration::from_millis(2)).await;
        });
        runtime.block_on(task).unwrap();
        drop(release);
        for blocker in blockers {
            runtime.block_on(blocker).unwrap();
        }
    });
}

#[test]
fn block_on_inside_of_block_in_place_sees_yields_and_budgets() {
    each_of(&Flavour::WITH_WORKERS, |flavour| {
        let runtime = flavour.build();
        let task = runtime.spawn(async {
            block_in_place(|| {
                Handle::current().block_on(async {
                    yield_now().await;
                    // Far more operations than one budget.
                    let (send, mut receive) = mpsc::unbounded_channel();
                    for number in 0..1_000 {
                        send.send(number).unwrap();
                    }
                    for number in 0..1_000 {
                        assert_eq!(receive.recv().await, Some(number));
                    }
                    runtime::time::sleep(Duration::from_millis(1)).await;
                    7
                })
            })
        });
        assert_eq!(runtime.block_on(task).unwrap(), 7);
    });
}

#[test]
fn block_in_place_nests() {
    each_of(&Flavour::WITH_WORKERS, |flavour| {
        let runtime = flavour.build();
        let task = runtime.spawn(async {
            let inner = block_in_place(|| {
                let first = block_in_place(|| block_in_place(|| 1));
                let second = Handle::current().block_on(async {
                    yield_now().await;
                    block_in_place(|| Handle::current().block_on(async { 2 }))
                });
                first + second
            });
            yield_now().await;
            inner + block_in_place(|| 4)
        });
        assert_eq!(runtime.block_on(task).unwrap(), 7);
        // And on the thread that blocks on a future.
        let output = runtime.block_on(async {
            block_in_place(|| Handle::current().block_on(async { block_in_place(|| 7) }))
        });
        assert_eq!(output, 7);
    });
}

#[test]
fn the_worker_is_the_same_before_and_after_or_gone() {
    each_of(&Flavour::WITH_WORKERS, |flavour| {
        let runtime = flavour.build();
        let Flavour::MultiThread(workers) = flavour else {
            unreachable!()
        };
        let tasks: Vec<_> = (0..50)
            .map(|_| {
                runtime.spawn(async move {
                    for _ in 0..5 {
                        block_in_place(|| ());
                        yield_now().await;
                        assert!(runtime::runtime::worker_index().unwrap() < workers);
                    }
                })
            })
            .collect();
        for task in tasks {
            runtime.block_on(task).unwrap();
        }
    });
}

#[test]
fn a_lock_that_is_waited_for_in_place_is_given_up_by_a_task_of_the_same_worker() {
    within_limit(|| {
        let runtime = Flavour::MultiThread(1).build();
        let (notify, lock) = (Arc::new(Notify::new()), Arc::new(Mutex::new(0)));
        let holder = runtime.spawn({
            let (notify, lock) = (notify.clone(), lock.clone());
            async move {
                // Held across no await: the other thread only waits for the task to be scheduled.
                notify.notified().await;
                *lock.lock().unwrap() = 7;
            }
        });
        let waiter = runtime.spawn(async move {
            notify.notify_one();
            block_in_place(|| {
                while *lock.lock().unwrap() != 7 {
                    thread::yield_now();
                }
            });
        });
        runtime.block_on(holder).unwrap();
        runtime.block_on(waiter).unwrap();
    });
}
