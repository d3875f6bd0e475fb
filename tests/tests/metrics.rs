//! Task hooks, seeds, and what a runtime counts.

use std::collections::BTreeMap;
use std::future::{pending, poll_fn};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex, mpsc};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use runtime::runtime::{Builder, Handle, RngSeed};
use runtime::task::{self, LocalSet};
use tests::{each_flavour, each_runtime, panic_of, wake_self, with_quiet_panics, within_limit};

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
