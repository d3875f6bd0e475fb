//! A model of the meeting, and what a barrier promises.

use super::*;
use runtime_base::driving::block_on;
use runtime_base::sync::{Arc, model, thread};

#[test]
fn all_go_on_together_and_one_leads() {
    model(|| {
        let barrier = Arc::new(Barrier::new(2));
        let other = {
            let barrier = barrier.clone();
            thread::spawn(move || block_on(barrier.wait()).is_leader())
        };
        let leads = block_on(barrier.wait()).is_leader();
        assert!(leads != other.join().unwrap());
    });
}

#[cfg(not(rt_loom))]
mod alone {
    use super::*;
    use std::future::Future;
    use std::task::{Context, Waker};

    #[test]
    fn rounds_do_not_mix() {
        let barrier = Barrier::new(3);
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..3 {
            let mut waiting: Vec<_> = (0..2).map(|_| Box::pin(barrier.wait())).collect();
            for wait in &mut waiting {
                assert!(wait.as_mut().poll(&mut cx).is_pending());
            }
            assert!(block_on(barrier.wait()).is_leader());
            // One of the next round has come before those of this one have gone on.
            let mut early = Box::pin(barrier.wait());
            assert!(early.as_mut().poll(&mut cx).is_pending());
            for wait in &mut waiting {
                let Poll::Ready(result) = wait.as_mut().poll(&mut cx) else {
                    panic!("the round is complete")
                };
                assert!(!result.is_leader());
            }
            assert!(early.as_mut().poll(&mut cx).is_pending());
            // A dropped one has arrived nevertheless.
            drop(early);
            let mut second = Box::pin(barrier.wait());
            assert!(second.as_mut().poll(&mut cx).is_pending());
            assert!(block_on(barrier.wait()).is_leader());
            assert!(second.as_mut().poll(&mut cx).is_ready());
        }
    }

    #[test]
    fn nobody_waits_at_a_barrier_for_none() {
        assert!(block_on(Barrier::new(0).wait()).is_leader());
    }

    use crate::sync::permits::test_wakers::Counter;
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[derive(Clone, Debug)]
    enum Step {
        Wait,
        Poll(prop::sample::Index),
        Drop(prop::sample::Index),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            2 => Just(Step::Wait),
            4 => any::<prop::sample::Index>().prop_map(Step::Poll),
            1 => any::<prop::sample::Index>().prop_map(Step::Drop),
        ];
        prop::collection::vec(step, 0..100)
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: if cfg!(miri) { 3 } else { 256 },
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        /// Who was polled has arrived, dropped or not; every `size` arrivals end a round.
        #[test]
        fn it_behaves_as_a_count_of_arrivals(size in 0..4usize, steps in steps()) {
            let barrier = Barrier::new(size);
            let mut futures = Vec::new();
            let mut arrived = 0;
            let (mut waiting, mut passed) = (HashSet::new(), HashSet::new());
            for step in steps {
                match step {
                    Step::Wait => {
                        futures.push(Some((Box::pin(barrier.wait()), Counter::new())));
                    }
                    Step::Poll(_) | Step::Drop(_) if futures.is_empty() => {}
                    Step::Poll(index) => {
                        let id = index.index(futures.len());
                        let Some((future, (_, waker))) = &mut futures[id] else { continue };
                        let expected = if passed.contains(&id) {
                            Some(false)
                        } else if waiting.contains(&id) {
                            None
                        } else if arrived + 1 < size {
                            arrived += 1;
                            waiting.insert(id);
                            None
                        } else {
                            arrived = 0;
                            passed.extend(waiting.drain());
                            Some(true)
                        };
                        let result = future.as_mut().poll(&mut Context::from_waker(waker));
                        let result = match result {
                            Poll::Ready(result) => Some(result.is_leader()),
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
                    }
                }
                for (id, future) in futures.iter().enumerate() {
                    let Some((_, (counter, _))) = future else { continue };
                    prop_assert_eq!(counter.count() > 0, passed.contains(&id));
                }
            }
        }
    }
}
