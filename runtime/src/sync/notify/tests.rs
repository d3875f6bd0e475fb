//! Models of notifying and leaving, and what a `Notify` promises.

use super::*;
use runtime_base::driving::block_on;
use runtime_base::sync::{Arc, model, thread};
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

fn poll<F: Future<Output = ()>>(future: std::pin::Pin<&mut F>) -> Poll<()> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_notification_for_one_reaches_the_one_and_carries_what_came_before_it() {
    model(|| {
        let notify = Arc::new(Notify::new());
        let data = Arc::new(AtomicUsize::new(0));
        let other = {
            let (notify, data) = (notify.clone(), data.clone());
            thread::spawn(move || {
                data.store(7, Relaxed);
                notify.notify_one();
            })
        };
        block_on(notify.notified());
        assert_eq!(data.load(Relaxed), 7);
        other.join().unwrap();
        assert!(
            !pin!(notify.notified()).enable(),
            "the permit was stored as well"
        );
    });
}

#[test]
fn a_notification_whose_receiver_is_dropped_goes_to_another() {
    model(|| {
        let notify = Arc::new(Notify::new());
        let mut dropped = Box::pin(notify.notified());
        assert!(poll(dropped.as_mut()).is_pending());
        let other = {
            let notify = notify.clone();
            thread::spawn(move || notify.notify_one())
        };
        let mut left = pin!(notify.notified());
        let had = poll(left.as_mut()).is_ready();
        drop(dropped);
        other.join().unwrap();
        // Whoever had it first, it is with the one that is left now.
        assert!(
            had || poll(left.as_mut()).is_ready(),
            "the notification was lost"
        );
    });
}

#[test]
fn a_call_for_all_reaches_all_that_were_made_before_it() {
    model(|| {
        let notify = Arc::new(Notify::new());
        let mut queued = pin!(notify.notified());
        assert!(poll(queued.as_mut()).is_pending());
        let mut unpolled = pin!(notify.notified());
        let other = {
            let notify = notify.clone();
            thread::spawn(move || notify.notify_waiters())
        };
        // Races with the call, on purpose.
        let _ = poll(unpolled.as_mut());
        other.join().unwrap();
        assert!(poll(queued.as_mut()).is_ready());
        assert!(poll(unpolled.as_mut()).is_ready());
        assert!(!pin!(notify.notified()).enable());
    });
}

#[test]
fn who_looks_after_making_the_future_misses_no_call_for_all() {
    model(|| {
        let notify = Arc::new(Notify::new());
        let flag = Arc::new(AtomicUsize::new(0));
        let other = {
            let (notify, flag) = (notify.clone(), flag.clone());
            thread::spawn(move || {
                flag.store(1, Relaxed);
                notify.notify_waiters();
            })
        };
        let notified = notify.notified();
        if flag.load(Relaxed) == 0 {
            block_on(notified);
            assert_eq!(flag.load(Relaxed), 1);
        }
        other.join().unwrap();
    });
}

#[test]
fn one_and_all_at_the_same_time_lose_no_notification() {
    model(|| {
        let notify = Arc::new(Notify::new());
        let mut queued = Box::pin(notify.notified());
        assert!(poll(queued.as_mut()).is_pending());
        let one = {
            let notify = notify.clone();
            thread::spawn(move || notify.notify_one())
        };
        notify.notify_waiters();
        one.join().unwrap();
        // Either the one came first, and the receiver has it, or all came first, and it is stored.
        drop(queued);
        let stored = pin!(notify.notified()).enable();
        assert!(stored, "dropped unreported, so it goes on or stays stored");
    });
}

