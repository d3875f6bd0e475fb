//! A property test against a `VecDeque`, and tests of single cases.

use super::super::*;
use super::*;
use crate::sync::permits::test_wakers::{Counter, Touch, hooked};
use proptest::prelude::*;
use runtime_base::coop;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;

fn assert_is_send_sync_unpin<T: Send + Sync + Unpin>() {}

#[test]
fn the_handles_go_everywhere() {
    assert_is_send_sync_unpin::<Sender<u8>>();
    assert_is_send_sync_unpin::<Receiver<u8>>();
    assert_is_send_sync_unpin::<UnboundedSender<u8>>();
    assert_is_send_sync_unpin::<UnboundedReceiver<u8>>();
    assert_is_send_sync_unpin::<WeakSender<u8>>();
    assert_is_send_sync_unpin::<WeakReceiver<u8>>();
    // Values that are only `Send` go through a channel that is shared.
    assert_is_send_sync_unpin::<Receiver<std::cell::Cell<u8>>>();
}

#[derive(Clone, Debug)]
enum Step {
    Send,
    Recv,
    RecvMany(usize),
    Poll(prop::sample::Index),
    Drop(prop::sample::Index),
    TrySend,
    TryRecv,
    Close,
    DropSenders,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => Just(Step::Send),
        12 => Just(Step::Recv),
        4 => (0..4usize).prop_map(Step::RecvMany),
        40 => any::<prop::sample::Index>().prop_map(Step::Poll),
        16 => any::<prop::sample::Index>().prop_map(Step::Drop),
        6 => Just(Step::TrySend),
        6 => Just(Step::TryRecv),
        1 => Just(Step::Close),
        1 => Just(Step::DropSenders),
    ];
    prop::collection::vec(step, 0..150)
}

/// What a future of the test gives: whether its value was sent, or what it received.
#[derive(Debug, PartialEq)]
enum Outcome {
    Sent(bool),
    Received(Vec<u32>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Idle,
    Queued,
    /// Let go by the counter; `true` with a permit.
    Called(bool),
}

#[derive(Clone, Copy, Debug)]
enum Task {
    Send(u32),
    Recv(usize),
}

struct Running {
    future: Pin<Box<dyn Future<Output = Outcome>>>,
    task: Task,
    counter: Arc<Counter>,
    waker: Waker,
    phase: Phase,
}

/// What the channel should be, without any cleverness.
struct Model {
    capacity: usize,
    room: usize,
    /// Values that are promised to nobody.
    items: usize,
    queue: VecDeque<u32>,
    senders: VecDeque<usize>,
    receivers: VecDeque<usize>,
    closed: bool,
    ended: bool,
}

impl Model {
    /// Lets go whoever can: by place in the list of futures, with or without a permit.
    fn settle(&mut self) -> Vec<(usize, bool)> {
        let mut called = Vec::new();
        if self.closed {
            called.extend(self.senders.drain(..).map(|id| (id, false)));
        }
        while self.room > 0 && !self.senders.is_empty() {
            self.room -= 1;
            called.extend(self.senders.pop_front().map(|id| (id, true)));
        }
        while self.items > 0 && !self.receivers.is_empty() {
            self.items -= 1;
            called.extend(self.receivers.pop_front().map(|id| (id, true)));
        }
        self.ended |= self.closed && self.room == self.capacity;
        if self.ended {
            called.extend(self.receivers.drain(..).map(|id| (id, false)));
        }
        called
    }

    fn push(&mut self, value: u32) {
        self.queue.push_back(value);
        self.items += 1;
    }

    /// Takes up to `limit` values; the first is for a permit at hand if `promised`.
    fn take(&mut self, limit: usize, mut promised: bool) -> Vec<u32> {
        let mut values = Vec::new();
        while values.len() < limit {
            if !std::mem::take(&mut promised) && !self.ended {
                if self.items == 0 {
                    break;
                }
                self.items -= 1;
            }
            let Some(value) = self.queue.pop_front() else {
                break;
            };
            values.push(value);
        }
        self.room += values.len();
        values
    }

