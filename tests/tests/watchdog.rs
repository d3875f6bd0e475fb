//! One bad task cannot stop the rest: what is stalled is rescued, and what stalled it is named.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use runtime::io::{AsyncReadExt, AsyncWriteExt};
use runtime::net::{TcpListener, TcpStream};
use runtime::runtime::{Rescue, Stall};
use runtime::sync::{mpsc, oneshot};
use runtime::task::{self, block_in_place, spawn_blocking, yield_now};
use runtime::time::{sleep, timeout};
use runtime::{Builder, Runtime};
use tests::process::in_own_process;
use tests::{Flavour, OnDrop, each_flavour, each_of, within_limit};

/// Holds up a thread until it is dropped or opened, without the runtime's knowledge.
struct Gate {
    entered: Mutex<Receiver<()>>,
    open: Sender<()>,
}

/// The part of a [`Gate`] that blocks.
struct Blocker {
    entered: Sender<()>,
    open: Receiver<()>,
}

impl Gate {
    fn new() -> (Self, Blocker) {
        let (entered, was_entered) = channel();
        let (open, opened) = channel();
        let gate = Self {
            entered: Mutex::new(was_entered),
            open,
        };
        let blocker = Blocker {
            entered,
            open: opened,
        };
        (gate, blocker)
    }

    /// Waits until somebody blocks.
    fn wait(&self) {
        self.entered.lock().unwrap().recv().unwrap();
    }

    fn open(self) {
        self.open.send(()).unwrap();
    }
}

impl Blocker {
    /// Blocks the thread until the gate opens or is gone.
    fn block(self) {
        self.entered.send(()).unwrap();
        let _ = self.open.recv();
    }
}

/// What the hook was told.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<Stall>>>);

impl Told {
    fn listen(&self, builder: &mut Builder) {
        let told = self.0.clone();
        builder.on_stall(move |stall| told.lock().unwrap().push(stall.clone()));
    }

    /// Waits for a report that `fits`.
    fn wait(&self, fits: impl Fn(&Stall) -> bool) -> Stall {
        loop {
            let found = self
                .0
                .lock()
                .unwrap()
                .iter()
                .find(|stall| fits(stall))
                .cloned();
            match found {
                Some(stall) => return stall,
                None => thread::yield_now(),
            }
        }
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

/// Asks everything of the runtime that a worker provides.
async fn everything_works() {
    sleep(Duration::from_millis(1)).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = runtime::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut byte = [0];
        stream.read_exact(&mut byte).await.unwrap();
        stream.write_all(&byte).await.unwrap();
    });
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"x").await.unwrap();
    stream.read_exact(&mut [0]).await.unwrap();
    server.await.unwrap();
    let (send, mut receive) = mpsc::channel(1);
    runtime::spawn(async move {
        yield_now().await;
        send.send(1).await.unwrap();
    });
    assert_eq!(receive.recv().await, Some(1));
}

/// A client from outside: a byte there and back, with `std` alone.
fn visit(address: std::net::SocketAddr) {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    for _ in 0..10 {
        stream.write_all(b"x").unwrap();
        stream.read_exact(&mut [0]).unwrap();
    }
}

async fn echo(listener: TcpListener) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        runtime::spawn(async move {
            let mut byte = [0];
            while stream.read_exact(&mut byte).await.is_ok() {
                stream.write_all(&byte).await.unwrap();
            }
        });
    }
}

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
        assert_eq!(runtime.metrics().stall_rescues_count(), 10);
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

#[test]
fn a_report_names_the_task_its_place_and_what_it_does() {
    each_flavour(|flavour| {
        let told = Told::default();
        let mut builder = flavour.builder();
        told.listen(&mut builder);
        let runtime = builder.build().unwrap();
        let line = line!() + 2;
        let (gate, blocker) = Gate::new();
        let task = task::Builder::new()
            .name("upload")
            .spawn_on(async move { blocker.block() }, runtime.handle());
        let task = task.unwrap();
        let id = task.id();
        // A current-thread runtime runs on this thread.
        let stall = thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                gate.wait();
                let stall = told.wait(|stall| stall.task() == Some(id));
                gate.open();
                stall
            });
            runtime.block_on(task).unwrap();
            waiting.join().unwrap()
        });
        assert_eq!(stall.name(), Some("upload"));
        let place = stall.spawned_at().unwrap();
        assert_eq!(place.file(), file!());
        assert!(place.line() > line && place.line() < line + 6);
        assert!(stall.elapsed() >= Duration::from_millis(10));
        assert!(stall.worker() < runtime.metrics().num_workers());
        let text = stall.to_string();
        assert!(text.contains("\"upload\""), "{text}");
        #[cfg(not(miri))]
        assert!(text.contains("in system call futex"), "{text}");
        #[cfg(all(target_os = "linux", not(miri)))]
        {
            let stack = stall.stack().expect("it blocked until it was asked");
            let frame = stack.first_in_user_code().unwrap().to_string();
            assert!(frame.contains("Blocker::block"), "{stack:#}");
            assert!(text.contains(&frame), "{text}");
        }
        let rescue = match flavour {
            Flavour::CurrentThread => Rescue::CurrentThread,
            Flavour::MultiThread(_) => Rescue::StandIn,
        };
        assert_eq!(stall.rescue(), rescue);
        let metrics = runtime.metrics();
        assert_eq!(metrics.stalls_count(), 1);
        assert!(metrics.longest_stall() >= Duration::from_millis(10));
    });
}

