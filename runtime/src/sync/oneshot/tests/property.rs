//! The channel against two options.

use super::*;
use crate::sync::oneshot::error::TryRecvError;
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
enum Step {
    Send,
    DropSender,
    PollClosed,
    Close,
    PollRecv,
    TryRecv,
    DropReceiver,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        1 => Just(Step::Send),
        1 => Just(Step::DropSender),
        6 => Just(Step::PollClosed),
        1 => Just(Step::Close),
        4 => Just(Step::PollRecv),
        2 => Just(Step::TryRecv),
        1 => Just(Step::DropReceiver),
    ];
    prop::collection::vec(step, 0..30)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 3 } else { 256 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn it_behaves_as_an_option_between_two_ends(steps in steps()) {
        let drops = std::sync::Arc::new(Count::new(0));
        let (sender, receiver) = channel();
        let (mut sender, mut receiver) = (Some(sender), Some(receiver));
        let (mut value, mut closed, mut received) = (false, false, false);
        let (recv_count, recv_waker) = counter();
        let (closed_count, closed_waker) = counter();
        // How often each was woken when it began to wait.
        let (mut receiving, mut closing) = (None, None);
        for step in steps {
            match step {
                Step::Send => {
                    let Some(sender) = sender.take() else { continue };
                    let sent = sender.send(Tracked(drops.clone())).is_ok();
                    prop_assert_eq!(sent, !closed);
                    value = sent;
                    closing = None;
                }
                Step::DropSender => {
                    sender = None;
                    closing = None;
                }
                Step::PollClosed => {
                    let Some(sender) = &mut sender else { continue };
                    let mut cx = Context::from_waker(&closed_waker);
                    prop_assert_eq!(sender.poll_closed(&mut cx).is_ready(), closed);
                    if !closed {
                        closing.get_or_insert(closed_count.0.load(SeqCst));
                    }
                }
                Step::Close => {
                    let Some(receiver) = &mut receiver else { continue };
                    receiver.close();
                    closed |= !received;
                    // It is awake: it has just closed the channel.
                    receiving = None;
                }
                Step::PollRecv | Step::TryRecv => {
                    let Some(receiver) = &mut receiver else { continue };
                    let is_poll = matches!(step, Step::PollRecv);
                    if is_poll && received {
                        continue;
                    }
                    let ended = received || closed || sender.is_none();
                    let expected = if value {
                        Ok(())
                    } else if ended {
                        Err(TryRecvError::Closed)
                    } else {
                        Err(TryRecvError::Empty)
                    };
                    let result = if is_poll {
                        match poll(receiver, &recv_waker) {
                            Poll::Ready(result) => result.map_err(|_| TryRecvError::Closed),
                            Poll::Pending => Err(TryRecvError::Empty),
                        }
                    } else {
                        receiver.try_recv()
                    };
                    let is_over = expected != Err(TryRecvError::Empty);
                    prop_assert_eq!(result.map(drop), expected);
                    value = false;
                    received |= is_over;
                    closed |= received;
                    prop_assert_eq!(receiver.is_terminated(), received);
                    if received {
                        receiving = None;
                    } else if is_poll {
                        receiving.get_or_insert(recv_count.0.load(SeqCst));
                    }
                }
                Step::DropReceiver => {
                    receiver = None;
                    receiving = None;
                    closed = true;
                    value = false;
                }
            }
            if let Some(before) = receiving {
                let woken = recv_count.0.load(SeqCst) > before;
                prop_assert!(woken || sender.is_some(), "the end did not wake the receiver");
            }
            if let Some(before) = closing {
                let woken = closed_count.0.load(SeqCst) > before;
                prop_assert!(woken || !closed, "the close did not wake the sender");
            }
        }
        let sent = usize::from(value);
        let before = drops.load(SeqCst);
        drop((sender, receiver));
        prop_assert_eq!(drops.load(SeqCst), before + sent);
        prop_assert_eq!(std::sync::Arc::strong_count(&drops), 1);
    }
}
