//! Bytes.

use std::future::{pending, ready};
use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::countdown::Countdown;
use super::rt::io::{AsyncReadExt, AsyncWriteExt, duplex};
use super::rt::runtime::Runtime;
use super::rt::sync::{Mutex, Notify, Semaphore, broadcast, mpsc, oneshot, watch};
use super::rt::{task, time};
use crate::heap;
use crate::row::{Cost, Workload};

/// The heap of 10,000 live tasks, less their futures, for each of them.
pub(super) fn task_bytes(runtime: Runtime) -> Workload {
    const TASKS: usize = 10_000;

    /// Counts down once and never ends.
    struct Resting {
        countdown: Option<Countdown>,
        _state: [u64; 7],
    }

    impl Future for Resting {
        type Output = ();

        fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            if let Some(countdown) = self.countdown.take() {
                countdown.count_down();
            }
            Poll::Pending
        }
    }

    let mut handles = Vec::with_capacity(TASKS);
    Workload::new(1, move |_| {
        let (countdown, resting) = Countdown::new(TASKS);
        runtime.block_on(async {
            heap::start_counting();
            for _ in 0..TASKS {
                handles.push(task::spawn(Resting {
                    countdown: Some(countdown.clone()),
                    _state: black_box([0; 7]),
                }));
            }
            resting.await.unwrap();
            let bytes = heap::stop_counting();
            for handle in &handles {
                handle.abort();
            }
            for handle in handles.drain(..) {
                assert!(handle.await.unwrap_err().is_cancelled());
            }
            Cost::value(bytes as f64 / TASKS as f64 - size_of::<Resting>() as f64)
        })
    })
}

/// What the futures that programs await most occupy in the futures that await them.
pub(super) fn future_bytes(runtime: Runtime) -> Workload {
    Workload::new(1, move |_| {
        let bytes: usize = runtime.block_on(async {
            let mutex = Mutex::new(());
            let notify = Notify::new();
            let semaphore = Semaphore::new(1);
            let (sender, mut receiver) = mpsc::channel::<()>(1);
            let (broadcast, mut listener) = broadcast::channel::<()>(1);
            let (watched, mut watcher) = watch::channel(());
            let (_single, single) = oneshot::channel::<()>();
            let (mut pipe, _other_end) = duplex(1);
            let mut interval = time::interval(Duration::from_secs(60));
            let task = task::spawn(pending::<()>());
            task.abort();
            let sizes = [
                size_of_val(&task),
                size_of_val(&single),
                size_of_val(&time::sleep(Duration::ZERO)),
                size_of_val(&time::timeout(Duration::ZERO, ready(()))),
                size_of_val(&interval.tick()),
                size_of_val(&task::yield_now()),
                size_of_val(&mutex.lock()),
                size_of_val(&notify.notified()),
                size_of_val(&semaphore.acquire()),
                size_of_val(&sender.send(())),
                size_of_val(&receiver.recv()),
                size_of_val(&listener.recv()),
                size_of_val(&watcher.changed()),
                size_of_val(&pipe.read(&mut [0])),
                size_of_val(&pipe.write_all(&[0])),
            ];
            drop((broadcast, watched));
            sizes.iter().sum()
        });
        Cost::value(bytes as f64)
    })
}
