//! Models and tests of the queue.

use super::*;
use runtime_base::sync::{Arc, model, thread};
use std::sync::atomic::AtomicUsize as Count;
use std::sync::atomic::Ordering::SeqCst;

/// The queue with a head of its own, as a receiver has it.
struct Consumer<T> {
    queue: Arc<Queue<T>>,
    head: Head<T>,
}

impl<T> Consumer<T> {
    fn pop(&mut self) -> Option<T> {
        self.queue.pop(&mut self.head)
    }

    /// Pops until a value is there, the way a task does: wait only after the announcement.
    #[cfg(not(rt_loom))]
    fn wait_pop(&mut self, wakes: &Count) -> T {
        loop {
            if let Some(value) = self.pop() {
                return value;
            }
            let before = wakes.load(SeqCst);
            if !self.queue.announce_wait(&mut self.head) {
                while wakes.load(SeqCst) == before && self.head_is_empty() {
                    thread::yield_now();
                }
            }
        }
    }

    #[cfg(not(rt_loom))]
    fn head_is_empty(&mut self) -> bool {
        let head = &self.head;
        let offset = offset_of(head.position);
        // SAFETY: the head's block is in the chain.
        unsafe { head.block.as_ref() }.ready() & (1 << offset) == 0
    }
}

impl<T> Drop for Consumer<T> {
    fn drop(&mut self) {
        // SAFETY: the head is the queue's, and our handle is dropped after this.
        unsafe { self.queue.abandon(&mut self.head) };
    }
}

fn queue<T>() -> (Arc<Queue<T>>, Consumer<T>) {
    let (queue, head) = Queue::new();
    let queue = Arc::new(queue);
    let consumer = Consumer {
        queue: queue.clone(),
        head,
    };
    (queue, consumer)
}

fn push<T>(queue: &Queue<T>, value: T) -> bool {
    matches!(queue.push(value), Ok(Pushed::Awaited))
}

#[test]
fn each_producers_values_arrive_in_order_and_once() {
    model(|| {
        let (queue, mut consumer) = queue();
        let producers = [10, 20].map(|base| {
            let queue = queue.clone();
            thread::spawn(move || {
                for value in base..base + 2 {
                    push(&queue, Box::new(value));
                }
            })
        });
        drop(queue);
        let mut seen: Vec<i32> = (0..3).filter_map(|_| consumer.pop()).map(|v| *v).collect();
        for producer in producers {
            producer.join().unwrap();
        }
        while let Some(value) = consumer.pop() {
            seen.push(*value);
        }
        assert_eq!(seen.len(), 4);
        for base in [10, 20] {
            let own: Vec<_> = seen.iter().filter(|v| **v / 10 * 10 == base).collect();
            assert_eq!(own, [&base, &(base + 1)]);
        }
    });
}

#[test]
fn a_consumer_that_waits_is_told_or_sees_the_value() {
    model(|| {
        let (queue, mut consumer) = queue();
        let producer = thread::spawn(move || {
            let first = push(&queue, Box::new(1));
            let second = push(&queue, Box::new(2));
            (first, second)
        });
        let mut received = 0;
        let mut waits = [false; 2];
        for wait in &mut waits {
            if let Some(value) = consumer.pop() {
                received += *value;
                continue;
            }
            *wait = !consumer.queue.announce_wait(&mut consumer.head);
            if *wait {
                break;
            }
            received += *consumer.pop().unwrap();
        }
        let (first, second) = producer.join().unwrap();
        assert_eq!([first, second], waits, "the wrong producer was told");
        while let Some(value) = consumer.pop() {
            received += *value;
        }
        assert_eq!(received, 3);
    });
}

#[test]
fn blocks_are_freed_and_reused_while_producers_walk() {
    // The consumer follows closely, so that blocks retire and return while producers are between
    // claim and ready bit.
    model(|| {
        let (queue, mut consumer) = queue();
        for value in 0..3 {
            push(&queue, Box::new(value));
        }
        let producers = [100, 200].map(|base| {
            let queue = queue.clone();
            thread::spawn(move || {
                push(&queue, Box::new(base));
                push(&queue, Box::new(base + 1));
            })
        });
        let mut seen = 0;
        for _ in 0..6 {
            seen += usize::from(consumer.pop().is_some());
        }
        for producer in producers {
            producer.join().unwrap();
        }
        while consumer.pop().is_some() {
            seen += 1;
        }
        assert_eq!(seen, 7);
    });
}

#[test]
fn a_block_leaves_the_chain_only_when_no_producer_can_come_from_it() {
    model(|| {
        let (queue, mut consumer) = queue();
        // The first block is full (under loom), and the tail still there.
        push(&queue, 0);
        push(&queue, 1);
        let other = queue.clone();
        let coming = thread::spawn(move || {
            push(&other, 4);
        });
        // Retires the first block.
        push(&queue, 2);
        push(&queue, 3);
        let early = (0..4).filter(|_| consumer.pop().is_some()).count();
        // Makes the third block, if the second is read, and so gives the first one up.
        consumer.queue.announce_wait(&mut consumer.head);
        coming.join().unwrap();
        let late = (0..5).filter(|_| consumer.pop().is_some()).count();
        assert_eq!(early + late, 5);
    });
}

