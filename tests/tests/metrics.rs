//! Task hooks, seeds, and what a runtime counts.

use std::future::{Future, pending, poll_fn};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex, mpsc};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use runtime::runtime::{Builder, Handle, HistogramConfiguration, RngSeed};
use runtime::task::{self, JoinSet, LocalSet};
use tests::{each_flavour, each_runtime, panic_of, wake_self, within_limit};

/// How often each hook was called.
#[derive(Default)]
struct Calls {
    spawn: AtomicUsize,
    before: AtomicUsize,
    after: AtomicUsize,
    terminate: AtomicUsize,
}

impl Calls {
    fn of(builder: &mut Builder) -> Arc<Self> {
        let calls = Arc::new(Self::default());
        let count = |field: fn(&Self) -> &AtomicUsize| {
            let calls = calls.clone();
            move |_: &runtime::runtime::TaskMeta<'_>| {
                field(&calls).fetch_add(1, SeqCst);
            }
        };
        builder
            .on_task_spawn(count(|calls| &calls.spawn))
            .on_before_task_poll(count(|calls| &calls.before))
            .on_after_task_poll(count(|calls| &calls.after))
            .on_task_terminate(count(|calls| &calls.terminate));
        calls
    }

    fn get(&self) -> [usize; 4] {
        [&self.spawn, &self.before, &self.after, &self.terminate].map(|calls| calls.load(SeqCst))
    }
}

#[test]
fn every_task_is_announced_polled_and_terminated() {
    each_flavour(|flavour| {
        let mut builder = flavour.builder();
        let calls = Calls::of(&mut builder);
        let runtime = builder.build().unwrap();
        runtime.block_on(runtime.spawn(wake_self(4))).unwrap();
        // Those of the last poll may come after the output.
        while calls.get() != [1, 5, 5, 1] {
            thread::yield_now();
        }
        let aborted = runtime.spawn(pending::<()>());
        aborted.abort();
        assert!(runtime.block_on(aborted).unwrap_err().is_cancelled());
        // Not the runtime's own.
        runtime.block_on(runtime.spawn_blocking(|| ())).unwrap();
        let set = LocalSet::new();
        set.spawn_local(async {});
        runtime.block_on(set);
        let left = runtime.spawn(pending::<()>());
        drop(runtime);
        assert!(left.is_finished());
        let [spawned, before, after, terminated] = calls.get();
        assert_eq!((spawned, terminated), (3, 3));
        assert_eq!(before, after);
        assert!((6..=8).contains(&before), "{before}");
    });
}

#[test]
fn hooks_see_id_place_and_name() {
    each_flavour(|flavour| {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut builder = flavour.builder();
        for point in ["spawn", "poll"] {
            let seen = seen.clone();
            let hook = move |task: &runtime::runtime::TaskMeta<'_>| {
                assert!(task.schedule_latency().is_none());
                let place = task.spawned_at();
                seen.lock()
                    .unwrap()
                    .push((point, task.id(), place.file(), task.name()));
            };
            match point {
                "spawn" => builder.on_task_spawn(hook),
                _ => builder.on_before_task_poll(hook),
            };
        }
        let runtime = builder.build().unwrap();
        let named = task::Builder::new().name("a name");
        let task = named
            .spawn_on(async { task::id() }, runtime.handle())
            .unwrap();
        let id = runtime.block_on(task).unwrap();
        let name: Option<Arc<str>> = Some("a name".into());
        let expected = ["spawn", "poll"].map(|point| (point, id, file!(), name.clone()));
        assert_eq!(*seen.lock().unwrap(), expected);
    });
}

/// A report of a stall names the place, and stalls of one place count together.
#[test]
fn the_tasks_of_a_set_were_spawned_where_they_were_given_to_it() {
    each_flavour(|flavour| {
        let files = Arc::new(Mutex::new(Vec::new()));
        let runtime = flavour
            .builder()
            .on_task_spawn({
                let files = files.clone();
                move |task| files.lock().unwrap().push(task.spawned_at().file())
            })
            .build()
            .unwrap();
        let _runtime = runtime.enter();
        let mut set = JoinSet::from_iter([async {}]);
        set.extend([async {}]);
        assert_eq!(*files.lock().unwrap(), [file!(), file!()]);
    });
}

