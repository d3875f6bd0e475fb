//! What is no stall, and a watchdog that has nothing to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use runtime::Runtime;
use runtime::io::AsyncReadExt;
use runtime::net::{TcpListener, TcpStream};
use runtime::sync::oneshot;
use runtime::task::{block_in_place, spawn_blocking, yield_now};
use runtime::time::sleep;
use tests::process::in_own_process;
use tests::{Flavour, each_of, within_limit};

use crate::{Gate, Told};

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

#[test]
fn what_a_hook_announces_is_no_stall_of_the_task_before() {
    each_of(&[Flavour::MultiThread(1)], |flavour| {
        const LONG: Duration = Duration::from_millis(60);
        let told = Told::default();
        let mut builder = flavour.builder();
        told.listen(&mut builder);
        let armed = Arc::new(AtomicBool::new(false));
        let (blocks, holds_up) = (armed.clone(), armed.clone());
        let runtime = builder
            .on_thread_unpark(move || {
                if blocks.load(SeqCst) {
                    block_in_place(|| thread::sleep(LONG));
                    blocks.store(false, SeqCst);
                }
            })
            // Whoever takes over is not there at once.
            .on_thread_start(move || {
                if holds_up.load(SeqCst) {
                    thread::sleep(2 * LONG);
                }
            })
            .build()
            .unwrap();
        runtime.block_on(runtime.spawn(async {})).unwrap();
        armed.store(true, SeqCst);
        // A worker that is not asleep yet is not unparked.
        while armed.load(SeqCst) {
            runtime.block_on(runtime.spawn(async {})).unwrap();
        }
        assert_eq!(told.count(), 0);
        assert_eq!(runtime.metrics().stalls_count(), 0);
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
    if !in_own_process("no_stall::a_process_that_was_stopped_has_no_stalls", &[]) {
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
        // So that the stop may find the watchdog's thread anywhere, not only asleep.
        for _ in 0..8 {
            thread::spawn(|| {
                loop {
                    std::hint::spin_loop();
                }
            });
        }
        let pid = std::process::id();
        // Another process lets this one go on again.
        let script = format!(
            "for i in 1 2 3; do kill -STOP {pid}; sleep 0.6; kill -CONT {pid}; sleep 0.1; done"
        );
        let mut shell = std::process::Command::new("sh")
            .args(["-c", &script])
            .spawn()
            .unwrap();
        shell.wait().unwrap();
        runtime.block_on(async {
            // Some looks of the watchdog later.
            sleep(Duration::from_millis(50)).await;
        });
        // On a busy machine there may be others, but none of that second.
        let longest = metrics.longest_stall();
        assert!(longest < Duration::from_millis(500), "{longest:?}");
        ping.abort();
    });
}

#[test]
fn a_runtime_at_rest_does_not_wake_up() {
    if !in_own_process("no_stall::a_runtime_at_rest_does_not_wake_up", &[]) {
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
            let before = stand_still();
            // ... and then it does, for as long as one looks.
            thread::sleep(Duration::from_secs(10));
            assert_eq!(switches(), before);
            stop.send(()).unwrap();
        });
    });
}

/// The monitor comes back when a report is due, and that is at intervals that grow.
#[test]
fn a_thread_that_is_held_up_for_long_keeps_nobody_awake() {
    if !in_own_process(
        "no_stall::a_thread_that_is_held_up_for_long_keeps_nobody_awake",
        &[],
    ) {
        return;
    }
    for report_after in [Some(Duration::from_millis(10)), None] {
        each_of(&[Flavour::MultiThread(2)], move |flavour| {
            let runtime = flavour
                .builder()
                .stall_report_after(report_after)
                .build()
                .unwrap();
            // Of another spawn site, which was reported and is over.
            let over = runtime.spawn(async { thread::sleep(Duration::from_millis(50)) });
            runtime.block_on(over).unwrap();
            let (gate, blocker) = Gate::new();
            runtime.spawn(async move { blocker.block() });
            gate.wait();
            // That site could be reported again by now.
            thread::sleep(Duration::from_millis(1_200));
            stand_still();
            gate.open();
        });
    }
}

/// Waits until no other thread wakes up for a while.
fn stand_still() -> Vec<String> {
    let mut before = switches();
    loop {
        thread::sleep(Duration::from_millis(200));
        let now = switches();
        if now == before {
            return now;
        }
        before = now;
    }
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
