//! From the start of a child to its end, and what remains of it.

use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::sync::Mutex;
use std::task::{Context, Waker};

use runtime::Builder;
use runtime::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use runtime::signal::unix::{SignalKind, signal};
use runtime::task::JoinSet;
use tests::process::{in_own_process, open_descriptors, wait_for_descriptors};
use tests::{each_flavour, each_runtime};

use crate::{children, exists, process, reaped, send, shell, sleeper};

#[test]
fn the_status_is_what_the_child_says() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            assert!(shell("exit 0").status().await.unwrap().success());
            assert_eq!(shell("exit 7").status().await.unwrap().code(), Some(7));
            let status = shell("kill -TERM $$").status().await.unwrap();
            assert_eq!(status.signal(), Some(libc::SIGTERM));
        });
    });
}

#[test]
fn the_status_stays_and_the_number_goes() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let mut child = shell("exit 5").spawn().unwrap();
            assert!(child.id().is_some());
            for _ in 0..2 {
                assert_eq!(child.wait().await.unwrap().code(), Some(5));
                assert_eq!(child.try_wait().unwrap().unwrap().code(), Some(5));
                assert_eq!(child.id(), None);
            }
            // There is nobody left to end, and no other is hit.
            child.start_kill().unwrap();
            child.kill().await.unwrap();
        });
    });
}

#[test]
fn try_wait_does_not_wait() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let mut child = sleeper().spawn().unwrap();
            assert!(child.try_wait().unwrap().is_none());
            assert!(child.stdin.is_some(), "its input stays open");
            drop(child.stdin.take());
            let status = loop {
                match child.try_wait().unwrap() {
                    Some(status) => break status,
                    None => runtime::task::yield_now().await,
                }
            };
            assert!(status.success());
            assert_eq!(child.id(), None);
        });
    });
}

#[test]
fn two_hundred_children_at_once() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let mut children: Vec<_> = (0..200)
                .map(|number| {
                    let mut command = shell(&format!("read line; exit {number}"));
                    command.stdin(Stdio::piped()).spawn().unwrap()
                })
                .collect();
            for child in &mut children {
                assert!(child.try_wait().unwrap().is_none());
            }
            let mut waiting = JoinSet::new();
            for (number, mut child) in children.into_iter().enumerate() {
                waiting.spawn(async move {
                    let mut input = child.stdin.take().unwrap();
                    input.write_all(b"\n").await.unwrap();
                    (number, child.wait().await.unwrap())
                });
            }
            while let Some(result) = waiting.join_next().await {
                let (number, status) = result.unwrap();
                assert_eq!(status.code(), Some(number as i32));
            }
        });
    });
}

#[test]
fn kill_ends_a_child_that_ignores_sigterm() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let mut child = shell("trap '' TERM; echo ignoring; exec cat")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
            assert_eq!(lines.next_line().await.unwrap().unwrap(), "ignoring");
            send(process(&child), libc::SIGTERM);
            // It lives and answers.
            child
                .stdin
                .as_mut()
                .unwrap()
                .write_all(b"still here\n")
                .await
                .unwrap();
            assert_eq!(lines.next_line().await.unwrap().unwrap(), "still here");
            child.kill().await.unwrap();
            let status = child.wait().await.unwrap();
            assert_eq!(status.signal(), Some(libc::SIGKILL));
        });
    });
}

#[test]
fn a_wait_that_was_given_up_loses_nothing() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let mut child = sleeper().spawn().unwrap();
            let input = child.stdin.take();
            for _ in 0..3 {
                let mut waiting = Box::pin(child.wait());
                let mut cx = Context::from_waker(Waker::noop());
                assert!(waiting.as_mut().poll(&mut cx).is_pending());
            }
            drop(input);
            assert!(child.wait().await.unwrap().success());
        });
    });
}

#[test]
fn a_child_that_is_dropped_goes_on_and_is_reaped() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let mut child = sleeper().stdout(Stdio::piped()).spawn().unwrap();
            let number = process(&child);
            let mut input = child.stdin.take().unwrap();
            let mut output = child.stdout.take().unwrap();
            drop(child);
            input.write_all(b"alive").await.unwrap();
            drop(input);
            let mut text = String::new();
            output.read_to_string(&mut text).await.unwrap();
            assert_eq!(text, "alive");
            reaped(number).await;
        });
    });
}

#[test]
fn a_child_is_killed_on_drop_if_that_was_said() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let mut child = sleeper()
                .stdout(Stdio::piped())
                .kill_on_drop(true)
                .spawn()
                .unwrap();
            let number = process(&child);
            let _input = child.stdin.take();
            let mut output = child.stdout.take().unwrap();
            drop(child);
            // The end of what it writes, although its input is open.
            assert_eq!(output.read(&mut [0]).await.unwrap(), 0);
            reaped(number).await;
        });
    });
}

#[test]
fn a_task_that_is_aborted_kills_its_child() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let (number, started) = runtime::sync::oneshot::channel();
            let task = runtime::spawn(async move {
                let mut child = sleeper().kill_on_drop(true).spawn().unwrap();
                let _input = child.stdin.take();
                number.send(process(&child)).unwrap();
                child.wait().await
            });
            let number = started.await.unwrap();
            task.abort();
            assert!(task.await.unwrap_err().is_cancelled());
            reaped(number).await;
        });
    });
}

#[test]
fn status_and_output_start_the_child_before_they_are_polled() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let (mut here, there) = std::io::pipe().unwrap();
            let mut command = shell("echo started >&2");
            command.stderr(there);
            let status = command.status();
            drop(command);
            let mut text = [0; 7];
            std::io::Read::read_exact(&mut here, &mut text).unwrap();
            assert_eq!(&text, b"started");
            drop(status);
        });
    });
}

