//! Models and tests of the oneshot channel.

use super::*;
use runtime_base::sync::{model, thread};
use std::sync::atomic::AtomicUsize as Count;
use std::sync::atomic::Ordering::SeqCst;
use std::task::Wake;

#[derive(Default)]
struct Counter(Count);

impl Wake for Counter {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

fn counter() -> (std::sync::Arc<Counter>, Waker) {
    let counter = std::sync::Arc::new(Counter::default());
    (counter.clone(), Waker::from(counter))
}

/// Counts its drops, and under loom its ownership is checked through an allocation.
struct Tracked(std::sync::Arc<Count>);

impl Drop for Tracked {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

fn poll<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

#[test]
fn a_sent_value_is_seen_or_its_receiver_is_woken() {
    model(|| {
        let (sender, mut receiver) = channel();
        let sending = thread::spawn(move || sender.send(Box::new(7)).unwrap());
        let (_, first) = counter();
        let (woken, second) = counter();
        let mut outcome = poll(&mut receiver, &first);
        if outcome.is_pending() {
            outcome = poll(&mut receiver, &second);
        }
        sending.join().unwrap();
        if outcome.is_pending() {
            assert_eq!(woken.0.load(SeqCst), 1, "the wake was lost");
            outcome = poll(&mut receiver, &second);
        }
        assert_eq!(outcome, Poll::Ready(Ok(Box::new(7))));
    });
}

#[test]
fn a_dropped_sender_is_seen_or_its_receiver_is_woken() {
    model(|| {
        let (sender, mut receiver) = channel::<Box<u8>>();
        let dropping = thread::spawn(move || drop(sender));
        let (woken, waker) = counter();
        let outcome = poll(&mut receiver, &waker);
        dropping.join().unwrap();
        if outcome.is_pending() {
            assert_eq!(woken.0.load(SeqCst), 1, "the wake was lost");
            assert!(poll(&mut receiver, &waker) == Poll::Ready(Err(RecvError(()))));
        }
    });
}

#[test]
fn a_value_is_either_received_or_handed_back_when_the_receiver_closes() {
    model(|| {
        let (sender, mut receiver) = channel();
        let sending = thread::spawn(move || sender.send(Box::new(7)).is_ok());
        let (_, waker) = counter();
        let early = poll(&mut receiver, &waker);
        let received = if early.is_ready() {
            true
        } else {
            receiver.close();
            receiver.try_recv().is_ok()
        };
        assert_eq!(sending.join().unwrap(), received);
    });
}

#[test]
fn a_value_is_dropped_once_whoever_goes_first() {
    model(|| {
        let drops = std::sync::Arc::new(Count::new(0));
        let (sender, mut receiver) = channel();
        let value = Tracked(drops.clone());
        let sending = thread::spawn(move || drop(sender.send(value)));
        let (_, waker) = counter();
        let _ = poll(&mut receiver, &waker).is_ready();
        drop(receiver);
        sending.join().unwrap();
        assert_eq!(drops.load(SeqCst), 1);
    });
}

#[test]
fn a_closing_receiver_is_seen_or_its_sender_is_woken() {
    model(|| {
        let (mut sender, receiver) = channel::<u8>();
        let dropping = thread::spawn(move || drop(receiver));
        let (_, first) = counter();
        let (woken, second) = counter();
        let mut cx = Context::from_waker(&first);
        let mut closed = sender.poll_closed(&mut cx);
        let mut cx = Context::from_waker(&second);
        if closed.is_pending() {
            closed = sender.poll_closed(&mut cx);
        }
        dropping.join().unwrap();
        if closed.is_pending() {
            assert_eq!(woken.0.load(SeqCst), 1, "the wake was lost");
            assert!(sender.poll_closed(&mut cx).is_ready());
        }
    });
}

#[test]
fn both_sides_may_wait_and_leave_at_the_same_time() {
    model(|| {
        let (mut sender, mut receiver) = channel::<Box<u8>>();
        let sending = thread::spawn(move || {
            let (_, waker) = counter();
            let _ = sender.poll_closed(&mut Context::from_waker(&waker));
            sender.send(Box::new(1)).is_ok()
        });
        let (_, waker) = counter();
        let early = poll(&mut receiver, &waker).is_ready();
        drop(receiver);
        let sent = sending.join().unwrap();
        assert!(sent || !early);
    });
}

#[cfg(not(rt_loom))]
mod plain {
    use super::*;