#[test]
fn a_hook_that_panics_harms_nobody() {
    each_flavour(|flavour| {
        // The hooks' messages are not what the test is about.
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let runtime = flavour
            .builder()
            .on_task_spawn(|_| panic!("spawn"))
            .on_before_task_poll(|_| panic!("before"))
            .on_after_task_poll(|_| panic!("after"))
            .on_task_terminate(|_| panic!("terminate"))
            .build()
            .unwrap();
        let tasks: Vec<_> = (0..100)
            .map(|number| runtime.spawn(async move { number }))
            .collect();
        for (number, task) in tasks.into_iter().enumerate() {
            assert_eq!(runtime.block_on(task).unwrap(), number);
        }
        drop(runtime);
        std::panic::set_hook(previous);
    });
}

#[test]
fn a_seed_repeats_the_choices_of_a_current_thread_runtime() {
    within_limit(|| {
        let choices = |seed: &[u8]| {
            let runtime = Builder::new_current_thread()
                .rng_seed(RngSeed::from_bytes(seed))
                .build()
                .unwrap();
            let choose = || {
                runtime.block_on(async {
                    let mut chosen = Vec::new();
                    for _ in 0..64 {
                        runtime::select! {
                            () = async {} => chosen.push(0),
                            () = async {} => chosen.push(1),
                            () = async {} => chosen.push(2),
                        }
                    }
                    chosen
                })
            };
            (choose(), choose())
        };
        let first = choices(b"first");
        assert_eq!(first, choices(b"first"));
        assert_ne!(
            first.0, first.1,
            "a second stretch goes on, it does not begin again"
        );
        assert_ne!(first, choices(b"second"));
    });
}

// Counters

#[test]
fn tasks_and_polls_are_counted() {
    each_runtime(|runtime| {
        let metrics = runtime.metrics();
        let workers = 0..metrics.num_workers();
        assert_eq!(metrics.spawned_tasks_count(), 0);
        let tasks: Vec<_> = (0..100).map(|_| runtime.spawn(wake_self(9))).collect();
        for task in tasks {
            runtime.block_on(task).unwrap();
        }
        assert_eq!(metrics.spawned_tasks_count(), 100);
        assert_eq!(metrics.remote_schedule_count(), 100);
        let polls: u64 = workers
            .clone()
            .map(|worker| metrics.worker_poll_count(worker))
            .sum();
        assert_eq!(polls, 1_000);
        let local: u64 = workers
            .map(|worker| metrics.worker_local_schedule_count(worker))
            .sum();
        // Every poll but the first of each task was scheduled by a worker.
        assert_eq!(local, 900);
        // The last of them may be complete and not forgotten yet.
        while metrics.num_alive_tasks() > 0 {
            thread::yield_now();
        }
        let waiting = runtime.spawn(pending::<()>());
        assert_eq!(metrics.num_alive_tasks(), 1);
        waiting.abort();
        let _ = runtime.block_on(waiting);
        while metrics.num_alive_tasks() > 0 {
            thread::yield_now();
        }
    });
}

#[test]
fn a_worker_at_rest_has_parked_once_more_than_it_woke() {
    each_runtime(|runtime| {
        let metrics = runtime.metrics();
        if runtime.handle().runtime_flavor() == runtime::runtime::RuntimeFlavor::CurrentThread {
            assert_eq!(metrics.worker_park_count(0), 0);
            runtime.block_on(async { runtime::time::sleep(Duration::from_millis(1)).await });
            let parks = metrics.worker_park_count(0);
            assert!(parks > 0);
            assert_eq!(metrics.worker_park_unpark_count(0), 2 * parks);
            return;
        }
        runtime.block_on(runtime.spawn(task::yield_now())).unwrap();
        for worker in 0..metrics.num_workers() {
            while metrics.worker_park_unpark_count(worker).is_multiple_of(2) {
                thread::yield_now();
            }
            let parks = metrics.worker_park_count(worker);
            assert!(parks > 0);
            assert!(metrics.worker_noop_count(worker) <= parks);
        }
    });
}

