//! Models of waiting, being let go and leaving; stress tests of the same.

use super::*;
use crate::sync::{Arc, model, thread};
use std::collections::VecDeque;
use std::pin::{Pin, pin};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::task::Wake;

/// Guards a number of its own, and each waiter carries one.
type List = WaitList<u32, u32>;

#[derive(Default)]
struct Counter {
    wakes: AtomicUsize,
}

impl Wake for Counter {
    fn wake(self: std::sync::Arc<Self>) {
        self.wakes.fetch_add(1, SeqCst);
    }
}

fn enqueue(waiter: Pin<&mut Waiter<&List>>) {
    waiter.lock().enqueue(Some(Waker::noop().clone()));
}

#[test]
fn a_waiter_that_is_dropped_while_it_is_popped_leaves_the_list_whole() {
    model(|| {
        let list = Arc::new(List::new(0));
        let counter = std::sync::Arc::new(Counter::default());
        let other = {
            let list = list.clone();
            thread::spawn(move || {
                let mut locked = list.lock();
                if let Some(data) = locked.front() {
                    *data += 1;
                }
                let waker = locked.pop_front();
                drop(locked);
                waker.map(Waker::wake).is_some()
            })
        };
        let mut first = Box::pin(Waiter::new(&*list, 0));
        let mut second = pin!(Waiter::new(&*list, 0));
        let waker = Waker::from(counter.clone());
        first.as_mut().lock().enqueue(Some(waker));
        enqueue(second.as_mut());
        drop(first);
        let popped = other.join().unwrap();
        // Either the first was popped, or the drop was faster and the second was, or the list was
        // still empty when the other looked.
        let first_woken = counter.wakes.load(SeqCst) == 1;
        assert_eq!(second.is_queued(), !popped || first_woken);
        assert_eq!(list.lock().is_empty(), !second.is_queued());
        drop(Waker::from(counter.clone()));
        assert_eq!(std::sync::Arc::strong_count(&counter), 1, "a waker leaked");
    });
}

#[test]
fn what_was_done_to_the_data_is_visible_as_soon_as_the_waiter_is_out() {
    model(|| {
        let list = Arc::new(List::new(0));
        let mut waiter = pin!(Waiter::new(&*list, 1));
        enqueue(waiter.as_mut());
        let other = {
            let list = list.clone();
            thread::spawn(move || {
                let mut locked = list.lock();
                *locked.front().unwrap() = 7;
                let _ = locked.pop_front();
            })
        };
        // Without the lock: the flag alone must carry the data over.
        match waiter.as_mut().data() {
            None => {}
            Some(data) => assert_eq!(*data, 7),
        }
        other.join().unwrap();
        assert_eq!(waiter.data().copied(), Some(7));
    });
}

#[test]
fn neighbours_may_leave_at_the_same_time() {
    model(|| {
        let list = Arc::new(List::new(0));
        let others = [(); 2].map(|()| {
            let list = list.clone();
            thread::spawn(move || {
                let mut waiter = pin!(Waiter::new(&*list, 0));
                enqueue(waiter.as_mut());
            })
        });
        let mut waiter = pin!(Waiter::new(&*list, 0));
        enqueue(waiter.as_mut());
        for other in others {
            other.join().unwrap();
        }
        let mut locked = list.lock();
        assert!(locked.front().is_some());
        let _ = locked.pop_front();
        assert!(locked.is_empty());
        drop(locked);
        assert!(!waiter.is_queued());
    });
}

/// A small generator, so that the walk is the same everywhere (xorshift).
struct Walk(u64);

