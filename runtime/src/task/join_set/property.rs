//! The set against a list of tasks and a queue of outputs.

use super::*;
use crate::sync::oneshot;
use crate::sync::permits::test_wakers::Counter;
use crate::task::yield_now;
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};
use std::pin::pin;

#[derive(Clone, Debug)]
enum Step {
    Spawn,
    /// The task ends, with a panic if so said.
    Finish(prop::sample::Index, bool),
    Abort(prop::sample::Index),
    /// Waits for the next for one poll.
    JoinNext,
    TryJoinNext,
    DetachAll,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => Just(Step::Spawn),
        8 => (any::<prop::sample::Index>(), prop::bool::weighted(0.2))
            .prop_map(|(index, panics)| Step::Finish(index, panics)),
        3 => any::<prop::sample::Index>().prop_map(Step::Abort),
        8 => Just(Step::JoinNext),
        4 => Just(Step::TryJoinNext),
        1 => Just(Step::DetachAll),
    ];
    prop::collection::vec(step, 0..60)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Output(usize),
    Panicked,
    Cancelled,
}

fn end(result: Result<usize, JoinError>) -> End {
    match result {
        Ok(id) => End::Output(id),
        Err(error) if error.is_panic() => End::Panicked,
        Err(_) => End::Cancelled,
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 3 } else { 256 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn it_behaves_as_a_queue_of_what_has_ended(steps in steps()) {
        let runtime = crate::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut set = JoinSet::new();
            let mut running = BTreeMap::new();
            let mut ended = VecDeque::new();
            let mut next = 0;
            for step in steps {
                // Somebody waits, is woken by what ends, and is gone before it looks.
                let (counter, waker) = Counter::new();
                let mut waits = false;
                if ended.is_empty() && !running.is_empty() {
                    let mut cx = Context::from_waker(&waker);
                    prop_assert!(pin!(set.join_next()).poll(&mut cx).is_pending());
                    waits = true;
                }
                let before = ended.len();
                match step {
                    Step::Spawn => {
                        let (sender, receiver) = oneshot::channel();
                        let id = next;
                        next += 1;
                        let abort = set.spawn(async move {
                            if receiver.await == Ok(true) {
                                std::panic::resume_unwind(Box::new(()));
                            }
                            id
                        });
                        running.insert(id, (sender, abort));
                    }
                    Step::Finish(..) | Step::Abort(_) if running.is_empty() => {}
                    Step::Finish(index, panics) => {
                        let id = *running.keys().nth(index.index(running.len())).unwrap();
                        let (sender, _) = running.remove(&id).unwrap();
                        let _ = sender.send(panics);
                        ended.push_back(if panics { End::Panicked } else { End::Output(id) });
                    }
                    Step::Abort(index) => {
                        let id = *running.keys().nth(index.index(running.len())).unwrap();
                        let (sender, abort) = running.remove(&id).unwrap();
                        abort.abort();
                        ended.push_back(End::Cancelled);
                        yield_now().await;
                        drop(sender);
                    }
                    Step::JoinNext => {
                        let mut cx = Context::from_waker(Waker::noop());
                        match pin!(set.join_next()).poll(&mut cx) {
                            Poll::Ready(Some(result)) => {
                                prop_assert_eq!(Some(end(result)), ended.pop_front());
                            }
                            Poll::Ready(None) => {
                                prop_assert!(running.is_empty() && ended.is_empty());
                            }
                            Poll::Pending => {
                                prop_assert!(!running.is_empty() && ended.is_empty());
                            }
                        }
                    }
                    Step::TryJoinNext => {
                        prop_assert_eq!(set.try_join_next().map(end), ended.pop_front());
                    }
                    Step::DetachAll => {
                        set.detach_all();
                        running.clear();
                        ended.clear();
                    }
                }
                yield_now().await;
                yield_now().await;
                prop_assert_eq!(set.len(), running.len() + ended.len());
                if waits && ended.len() > before {
                    prop_assert!(counter.count() > 0, "the end of a task woke nobody");
                }
            }
            Ok(())
        })?;
    }
}
