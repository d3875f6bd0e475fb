//! What needs no exploration.

use super::*;
use crate::sync::permits::test_wakers::{Touch, hooked};
use proptest::prelude::*;
use runtime_base::coop;
use runtime_base::driving::block_on;
use std::collections::VecDeque;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};

#[test]
#[should_panic(expected = "mpsc bounded channel requires buffer > 0")]
fn a_channel_without_room_is_refused() {
    let _ = channel::<u8>(0);
}

#[test]
fn capacity_counts_what_is_queued_and_what_is_reserved() {
    let (sender, mut receiver) = channel(3);
    assert_eq!((sender.capacity(), sender.max_capacity()), (3, 3));
    sender.try_send(1).unwrap();
    let permit = sender.try_reserve().unwrap();
    assert_eq!(sender.capacity(), 1);
    assert!(matches!(
        sender.try_reserve_many(2),
        Err(TrySendError::Full(()))
    ));
    permit.send(2);
    assert_eq!((receiver.len(), receiver.capacity()), (2, 1));
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!((receiver.len(), receiver.capacity()), (1, 2));
    drop(sender.try_reserve().unwrap());
    assert_eq!(sender.capacity(), 2);
    let owned = sender.clone().try_reserve_owned().unwrap();
    assert!(owned.same_channel_as_sender(&sender));
    assert_eq!(sender.capacity(), 1);
    let again = owned.release();
    assert!(again.same_channel(&sender));
    assert_eq!(sender.capacity(), 2);
    let _ = block_on(again.reserve_owned()).unwrap().send(3);
    assert_eq!(receiver.try_recv(), Ok(2));
    assert_eq!(receiver.try_recv(), Ok(3));
    assert_eq!(receiver.capacity(), 3);
    assert!(block_on(sender.reserve_many(4)).is_err());
}

#[test]
fn what_was_promised_before_the_close_is_still_received() {
    let (sender, mut receiver) = channel(4);
    let (woken, waker) = counter();
    let mut cx = Context::from_waker(&waker);
    sender.try_send(1).unwrap();
    let permit = sender.try_reserve().unwrap();
    receiver.close();
    assert!(sender.is_closed() && receiver.is_closed());
    assert_eq!(sender.try_send(9), Err(TrySendError::Closed(9)));
    assert_eq!(block_on(sender.send(9)), Err(SendError(9)));
    assert_eq!(receiver.poll_recv(&mut cx), Poll::Ready(Some(1)));
    assert_eq!(receiver.poll_recv(&mut cx), Poll::Pending);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    permit.send(2);
    assert_eq!(woken.0.load(SeqCst), 1);
    assert_eq!(receiver.poll_recv(&mut cx), Poll::Ready(Some(2)));
    assert_eq!(receiver.poll_recv(&mut cx), Poll::Ready(None));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
}

#[test]
fn a_dropped_wait_for_many_permits_ends_a_closed_channel() {
    let (sender, mut receiver) = channel::<u8>(2);
    let (_, waker) = counter();
    let (woken, receiver_waker) = counter();
    sender.try_send(1).unwrap();
    {
        // Waits for two, and holds the one that there is.
        let mut reserve = Box::pin(sender.reserve_many(2));
        assert!(poll(reserve.as_mut(), &waker).is_pending());
        assert_eq!(receiver.try_recv(), Ok(1));
        receiver.close();
        let mut cx = Context::from_waker(&receiver_waker);
        assert_eq!(receiver.poll_recv(&mut cx), Poll::Pending);
        drop(reserve);
        assert_eq!(woken.0.load(SeqCst), 1);
        assert_eq!(receiver.poll_recv(&mut cx), Poll::Ready(None));
    }
}

#[test]
fn waiting_senders_get_their_values_back_when_the_receiver_goes() {
    let (sender, receiver) = channel(1);
    sender.try_send(0).unwrap();
    let (woken, waker) = counter();
    let mut sends: Vec<_> = (1..4).map(|value| Box::pin(sender.send(value))).collect();
    for send in &mut sends {
        assert!(poll(send.as_mut(), &waker).is_pending());
    }
    drop(receiver);
    assert_eq!(woken.0.load(SeqCst), 3);
    for (value, send) in (1..4).zip(&mut sends) {
        assert_eq!(
            poll(send.as_mut(), &waker),
            Poll::Ready(Err(SendError(value)))
        );
    }
}