#[test]
fn a_value_is_taken_or_handed_back_when_the_queue_closes() {
    model(|| {
        let (queue, mut consumer) = queue();
        let producer = thread::spawn(move || {
            (0..2)
                .filter(|value| queue.push(Box::new(*value)).is_ok())
                .count()
        });
        let mut received = usize::from(consumer.pop().is_some());
        let handle = consumer.queue.clone();
        handle.close(&mut consumer.head);
        let pushed = producer.join().unwrap();
        while consumer.pop().is_some() {
            received += 1;
        }
        assert!(handle.is_exhausted(&consumer.head));
        assert_eq!(handle.len(&consumer.head), 0);
        assert_eq!(pushed, received);
    });
}

#[test]
fn what_is_left_is_dropped_once() {
    struct Tracked(std::sync::Arc<Count>);
    impl Drop for Tracked {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    model(|| {
        let drops = std::sync::Arc::new(Count::new(0));
        let (queue, mut consumer) = queue();
        let producer = {
            let drops = drops.clone();
            thread::spawn(move || {
                for _ in 0..3 {
                    push(&queue, Tracked(drops.clone()));
                }
            })
        };
        drop(consumer.pop());
        drop(consumer);
        producer.join().unwrap();
        assert_eq!(drops.load(SeqCst), 3);
    });
}

#[cfg(not(rt_loom))]
mod plain {
    use super::*;

    #[test]
    fn a_long_stream_reuses_its_blocks() {
        let (queue, mut consumer) = queue();
        for round in 0..if cfg!(miri) { 10 } else { 1000 } {
            for value in 0..7 {
                push(&queue, round * 7 + value);
            }
            for value in 0..7 {
                assert_eq!(consumer.pop(), Some(round * 7 + value));
            }
            assert_eq!(consumer.pop(), None);
        }
        let mut chain = 0;
        let mut block = Some(consumer.head.oldest);
        while let Some(current) = block {
            chain += 1;
            // SAFETY: blocks from the oldest on are in the chain.
            block = NonNull::new(unsafe { current.as_ref() }.next().load(Relaxed));
        }
        assert!(chain <= 3, "{chain} blocks for seven values");
    }

    #[test]
    fn positions_may_wrap() {
        let block = Block::<Box<usize>>::allocate(start_of(usize::MAX));
        let position = start_of(usize::MAX);
        let queue = Arc::new(Queue {
            tail: Padded(Tail {
                position: AtomicUsize::new(position),
                block: AtomicPtr::new(block.as_ptr()),
            }),
            spare: AtomicPtr::new(null_mut()),
            abandoned: UnsafeCell::new(None),
        });
        let mut consumer = Consumer {
            queue: queue.clone(),
            head: Head {
                position,
                block,
                ready: 0,
                end: None,
                oldest: block,
            },
        };
        for value in 0..3 * SLOTS {
            push(&queue, Box::new(value));
        }
        assert_eq!(queue.len(&consumer.head), 3 * SLOTS);
        for value in 0..3 * SLOTS {
            assert_eq!(consumer.pop(), Some(Box::new(value)));
        }
        assert_eq!(consumer.pop(), None);
    }

    #[test]
    fn a_panic_in_a_destructor_keeps_no_other_value() {
        struct Bomb(std::sync::Arc<Count>, bool);
        impl Drop for Bomb {
            fn drop(&mut self) {
                self.0.fetch_add(1, SeqCst);
                assert!(!self.1, "on purpose");
            }
        }
        let drops = std::sync::Arc::new(Count::new(0));
        let (queue, consumer) = queue();
        for index in 0..5 {
            push(&queue, Bomb(drops.clone(), index == 1));
        }
        drop(queue);
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(consumer)));
        assert!(caught.is_err());
        assert_eq!(drops.load(SeqCst), 5);
    }

    #[test]
    fn many_producers_lose_nothing() {
        let wakes = std::sync::Arc::new(Count::new(0));
        let each = if cfg!(miri) { 50 } else { 20_000 };
        let (queue, mut consumer) = queue();
        let producers: Vec<_> = (0..4)
            .map(|producer| {
                let (queue, wakes) = (queue.clone(), wakes.clone());
                thread::spawn(move || {
                    for value in 0..each {
                        if push(&queue, (producer, value)) {
                            wakes.fetch_add(1, SeqCst);
                        }
                    }
                })
            })
            .collect();
        let mut next = [0; 4];
        for _ in 0..4 * each {
            let (producer, value) = consumer.wait_pop(&wakes);
            assert_eq!(value, next[producer]);
            next[producer] += 1;
        }
        for producer in producers {
            producer.join().unwrap();
        }
        assert_eq!(consumer.pop(), None);
    }
}
