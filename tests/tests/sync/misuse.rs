//! Bad input, and what it gets: the documented error or panic, with the value handed back.

use std::sync::Arc;

use runtime::sync::broadcast::error::{RecvError, SendError as BroadcastSendError, TryRecvError};
use runtime::sync::mpsc::error::{SendError, TrySendError};
use runtime::sync::{
    Mutex, OnceCell, RwLock, Semaphore, SetOnce, TryAcquireError, broadcast, mpmc, mpsc, oneshot,
    watch,
};
use tests::{each_runtime, panic_of};

#[test]
fn channels_without_room_are_refused_at_the_callers_line() {
    panic_of(|| mpsc::channel::<u8>(0))
        .names("capacity of 1")
        .is_in("misuse.rs");
    panic_of(|| mpmc::channel::<u8>(0))
        .names("capacity of 1")
        .is_in("misuse.rs");
    panic_of(|| broadcast::channel::<u8>(0)).is_in("misuse.rs");
    panic_of(|| broadcast::Sender::<u8>::new(0)).is_in("misuse.rs");
}

#[test]
fn more_permits_than_there_can_be_are_refused_at_the_callers_line() {
    const TOO_MANY: usize = Semaphore::MAX_PERMITS + 1;
    panic_of(|| Semaphore::new(TOO_MANY)).is_in("misuse.rs");
    panic_of(|| mpsc::channel::<u8>(TOO_MANY)).is_in("misuse.rs");
    panic_of(|| mpmc::channel::<u8>(TOO_MANY)).is_in("misuse.rs");
    panic_of(|| RwLock::with_max_readers(0, u32::MAX)).is_in("misuse.rs");

    let semaphore = Semaphore::new(1);
    panic_of(|| semaphore.add_permits(Semaphore::MAX_PERMITS)).is_in("misuse.rs");
    assert_eq!(semaphore.available_permits(), 1);
    semaphore.add_permits(Semaphore::MAX_PERMITS - 1);
    assert_eq!(semaphore.available_permits(), Semaphore::MAX_PERMITS);
}

#[test]
fn blocking_in_async_code_is_refused_at_the_callers_line() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            runtime::spawn(async { block_everywhere() }).await.unwrap();
            block_everywhere();
        });
    });
}

/// Calls all that blocks, where it must not.
fn block_everywhere() {
    let check = |panic: tests::Panic| {
        panic
            .names("Cannot block the current thread from within a runtime")
            .is_in("misuse.rs");
    };

    let (sender, mut receiver) = mpsc::channel(1);
    check(panic_of(|| sender.blocking_send(1)));
    check(panic_of(|| receiver.blocking_recv()));
    check(panic_of(|| receiver.blocking_recv_many(&mut Vec::new(), 1)));
    assert!(receiver.is_empty());
    let (_sender, mut receiver) = mpsc::unbounded_channel::<u8>();
    check(panic_of(|| receiver.blocking_recv()));
    check(panic_of(|| receiver.blocking_recv_many(&mut Vec::new(), 1)));

    let (sender, receiver) = mpmc::channel(1);
    check(panic_of(|| sender.blocking_send(1)));
    check(panic_of(|| receiver.blocking_recv()));
    assert!(receiver.is_empty());
    let (_sender, receiver) = mpmc::unbounded_channel::<u8>();
    check(panic_of(|| receiver.blocking_recv()));

    let (_sender, mut receiver) = broadcast::channel::<u8>(1);
    check(panic_of(|| receiver.blocking_recv()));
    let (_sender, receiver) = oneshot::channel::<u8>();
    check(panic_of(move || receiver.blocking_recv()));

    // Free as they are: it is not for the luck of the moment to decide.
    let mutex = Arc::new(Mutex::new(()));
    check(panic_of(|| drop(mutex.blocking_lock())));
    check(panic_of(|| drop(mutex.clone().blocking_lock_owned())));
    assert!(mutex.try_lock().is_ok());
    let lock = RwLock::new(());
    check(panic_of(|| drop(lock.blocking_read())));
    check(panic_of(|| drop(lock.blocking_write())));
    assert!(lock.try_write().is_ok());
    let semaphore = Semaphore::new(1);
    check(panic_of(|| drop(semaphore.blocking_acquire())));
    check(panic_of(|| drop(semaphore.blocking_acquire_many(1))));
    assert_eq!(semaphore.available_permits(), 1);
}

#[test]
fn a_receiver_that_lags_learns_by_how_much_and_goes_on_with_the_oldest() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let (sender, mut receiver) = broadcast::channel(2);
            for value in 0..5 {
                sender.send(value).unwrap();
            }
            assert_eq!(receiver.recv().await, Err(RecvError::Lagged(3)));
            assert_eq!(receiver.recv().await, Ok(3));
            assert_eq!(receiver.recv().await, Ok(4));
            assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        });
    });
}