#[cfg(not(rt_loom))]
mod alone {
    use super::*;
    use crate::sync::permits::test_wakers::{Counter, Touch, hooked};
    use proptest::prelude::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[derive(Clone, Debug)]
    enum Step {
        Make,
        Poll(usize),
        Enable(usize),
        Drop(usize),
        One,
        Last,
        All,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => Just(Step::Make),
            6 => (0..40usize).prop_map(Step::Poll),
            2 => (0..40usize).prop_map(Step::Enable),
            4 => (0..40usize).prop_map(Step::Drop),
            4 => Just(Step::One),
            2 => Just(Step::Last),
            1 => Just(Step::All),
        ];
        prop::collection::vec(step, 0..120)
    }

    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Phase {
        /// Made, not polled; all calls so far were before it.
        Idle,
        Queued,
        One(End),
        All,
        Done,
    }

    /// What `Notify` should do, written without any cleverness.
    #[derive(Default)]
    struct Model {
        permit: bool,
        queue: Vec<usize>,
        phases: Vec<Option<Phase>>,
    }

    impl Model {
        fn notify(&mut self, end: End) {
            if self.queue.is_empty() {
                self.permit = true;
                return;
            }
            let id = match end {
                End::First => self.queue.remove(0),
                End::Last => self.queue.pop().unwrap(),
            };
            self.phases[id] = Some(Phase::One(end));
        }

        fn poll(&mut self, id: usize) -> Option<bool> {
            let phase = self.phases[id]?;
            let ready = match phase {
                Phase::Queued => false,
                Phase::Idle if self.permit => {
                    self.permit = false;
                    true
                }
                Phase::Idle => {
                    self.queue.push(id);
                    self.phases[id] = Some(Phase::Queued);
                    return Some(false);
                }
                Phase::One(_) | Phase::All | Phase::Done => true,
            };
            if ready {
                self.phases[id] = Some(Phase::Done);
            }
            Some(ready)
        }
    }

    proptest! {
        #[test]
        fn it_behaves_as_a_permit_and_a_queue(steps in steps()) {
            let notify = std::sync::Arc::new(Notify::new());
            let mut model = Model::default();
            // Borrowed and owned futures stand in the same queue.
            type Future<'a> = (Box<dyn Notification + 'a>, std::sync::Arc<Counter>, Waker);
            let mut futures: Vec<Option<Future<'_>>> = Vec::new();
            for step in steps {
                match step {
                    Step::Make => {
                        let future: Box<dyn Notification> = if futures.len().is_multiple_of(2) {
                            Box::new(Box::pin(notify.notified()))
                        } else {
                            Box::new(Box::pin(notify.clone().notified_owned()))
                        };
                        let (counter, waker) = Counter::new();
                        futures.push(Some((future, counter, waker)));
                        model.phases.push(Some(Phase::Idle));
                    }
                    Step::Poll(id) if id < futures.len() => {
                        let ready = futures[id].as_mut().map(|(future, _, waker)| future.is_ready(waker));
                        prop_assert_eq!(ready, model.poll(id));
                    }
                    Step::Enable(id) if id < futures.len() => {
                        let ready = futures[id].as_mut().map(|(future, ..)| future.is_enabled());
                        prop_assert_eq!(ready, model.poll(id));
                    }
                    Step::Drop(id) if id < futures.len() => {
                        futures[id] = None;
                        match model.phases[id].take() {
                            Some(Phase::Queued) => model.queue.retain(|&queued| queued != id),
                            Some(Phase::One(end)) => model.notify(end),
                            _ => {}
                        }
                    }
                    Step::One => {
                        notify.notify_one();
                        model.notify(End::First);
                    }
                    Step::Last => {
                        notify.notify_last();
                        model.notify(End::Last);
                    }
                    Step::All => {
                        notify.notify_waiters();
                        for phase in model.phases.iter_mut().flatten() {
                            if matches!(phase, Phase::Idle | Phase::Queued) {
                                *phase = Phase::All;
                            }
                        }
                        model.queue.clear();
                    }
                    Step::Poll(_) | Step::Enable(_) | Step::Drop(_) => {}
                }
                let word = notify.word.load(Relaxed);
                prop_assert_eq!(word & PERMIT != 0, model.permit);
                prop_assert_eq!(word & WAITERS != 0, !model.queue.is_empty());
                for (id, future) in futures.iter().enumerate() {
                    if let Some((_, counter, _)) = future
                        && counter.count() > 0
                    {
                        prop_assert!(!matches!(model.phases[id], Some(Phase::Idle | Phase::Queued)));
                    }
                }
            }
        }
    }

    trait Notification {
        fn is_ready(&mut self, waker: &Waker) -> bool;
        fn is_enabled(&mut self) -> bool;
    }

    impl Notification for std::pin::Pin<Box<Notified<'_>>> {
        fn is_ready(&mut self, waker: &Waker) -> bool {
            self.as_mut()
                .poll(&mut Context::from_waker(waker))
                .is_ready()
        }

        fn is_enabled(&mut self) -> bool {
            self.as_mut().enable()
        }
    }

    impl Notification for std::pin::Pin<Box<OwnedNotified>> {
        fn is_ready(&mut self, waker: &Waker) -> bool {
            self.as_mut()
                .poll(&mut Context::from_waker(waker))
                .is_ready()
        }

        fn is_enabled(&mut self) -> bool {
            self.as_mut().enable()
        }
    }

    #[test]
    fn the_futures_are_as_small_as_tokios() {
        assert!(size_of::<Notified<'_>>() <= 64);
        assert!(size_of::<OwnedNotified>() <= 64);
    }

    #[test]
    fn an_enabled_future_is_woken_through_the_waker_of_its_first_poll() {
        let notify = Notify::new();
        let (counter, waker) = Counter::new();
        let mut notified = pin!(notify.notified());
        assert!(!notified.as_mut().enable());
        let mut cx = Context::from_waker(&waker);
        assert!(notified.as_mut().poll(&mut cx).is_pending());
        notify.notify_one();
        assert_eq!(counter.count(), 1);
        assert!(notified.as_mut().enable());
        assert!(notified.poll(&mut cx).is_ready());
    }

    #[test]
    fn a_waker_that_panics_keeps_nobody_else_asleep() {
        let notify = Notify::new();
        let (counter, waker) = Counter::new();
        let angry = hooked(|touch| assert!(touch != Touch::Wake, "the waker panics on purpose"));
        let mut futures: Vec<_> = (0..3).map(|_| Box::pin(notify.notified())).collect();
        for (future, waker) in futures.iter_mut().zip([&waker, &angry, &waker]) {
            let mut cx = Context::from_waker(waker);
            assert!(future.as_mut().poll(&mut cx).is_pending());
        }
        assert!(catch_unwind(AssertUnwindSafe(|| notify.notify_waiters())).is_err());
        assert_eq!(counter.count(), 2);
        for future in &mut futures {
            assert!(poll(future.as_mut()).is_ready());
        }
    }

    #[test]
    fn a_waker_may_notify_and_wait_whenever_it_is_touched() {
        let notify = std::sync::Arc::new(Notify::new());
        let waker = || {
            let notify = notify.clone();
            hooked(move |_| {
                let mut waiting = pin!(notify.notified());
                let _ = poll(waiting.as_mut());
                notify.notify_waiters();
            })
        };
        let (one, two) = (waker(), waker());
        let mut notified = pin!(notify.notified());
        for waker in [&one, &two] {
            let _ = notified.as_mut().poll(&mut Context::from_waker(waker));
        }
        notify.notify_one();
        assert!(poll(notified).is_ready());
    }
}
