//! What is said of a stall, and to whom.

use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use runtime::runtime::Rescue;
use runtime::task;
use tests::process::{in_own_process, limit_more_memory};
use tests::{Flavour, each_flavour, each_of, within_limit};

use crate::{Gate, Told, everything_works};

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

/// It reads debug information, which takes more than a worker may need.
#[test]
fn a_report_does_not_depend_on_the_stacks_of_the_workers() {
    // An overflow would end the process.
    if !in_own_process(
        "reports::a_report_does_not_depend_on_the_stacks_of_the_workers",
        &[],
    ) {
        return;
    }
    each_of(&[Flavour::MultiThread(1)], |flavour| {
        let told = Told::default();
        let mut builder = flavour.builder();
        told.listen(builder.thread_stack_size(32 * 1024));
        let runtime = builder.build().unwrap();
        let (gate, blocker) = Gate::new();
        runtime.spawn(async move { blocker.block() });
        gate.wait();
        told.wait(|_| true);
        gate.open();
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
                    std::hint::spin_loop();
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
fn the_longest_stall_ends_when_its_task_comes_back() {
    each_of(&[Flavour::MultiThread(1)], |flavour| {
        let runtime = flavour.build();
        let (send, ended) = channel();
        runtime.spawn(async move {
            thread::sleep(Duration::from_millis(300));
            send.send(()).unwrap();
        });
        ended.recv().unwrap();
        // Nobody wakes up until the next report of its spawn site would be due.
        thread::sleep(Duration::from_millis(1_300));
        let longest = runtime.metrics().longest_stall();
        // A busy machine notices it late.
        assert!(longest >= Duration::from_millis(80), "{longest:?}");
        assert!(longest < Duration::from_millis(900), "{longest:?}");
    });
}

/// A log that panics at whatever it is told.
struct PanickingLog;

impl tracing::Subscriber for PanickingLog {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        panic!("the log does not like {:?}", event.metadata().target());
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn a_log_that_panics_harms_nobody() {
    if !in_own_process("reports::a_log_that_panics_harms_nobody", &[]) {
        return;
    }
    tracing::subscriber::set_global_default(PanickingLog).unwrap();
    each_of(&Flavour::WITH_WORKERS, |flavour| {
        let told = Told::default();
        let mut builder = flavour.builder();
        told.listen(&mut builder);
        let runtime = builder
            .on_task_spawn(|_| panic!("on_task_spawn"))
            .on_thread_park(|| panic!("on_thread_park"))
            .build()
            .unwrap();
        let (gate, blocker) = Gate::new();
        runtime.spawn(async move { blocker.block() });
        gate.wait();
        // The hook comes after the log.
        told.wait(|_| true);
        gate.open();
        runtime.block_on(runtime.spawn(everything_works())).unwrap();
    });
}

#[test]
fn a_watchdog_for_which_there_was_no_thread_begins_when_there_is_one() {
    if !in_own_process(
        "reports::a_watchdog_for_which_there_was_no_thread_begins_when_there_is_one",
        &[],
    ) {
        return;
    }
    within_limit(|| {
        const STACK: usize = 1 << 28;
        let runtime = Flavour::CurrentThread
            .builder()
            .thread_stack_size(STACK)
            .build()
            .unwrap();
        let metrics = runtime.metrics();
        let room = Vec::<u8>::with_capacity(2 * STACK);
        limit_more_memory(STACK as u64 / 2);
        // The first thread that runs the runtime asks for the watchdog's, in vain.
        runtime.block_on(task::yield_now());
        drop(room);
        while metrics.stalls_count() == 0 {
            runtime.block_on(async { thread::sleep(Duration::from_millis(50)) });
        }
    });
}

/// A log that does not come back, as if the task that blocks had its lock.
struct BlockingLog;

impl tracing::Subscriber for BlockingLog {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "runtime::stall"
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, _: &tracing::Event<'_>) {
        loop {
            thread::park();
        }
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn a_log_that_blocks_does_not_hold_up_the_watchdog_when_there_is_no_thread() {
    if !in_own_process(
        "reports::a_log_that_blocks_does_not_hold_up_the_watchdog_when_there_is_no_thread",
        &[],
    ) {
        return;
    }
    tracing::subscriber::set_global_default(BlockingLog).unwrap();
    within_limit(|| {
        const STACK: usize = 1 << 28;
        let runtime = Flavour::MultiThread(1)
            .builder()
            .thread_stack_size(STACK)
            .build()
            .unwrap();
        let metrics = runtime.metrics();
        let room = Vec::<u8>::with_capacity(4 * STACK);
        let (gate, blocker) = Gate::new();
        runtime.spawn(async move {
            // There is no room for a stand-in, and none for a report.
            limit_more_memory(STACK as u64 / 2);
            blocker.block();
        });
        gate.wait();
        while metrics.stalls_count() == 0 {
            thread::yield_now();
        }
        thread::sleep(Duration::from_millis(50));
        drop(room);
        let work = runtime.spawn(async {});
        runtime.block_on(work).unwrap();
        gate.open();
        // The log still blocks.
        runtime.shutdown_background();
    });
}
