//! The mutex against a flag with a queue.

use super::*;
use crate::sync::permits::test_wakers::Counter;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

#[derive(Clone, Debug)]
enum Step {
    Lock,
    Poll(prop::sample::Index),
    Drop(prop::sample::Index),
    TryLock,
    Unlock,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Lock),
        8 => any::<prop::sample::Index>().prop_map(Step::Poll),
        4 => any::<prop::sample::Index>().prop_map(Step::Drop),
        1 => Just(Step::TryLock),
        4 => Just(Step::Unlock),
    ];
    prop::collection::vec(step, 0..120)
}

struct Locking {
    future: Pin<Box<dyn Future<Output = OwnedMutexGuard<u32>>>>,
    counter: Arc<Counter>,
    waker: Waker,
}

/// What the mutex should do.
#[derive(Default)]
struct Model {
    held: bool,
    /// Whose turn it is, though it has not looked yet.
    granted: Option<usize>,
    queue: VecDeque<usize>,
}

impl Model {
    fn is_free(&self) -> bool {
        !self.held && self.granted.is_none()
    }

    fn settle(&mut self) {
        if self.is_free() {
            self.granted = self.queue.pop_front();
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
    fn it_behaves_as_a_flag_with_a_queue(steps in steps()) {
        let mutex = Arc::new(Mutex::new(0));
        let mut model = Model::default();
        let mut guard = None;
        let mut times = 0;
        let mut futures: Vec<Option<Locking>> = Vec::new();
        for step in steps {
            match step {
                Step::Lock => {
                    let (counter, waker) = Counter::new();
                    let future = Box::pin(mutex.clone().lock_owned());
                    futures.push(Some(Locking { future, counter, waker }));
                }
                Step::Poll(_) | Step::Drop(_) if futures.is_empty() => {}
                Step::Poll(index) => {
                    let id = index.index(futures.len());
                    let Some(locking) = &mut futures[id] else { continue };
                    let expected = if model.queue.contains(&id) {
                        false
                    } else if model.granted == Some(id) || model.is_free() {
                        model.granted = None;
                        model.held = true;
                        true
                    } else {
                        model.queue.push_back(id);
                        false
                    };
                    match locking.future.as_mut().poll(&mut Context::from_waker(&locking.waker)) {
                        Poll::Ready(mut own) => {
                            prop_assert!(expected);
                            prop_assert_eq!(*own, times);
                            *own += 1;
                            times += 1;
                            guard = Some(own);
                            futures[id] = None;
                        }
                        Poll::Pending => prop_assert!(!expected),
                    }
                }
                Step::Drop(index) => {
                    let id = index.index(futures.len());
                    futures[id] = None;
                    model.queue.retain(|other| *other != id);
                    if model.granted == Some(id) {
                        model.granted = None;
                    }
                }
                Step::TryLock => match mutex.clone().try_lock_owned() {
                    Ok(own) => {
                        prop_assert!(model.is_free());
                        model.held = true;
                        guard = Some(own);
                    }
                    Err(_) => prop_assert!(!model.is_free()),
                },
                Step::Unlock => {
                    guard = None;
                    model.held = false;
                }
            }
            model.settle();
            for (id, locking) in futures.iter().enumerate() {
                let Some(locking) = locking else { continue };
                prop_assert_eq!(locking.counter.count() > 0, model.granted == Some(id));
            }
        }
        drop(guard);
    }
}
