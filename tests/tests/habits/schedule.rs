//! Who runs where, and when.

use std::future::Future;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use runtime::runtime::{Builder, LocalRuntime, worker_index};
use runtime::sync::{Notify, oneshot};
use runtime::task::{self, LocalSet};
use tests::{each_flavour, each_runtime, within_limit};

#[test]
fn a_hook_that_yields_before_the_thread_parks_keeps_it_awake() {
    struct Tells(Notify);
    impl Wake for Tells {
        fn wake(self: Arc<Self>) {
            self.0.notify_one();
        }
    }
    each_flavour(|flavour| {
        let told = Arc::new(Tells(Notify::new()));
        let waker = Waker::from(told.clone());
        let once = AtomicBool::new(false);
        let runtime = flavour
            .builder()
            .on_thread_park(move || {
                if !once.swap(true, SeqCst) {
                    let mut cx = Context::from_waker(&waker);
                    let _ = std::pin::pin!(task::yield_now()).poll(&mut cx);
                }
            })
            .build()
            .unwrap();
        runtime.block_on(told.0.notified());
    });
}

#[test]
fn the_thread_that_runs_a_current_thread_runtime_is_its_worker() {
    within_limit(|| {
        let runtime = Builder::new_current_thread().build().unwrap();
        let runtime = Arc::new(runtime);
        assert_eq!(runtime.handle().block_on(async { worker_index() }), None);
        assert_eq!(runtime.block_on(async { worker_index() }), Some(0));
        let local = LocalRuntime::new().unwrap();
        assert_eq!(local.block_on(async { worker_index() }), Some(0));
        // A second thread that blocks on the runtime does not run it.
        let (entered, enters) = mpsc::channel();
        let (release, released) = oneshot::channel::<()>();
        let owner = {
            let runtime = runtime.clone();
            std::thread::spawn(move || {
                runtime.block_on(async {
                    entered.send(()).unwrap();
                    released.await.unwrap();
                    worker_index()
                })
            })
        };
        enters.recv().unwrap();
        assert_eq!(runtime.block_on(async { worker_index() }), None);
        release.send(()).unwrap();
        assert_eq!(owner.join().unwrap(), Some(0));
    });
}

#[test]
fn a_task_is_known_by_the_line_that_spawned_it() {
    each_flavour(|flavour| {
        let sites = Arc::new(Mutex::new(Vec::new()));
        let noted = sites.clone();
        let runtime = flavour
            .builder()
            .on_task_spawn(move |meta| noted.lock().unwrap().push(meta.spawned_at().file()))
            .build()
            .unwrap();
        runtime.block_on(async {
            runtime::spawn(async {}).await.unwrap();
            let large = [0_u8; 32 * 1024];
            runtime::spawn(async move { std::hint::black_box(large).len() })
                .await
                .unwrap();
        });
        assert_eq!(*sites.lock().unwrap(), [file!(); 2]);
    });
}

#[test]
fn the_queue_of_a_current_thread_runtime_is_counted_at_any_time() {
    within_limit(|| {
        let runtime = Builder::new_current_thread().build().unwrap();
        let metrics = runtime.metrics();
        runtime.block_on(async {
            for spawned in 1..=10 {
                drop(runtime::spawn(async {}));
                assert_eq!(metrics.worker_local_queue_depth(0), spawned);
            }
            task::yield_now().await;
            assert_eq!(metrics.worker_local_queue_depth(0), 0);
        });
    });
}

#[test]
fn nobody_blocks_in_place_inside_of_a_local_set() {
    within_limit(|| {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        let blocks = async { task::block_in_place(|| ()) };
        runtime.block_on(async {
            let set = LocalSet::new();
            let task = set.spawn_local(blocks);
            set.await;
            let panic = task.await.unwrap_err().into_panic();
            let message = panic.downcast_ref::<&str>().unwrap();
            assert!(message.contains("can call blocking only"), "{message}");
        });
    });
}

#[test]
fn the_slower_the_tasks_the_sooner_comes_the_shared_queue() {
    /// Keeps the worker busy with slow polls, each a task of its own.
    fn busy(polls: Arc<AtomicUsize>, stop: Arc<AtomicBool>) {
        if !stop.load(SeqCst) {
            std::thread::sleep(Duration::from_micros(300));
            polls.fetch_add(1, SeqCst);
            runtime::spawn(async { busy(polls, stop) });
        }
    }
    within_limit(|| {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        let polls = Arc::new(AtomicUsize::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        {
            let (polls, stop) = (polls.clone(), stop.clone());
            runtime.spawn(async { busy(polls, stop) });
        }
        // Until the worker has had a few occasions to look at its watch.
        while polls.load(SeqCst) < 200 {
            std::thread::yield_now();
        }
        // With a fixed interval of 61 somebody would wait for about that many.
        let waited = (0..5).map(|_| {
            let (done, is_done) = mpsc::channel();
            let before = polls.load(SeqCst);
            let polls = polls.clone();
            runtime.spawn(async move { done.send(polls.load(SeqCst) - before).unwrap() });
            is_done.recv().unwrap()
        });
        let most = waited.max().unwrap();
        stop.store(true, SeqCst);
        assert!(most <= 20, "{most} polls came first");
    });
}

#[test]
fn a_task_may_wait_for_one_that_it_spawned() {
    each_runtime(|runtime| {
        let sum = runtime.spawn(async {
            let parts = [1, 2, 3].map(|part| runtime::spawn(async move { part }));
            let mut sum = 0;
            for part in parts {
                sum += part.await.unwrap();
            }
            sum
        });
        assert_eq!(runtime.block_on(sum).unwrap(), 6);
    });
}