#[test]
fn the_future_of_block_on_is_named_where_everything_depends_on_it() {
    within_limit(|| {
        let told = Told::default();
        let mut builder = Flavour::CurrentThread.builder();
        told.listen(&mut builder);
        let runtime = builder.build().unwrap();
        runtime.block_on(async { told.wait(|_| true) });
        let stall = told.wait(|_| true);
        assert_eq!(stall.task(), None);
        assert_eq!(stall.spawned_at().unwrap().file(), file!());
        assert!(
            stall
                .to_string()
                .starts_with("the future of `block_on` (called at ")
        );
    });
}

#[test]
fn a_spawn_site_that_was_reported_is_counted_until_the_next_report() {
    each_of(&[Flavour::MultiThread(2)], |flavour| {
        let told = Told::default();
        let mut builder = flavour.builder();
        told.listen(&mut builder);
        let runtime = builder.build().unwrap();
        let metrics = runtime.metrics();
        let block_until_counted = |count| {
            let metrics = metrics.clone();
            let task = runtime.spawn(async move {
                while metrics.stalls_count() < count {
                    thread::yield_now();
                }
            });
            runtime.block_on(task).unwrap();
        };
        let mut count = 0;
        // One at once, the next after a second with those in between.
        while told.count() < 2 {
            count += 1;
            block_until_counted(count);
        }
        let reports = told.0.lock().unwrap();
        assert_eq!(reports[0].unreported(), 0);
        assert!(reports[1].unreported() > 0, "{reports:#?}");
        assert!(reports[1].to_string().contains("more of this spawn site"));
    });
}

#[test]
fn a_hook_that_blocks_or_panics_holds_up_nobody() {
    each_of(&[Flavour::MultiThread(1)], |flavour| {
        let (gate, blocker) = Gate::new();
        let blocker = Mutex::new(Some(blocker));
        let runtime = flavour
            .builder()
            .on_stall(move |_| {
                let blocker = blocker.lock().unwrap().take();
                blocker.expect("the second call panics").block();
            })
            .build()
            .unwrap();
        let hold_up = || {
            let (gate, blocker) = Gate::new();
            runtime.spawn(async move { blocker.block() });
            gate.wait();
            gate
        };
        let first = hold_up();
        gate.wait();
        // The hook blocks, and stalls are rescued all the same.
        let second = hold_up();
        let third = hold_up();
        runtime.block_on(runtime.spawn(everything_works())).unwrap();
        gate.open();
        drop((first, second, third));
    });
}

#[test]
fn what_is_announced_is_no_stall() {
    each_of(&Flavour::WITH_WORKERS, |flavour| {
        let runtime = flavour.build();
        let (gate, blocker) = Gate::new();
        let announced = runtime.spawn(async move { block_in_place(|| blocker.block()) });
        gate.wait();
        let blocking = spawn_blocking_gate(&runtime);
        // An unannounced one, to see that the watchdog has looked twice.
        let (other, blocker) = Gate::new();
        runtime.spawn(async move { blocker.block() });
        other.wait();
        while runtime.metrics().stalls_count() == 0 {
            thread::yield_now();
        }
        assert_eq!(runtime.metrics().stalls_count(), 1);
        gate.open();
        runtime.block_on(announced).unwrap();
        drop((other, blocking));
    });
}

fn spawn_blocking_gate(runtime: &Runtime) -> Gate {
    let (gate, blocker) = Gate::new();
    runtime.block_on(async {
        spawn_blocking(move || blocker.block());
    });
    gate.wait();
    gate
}

#[test]
fn a_task_may_block_on_a_future() {
    each_of(&Flavour::WITH_WORKERS, |flavour| {
        let runtime = flavour.build();
        let handle = runtime.handle().clone();
        let nested = move || {
            let handle = handle.clone();
            async move {
                let inner = handle.clone();
                handle.block_on(async move {
                    everything_works().await;
                    // Once more, inside of that.
                    inner.block_on(everything_works());
                    7
                })
            }
        };
        // As many at once as would block every worker.
        let tasks: Vec<_> = (0..8).map(|_| runtime.spawn(nested())).collect();
        for task in tasks {
            assert_eq!(runtime.block_on(task).unwrap(), 7);
        }
        assert_eq!(runtime.block_on(nested()), 7);
        let other = runtime.spawn(async {
            let other = Flavour::CurrentThread.build();
            other.block_on(everything_works());
            task::spawn_blocking(move || drop(other)).await.unwrap();
        });
        runtime.block_on(other).unwrap();
        runtime.block_on(runtime.spawn(everything_works())).unwrap();
    });
}

