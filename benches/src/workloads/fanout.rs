//! One value for many receivers.

use super::repeat;
use super::rt::runtime::Runtime;
use super::rt::sync::{broadcast, mpsc, watch};
use super::rt::task;
use crate::row::Workload;

const RECEIVERS: usize = 16;

/// A burst that fits into the channel, so that nobody lags.
pub(super) fn broadcast_1to16(runtime: Runtime) -> Workload {
    const BURST: usize = 1_000;
    Workload::new((BURST * RECEIVERS) as u64, move |iterations| {
        repeat(&runtime, iterations, || async {
            let (sender, _) = broadcast::channel(1_024);
            let tasks: Vec<_> = (0..RECEIVERS)
                .map(|_| {
                    let mut receiver = sender.subscribe();
                    task::spawn(async move {
                        for value in 0..BURST {
                            assert_eq!(receiver.recv().await, Ok(value));
                        }
                    })
                })
                .collect();
            for value in 0..BURST {
                sender.send(value).unwrap();
                // Receivers keep up, as they do in life.
                if value % 8 == 7 {
                    task::yield_now().await;
                }
            }
            for task in tasks {
                task.await.unwrap();
            }
        })
    })
}

/// A watch keeps only the newest value, so the next is sent when all have acknowledged this one.
pub(super) fn watch_1to16(runtime: Runtime) -> Workload {
    const VALUES: usize = 100;
    Workload::new((VALUES * RECEIVERS) as u64, move |iterations| {
        repeat(&runtime, iterations, || async {
            let (sender, _) = watch::channel(0);
            let (acknowledge, mut acknowledged) = mpsc::channel(RECEIVERS);
            let tasks: Vec<_> = (0..RECEIVERS)
                .map(|_| {
                    let mut receiver = sender.subscribe();
                    let acknowledge = acknowledge.clone();
                    task::spawn(async move {
                        for value in 1..=VALUES {
                            receiver.changed().await.unwrap();
                            assert_eq!(*receiver.borrow_and_update(), value);
                            acknowledge.send(()).await.unwrap();
                        }
                    })
                })
                .collect();
            for value in 1..=VALUES {
                sender.send(value).unwrap();
                for _ in 0..RECEIVERS {
                    acknowledged.recv().await.unwrap();
                }
            }
            for task in tasks {
                task.await.unwrap();
            }
        })
    })
}