impl Walk {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

#[cfg(not(rt_loom))]
#[test]
fn any_mix_of_joining_leaving_and_popping_is_that_of_a_queue() {
    let list = List::new(0);
    let mut walk = Walk(0x9E37_79B9_7F4A_7C15);
    let mut waiters: Vec<Option<Pin<Box<Waiter<&List>>>>> = Vec::new();
    let mut expected: VecDeque<u32> = VecDeque::new();
    let rounds = if cfg!(miri) { 300 } else { 20_000 };
    for id in 0..rounds {
        match walk.below(8) {
            0..=2 => {
                let mut waiter = Box::pin(Waiter::new(&list, id));
                enqueue(waiter.as_mut());
                waiters.push(Some(waiter));
                expected.push_back(id);
            }
            3 | 4 if !waiters.is_empty() => {
                let index = walk.below(waiters.len());
                if let Some(mut waiter) = waiters.swap_remove(index) {
                    let id = *waiter.as_mut().lock().data();
                    expected.retain(|&other| other != id);
                    drop(waiter);
                }
            }
            5 if !waiters.is_empty() => {
                let index = walk.below(waiters.len());
                if let Some(waiter) = waiters[index].as_mut() {
                    let id = *waiter.as_mut().lock().data();
                    let _ = waiter.as_mut().lock().remove();
                    expected.retain(|&other| other != id);
                    assert!(!waiter.is_queued());
                }
            }
            6 => {
                let mut locked = list.lock();
                assert_eq!(locked.front().map(|id| *id), expected.pop_front());
                let _ = locked.pop_front();
            }
            7 => {
                let mut locked = list.lock();
                assert_eq!(locked.back().map(|id| *id), expected.pop_back());
                let _ = locked.pop_back();
            }
            _ => {}
        }
        assert_eq!(list.lock().is_empty(), expected.is_empty());
    }
}

/// A waker that uses the list when it is dropped and when it is woken.
struct Reentrant {
    list: std::sync::Arc<List>,
    uses: std::sync::Arc<AtomicUsize>,
}

impl Wake for Reentrant {
    fn wake(self: std::sync::Arc<Self>) {
        *self.list.lock().guarded() += 1;
        self.uses.fetch_add(1, SeqCst);
    }
}

impl Drop for Reentrant {
    fn drop(&mut self) {
        *self.list.lock().guarded() += 1;
        self.uses.fetch_add(1, SeqCst);
    }
}

#[cfg(not(rt_loom))]
#[test]
fn a_waker_may_use_the_list_whenever_it_is_touched() {
    let list = std::sync::Arc::new(List::new(0));
    let uses = std::sync::Arc::new(AtomicUsize::new(0));
    let waker = || {
        Waker::from(std::sync::Arc::new(Reentrant {
            list: list.clone(),
            uses: uses.clone(),
        }))
    };
    {
        let mut dropped = Box::pin(Waiter::new(&*list, 0));
        dropped.as_mut().lock().enqueue(Some(waker()));
        let mut exchanged = pin!(Waiter::new(&*list, 0));
        exchanged.as_mut().lock().enqueue(Some(waker()));
        assert!(exchanged.as_mut().keep_waiting(&waker()));
        drop(dropped);
        let mut locked = list.lock();
        let mut wakers = Wakers::new();
        wakers.extend(locked.pop_front());
        drop(locked);
        wakers.wake_all();
    }
    // Two were dropped unwoken, one was woken and dropped.
    assert_eq!(uses.load(SeqCst), 4);
    assert_eq!(*list.lock().guarded(), 4);
}

#[cfg(not(rt_loom))]
#[test]
fn a_leaked_waiter_stays_in_the_queue_and_can_still_be_popped() {
    let list = List::new(0);
    let leaked = Box::into_raw(Box::new(Waiter::new(&list, 5)));
    // SAFETY: leaked, so pinned until it is freed below, by when it is not queued.
    enqueue(unsafe { Pin::new_unchecked(&mut *leaked) });
    let mut locked = list.lock();
    assert_eq!(locked.front().copied(), Some(5));
    assert!(locked.pop_front().is_some());
    assert!(locked.is_empty());
    drop(locked);
    // SAFETY: it came from a box, and nobody else has it.
    drop(unsafe { Box::from_raw(leaked) });
}

#[cfg(not(rt_loom))]
#[test]
#[should_panic(expected = "queued already")]
fn joining_twice_is_refused() {
    let list = List::new(0);
    let mut waiter = pin!(Waiter::new(&list, 0));
    enqueue(waiter.as_mut());
    enqueue(waiter.as_mut());
}

/// Notes its number when it is woken, and panics if it is told to.
struct Recorder {
    id: usize,
    panics: bool,
    log: std::sync::Arc<std::sync::Mutex<Vec<usize>>>,
}

impl Wake for Recorder {
    fn wake(self: std::sync::Arc<Self>) {
        self.log.lock().unwrap().push(self.id);
        assert!(!self.panics, "waker {} panics on purpose", self.id);
    }
}

#[cfg(not(rt_loom))]
#[test]
fn any_number_of_wakers_is_woken_in_order_and_a_panic_holds_nobody_up() {
    for count in [0, 1, 2, 32, 40] {
        for panics in [false, true] {
            let log = std::sync::Arc::default();
            let mut wakers = Wakers::new();
            wakers.extend(None);
            assert!(wakers.is_empty());
            for id in 0..count {
                let recorder = Recorder {
                    id,
                    // The second panic is leaked on purpose, which Miri would report.
                    panics: panics && (id == 1 || (id == 33 && !cfg!(miri))),
                    log: std::sync::Arc::clone(&log),
                };
                wakers.extend(Some(Waker::from(std::sync::Arc::new(recorder))));
            }
            assert_eq!(wakers.is_empty(), count == 0);
            let wake = std::panic::AssertUnwindSafe(|| wakers.wake_all());
            let result = std::panic::catch_unwind(wake);
            assert_eq!(result.is_err(), panics && count > 1);
            assert_eq!(*log.lock().unwrap(), (0..count).collect::<Vec<_>>());
        }
    }
}

#[cfg(not(rt_loom))]
#[test]
fn wakers_that_are_not_woken_are_dropped() {
    let counter = std::sync::Arc::new(Counter::default());
    let mut wakers = Wakers::new();
    for _ in 0..40 {
        wakers.extend(Some(Waker::from(counter.clone())));
    }
    drop(wakers);
    assert_eq!(std::sync::Arc::strong_count(&counter), 1);
    assert_eq!(counter.wakes.load(SeqCst), 0);
}