#[test]
fn the_time_of_a_busy_worker_is_counted_and_that_of_a_sleeping_one_is_not() {
    each_runtime(|runtime| {
        let metrics = runtime.metrics();
        let busy = || -> Duration {
            (0..metrics.num_workers())
                .map(|worker| metrics.worker_total_busy_duration(worker))
                .sum()
        };
        let before = busy();
        let work = Duration::from_millis(20);
        // In pieces: a poll that takes too long is no longer the worker's.
        let spin = async move {
            for _ in 0..20 {
                let begin = std::time::Instant::now();
                while begin.elapsed() < work / 20 {
                    std::hint::spin_loop();
                }
                runtime::task::yield_now().await;
            }
        };
        runtime.block_on(runtime.spawn(spin)).unwrap();
        while busy() - before < work {
            thread::yield_now();
        }
        let mean = (0..metrics.num_workers()).map(|worker| metrics.worker_mean_poll_time(worker));
        assert!(mean.max().unwrap() > Duration::ZERO);
        // Asleep, mostly: far less than the time that goes by.
        let before = busy();
        let begin = std::time::Instant::now();
        runtime.block_on(async { runtime::time::sleep(Duration::from_millis(200)).await });
        assert!(busy() - before < begin.elapsed() * metrics.num_workers() as u32);
    });
}

#[test]
fn workers_know_their_threads() {
    each_runtime(|runtime| {
        let metrics = runtime.metrics();
        let current = async { Handle::current().metrics().worker_thread_id(0) };
        if runtime.handle().runtime_flavor() == runtime::runtime::RuntimeFlavor::CurrentThread {
            assert_eq!(metrics.worker_thread_id(0), None);
            assert_eq!(runtime.block_on(current), Some(thread::current().id()));
            return;
        }
        let task = runtime.spawn(async {
            let worker = runtime::runtime::worker_index().unwrap();
            let metrics = Handle::current().metrics();
            assert_eq!(
                metrics.worker_thread_id(worker),
                Some(thread::current().id())
            );
        });
        runtime.block_on(task).unwrap();
    });
}

#[test]
fn queues_are_as_deep_as_what_waits_in_them() {
    within_limit(|| {
        let runtime = Builder::new_current_thread().build().unwrap();
        let metrics = runtime.metrics();
        let tasks: Vec<_> = (0..7).map(|_| runtime.spawn(async {})).collect();
        assert_eq!(metrics.global_queue_depth(), 7);
        for task in tasks {
            runtime.block_on(task).unwrap();
        }
        assert_eq!(metrics.global_queue_depth(), 0);
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        let metrics = runtime.metrics();
        let task = runtime.spawn(async move {
            for _ in 0..5 {
                runtime::spawn(async {});
            }
            // One of them is in the slot, which runs next.
            assert_eq!(metrics.worker_local_queue_depth(0), 4);
            for _ in 0..300 {
                runtime::spawn(async {});
            }
            assert_eq!(metrics.worker_overflow_count(0), 1);
            assert!(metrics.global_queue_depth() > 0);
        });
        runtime.block_on(task).unwrap();
    });
}

#[test]
fn a_thief_counts_what_it_takes() {
    within_limit(|| {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .build()
            .unwrap();
        let metrics = runtime.metrics();
        let (sender, receiver) = mpsc::channel();
        // Blocks its worker until the other one has run what stands behind it.
        let blocking = runtime.spawn(async move {
            runtime::spawn(async move { sender.send(()).unwrap() });
            runtime::spawn(async {});
            receiver.recv().unwrap();
        });
        runtime.block_on(blocking).unwrap();
        let sum = |count: fn(&runtime::runtime::RuntimeMetrics, usize) -> u64| {
            (0..2).map(|worker| count(&metrics, worker)).sum::<u64>()
        };
        let operations = sum(|metrics, worker| metrics.worker_steal_operations(worker));
        assert!(operations > 0);
        assert!(sum(|metrics, worker| metrics.worker_steal_count(worker)) >= operations);
    });
}

/// Uses up the budget of one poll.
fn exhaust() -> impl Future<Output = ()> {
    poll_fn(|cx| {
        loop {
            let Poll::Ready(coop) = task::coop::poll_proceed(cx) else {
                return Poll::Ready(());
            };
            coop.made_progress();
        }
    })
}

#[test]
fn a_budget_that_is_used_up_is_counted() {
    each_runtime(|runtime| {
        let metrics = runtime.metrics();
        runtime.block_on(exhaust());
        assert_eq!(metrics.budget_forced_yield_count(), 1);
        runtime.block_on(runtime.spawn(exhaust())).unwrap();
        while metrics.budget_forced_yield_count() < 2 {
            thread::yield_now();
        }
    });
}

