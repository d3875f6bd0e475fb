//! What needs no exploration.

use super::*;
use crate::sync::permits::test_wakers::{Touch, hooked};
use proptest::prelude::*;
use runtime_base::coop;
use std::collections::VecDeque;
use std::fmt::Debug;

#[test]
#[should_panic(expected = "broadcast channel capacity cannot be zero")]
fn a_channel_without_room_is_refused() {
    let _ = channel::<u8>(0);
}

#[test]
fn every_receiver_gets_a_clone() {
    #[derive(Debug)]
    struct Counted(std::sync::Arc<Count>);
    impl Clone for Counted {
        fn clone(&self) -> Self {
            self.0.fetch_add(1, SeqCst);
            Self(self.0.clone())
        }
    }
    let clones = std::sync::Arc::new(Count::new(0));
    let (sender, mut first) = channel(2);
    let mut others = [sender.subscribe(), sender.subscribe()];
    sender.send(Counted(clones.clone())).unwrap();
    assert!(first.try_recv().is_ok());
    for other in &mut others {
        assert!(other.try_recv().is_ok());
    }
    assert_eq!(clones.load(SeqCst), 3);
}

#[test]
fn a_panic_in_clone_leaves_the_receiver_behind_the_value() {
    struct Bomb(bool);
    impl Clone for Bomb {
        fn clone(&self) -> Self {
            assert!(!self.0, "on purpose");
            Self(self.0)
        }
    }
    let (sender, mut first) = channel(4);
    let mut second = sender.subscribe();
    for armed in [true, false] {
        assert!(sender.send(Bomb(armed)).is_ok());
    }
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| first.try_recv()));
    assert!(caught.is_err());
    assert!(matches!(first.try_recv(), Ok(Bomb(false))));
    // So does the last one, whose value is gone with it.
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| second.try_recv()));
    assert!(caught.is_err());
    assert!(matches!(second.try_recv(), Ok(Bomb(false))));
    assert!(sender.is_empty());
}

#[test]
fn a_value_that_is_dropped_may_use_the_channel() {
    #[derive(Clone)]
    struct Asks(Sender<Asks>, std::sync::Arc<Count>);
    impl Drop for Asks {
        fn drop(&mut self) {
            self.1.fetch_add(self.0.receiver_count() + 1, SeqCst);
        }
    }
    let asked = std::sync::Arc::new(Count::new(0));
    let (sender, receiver) = channel(1);
    for _ in 0..2 {
        assert!(sender.send(Asks(sender.clone(), asked.clone())).is_ok());
    }
    assert_eq!(asked.load(SeqCst), 2);
    drop(receiver);
    assert_eq!(asked.load(SeqCst), 3);
}

#[test]
fn all_waiting_receivers_are_woken_by_a_send() {
    let sender = Sender::new(4);
    let mut receivers: Vec<_> = (0..20).map(|_| sender.subscribe()).collect();
    let (woken, waker) = counter();
    let mut waits: Vec<_> = receivers.iter_mut().map(|r| Box::pin(r.recv())).collect();
    for wait in &mut waits {
        assert!(poll(wait.as_mut(), &waker).is_pending());
        assert!(poll(wait.as_mut(), &waker).is_pending());
    }
    assert_eq!(sender.send(7).unwrap(), 20);
    assert_eq!(woken.0.load(SeqCst), 20);
    for wait in &mut waits {
        assert_eq!(poll(wait.as_mut(), &waker), Poll::Ready(Ok(7)));
    }
}

#[test]
fn a_waker_that_panics_when_it_is_not_needed_costs_no_value() {
    let (sender, mut receiver) = channel(2);
    // The value comes between the first look and the second, so that the clone is for nothing.
    let angry = hooked(move |touch| match touch {
        Touch::Clone => assert!(sender.send(7).is_ok()),
        Touch::Wake => {}
        Touch::Drop => assert!(std::thread::panicking(), "the waker panics on purpose"),
    });
    let polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        poll(pin!(receiver.recv()), &angry).is_ready()
    }));
    assert!(polled.is_err());
    std::mem::forget(angry);
    assert_eq!(receiver.try_recv(), Ok(7));
}

#[test]
fn a_sender_learns_that_the_last_receiver_is_gone() {
    let (sender, receiver) = channel::<u8>(1);
    let (woken, waker) = counter();
    let mut closed = pin!(sender.closed());
    assert!(poll(closed.as_mut(), &waker).is_pending());
    let other = receiver.resubscribe();
    drop(receiver);
    assert_eq!(woken.0.load(SeqCst), 0);
    drop(other);
    assert_eq!(woken.0.load(SeqCst), 1);
    assert!(poll(closed.as_mut(), &waker).is_ready());
    let again = sender.subscribe();
    assert_eq!(sender.send(1).unwrap(), 1);
    assert_eq!(again.len(), 1);
}

#[test]
fn counts_and_identity_follow_the_handles() {
    let (sender, receiver) = channel::<u8>(3);
    let weak = sender.downgrade();
    let second = sender.clone();
    assert!(second.same_channel(&sender) && receiver.same_channel(&sender.subscribe()));
    assert!(!sender.same_channel(&Sender::new(1)));
    assert_eq!((sender.strong_count(), sender.weak_count()), (2, 1));
    drop((sender, second));
    assert!(receiver.is_closed() && weak.upgrade().is_none());
    assert_eq!(
        (receiver.sender_strong_count(), receiver.sender_weak_count()),
        (0, 1)
    );
}

