//! A model of the meeting, and what a barrier promises.

use super::*;
use runtime_base::driving::block_on;
use runtime_base::sync::{Arc, model, thread};

#[test]
fn all_go_on_together_and_one_leads() {
    model(|| {
        let barrier = Arc::new(Barrier::new(2));
        let other = {
            let barrier = barrier.clone();
            thread::spawn(move || block_on(barrier.wait()).is_leader())
        };
        let leads = block_on(barrier.wait()).is_leader();
        assert!(leads != other.join().unwrap());
    });
}

#[cfg(not(rt_loom))]
mod alone {
    use super::*;
    use std::future::Future;
    use std::task::{Context, Waker};

    #[test]
    fn rounds_do_not_mix() {
        let barrier = Barrier::new(3);
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..3 {
            let mut waiting: Vec<_> = (0..2).map(|_| Box::pin(barrier.wait())).collect();
            for wait in &mut waiting {
                assert!(wait.as_mut().poll(&mut cx).is_pending());
            }
            assert!(block_on(barrier.wait()).is_leader());
            // One of the next round has come before those of this one have gone on.
            let mut early = Box::pin(barrier.wait());
            assert!(early.as_mut().poll(&mut cx).is_pending());
            for wait in &mut waiting {
                let Poll::Ready(result) = wait.as_mut().poll(&mut cx) else {
                    panic!("the round is complete")
                };
                assert!(!result.is_leader());
            }
            assert!(early.as_mut().poll(&mut cx).is_pending());
            // A dropped one has arrived nevertheless.
            drop(early);
            let mut second = Box::pin(barrier.wait());
            assert!(second.as_mut().poll(&mut cx).is_pending());
            assert!(block_on(barrier.wait()).is_leader());
            assert!(second.as_mut().poll(&mut cx).is_ready());
        }
    }

    #[test]
    fn nobody_waits_at_a_barrier_for_none() {
        assert!(block_on(Barrier::new(0).wait()).is_leader());
    }
}
