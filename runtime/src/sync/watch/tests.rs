//! Tests of the watch channel. The protocol of waiting is modelled in [`changes`].

#![cfg(not(rt_loom))] // The value's lock is none of loom's.

use super::*;
use crate::sync::permits::test_wakers::{Touch, hooked};
use proptest::prelude::*;
use runtime_base::coop;
use runtime_base::driving::block_on;
use std::fmt::Debug;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::Ordering::SeqCst;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

#[derive(Default)]
struct Counter(AtomicUsize);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

fn counter() -> (Arc<Counter>, Waker) {
    let counter = Arc::new(Counter::default());
    (counter.clone(), Waker::from(counter))
}

fn poll<F: Future>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

#[test]
fn all_waiting_receivers_are_woken_by_a_change() {
    let (sender, receiver) = channel(0);
    let mut receivers = vec![receiver; 20];
    let (woken, waker) = counter();
    let mut waits: Vec<_> = receivers
        .iter_mut()
        .map(|r| Box::pin(r.changed()))
        .collect();
    for wait in &mut waits {
        assert!(poll(wait.as_mut(), &waker).is_pending());
        assert!(poll(wait.as_mut(), &waker).is_pending());
    }
    sender.send(1).unwrap();
    assert_eq!(woken.0.load(SeqCst), 20);
    for wait in &mut waits {
        assert!(poll(wait.as_mut(), &waker).is_ready());
    }
}

#[test]
fn the_old_value_is_dropped_without_the_lock() {
    struct Looks(Option<Receiver<Looks>>, Arc<AtomicUsize>);
    impl Drop for Looks {
        fn drop(&mut self) {
            if let Some(receiver) = &self.0 {
                self.1
                    .fetch_add(usize::from(receiver.borrow().0.is_none()), SeqCst);
            }
        }
    }
    let looks = Arc::new(AtomicUsize::new(0));
    let sender = Sender::new(Looks(None, looks.clone()));
    let receiver = sender.subscribe();
    assert!(
        sender
            .send(Looks(Some(receiver.clone()), looks.clone()))
            .is_ok()
    );
    assert!(sender.send(Looks(None, looks.clone())).is_ok());
    assert_eq!(looks.load(SeqCst), 1);
}

#[test]
fn a_panic_while_modifying_wakes_nobody_and_frees_the_lock() {
    let (sender, mut receiver) = channel(0);
    let (woken, waker) = counter();
    {
        let mut changed = pin!(receiver.changed());
        assert!(poll(changed.as_mut(), &waker).is_pending());
        let caught = catch_unwind(AssertUnwindSafe(|| {
            sender.send_modify(|value| {
                *value = 1;
                panic!("on purpose");
            });
        }));
        assert!(caught.is_err());
        assert_eq!(woken.0.load(SeqCst), 0);
    }
    assert_eq!(*receiver.borrow(), 1);
    let caught = catch_unwind(AssertUnwindSafe(|| {
        let _ = block_on(receiver.wait_for(|_| panic!("on purpose")));
    }));
    assert!(caught.is_err());
    sender.send(2).unwrap();
    assert_eq!(*receiver.borrow(), 2);
}

#[test]
fn the_last_change_is_seen_before_the_end() {
    let (sender, mut receiver) = channel(0);
    let mut other = receiver.clone();
    sender.send(1).unwrap();
    drop(sender);
    assert!(receiver.has_changed().is_err());
    assert!(block_on(receiver.changed()).is_ok());
    assert!(block_on(receiver.changed()).is_err());
    assert_eq!(
        *block_on(receiver.wait_for(|value| *value == 1)).unwrap(),
        1
    );
    assert!(block_on(other.wait_for(|value| *value == 2)).is_err());
}

#[test]
fn without_receivers_send_fails_and_send_replace_does_not() {
    let (sender, receiver) = channel(0);
    drop(receiver);
    assert!(sender.is_closed());
    assert_eq!(sender.send(1), Err(SendError(1)));
    assert_eq!(*sender.borrow(), 0);
    assert_eq!(sender.send_replace(2), 0);
    let receiver = sender.subscribe();
    assert_eq!(*receiver.borrow(), 2);
    assert!(!receiver.has_changed().unwrap());
    let weaker = receiver.clone();
    assert_eq!((sender.receiver_count(), sender.sender_count()), (2, 1));
    assert!(weaker.same_channel(&receiver) && sender.clone().same_channel(&sender));
}