#[test]
fn a_sender_whose_waker_panics_keeps_nobody_waiting_and_no_value_alive() {
    let (sender, receiver) = channel(1);
    let value = Arc::new(());
    sender.try_send(value.clone()).unwrap();
    let panicking = hooked(|touch| assert_ne!(touch, Touch::Wake, "panics on purpose"));
    let (woken, waker) = counter();
    let mut reserve = Box::pin(sender.reserve());
    assert!(poll(reserve.as_mut(), &panicking).is_pending());
    let mut closed = Box::pin(sender.closed());
    assert!(poll(closed.as_mut(), &waker).is_pending());
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(receiver)));
    assert!(dropped.is_err());
    assert_eq!(woken.0.load(SeqCst), 1, "who waits for the end sleeps on");
    assert!(poll(closed.as_mut(), &waker).is_ready());
    drop((reserve, closed));
    drop(sender);
    assert_eq!(Arc::strong_count(&value), 1, "the value is leaked");
}

#[test]
fn senders_get_room_in_the_order_in_which_they_wait() {
    let (sender, mut receiver) = channel(1);
    sender.try_send(0).unwrap();
    let (_, waker) = counter();
    let mut sends: Vec<_> = (1..5)
        .map(|value| Some(Box::pin(sender.send(value))))
        .collect();
    for send in sends.iter_mut().flatten() {
        assert!(poll(send.as_mut(), &waker).is_pending());
    }
    // One gives up, and nobody loses anything by it.
    sends[1] = None;
    let mut seen = Vec::new();
    while let Ok(value) = receiver.try_recv() {
        seen.push(value);
        for send in &mut sends {
            if send
                .as_mut()
                .is_some_and(|send| poll(send.as_mut(), &waker).is_ready())
            {
                *send = None;
            }
        }
    }
    assert_eq!(seen, [0, 1, 3, 4]);
    assert_eq!(sender.capacity(), 1);
}

#[test]
fn recv_many_takes_what_is_there_up_to_its_limit() {
    let (sender, mut receiver) = channel(100);
    for value in 0..50 {
        sender.try_send(value).unwrap();
    }
    let mut buffer = vec![-1];
    assert_eq!(block_on(receiver.recv_many(&mut buffer, 0)), 0);
    assert_eq!(block_on(receiver.recv_many(&mut buffer, 40)), 40);
    assert_eq!(receiver.capacity(), 90);
    assert_eq!(receiver.blocking_recv_many(&mut buffer, 40), 10);
    assert_eq!(buffer, (-1..50).collect::<Vec<_>>());
    drop(sender);
    assert_eq!(block_on(receiver.recv_many(&mut buffer, 40)), 0);
}

#[test]
fn values_and_wakers_die_with_the_receiver() {
    let value = Arc::new(());
    let (woken, waker) = counter();
    let (sender, mut receiver) = unbounded_channel();
    assert!(
        receiver
            .poll_recv(&mut Context::from_waker(&waker))
            .is_pending()
    );
    for _ in 0..100 {
        sender.send(value.clone()).unwrap();
    }
    drop(waker);
    drop(receiver);
    assert_eq!(Arc::strong_count(&value), 1);
    assert_eq!(Arc::strong_count(&woken), 1);
    assert!(sender.send(value).is_err());
}

#[test]
fn a_value_may_send_into_its_channel_when_it_is_dropped() {
    struct Echo(UnboundedSender<Echo>, Arc<Count>);
    impl Drop for Echo {
        fn drop(&mut self) {
            self.1.fetch_add(1, SeqCst);
            // Comes back, as the channel is closed, and must not be dropped into the void.
            if self.1.load(SeqCst) < 5 {
                let echo = Echo(self.0.clone(), self.1.clone());
                assert!(self.0.send(echo).is_err());
            }
        }
    }
    let drops = Arc::new(Count::new(0));
    let (sender, receiver) = unbounded_channel();
    for _ in 0..3 {
        assert!(sender.send(Echo(sender.clone(), drops.clone())).is_ok());
    }
    drop(receiver);
    assert_eq!(drops.load(SeqCst), 7);
}

#[test]
fn a_panicking_destructor_leaves_the_channel_sound() {
    struct Bomb(Arc<Count>, bool);
    impl Drop for Bomb {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
            assert!(!self.1, "on purpose");
        }
    }
    let drops = Arc::new(Count::new(0));
    let (sender, receiver) = channel(40);
    for index in 0..40 {
        let bomb = Bomb(drops.clone(), index == 3);
        assert!(sender.try_send(bomb).is_ok());
    }
    assert!(catch_unwind(AssertUnwindSafe(|| drop(receiver))).is_err());
    assert_eq!(drops.load(SeqCst), 40);
    assert_eq!(sender.capacity(), 40);
    drop(sender);
}

