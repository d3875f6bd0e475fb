//! Values from task to task.

use super::repeat;
use super::rt;
use super::rt::runtime::Runtime;
use super::rt::sync::{mpsc, oneshot as single};
use super::rt::task;
use crate::row::Workload;

const VALUES: usize = 5_000;

/// One sender, one receiver.
pub(super) fn mpsc_1p1c(runtime: Runtime) -> Workload {
    bounded(runtime, 1)
}

/// Five senders, one receiver.
pub(super) fn mpsc_5p1c(runtime: Runtime) -> Workload {
    bounded(runtime, 5)
}

/// A channel of 100 that is mostly full.
fn bounded(runtime: Runtime, senders: usize) -> Workload {
    Workload::new(VALUES as u64, move |iterations| {
        repeat(&runtime, iterations, move || async move {
            let (sender, mut receiver) = mpsc::channel(100);
            for _ in 0..senders {
                let sender = sender.clone();
                task::spawn(async move {
                    for value in 0..VALUES / senders {
                        sender.send(value).await.unwrap();
                    }
                });
            }
            drop(sender);
            let mut received = 0;
            while receiver.recv().await.is_some() {
                received += 1;
            }
            assert_eq!(received, VALUES);
        })
    })
}

/// Five senders that never wait.
pub(super) fn mpsc_unbounded(runtime: Runtime) -> Workload {
    Workload::new(VALUES as u64, move |iterations| {
        repeat(&runtime, iterations, || async {
            let (sender, mut receiver) = mpsc::unbounded_channel();
            for _ in 0..5 {
                let sender = sender.clone();
                task::spawn(async move {
                    for value in 0..VALUES / 5 {
                        sender.send(value).unwrap();
                    }
                });
            }
            drop(sender);
            let mut received = 0;
            while receiver.recv().await.is_some() {
                received += 1;
            }
            assert_eq!(received, VALUES);
        })
    })
}

/// What a channel costs that lives for one value.
pub(super) fn mpsc_small(runtime: Runtime) -> Workload {
    const CHANNELS: usize = 10_000;
    Workload::new(CHANNELS as u64, move |iterations| {
        repeat(&runtime, iterations, || async {
            for value in 0..CHANNELS {
                let (sender, mut receiver) = mpsc::channel(8);
                sender.send(value).await.unwrap();
                assert_eq!(receiver.recv().await, Some(value));
            }
        })
    })
}

/// Within one task: the channel itself, without scheduling.
pub(super) fn oneshot(runtime: Runtime) -> Workload {
    const CHANNELS: usize = 10_000;
    Workload::new(CHANNELS as u64, move |iterations| {
        repeat(&runtime, iterations, || async {
            for value in 0..CHANNELS {
                let (sender, receiver) = single::channel();
                sender.send(value).unwrap();
                assert_eq!(receiver.await, Ok(value));
            }
        })
    })
}

/// Questions that carry where the answer goes.
pub(super) fn request_reply(runtime: Runtime) -> Workload {
    const QUESTIONS: usize = 1_000;
    Workload::new(QUESTIONS as u64, move |iterations| {
        repeat(&runtime, iterations, || async {
            let (sender, mut receiver) = mpsc::channel::<(usize, single::Sender<usize>)>(16);
            let answering = task::spawn(async move {
                while let Some((question, answer)) = receiver.recv().await {
                    answer.send(question + 1).unwrap();
                }
            });
            for question in 0..QUESTIONS {
                let (answer, answered) = single::channel();
                sender.send((question, answer)).await.unwrap();
                assert_eq!(answered.await, Ok(question + 1));
            }
            drop(sender);
            answering.await.unwrap();
        })
    })
}

/// One task that listens to four channels at a time.
pub(super) fn select_4(runtime: Runtime) -> Workload {
    const EACH: usize = 500;
    Workload::new((4 * EACH) as u64, move |iterations| {
        repeat(&runtime, iterations, || async {
            let (one, mut first) = mpsc::channel(16);
            let (two, mut second) = mpsc::channel(16);
            let (three, mut third) = mpsc::channel(16);
            let (four, mut fourth) = mpsc::channel(16);
            for sender in [one, two, three, four] {
                task::spawn(async move {
                    for value in 0..EACH {
                        sender.send(value).await.unwrap();
                    }
                });
            }
            let mut received = 0;
            loop {
                rt::select! {
                    Some(_) = first.recv() => received += 1,
                    Some(_) = second.recv() => received += 1,
                    Some(_) = third.recv() => received += 1,
                    Some(_) = fourth.recv() => received += 1,
                    else => break,
                }
            }
            assert_eq!(received, 4 * EACH);
        })
    })
}
