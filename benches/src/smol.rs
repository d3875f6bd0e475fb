//! The rows that smol's API has the work for.
//!
//! smol has no runtime value: an executor is run by whichever threads say so, and one thread of
//! `async-io` waits for sockets and timers. Here as many threads run one executor as the others have
//! workers, or the calling thread runs it alone.

use std::future::poll_fn;
use std::net::TcpListener as StdListener;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ::smol as rt;
use rt::channel::{self, Sender};
use rt::io::{AsyncReadExt, AsyncWriteExt};
use rt::net::{TcpListener, TcpStream};
use rt::{Async, Executor, Timer, future, lock};

use crate::peer;
use crate::process::cpu_time;
use crate::row::{Cost, Flavour, Row, Workload};
use crate::serving::Service;

/// An executor, and the threads that run it.
struct Smol {
    executor: Arc<Executor<'static>>,
    threads: Vec<JoinHandle<()>>,
    // Dropping it ends the threads.
    stop: Option<Sender<()>>,
}

impl Smol {
    fn new(flavour: Flavour) -> Smol {
        let executor = Arc::new(Executor::new());
        let (stop, stopped) = channel::bounded(1);
        let workers = match flavour {
            Flavour::MultiThread { workers } => workers,
            Flavour::CurrentThread => 0,
        };
        let threads = (0..workers)
            .map(|_| {
                let (executor, stopped) = (executor.clone(), stopped.clone());
                std::thread::spawn(move || {
                    // As smol's own global executor does: whoever has nothing to run waits for sockets.
                    let _ = rt::block_on(executor.run(stopped.recv()));
                })
            })
            .collect();
        Smol {
            executor,
            threads,
            stop: Some(stop),
        }
    }

    /// Runs a future; on the calling thread if no other thread runs tasks.
    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        if self.threads.is_empty() {
            rt::block_on(self.executor.run(future))
        } else {
            future::block_on(future)
        }
    }

    /// `iterations` times what `make` makes, as a task.
    fn repeat<F>(&self, iterations: u64, mut make: impl FnMut(Arc<Executor<'static>>) -> F) -> Cost
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Cost::of(|| {
            for _ in 0..iterations {
                let task = self.executor.spawn(make(self.executor.clone()));
                self.block_on(task);
            }
        })
    }
}

impl Drop for Smol {
    fn drop(&mut self) {
        drop(self.stop.take());
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

type Start = fn(Smol) -> Workload;

const TABLE: &[(&str, Start)] = &[
    ("spawn_local", spawn_local),
    ("spawn_remote", spawn_remote),
    ("yield_many", yield_many),
    ("spawn_blocking", spawn_blocking),
    ("mpsc_1p1c", |smol| bounded(smol, 1)),
    ("mpsc_5p1c", |smol| bounded(smol, 5)),
    ("mpsc_unbounded", mpsc_unbounded),
    ("mutex_uncontended", mutex_uncontended),
    ("mutex_contended", mutex_contended),
    ("semaphore", semaphore),
    ("timer_insert_drop", timer_insert_drop),
    ("timer_fire", timer_fire),
];

/// All rows that smol does.
#[must_use]
pub fn rows(workers: usize) -> Vec<Row> {
    let known = peer::rows(workers);
    let mut rows = Vec::new();
    for &(name, start) in TABLE {
        for row in known.iter().filter(|row| row.work.name == name) {
            let flavour = match row.flavour {
                "" => Flavour::MultiThread { workers },
                _ => Flavour::CurrentThread,
            };
            rows.push(Row::new(row.work, row.flavour, move || {
                start(Smol::new(flavour))
            }));
        }
    }
    rows
}

/// Echoes at `listener`, for ever.
///
/// # Panics
///
/// If another service is asked for.
pub fn serve(flavour: Flavour, service: Service, listener: StdListener) {
    let Service::Echo(room) = service else {
        panic!("smol only echoes here");
    };
    let smol = Smol::new(flavour);
    let executor = smol.executor.clone();
    let accepting = smol.executor.spawn(async move {
        let listener = TcpListener::from(Async::new(listener).expect("a new listener"));
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            executor.spawn(echo_back(stream, room)).detach();
        }
    });
    smol.block_on(accepting)
}

async fn echo_back(mut stream: TcpStream, room: usize) {
    let mut buffer = vec![0; room];
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        if stream.write_all(&buffer[..length]).await.is_err() {
            break;
        }
    }
}

fn spawn_local(smol: Smol) -> Workload {
    const SPAWNED: usize = 10_000;
    Workload::new(SPAWNED as u64, move |iterations| {
        smol.repeat(iterations, |executor| async move {
            let (done, ended) = channel::bounded(1);
            let left = Arc::new(std::sync::atomic::AtomicUsize::new(SPAWNED));
            for _ in 0..SPAWNED {
                let (done, left) = (done.clone(), left.clone());
                let task = async move {
                    if left.fetch_sub(1, std::sync::atomic::Ordering::AcqRel) == 1 {
                        done.send(()).await.unwrap();
                    }
                };
                executor.spawn(task).detach();
            }
            ended.recv().await.unwrap();
        })
    })
}