#[test]
fn a_permit_is_used_up_even_if_the_receivers_waker_panics() {
    use crate::sync::permits::test_wakers::{Touch, hooked};
    use std::panic::{AssertUnwindSafe, catch_unwind};

    let (sender, mut receiver) = channel(2);
    let angry = hooked(|touch| assert!(touch != Touch::Wake, "the waker panics on purpose"));
    assert!(
        receiver
            .poll_recv(&mut Context::from_waker(&angry))
            .is_pending()
    );
    let permit = sender.try_reserve().unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| permit.send(1))).is_err());
    assert_eq!((receiver.len(), receiver.capacity()), (1, 1));
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!(receiver.capacity(), 2);
}

#[test]
fn receiving_costs_budget_and_waiting_does_not() {
    let (sender, mut receiver) = unbounded_channel();
    let (_, waker) = counter();
    let mut cx = Context::from_waker(&waker);
    coop::with_budget(|| {
        for _ in 0..1000 {
            assert!(receiver.poll_recv(&mut cx).is_pending());
        }
        for value in 0..1000 {
            sender.send(value).unwrap();
        }
        for value in 0..usize::from(coop::INITIAL) {
            assert_eq!(receiver.poll_recv(&mut cx), Poll::Ready(Some(value)));
        }
        assert!(receiver.poll_recv(&mut cx).is_pending());
    });
}

#[test]
fn counts_follow_the_senders() {
    let (sender, receiver) = channel::<u8>(1);
    let weak = sender.downgrade();
    let other = sender.clone();
    assert_eq!((sender.strong_count(), sender.weak_count()), (2, 1));
    assert_eq!(
        (receiver.sender_strong_count(), receiver.sender_weak_count()),
        (2, 1)
    );
    drop(other);
    let weaker = weak.clone();
    assert_eq!((weak.strong_count(), weaker.weak_count()), (1, 2));
    drop((sender, weaker));
    assert!(receiver.is_closed() && weak.upgrade().is_none());
    assert_eq!(weak.weak_count(), 1);
}

#[test]
fn threads_and_tasks_meet() {
    let rounds = if cfg!(miri) { 40 } else { 5_000 };
    for capacity in [1, 3, 64] {
        let (sender, mut receiver) = channel(capacity);
        let threads: Vec<_> = (0..3)
            .map(|id| {
                let sender = sender.clone();
                thread::spawn(move || {
                    for value in 0..rounds {
                        sender.blocking_send((id, value)).unwrap();
                    }
                })
            })
            .collect();
        drop(sender);
        let mut next = [0; 3];
        while let Some((id, value)) = receiver.blocking_recv() {
            assert_eq!(next[id], value);
            next[id] += 1;
        }
        assert_eq!(next, [rounds; 3]);
        for thread in threads {
            thread.join().unwrap();
        }
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
    check(&sender.try_reserve().unwrap());
    check(&sender.try_reserve_many(1).unwrap());
    check(&sender.clone().try_reserve_owned().unwrap());
    check_send(&sender.send(Payload::new(1)));
    check_send(&sender.reserve());
    check_send(&receiver.recv());
    let (sender, receiver) = unbounded_channel::<Payload>();
    check(&sender);
    check(&sender.downgrade());
    check(&receiver);
}

/// What a test may do to a channel.
#[derive(Debug, Clone)]
enum Step {
    TrySend,
    StartSend,
    PollSend(usize),
    DropSend(usize),
    Reserve,
    UsePermit,
    DropPermit,
    Recv,
    RecvMany(usize),
    TryRecv,
    Close,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::TrySend),
        3 => Just(Step::StartSend),
        3 => (0..4_usize).prop_map(Step::PollSend),
        2 => (0..4_usize).prop_map(Step::DropSend),
        2 => Just(Step::Reserve),
        1 => Just(Step::UsePermit),
        1 => Just(Step::DropPermit),
        4 => Just(Step::Recv),
        2 => (0..5_usize).prop_map(Step::RecvMany),
        3 => Just(Step::TryRecv),
    ];
    let close = prop_oneof![9 => Just(None), 1 => Just(Some(Step::Close))];
    (prop::collection::vec(step, 0..120), close, 0..120_usize).prop_map(|(mut steps, close, at)| {
        if let Some(close) = close {
            steps.insert(at.min(steps.len()), close);
        }
        steps
    })
}