#[test]
fn blocking_on_a_future_in_a_task_can_be_forbidden() {
    each_of(&Flavour::WITH_WORKERS, |flavour| {
        let runtime = flavour.builder().nested_block_on(false).build().unwrap();
        let handle = runtime.handle().clone();
        let task = runtime.spawn(async move { handle.block_on(async {}) });
        let panic = runtime.block_on(task).unwrap_err().into_panic();
        let text = panic.downcast_ref::<&str>().unwrap();
        assert!(text.starts_with("Cannot start a runtime from within a runtime"));
    });
}

#[test]
fn a_watchdog_that_is_switched_off_does_nothing() {
    each_of(&[Flavour::MultiThread(2)], |flavour| {
        let runtime = flavour
            .builder()
            .stall_rescue_after(None)
            .stall_report_after(None)
            .build()
            .unwrap();
        let (gate, blocker) = Gate::new();
        runtime.spawn(async move { blocker.block() });
        gate.wait();
        // Far longer than any limit of a watchdog that is on.
        thread::sleep(Duration::from_millis(100));
        assert_eq!(runtime.metrics().stalls_count(), 0);
        assert_eq!(runtime.metrics().stall_rescues_count(), 0);
        gate.open();
    });
}

#[test]
fn a_process_that_was_stopped_has_no_stalls() {
    if !in_own_process("a_process_that_was_stopped_has_no_stalls", &[]) {
        return;
    }
    within_limit(|| {
        let runtime = Flavour::MultiThread(2).build();
        let metrics = runtime.metrics();
        let ping = runtime.spawn(async {
            loop {
                yield_now().await;
            }
        });
        let pid = std::process::id();
        // Another process lets this one go on again.
        let script = format!("kill -STOP {pid}; sleep 1; kill -CONT {pid}");
        let mut shell = std::process::Command::new("sh")
            .args(["-c", &script])
            .spawn()
            .unwrap();
        shell.wait().unwrap();
        runtime.block_on(async {
            // Some looks of the watchdog later.
            sleep(Duration::from_millis(50)).await;
        });
        assert_eq!(metrics.stalls_count(), 0);
        ping.abort();
    });
}

#[test]
fn a_runtime_at_rest_does_not_wake_up() {
    if !in_own_process("a_runtime_at_rest_does_not_wake_up", &[]) {
        return;
    }
    tests::process::allow_many_descriptors();
    within_limit(|| {
        let runtimes: Vec<_> = [Flavour::MultiThread(2), Flavour::CurrentThread]
            .into_iter()
            .map(|flavour| {
                let runtime = flavour.build();
                let held = runtime.block_on(async {
                    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                    let address = listener.local_addr().unwrap();
                    let mut held = Vec::new();
                    for _ in 0..500 {
                        let client = TcpStream::connect(address).await.unwrap();
                        let (mut server, _) = listener.accept().await.unwrap();
                        runtime::spawn(async move { server.read(&mut [0]).await.unwrap() });
                        held.push(client);
                    }
                    let accepting = runtime::spawn(async move { drop(listener.accept().await) });
                    yield_now().await;
                    (held, accepting)
                });
                (runtime, held)
            })
            .collect();
        // The current-thread one rests in its driver, on a thread of its own.
        thread::scope(|scope| {
            let (stop, stopped) = oneshot::channel::<()>();
            let current = &runtimes[1].0;
            scope.spawn(move || current.block_on(stopped));
            // Until it stands still ...
            let mut before = switches();
            loop {
                thread::sleep(Duration::from_millis(200));
                let now = switches();
                if now == before {
                    break;
                }
                before = now;
            }
            // ... and then it does, for as long as one looks.
            thread::sleep(Duration::from_secs(10));
            assert_eq!(switches(), before);
            stop.send(()).unwrap();
        });
    });
}

/// How often the other threads of the process were switched to.
fn switches() -> Vec<String> {
    let own = std::fs::read_link("/proc/thread-self").unwrap();
    let own = own.file_name().unwrap().to_owned();
    let mut switches = Vec::new();
    for entry in std::fs::read_dir("/proc/self/task").unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() == own {
            continue;
        }
        let status = std::fs::read_to_string(entry.path().join("status")).unwrap();
        let count = status.lines().filter(|line| line.contains("ctxt_switches"));
        switches.push(format!(
            "{:?} {}",
            entry.file_name(),
            count.collect::<Vec<_>>().join(" ")
        ));
    }
    switches.sort();
    switches
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
