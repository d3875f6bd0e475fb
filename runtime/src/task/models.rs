//! Models of a task's life: what may happen at the same time does, in every order.
//!
//! Each body runs as a stress test on `std` and is explored under loom; see `state.rs` for the
//! invariants that they try to break.

use std::collections::VecDeque;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::task::{Context, Poll, Wake, Waker};

use runtime_base::sync::atomic::{AtomicBool, AtomicUsize};
use runtime_base::sync::{Arc, Mutex, model, thread};

use super::state::{BeginPoll, Complete, State};
use super::{Id, JoinHandle, JoinSet, Runnable, Schedule, TaskRef};

/// A scheduler that is a queue, run by whoever asks.
#[derive(Clone)]
struct Queue(Arc<Mutex<VecDeque<Runnable>>>);

impl Queue {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(VecDeque::new())))
    }

    fn spawn<F: Future + 'static>(&self, future: F) -> (TaskRef, JoinHandle<F::Output>) {
        let (listed, runnable, join) =
            TaskRef::allocate(future, self.clone(), Id::next(), Location::caller());
        self.0.lock().push_back(runnable);
        (listed, JoinHandle::new(join))
    }

    fn run_all(&self) {
        loop {
            let next = self.0.lock().pop_front();
            match next {
                Some(task) => task.run(),
                None => return,
            }
        }
    }
}

#[allow(unsafe_code)] // Implements an unsafe method.
impl Schedule for Queue {
    unsafe fn schedule(this: NonNull<Self>, task: Runnable) {
        // SAFETY: valid until the task is given away; the clone outlives that.
        let queue = unsafe { this.as_ref() }.clone();
        queue.0.lock().push_back(task);
    }

    fn release(&self, _task: &TaskRef) -> bool {
        false
    }
}

/// Counts what lives, to see everything dropped exactly once.
struct Alive(Arc<AtomicUsize>);

impl Alive {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, SeqCst);
        Self(count.clone())
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

/// Ready, with something to drop, once its flag is set; says where its waker is to be found.
struct WhenFlagged {
    flag: Arc<AtomicBool>,
    waker: Arc<Mutex<Option<Waker>>>,
    alive: Arc<AtomicUsize>,
    _self_alive: Alive,
}

impl Future for WhenFlagged {
    type Output = Alive;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Alive> {
        let old = self.waker.lock().replace(cx.waker().clone());
        drop(old);
        // Relaxed: the task's own transitions must carry the flag over.
        if self.flag.load(Relaxed) {
            Poll::Ready(Alive::new(&self.alive))
        } else {
            Poll::Pending
        }
    }
}

struct Setup {
    queue: Queue,
    flag: Arc<AtomicBool>,
    waker: Arc<Mutex<Option<Waker>>>,
    alive: Arc<AtomicUsize>,
}

impl Setup {
    fn new() -> Self {
        Self {
            queue: Queue::new(),
            flag: Arc::new(AtomicBool::new(false)),
            waker: Arc::new(Mutex::new(None)),
            alive: Arc::new(AtomicUsize::new(0)),
        }
    }

    fn spawn(&self) -> (TaskRef, JoinHandle<Alive>) {
        self.queue.spawn(WhenFlagged {
            flag: self.flag.clone(),
            waker: self.waker.clone(),
            alive: self.alive.clone(),
            _self_alive: Alive::new(&self.alive),
        })
    }

    /// Another thread sets the flag and wakes the task, by value.
    fn waking_thread(&self) -> thread::JoinHandle<()> {
        let (flag, waker) = (self.flag.clone(), self.waker.clone());
        thread::spawn(move || {
            // First the flag, then the look: a poll that stores its waker later sees the flag.
            flag.store(true, Relaxed);
            let found = waker.lock().take();
            if let Some(waker) = found {
                waker.wake();
            }
        })
    }

    fn assert_nothing_left(&self) {
        // The waker that the last poll stored holds a reference to the task.
        let waker = self.waker.lock().take();
        drop(waker);
        assert_eq!(
            self.alive.load(SeqCst),
            0,
            "a future or an output was leaked"
        );
    }
}

#[derive(Default)]
struct Counter(std::sync::atomic::AtomicUsize);

impl Wake for Counter {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn a_wake_during_the_poll_is_not_lost() {
    model(|| {
        let setup = Setup::new();
        let (listed, join) = setup.spawn();
        drop(listed);
        let other = setup.waking_thread();
        // The first poll stores the waker, and the other thread may find it before the poll ends.
        setup.queue.run_all();
        other.join().unwrap();
        setup.queue.run_all();
        assert!(join.is_finished(), "the wake was lost");
        drop(join);
        setup.assert_nothing_left();
    });
}

#[test]
fn two_wakes_queue_the_task_once() {
    model(|| {
        let setup = Setup::new();
        let (listed, join) = setup.spawn();
        setup.queue.run_all();
        let by_ref = listed.waker();
        let other = thread::spawn(move || by_ref.wake_by_ref());
        listed.waker().wake();
        other.join().unwrap();
        assert_eq!(setup.queue.0.lock().len(), 1);
        listed.shutdown();
        drop((listed, join));
        setup.queue.run_all();
        setup.assert_nothing_left();
    });
}

#[test]
fn the_join_handle_sees_the_output_or_is_woken() {
    model(|| {
        let setup = Setup::new();
        setup.flag.store(true, Relaxed);
        let (listed, mut join) = setup.spawn();
        drop(listed);
        let queue = setup.queue.clone();
        let runner = thread::spawn(move || queue.run_all());
        let counters = [(); 2].map(|()| std::sync::Arc::new(Counter::default()));
        let mut taken = false;
        for counter in &counters {
            // Two different wakers: the second poll changes the slot.
            let waker = Waker::from(counter.clone());
            match Pin::new(&mut join).poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(output) => {
                    drop(output.unwrap());
                    taken = true;
                    break;
                }
                Poll::Pending => {}
            }
        }
        runner.join().unwrap();
        assert!(
            taken || counters[1].0.load(SeqCst) == 1,
            "the join handle was not woken"
        );
        drop(join);
        setup.assert_nothing_left();
    });
}

