//! Wakers that panic or use the primitive when they are touched: nothing hangs, and the next one in
//! the queue is served.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::task::{Context, Poll, Waker};

use runtime::sync::{
    Barrier, CancellationToken, Notify, OnceCell, RwLock, Semaphore, SetOnce, broadcast, mpmc,
    mpsc, oneshot, watch,
};
use runtime::task::{JoinSet, TaskTracker, yield_now};
use tests::wakers::{Counting, PanicsAt, Touch, hooked, panicking};
use tests::{Flavour, with_quiet_panics, within_limit};

type Wait = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One primitive that makes somebody wait.
struct Case {
    name: &'static str,
    /// Starts to wait.
    wait: Box<dyn Fn() -> Wait + Send + Sync>,
    /// Lets at least one go. Harmless when it is called once more than there are who wait.
    let_go: Box<dyn Fn() + Send + Sync>,
}

fn case<F: Future<Output: Send> + Send + 'static>(
    name: &'static str,
    wait: impl Fn() -> F + Send + Sync + 'static,
    let_go: impl Fn() + Send + Sync + 'static,
) -> Arc<Case> {
    Arc::new(Case {
        name,
        wait: Box::new(move || {
            let future = wait();
            Box::pin(async {
                future.await;
            })
        }),
        let_go: Box::new(let_go),
    })
}

/// For primitives with a single one who waits, who is polled in turns with several wakers. Pending
/// if it is being polled: a waker may touch it then.
fn shared<T: Send + 'static>(
    value: T,
    poll: impl Fn(&mut T, &mut Context<'_>) -> bool + Clone + Send + Sync + 'static,
) -> impl Fn() -> Wait + Send + Sync + 'static {
    let value = Arc::new(Mutex::new(value));
    move || {
        let (value, poll) = (value.clone(), poll.clone());
        Box::pin(poll_fn(move |cx| {
            let mut value = match value.try_lock() {
                Ok(value) => value,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return Poll::Pending,
            };
            if poll(&mut value, cx) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        }))
    }
}

/// Gives what is inside once, without holding the lock while it is used.
fn once<T>(value: T) -> impl Fn() -> Option<T> {
    let value = Mutex::new(Some(value));
    move || value.lock().unwrap_or_else(PoisonError::into_inner).take()
}