fn spawn_remote(smol: Smol) -> Workload {
    const SPAWNED: usize = 10_000;
    let mut tasks = Vec::with_capacity(SPAWNED);
    Workload::new(SPAWNED as u64, move |iterations| {
        Cost::of(|| {
            for _ in 0..iterations {
                for _ in 0..SPAWNED {
                    tasks.push(smol.executor.spawn(async {}));
                }
                smol.block_on(async {
                    for task in tasks.drain(..) {
                        task.await;
                    }
                });
            }
        })
    })
}

fn yield_many(smol: Smol) -> Workload {
    const TASKS: usize = 200;
    const YIELDS: usize = 1_000;
    Workload::new((TASKS * YIELDS) as u64, move |iterations| {
        smol.repeat(iterations, |executor| async move {
            let tasks: Vec<_> = (0..TASKS)
                .map(|_| {
                    executor.spawn(async {
                        for _ in 0..YIELDS {
                            future::yield_now().await;
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await;
            }
        })
    })
}

fn spawn_blocking(smol: Smol) -> Workload {
    const CALLS: usize = 100;
    Workload::new(CALLS as u64, move |iterations| {
        smol.repeat(iterations, |_| async {
            for _ in 0..CALLS {
                rt::unblock(|| ()).await;
            }
        })
    })
}

const VALUES: usize = 5_000;

fn bounded(smol: Smol, senders: usize) -> Workload {
    Workload::new(VALUES as u64, move |iterations| {
        smol.repeat(iterations, move |executor| async move {
            let (sender, receiver) = channel::bounded(100);
            for _ in 0..senders {
                let sender = sender.clone();
                let task = async move {
                    for value in 0..VALUES / senders {
                        sender.send(value).await.unwrap();
                    }
                };
                executor.spawn(task).detach();
            }
            drop(sender);
            let mut received = 0;
            while receiver.recv().await.is_ok() {
                received += 1;
            }
            assert_eq!(received, VALUES);
        })
    })
}

fn mpsc_unbounded(smol: Smol) -> Workload {
    Workload::new(VALUES as u64, move |iterations| {
        smol.repeat(iterations, |executor| async move {
            let (sender, receiver) = channel::unbounded();
            for _ in 0..5 {
                let sender = sender.clone();
                let task = async move {
                    for value in 0..VALUES / 5 {
                        sender.try_send(value).unwrap();
                    }
                };
                executor.spawn(task).detach();
            }
            drop(sender);
            let mut received = 0;
            while receiver.recv().await.is_ok() {
                received += 1;
            }
            assert_eq!(received, VALUES);
        })
    })
}

fn mutex_uncontended(smol: Smol) -> Workload {
    const TURNS: usize = 10_000;
    Workload::new(TURNS as u64, move |iterations| {
        smol.repeat(iterations, |_| async {
            let mutex = lock::Mutex::new(0);
            for _ in 0..TURNS {
                *mutex.lock().await += 1;
            }
        })
    })
}

/// Eight tasks, each of which takes a turn, yields within it, and goes on.
fn take_turns<T, F>(smol: Smol, make: fn() -> T, turn: fn(Arc<T>) -> F) -> Workload
where
    T: Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    const TASKS: usize = 8;
    const TURNS: usize = 500;
    Workload::new((TASKS * TURNS) as u64, move |iterations| {
        smol.repeat(iterations, move |executor| async move {
            let shared = Arc::new(make());
            let tasks: Vec<_> = (0..TASKS)
                .map(|_| {
                    let shared = shared.clone();
                    executor.spawn(async move {
                        for _ in 0..TURNS {
                            turn(shared.clone()).await;
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await;
            }
        })
    })
}

fn mutex_contended(smol: Smol) -> Workload {
    take_turns(
        smol,
        || lock::Mutex::new(0),
        |mutex| async move {
            let mut guard = mutex.lock().await;
            *guard += 1;
            future::yield_now().await;
        },
    )
}

fn semaphore(smol: Smol) -> Workload {
    take_turns(
        smol,
        || lock::Semaphore::new(4),
        |semaphore| async move {
            let _permit = semaphore.acquire().await;
            future::yield_now().await;
        },
    )
}

fn timer_insert_drop(smol: Smol) -> Workload {
    const TASKS: usize = 4;
    const TIMERS: usize = 1_000;
    Workload::new((TASKS * TIMERS) as u64, move |iterations| {
        smol.repeat(iterations, |executor| async move {
            let tasks: Vec<_> = (0..TASKS)
                .map(|_| {
                    executor.spawn(async {
                        for _ in 0..TIMERS {
                            let mut timer = pin!(Timer::after(Duration::from_secs(60)));
                            poll_fn(|cx| {
                                assert!(timer.as_mut().poll(cx).is_pending());
                                Poll::Ready(())
                            })
                            .await;
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await;
            }
        })
    })
}

fn timer_fire(smol: Smol) -> Workload {
    const TASKS: usize = 500;
    const SLEEPS: u64 = 20;
    Workload::new(TASKS as u64 * SLEEPS, move |iterations| {
        let start = cpu_time();
        smol.repeat(iterations, |executor| async move {
            let begin = Instant::now();
            let tasks: Vec<_> = (0..TASKS)
                .map(|_| {
                    executor.spawn(async move {
                        for number in 1..=SLEEPS {
                            Timer::at(begin + Duration::from_millis(number)).await;
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await;
            }
        });
        Cost::Time(cpu_time() - start)
    })
}
