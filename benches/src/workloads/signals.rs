//! Notifications.

use std::sync::Arc;
use std::sync::atomic::{
    AtomicUsize,
    Ordering::{AcqRel, Release},
};

use super::repeat;
use super::rt::runtime::Runtime;
use super::rt::sync::Notify;
use super::rt::task;
use crate::row::Workload;

/// Two tasks wake each other.
pub(super) fn notify_1(runtime: Runtime) -> Workload {
    const TURNS: usize = 1_000;
    Workload::new(TURNS as u64, move |iterations| {
        repeat(&runtime, iterations, || async {
            let ping = Arc::new(Notify::new());
            let pong = Arc::new(Notify::new());
            task::spawn({
                let (ping, pong) = (ping.clone(), pong.clone());
                async move {
                    for _ in 0..TURNS {
                        ping.notified().await;
                        pong.notify_one();
                    }
                }
            });
            for _ in 0..TURNS {
                ping.notify_one();
                pong.notified().await;
            }
        })
    })
}

/// A hundred tasks are woken at once, and the last to come back starts the next turn.
pub(super) fn notify_100(runtime: Runtime) -> Workload {
    const TASKS: usize = 100;
    const TURNS: usize = 20;

    struct Gate {
        open: Notify,
        all_there: Notify,
        missing: AtomicUsize,
    }

    Workload::new((TASKS * TURNS) as u64, move |iterations| {
        repeat(&runtime, iterations, || async {
            let gate = Arc::new(Gate {
                open: Notify::new(),
                all_there: Notify::new(),
                missing: AtomicUsize::new(TASKS),
            });
            for _ in 0..TASKS {
                let gate = gate.clone();
                task::spawn(async move {
                    for _ in 0..TURNS {
                        // It takes part in `notify_waiters` from here, not from its first poll, so
                        // the task may say that it is there before it waits.
                        let opened = gate.open.notified();
                        if gate.missing.fetch_sub(1, AcqRel) == 1 {
                            gate.missing.store(TASKS, Release);
                            gate.all_there.notify_one();
                        }
                        opened.await;
                    }
                });
            }
            for _ in 0..TURNS {
                gate.all_there.notified().await;
                gate.open.notify_waiters();
            }
        })
    })
}