#[test]
fn a_budget_that_is_used_up_after_the_worker_went_to_another_thread_is_counted() {
    within_limit(|| {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        let metrics = runtime.metrics();
        for in_place in [false, true] {
            let before = metrics.budget_forced_yield_count();
            let (say, other_runs) = mpsc::channel();
            let task = runtime.spawn(async move {
                // Only another thread can run it before this poll ends.
                task::spawn(async move { say.send(()).unwrap() });
                match in_place {
                    true => task::block_in_place(|| other_runs.recv().unwrap()),
                    false => other_runs.recv().unwrap(),
                }
                exhaust().await;
            });
            runtime.block_on(task).unwrap();
            while metrics.budget_forced_yield_count() == before {
                thread::yield_now();
            }
            assert_eq!(metrics.budget_forced_yield_count(), before + 1);
        }
    });
}

#[test]
fn blocking_work_and_its_threads_are_counted() {
    each_flavour(|flavour| {
        let runtime = flavour.builder().max_blocking_threads(1).build().unwrap();
        let metrics = runtime.metrics();
        assert_eq!(metrics.num_blocking_threads(), 0);
        let (begin, begun) = mpsc::channel();
        let (sender, receiver) = mpsc::channel::<()>();
        let first = runtime.spawn_blocking(move || {
            begin.send(()).unwrap();
            receiver.recv().unwrap();
        });
        begun.recv().unwrap();
        let second = runtime.spawn_blocking(|| ());
        assert_eq!(metrics.num_blocking_threads(), 1);
        assert_eq!(metrics.num_idle_blocking_threads(), 0);
        assert_eq!(metrics.blocking_queue_depth(), 1);
        sender.send(()).unwrap();
        runtime.block_on(async {
            first.await.unwrap();
            second.await.unwrap();
        });
        assert_eq!(metrics.blocking_queue_depth(), 0);
        while metrics.num_idle_blocking_threads() < 1 {
            thread::yield_now();
        }
        assert_eq!(metrics.spawned_tasks_count(), 0);
    });
}

#[test]
fn poll_times_go_into_their_buckets() {
    each_flavour(|flavour| {
        let runtime = flavour.build();
        assert!(!runtime.metrics().poll_time_histogram_enabled());
        assert_eq!(runtime.metrics().poll_time_histogram_num_buckets(), 0);
        let runtime = flavour
            .builder()
            .enable_metrics_poll_time_histogram()
            .metrics_poll_count_histogram_resolution(Duration::from_millis(5))
            .metrics_poll_count_histogram_buckets(3)
            .build()
            .unwrap();
        let metrics = runtime.metrics();
        let ranges: Vec<_> = (0..3)
            .map(|bucket| metrics.poll_time_histogram_bucket_range(bucket).start)
            .collect();
        assert_eq!(ranges, [0, 5, 10].map(Duration::from_millis));
        let count = |bucket| -> u64 {
            (0..metrics.num_workers())
                .map(|worker| metrics.poll_time_histogram_bucket_count(worker, bucket))
                .sum()
        };
        let slow = runtime.spawn(async {
            thread::sleep(Duration::from_millis(11));
        });
        runtime.block_on(slow).unwrap();
        while count(0) + count(1) + count(2) < 1 {
            thread::yield_now();
        }
        assert_eq!(count(2), 1);
    });
}

#[test]
fn the_time_that_a_task_waits_in_a_queue_is_known_to_hooks_and_histogram() {
    each_flavour(|flavour| {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut builder = flavour.builder();
        for before in [true, false] {
            let seen = seen.clone();
            let hook = move |task: &runtime::runtime::TaskMeta<'_>| {
                let latency = task.schedule_latency().unwrap();
                seen.lock().unwrap().push((task.id(), before, latency));
            };
            if before {
                builder.on_before_task_poll(hook);
            } else {
                builder.on_after_task_poll(hook);
            }
        }
        let runtime = builder
            .enable_metrics_schedule_latency_histogram()
            .metrics_schedule_latency_histogram_configuration(HistogramConfiguration::linear(
                Duration::from_millis(5),
                2,
            ))
            .build()
            .unwrap();
        let metrics = runtime.metrics();
        assert!(metrics.schedule_latency_histogram_enabled());
        assert_eq!(
            metrics.schedule_latency_histogram_bucket_range(1).start,
            Duration::from_millis(5)
        );
        let (waits, slow) = runtime.block_on(async {
            let slow = runtime::spawn(async {
                let waits = runtime::spawn(async {});
                let id = waits.id();
                thread::sleep(Duration::from_millis(11));
                (id, waits)
            });
            let slow_id = slow.id();
            let (id, waits) = slow.await.unwrap();
            waits.await.unwrap();
            (id, slow_id)
        });
        let latencies = |id| -> Vec<_> {
            let seen = seen.lock().unwrap();
            seen.iter()
                .filter(|(task, ..)| *task == id)
                .map(|(_, before, latency)| (*before, *latency))
                .collect()
        };
        while latencies(waits).len() < 2 || latencies(slow).len() < 2 {
            thread::yield_now();
        }
        let found = latencies(waits);
        assert_eq!([found[0].0, found[1].0], [true, false]);
        assert_eq!(found[0].1, found[1].1, "both hooks get the same");
        let flavor = runtime.handle().runtime_flavor();
        let is_alone = flavor == runtime::runtime::RuntimeFlavor::CurrentThread;
        if is_alone {
            assert!(found[0].1 >= Duration::from_millis(11), "{found:?}");
        }
        let count = |bucket| -> u64 {
            (0..metrics.num_workers())
                .map(|worker| metrics.schedule_latency_histogram_bucket_count(worker, bucket))
                .sum()
        };
        assert!(!is_alone || count(1) >= 1);
        assert_eq!(count(0) + count(1), 2);
    });
}

