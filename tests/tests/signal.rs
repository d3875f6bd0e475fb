//! Signals, sent by the system to this process. Every test has a signal of its own, or a process.

#![cfg(unix)]
#![allow(unsafe_code)] // Sending signals, and forking.

use std::pin::pin;
use std::process::Stdio;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;

use runtime::io::{AsyncBufReadExt, BufReader};
use runtime::process::Command;
use runtime::signal::ctrl_c;
use runtime::signal::unix::{Signal, SignalKind, signal};
use runtime::sync::Barrier;
use runtime::task::JoinSet;
use runtime::{Builder, Runtime};
use tests::process::{in_own_process, open_descriptors, wait_for_descriptors};
use tests::{Flavour, each_flavour, each_runtime, panic_of, within_limit};

/// Sends a signal to this process.
fn send(kind: SignalKind) {
    // SAFETY: the call takes two numbers.
    let sent = unsafe { libc::kill(libc::getpid(), kind.as_raw_value()) };
    assert_eq!(sent, 0);
}

/// Sends a signal to this thread: the handler has returned when this does.
fn raise(kind: SignalKind) {
    // SAFETY: the call takes a number.
    assert_eq!(unsafe { libc::raise(kind.as_raw_value()) }, 0);
}

/// A real-time signal.
fn real_time(number: i32) -> SignalKind {
    let kind = SignalKind::from_raw(libc::SIGRTMIN() + number);
    assert!(kind.as_raw_value() <= libc::SIGRTMAX());
    kind
}

fn poll(listener: &mut Signal) -> Poll<Option<()>> {
    listener.poll_recv(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_listener_gets_what_kill_sends() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let mut listener = signal(SignalKind::user_defined1()).unwrap();
            for _ in 0..10 {
                send(SignalKind::user_defined1());
                assert_eq!(listener.recv().await, Some(()));
            }
        });
    });
}

#[test]
fn every_kind_that_has_a_name_arrives() {
    if !in_own_process("every_kind_that_has_a_name_arrives", &[]) {
        return;
    }
    each_runtime(|runtime| {
        let kinds = [
            SignalKind::alarm(),
            SignalKind::child(),
            SignalKind::hangup(),
            SignalKind::interrupt(),
            SignalKind::io(),
            SignalKind::pipe(),
            SignalKind::quit(),
            SignalKind::terminate(),
            SignalKind::user_defined1(),
            SignalKind::user_defined2(),
            SignalKind::window_change(),
            SignalKind::from_raw(libc::SIGRTMIN()),
            SignalKind::from_raw(libc::SIGRTMAX()),
        ];
        runtime.block_on(async {
            let mut listeners = kinds.map(|kind| signal(kind).unwrap());
            for kind in kinds {
                send(kind);
            }
            for listener in &mut listeners {
                assert_eq!(listener.recv().await, Some(()));
            }
        });
    });
}

#[test]
fn a_signal_is_not_missed_after_the_listener_was_made() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let mut listener = signal(real_time(1)).unwrap();
            raise(real_time(1));
            // Nobody waits while it is delivered.
            runtime::task::yield_now().await;
            let moved = runtime::spawn(async move { listener.recv().await });
            assert_eq!(moved.await.unwrap(), Some(()));
        });
    });
}

#[test]
fn a_wait_that_was_given_up_loses_no_signal() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let mut listener = signal(real_time(2)).unwrap();
            {
                let mut given_up = pin!(listener.recv());
                let mut cx = Context::from_waker(Waker::noop());
                assert!(given_up.as_mut().poll(&mut cx).is_pending());
                raise(real_time(2));
            }
            assert_eq!(listener.recv().await, Some(()));
        });
    });
}

#[test]
fn signals_that_come_together_become_one() {
    // In a process where no other runtime delivers.
    if !in_own_process("signals_that_come_together_become_one", &[]) {
        return;
    }
    within_limit(|| {
        Flavour::CurrentThread.build().block_on(async {
            let mut many = signal(real_time(0)).unwrap();
            let mut marker = signal(real_time(1)).unwrap();
            for _ in 0..1_000 {
                raise(real_time(0));
            }
            assert_eq!(many.recv().await, Some(()));
            // Whatever was to be delivered is delivered with this one.
            raise(real_time(1));
            assert_eq!(marker.recv().await, Some(()));
            assert!(poll(&mut many).is_pending());
            raise(real_time(0));
            assert_eq!(many.recv().await, Some(()));
        });
    });
}