/// The same with both threads at the worst moment: between the join handle's look at the slot and its
/// step to take it back the task completes, and has woken the handle.
#[test]
fn a_join_handle_that_is_too_late_to_change_its_waker_sees_the_end() {
    model(|| {
        let state = State::new();
        assert_eq!(state.begin_poll(), BeginPoll::Poll);
        assert!(state.lend_join_waker());
        assert!(state.is_join_waker_lent());
        assert_eq!(state.complete(), Complete::WakeJoin);
        assert!(!state.return_join_waker());
        assert!(!state.reclaim_join_waker());
    });
}

/// A task that is ready as soon as somebody polls it, and whose join handle waits and then does `then`
/// while that happens.
fn a_join_handle_leaves_nothing(then: impl Fn(JoinHandle<Alive>, &Waker)) {
    let setup = Setup::new();
    setup.flag.store(true, Relaxed);
    let (listed, mut join) = setup.spawn();
    drop(listed);
    let counter = std::sync::Arc::new(Counter::default());
    let waker = Waker::from(counter.clone());
    let polled = Pin::new(&mut join).poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    let queue = setup.queue.clone();
    let runner = thread::spawn(move || queue.run_all());
    then(join, &waker);
    runner.join().unwrap();
    setup.assert_nothing_left();
    drop(waker);
    assert_eq!(
        std::sync::Arc::strong_count(&counter),
        1,
        "the join waker was leaked"
    );
}

#[test]
fn a_join_handle_that_goes_away_leaves_nothing() {
    model(|| a_join_handle_leaves_nothing(|join, _| drop(join)));
}

/// The second poll reads the waker's slot, which the completing thread empties once the handle is gone.
#[test]
fn a_join_handle_that_looks_again_and_goes_away_leaves_nothing() {
    model(|| {
        a_join_handle_leaves_nothing(|mut join, waker| {
            let output = Pin::new(&mut join).poll(&mut Context::from_waker(waker));
            drop((output, join));
        });
    });
}

#[test]
fn abort_poll_and_wake_end_in_one_completion() {
    model(|| {
        let setup = Setup::new();
        let (listed, join) = setup.spawn();
        drop(listed);
        setup.queue.run_all();
        let other = setup.waking_thread();
        let abort = join.abort_handle();
        let aborter = thread::spawn(move || abort.abort());
        setup.queue.run_all();
        other.join().unwrap();
        aborter.join().unwrap();
        setup.queue.run_all();
        assert!(join.is_finished());
        drop(join);
        setup.assert_nothing_left();
    });
}

#[test]
fn shutdown_and_poll_drop_the_future_once() {
    model(|| {
        let setup = Setup::new();
        let (listed, mut join) = setup.spawn();
        let queue = setup.queue.clone();
        let runner = thread::spawn(move || queue.run_all());
        listed.shutdown();
        runner.join().unwrap();
        drop(listed);
        setup.queue.run_all();
        let polled = Pin::new(&mut join).poll(&mut Context::from_waker(Waker::noop()));
        let Poll::Ready(Err(error)) = polled else {
            panic!("a cancelled task is complete")
        };
        assert!(error.is_cancelled());
        drop(join);
        setup.assert_nothing_left();
    });
}

#[test]
fn a_join_set_sees_the_output_or_is_woken() {
    model(|| {
        let setup = Setup::new();
        setup.flag.store(true, Relaxed);
        let (listed, join) = setup.spawn();
        drop(listed);
        let queue = setup.queue.clone();
        // The task may be complete before it is in the set, and at any moment later.
        let runner = thread::spawn(move || queue.run_all());
        let mut set = JoinSet::new();
        set.insert(join);
        let counter = std::sync::Arc::new(Counter::default());
        let waker = Waker::from(counter.clone());
        let mut cx = Context::from_waker(&waker);
        let mut polled = set.poll_join_next(&mut cx);
        runner.join().unwrap();
        if polled.is_pending() {
            assert!(counter.0.load(SeqCst) > 0, "the set was not woken");
            polled = set.poll_join_next(&mut cx);
        }
        let Poll::Ready(Some(Ok(output))) = polled else {
            panic!("the task is complete")
        };
        drop((output, set));
        setup.assert_nothing_left();
    });
}