/// A send that may have to wait.
type PendingSend<'a> = dyn Future<Output = Result<(), SendError<u32>>> + 'a;

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 3 } else { 400 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_bounded_channel_behaves_like_a_queue_with_a_limit(capacity in 1..6_usize, steps in steps()) {
        let (sender, mut receiver) = channel(capacity);
        let sender = &sender;
        let waker = Waker::noop();
        let mut cx = Context::from_waker(waker);
        // The model: values in the queue, sends that wait in order, permits handed out.
        let mut queue = VecDeque::new();
        let mut sends: Vec<(u32, Pin<Box<PendingSend<'_>>>)> = Vec::new();
        let mut permits = Vec::new();
        let mut closed = false;
        let mut next = 0;
        for step in steps {
            next += 1;
            // Room that nobody has been promised.
            let promised = sends.len().min(capacity - queue.len() - permits.len());
            let room = capacity - queue.len() - permits.len() - promised;
            match step {
                Step::TrySend => {
                    let expected = if closed {
                        Err(TrySendError::Closed(next))
                    } else if room == 0 {
                        Err(TrySendError::Full(next))
                    } else {
                        queue.push_back(next);
                        Ok(())
                    };
                    prop_assert_eq!(sender.try_send(next), expected);
                }
                Step::StartSend => {
                    let mut send = Box::pin(sender.send(next));
                    match send.as_mut().poll(&mut cx) {
                        Poll::Ready(Ok(())) => {
                            prop_assert!(!closed && room > 0);
                            queue.push_back(next);
                        }
                        Poll::Ready(Err(error)) => prop_assert!(closed && error.0 == next),
                        Poll::Pending => {
                            prop_assert!(!closed && room == 0);
                            sends.push((next, send));
                        }
                    }
                }
                Step::PollSend(index) if index < sends.len() => {
                    let (value, send) = &mut sends[index];
                    let value = *value;
                    match send.as_mut().poll(&mut cx) {
                        Poll::Ready(Ok(())) => {
                            prop_assert!(index < promised);
                            queue.push_back(value);
                            drop(sends.remove(index));
                        }
                        Poll::Ready(Err(error)) => {
                            prop_assert!(closed && error.0 == value);
                            drop(sends.remove(index));
                        }
                        Poll::Pending => prop_assert!(index >= promised && !closed),
                    }
                }
                Step::DropSend(index) if index < sends.len() => drop(sends.remove(index)),
                Step::Reserve => match sender.try_reserve() {
                    Ok(permit) => {
                        prop_assert!(!closed && room > 0);
                        permits.push(permit);
                    }
                    Err(error) => prop_assert_eq!(
                        error,
                        if closed { TrySendError::Closed(()) } else { TrySendError::Full(()) }
                    ),
                },
                Step::UsePermit => {
                    if let Some(permit) = permits.pop() {
                        permit.send(next);
                        queue.push_back(next);
                    }
                }
                Step::DropPermit => drop(permits.pop()),
                Step::Recv => {
                    // A receive that is dropped again.
                    let received = pin!(receiver.recv()).poll(&mut cx);
                    match queue.pop_front() {
                        Some(value) => prop_assert_eq!(received, Poll::Ready(Some(value))),
                        None if closed && permits.is_empty() && sends.is_empty() =>
                            prop_assert_eq!(received, Poll::Ready(None)),
                        None if closed => prop_assert!(received != Poll::Ready(Some(0))),
                        None => prop_assert_eq!(received, Poll::Pending),
                    }
                }
                Step::RecvMany(limit) => {
                    let mut buffer = Vec::new();
                    let count = pin!(receiver.recv_many(&mut buffer, limit)).poll(&mut cx);
                    let expected: Vec<_> = queue.drain(..limit.min(queue.len())).collect();
                    if limit == 0 || !expected.is_empty() {
                        prop_assert_eq!(count, Poll::Ready(expected.len()));
                    }
                    prop_assert_eq!(buffer, expected);
                }
                Step::TryRecv => match queue.pop_front() {
                    Some(value) => prop_assert_eq!(receiver.try_recv(), Ok(value)),
                    None => prop_assert!(receiver.try_recv().is_err()),
                },
                Step::Close => {
                    receiver.close();
                    closed = true;
                    // Those who wait are refused, or were promised room before.
                    sends.retain_mut(|(value, send)| {
                        match send.as_mut().poll(&mut cx) {
                            Poll::Ready(Ok(())) => queue.push_back(*value),
                            Poll::Ready(Err(error)) => assert_eq!(error.0, *value),
                            Poll::Pending => panic!("a closed channel lets nobody wait"),
                        }
                        false
                    });
                }
                Step::PollSend(_) | Step::DropSend(_) => {}
            }
            prop_assert_eq!(receiver.len(), queue.len());
        }
        drop(sends);
        drop(permits);
        prop_assert_eq!(sender.capacity(), capacity - queue.len());
    }
}