#[test]
fn all_listeners_get_it() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let mut tasks = JoinSet::new();
            let ready = Arc::new(Barrier::new(101));
            for _ in 0..100 {
                let ready = ready.clone();
                tasks.spawn(async move {
                    let mut listener = signal(real_time(3)).unwrap();
                    ready.wait().await;
                    listener.recv().await
                });
            }
            ready.wait().await;
            send(real_time(3));
            while let Some(result) = tasks.join_next().await {
                assert_eq!(result.unwrap(), Some(()));
            }
        });
    });
}

#[test]
fn several_runtimes_get_it() {
    within_limit(|| {
        let ready = Arc::new(std::sync::Barrier::new(Flavour::ALL.len() + 1));
        let threads = Flavour::ALL.map(|flavour| {
            let ready = ready.clone();
            thread::spawn(move || {
                flavour.build().block_on(async {
                    let mut listener = signal(real_time(4)).unwrap();
                    ready.wait();
                    listener.recv().await
                })
            })
        });
        ready.wait();
        send(real_time(4));
        for thread in threads {
            assert_eq!(thread.join().unwrap(), Some(()));
        }
    });
}

#[test]
fn a_runtime_that_ends_takes_no_signal_from_the_others() {
    each_flavour(|flavour| {
        let other = Flavour::MultiThread(2).build();
        let first = flavour.build();
        let mut dead = first.block_on(async { signal(real_time(5)).unwrap() });
        let mut listener = other.block_on(async { signal(real_time(5)).unwrap() });
        let waiting = first.spawn(async {
            signal(real_time(5)).unwrap().recv().await;
        });
        drop(first);
        drop(waiting);
        send(real_time(5));
        assert_eq!(other.block_on(listener.recv()), Some(()));
        // What one runtime delivers, it delivers to all.
        assert_eq!(poll(&mut dead), Poll::Ready(Some(())));
        // Nor is the pipe gone when the first runtime is.
        let third = flavour.build();
        let mut late = third.block_on(async { signal(real_time(5)).unwrap() });
        drop(other);
        send(real_time(5));
        assert_eq!(third.block_on(late.recv()), Some(()));
    });
}

#[test]
fn a_signal_wakes_an_idle_runtime_again_and_again() {
    each_runtime(|runtime| {
        let mut listener = runtime.block_on(async { signal(real_time(6)).unwrap() });
        for _ in 0..100 {
            let sender = thread::spawn(|| send(real_time(6)));
            assert_eq!(runtime.block_on(listener.recv()), Some(()));
            sender.join().unwrap();
        }
    });
}

#[test]
fn forbidden_and_unknown_signals_are_errors() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let error_of = |number| signal(SignalKind::from_raw(number)).unwrap_err();
            for number in [
                libc::SIGKILL,
                libc::SIGSTOP,
                libc::SIGILL,
                libc::SIGFPE,
                libc::SIGSEGV,
                0,
                -1,
                i32::MIN,
            ] {
                let expected = format!("Refusing to register signal {number}");
                assert_eq!(error_of(number).to_string(), expected);
            }
            for number in [libc::SIGRTMAX() + 1, i32::MAX] {
                assert_eq!(error_of(number).to_string(), "signal too large");
            }
        });
    });
}

#[test]
fn misuse_panics_with_the_remedy() {
    let panic = panic_of(|| {
        let _ = signal(real_time(7));
    });
    assert!(panic.message.contains("within this runtime"), "{panic:?}");
    assert!(panic.file.ends_with("signal.rs"), "{panic:?}");
    let without_io = Builder::new_current_thread().build().unwrap();
    let panic = panic_of(|| {
        let _guard = without_io.enter();
        let _ = signal(real_time(7));
    });
    assert!(panic.message.contains("enable_io"), "{panic:?}");
}

#[test]
fn a_handler_outlives_its_listeners() {
    if !in_own_process("a_handler_outlives_its_listeners", &[]) {
        return;
    }
    within_limit(|| {
        let runtime = Flavour::CurrentThread.build();
        runtime.block_on(async { drop(signal(SignalKind::terminate()).unwrap()) });
        // It would end the process.
        raise(SignalKind::terminate());
        drop(runtime);
        raise(SignalKind::terminate());
    });
}

