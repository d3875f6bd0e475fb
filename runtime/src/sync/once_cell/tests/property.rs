//! The cell against an option, one who computes, and a queue behind it.

use super::*;
use crate::sync::permits::test_wakers::Counter;
use crate::task::yield_now;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

#[derive(Clone, Debug)]
enum Step {
    /// Computes this in so many polls more.
    GetOrInit(Result<u32, u32>, u8),
    Poll(prop::sample::Index),
    Drop(prop::sample::Index),
    Set(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let outcome = prop_oneof![1 => any::<u32>().prop_map(Ok), 3 => any::<u32>().prop_map(Err)];
    let step = prop_oneof![
        8 => (outcome, 0..3u8).prop_map(|(outcome, polls)| Step::GetOrInit(outcome, polls)),
        24 => any::<prop::sample::Index>().prop_map(Step::Poll),
        8 => any::<prop::sample::Index>().prop_map(Step::Drop),
        1 => any::<u32>().prop_map(Step::Set),
    ];
    prop::collection::vec(step, 0..100)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Idle,
    Queued,
    /// It is its turn to compute, or there is a value.
    Called,
    Computing,
}

struct Computing<'a> {
    future: Pin<Box<dyn Future<Output = Result<u32, u32>> + 'a>>,
    outcome: Result<u32, u32>,
    polls: u8,
    phase: Phase,
    counter: std::sync::Arc<Counter>,
    waker: Waker,
}

#[derive(Default)]
struct Model {
    value: Option<u32>,
    busy: Option<usize>,
    queue: VecDeque<usize>,
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 3 } else { 256 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn it_behaves_as_an_option_with_a_queue(steps in steps()) {
        let cell = OnceCell::new();
        let mut model = Model::default();
        let mut futures: Vec<Option<Computing<'_>>> = Vec::new();
        for step in steps {
            match step {
                Step::GetOrInit(outcome, polls) => {
                    let (counter, waker) = Counter::new();
                    let cell = &cell;
                    let future = Box::pin(async move {
                        let compute = async || {
                            for _ in 0..polls {
                                yield_now().await;
                            }
                            outcome
                        };
                        cell.get_or_try_init(compute).await.copied()
                    });
                    let phase = Phase::Idle;
                    futures.push(Some(Computing { future, outcome, polls, phase, counter, waker }));
                }
                Step::Poll(_) | Step::Drop(_) if futures.is_empty() => {}
                Step::Poll(index) => {
                    let id = index.index(futures.len());
                    let Some(computing) = &mut futures[id] else { continue };
                    let expected = match model.value {
                        Some(value) => Some(Ok(value)),
                        None if computing.phase == Phase::Queued => None,
                        None if model.busy.is_some_and(|busy| busy != id) => {
                            computing.phase = Phase::Queued;
                            model.queue.push_back(id);
                            None
                        }
                        None => {
                            model.busy = Some(id);
                            computing.phase = Phase::Computing;
                            if computing.polls > 0 {
                                computing.polls -= 1;
                                None
                            } else {
                                model.busy = None;
                                model.value = computing.outcome.ok();
                                Some(computing.outcome)
                            }
                        }
                    };
                    let mut cx = Context::from_waker(&computing.waker);
                    let result = match computing.future.as_mut().poll(&mut cx) {
                        Poll::Ready(result) => Some(result),
                        Poll::Pending => None,
                    };
                    prop_assert_eq!(result, expected);
                    if expected.is_some() {
                        futures[id] = None;
                    }
                }
                Step::Drop(index) => {
                    let id = index.index(futures.len());
                    futures[id] = None;
                    model.queue.retain(|other| *other != id);
                    if model.busy == Some(id) {
                        model.busy = None;
                    }
                }
                Step::Set(new) => match (cell.set(new), model.value, model.busy) {
                    (Ok(()), None, None) => model.value = Some(new),
                    (Err(error), Some(_), _) => prop_assert!(error.is_already_init_err()),
                    (Err(error), None, Some(_)) => prop_assert!(error.is_initializing_err()),
                    (result, ..) => prop_assert!(false, "set gave {result:?}"),
                },
            }
            if model.value.is_some() {
                for id in model.queue.drain(..) {
                    futures[id].as_mut().unwrap().phase = Phase::Called;
                }
            } else if model.busy.is_none()
                && let Some(id) = model.queue.pop_front()
            {
                model.busy = Some(id);
                futures[id].as_mut().unwrap().phase = Phase::Called;
            }
            prop_assert_eq!(cell.get().copied(), model.value);
            for computing in futures.iter().flatten() {
                match computing.phase {
                    Phase::Idle | Phase::Queued => prop_assert_eq!(computing.counter.count(), 0),
                    Phase::Called => prop_assert!(computing.counter.count() > 0),
                    // It wakes itself.
                    Phase::Computing => {}
                }
            }
        }
    }
}
