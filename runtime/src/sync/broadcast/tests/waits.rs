//! Futures that wait over several steps, and are dropped where they are.

use super::*;
use crate::sync::lent::Wait;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Send,
    /// Begins to wait, or polls the wait that was begun: with a new waker if so said.
    Poll(usize, bool),
    /// Drops the wait, wherever it is.
    DropWait(usize),
    Leave(usize),
    Subscribe,
    Close,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let index = 0..4_usize;
    let step = prop_oneof![
        8 => Just(Step::Send),
        12 => (index.clone(), any::<bool>()).prop_map(|(index, new)| Step::Poll(index, new)),
        4 => index.clone().prop_map(Step::DropWait),
        1 => index.prop_map(Step::Leave),
        2 => Just(Step::Subscribe),
        1 => prop_oneof![6 => Just(Step::Send), 1 => Just(Step::Close)],
    ];
    prop::collection::vec(step, 0..100)
}

type Value = (u64, std::sync::Arc<()>);

enum State {
    Free(Receiver<Value>),
    /// The last poll found nothing: a wake is owed.
    Waits(Wait<Receiver<Value>, Result<u64, RecvError>>),
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 3 } else { 400 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_wait_that_goes_on_or_is_dropped_loses_nothing(capacity in 1..6_usize, steps in steps()) {
        let (sender, receiver) = channel(capacity);
        let mut sender = Some(sender);
        let rounded = capacity.next_power_of_two() as u64;
        let alive = std::sync::Arc::new(());
        // The model: how many values were sent, and where each receiver is in them.
        let mut end = 0;
        let mut receivers = vec![(Some(State::Free(receiver)), 0_u64)];
        for step in steps {
            match step {
                Step::Send => {
                    let Some(sender) = &sender else { continue };
                    let sent = sender.send((end, alive.clone())).ok();
                    prop_assert_eq!(sent, (!receivers.is_empty()).then_some(receivers.len()));
                    end += u64::from(sent.is_some());
                }
                Step::Poll(index, new_waker) => {
                    let Some((state, next)) = receivers.get_mut(index) else { continue };
                    let mut wait = match state.take().unwrap() {
                        State::Waits(wait) => wait,
                        State::Free(receiver) => Wait::new(receiver, |mut lent| async move {
                            lent.get().recv().await.map(|value| value.0)
                        }),
                    };
                    let polled = wait.poll(new_waker);
                    let oldest = end.saturating_sub(rounded);
                    let expected = if *next < oldest {
                        let missed = oldest - *next;
                        *next = oldest;
                        Poll::Ready(Err(RecvError::Lagged(missed)))
                    } else if *next < end {
                        *next += 1;
                        Poll::Ready(Ok(*next - 1))
                    } else if sender.is_some() {
                        Poll::Pending
                    } else {
                        Poll::Ready(Err(RecvError::Closed))
                    };
                    *state = Some(match polled {
                        Poll::Ready(_) => State::Free(wait.end()),
                        Poll::Pending => State::Waits(wait),
                    });
                    prop_assert_eq!(polled, expected);
                }
                Step::DropWait(index) => {
                    let Some((state, _)) = receivers.get_mut(index) else { continue };
                    *state = Some(match state.take().unwrap() {
                        State::Waits(wait) => State::Free(wait.end()),
                        free @ State::Free(_) => free,
                    });
                }
                Step::Leave(index) => {
                    if index < receivers.len() {
                        drop(receivers.remove(index));
                    }
                }
                Step::Subscribe => {
                    let Some(sender) = &sender else { continue };
                    receivers.push((Some(State::Free(sender.subscribe())), end));
                }
                Step::Close => sender = None,
            }
            let kept = receivers.iter().map(|(_, next)| (end - next).min(rounded)).max().unwrap_or(0);
            for (state, next) in &receivers {
                match state.as_ref().unwrap() {
                    State::Free(receiver) => prop_assert_eq!(receiver.len() as u64, end - next),
                    State::Waits(wait) => {
                        let due = *next < end || sender.is_none();
                        prop_assert_eq!(wait.wakes(), usize::from(due), "a wake is missing or too many");
                    }
                }
            }
            if let Some(sender) = &sender {
                prop_assert_eq!(sender.len() as u64, kept);
                prop_assert_eq!(sender.receiver_count(), receivers.len());
            }
            prop_assert_eq!(std::sync::Arc::strong_count(&alive) as u64, kept + 1);
        }
    }
}
