//! The scope against a count of what runs.

use super::*;
use crate::sync::mpsc;
use crate::sync::permits::test_wakers::Counter;
use crate::task::yield_now;
use proptest::prelude::*;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::Context;

/// What the body, or a child, is told to do.
#[derive(Clone, Copy, Debug)]
enum Order {
    End,
    Fail,
    Panic,
    /// Spawns one more child.
    Spawn,
    /// Spawns one more child and ends at once.
    Replace,
}

impl Order {
    fn spawns(self) -> bool {
        matches!(self, Self::Spawn | Self::Replace)
    }
}

#[derive(Clone, Debug)]
enum Step {
    Body(Order),
    Child(prop::sample::Index, Order),
    Abort(prop::sample::Index),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let order = prop_oneof![
        10 => Just(Order::Spawn),
        3 => Just(Order::Replace),
        6 => Just(Order::End),
        1 => Just(Order::Fail),
        1 => Just(Order::Panic),
    ];
    let body = prop_oneof![12 => Just(Order::Spawn), 2 => Just(Order::End), 1 => order.clone()];
    let step = prop_oneof![
        3 => body.prop_map(Step::Body),
        6 => (any::<prop::sample::Index>(), order)
            .prop_map(|(index, order)| Step::Child(index, order)),
        1 => any::<prop::sample::Index>().prop_map(Step::Abort),
    ];
    prop::collection::vec(step, 0..40)
}

type Orders = mpsc::UnboundedReceiver<Order>;

/// A child that the test can talk to.
struct Child(mpsc::UnboundedSender<Order>, AbortHandle);

/// What all of them share; counted to see them gone.
#[derive(Clone)]
struct World(Arc<mpsc::UnboundedSender<Child>>);

/// Does as it is told, and is done with the number that it was given.
fn obey(
    scope: Scope<usize>,
    world: World,
    mut orders: Orders,
    id: usize,
) -> Pin<Box<dyn Future<Output = Result<(), usize>> + Send>> {
    Box::pin(async move {
        loop {
            match orders.recv().await {
                Some(Order::End) => return Ok(()),
                Some(Order::Fail) => return Err(id),
                Some(Order::Panic) => resume_unwind(Box::new(id)),
                Some(order) => {
                    let (sender, orders) = mpsc::unbounded_channel();
                    let child = obey(scope.clone(), world.clone(), orders, id + 1);
                    let abort = scope.spawn(child);
                    let _ = world.0.send(Child(sender, abort));
                    if matches!(order, Order::Replace) {
                        return Ok(());
                    }
                }
                None => pending().await,
            }
        }
    })
}

/// How a scope ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Done,
    Failed,
    Panicked,
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 3 } else { 256 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn it_ends_with_the_first_failure_or_the_last_child(steps in steps()) {
        let runtime = crate::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (world, mut arrivals) = mpsc::unbounded_channel();
            let world = World(Arc::new(world));
            let (body, orders) = mpsc::unbounded_channel();
            let mut future = Box::pin(scope(async |scope| {
                obey(scope.clone(), world.clone(), orders, 0).await.map(|()| 7)
            }));
            let (counter, waker) = Counter::new();
            let mut polled_at = None;
            // The model: who runs, and how it ends.
            let mut body_runs = true;
            let mut children: Vec<Child> = Vec::new();
            let mut expected = None;
            // The first step is for the first poll.
            for step in std::iter::once(None).chain(steps.into_iter().map(Some)) {
                let order = match &step {
                    Some(Step::Body(order)) if body_runs => {
                        body_runs = matches!(order, Order::Spawn);
                        body.send(*order).unwrap();
                        Some(*order)
                    }
                    Some(Step::Child(index, order)) if !children.is_empty() => {
                        let index = index.index(children.len());
                        children[index].0.send(*order).unwrap();
                        if !matches!(order, Order::Spawn) {
                            children.swap_remove(index);
                        }
                        Some(*order)
                    }
                    Some(Step::Abort(index)) if !children.is_empty() => {
                        let index = index.index(children.len());
                        children.swap_remove(index).1.abort();
                        None
                    }
                    None => None,
                    _ => continue,
                };
                match order {
                    Some(Order::Fail) => expected = Some(End::Failed),
                    Some(Order::Panic) => expected = Some(End::Panicked),
                    _ if !body_runs && children.is_empty() && !order.is_some_and(Order::spawns) => {
                        expected = Some(End::Done);
                    }
                    _ => {}
                }
                // Polled only when it was woken, as by a runtime.
                let mut ended = None;
                for _ in 0..12 {
                    if ended.is_none() && polled_at != Some(counter.count()) {
                        polled_at = Some(counter.count());
                        let mut cx = Context::from_waker(&waker);
                        ended = match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut cx))) {
                            Ok(Poll::Ready(Ok(output))) => {
                                prop_assert_eq!(output, 7);
                                Some(End::Done)
                            }
                            Ok(Poll::Ready(Err(_))) => Some(End::Failed),
                            Ok(Poll::Pending) => None,
                            Err(_) => Some(End::Panicked),
                        };
                        if ended.is_some() {
                            prop_assert_eq!(Arc::strong_count(&world.0), 1, "a child outlived its scope");
                        }
                    }
                    yield_now().await;
                    while let Ok(child) = arrivals.try_recv() {
                        children.push(child);
                    }
                }
                prop_assert_eq!(ended, expected);
                if ended.is_some() {
                    break;
                }
            }
            drop(future);
            for _ in 0..4 {
                yield_now().await;
            }
            prop_assert_eq!(Arc::strong_count(&world.0), 1, "a child outlived its scope");
            Ok(())
        })?;
    }
}
