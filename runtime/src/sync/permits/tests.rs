//! Models of acquiring, releasing and leaving, and what the counter promises.

use super::*;
use runtime_base::driving::block_on;
use runtime_base::sync::{Arc, model, thread};
use std::pin::pin;

#[test]
fn the_future_is_as_small_as_tokios() {
    if cfg!(not(rt_loom)) {
        assert!(size_of::<Acquire<'_>>() <= 64);
    }
}

#[test]
fn a_released_permit_reaches_the_one_who_waits() {
    model(|| {
        let permits = Arc::new(Permits::new(0));
        let other = {
            let permits = permits.clone();
            thread::spawn(move || permits.release(1))
        };
        block_on(permits.acquire(1)).unwrap();
        other.join().unwrap();
        assert_eq!(permits.available(), 0);
    });
}

#[test]
fn a_waiter_that_is_dropped_while_it_is_served_loses_no_permit() {
    model(|| {
        let permits = Arc::new(Permits::new(1));
        let other = {
            let permits = permits.clone();
            thread::spawn(move || permits.release(1))
        };
        {
            let mut acquire = pin!(permits.acquire(2));
            let mut cx = Context::from_waker(Waker::noop());
            if acquire.as_mut().poll(&mut cx).is_ready() {
                permits.release(2);
            }
        }
        other.join().unwrap();
        assert_eq!(permits.available(), 2);
        assert!(permits.try_acquire(2).is_ok());
    });
}

#[test]
fn permits_go_from_hand_to_hand_and_carry_what_the_holder_wrote() {
    use runtime_base::sync::cell::UnsafeCell;

    struct Guarded {
        permits: Permits,
        value: UnsafeCell<u32>,
    }
    // SAFETY: the value is touched only with the one permit; that is what the model checks.
    unsafe impl Sync for Guarded {}

    model(|| {
        let guarded = Arc::new(Guarded {
            permits: Permits::new(1),
            value: UnsafeCell::new(0),
        });
        let body = |guarded: &Guarded| {
            block_on(guarded.permits.acquire(1)).unwrap();
            // SAFETY: we have the only permit.
            guarded.value.with_mut(|value| unsafe { *value += 1 });
            guarded.permits.release(1);
        };
        let other = {
            let guarded = guarded.clone();
            thread::spawn(move || body(&guarded))
        };
        body(&guarded);
        other.join().unwrap();
        // SAFETY: the other thread has ended.
        assert_eq!(guarded.value.with(|value| unsafe { *value }), 2);
        assert_eq!(guarded.permits.available(), 1);
    });
}

#[test]
fn closing_refuses_the_one_who_waits_and_returns_what_it_held() {
    model(|| {
        let permits = Arc::new(Permits::new(1));
        let other = {
            let permits = permits.clone();
            thread::spawn(move || permits.close())
        };
        assert!(block_on(permits.acquire(2)).is_err());
        other.join().unwrap();
        assert_eq!(permits.available(), 1);
        assert_eq!(permits.try_acquire(1), Err(TryAcquireError::Closed));
    });
}

#[test]
fn two_waiters_are_served_whatever_the_order_of_the_releases() {
    model(|| {
        let permits = Arc::new(Permits::new(0));
        let others = [1, 2].map(|n| {
            let permits = permits.clone();
            thread::spawn(move || permits.release(n))
        });
        let mut cx = Context::from_waker(Waker::noop());
        let mut many = Box::pin(permits.acquire(2));
        let had_many = many.as_mut().poll(&mut cx).is_ready();
        block_on(permits.acquire(if had_many { 1 } else { 0 })).unwrap();
        for other in others {
            other.join().unwrap();
        }
        // Three came. The two are there for `many`, taken or set aside, and one is left or taken.
        assert_eq!(permits.available(), if had_many { 0 } else { 1 });
        drop(many);
        assert_eq!(permits.available(), if had_many { 0 } else { 3 });
    });
}

#[cfg(not(rt_loom))]
mod alone {
    use super::super::test_wakers::{Counter, Touch, hooked};
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[derive(Clone, Debug)]
    enum Step {
        Acquire(usize),
        Poll(usize),
        Drop(usize),
        TryAcquire(usize),
        Release(usize),
        Forget(usize),
        Close,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            6 => (0..5usize).prop_map(Step::Acquire),
            6 => any::<prop::sample::Index>().prop_map(|index| Step::Poll(index.index(64))),
            4 => any::<prop::sample::Index>().prop_map(|index| Step::Drop(index.index(64))),
            2 => (0..4usize).prop_map(Step::TryAcquire),
            6 => (0..4usize).prop_map(Step::Release),
            1 => (0..3usize).prop_map(Step::Forget),
            1 => Just(Step::Close),
        ];
        prop::collection::vec(step, 0..120)
    }

    /// What the counter should do, written without any cleverness.
    #[derive(Default)]
    struct Model {
        count: usize,
        closed: bool,
        queue: VecDeque<Place>,
    }

    struct Place {
        id: usize,
        needed: usize,
        held: usize,
    }

    impl Model {
        /// Gives out what is there, in order; says whose demand was met.
        fn settle(&mut self) -> Vec<usize> {
            let mut met = Vec::new();
            while let Some(first) = self.queue.front_mut() {
                let part = self.count.min(first.needed - first.held);
                self.count -= part;
                first.held += part;
                if first.held < first.needed {
                    break;
                }
                met.push(first.id);
                self.queue.pop_front();
            }
            met
        }
    }

    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Phase {
        Idle,
        Queued,
        Granted,
        /// Refused by closing, with this part in hand.
        Refused(usize),
        Done,
    }

    #[test]
    fn a_poll_that_is_looked_on_takes_nothing_and_queues_nowhere() {
        let permits = Permits::new(1);
        let mut cx = Context::from_waker(Waker::noop());
        let mut acquire = Box::pin(permits.acquire(1));
        let mut leaves = 0;
        let look = || acquire.as_mut().poll(&mut cx).is_pending();
        assert!(runtime_base::trace::trace_with(look, |_| leaves += 1));
        assert_eq!((leaves, permits.available()), (1, 1));
        permits.try_acquire(1).unwrap();
        let look = || acquire.as_mut().poll(&mut cx).is_pending();
        assert!(runtime_base::trace::trace_with(look, |_| leaves += 1));
        // Nobody is in the queue for it.
        permits.release(1);
        assert_eq!((leaves, permits.available()), (2, 1));
    }

    proptest! {
        #[test]
        fn it_behaves_as_a_count_with_a_queue(start in 0..4usize, steps in steps()) {
            let permits = Permits::new(start);
            let mut model = Model { count: start, ..Model::default() };
            let mut futures = Vec::new();
            for step in steps {
                let mut met = Vec::new();
                match step {
                    Step::Acquire(n) => {
                        let (counter, waker) = Counter::new();
                        futures.push(Some((Box::pin(permits.acquire(n)), n, counter, waker, Phase::Idle)));
                    }
                    Step::Poll(index) if index < futures.len() => {
                        let Some((future, n, _, waker, phase)) = &mut futures[index] else { continue };
                        if *phase == Phase::Done {
                            continue;
                        }
                        let result = future.as_mut().poll(&mut Context::from_waker(waker));
                        let expected = match *phase {
                            // What was granted before the close is given back.
                            Phase::Granted if model.closed => {
                                model.count += *n;
                                Some(false)
                            }
                            Phase::Granted => Some(true),
                            Phase::Refused(held) => {
                                model.count += held;
                                Some(false)
                            }
                            Phase::Queued => None,
                            Phase::Idle | Phase::Done if model.closed => Some(false),
                            Phase::Idle | Phase::Done => {
                                if model.count >= *n {
                                    model.count -= *n;
                                    Some(true)
                                } else {
                                    model.queue.push_back(Place { id: index, needed: *n, held: 0 });
                                    model.settle();
                                    None
                                }
                            }
                        };
                        *phase = if expected.is_some() { Phase::Done } else { Phase::Queued };
                        let result = match result {
                            Poll::Ready(result) => Some(result.is_ok()),
                            Poll::Pending => None,
                        };
                        prop_assert_eq!(result, expected);
                    }
                    Step::Drop(index) if index < futures.len() => {
                        let Some((future, n, .., phase)) = futures[index].take() else { continue };
                        drop(future);
                        match phase {
                            Phase::Queued => {
                                let at = model.queue.iter().position(|place| place.id == index).unwrap();
                                let place = model.queue.remove(at).unwrap();
                                model.count += place.held;
                                met = model.settle();
                            }
                            Phase::Granted => {
                                model.count += n;
                                met = model.settle();
                            }
                            Phase::Refused(held) => model.count += held,
                            Phase::Idle | Phase::Done => {}
                        }
                    }
                    Step::TryAcquire(n) => {
                        let expected = if model.closed {
                            Err(TryAcquireError::Closed)
                        } else if model.count < n {
                            Err(TryAcquireError::NoPermits)
                        } else {
                            model.count -= n;
                            Ok(())
                        };
                        prop_assert_eq!(permits.try_acquire(n), expected);
                    }
                    Step::Release(n) => {
                        permits.release(n);
                        model.count += n;
                        met = model.settle();
                    }
                    Step::Forget(n) => {
                        let expected = n.min(model.count);
                        model.count -= expected;
                        prop_assert_eq!(permits.forget(n), expected);
                    }
                    Step::Close => {
                        permits.close();
                        model.closed = true;
                        for place in model.queue.drain(..) {
                            if let Some((.., phase)) = &mut futures[place.id] {
                                *phase = Phase::Refused(place.held);
                            }
                        }
                    }
                    Step::Poll(_) | Step::Drop(_) => {}
                }
                for id in met {
                    if let Some((.., phase)) = &mut futures[id] {
                        *phase = Phase::Granted;
                    }
                }
                prop_assert_eq!(permits.available(), model.count);
                prop_assert_eq!(permits.is_closed(), model.closed);
                for (.., counter, _, phase) in futures.iter().flatten() {
                    let is_called = matches!(phase, Phase::Granted | Phase::Refused(_));
                    let was_called = counter.count() > 0;
                    prop_assert!(was_called == is_called || *phase == Phase::Done);
                }
            }
        }
    }

    #[test]
    fn a_moved_task_is_woken_through_its_last_waker() {
        let permits = Permits::new(0);
        let (old, old_waker) = Counter::new();
        let (new, new_waker) = Counter::new();
        let mut acquire = pin!(permits.acquire(1));
        for waker in [&old_waker, &new_waker] {
            let mut cx = Context::from_waker(waker);
            assert!(acquire.as_mut().poll(&mut cx).is_pending());
        }
        permits.release(1);
        assert_eq!((old.count(), new.count()), (0, 1));
    }

    #[test]
    fn the_budget_is_spent_on_each_permit_and_kept_while_waiting() {
        let permits = Permits::new(0);
        let mut cx = Context::from_waker(Waker::noop());
        coop::with_budget(|| {
            let mut waiting = pin!(permits.acquire(1));
            for _ in 0..1_000 {
                assert!(waiting.as_mut().poll(&mut cx).is_pending());
            }
            permits.release(1_000);
            for _ in 0..coop::INITIAL {
                assert!(pin!(permits.acquire(1)).poll(&mut cx).is_ready());
            }
            assert!(pin!(permits.acquire(1)).poll(&mut cx).is_pending());
        });
    }

    #[test]
    #[should_panic(expected = "MAX_PERMITS")]
    fn too_many_permits_are_refused() {
        let permits = Permits::new(Permits::MAX);
        permits.release(1);
    }

    #[test]
    #[should_panic(expected = "cannot add more than MAX_PERMITS permits")]
    fn more_permits_than_there_can_be_are_refused_in_tokios_words() {
        Permits::new(0).release(usize::MAX);
    }

    #[test]
    fn a_waker_that_uses_the_counter_deadlocks_nowhere() {
        let permits = std::sync::Arc::new(Permits::new(0));
        let touches = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let waker = || {
            let (permits, touches) = (permits.clone(), touches.clone());
            hooked(move |touch| {
                permits.release(1);
                assert!(permits.try_acquire(0).is_ok());
                let mut other = pin!(permits.acquire(100));
                let mut cx = Context::from_waker(Waker::noop());
                let _ = other.as_mut().poll(&mut cx);
                touches.lock().unwrap().push(touch);
            })
        };
        {
            let (one, two) = (waker(), waker());
            let mut acquire = pin!(permits.acquire(1_000));
            for waker in [&one, &two] {
                let mut cx = Context::from_waker(waker);
                assert!(acquire.as_mut().poll(&mut cx).is_pending());
            }
            permits.release(1_000);
        }
        let touches = touches.lock().unwrap();
        for touch in [Touch::Clone, Touch::Wake, Touch::Drop] {
            assert!(touches.contains(&touch), "no {touch:?}");
        }
    }

    #[test]
    fn a_waker_that_panics_costs_no_permit_and_no_wake() {
        let permits = Permits::new(0);
        let (counter, waker) = Counter::new();
        let angry = hooked(|touch| assert!(touch != Touch::Wake, "the waker panics on purpose"));
        let mut first = Box::pin(permits.acquire(1));
        let mut second = Box::pin(permits.acquire(1));
        assert!(
            first
                .as_mut()
                .poll(&mut Context::from_waker(&angry))
                .is_pending()
        );
        assert!(
            second
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        assert!(catch_unwind(AssertUnwindSafe(|| permits.release(3))).is_err());
        assert_eq!(counter.count(), 1);
        assert_eq!(permits.available(), 1);
        drop(first);
        assert_eq!(permits.available(), 2);
        assert!(
            second
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_ready()
        );

        // One that panics when it is cloned leaves no trace.
        let angry = hooked(|touch| assert!(touch != Touch::Clone, "the waker panics on purpose"));
        let mut third = Box::pin(permits.acquire(5));
        let mut cx = Context::from_waker(&angry);
        assert!(catch_unwind(AssertUnwindSafe(|| third.as_mut().poll(&mut cx))).is_err());
        assert_eq!(permits.available(), 2);
        assert!(permits.try_acquire(2).is_ok());
    }

    #[test]
    fn a_waker_that_panics_when_it_is_not_needed_costs_no_permit() {
        let permits = std::sync::Arc::new(Permits::new(0));
        // The permit comes between the first look and the second, so that the clone is for nothing.
        let angry = {
            let permits = permits.clone();
            hooked(move |touch| match touch {
                Touch::Clone => permits.release(1),
                Touch::Wake => {}
                Touch::Drop => assert!(std::thread::panicking(), "the waker panics on purpose"),
            })
        };
        let mut acquire = Box::pin(permits.acquire(1));
        let mut cx = Context::from_waker(&angry);
        assert!(catch_unwind(AssertUnwindSafe(|| acquire.as_mut().poll(&mut cx))).is_err());
        drop(acquire);
        std::mem::forget(angry);
        assert_eq!(permits.available(), 1);
    }
}
