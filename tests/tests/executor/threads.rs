//! The threads of a runtime: names, hooks, stacks.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use runtime::Handle;
use runtime::task::{spawn_blocking, yield_now};
use tests::{Flavour, each_flavour, each_of};

fn name() -> Option<String> {
    thread::current().name().map(str::to_owned)
}

#[test]
fn every_thread_the_runtime_starts_has_its_name() {
    each_flavour(|flavour| {
        let runtime = flavour.builder().thread_name("mine").build().unwrap();
        let own = name();
        let (task, blocking) = runtime.block_on(async {
            (
                runtime::spawn(async { name() }).await.unwrap(),
                spawn_blocking(name).await.unwrap(),
            )
        });
        assert_eq!(blocking.as_deref(), Some("mine"));
        if flavour == Flavour::CurrentThread {
            assert_eq!(task, own);
        } else {
            assert_eq!(task.as_deref(), Some("mine"));
        }
    });
}

#[test]
fn what_no_name_of_a_thread_may_have_is_left_out() {
    each_of(&Flavour::WITH_WORKERS, |flavour| {
        let mut builder = flavour.builder();
        let runtime = builder.thread_name("mi\0ne\0").build().unwrap();
        let worker = runtime.block_on(runtime.spawn(async { name() })).unwrap();
        let blocking = runtime.block_on(runtime.spawn_blocking(name)).unwrap();
        assert_eq!(worker.as_deref(), Some("mine"));
        assert_eq!(blocking.as_deref(), Some("mine"));
    });
}

#[test]
fn a_function_names_each_thread() {
    each_of(&Flavour::WITH_WORKERS, |flavour| {
        let count = AtomicUsize::new(0);
        let mut builder = flavour.builder();
        builder.thread_name_fn(move || format!("mine-{}", count.fetch_add(1, SeqCst)));
        let runtime = builder.build().unwrap();
        let workers = runtime.metrics().num_workers();
        let barrier = Arc::new(Barrier::new(workers));
        let tasks: Vec<_> = (0..workers)
            .map(|_| {
                let barrier = barrier.clone();
                // One at a time on each worker.
                runtime.spawn(async move {
                    barrier.wait();
                    name().unwrap()
                })
            })
            .collect();
        let names: HashSet<_> = tasks
            .into_iter()
            .map(|task| runtime.block_on(task).unwrap())
            .collect();
        let expected: HashSet<_> = (0..workers)
            .map(|number| format!("mine-{number}"))
            .collect();
        assert_eq!(names, expected);
    });
}

#[test]
fn the_stack_is_as_large_as_asked_for() {
    #[inline(never)]
    fn deep(levels: usize) -> usize {
        let memory = std::hint::black_box([levels as u8; 1024]);
        if levels == 0 {
            0
        } else {
            deep(levels - 1) + usize::from(memory[7] == levels as u8)
        }
    }
    each_of(&Flavour::WITH_WORKERS, |flavour| {
        // Twice what the default gives.
        let runtime = flavour
            .builder()
            .thread_stack_size(16 << 20)
            .build()
            .unwrap();
        let task = runtime.spawn(async { deep(6_000) });
        assert_eq!(runtime.block_on(task).unwrap(), 6_000);
        let work = runtime.spawn_blocking(|| deep(6_000));
        assert_eq!(runtime.block_on(work).unwrap(), 6_000);
    });
}

#[test]
fn hooks_run_on_each_thread_once_inside_of_the_runtime() {
    each_flavour(|flavour| {
        let (started, stopped) = (
            Arc::new(Mutex::new(Vec::new())),
            Arc::new(Mutex::new(Vec::new())),
        );
        let (on_start, on_stop) = (started.clone(), stopped.clone());
        let note = |list: &Mutex<Vec<_>>| {
            list.lock()
                .unwrap()
                .push((thread::current().id(), Handle::current().id()));
        };
        let runtime = flavour
            .builder()
            .on_thread_start(move || note(&on_start))
            .on_thread_stop(move || note(&on_stop))
            .build()
            .unwrap();
        let id = runtime.handle().id();
        runtime.block_on(runtime.spawn_blocking(|| ())).unwrap();
        let workers = if flavour == Flavour::CurrentThread {
            0
        } else {
            runtime.metrics().num_workers()
        };
        drop(runtime);
        let (started, stopped) = (started.lock().unwrap(), stopped.lock().unwrap());
        assert_eq!(started.len(), workers + 1);
        let threads = |list: &[(thread::ThreadId, _)]| {
            list.iter()
                .map(|(thread, _)| *thread)
                .collect::<HashSet<_>>()
        };
        assert_eq!(threads(&started).len(), workers + 1);
        assert_eq!(threads(&started), threads(&stopped));
        assert!(
            started
                .iter()
                .chain(stopped.iter())
                .all(|(_, runtime)| *runtime == id)
        );
    });
}

#[test]
fn park_hooks_run_in_pairs_and_may_spawn() {
    each_flavour(|flavour| {
        let (parks, unparks) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let ran = Arc::new(AtomicUsize::new(0));
        let (on_park, on_unpark, counted) = (parks.clone(), unparks.clone(), ran.clone());
        let runtime = flavour
            .builder()
            .on_thread_park(move || {
                if on_park.fetch_add(1, SeqCst) == 0 {
                    let ran = counted.clone();
                    drop(runtime::spawn(async move { _ = ran.fetch_add(1, SeqCst) }));
                }
            })
            .on_thread_unpark(move || _ = on_unpark.fetch_add(1, SeqCst))
            .build()
            .unwrap();
        // Until the task of the hook has run, which nothing else wakes.
        runtime.block_on(async {
            while ran.load(SeqCst) == 0 {
                runtime::time::sleep(std::time::Duration::from_millis(1)).await;
                yield_now().await;
            }
        });
        drop(runtime);
        assert!(parks.load(SeqCst) > 0);
        assert!(unparks.load(SeqCst) <= parks.load(SeqCst));
    });
}

#[test]
fn the_worker_of_a_task_has_an_index() {
    each_flavour(|flavour| {
        let runtime = flavour.build();
        assert_eq!(runtime::runtime::worker_index(), None);
        let task = runtime.spawn(async { runtime::runtime::worker_index() });
        let index = runtime.block_on(task).unwrap();
        match flavour {
            Flavour::CurrentThread => assert_eq!(index, Some(0)),
            Flavour::MultiThread(workers) => assert!(index.unwrap() < workers),
        }
        let blocking = runtime.spawn_blocking(runtime::runtime::worker_index);
        assert_eq!(runtime.block_on(blocking).unwrap(), None);
    });
}
