//! Task dumps: what every task waits for.

use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use runtime::io::AsyncReadExt;
use runtime::net::UnixStream;
use runtime::runtime::dump::{Trace, trace_with};
use runtime::runtime::{Builder, Handle, Runtime, RuntimeFlavor};
use runtime::sync::{Notify, mpsc, oneshot};
use runtime::task::{self, JoinHandle};
use runtime::time::sleep;
use tests::{Flavour, each_of, each_runtime, within_limit};

async fn waits_for_a_timer() {
    sleep(Duration::from_secs(1 << 30)).await;
}

async fn waits_for_a_socket(mut socket: UnixStream) {
    socket.read_u8().await.unwrap();
}

async fn waits_for_a_channel(mut receiver: mpsc::Receiver<()>) {
    receiver.recv().await;
}

async fn gives_way_for_ever() {
    loop {
        task::yield_now().await;
    }
}

async fn waits_for_work(end: std::sync::mpsc::Receiver<()>) {
    let work = task::spawn_blocking(move || end.recv());
    assert!(work.await.unwrap().is_err());
}

async fn waits_for_two() {
    runtime::join!(waits_for_a_timer(), async {
        Notify::new().notified().await;
    });
}

#[test]
fn a_dump_shows_what_every_task_waits_for() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let (sender, receiver) = mpsc::channel(1);
            let (_end_work, work) = std::sync::mpsc::channel();
            let (_end, socket) = UnixStream::pair().unwrap();
            let tasks = [
                (task::spawn(waits_for_a_timer()), "waits_for_a_timer"),
                (
                    task::spawn(waits_for_a_socket(socket)),
                    "waits_for_a_socket",
                ),
                (
                    task::spawn(waits_for_a_channel(receiver)),
                    "waits_for_a_channel",
                ),
                (task::spawn(waits_for_two()), "waits_for_two"),
                (task::spawn(gives_way_for_ever()), "gives_way_for_ever"),
                (task::spawn(waits_for_work(work)), "waits_for_work"),
            ];
            // Twice: being looked at changes nothing. Also those that have slept for long.
            for _ in 0..2 {
                let dump = Handle::current().dump().await;
                assert_eq!(dump.tasks().iter().count(), tasks.len());
                for (task, function) in &tasks {
                    let found = dump
                        .tasks()
                        .iter()
                        .find(|found| found.id() == task.id())
                        .unwrap();
                    let text = found.trace().to_string();
                    assert!(text.contains(function), "{function}: {text}");
                    let stacks = found.trace().resolve_backtraces();
                    let expected = if *function == "waits_for_two" { 2 } else { 1 };
                    assert_eq!(stacks.len(), expected, "{text}");
                    let machinery = ["task::cell", "UnsafeCell", "catch_unwind", "trace::leaf"];
                    assert!(!machinery.iter().any(|part| text.contains(part)), "{text}");
                }
                task::yield_now().await;
            }
            // They all go on.
            drop(sender);
            let [timer, socket, channel, two, way, work] = tasks.map(|(task, _)| task);
            channel.await.unwrap();
            for task in [timer, socket, two, way, work] {
                assert!(!task.is_finished());
                task.abort();
                assert!(task.await.unwrap_err().is_cancelled());
            }
        });
    });
}

#[test]
fn a_task_may_dump_its_own_runtime_and_sees_itself() {
    each_runtime(|runtime| {
        let dumping = runtime.spawn(async {
            let dump = Handle::current().dump().await;
            let own = dump.tasks().iter().find(|task| task.id() == task::id());
            own.unwrap().trace().to_string()
        });
        let text = runtime.block_on(dumping).unwrap();
        assert!(text.contains("dump"), "{text}");
    });
}

#[test]
fn tasks_that_end_during_a_dump_are_left_out_and_do_not_stop_it() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            for _ in 0..50 {
                let tasks: Vec<_> = (0..20)
                    .map(|number| {
                        task::spawn(async move {
                            for _ in 0..number % 4 {
                                task::yield_now().await;
                            }
                        })
                    })
                    .collect();
                let aborted = task::spawn(pending::<()>());
                aborted.abort();
                let handle = Handle::current();
                let (one, two) = runtime::join!(handle.dump(), handle.dump());
                assert!(one.tasks().iter().count() <= 21);
                assert!(two.tasks().iter().count() <= 21);
                for task in tasks {
                    task.await.unwrap();
                }
            }
            // A task leaves the list a moment after its output is there.
            while Handle::current().metrics().num_alive_tasks() > 0 {
                task::yield_now().await;
            }
            assert_eq!(Handle::current().dump().await.tasks().iter().count(), 0);
        });
    });
}