#[test]
fn a_waker_that_panics_when_it_is_not_needed_costs_no_change() {
    let (sender, mut receiver) = channel(0);
    let sender = Arc::new(sender);
    // The change comes between the first look and the second, so that the clone is for nothing.
    let angry = {
        let sender = sender.clone();
        hooked(move |touch| match touch {
            Touch::Clone => assert_eq!(sender.send_replace(7), 0),
            Touch::Wake => {}
            Touch::Drop => assert!(thread::panicking(), "the waker panics on purpose"),
        })
    };
    let polled = catch_unwind(AssertUnwindSafe(|| {
        poll(pin!(receiver.changed()), &angry).is_ready()
    }));
    assert!(polled.is_err());
    mem::forget(angry);
    assert_eq!(receiver.has_changed().ok(), Some(true));
}

#[test]
fn a_sender_learns_that_the_last_receiver_is_gone() {
    let (sender, receiver) = channel(0);
    let (woken, waker) = counter();
    let mut closed = pin!(sender.closed());
    assert!(poll(closed.as_mut(), &waker).is_pending());
    let other = receiver.clone();
    drop(receiver);
    assert_eq!(woken.0.load(SeqCst), 0);
    drop(other);
    assert_eq!(woken.0.load(SeqCst), 1);
    assert!(poll(closed.as_mut(), &waker).is_ready());
}

#[test]
fn threads_see_the_last_value_and_never_go_back() {
    let count = if cfg!(miri) { 30 } else { 20_000 };
    let (sender, receiver) = channel(0);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let mut receiver = receiver.clone();
            thread::spawn(move || {
                block_on(async {
                    let mut last = 0;
                    while receiver.changed().await.is_ok() {
                        let now = *receiver.borrow_and_update();
                        assert!(now >= last);
                        last = now;
                    }
                    assert_eq!(last, count);
                });
            })
        })
        .collect();
    for value in 1..=count {
        sender.send_replace(value);
    }
    drop(sender);
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn seeing_a_change_costs_budget_and_waiting_does_not() {
    let (sender, mut receiver) = channel(0);
    coop::with_budget(|| {
        for _ in 0..1000 {
            assert!(poll(pin!(receiver.changed()), Waker::noop()).is_pending());
        }
        for _ in 0..coop::INITIAL {
            receiver.mark_changed();
            assert!(poll(pin!(receiver.changed()), Waker::noop()).is_ready());
        }
        receiver.mark_changed();
        assert!(poll(pin!(receiver.changed()), Waker::noop()).is_pending());
        assert!(receiver.has_changed().unwrap());
    });
    drop(sender);
}

#[test]
fn the_types_are_as_shareable_as_they_should_be() {
    fn check<T: Send + Sync + Unpin + Debug + UnwindSafe + RefUnwindSafe>(_: &T) {}
    fn check_send<T: Send>(_: &T) {}
    let (sender, mut receiver) = channel(0);
    check(&sender);
    check(&receiver);
    check_send(&receiver.changed());
    check_send(&receiver.wait_for(|_| true));
    check_send(&sender.closed());
}

