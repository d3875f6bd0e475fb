//! Where the system has no descriptors that stand for processes: a filter takes the call away.

use std::fs;
use std::pin::pin;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use runtime::io::AsyncReadExt;
use runtime::task::JoinSet;
use tests::process::{in_own_process, open_descriptors, wait_for_descriptors};
use tests::{each_flavour, each_runtime};

use crate::{children, process, reaped, shell, sleeper};

fn forbid_pidfd() {
    forbid(libc::SYS_pidfd_open);
}

/// From now on a system call gives `ENOSYS` on this thread and those that it starts. It is one that
/// does no harm with the number of this process and 0.
fn forbid(call: libc::c_long) {
    let statement = |code: u32, k: u32| libc::sock_filter {
        code: code as u16,
        jt: 0,
        jf: 0,
        k,
    };
    let refuse = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;
    let mut jump = statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, call as u32);
    (jump.jt, jump.jf) = (0, 1);
    let mut program = [
        // The number of the call is the first word.
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0),
        jump,
        statement(libc::BPF_RET | libc::BPF_K, refuse),
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW),
    ];
    let filter = libc::sock_fprog {
        len: program.len() as u16,
        filter: program.as_mut_ptr(),
    };
    // SAFETY: the pointers are to live structs, and the program above is what the call expects.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        let result = libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &filter);
        assert_eq!(result, 0);
        assert_eq!(libc::syscall(call, libc::getpid(), 0), -1);
    }
}

/// How many descriptors of this process stand for processes.
fn pidfds() -> usize {
    fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
        .filter(|target| target.to_string_lossy().contains("pidfd"))
        .count()
}

#[test]
fn with_pidfds_there_is_one_for_each_child() {
    if !in_own_process(
        "process::old_kernel::with_pidfds_there_is_one_for_each_child",
        &[],
    ) {
        return;
    }
    each_runtime(|runtime| {
        runtime.block_on(async {
            let mut child = sleeper().spawn().unwrap();
            assert_eq!(pidfds(), 1);
            assert!(child.wait().await.unwrap().success());
            assert_eq!(pidfds(), 0);
        });
    });
}

#[test]
fn without_pidfds_children_are_waited_for_by_signal() {
    const NAME: &str = "process::old_kernel::without_pidfds_children_are_waited_for_by_signal";
    if !in_own_process(NAME, &[]) {
        return;
    }
    each_runtime(|runtime| {
        forbid_pidfd();
        // Its workers were there before the filter, so children are started by this thread.
        runtime.block_on(async {
            let mut waiting = JoinSet::new();
            for number in 0..100 {
                let mut child = shell(&format!("exit {number}")).spawn().unwrap();
                waiting.spawn(async move { (number, child.wait().await.unwrap()) });
            }
            assert_eq!(pidfds(), 0);
            while let Some(result) = waiting.join_next().await {
                let (number, status) = result.unwrap();
                assert_eq!(status.code(), Some(number));
            }

            let mut child = sleeper().spawn().unwrap();
            child.kill().await.unwrap();

            let mut child = sleeper()
                .stdout(Stdio::piped())
                .kill_on_drop(true)
                .spawn()
                .unwrap();
            let number = process(&child);
            let _input = child.stdin.take();
            let mut output = child.stdout.take().unwrap();
            drop(child);
            assert_eq!(output.read(&mut [0]).await.unwrap(), 0);
            reaped(number).await;

            let mut child = sleeper().spawn().unwrap();
            let (number, input) = (process(&child), child.stdin.take());
            drop(child);
            drop(input);
            reaped(number).await;
        });
    });
}

#[test]
fn without_pidfds_nothing_is_left_after_a_shutdown() {
    const NAME: &str = "process::old_kernel::without_pidfds_nothing_is_left_after_a_shutdown";
    if !in_own_process(NAME, &[]) {
        return;
    }
    each_flavour(|flavour| {
        forbid_pidfd();
        let round = || {
            let runtime = flavour.build();
            let inputs: Vec<_> = runtime.block_on(async {
                (0..10)
                    .map(|number| {
                        let mut child = sleeper().spawn().unwrap();
                        let input = child.stdin.take().unwrap();
                        if number % 2 == 0 {
                            runtime::spawn(async move { child.wait().await });
                        }
                        input
                    })
                    .collect()
            });
            drop(runtime);
            drop(inputs);
            let runtime = flavour.build();
            runtime.block_on(async {
                while !children().is_empty() {
                    shell("exit 0").status().await.unwrap();
                }
            });
        };
        // The pipe of the process comes with the first.
        round();
        let before = open_descriptors();
        round();
        wait_for_descriptors(before);
    });
}

#[test]
fn without_pidfds_a_runtime_takes_the_place_of_one_that_is_gone() {
    const NAME: &str =
        "process::old_kernel::without_pidfds_a_runtime_takes_the_place_of_one_that_is_gone";
    if !in_own_process(NAME, &[]) {
        return;
    }
    each_flavour(|flavour| {
        forbid_pidfd();
        for ends_early in [true, false] {
            let mut runtime = Some(flavour.build());
            let mut child = runtime
                .as_ref()
                .unwrap()
                .block_on(async { sleeper().spawn().unwrap() });
            let input = child.stdin.take();
            runtime.take_if(|_| ends_early);
            let status = flavour.build().block_on(async {
                let mut waiting = pin!(child.wait());
                let mut cx = Context::from_waker(Waker::noop());
                assert!(waiting.as_mut().poll(&mut cx).is_pending());
                std::thread::spawn(|| {
                    drop(runtime);
                    // Time to wait for the end.
                    std::thread::sleep(Duration::from_millis(20));
                    drop(input);
                });
                waiting.await.unwrap()
            });
            assert!(status.success());
        }
    });
}

#[test]
fn a_number_that_may_be_anothers_is_sent_no_signal() {
    const NAME: &str = "process::old_kernel::a_number_that_may_be_anothers_is_sent_no_signal";
    if !in_own_process(NAME, &[]) {
        return;
    }
    each_runtime(|runtime| {
        runtime.block_on(async {
            let mut child = shell("exit 0").spawn().unwrap();
            let number = process(&child);
            let mut status = 0;
            // SAFETY: the pointer is to a live number.
            let waited = unsafe { libc::waitpid(number, &mut status, 0) };
            assert_eq!(waited, number);
            // Whoever signals the number is told by this error.
            forbid(libc::SYS_kill);
            child.start_kill().unwrap();
        });
    });
}

/// Starts a child when it is dropped.
struct Spawner(Arc<AtomicBool>);

impl Wake for Spawner {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Spawner {
    fn drop(&mut self) {
        drop(shell("exit 0").spawn().unwrap());
        self.0.store(true, SeqCst);
    }
}

#[test]
fn a_waker_may_start_a_child_when_the_child_it_waited_for_is_dropped() {
    const NAME: &str =
        "process::old_kernel::a_waker_may_start_a_child_when_the_child_it_waited_for_is_dropped";
    if !in_own_process(NAME, &[]) {
        return;
    }
    each_runtime(|runtime| {
        forbid_pidfd();
        runtime.block_on(async {
            let mut child = sleeper().spawn().unwrap();
            let _input = child.stdin.take();
            let is_dropped = Arc::new(AtomicBool::new(false));
            let waker = Waker::from(Arc::new(Spawner(is_dropped.clone())));
            let mut cx = Context::from_waker(&waker);
            assert!(pin!(child.wait()).poll(&mut cx).is_pending());
            drop(waker);
            drop(child);
            assert!(is_dropped.load(SeqCst));
        });
    });
}