    /// What polling should give.
    fn poll(&mut self, id: usize, task: Task, phase: Phase) -> Option<Outcome> {
        match (task, phase) {
            (_, Phase::Queued) => None,
            // Room that was promised before the close is given back.
            (Task::Send(_), Phase::Called(true)) if self.closed => {
                self.room += 1;
                Some(Outcome::Sent(false))
            }
            (Task::Send(value), Phase::Called(true)) => {
                self.push(value);
                Some(Outcome::Sent(true))
            }
            (Task::Send(_), Phase::Called(false)) => Some(Outcome::Sent(false)),
            (Task::Send(_), Phase::Idle) if self.closed => Some(Outcome::Sent(false)),
            (Task::Send(value), Phase::Idle) if self.room > 0 => {
                self.room -= 1;
                self.push(value);
                Some(Outcome::Sent(true))
            }
            (Task::Send(_), Phase::Idle) => {
                self.senders.push_back(id);
                None
            }
            (Task::Recv(limit), Phase::Called(promised)) => {
                Some(Outcome::Received(self.take(limit, promised)))
            }
            (Task::Recv(limit), Phase::Idle) if limit == 0 || self.ended || self.items > 0 => {
                Some(Outcome::Received(self.take(limit, false)))
            }
            (Task::Recv(_), Phase::Idle) => {
                self.receivers.push_back(id);
                None
            }
        }
    }

