//! Models of the channel, and what they need not explore in [`plain`].

use super::error::*;
use super::*;
use runtime_base::driving::block_on;
use runtime_base::sync::{model, model_bounded, thread};
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

#[test]
fn each_value_reaches_one_receiver_and_the_end_reaches_all() {
    model_bounded(2, || {
        let (sender, receiver) = channel(1);
        let other = {
            let receiver = receiver.clone();
            thread::spawn(move || {
                let first: Option<Box<u32>> = block_on(receiver.recv());
                (first, receiver)
            })
        };
        let sending = thread::spawn(move || {
            block_on(sender.send(Box::new(1))).unwrap();
        });
        let mut values = Vec::new();
        values.extend(block_on(receiver.recv()));
        let (first, receiver) = other.join().unwrap();
        values.extend(first);
        sending.join().unwrap();
        assert_eq!(values, [Box::new(1)]);
        assert_eq!(block_on(receiver.recv()), None);
    });
}

#[test]
fn room_that_is_made_wakes_the_sender_and_its_value_the_receiver() {
    model(|| {
        let (sender, receiver) = channel(1);
        sender.try_send(Box::new(1)).unwrap();
        let sending = thread::spawn(move || block_on(sender.send(Box::new(2))).unwrap());
        assert_eq!(*block_on(receiver.recv()).unwrap(), 1);
        assert_eq!(*block_on(receiver.recv()).unwrap(), 2);
        sending.join().unwrap();
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    });
}

#[test]
fn a_value_whose_send_succeeded_beside_a_close_is_received() {
    model(|| {
        let (sender, receiver) = unbounded_channel();
        let sending = thread::spawn(move || (sender.send(Box::new(1)).is_ok(), sender));
        receiver.close();
        let received = block_on(receiver.recv()).is_some();
        let (sent, sender) = sending.join().unwrap();
        assert_eq!(sent, received);
        assert!(block_on(receiver.recv()).is_none());
        assert_eq!(*sender.send(Box::new(2)).unwrap_err().0, 2);
    });
}

#[test]
fn the_last_room_given_back_ends_the_receiver_of_a_closed_channel() {
    model(|| {
        let (sender, receiver) = channel::<Box<u8>>(2);
        let threads = [true, false].map(|used| {
            let permit = sender.clone().try_reserve_owned().unwrap();
            thread::spawn(move || {
                if used {
                    drop(permit.send(Box::new(1)));
                } else {
                    drop(permit.release());
                }
            })
        });
        receiver.close();
        assert!(block_on(receiver.recv()).is_some());
        assert!(block_on(receiver.recv()).is_none());
        for thread in threads {
            thread.join().unwrap();
        }
        assert!(sender.is_closed());
    });
}

#[test]
fn a_receive_that_is_dropped_when_chosen_passes_its_turn_on() {
    model(|| {
        let (sender, receiver) = unbounded_channel();
        let sending = thread::spawn(move || (sender.send(Box::new(1)), sender));
        let mut early = None;
        {
            let mut cx = Context::from_waker(Waker::noop());
            let mut dropped = pin!(receiver.recv());
            if let std::task::Poll::Ready(value) = dropped.as_mut().poll(&mut cx) {
                early = value;
            }
        }
        let value = early.or_else(|| block_on(receiver.recv()));
        assert_eq!(value, Some(Box::new(1)));
        let (sent, _sender) = sending.join().unwrap();
        assert!(sent.is_ok());
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    });
}

#[test]
fn a_send_that_is_dropped_when_chosen_leaves_its_room_to_the_next() {
    model(|| {
        let (sender, receiver) = channel(1);
        sender.try_send(Box::new(0)).unwrap();
        let receiving = thread::spawn(move || (receiver.try_recv(), receiver));
        let mut sent = false;
        {
            let mut cx = Context::from_waker(Waker::noop());
            let mut dropped = pin!(sender.send(Box::new(1)));
            if dropped.as_mut().poll(&mut cx).is_ready() {
                sent = true;
            }
        }
        let (first, receiver) = receiving.join().unwrap();
        assert!(first.is_ok());
        assert_eq!(sender.capacity(), usize::from(!sent));
        assert_eq!(receiver.len(), usize::from(sent));
    });
}

#[test]
fn the_last_receiver_takes_the_queued_values_with_it() {
    model(|| {
        let (sender, receiver) = unbounded_channel();
        let value = std::sync::Arc::new(());
        sender.send(value.clone()).unwrap();
        let other = receiver.clone();
        let dropping = thread::spawn(move || drop(other));
        drop(receiver);
        dropping.join().unwrap();
        assert_eq!(std::sync::Arc::strong_count(&value), 1);
        assert!(sender.send(value).is_err());
    });
}

#[test]
fn a_weak_receiver_revives_no_channel() {
    model(|| {
        let (sender, receiver) = unbounded_channel();
        let weak = receiver.downgrade();
        let dropping = thread::spawn(move || drop(receiver));
        let revived = weak.upgrade();
        dropping.join().unwrap();
        assert_eq!(sender.send(1).is_ok(), revived.is_some());
        drop(revived);
        assert!(weak.upgrade().is_none());
        assert!(sender.is_closed());
    });
}

#[cfg(not(rt_loom))]
mod plain;
