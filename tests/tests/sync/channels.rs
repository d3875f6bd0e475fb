//! The channels at work, on every flavour.

use std::collections::HashSet;
use std::time::Duration;

use runtime::sync::mpsc::error::SendTimeoutError;
use runtime::sync::{broadcast, mpmc, mpsc, oneshot, watch};
use runtime::task::{JoinSet, yield_now};
use runtime::time::timeout;
use tests::each_runtime;

/// Values per sender.
const EACH: u32 = 200;
const SENDERS: u32 = 5;

/// Checks that each sender's numbers come in order.
#[derive(Default)]
struct Orders {
    next: [u32; SENDERS as usize],
    count: u32,
}

impl Orders {
    /// For one receiver of all.
    fn take_next(&mut self, (sender, number): (u32, u32)) {
        let next = &mut self.next[sender as usize];
        assert_eq!(number, *next, "sender {sender}");
        *next += 1;
        self.count += 1;
    }

    /// For one of several receivers.
    fn take_later(&mut self, (sender, number): (u32, u32)) {
        let next = &mut self.next[sender as usize];
        assert!(number >= *next, "sender {sender}: {number} comes too late");
        *next = number + 1;
        self.count += 1;
    }
}

#[test]
fn mpsc_delivers_everything_in_the_order_of_each_sender() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let (sender, mut receiver) = mpsc::channel(3);
            for id in 0..SENDERS {
                let sender = sender.clone();
                runtime::spawn(async move {
                    for number in 0..EACH {
                        match number % 4 {
                            0 => sender.reserve().await.unwrap().send((id, number)),
                            // Given up halfway: nothing may be lost or sent twice.
                            1 if timeout(Duration::ZERO, sender.reserve()).await.is_ok() => {
                                sender.send((id, number)).await.unwrap();
                            }
                            _ => sender.send((id, number)).await.unwrap(),
                        }
                    }
                });
            }
            drop(sender);
            let mut orders = Orders::default();
            let mut buffer = Vec::new();
            while receiver.recv_many(&mut buffer, 4).await > 0 {
                buffer.drain(..).for_each(|value| orders.take_next(value));
                if let Some(value) = receiver.recv().await {
                    orders.take_next(value);
                }
            }
            assert_eq!(orders.count, SENDERS * EACH);
            assert_eq!(receiver.capacity(), 3);
        });
    });
}

#[test]
fn unbounded_mpsc_delivers_everything_in_the_order_of_each_sender() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let (sender, mut receiver) = mpsc::unbounded_channel();
            for id in 0..SENDERS {
                let sender = sender.clone();
                runtime::spawn(async move {
                    for number in 0..EACH {
                        sender.send((id, number)).unwrap();
                        if number % 16 == 0 {
                            yield_now().await;
                        }
                    }
                });
            }
            drop(sender);
            let mut orders = Orders::default();
            while let Some(value) = receiver.recv().await {
                orders.take_next(value);
            }
            assert_eq!(orders.count, SENDERS * EACH);
        });
    });
}

#[test]
fn mpmc_delivers_everything_once_and_in_the_order_of_each_sender() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let (sender, receiver) = mpmc::channel(3);
            for id in 0..SENDERS {
                let sender = sender.clone();
                runtime::spawn(async move {
                    for number in 0..EACH {
                        sender.send((id, number)).await.unwrap();
                    }
                });
            }
            drop(sender);
            let mut receivers = JoinSet::new();
            for id in 0..5 {
                let receiver = receiver.clone();
                receivers.spawn(async move {
                    let mut orders = Orders::default();
                    loop {
                        // Some give up again and again.
                        let received = if id < 2 {
                            match timeout(Duration::ZERO, receiver.recv()).await {
                                Ok(received) => received,
                                Err(_) => {
                                    yield_now().await;
                                    continue;
                                }
                            }
                        } else {
                            receiver.recv().await
                        };
                        match received {
                            Some(value) => orders.take_later(value),
                            None => return orders.count,
                        }
                    }
                });
            }
            let counts = receivers.join_all().await;
            assert_eq!(counts.iter().sum::<u32>(), SENDERS * EACH);
            assert_eq!(receiver.capacity(), 3);
        });
    });
}

#[test]
fn unbounded_mpmc_shares_the_work_of_one_sender() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let (sender, receiver) = mpmc::unbounded_channel();
            let mut receivers = JoinSet::new();
            for _ in 0..4 {
                let receiver = receiver.clone();
                receivers.spawn(async move {
                    let mut numbers = Vec::new();
                    while receiver.recv_many(&mut numbers, 3).await > 0 {}
                    numbers
                });
            }
            for number in 0..SENDERS * EACH {
                sender.send(number).unwrap();
                if number % 8 == 0 {
                    yield_now().await;
                }
            }
            drop(sender);
            let numbers: Vec<_> = receivers.join_all().await.concat();
            assert_eq!(numbers.len() as u32, SENDERS * EACH);
            assert_eq!(numbers.iter().collect::<HashSet<_>>().len(), numbers.len());
        });
    });
}

