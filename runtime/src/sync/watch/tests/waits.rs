//! Futures that wait over several steps, and are dropped where they are.

use super::*;
use crate::sync::lent::Wait;

#[derive(Debug, Clone)]
enum Step {
    Send,
    SendIf(bool),
    /// Begins to wait for a change, or polls the wait that was begun: with a new waker if so said.
    Changed(usize, bool),
    /// Likewise, for a value with this remainder, divided by 3.
    WaitFor(usize, bool, u32),
    /// Drops the wait, wherever it is.
    DropWait(usize),
    Leave(usize),
    Subscribe,
    Close,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let index = 0..4_usize;
    let step = prop_oneof![
        6 => Just(Step::Send),
        2 => any::<bool>().prop_map(Step::SendIf),
        6 => (index.clone(), any::<bool>()).prop_map(|(index, new)| Step::Changed(index, new)),
        6 => (index.clone(), any::<bool>(), 0..3_u32)
            .prop_map(|(index, new, wanted)| Step::WaitFor(index, new, wanted)),
        4 => index.clone().prop_map(Step::DropWait),
        1 => index.prop_map(Step::Leave),
        2 => Just(Step::Subscribe),
        1 => prop_oneof![6 => Just(Step::Send), 1 => Just(Step::Close)],
    ];
    prop::collection::vec(step, 0..100)
}

enum State {
    Free(Receiver<u32>),
    /// The last poll found nothing: a wake is owed. With the remainder that is waited for, if any.
    Waits(Wait<Receiver<u32>, Option<u32>>, Option<u32>),
}

/// Begins to wait; the output is the value, or nothing after the end.
fn begin(receiver: Receiver<u32>, wanted: Option<u32>) -> Wait<Receiver<u32>, Option<u32>> {
    Wait::new(receiver, move |mut lent| async move {
        match wanted {
            Some(wanted) => {
                let found = lent.get().wait_for(|value| value % 3 == wanted).await;
                found.ok().map(|value| *value)
            }
            None => {
                let changed = lent.get().changed().await;
                changed.ok().map(|()| *lent.get().borrow())
            }
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 3 } else { 400 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_wait_that_goes_on_or_is_dropped_misses_no_change(steps in steps()) {
        let (sender, receiver) = channel(0_u32);
        let mut sender = Some(sender);
        let mut value = 0;
        // The model: per receiver, whether it has seen the value.
        let mut receivers = vec![(Some(State::Free(receiver)), true)];
        for step in steps {
            match step {
                Step::Send | Step::SendIf(_) => {
                    let Some(sender) = &sender else { continue };
                    let changed = if let Step::SendIf(modified) = step {
                        sender.send_if_modified(|value| {
                            *value += u32::from(modified);
                            modified
                        })
                    } else {
                        sender.send(value + 1).is_ok()
                    };
                    if changed {
                        value += 1;
                        receivers.iter_mut().for_each(|(_, seen)| *seen = false);
                    }
                }
                Step::Changed(index, new_waker) | Step::WaitFor(index, new_waker, _) => {
                    let Some((state, seen)) = receivers.get_mut(index) else { continue };
                    let (mut wait, wanted) = match state.take().unwrap() {
                        State::Waits(wait, wanted) => (wait, wanted),
                        State::Free(receiver) => {
                            let wanted = match step {
                                Step::WaitFor(_, _, wanted) => Some(wanted),
                                _ => None,
                            };
                            (begin(receiver, wanted), wanted)
                        }
                    };
                    let polled = wait.poll(new_waker);
                    let found = match wanted {
                        Some(wanted) => value % 3 == wanted,
                        None => !*seen,
                    };
                    let expected = match (found, &sender) {
                        (true, _) => Poll::Ready(Some(value)),
                        (false, Some(_)) => Poll::Pending,
                        (false, None) => Poll::Ready(None),
                    };
                    *seen = true;
                    *state = Some(match polled {
                        Poll::Ready(_) => State::Free(wait.end()),
                        Poll::Pending => State::Waits(wait, wanted),
                    });
                    prop_assert_eq!(polled, expected);
                }
                Step::DropWait(index) => {
                    let Some((state, _)) = receivers.get_mut(index) else { continue };
                    *state = Some(match state.take().unwrap() {
                        State::Waits(wait, _) => State::Free(wait.end()),
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
                    receivers.push((Some(State::Free(sender.subscribe())), true));
                }
                Step::Close => sender = None,
            }
            for (state, seen) in &receivers {
                match state.as_ref().unwrap() {
                    State::Free(receiver) => {
                        let expected = sender.is_some().then_some(!seen);
                        prop_assert_eq!(receiver.has_changed().ok(), expected);
                    }
                    State::Waits(wait, _) => {
                        let due = !seen || sender.is_none();
                        prop_assert_eq!(wait.wakes(), usize::from(due), "a wake is missing or too many");
                    }
                }
            }
            if let Some(sender) = &sender {
                prop_assert_eq!(sender.receiver_count(), receivers.len());
            }
        }
    }
}
