//! The unbounded channel against a `VecDeque`.

use super::*;
use proptest::prelude::*;
use std::collections::VecDeque;

#[derive(Clone, Copy, Debug)]
enum Step {
    Send,
    /// Polled once, and dropped.
    Recv,
    RecvMany(usize),
    TryRecv,
    Clone,
    DropSender,
    Close,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        30 => Just(Step::Send),
        20 => Just(Step::Recv),
        10 => (0..5_usize).prop_map(Step::RecvMany),
        10 => Just(Step::TryRecv),
        4 => Just(Step::Clone),
        4 => Just(Step::DropSender),
        1 => Just(Step::Close),
    ];
    prop::collection::vec(step, 0..200)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 3 } else { 256 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn an_unbounded_channel_behaves_like_a_queue(steps in steps()) {
        let (sender, mut receiver) = unbounded_channel();
        let mut senders = vec![sender];
        let mut queue = VecDeque::new();
        let mut closed = false;
        // The waker of a receive that was dropped is still woken.
        let mut waiting: Option<Arc<Counter>> = None;
        for (value, step) in steps.into_iter().enumerate() {
            let ended = closed || senders.is_empty();
            match step {
                Step::Send => {
                    let Some(sender) = senders.last() else { continue };
                    let expected = if closed { Err(SendError(value)) } else { Ok(()) };
                    prop_assert_eq!(sender.send(value), expected);
                    if !closed {
                        queue.push_back(value);
                    }
                }
                Step::Recv => {
                    let (counter, waker) = counter();
                    let result = poll(pin!(receiver.recv()), &waker);
                    let expected = match queue.pop_front() {
                        Some(value) => Poll::Ready(Some(value)),
                        None if ended => Poll::Ready(None),
                        None => Poll::Pending,
                    };
                    waiting = expected.is_pending().then_some(counter);
                    prop_assert_eq!(result, expected);
                }
                Step::RecvMany(limit) => {
                    let (counter, waker) = counter();
                    let mut buffer = Vec::new();
                    let result = poll(pin!(receiver.recv_many(&mut buffer, limit)), &waker);
                    let expected: Vec<_> = queue.drain(..limit.min(queue.len())).collect();
                    if limit > 0 && expected.is_empty() && !ended {
                        prop_assert!(result.is_pending());
                        waiting = Some(counter);
                    } else {
                        prop_assert_eq!(result, Poll::Ready(expected.len()));
                        if limit > 0 {
                            waiting = None;
                        }
                    }
                    prop_assert_eq!(buffer, expected);
                }
                Step::TryRecv => {
                    let expected = match queue.pop_front() {
                        Some(value) => Ok(value),
                        None if ended => Err(TryRecvError::Disconnected),
                        None => Err(TryRecvError::Empty),
                    };
                    prop_assert_eq!(receiver.try_recv(), expected);
                }
                Step::Clone => senders.extend(senders.last().cloned()),
                Step::DropSender => drop(senders.pop()),
                Step::Close => {
                    receiver.close();
                    closed = true;
                    // It is awake: it has just closed the channel.
                    waiting = None;
                }
            }
            prop_assert_eq!(receiver.len(), queue.len());
            prop_assert_eq!(receiver.is_closed(), closed || senders.is_empty());
            prop_assert_eq!(receiver.sender_strong_count(), senders.len());
            if let Some(counter) = &waiting
                && (!queue.is_empty() || senders.is_empty())
            {
                prop_assert!(counter.0.load(SeqCst) > 0, "a wake was lost");
            }
        }
    }
}