#[test]
fn runtimes_and_listeners_leave_no_descriptors_behind() {
    if !in_own_process("runtimes_and_listeners_leave_no_descriptors_behind", &[]) {
        return;
    }
    each_flavour(|flavour| {
        let round = || {
            let runtime = flavour.build();
            runtime.block_on(async {
                let mut listeners: Vec<_> = (0..100)
                    .map(|number| signal(real_time(number % 10)).unwrap())
                    .collect();
                raise(real_time(9));
                listeners[99].recv().await;
            });
        };
        // The pipe of the process comes with the first.
        round();
        let before = open_descriptors();
        for _ in 0..10 {
            round();
        }
        wait_for_descriptors(before);
    });
}

#[test]
fn a_signal_during_shutdown_disturbs_nobody() {
    each_flavour(|flavour| {
        for _ in 0..20 {
            let runtime: Runtime = flavour.build();
            runtime.block_on(async {
                for _ in 0..10 {
                    let mut listener = signal(real_time(8)).unwrap();
                    runtime::spawn(async move { while listener.recv().await.is_some() {} });
                }
            });
            let sender = thread::spawn(|| send(real_time(8)));
            drop(runtime);
            sender.join().unwrap();
        }
    });
}

#[test]
fn a_forked_child_listens_for_itself() {
    if !in_own_process("a_forked_child_listens_for_itself", &[]) {
        return;
    }
    within_limit(|| {
        let parent = Flavour::CurrentThread.build();
        let mut listener = parent.block_on(async { signal(real_time(0)).unwrap() });
        // SAFETY: no other thread of this process holds a lock now, and the child ends by `_exit`.
        let child = unsafe { libc::fork() };
        assert!(child >= 0);
        if child == 0 {
            // A signal before there is a listener, and one after.
            raise(real_time(0));
            let runtime = Flavour::CurrentThread.build();
            let came = runtime.block_on(async {
                let mut listener = signal(real_time(0)).unwrap();
                raise(real_time(0));
                listener.recv().await
            });
            let status = if came.is_some() { 0 } else { 1 };
            // SAFETY: the process ends here, without running what belongs to the parent.
            unsafe { libc::_exit(status) };
        }
        let mut status = 0;
        // SAFETY: the pointer is to a live number.
        let waited = unsafe { libc::waitpid(child, &mut status, 0) };
        assert_eq!((waited, status), (child, 0));
        // What the child raised is the child's.
        let mut marker = parent.block_on(async { signal(real_time(1)).unwrap() });
        raise(real_time(1));
        parent.block_on(marker.recv());
        assert!(poll(&mut listener).is_pending());
        raise(real_time(0));
        assert_eq!(parent.block_on(listener.recv()), Some(()));
    });
}

/// Says to this test's second process what it is.
const LISTENS: &str = "RUNTIME_TEST_LISTENS_FOR_CTRL_C";

#[test]
fn ctrl_c_ends_a_program_orderly() {
    const NAME: &str = "ctrl_c_ends_a_program_orderly";
    if std::env::var_os(LISTENS).is_some() {
        return within_limit(|| {
            Flavour::MultiThread(2).build().block_on(async {
                let mut waiting = pin!(ctrl_c());
                // The first poll makes the listener.
                let mut cx = Context::from_waker(Waker::noop());
                assert!(waiting.as_mut().poll(&mut cx).is_pending());
                println!("\nlistening");
                waiting.await.unwrap();
                println!("ended orderly");
            });
        });
    }
    each_runtime(|runtime| {
        runtime.block_on(async {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args([NAME, "--exact", "--nocapture", "--test-threads=1"])
                .env(LISTENS, "1")
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .kill_on_drop(true)
                .spawn()
                .unwrap();
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
            while lines.next_line().await.unwrap().expect("a line") != "listening" {}
            // SAFETY: the call takes two numbers.
            let sent = unsafe { libc::kill(child.id().unwrap() as i32, libc::SIGINT) };
            assert_eq!(sent, 0);
            assert_eq!(lines.next_line().await.unwrap().unwrap(), "ended orderly");
            while lines.next_line().await.unwrap().is_some() {}
            assert!(child.wait().await.unwrap().success());
        });
    });
}

#[test]
fn listeners_may_be_sent_and_shared() {
    fn check<T: Send + Sync + Unpin + std::fmt::Debug>() {}
    check::<Signal>();
    check::<SignalKind>();
    fn check_future(_: impl Send + Sync) {}
    check_future(ctrl_c());
}
