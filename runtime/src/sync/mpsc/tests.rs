//! Models and tests of both channels.

use super::error::*;
use super::*;
use runtime_base::sync::{model, thread};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize as Count;
use std::sync::atomic::Ordering::SeqCst;
use std::task::{Context, Poll, Wake, Waker};

#[derive(Default)]
struct Counter(Count);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

fn counter() -> (Arc<Counter>, Waker) {
    let counter = Arc::new(Counter::default());
    (counter.clone(), Waker::from(counter))
}

fn poll<F: Future>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

#[test]
fn an_unbounded_receiver_that_waits_is_woken_by_the_value_and_by_the_end() {
    model(|| {
        let (sender, mut receiver) = unbounded_channel();
        let sending = thread::spawn(move || sender.send(Box::new(1)).unwrap());
        let (woken, waker) = counter();
        let mut cx = Context::from_waker(&waker);
        let mut sending = Some(sending);
        let mut received = 0;
        loop {
            let before = woken.0.load(SeqCst);
            match receiver.poll_recv(&mut cx) {
                Poll::Ready(Some(value)) => received += *value,
                Poll::Ready(None) => break,
                Poll::Pending => {
                    if let Some(sending) = sending.take() {
                        sending.join().unwrap();
                    }
                    assert!(woken.0.load(SeqCst) > before, "a wake was lost");
                }
            }
        }
        assert_eq!(received, 1);
        if let Some(sending) = sending.take() {
            sending.join().unwrap();
        }
    });
}

#[test]
fn a_value_that_comes_while_the_receiver_lies_down_wakes_it() {
    model(|| {
        let (sender, mut receiver) = unbounded_channel();
        let other = sender.clone();
        let sending = thread::spawn(move || other.send(Box::new(1)).unwrap());
        let (woken, waker) = counter();
        let mut cx = Context::from_waker(&waker);
        let early = receiver.poll_recv(&mut cx);
        sending.join().unwrap();
        if early.is_pending() {
            assert_eq!(woken.0.load(SeqCst), 1, "the wake was lost");
            assert!(receiver.poll_recv(&mut cx) == Poll::Ready(Some(Box::new(1))));
        }
        // Not its end, which wakes as well.
        drop(sender);
    });
}

#[test]
fn a_bounded_sender_that_waits_gets_the_room_that_the_receiver_makes() {
    model(|| {
        let (sender, mut receiver) = channel(1);
        sender.try_send(Box::new(1)).unwrap();
        let receiving = thread::spawn(move || {
            let value = receiver.try_recv().unwrap();
            (value, receiver)
        });
        let (woken, waker) = counter();
        {
            let mut send = pin!(sender.send(Box::new(2)));
            let early = poll(send.as_mut(), &waker);
            let (value, mut receiver) = receiving.join().unwrap();
            assert_eq!(*value, 1);
            if early.is_pending() {
                assert_eq!(woken.0.load(SeqCst), 1, "the wake was lost");
                assert!(poll(send.as_mut(), &waker).is_ready());
            }
            assert_eq!(*receiver.try_recv().unwrap(), 2);
            assert_eq!(receiver.capacity(), 1);
        }
    });
}

#[test]
fn the_last_permit_of_a_closed_channel_ends_the_receiver() {
    model(|| {
        let (sender, mut receiver) = channel::<Box<u8>>(2);
        let threads = [sender.clone(), sender.clone()].map(|sender| {
            let permit = sender.try_reserve_owned().unwrap();
            thread::spawn(move || drop(permit.release()))
        });
        receiver.close();
        let (woken, waker) = counter();
        let mut cx = Context::from_waker(&waker);
        let early = receiver.poll_recv(&mut cx);
        for thread in threads {
            thread.join().unwrap();
        }
        if early.is_pending() {
            assert!(woken.0.load(SeqCst) > 0, "the wake was lost");
            assert!(receiver.poll_recv(&mut cx) == Poll::Ready(None));
        }
        drop(sender);
    });
}

#[test]
fn a_receiver_that_goes_away_wakes_who_waits_for_that() {
    model(|| {
        let (sender, receiver) = unbounded_channel::<u8>();
        let dropping = thread::spawn(move || drop(receiver));
        let (woken, waker) = counter();
        let mut closed = pin!(sender.closed());
        let early = poll(closed.as_mut(), &waker);
        dropping.join().unwrap();
        if early.is_pending() {
            assert_eq!(woken.0.load(SeqCst), 1, "the wake was lost");
            assert!(poll(closed.as_mut(), &waker).is_ready());
        }
        assert_eq!(sender.send(1), Err(SendError(1)));
    });
}

#[test]
fn a_weak_sender_revives_no_channel() {
    model(|| {
        let (sender, mut receiver) = unbounded_channel::<Box<u8>>();
        let weak = sender.downgrade();
        let dropping = thread::spawn(move || drop(sender));
        let sent = weak
            .upgrade()
            .is_some_and(|sender| sender.send(Box::new(1)).is_ok());
        dropping.join().unwrap();
        assert!(weak.upgrade().is_none());
        let (_, waker) = counter();
        let mut cx = Context::from_waker(&waker);
        let first = receiver.poll_recv(&mut cx);
        assert_eq!(first == Poll::Ready(None), !sent);
        if sent {
            assert!(receiver.poll_recv(&mut cx) == Poll::Ready(None));
        }
    });
}

#[cfg(not(rt_loom))]
mod plain;
#[cfg(not(rt_loom))]
mod unbounded;
