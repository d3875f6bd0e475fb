//! Models of counting and waiting.

use super::*;
use runtime_base::sync::{Arc, model, thread};
use std::sync::atomic::AtomicUsize as Count;
use std::sync::atomic::Ordering::SeqCst;
use std::task::{Wake, Waker};

#[derive(Default)]
struct Counter(Count);

impl Wake for Counter {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// Waits for the end of `change` the way a task does, and gives how often it saw a change.
fn watch(changes: &Changes, shard: usize, change: thread::JoinHandle<()>) -> (usize, bool) {
    let mut seen = Version(0);
    let counter = std::sync::Arc::new(Counter::default());
    let waker = Waker::from(counter.clone());
    let mut cx = Context::from_waker(&waker);
    let mut change = Some(change);
    let mut changed = 0;
    loop {
        let mut place = pin!(changes.place(shard));
        loop {
            let before = counter.0.load(SeqCst);
            match changes.poll_changed(&mut seen, shard, place.as_mut(), &mut cx) {
                Poll::Ready(Ok(())) => {
                    changed += 1;
                    break;
                }
                Poll::Ready(Err(Ended)) => return (changed, true),
                Poll::Pending => {
                    let Some(change) = change.take() else {
                        return (changed, false);
                    };
                    change.join().unwrap();
                    if counter.0.load(SeqCst) == before {
                        // Nothing was due; then there is nothing to see either.
                        let word = changes.word.load(Acquire);
                        assert!(
                            Changes::look(word, &mut seen).is_pending(),
                            "a wake was lost"
                        );
                        return (changed, false);
                    }
                }
            }
        }
    }
}

#[test]
fn a_change_is_seen_or_wakes_who_waits() {
    model(|| {
        let changes = Arc::new(Changes::new());
        let changing = {
            let changes = changes.clone();
            thread::spawn(move || changes.count().wake())
        };
        assert_eq!(watch(&changes, 0, changing), (1, false));
    });
}

#[test]
fn the_close_is_seen_after_the_last_change() {
    model(|| {
        let changes = Arc::new(Changes::new());
        let changing = {
            let changes = changes.clone();
            thread::spawn(move || {
                changes.count().wake();
                changes.close().wake();
            })
        };
        assert_eq!(watch(&changes, 3, changing), (1, true));
    });
}

#[test]
fn receivers_of_one_shard_and_of_others_are_all_woken() {
    model(|| {
        let changes = Arc::new(Changes::new());
        let changing = {
            let changes = changes.clone();
            thread::spawn(move || changes.count().wake())
        };
        let mut waiting = [0, 0, 5].map(|shard| {
            let place = Box::pin(changes.place(shard));
            (shard, place, std::sync::Arc::new(Counter::default()))
        });
        let mut pending = Vec::new();
        for (shard, place, counter) in &mut waiting {
            let waker = Waker::from(counter.clone());
            let mut cx = Context::from_waker(&waker);
            let mut seen = Version(0);
            if changes
                .poll_changed(&mut seen, *shard, place.as_mut(), &mut cx)
                .is_pending()
            {
                pending.push(counter.clone());
            }
        }
        changing.join().unwrap();
        for counter in pending {
            assert_eq!(counter.0.load(SeqCst), 1, "a wake was lost");
        }
    });
}