fn cases() -> Vec<Arc<Case>> {
    let mut cases = Vec::new();

    let semaphore = Arc::new(Semaphore::new(0));
    let s = semaphore.clone();
    cases.push(case(
        "Semaphore",
        move || s.clone().acquire_owned(),
        move || semaphore.add_permits(1),
    ));

    let mutex = Arc::new(runtime::sync::Mutex::new(()));
    let guard = once(mutex.clone().try_lock_owned().unwrap());
    cases.push(case(
        "Mutex",
        move || mutex.clone().lock_owned(),
        move || drop(guard()),
    ));

    let lock = Arc::new(RwLock::new(()));
    let guard = once(lock.clone().try_read_owned().unwrap());
    cases.push(case(
        "RwLock::write",
        move || lock.clone().write_owned(),
        move || drop(guard()),
    ));

    let lock = Arc::new(RwLock::new(()));
    let guard = once(lock.clone().try_write_owned().unwrap());
    cases.push(case(
        "RwLock::read",
        move || lock.clone().read_owned(),
        move || drop(guard()),
    ));

    let notify = Arc::new(Notify::new());
    let n = notify.clone();
    cases.push(case(
        "Notify::notify_one",
        move || n.clone().notified_owned(),
        move || notify.notify_one(),
    ));

    let notify = Arc::new(Notify::new());
    let n = notify.clone();
    cases.push(case(
        "Notify::notify_waiters",
        move || n.clone().notified_owned(),
        move || notify.notify_waiters(),
    ));

    let barrier = Arc::new(Barrier::new(3));
    let b = barrier.clone();
    cases.push(case(
        "Barrier",
        move || {
            let b = b.clone();
            async move { b.wait().await }
        },
        move || {
            // The others that are missing; a waker may be one of those who came.
            for _ in 0..3 {
                let mut wait = Box::pin(barrier.wait());
                let _ = wait.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            }
        },
    ));

    let cell = Arc::new(OnceCell::new());
    let mut initializing: Wait = {
        let cell = cell.clone();
        Box::pin(async move {
            cell.get_or_init(std::future::pending::<u8>).await;
        })
    };
    let _ = initializing
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    let initializing = once(initializing);
    cases.push(case(
        "OnceCell",
        move || {
            let cell = cell.clone();
            async move { *cell.get_or_init(async || 1).await }
        },
        move || drop(initializing()),
    ));

    let set_once = Arc::new(SetOnce::new());
    let s = set_once.clone();
    cases.push(case(
        "SetOnce",
        move || {
            let s = s.clone();
            async move { *s.wait().await }
        },
        move || {
            let _ = set_once.set(1);
        },
    ));

    let token = CancellationToken::new();
    let t = token.clone();
    cases.push(case(
        "CancellationToken",
        move || t.clone().cancelled_owned(),
        move || token.cancel(),
    ));

    let tracker = TaskTracker::new();
    let t = tracker.clone();
    cases.push(case(
        "TaskTracker",
        move || {
            let t = t.clone();
            async move { t.wait().await }
        },
        move || {
            tracker.close();
        },
    ));

    let (sender, receiver) = mpsc::channel(2);
    cases.push(case(
        "mpsc::Receiver",
        shared(receiver, |r, cx| r.poll_recv(cx).is_ready()),
        move || {
            let _ = sender.try_send(1);
        },
    ));

    let (sender, receiver) = mpsc::unbounded_channel();
    cases.push(case(
        "mpsc::UnboundedReceiver",
        shared(receiver, |r, cx| r.poll_recv(cx).is_ready()),
        move || {
            let _ = sender.send(1);
        },
    ));

    let (sender, receiver) = mpsc::channel(1);
    sender.try_send(0).unwrap();
    let receiver = Mutex::new(receiver);
    cases.push(case(
        "mpsc::Sender::send",
        move || {
            let sender = sender.clone();
            async move { sender.send(1).await }
        },
        move || {
            // It is locked when a waker that it wakes comes here.
            if let Ok(mut receiver) = receiver.try_lock() {
                let _ = receiver.try_recv();
            }
        },
    ));

    let (sender, receiver) = mpsc::channel::<u8>(1);
    let receiver = once(receiver);
    cases.push(case(
        "mpsc::Sender::closed",
        move || {
            let sender = sender.clone();
            async move { sender.closed().await }
        },
        move || drop(receiver()),
    ));

    let (sender, receiver) = mpmc::channel(4);
    cases.push(case(
        "mpmc::Receiver",
        move || {
            let receiver = receiver.clone();
            async move { receiver.recv().await }
        },
        move || {
            let _ = sender.try_send(1);
        },
    ));

    let (sender, receiver) = mpmc::channel(1);
    sender.try_send(0).unwrap();
    cases.push(case(
        "mpmc::Sender::send",
        move || {
            let sender = sender.clone();
            async move { sender.send(1).await }
        },
        move || {
            let _ = receiver.try_recv();
        },
    ));

    let (sender, receiver) = oneshot::channel();
    let sender = once(sender);
    cases.push(case(
        "oneshot::Receiver",
        shared(receiver, |r, cx| {
            r.is_terminated() || Pin::new(r).poll(cx).is_ready()
        }),
        move || {
            let _ = sender().map(|sender| sender.send(1));
        },
    ));

    let (sender, receiver) = oneshot::channel::<u8>();
    let receiver = once(receiver);
    cases.push(case(
        "oneshot::Sender::closed",
        shared(sender, |s, cx| s.poll_closed(cx).is_ready()),
        move || drop(receiver()),
    ));

    let (sender, _) = broadcast::channel(4);
    let s = sender.clone();
    cases.push(case(
        "broadcast::Receiver",
        move || {
            let mut receiver = s.subscribe();
            async move { receiver.recv().await.is_ok() }
        },
        move || {
            let _ = sender.send(1);
        },
    ));

    let (sender, receiver) = watch::channel(0);
    cases.push(case(
        "watch::Receiver",
        move || {
            let mut receiver = receiver.clone();
            async move { receiver.changed().await.is_ok() }
        },
        move || {
            let _ = sender.send(1);
        },
    ));

    let runtime = Flavour::CurrentThread.build();
    let mut set = JoinSet::new();
    let (sender, receiver) = oneshot::channel();
    set.spawn_on(receiver, runtime.handle());
    let sender = once(sender);
    cases.push(case(
        "JoinSet",
        shared(set, |set, cx| set.poll_join_next(cx).is_ready()),
        move || {
            // Not by a waker in the task that ends.
            if runtime::Handle::try_current().is_err() {
                let _ = sender().map(|sender| sender.send(1));
                runtime.block_on(async {
                    yield_now().await;
                    yield_now().await;
                });
            }
        },
    ));

    cases
}