#[test]
fn a_task_that_is_about_to_be_polled_is_not_missed() {
    const ROUNDS: usize = 1_000;
    within_limit(|| {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        let end = Arc::new(AtomicBool::new(false));
        // They take the processor from the worker, also between its look for a dump and a poll.
        let busy: Vec<_> = (0..4)
            .map(|_| {
                let end = end.clone();
                thread::spawn(move || {
                    while !end.load(Relaxed) {
                        std::hint::spin_loop();
                    }
                })
            })
            .collect();
        // Two tasks wake each other while they go on.
        let goes_on = Arc::new(AtomicBool::new(false));
        let notifies = [(); 2].map(|()| Arc::new(Notify::new()));
        for own in 0..2 {
            let (notifies, goes_on) = (notifies.clone(), goes_on.clone());
            runtime.spawn(async move {
                loop {
                    notifies[own].notified().await;
                    if goes_on.load(Relaxed) {
                        notifies[1 - own].notify_one();
                    }
                }
            });
        }
        for _ in 0..ROUNDS {
            goes_on.store(true, Relaxed);
            notifies[0].notify_one();
            thread::sleep(Duration::from_micros(100));
            goes_on.store(false, Relaxed);
            // Nobody wakes them any more but the dump.
            let dump = runtime.block_on(runtime.handle().dump());
            assert_eq!(dump.tasks().iter().count(), 2);
        }
        end.store(true, Relaxed);
        busy.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn a_dump_that_is_dropped_leaves_nothing_behind() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let task = task::spawn(waits_for_a_timer());
            {
                let handle = Handle::current();
                let mut dump = pin!(handle.dump());
                let polled = poll_fn(|cx| Poll::Ready(dump.as_mut().poll(cx))).await;
                // A worker may have answered already.
                let has_workers = handle.runtime_flavor() == RuntimeFlavor::MultiThread;
                assert!(polled.is_pending() || has_workers);
            }
            let dump = Handle::current().dump().await;
            assert_eq!(dump.tasks().iter().count(), 1);
            task.abort();
        });
    });
}

#[test]
fn a_runtime_that_ends_ends_its_dumps() {
    within_limit(end_a_runtime_during_a_dump);
}

fn end_a_runtime_during_a_dump() {
    let (sender, asked) = std::sync::mpsc::channel();
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .stall_rescue_after(None)
        .enable_all()
        .build()
        .unwrap();
    let handle = runtime.handle().clone();
    // The one worker is busy, and stays it, so the dump has to wait.
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let (begun, has_begun) = std::sync::mpsc::channel();
    runtime.spawn(async move {
        begun.send(()).unwrap();
        let _ = blocked.recv();
    });
    has_begun.recv().unwrap();
    runtime.spawn(waits_for_a_timer());
    let dumping = thread::spawn(move || {
        let other = Builder::new_current_thread().build().unwrap();
        other.block_on(async {
            let mut dump = pin!(handle.dump());
            let first = poll_fn(|cx| Poll::Ready(dump.as_mut().poll(cx))).await;
            assert!(first.is_pending());
            sender.send(()).unwrap();
            dump.await.tasks().iter().count()
        })
    });
    asked.recv().unwrap();
    runtime.shutdown_background();
    drop(release);
    assert!(dumping.join().unwrap() <= 1);
}

/// Whether a dump of `runtime` has the task, without a trace.
fn is_without_trace<T>(runtime: &Runtime, task: &JoinHandle<T>) -> bool {
    let dump = runtime.block_on(runtime.handle().dump());
    let mut tasks = dump.tasks().iter();
    let found = tasks.find(|found| found.id() == task.id());
    found.is_some_and(|found| found.trace().resolve_backtraces().is_empty())
}

#[test]
fn a_dump_does_not_wait_for_tasks_that_block() {
    each_of(&Flavour::WITH_WORKERS, |flavour| {
        let mut builder = flavour.builder();
        let runtime = builder.max_stand_ins(1).build().unwrap();
        let blocked: Vec<_> = (0..8)
            .map(|_| {
                let (release, released) = std::sync::mpsc::channel::<()>();
                let task = runtime.spawn(async move {
                    let _ = released.recv();
                });
                (release, task)
            })
            .collect();
        let waits = runtime.spawn(waits_for_a_timer());
        // Some hold up their threads, the others are not begun.
        for (_, task) in &blocked {
            assert!(is_without_trace(&runtime, task));
        }
        // More than once only if the system keeps the poll from going on for so long that it is taken for one
        // that blocks.
        while is_without_trace(&runtime, &waits) {}
        // All at once: one that was not begun waits for the others.
        let (gates, blocked): (Vec<_>, Vec<_>) = blocked.into_iter().unzip();
        drop(gates);
        for task in blocked {
            runtime.block_on(task).unwrap();
        }
        // As before.
        while is_without_trace(&runtime, &waits) {}
    });
}

