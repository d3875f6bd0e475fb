//! A model of setting while others wait, and what a cell promises.

use super::*;
use runtime_base::driving::block_on;
use runtime_base::sync::{Arc, model, thread};

#[test]
fn who_waits_gets_the_value_that_is_set_meanwhile() {
    model(|| {
        let cell = Arc::new(SetOnce::new());
        let other = {
            let cell = cell.clone();
            thread::spawn(move || cell.set(Box::new(7)).unwrap())
        };
        assert_eq!(**block_on(cell.wait()), 7);
        other.join().unwrap();
    });
}

#[test]
fn whose_value_comes_back_finds_the_other_one() {
    model(|| {
        let cell = Arc::new(SetOnce::new());
        let set = |cell: &SetOnce<_>, value| match cell.set(value) {
            Ok(()) => value,
            Err(_) => *cell.get().expect("somebody else has set a value"),
        };
        let other = {
            let cell = cell.clone();
            thread::spawn(move || set(&cell, 1))
        };
        assert_eq!(set(&cell, 2), other.join().unwrap());
    });
}

#[cfg(not(rt_loom))]
#[test]
fn a_second_value_comes_back() {
    let cell = SetOnce::new();
    assert!(!cell.initialized());
    cell.set(1).unwrap();
    assert_eq!(cell.set(2), Err(SetOnceError(2)));
    assert_eq!(cell.get(), Some(&1));
    assert_eq!(cell, SetOnce::from(1));
    assert_eq!(cell.clone().into_inner(), Some(1));
}

#[cfg(not(rt_loom))]
mod property {
    use super::*;
    use crate::sync::permits::test_wakers::Counter;
    use proptest::prelude::*;
    use std::future::Future;
    use std::task::{Context, Poll};

    #[derive(Clone, Debug)]
    enum Step {
        Wait,
        Poll(prop::sample::Index),
        Drop(prop::sample::Index),
        Set(u32),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            8 => Just(Step::Wait),
            16 => any::<prop::sample::Index>().prop_map(Step::Poll),
            8 => any::<prop::sample::Index>().prop_map(Step::Drop),
            1 => any::<u32>().prop_map(Step::Set),
        ];
        prop::collection::vec(step, 0..80)
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: if cfg!(miri) { 3 } else { 256 },
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn it_behaves_as_an_option_that_is_filled_once(steps in steps()) {
            let cell = SetOnce::new();
            let mut value = None;
            let mut futures = Vec::new();
            for step in steps {
                match step {
                    Step::Wait => {
                        futures.push(Some((Box::pin(cell.wait()), Counter::new(), false)));
                    }
                    Step::Poll(_) | Step::Drop(_) if futures.is_empty() => {}
                    Step::Poll(index) => {
                        let id = index.index(futures.len());
                        let Some((future, (_, waker), waits)) = &mut futures[id] else { continue };
                        match future.as_mut().poll(&mut Context::from_waker(waker)) {
                            Poll::Ready(seen) => {
                                prop_assert_eq!(Some(*seen), value);
                                futures[id] = None;
                            }
                            Poll::Pending => {
                                prop_assert_eq!(value, None);
                                *waits = true;
                            }
                        }
                    }
                    Step::Drop(index) => {
                        let id = index.index(futures.len());
                        futures[id] = None;
                    }
                    Step::Set(new) => {
                        let expected = if value.is_none() { Ok(()) } else { Err(SetOnceError(new)) };
                        prop_assert_eq!(cell.set(new), expected);
                        value.get_or_insert(new);
                    }
                }
                prop_assert_eq!(cell.get().copied(), value);
                for (_, (counter, _), waits) in futures.iter().flatten() {
                    prop_assert_eq!(counter.count() > 0, *waits && value.is_some());
                }
            }
        }
    }
}
