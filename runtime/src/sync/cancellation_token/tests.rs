//! Models of cancelling from two sides, and what a token promises.

use super::*;
use runtime_base::driving::block_on;
use runtime_base::sync::atomic::AtomicUsize;
use runtime_base::sync::atomic::Ordering::Relaxed;
use runtime_base::sync::{model, thread};

#[test]
fn whoever_cancels_second_finds_everything_cancelled_as_well() {
    model(|| {
        let root = CancellationToken::new();
        let child = root.child_token();
        let other = {
            let (root, child) = (root.clone(), child.clone());
            thread::spawn(move || {
                root.cancel();
                assert!(root.is_cancelled() && child.is_cancelled());
            })
        };
        child.cancel();
        assert!(child.is_cancelled());
        root.cancel();
        assert!(root.is_cancelled());
        other.join().unwrap();
    });
}

#[test]
fn who_waits_is_woken_and_sees_what_was_written_before_the_cancelling() {
    model(|| {
        let root = CancellationToken::new();
        let child = root.child_token();
        let data = Arc::new(AtomicUsize::new(0));
        let other = {
            let data = data.clone();
            thread::spawn(move || {
                data.store(7, Relaxed);
                root.cancel();
            })
        };
        block_on(child.cancelled());
        assert_eq!(data.load(Relaxed), 7);
        other.join().unwrap();
    });
}

#[test]
fn a_child_that_is_born_or_orphaned_meanwhile_is_cancelled_with_the_others() {
    model(|| {
        let root = CancellationToken::new();
        let middle = root.child_token();
        let leaf = middle.child_token();
        let other = {
            let root = root.clone();
            thread::spawn(move || {
                drop(middle);
                root.child_token()
            })
        };
        root.cancel();
        assert!(leaf.is_cancelled());
        assert!(other.join().unwrap().is_cancelled());
        assert!(root.node.tree.entries.lock().is_empty());
    });
}

#[cfg(not(rt_loom))]
mod alone {
    use super::*;
    use proptest::prelude::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::AtomicUsize;
    use std::sync::atomic::Ordering::SeqCst;
    use std::task::{Wake, Waker};

    fn entries(token: &CancellationToken) -> usize {
        token.node.tree.entries.lock().len()
    }

    #[test]
    fn cancelling_wakes_those_who_wait_for_descendants_and_nobody_else() {
        let root = CancellationToken::new();
        let (left, right) = (root.child_token(), root.child_token());
        let leaf = left.child_token();
        let other = std::thread::spawn({
            let leaf = leaf.clone();
            move || block_on(leaf.cancelled_owned())
        });
        left.cancel();
        other.join().unwrap();
        assert!(left.is_cancelled() && leaf.is_cancelled());
        assert!(!root.is_cancelled() && !right.is_cancelled());
        assert!(leaf.child_token().is_cancelled());
        root.cancel();
        block_on(right.cancelled());
    }

    #[test]
    fn a_long_chain_whose_middle_is_gone_costs_two_nodes() {
        let root = CancellationToken::new();
        let mut last = root.child_token();
        for _ in 0..100_000 {
            last = last.child_token();
        }
        assert_eq!(entries(&root), 2);
        root.cancel();
        assert!(last.is_cancelled());
        assert_eq!(entries(&root), 0);
    }

    #[test]
    fn a_guard_cancels_and_a_disarmed_one_does_not() {
        let token = CancellationToken::new();
        drop(token.clone().drop_guard().disarm());
        assert!(!token.is_cancelled());
        drop(token.clone().drop_guard());
        assert!(token.is_cancelled());
        assert_eq!(block_on(token.run_until_cancelled(async { 1 })), None);
        assert_eq!(
            block_on(CancellationToken::new().run_until_cancelled(async { 1 })),
            Some(1)
        );
    }

    #[derive(Debug, Clone)]
    enum Step {
        Child(usize),
        Drop(usize),
        Cancel(usize),
    }

    proptest! {
        /// The model: every token knows its parent, and is cancelled if it or an ancestor was.
        #[test]
        fn a_token_is_cancelled_exactly_with_its_ancestors(steps in prop::collection::vec(
            prop_oneof![
                3 => (0..1_000usize).prop_map(Step::Child),
                2 => (0..1_000usize).prop_map(Step::Drop),
                1 => (0..1_000usize).prop_map(Step::Cancel),
            ], 0..60)) {
            let mut tokens = vec![Some(CancellationToken::new())];
            let mut parents = vec![None::<usize>];
            let mut cancelled = vec![false];
            for step in steps {
                let (Step::Child(at) | Step::Drop(at) | Step::Cancel(at)) = step;
                let at = at % tokens.len();
                match step {
                    Step::Child(_) => {
                        let Some(token) = &tokens[at] else { continue };
                        let child = token.child_token();
                        tokens.push(Some(child));
                        parents.push(Some(at));
                        cancelled.push(cancelled[at]);
                    }
                    Step::Drop(_) => tokens[at] = None,
                    Step::Cancel(_) => {
                        let Some(token) = &tokens[at] else { continue };
                        token.cancel();
                        cancelled[at] = true;
                        for index in 0..parents.len() {
                            // Parents come before their children.
                            if parents[index].is_some_and(|parent| cancelled[parent] && parent >= at) {
                                cancelled[index] = true;
                            }
                        }
                    }
                }
                for (token, expected) in tokens.iter().zip(&cancelled) {
                    if let Some(token) = token {
                        prop_assert_eq!(token.is_cancelled(), *expected);
                    }
                }
            }
        }
    }

    struct Panics(AtomicUsize);

    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
            panic!("a waker panics on purpose");
        }
    }

    #[test]
    fn a_waker_that_panics_keeps_no_other_token_from_waking() {
        let root = CancellationToken::new();
        let tokens: Vec<_> = (0..3).map(|_| root.child_token()).collect();
        let panics = Arc::new(Panics(AtomicUsize::new(0)));
        let waker = Waker::from(panics.clone());
        let mut cx = Context::from_waker(&waker);
        let mut waiting: Vec<_> = tokens
            .into_iter()
            .map(|token| Box::pin(token.cancelled_owned()))
            .collect();
        for future in &mut waiting {
            assert!(future.as_mut().poll(&mut cx).is_pending());
        }
        assert!(catch_unwind(AssertUnwindSafe(|| root.cancel())).is_err());
        assert_eq!(panics.0.load(SeqCst), 3);
        for mut future in waiting {
            assert!(future.as_mut().poll(&mut cx).is_ready());
        }
    }
}