#[test]
fn a_task_that_blocks_while_it_is_looked_at_is_not_waited_for() {
    each_of(&Flavour::WITH_WORKERS, |flavour| {
        for in_place in [false, true] {
            let runtime = flavour.build();
            let (release, released) = std::sync::mpsc::channel::<()>();
            let task = runtime.spawn(poll_fn(move |_| {
                if !Handle::is_tracing() {
                    // The next poll is the dump's.
                    return Poll::Pending;
                }
                let _ = match in_place {
                    true => task::block_in_place(|| released.recv()),
                    false => released.recv(),
                };
                Poll::Ready(())
            }));
            assert!(is_without_trace(&runtime, &task));
            drop(release);
            runtime.block_on(task).unwrap();
        }
    });
}

#[test]
fn a_task_with_an_executor_of_its_own_goes_on_after_a_dump() {
    struct Unpark(thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    fn wait<F: Future>(future: F) -> F::Output {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return output;
            }
            thread::park();
        }
    }
    each_of(&Flavour::WITH_WORKERS, |flavour| {
        let runtime = flavour.build();
        let (sender, mut receiver) = oneshot::channel();
        let task = runtime.spawn(poll_fn(move |_| {
            if !Handle::is_tracing() {
                // The next poll is the dump's.
                return Poll::Pending;
            }
            Poll::Ready(wait(&mut receiver))
        }));
        let dump = runtime.block_on(runtime.handle().dump());
        assert_eq!(dump.tasks().iter().count(), 1);
        sender.send(42).unwrap();
        assert_eq!(runtime.block_on(task).unwrap(), Ok(42));
    });
}

#[test]
fn tasks_that_block_on_a_dump_do_not_wait_for_each_other() {
    each_of(&Flavour::WITH_WORKERS, |flavour| {
        let runtime = flavour.build();
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                runtime.spawn(async {
                    let handle = Handle::current();
                    let dump = task::block_in_place(|| handle.block_on(handle.dump()));
                    let sees_itself = dump.tasks().iter().any(|found| found.id() == task::id());
                    assert!(sees_itself);
                    let dump = handle.block_on(handle.dump());
                    dump.tasks().iter().count()
                })
            })
            .collect();
        for task in tasks {
            assert!((1..=4).contains(&runtime.block_on(task).unwrap()));
        }
    });
}

#[test]
fn a_captured_future_does_nothing_until_it_is_polled_again() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let (sender, receiver) = oneshot::channel();
            sender.send(5).unwrap();
            let mut receiver = pin!(receiver);
            let (polled, trace) = Trace::root(poll_fn(|cx| {
                Poll::Ready(Trace::capture(|| receiver.as_mut().poll(cx)))
            }))
            .await;
            assert!(polled.is_pending());
            let stacks = trace.resolve_backtraces();
            assert_eq!(stacks.len(), 1);
            let frames: Vec<_> = stacks[0].frames().collect();
            assert!(!frames.is_empty());
            assert!(frames.iter().all(|frame| !frame.ip().is_null()));
            let names = frames.iter().flat_map(|frame| frame.symbols());
            let here = names
                .filter(|symbol| {
                    symbol
                        .name_demangled()
                        .is_some_and(|name| name.contains("dump::"))
                })
                .find_map(|symbol| Some((symbol.filename()?.to_owned(), symbol.lineno()?)));
            let (file, line) = here.expect("this test is on the stack");
            assert!(file.ends_with("tests/dump.rs") && line > 0);
            assert_eq!(receiver.await, Ok(5));
        });
    });
}

#[test]
fn an_onlooker_of_ones_own_learns_where_a_stack_begins_and_ends() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let mut seen = Vec::new();
            let mut timer = pin!(sleep(Duration::from_secs(1)));
            Trace::root(poll_fn(|cx| {
                let polled = trace_with(
                    || timer.as_mut().poll(cx),
                    |meta| seen.push((meta.root_addr, meta.trace_leaf_addr)),
                );
                assert!(polled.is_pending());
                Poll::Ready(())
            }))
            .await;
            assert_eq!(seen.len(), 1);
            assert!(seen[0].0.is_some_and(|root| !root.is_null()));
            assert!(!seen[0].1.is_null());
        });
    });
}
