//! Models and tests of the broadcast channel.

use super::*;
use runtime_base::sync::{model, thread};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::AtomicUsize as Count;
use std::sync::atomic::Ordering::SeqCst;
use std::task::{Context, Poll, Wake, Waker};

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

fn poll<F: Future>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

#[test]
fn a_receiver_sees_the_value_and_the_end_or_is_woken() {
    model(|| {
        let (sender, mut receiver) = channel(2);
        let mut sending = Some(thread::spawn(move || {
            sender.send(Box::new(1)).unwrap();
        }));
        let (woken, waker) = counter();
        let mut outcomes = Vec::new();
        while outcomes.len() < 2 {
            let mut recv = pin!(receiver.recv());
            let before = woken.0.load(SeqCst);
            match poll(recv.as_mut(), &waker) {
                Poll::Ready(outcome) => outcomes.push(outcome),
                Poll::Pending => {
                    sending.take().expect("a wake was lost").join().unwrap();
                    assert!(woken.0.load(SeqCst) > before, "a wake was lost");
                    match poll(recv.as_mut(), &waker) {
                        Poll::Ready(outcome) => outcomes.push(outcome),
                        Poll::Pending => panic!("woken for nothing"),
                    }
                }
            }
        }
        assert_eq!(outcomes, [Ok(Box::new(1)), Err(RecvError::Closed)]);
    });
}

#[test]
fn values_are_dropped_once_when_a_receiver_leaves_during_a_send() {
    #[derive(Clone)]
    struct Tracked(
        #[expect(dead_code, reason = "its count is what is looked at")] std::sync::Arc<()>,
    );
    model(|| {
        let alive = std::sync::Arc::new(());
        let (sender, mut staying) = channel(1);
        let leaving = sender.subscribe();
        let thread = thread::spawn(move || drop(leaving));
        sender.send(Tracked(alive.clone())).ok().unwrap();
        sender.send(Tracked(alive.clone())).ok().unwrap();
        thread.join().unwrap();
        assert_eq!(staying.try_recv().err(), Some(TryRecvError::Lagged(1)));
        assert!(staying.try_recv().is_ok());
        assert_eq!(std::sync::Arc::strong_count(&alive), 1);
        assert_eq!(sender.len(), 0);
    });
}

#[test]
fn two_senders_keep_one_order_for_all() {
    model(|| {
        let (sender, mut first) = channel(4);
        let mut second = sender.subscribe();
        let other = {
            let sender = sender.clone();
            thread::spawn(move || sender.send(1).unwrap())
        };
        sender.send(2).unwrap();
        other.join().unwrap();
        let seen = [first.try_recv().unwrap(), first.try_recv().unwrap()];
        assert_eq!(
            seen,
            [second.try_recv().unwrap(), second.try_recv().unwrap()]
        );
        assert_eq!(seen[0] + seen[1], 3);
    });
}

#[cfg(not(rt_loom))]
mod plain;
#[cfg(not(rt_loom))]
mod waits;