#[test]
fn receiving_costs_budget_and_waiting_does_not() {
    let (sender, mut receiver) = channel(1024);
    let (_, waker) = counter();
    coop::with_budget(|| {
        for _ in 0..1000 {
            assert!(poll(pin!(receiver.recv()), &waker).is_pending());
        }
        for value in 0..1000 {
            sender.send(value).unwrap();
        }
        for value in 0..u32::from(coop::INITIAL) {
            assert_eq!(poll(pin!(receiver.recv()), &waker), Poll::Ready(Ok(value)));
        }
        assert!(poll(pin!(receiver.recv()), &waker).is_pending());
    });
}

#[test]
fn threads_receive_everything_in_order() {
    let (sender, receiver) = channel(1 << 14);
    let count = if cfg!(miri) { 50 } else { 10_000 };
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let mut receiver = receiver.resubscribe();
            thread::spawn(move || {
                for expected in 0..count {
                    assert_eq!(receiver.blocking_recv(), Ok(expected));
                }
                assert_eq!(receiver.blocking_recv(), Err(RecvError::Closed));
            })
        })
        .collect();
    drop(receiver);
    for value in 0..count {
        sender.send(value).unwrap();
    }
    drop(sender);
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn the_types_are_as_shareable_as_they_should_be() {
    type Payload = std::cell::Cell<u8>;
    fn check<T: Send + Sync + Unpin + Debug + UnwindSafe + RefUnwindSafe>(_: &T) {}
    fn check_send<T: Send>(_: &T) {}
    let (sender, mut receiver) = channel::<Payload>(4);
    check(&sender);
    check(&receiver);
    check(&sender.downgrade());
    check_send(&receiver.recv());
    check_send(&sender.closed());
}

/// What a test may do to a channel.
#[derive(Debug, Clone)]
enum Step {
    Send,
    Recv(usize),
    TryRecv(usize),
    Subscribe,
    Resubscribe(usize),
    Leave(usize),
    Close,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => Just(Step::Send),
        6 => (0..4_usize).prop_map(Step::Recv),
        3 => (0..4_usize).prop_map(Step::TryRecv),
        1 => Just(Step::Subscribe),
        1 => (0..4_usize).prop_map(Step::Resubscribe),
        1 => (0..4_usize).prop_map(Step::Leave),
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
    fn it_behaves_like_a_log_that_forgets(capacity in 1..6_usize, steps in steps()) {
        let (sender, receiver) = channel(capacity);
        let mut sender = Some(sender);
        let rounded = capacity.next_power_of_two() as u64;
        // The model: everything ever sent, and where each receiver is in it.
        let mut log: VecDeque<u64> = VecDeque::new();
        let mut receivers = vec![(receiver, 0_u64)];
        let alive = std::sync::Arc::new(());
        for step in steps {
            let end = log.len() as u64;
            match step {
                Step::Send => {
                    let Some(sender) = &sender else { continue };
                    let sent = sender.send((end, alive.clone()));
                    if receivers.is_empty() {
                        prop_assert!(sent.is_err());
                    } else {
                        prop_assert_eq!(sent.unwrap(), receivers.len());
                        log.push_back(end);
                    }
                }
                Step::Recv(index) | Step::TryRecv(index) => {
                    let waits = matches!(step, Step::Recv(_));
                    let Some((receiver, next)) = receivers.get_mut(index) else { continue };
                    let received = if waits {
                        match poll(pin!(receiver.recv()), Waker::noop()) {
                            Poll::Ready(Ok(value)) => Ok(value.0),
                            Poll::Ready(Err(RecvError::Closed)) => Err(TryRecvError::Closed),
                            Poll::Ready(Err(RecvError::Lagged(n))) => Err(TryRecvError::Lagged(n)),
                            Poll::Pending => Err(TryRecvError::Empty),
                        }
                    } else {
                        receiver.try_recv().map(|value| value.0)
                    };
                    let oldest = end.saturating_sub(rounded);
                    let expected = if *next < oldest {
                        let missed = oldest - *next;
                        *next = oldest;
                        Err(TryRecvError::Lagged(missed))
                    } else if *next < end {
                        *next += 1;
                        Ok(*next - 1)
                    } else if sender.is_some() {
                        Err(TryRecvError::Empty)
                    } else {
                        Err(TryRecvError::Closed)
                    };
                    prop_assert_eq!(received, expected);
                }
                Step::Subscribe => {
                    let Some(sender) = &sender else { continue };
                    receivers.push((sender.subscribe(), end));
                }
                Step::Resubscribe(index) => {
                    let Some((receiver, _)) = receivers.get(index) else { continue };
                    let receiver = receiver.resubscribe();
                    receivers.push((receiver, end));
                }
                Step::Leave(index) => {
                    if index < receivers.len() {
                        drop(receivers.remove(index));
                    }
                }
                Step::Close => sender = None,
            }
            let end = log.len() as u64;
            let kept = receivers.iter().map(|(_, next)| (end - next).min(rounded)).max().unwrap_or(0);
            for (receiver, next) in &receivers {
                prop_assert_eq!(receiver.len() as u64, end - next);
            }
            if let Some(sender) = &sender {
                prop_assert_eq!(sender.len() as u64, kept);
                prop_assert_eq!(sender.is_empty(), kept == 0);
                prop_assert_eq!(sender.receiver_count(), receivers.len());
            }
            prop_assert_eq!(std::sync::Arc::strong_count(&alive) as u64, kept + 1);
        }
    }
}