#[test]
fn a_closed_channel_hands_the_value_back() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let (sender, receiver) = mpsc::channel(1);
            drop(receiver);
            assert_eq!(sender.send(1).await, Err(SendError(1)));
            assert_eq!(sender.try_send(1), Err(TrySendError::Closed(1)));
            let (sender, receiver) = mpsc::unbounded_channel();
            drop(receiver);
            assert_eq!(sender.send(1), Err(SendError(1)));

            let (sender, receiver) = mpmc::channel(1);
            receiver.close();
            assert_eq!(sender.send(1).await, Err(SendError(1)));
            assert_eq!(sender.try_send(1), Err(TrySendError::Closed(1)));
            let (sender, receiver) = mpmc::unbounded_channel();
            receiver.close();
            assert_eq!(sender.send(1), Err(SendError(1)));

            let (sender, receiver) = oneshot::channel();
            drop(receiver);
            assert_eq!(sender.send(1), Err(1));
            let (sender, receiver) = oneshot::channel::<u8>();
            drop(sender);
            assert!(receiver.await.is_err());

            let (sender, receiver) = broadcast::channel(1);
            drop(receiver);
            assert!(matches!(sender.send(1), Err(BroadcastSendError(1))));
            let mut receiver = sender.subscribe();
            drop(sender);
            assert_eq!(receiver.recv().await, Err(RecvError::Closed));

            let (sender, receiver) = watch::channel(0);
            drop(receiver);
            assert_eq!(sender.send(1).unwrap_err().0, 1);
            let mut receiver = sender.subscribe();
            drop(sender);
            assert!(receiver.changed().await.is_err());

            let semaphore = Semaphore::new(1);
            semaphore.close();
            assert!(semaphore.acquire().await.is_err());
            assert!(matches!(
                semaphore.try_acquire(),
                Err(TryAcquireError::Closed)
            ));

            let set_once = SetOnce::new_with(Some(1));
            assert!(set_once.set(2).is_err());
            let cell = OnceCell::new_with(Some(1));
            assert!(cell.set(2).is_err());
        });
    });
}

#[test]
fn closing_hands_the_values_of_those_who_wait_back() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let (sender, mut receiver) = mpsc::channel(1);
            sender.try_send(0).unwrap();
            let waiting: Vec<_> = (1..4)
                .map(|n| {
                    let sender = sender.clone();
                    runtime::spawn(async move { sender.send(n).await })
                })
                .collect();
            receiver.close();
            for (n, waiting) in (1..4).zip(waiting) {
                assert_eq!(waiting.await.unwrap(), Err(SendError(n)));
            }
            assert_eq!(receiver.recv().await, Some(0));
            assert_eq!(receiver.recv().await, None);

            let (sender, receiver) = mpmc::channel(1);
            sender.try_send(0).unwrap();
            let waiting: Vec<_> = (1..4)
                .map(|n| {
                    let sender = sender.clone();
                    runtime::spawn(async move { sender.send(n).await })
                })
                .collect();
            receiver.close();
            for (n, waiting) in (1..4).zip(waiting) {
                assert_eq!(waiting.await.unwrap(), Err(SendError(n)));
            }
            assert_eq!(receiver.recv().await, Some(0));
            assert_eq!(receiver.recv().await, None);
        });
    });
}

#[test]
fn a_holder_that_panics_lets_go() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let mutex = Arc::new(Mutex::new(0));
            let held = mutex.clone();
            let holder = runtime::spawn(async move {
                *held.lock().await = 1;
                let _guard = held.lock().await;
                std::panic::resume_unwind(Box::new("on purpose"));
            });
            assert!(holder.await.unwrap_err().is_panic());
            // Not poisoned.
            assert_eq!(*mutex.lock().await, 1);

            let lock = Arc::new(RwLock::new(0));
            for write in [false, true] {
                let held = lock.clone();
                let holder = runtime::spawn(async move {
                    let _read = if write { None } else { Some(held.read().await) };
                    let _write = if write {
                        Some(held.write().await)
                    } else {
                        None
                    };
                    std::panic::resume_unwind(Box::new("on purpose"));
                });
                assert!(holder.await.unwrap_err().is_panic());
                assert_eq!(*lock.write().await, 0);
            }

            let semaphore = Arc::new(Semaphore::new(2));
            let held = semaphore.clone();
            let holder = runtime::spawn(async move {
                let _permits = held.acquire_many(2).await;
                std::panic::resume_unwind(Box::new("on purpose"));
            });
            assert!(holder.await.unwrap_err().is_panic());
            assert_eq!(semaphore.available_permits(), 2);

            let cell = Arc::new(OnceCell::new());
            let initialized = cell.clone();
            let holder = runtime::spawn(async move {
                initialized
                    .get_or_init(async || std::panic::resume_unwind(Box::new("on purpose")))
                    .await;
            });
            assert!(holder.await.unwrap_err().is_panic());
            assert_eq!(*cell.get_or_init(async || 1).await, 1);

            let (sender, mut receiver) = mpsc::channel(1);
            let holder = runtime::spawn({
                let sender = sender.clone();
                async move {
                    let _permit = sender.reserve().await;
                    std::panic::resume_unwind(Box::new("on purpose"));
                }
            });
            assert!(holder.await.unwrap_err().is_panic());
            sender.send(1).await.unwrap();
            assert_eq!(receiver.recv().await, Some(1));

            let (sender, receiver) = watch::channel(0);
            let modifier = runtime::spawn({
                async move {
                    let _borrowed = receiver.borrow();
                    std::panic::resume_unwind(Box::new("on purpose"));
                }
            });
            assert!(modifier.await.unwrap_err().is_panic());
            assert_eq!(sender.send_replace(1), 0);
        });
    });
}
