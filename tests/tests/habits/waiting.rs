//! Fairness of waits, and what they cost.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use runtime::io::AsyncReadExt;
use runtime::sync::{Mutex, Semaphore, broadcast, mpsc, watch};
use runtime::task::coop;
use tests::wakers::Counting;
use tests::{each_runtime, panic_of, within_limit};

/// Uses up the budget of the task that polls it.
async fn use_up_the_budget() {
    poll_fn(|cx| {
        while let Poll::Ready(unit) = coop::poll_proceed(cx) {
            unit.made_progress();
        }
        Poll::Ready(())
    })
    .await
}

#[test]
fn who_asks_without_budget_keeps_the_place_in_the_queue() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let mutex = Arc::new(Mutex::new(()));
            let held = mutex.clone().lock_owned().await;
            let (first, first_waker) = Counting::new();
            let (second, second_waker) = Counting::new();
            let first_lock = mutex.clone().lock_owned();
            let mut first_lock = pin!(async {
                use_up_the_budget().await;
                first_lock.await
            });
            let mut second_lock = pin!(mutex.clone().lock_owned());
            let mut cx = Context::from_waker(&first_waker);
            assert!(first_lock.as_mut().poll(&mut cx).is_pending());
            let mut cx = Context::from_waker(&second_waker);
            assert!(second_lock.as_mut().poll(&mut cx).is_pending());
            let before = first.count();
            drop(held);
            assert!(first.count() > before);
            runtime::task::yield_now().await;
            // Behind the first, although that has not looked yet.
            let mut cx = Context::from_waker(Waker::noop());
            assert!(second_lock.as_mut().poll(&mut cx).is_pending());
            assert_eq!(second.count(), 1, "once, for the end of its budget");
            drop(first_lock.await);
            drop(second_lock.await);
        });
    });
}

#[test]
fn what_is_taken_without_budget_is_given_back_by_the_drop() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let mutex = Mutex::new(());
            {
                let mut locking = pin!(async {
                    use_up_the_budget().await;
                    drop(mutex.lock().await);
                });
                let mut cx = Context::from_waker(Waker::noop());
                assert!(locking.as_mut().poll(&mut cx).is_pending());
            }
            assert!(mutex.try_lock().is_ok());
        });
    });
}

#[test]
fn a_permit_that_was_granted_and_not_seen_is_refused_after_the_close() {
    within_limit(|| {
        let semaphore = Semaphore::new(1);
        let held = semaphore.try_acquire().unwrap();
        let mut cx = Context::from_waker(Waker::noop());
        let mut waiting = Box::pin(semaphore.acquire());
        assert!(waiting.as_mut().poll(&mut cx).is_pending());
        drop(held);
        semaphore.close();
        assert!(matches!(
            waiting.as_mut().poll(&mut cx),
            Poll::Ready(Err(_))
        ));
        drop(waiting);
        assert_eq!(semaphore.available_permits(), 1);

        // The same in a channel, whose receiver hears that nothing will come.
        let (sender, mut receiver) = mpsc::channel::<()>(1);
        let permit = sender.try_reserve().unwrap();
        let mut reserving = Box::pin(sender.reserve());
        assert!(reserving.as_mut().poll(&mut cx).is_pending());
        drop(permit);
        receiver.close();
        let (woken, waker) = Counting::new();
        let mut receiving = pin!(receiver.recv());
        assert!(
            receiving
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        assert!(matches!(
            reserving.as_mut().poll(&mut cx),
            Poll::Ready(Err(_))
        ));
        assert!(woken.count() > 0);
        assert!(receiving.as_mut().poll(&mut cx).is_ready());
    });
}

#[test]
fn a_guard_may_hold_more_permits_than_can_be_asked_for_at_once() {
    let semaphore = Arc::new(Semaphore::new(6_000_000_000));
    let mut all = semaphore.try_acquire_many(3_000_000_000).unwrap();
    all.merge(semaphore.try_acquire_many(3_000_000_000).unwrap());
    assert_eq!(all.num_permits(), 6_000_000_000);
    let half = all.split(5_000_000_000).unwrap();
    assert_eq!(
        (all.num_permits(), half.num_permits()),
        (1_000_000_000, 5_000_000_000)
    );
    drop((all, half));
    assert_eq!(semaphore.available_permits(), 6_000_000_000);
    let mut owned = semaphore
        .clone()
        .try_acquire_many_owned(3_000_000_000)
        .unwrap();
    owned.merge(
        semaphore
            .clone()
            .try_acquire_many_owned(3_000_000_000)
            .unwrap(),
    );
    drop(owned);
    assert_eq!(semaphore.available_permits(), 6_000_000_000);
}

#[test]
fn waits_of_a_watch_that_are_over_at_once_give_way_in_the_end() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let (sender, mut receiver) = watch::channel(0);
            runtime::select! {
                biased;
                () = async {
                    loop {
                        receiver.wait_for(|value| *value == 0).await.unwrap();
                    }
                } => {}
                () = runtime::task::yield_now() => {}
            }
            drop(receiver);
            runtime::select! {
                biased;
                () = async {
                    loop {
                        sender.closed().await;
                    }
                } => {}
                () = runtime::task::yield_now() => {}
            }
        });
    });
}

#[test]
fn a_clone_that_panics_costs_its_receiver_that_value_only() {
    #[derive(Debug, PartialEq)]
    struct Fragile(bool);
    impl Clone for Fragile {
        fn clone(&self) -> Self {
            assert!(!self.0, "on purpose");
            Self(self.0)
        }
    }
    let (sender, mut receiver) = broadcast::channel(4);
    sender.send(Fragile(true)).unwrap();
    sender.send(Fragile(false)).unwrap();
    panic_of(|| receiver.try_recv()).names("on purpose");
    assert_eq!(receiver.try_recv().unwrap(), Fragile(false));
}

#[test]
fn a_branch_whose_output_nothing_decides_needs_no_annotation() {
    within_limit(|| {
        let runtime = runtime::Builder::new_current_thread().build().unwrap();
        let value = runtime.block_on(async {
            let (mut left, right) = (std::future::ready(1), std::future::ready(2));
            // The parentheses are the user's affair.
            runtime::select! {
                biased;
                value = (&mut left) => value,
                value = right => value,
            }
        });
        assert_eq!(value, 1);
    });
}

#[test]
fn a_waker_that_is_replaced_is_dropped_after_the_look() {
    /// Closes the stream when it is dropped.
    struct Owns(#[expect(dead_code, reason = "it is dropped")] runtime::io::DuplexStream);
    impl std::task::Wake for Owns {
        fn wake(self: Arc<Self>) {}
    }
    within_limit(|| {
        for capacity in [1, 64] {
            let (mut near, far) = runtime::io::duplex(capacity);
            let waker = Waker::from(Arc::new(Owns(far)));
            let mut buf = [0; 1];
            let mut reading = Box::pin(near.read(&mut buf));
            assert!(
                reading
                    .as_mut()
                    .poll(&mut Context::from_waker(&waker))
                    .is_pending()
            );
            drop(waker);
            let (woken, waker) = Counting::new();
            let mut cx = Context::from_waker(&waker);
            assert!(reading.as_mut().poll(&mut cx).is_pending());
            // The drop has closed the stream, and that has woken the new one.
            assert_eq!(woken.count(), 1);
            assert!(matches!(reading.as_mut().poll(&mut cx), Poll::Ready(Ok(0))));
        }
    });
}