/// What a test may do to a channel.
#[derive(Debug, Clone)]
enum Step {
    Send,
    SendIf(bool),
    Borrow(usize),
    BorrowAndUpdate(usize),
    Changed(usize),
    WaitFor(usize, bool),
    MarkChanged(usize),
    MarkUnchanged(usize),
    Clone(usize),
    Subscribe,
    Leave(usize),
    Close,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let index = 0..4_usize;
    let step = prop_oneof![
        6 => Just(Step::Send),
        2 => any::<bool>().prop_map(Step::SendIf),
        2 => index.clone().prop_map(Step::Borrow),
        3 => index.clone().prop_map(Step::BorrowAndUpdate),
        6 => index.clone().prop_map(Step::Changed),
        3 => (index.clone(), any::<bool>()).prop_map(|(index, wanted)| Step::WaitFor(index, wanted)),
        1 => index.clone().prop_map(Step::MarkChanged),
        1 => index.clone().prop_map(Step::MarkUnchanged),
        1 => index.clone().prop_map(Step::Clone),
        1 => Just(Step::Subscribe),
        1 => index.prop_map(Step::Leave),
        1 => prop_oneof![6 => Just(Step::Send), 1 => Just(Step::Close)],
    ];
    prop::collection::vec(step, 0..100)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 3 } else { 400 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn it_behaves_like_a_variable_with_a_version(steps in steps()) {
        let (sender, receiver) = channel(0_u32);
        let mut sender = Some(sender);
        let mut value = 0;
        // The model: per receiver, whether it has seen the value.
        let mut receivers = vec![(receiver, true)];
        for step in steps {
            let open = sender.is_some();
            match step {
                Step::Send => {
                    let Some(sender) = &sender else { continue };
                    let sent = sender.send(value + 1).is_ok();
                    prop_assert_eq!(sent, !receivers.is_empty());
                    if sent {
                        value += 1;
                        receivers.iter_mut().for_each(|(_, seen)| *seen = false);
                    }
                }
                Step::SendIf(modified) => {
                    let Some(sender) = &sender else { continue };
                    let said = sender.send_if_modified(|value| {
                        *value += u32::from(modified);
                        modified
                    });
                    prop_assert_eq!(said, modified);
                    if modified {
                        value += 1;
                        receivers.iter_mut().for_each(|(_, seen)| *seen = false);
                    }
                }
                Step::Borrow(index) => {
                    let Some((receiver, seen)) = receivers.get(index) else { continue };
                    let look = receiver.borrow();
                    prop_assert_eq!((*look, look.has_changed()), (value, !seen));
                }
                Step::BorrowAndUpdate(index) => {
                    let Some((receiver, seen)) = receivers.get_mut(index) else { continue };
                    let look = receiver.borrow_and_update();
                    prop_assert_eq!((*look, look.has_changed()), (value, !*seen));
                    *seen = true;
                }
                Step::Changed(index) => {
                    let Some((receiver, seen)) = receivers.get_mut(index) else { continue };
                    let changed = poll(pin!(receiver.changed()), Waker::noop());
                    let expected = match (*seen, open) {
                        (false, _) => Poll::Ready(true),
                        (true, true) => Poll::Pending,
                        (true, false) => Poll::Ready(false),
                    };
                    prop_assert_eq!(changed.map(|outcome| outcome.is_ok()), expected);
                    *seen = true;
                }
                Step::WaitFor(index, wanted) => {
                    let Some((receiver, seen)) = receivers.get_mut(index) else { continue };
                    let found = poll(pin!(receiver.wait_for(|_| wanted)), Waker::noop());
                    let found = found.map(|outcome| outcome.map(|look| (*look, look.has_changed())));
                    match found {
                        Poll::Ready(Ok(found)) => prop_assert!(wanted && found == (value, !*seen)),
                        Poll::Ready(Err(_)) => prop_assert!(!wanted && !open),
                        Poll::Pending => prop_assert!(!wanted && open),
                    }
                    *seen = true;
                }
                Step::MarkChanged(index) => {
                    let Some((receiver, seen)) = receivers.get_mut(index) else { continue };
                    receiver.mark_changed();
                    *seen = false;
                }
                Step::MarkUnchanged(index) => {
                    let Some((receiver, seen)) = receivers.get_mut(index) else { continue };
                    receiver.mark_unchanged();
                    *seen = true;
                }
                Step::Clone(index) => {
                    let Some((receiver, seen)) = receivers.get(index) else { continue };
                    let copy = (receiver.clone(), *seen);
                    receivers.push(copy);
                }
                Step::Subscribe => {
                    let Some(sender) = &sender else { continue };
                    receivers.push((sender.subscribe(), true));
                }
                Step::Leave(index) => {
                    if index < receivers.len() {
                        drop(receivers.remove(index));
                    }
                }
                Step::Close => sender = None,
            }
            for (receiver, seen) in &receivers {
                let expected = sender.is_some().then_some(!seen);
                prop_assert_eq!(receiver.has_changed().ok(), expected);
                prop_assert_eq!(receiver.is_closed(), sender.is_none());
            }
            if let Some(sender) = &sender {
                prop_assert_eq!(sender.receiver_count(), receivers.len());
            }
        }
    }
}

mod waits;
