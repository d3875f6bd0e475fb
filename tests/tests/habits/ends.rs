//! How futures, guards and runtimes end.

use std::cell::RefCell;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use runtime::fs;
use runtime::io::AsyncWriteExt;
use runtime::net::{TcpListener, UdpSocket, UnixListener};
use runtime::runtime::{Builder, Handle, Runtime, UnhandledPanic, is_rt_shutdown_err};
use runtime::task::spawn_blocking;
use tests::process::in_own_process;
use tests::{each_flavour, each_runtime, panic_of, with_quiet_panics, within_limit};

/// Panics when it is polled, and tells whether its thread unwinds when it is dropped.
struct Bomb(Arc<AtomicBool>);

impl Future for Bomb {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<()> {
        panic!("on purpose")
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.store(thread::panicking(), SeqCst);
    }
}

#[test]
fn a_future_that_panics_is_dropped_while_its_thread_unwinds() {
    each_runtime(|runtime| {
        let unwinding = Arc::new(AtomicBool::new(false));
        let bomb = Bomb(unwinding.clone());
        let (error, _) = with_quiet_panics(|| runtime.block_on(runtime.spawn(bomb)).unwrap_err());
        let error = error.expect("the panic is caught");
        assert!(error.is_panic());
        assert!(unwinding.load(SeqCst));
    });
}

#[test]
fn a_future_whose_drop_panics_as_well_is_still_only_an_error() {
    struct Double;
    impl Future for Double {
        type Output = ();
        fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<()> {
            panic!("the first")
        }
    }
    impl Drop for Double {
        fn drop(&mut self) {
            panic!("the second")
        }
    }
    each_runtime(|runtime| {
        let (error, _) = with_quiet_panics(|| runtime.block_on(runtime.spawn(Double)).unwrap_err());
        let error = error.expect("the panic is caught");
        let panic = error.into_panic();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"the first"));
    });
}

#[test]
fn a_thread_that_ends_may_drop_its_runtime() {
    // What would go wrong aborts the process.
    if !in_own_process("ends::a_thread_that_ends_may_drop_its_runtime", &[]) {
        return;
    }
    thread_local! {
        static RUNTIME: RefCell<Option<Runtime>> = const { RefCell::new(None) };
    }
    each_flavour(|flavour| {
        let ended = thread::spawn(move || {
            // First, so that it goes last, after everything that the runtime keeps for the thread.
            RUNTIME.with(|slot| assert!(slot.borrow().is_none()));
            let runtime = flavour.build();
            runtime.block_on(async { runtime::task::yield_now().await });
            drop(runtime.spawn(pending::<()>()));
            RUNTIME.with(|slot| *slot.borrow_mut() = Some(runtime));
        });
        ended.join().unwrap();
    });
}

#[test]
fn guards_of_a_runtime_end_in_the_reverse_order_of_their_making() {
    each_flavour(|flavour| {
        let (first, second) = (flavour.build(), flavour.build());
        let panic = panic_of(|| {
            let outer = first.enter();
            let inner = second.enter();
            drop(outer);
            drop(inner);
        });
        assert!(panic.message.contains("dropped out of order"), "{panic:?}");
        // Guards that come later do their work.
        let outer = first.enter();
        assert_eq!(Handle::current().id(), first.handle().id());
        drop(second.enter());
        drop(outer);
    });
}

#[test]
fn a_runtime_that_stops_stops_everybody_who_blocks_on_it() {
    within_limit(|| {
        let runtime = Builder::new_current_thread()
            .unhandled_panic(UnhandledPanic::ShutdownRuntime)
            .build()
            .unwrap();
        let runtime = Arc::new(runtime);
        let (entered, enters) = mpsc::channel();
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let (runtime, entered) = (runtime.clone(), entered.clone());
                thread::spawn(move || {
                    runtime.block_on(async {
                        entered.send(()).unwrap();
                        pending::<()>().await
                    })
                })
            })
            .collect();
        (0..3).for_each(|_| enters.recv().unwrap());
        with_quiet_panics(|| {
            runtime.spawn(async { panic!("on purpose") });
            for thread in threads {
                assert!(thread.join().is_err());
            }
        });
        // And whoever comes later, unless there is nothing to wait for.
        assert_eq!(runtime.block_on(async { 7 }), 7);
        let panic = panic_of(|| runtime.block_on(pending::<()>()));
        assert!(panic.message.contains("unhandled panic"), "{panic:?}");
    });
}

#[test]
fn after_the_shutdown_new_sockets_and_writes_are_refused_with_an_error_of_its_own() {
    each_flavour(|flavour| {
        let runtime = flavour.build();
        let _entered = runtime.enter();
        let early = TcpListener::bind("127.0.0.1:0");
        runtime.shutdown_timeout(Duration::from_secs(5));
        let here = Handle::current();
        let folder = std::env::temp_dir().join(format!("habits-{}", std::process::id()));
        let errors = [
            here.block_on(early).unwrap_err(),
            here.block_on(TcpListener::bind("127.0.0.1:0")).unwrap_err(),
            here.block_on(UdpSocket::bind("127.0.0.1:0")).unwrap_err(),
            UnixListener::bind(&folder).unwrap_err(),
            here.block_on(async { runtime::io::stdout().write_all(b"x").await })
                .unwrap_err(),
            here.block_on(async { runtime::io::stderr().write_all(b"x").await })
                .unwrap_err(),
        ];
        let _ = std::fs::remove_file(folder);
        for error in errors {
            assert!(is_rt_shutdown_err(&error), "{error:?}");
        }
        // Files have a sentence of their own.
        let error = here.block_on(fs::read("Cargo.toml")).unwrap_err();
        assert!(!is_rt_shutdown_err(&error));
        assert_eq!(error.to_string(), "background task failed");
        let error = here.block_on(spawn_blocking(|| ())).unwrap_err();
        assert!(error.is_cancelled());
    });
}

#[test]
fn blocking_work_that_has_a_thread_is_done_though_the_runtime_ends_at_once() {
    each_flavour(|flavour| {
        for _ in 0..20 {
            let runtime = flavour.build();
            let work = runtime.spawn_blocking(|| 42);
            let handle = runtime.handle().clone();
            drop(runtime);
            assert_eq!(handle.block_on(work).unwrap(), 42);
        }
    });
}

#[test]
fn a_child_may_be_awaited_in_another_runtime_than_the_one_that_started_it() {
    each_flavour(|flavour| {
        let mut child = flavour.build().block_on(async {
            let mut command = runtime::process::Command::new("cat");
            command.stdin(std::process::Stdio::piped()).spawn().unwrap()
        });
        // It goes on reading until then.
        let input = child.stdin.take();
        let status = flavour.build().block_on(async {
            let (status, ()) = runtime::join!(biased; child.wait(), async { drop(input) });
            status.unwrap()
        });
        assert!(status.success());
    });
}