    /// The future is dropped before it was ready.
    fn leave(&mut self, id: usize, task: Task, phase: Phase) {
        self.senders.retain(|other| *other != id);
        self.receivers.retain(|other| *other != id);
        if phase == Phase::Called(true) {
            match task {
                Task::Send(_) => self.room += 1,
                Task::Recv(_) => self.items += 1,
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 3 } else { 256 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn it_behaves_as_a_queue_with_two_lines_before_it(
        capacity in 1..4usize,
        steps in steps(),
    ) {
        let (sender, receiver) = channel(capacity);
        let mut sender = Some(sender);
        let mut model = Model {
            capacity,
            room: capacity,
            items: 0,
            queue: VecDeque::new(),
            senders: VecDeque::new(),
            receivers: VecDeque::new(),
            closed: false,
            ended: false,
        };
        let mut futures: Vec<Option<Running>> = Vec::new();
        let mut next = 0;
        for step in steps {
            next += 1;
            let mut start = |future: Pin<Box<dyn Future<Output = Outcome>>>, task| {
                let (counter, waker) = Counter::new();
                futures.push(Some(Running { future, task, counter, waker, phase: Phase::Idle }));
            };
            match step {
                Step::Send => {
                    let Some(sender) = sender.clone() else { continue };
                    start(
                        Box::pin(async move { Outcome::Sent(sender.send(next).await.is_ok()) }),
                        Task::Send(next),
                    );
                }
                Step::Recv => {
                    let receiver = receiver.clone();
                    start(
                        Box::pin(async move {
                            Outcome::Received(receiver.recv().await.into_iter().collect())
                        }),
                        Task::Recv(1),
                    );
                }
                Step::RecvMany(limit) => {
                    let receiver = receiver.clone();
                    start(
                        Box::pin(async move {
                            let mut values = Vec::new();
                            let count = receiver.recv_many(&mut values, limit).await;
                            assert_eq!(count, values.len());
                            Outcome::Received(values)
                        }),
                        Task::Recv(limit),
                    );
                }
                Step::Poll(_) | Step::Drop(_) if futures.is_empty() => {}
                Step::Poll(index) => {
                    let id = index.index(futures.len());
                    let Some(running) = &mut futures[id] else { continue };
                    let mut cx = Context::from_waker(&running.waker);
                    let outcome = running.future.as_mut().poll(&mut cx);
                    let expected = model.poll(id, running.task, running.phase);
                    running.phase = Phase::Queued;
                    if expected.is_some() {
                        futures[id] = None;
                    }
                    let outcome = match outcome {
                        Poll::Ready(outcome) => Some(outcome),
                        Poll::Pending => None,
                    };
                    prop_assert_eq!(outcome, expected);
                }
                Step::Drop(index) => {
                    let id = index.index(futures.len());
                    let Some(running) = futures[id].take() else { continue };
                    model.leave(id, running.task, running.phase);
                }
                Step::TrySend => {
                    let Some(sender) = &sender else { continue };
                    let expected = if model.closed {
                        Err(TrySendError::Closed(next))
                    } else if model.room == 0 {
                        Err(TrySendError::Full(next))
                    } else {
                        model.room -= 1;
                        model.push(next);
                        Ok(())
                    };
                    prop_assert_eq!(sender.try_send(next), expected);
                }
                Step::TryRecv => {
                    let expected = if let [value] = model.take(1, false)[..] {
                        Ok(value)
                    } else if model.ended {
                        Err(TryRecvError::Disconnected)
                    } else {
                        Err(TryRecvError::Empty)
                    };
                    prop_assert_eq!(receiver.try_recv(), expected);
                }
                Step::Close => {
                    receiver.close();
                    model.closed = true;
                }
                Step::DropSenders => {
                    sender = None;
                    for (id, place) in futures.iter_mut().enumerate() {
                        if let Some(Running { task: Task::Send(_), .. }) = place {
                            let running = place.take().unwrap();
                            model.leave(id, running.task, running.phase);
                            drop(running);
                        }
                    }
                    model.ended = true;
                }
            }
            for (id, with_permit) in model.settle() {
                futures[id].as_mut().unwrap().phase = Phase::Called(with_permit);
            }
            prop_assert_eq!(receiver.len(), model.queue.len());
            prop_assert_eq!(receiver.capacity(), model.room);
            for running in futures.iter().flatten() {
                let called = matches!(running.phase, Phase::Called(_));
                prop_assert_eq!(running.counter.count() > 0, called, "{:?}", running.task);
            }
        }
    }
}

#[test]
fn threads_on_both_sides_get_everything_once_and_in_order() {
    const EACH: u32 = if cfg!(miri) { 50 } else { 5_000 };
    let (sender, receiver) = channel(4);
    let senders: Vec<_> = (0..3u32)
        .map(|id| {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for number in 0..EACH {
                    sender.blocking_send((id, number)).unwrap();
                }
            })
        })
        .collect();
    drop(sender);
    let receivers: Vec<_> = (0..3)
        .map(|_| {
            let receiver = receiver.clone();
            std::thread::spawn(move || {
                let mut last = [None; 3];
                let mut count = 0;
                while let Some((id, number)) = receiver.blocking_recv() {
                    let last = &mut last[id as usize];
                    assert!(*last < Some(number), "the values of a sender change places");
                    *last = Some(number);
                    count += 1;
                }
                count
            })
        })
        .collect();
    for sender in senders {
        sender.join().unwrap();
    }
    let count: u32 = receivers.into_iter().map(|r| r.join().unwrap()).sum();
    assert_eq!(count, 3 * EACH);
    assert_eq!(receiver.capacity(), 4);
}

#[test]
#[should_panic(expected = "a capacity of 1 is the smallest")]
fn a_channel_without_room_is_refused() {
    let _ = channel::<u8>(0);
}

#[test]
#[should_panic(expected = "MAX_PERMITS")]
fn a_channel_with_more_room_than_permits_is_refused() {
    let _ = channel::<u8>(usize::MAX);
}

#[test]
fn a_closed_channel_gives_values_back_and_says_so() {
    let (sender, receiver) = channel(1);
    let other = receiver.clone();
    drop(receiver);
    assert!(!sender.is_closed());
    other.close();
    assert!(sender.is_closed() && other.is_closed());
    block_on(sender.closed());
    assert_eq!(sender.try_send(1), Err(TrySendError::Closed(1)));
    assert_eq!(block_on(sender.send(2)), Err(SendError(2)));
    assert_eq!(sender.blocking_send(3), Err(SendError(3)));
    assert!(block_on(sender.reserve()).is_err());
    assert_eq!(other.try_recv(), Err(TryRecvError::Disconnected));
}

#[test]
fn counts_tell_the_handles_of_each_side() {
    let (sender, receiver) = unbounded_channel::<u8>();
    let (weak_sender, weak_receiver) = (sender.downgrade(), receiver.downgrade());
    let other = weak_receiver.upgrade().unwrap();
    assert_eq!((other.strong_count(), other.weak_count()), (2, 1));
    assert_eq!((sender.strong_count(), sender.weak_count()), (1, 1));
    assert_eq!(sender.receiver_count(), 2);
    assert!(other.same_channel(&receiver));
    drop((receiver, other));
    assert!(weak_receiver.upgrade().is_none());
    assert_eq!(weak_receiver.clone().weak_count(), 2);
    assert!(sender.is_closed());
    drop(sender);
    assert!(weak_sender.upgrade().is_none());
}

#[test]
fn blocking_is_refused_where_tasks_are_driven() {
    let (sender, receiver) = channel(1);
    let _driving = runtime_base::driving::enter();
    assert!(catch_unwind(|| sender.blocking_send(1)).is_err());
    assert!(catch_unwind(|| receiver.blocking_recv()).is_err());
    assert_eq!(receiver.len(), 0);
}

#[test]
fn the_budget_is_spent_on_values_and_kept_while_waiting() {
    let (sender, receiver) = unbounded_channel();
    let mut cx = Context::from_waker(Waker::noop());
    coop::with_budget(|| {
        let mut waiting = pin!(receiver.recv());
        for _ in 0..1_000 {
            assert!(waiting.as_mut().poll(&mut cx).is_pending());
        }
        for _ in 0..1_000 {
            sender.send(1).unwrap();
        }
        for _ in 0..coop::INITIAL {
            assert!(pin!(receiver.recv()).poll(&mut cx).is_ready());
        }
        assert!(pin!(receiver.recv()).poll(&mut cx).is_pending());
    });
}

#[test]
fn a_waker_that_uses_the_channel_deadlocks_nowhere() {
    let (sender, receiver) = channel::<u8>(1);
    let touches = Arc::new(Mutex::new(Vec::new()));
    let waker = || {
        let (sender, receiver, touches) = (sender.clone(), receiver.clone(), touches.clone());
        hooked(move |touch| {
            let _ = sender.try_send(1);
            let _ = receiver.try_recv();
            receiver.close();
            let mut cx = Context::from_waker(Waker::noop());
            let _ = pin!(sender.send(1)).poll(&mut cx);
            let _ = pin!(receiver.recv()).poll(&mut cx);
            touches.lock().unwrap().push(touch);
        })
    };
    {
        let (receiving, sending) = (waker(), waker());
        for waker in [&receiving, &sending] {
            let mut cx = Context::from_waker(waker);
            let _ = pin!(receiver.recv()).poll(&mut cx);
            let _ = pin!(sender.send(1)).poll(&mut cx);
        }
        receiver.close();
    }
    let touches = touches.lock().unwrap();
    for touch in [Touch::Clone, Touch::Drop] {
        assert!(touches.contains(&touch), "no {touch:?}");
    }
}

#[test]
fn a_waker_that_is_woken_may_use_the_channel() {
    let (sender, receiver) = channel::<u8>(1);
    let taken = Arc::new(Mutex::new(Vec::new()));
    let waker = {
        let (sender, receiver, taken) = (sender.clone(), receiver.clone(), taken.clone());
        hooked(move |touch| {
            if touch == Touch::Wake {
                // The value is promised to the one who is woken.
                taken.lock().unwrap().push(receiver.try_recv());
                assert!(sender.try_send(2).is_err());
            }
        })
    };
    let mut recv = pin!(receiver.recv());
    let mut cx = Context::from_waker(&waker);
    assert!(recv.as_mut().poll(&mut cx).is_pending());
    sender.try_send(1).unwrap();
    assert_eq!(*taken.lock().unwrap(), [Err(TryRecvError::Empty)]);
    assert_eq!(recv.as_mut().poll(&mut cx), Poll::Ready(Some(1)));
}

#[test]
fn a_waker_that_panics_costs_no_value_and_no_room() {
    let angry = hooked(|touch| assert!(touch != Touch::Wake, "the waker panics on purpose"));
    let mut cx = Context::from_waker(&angry);

    let (sender, receiver) = channel(2);
    let mut recv = Box::pin(receiver.recv());
    assert!(recv.as_mut().poll(&mut cx).is_pending());
    let permit = sender.try_reserve().unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| permit.send(1))).is_err());
    assert_eq!((receiver.len(), receiver.capacity()), (1, 1));
    drop(recv);
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!(receiver.capacity(), 2);

    // Closing wakes everybody, the angry one first.
    let (sender, receiver) = channel(1);
    sender.try_send(1).unwrap();
    let mut send = Box::pin(sender.send(2));
    assert!(send.as_mut().poll(&mut cx).is_pending());
    let (counter, waker) = Counter::new();
    let mut closed = Box::pin(sender.closed());
    assert!(
        closed
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    assert!(catch_unwind(AssertUnwindSafe(|| receiver.close())).is_err());
    assert_eq!(counter.count(), 1);
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
}

#[test]
fn a_permit_that_is_left_when_the_receivers_are_gone_harms_nobody() {
    let (sender, receiver) = channel(2);
    let value = Arc::new(());
    let permit = sender.try_reserve().unwrap();
    drop(receiver);
    permit.send(value.clone());
    drop(sender);
    assert_eq!(Arc::strong_count(&value), 1);
}