    #[test]
    fn wakers_are_not_kept_beyond_the_wait() {
        let (woken, waker) = counter();
        let (mut sender, mut receiver) = channel::<u8>();
        assert!(poll(&mut receiver, &waker).is_pending());
        assert!(
            sender
                .poll_closed(&mut Context::from_waker(&waker))
                .is_pending()
        );
        sender.send(1).unwrap();
        drop(waker);
        assert_eq!(std::sync::Arc::strong_count(&woken), 1);
        drop(receiver);
    }

    #[test]
    fn the_same_waker_is_kept_when_it_is_registered_again() {
        let (woken, waker) = counter();
        let (sender, mut receiver) = channel::<u8>();
        for _ in 0..3 {
            assert!(poll(&mut receiver, &waker).is_pending());
        }
        assert_eq!(std::sync::Arc::strong_count(&woken), 3);
        drop(sender);
        assert_eq!(woken.0.load(SeqCst), 1);
        assert_eq!(poll(&mut receiver, &waker), Poll::Ready(Err(RecvError(()))));
        assert!(receiver.is_terminated());
    }

    #[test]
    fn the_queries_follow_the_value() {
        let (sender, mut receiver) = channel();
        assert!(!sender.is_closed());
        assert!(receiver.is_empty() && !receiver.is_terminated());
        sender.send(5).unwrap();
        assert!(!receiver.is_empty());
        assert_eq!(receiver.try_recv(), Ok(5));
        assert!(receiver.is_empty() && receiver.is_terminated());
        receiver.close();
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    }

    #[test]
    fn a_closed_receiver_ends_without_a_value() {
        let (sender, mut receiver) = channel::<u8>();
        receiver.close();
        assert!(sender.is_closed());
        let (_, waker) = counter();
        assert_eq!(poll(&mut receiver, &waker), Poll::Ready(Err(RecvError(()))));
        assert_eq!(sender.send(1), Err(1));
    }

    #[test]
    #[should_panic(expected = "called after complete")]
    fn polling_after_the_end_panics() {
        let (sender, mut receiver) = channel();
        sender.send(5).unwrap();
        let (_, waker) = counter();
        assert_eq!(poll(&mut receiver, &waker), Poll::Ready(Ok(5)));
        let _ = poll(&mut receiver, &waker);
    }

    #[test]
    fn an_unreceived_value_is_dropped_on_the_receivers_thread() {
        struct Where(std::sync::Arc<std::sync::Mutex<Option<thread::ThreadId>>>);
        impl Drop for Where {
            fn drop(&mut self) {
                *self.0.lock().unwrap() = Some(thread::current().id());
            }
        }
        let dropped_on = std::sync::Arc::default();
        let (sender, receiver) = channel();
        assert!(
            sender
                .send(Where(std::sync::Arc::clone(&dropped_on)))
                .is_ok()
        );
        let thread = thread::spawn(move || drop(receiver));
        let id = thread.thread().id();
        thread.join().unwrap();
        assert_eq!(*dropped_on.lock().unwrap(), Some(id));
    }

    #[test]
    fn waiting_costs_no_budget_and_receiving_does() {
        let (_, waker) = counter();
        coop::with_budget(|| {
            for _ in 0..1000 {
                let (_sender, mut receiver) = channel::<u8>();
                assert!(poll(&mut receiver, &waker).is_pending());
            }
            for _ in 0..coop::INITIAL {
                let (sender, mut receiver) = channel::<u8>();
                sender.send(1).unwrap();
                assert!(poll(&mut receiver, &waker).is_ready());
            }
            let (sender, mut receiver) = channel::<u8>();
            sender.send(1).unwrap();
            assert!(poll(&mut receiver, &waker).is_pending());
            assert_eq!(receiver.try_recv(), Ok(1));
        });
    }

    #[test]
    fn blocking_recv_waits_for_another_thread() {
        let (sender, receiver) = channel();
        let thread = thread::spawn(move || sender.send(9).unwrap());
        assert_eq!(receiver.blocking_recv(), Ok(9));
        thread.join().unwrap();
    }

    #[test]
    fn the_halves_are_as_shareable_as_they_should_be() {
        fn check<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe + fmt::Debug>() {}
        check::<Sender<std::cell::Cell<u8>>>();
        check::<Receiver<std::cell::Cell<u8>>>();
    }
}

#[cfg(not(rt_loom))]
mod property;