#[test]
fn nothing_is_left_of_many_children() {
    if !in_own_process("process::life::nothing_is_left_of_many_children", &[]) {
        return;
    }
    each_runtime(|runtime| {
        let before = open_descriptors();
        runtime.block_on(async {
            let mut tasks = JoinSet::new();
            for number in 0..40 {
                tasks.spawn(async move {
                    let mut child = sleeper()
                        .stdout(Stdio::piped())
                        .stderr(Stdio::piped())
                        .kill_on_drop(number % 4 == 1)
                        .spawn()
                        .unwrap();
                    match number % 4 {
                        // Killed by the drop, and reaped by the runtime.
                        1 => {}
                        // Ended by the drop of its input.
                        0 => drop(child),
                        2 => child.kill().await.unwrap(),
                        _ => assert!(child.wait_with_output().await.unwrap().status.success()),
                    }
                });
            }
            while let Some(result) = tasks.join_next().await {
                result.unwrap();
            }
            while !children().is_empty() {
                runtime::task::yield_now().await;
            }
        });
        wait_for_descriptors(before);
    });
}

#[test]
fn a_runtime_ends_while_its_children_live() {
    if !in_own_process("process::life::a_runtime_ends_while_its_children_live", &[]) {
        return;
    }
    let before = Mutex::new(None);
    each_flavour(move |flavour| {
        let (mut killed, mut kept) = (Vec::new(), Vec::new());
        let runtime = flavour.build();
        let inputs: Vec<_> = runtime.block_on(async {
            (0..20)
                .map(|number| {
                    let kill = number % 2 == 0;
                    let mut child = sleeper().kill_on_drop(kill).spawn().unwrap();
                    let input = child.stdin.take().unwrap();
                    if kill { &mut killed } else { &mut kept }.push(process(&child));
                    match number % 4 {
                        // An orphan before the shutdown,
                        0 | 1 => drop(child),
                        // and one by it.
                        _ => drop(runtime::spawn(async move { child.wait().await })),
                    }
                    input
                })
                .collect()
        });
        drop(runtime);
        assert!(kept.iter().all(|&number| exists(number)));
        drop(inputs);
        // Another runtime cleans up behind the first.
        let runtime = flavour.build();
        runtime.block_on(async {
            while !children().is_empty() {
                shell("exit 0").status().await.unwrap();
            }
        });
        assert!(!killed.iter().chain(&kept).any(|&number| exists(number)));
        drop(runtime);
        let now = open_descriptors();
        assert_eq!(*before.lock().unwrap().get_or_insert(now), now);
    });
}

#[test]
fn a_runtime_without_io_cannot_take_the_place_of_one_that_is_gone() {
    each_flavour(|flavour| {
        let runtime = flavour.build();
        let mut child = runtime.block_on(async { sleeper().kill_on_drop(true).spawn().unwrap() });
        let _input = child.stdin.take();
        drop(runtime);
        let without_io = Builder::new_current_thread().build().unwrap();
        let error = without_io.block_on(child.wait()).unwrap_err();
        assert!(error.to_string().contains("shutdown"), "{error}");
        // Another still can.
        child.start_kill().unwrap();
        let status = flavour.build().block_on(child.wait()).unwrap();
        assert_eq!(status.signal(), Some(libc::SIGKILL));
    });
}

#[test]
fn a_child_of_a_runtime_that_is_gone_may_be_dropped_where_there_is_no_io() {
    each_flavour(|flavour| {
        let runtime = flavour.build();
        let mut child = runtime.block_on(async { sleeper().spawn().unwrap() });
        let _input = child.stdin.take();
        drop(runtime);
        let without_io = Builder::new_current_thread().build().unwrap();
        without_io.block_on(async { drop(child) });
    });
}

#[test]
fn an_orphan_of_a_runtime_with_a_listener_is_reaped_by_the_next() {
    const NAME: &str =
        "process::life::an_orphan_of_a_runtime_with_a_listener_is_reaped_by_the_next";
    if !in_own_process(NAME, &[]) {
        return;
    }
    each_flavour(|flavour| {
        let runtime = flavour.build();
        let input = runtime.block_on(async {
            let mut child = sleeper().spawn().unwrap();
            let input = child.stdin.take();
            drop(child);
            drop(signal(SignalKind::user_defined1()).unwrap());
            input
        });
        drop(runtime);
        drop(input);
        let runtime = flavour.build();
        runtime.block_on(async {
            while !children().is_empty() {
                shell("exit 0").status().await.unwrap();
            }
        });
    });
}

#[test]
fn a_child_of_a_runtime_that_is_gone_is_reaped_by_the_one_it_is_dropped_in() {
    each_flavour(|flavour| {
        let runtime = flavour.build();
        let mut child = runtime.block_on(async { sleeper().spawn().unwrap() });
        let (number, input) = (process(&child), child.stdin.take());
        drop(runtime);
        flavour.build().block_on(async {
            drop(child);
            drop(input);
            reaped(number).await;
        });
    });
}

#[test]
fn a_child_that_another_reaped_gives_an_error() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let mut child = shell("exit 0").spawn().unwrap();
            let number = process(&child);
            let mut status = 0;
            // SAFETY: the pointer is to a live number.
            let waited = unsafe { libc::waitpid(number, &mut status, 0) };
            assert_eq!(waited, number);
            let error = child.wait().await.unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::ECHILD));
        });
    });
}
