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