#[test]
fn waiting_receivers_of_mpmc_are_served_in_their_order() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let (sender, receiver) = mpmc::unbounded_channel();
            let mut waiting: Vec<_> = (0..4).map(|_| Box::pin(receiver.recv())).collect();
            let (counts, wakers): (Vec<_>, Vec<_>) =
                (0..4).map(|_| tests::wakers::Counting::new()).unzip();
            for (wait, waker) in waiting.iter_mut().zip(&wakers) {
                let mut cx = std::task::Context::from_waker(waker);
                assert!(tests::poll_once(wait, &mut cx).is_pending());
            }
            // The second gives up; its turn is the third's.
            drop(waiting.remove(1));
            sender.send('a').unwrap();
            sender.send('b').unwrap();
            let counts: Vec<_> = counts.iter().map(|count| count.count()).collect();
            assert_eq!(counts, [1, 0, 1, 0]);
        });
    });
}

#[test]
fn a_send_that_runs_out_of_time_hands_the_value_back() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let (sender, mut receiver) = mpsc::channel(1);
            let short = Duration::from_millis(1);
            sender.send_timeout(1, short).await.unwrap();
            assert_eq!(
                sender.send_timeout(2, short).await,
                Err(SendTimeoutError::Timeout(2))
            );
            assert_eq!(receiver.recv().await, Some(1));
            receiver.close();
            assert_eq!(
                sender.send_timeout(3, Duration::MAX).await,
                Err(SendTimeoutError::Closed(3))
            );

            let (sender, receiver) = mpmc::channel(1);
            sender.send_timeout(1, short).await.unwrap();
            assert_eq!(
                sender.send_timeout(2, short).await,
                Err(SendTimeoutError::Timeout(2))
            );
            assert_eq!(receiver.recv().await, Some(1));
            receiver.close();
            assert_eq!(
                sender.send_timeout(3, Duration::MAX).await,
                Err(SendTimeoutError::Closed(3))
            );
        });
    });
}

#[test]
fn oneshot_carries_requests_and_answers() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let (requests, mut inbox) = mpsc::channel::<(u32, oneshot::Sender<u32>)>(2);
            runtime::spawn(async move {
                while let Some((number, answer)) = inbox.recv().await {
                    // Some do not wait for the answer.
                    let _ = answer.send(number * 2);
                }
            });
            let mut clients = JoinSet::new();
            for number in 0..50 {
                let requests = requests.clone();
                clients.spawn(async move {
                    let (answer, receiver) = oneshot::channel();
                    requests.send((number, answer)).await.unwrap();
                    if number % 3 > 0 {
                        assert_eq!(receiver.await, Ok(number * 2));
                    }
                });
            }
            clients.join_all().await;
        });
    });
}

#[test]
fn broadcast_gives_every_receiver_everything_in_one_order() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let (sender, _) = broadcast::channel((SENDERS * EACH) as usize);
            let mut receivers = JoinSet::new();
            for _ in 0..4 {
                let mut receiver = sender.subscribe();
                receivers.spawn(async move {
                    let mut values = Vec::new();
                    while let Ok(value) = receiver.recv().await {
                        values.push(value);
                    }
                    values
                });
            }
            for id in 0..SENDERS {
                let sender = sender.clone();
                runtime::spawn(async move {
                    for number in 0..EACH {
                        sender.send((id, number)).unwrap();
                        if number % 16 == 0 {
                            yield_now().await;
                        }
                    }
                });
            }
            drop(sender);
            let all = receivers.join_all().await;
            let mut orders = Orders::default();
            all[0].iter().for_each(|value| orders.take_next(*value));
            assert_eq!(orders.count, SENDERS * EACH);
            assert!(all.iter().all(|values| *values == all[0]));
        });
    });
}

#[test]
fn watchers_see_growing_values_and_the_last() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let (sender, receiver) = watch::channel(0);
            let mut watchers = JoinSet::new();
            for _ in 0..4 {
                let mut receiver = receiver.clone();
                watchers.spawn(async move {
                    let mut last = 0;
                    while receiver.changed().await.is_ok() {
                        let value = *receiver.borrow_and_update();
                        assert!(value > last);
                        last = value;
                    }
                    last
                });
            }
            for value in 1..=EACH {
                sender.send(value).unwrap();
                if value % 8 == 0 {
                    yield_now().await;
                }
            }
            drop(sender);
            assert_eq!(watchers.join_all().await, [EACH; 4]);
        });
    });
}