#[test]
fn latencies_that_nobody_asked_for_are_not_measured() {
    each_flavour(|flavour| {
        let (sender, latencies) = mpsc::channel();
        let runtime = flavour
            .builder()
            .on_before_task_poll(move |task| sender.send(task.schedule_latency()).unwrap())
            .build()
            .unwrap();
        runtime.block_on(runtime.spawn(async {})).unwrap();
        assert_eq!(latencies.recv().unwrap(), None);
        let metrics = runtime.metrics();
        assert!(!metrics.schedule_latency_histogram_enabled());
        assert_eq!(metrics.schedule_latency_histogram_num_buckets(), 0);
        assert_eq!(metrics.schedule_latency_histogram_bucket_count(0, 0), 0);
    });
}

#[test]
fn a_busy_thread_may_be_told_to_take_few_events_at_a_time() {
    use runtime::io::{AsyncReadExt, AsyncWriteExt};
    use runtime::net::UnixStream;

    each_flavour(|flavour| {
        let runtime = flavour
            .builder()
            .enable_all()
            .max_io_events_per_busy_tick(1)
            .event_interval(1)
            .build()
            .unwrap();
        runtime.block_on(async {
            let pairs: Vec<_> = (0..20).map(|_| UnixStream::pair().unwrap()).collect();
            let busy = runtime::spawn(async {
                loop {
                    task::yield_now().await;
                }
            });
            let (mut writers, readers): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
            let readers: Vec<_> = readers
                .into_iter()
                .map(|mut reader| runtime::spawn(async move { reader.read_u8().await.unwrap() }))
                .collect();
            for (number, writer) in writers.iter_mut().enumerate() {
                task::yield_now().await;
                writer.write_all(&[number as u8]).await.unwrap();
            }
            for (number, reader) in readers.into_iter().enumerate() {
                assert_eq!(reader.await.unwrap(), number as u8);
            }
            busy.abort();
        });
    });
}

#[test]
fn a_worker_or_bucket_that_is_not_there_panics_at_the_caller() {
    within_limit(|| {
        let runtime = Builder::new_current_thread().build().unwrap();
        let metrics = runtime.metrics();
        panic_of(|| metrics.worker_park_count(1))
            .names("there is no worker 1")
            .is_in(file!());
        panic_of(|| metrics.worker_poll_count(1)).is_in(file!());
        let measured = Builder::new_current_thread()
            .enable_metrics_poll_time_histogram()
            .build()
            .unwrap();
        let metrics = measured.metrics();
        let panic = panic_of(|| metrics.poll_time_histogram_bucket_count(0, 10));
        panic.names("there are 10 buckets").is_in(file!());
    });
}

#[test]
fn sockets_and_their_events_are_counted() {
    use runtime::io::{AsyncReadExt, AsyncWriteExt};
    use runtime::net::{TcpListener, TcpStream};

    each_runtime(|runtime| {
        let metrics = runtime.metrics();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let client = runtime::spawn(async move {
                let mut stream = TcpStream::connect(address).await.unwrap();
                assert_eq!(stream.read_u8().await.unwrap(), 7);
            });
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_u8(7).await.unwrap();
            client.await.unwrap();
        });
        assert!(metrics.io_driver_ready_count() > 0);
        let registered = metrics.io_driver_fd_registered_count();
        assert!((1..=3).contains(&registered), "{registered}");
        while metrics.io_driver_fd_deregistered_count() < registered {
            thread::yield_now();
        }
    });
}