/// Polls and drops one who waits.
fn pass_by(case: &Case) {
    let mut wait = (case.wait)();
    let _ = wait.as_mut().poll(&mut Context::from_waker(Waker::noop()));
}

/// Lets one wait with `waker`, another behind it with a good one, and checks that both can be let go.
fn check(case: &Case, waker: Waker, what: &str) {
    let (counting, good) = Counting::new();
    let quietly = |body: &mut dyn FnMut()| {
        with_quiet_panics(|| {
            let _ = catch_unwind(AssertUnwindSafe(body));
        });
    };

    let mut first = (case.wait)();
    quietly(&mut || {
        let _ = first.as_mut().poll(&mut Context::from_waker(&waker));
    });
    let mut second = (case.wait)();
    let mut ready = false;
    // Again after a panic: where only one can wait, this drops the bad waker.
    let mut polled = false;
    for _ in 0..2 {
        quietly(&mut || {
            if !polled {
                second = (case.wait)();
                ready = second
                    .as_mut()
                    .poll(&mut Context::from_waker(&good))
                    .is_ready();
                polled = true;
            }
        });
    }
    assert!(polled, "{}: panics again and again, {what}", case.name);
    // A waker that was touched may have let everybody go already.
    quietly(&mut || (case.let_go)());
    let mut first = Some(first);
    quietly(&mut || drop(first.take()));
    quietly(&mut || (case.let_go)());
    let mut waker = Some(waker);
    quietly(&mut || drop(waker.take()));
    if !ready {
        assert!(counting.count() > 0, "{}: no wake, {what}", case.name);
        assert!(
            second
                .as_mut()
                .poll(&mut Context::from_waker(&good))
                .is_ready(),
            "{}: woken and not let go, {what}",
            case.name
        );
    }
}

#[test]
fn a_waker_that_panics_keeps_nobody_behind_it_waiting() {
    within_limit(|| {
        for at in PanicsAt::ALL {
            for case in cases() {
                check(&case, panicking(at), &format!("with a panic at {at:?}"));
            }
        }
    });
}

#[test]
fn a_waker_may_wait_for_the_primitive_whenever_it_is_touched() {
    within_limit(|| {
        for case in cases() {
            let touches = Arc::new(Mutex::new(Vec::new()));
            let waker = {
                let (case, touches) = (case.clone(), touches.clone());
                hooked(move |touch| {
                    pass_by(&case);
                    touches.lock().unwrap().push(touch);
                })
            };
            check(&case, waker, "with a waker that waits");
            let touches = touches.lock().unwrap();
            for touch in [Touch::Clone, Touch::Drop] {
                assert!(touches.contains(&touch), "{}: no {touch:?}", case.name);
            }
        }
    });
}

#[test]
fn a_waker_may_let_others_go_whenever_it_is_touched() {
    within_limit(|| {
        for at in [Touch::Clone, Touch::Wake, Touch::Drop] {
            for case in cases() {
                let waker = {
                    let case = case.clone();
                    hooked(move |touch| {
                        if touch == at {
                            (case.let_go)();
                        }
                    })
                };
                check(
                    &case,
                    waker,
                    &format!("with a waker that lets go at {at:?}"),
                );
            }
        }
    });
}
