//! Models of what meets at one worker's timers. The clock is paused and moved by hand, so that they
//! say the same in every run.

use std::sync::atomic::AtomicUsize as Count;
use std::sync::atomic::Ordering::SeqCst;
use std::task::{Context, Poll, Wake};

use runtime_base::parker::Parker;
use runtime_base::sync::{model, thread};

use super::*;
use crate::alarm::Alarm;
use crate::current::{self, CurrentTimers};

const HOUR: Duration = Duration::from_secs(3_600);

#[derive(Default)]
struct Counter(Count);

impl Counter {
    fn new() -> (Arc<Self>, Waker) {
        let counter = Arc::new(Self::default());
        (counter.clone(), Waker::from(counter))
    }

    fn count(&self) -> usize {
        self.0.load(SeqCst)
    }
}

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

fn paused_timers(unpark: impl Fn() + Send + Sync + 'static) -> Arc<Timers> {
    let clock = Clock::new(true);
    clock.pause();
    Timers::new(clock, Arc::new(unpark))
}

fn alarm_after(timers: &Arc<Timers>, duration: Duration) -> Alarm {
    let _entered = current::enter(CurrentTimers::Enabled(timers.clone()));
    Alarm::after(duration)
}

fn poll(alarm: &mut Alarm, waker: &Waker) -> Poll<()> {
    alarm.poll(&mut Context::from_waker(waker))
}

fn expire_and_wake(timers: &Timers) {
    let mut batch = WakeBatch::new();
    timers.expire(&mut batch);
    batch.wake_all();
}

#[test]
fn a_timer_that_is_dropped_while_it_fires_leaves_nothing_behind() {
    model(|| {
        let timers = paused_timers(|| ());
        let (counter, waker) = Counter::new();
        let mut alarm = alarm_after(&timers, HOUR);
        assert!(poll(&mut alarm, &waker).is_pending());
        timers.clock().advance(HOUR);
        let other = thread::spawn(move || drop(alarm));
        expire_and_wake(&timers);
        other.join().unwrap();
        assert!(counter.count() <= 1);
        assert!(timers.is_empty());
        drop(waker);
        assert_eq!(Arc::strong_count(&counter), 1, "a waker was leaked");
    });
}

#[test]
fn a_timer_that_fires_while_another_task_polls_it_wakes_that_task_or_is_ready() {
    model(|| {
        let timers = paused_timers(|| ());
        let (_, old_waker) = Counter::new();
        let (counter, waker) = Counter::new();
        let mut alarm = alarm_after(&timers, HOUR);
        assert!(poll(&mut alarm, &old_waker).is_pending());
        timers.clock().advance(HOUR);
        let other = {
            let timers = timers.clone();
            thread::spawn(move || expire_and_wake(&timers))
        };
        let polled = poll(&mut alarm, &waker);
        other.join().unwrap();
        assert!(
            polled.is_ready() || counter.count() == 1,
            "the wake was lost"
        );
        assert!(poll(&mut alarm, &waker).is_ready());
    });
}

#[test]
fn a_timer_that_is_reset_while_it_fires_waits_for_its_new_deadline() {
    model(|| {
        let timers = paused_timers(|| ());
        let (counter, waker) = Counter::new();
        let mut alarm = alarm_after(&timers, HOUR);
        assert!(poll(&mut alarm, &waker).is_pending());
        timers.clock().advance(HOUR);
        let other = {
            let timers = timers.clone();
            thread::spawn(move || expire_and_wake(&timers))
        };
        alarm.reset(alarm.deadline() + HOUR);
        other.join().unwrap();
        // Either it fired before, and its task polls again, or it still waits.
        assert!(!alarm.is_elapsed());
        assert!(counter.count() == 1 || timers.len.load(Relaxed) == 1);
        assert!(poll(&mut alarm, &waker).is_pending());
        timers.clock().advance(HOUR);
        expire_and_wake(&timers);
        assert!(alarm.is_elapsed());
    });
}

#[test]
fn two_threads_that_expire_share_the_due_timers_between_them() {
    model(|| {
        let timers = paused_timers(|| ());
        let (counter, waker) = Counter::new();
        let mut alarms = [(); 2].map(|()| alarm_after(&timers, HOUR));
        for alarm in &mut alarms {
            assert!(poll(alarm, &waker).is_pending());
        }
        timers.clock().advance(HOUR);
        let stand_in = {
            let timers = timers.clone();
            thread::spawn(move || expire_and_wake(&timers))
        };
        expire_and_wake(&timers);
        stand_in.join().unwrap();
        assert_eq!(counter.count(), 2);
    });
}

#[test]
fn a_deadline_from_another_thread_is_seen_before_the_owner_sleeps_or_ends_its_sleep() {
    model(|| {
        let mut parker = Parker::new();
        let unparker = parker.unparker().clone();
        let timers = paused_timers(move || unparker.unpark());
        let other = {
            let timers = timers.clone();
            thread::spawn(move || {
                let deadline = timers.clock().now() + HOUR;
                let (_, waker) = Counter::new();
                assert!(matches!(timers.insert(deadline, waker), Insert::Waiting(_)));
            })
        };
        if timers.prepare_park().is_none() {
            // If nobody unparks, loom reports a deadlock and the stress test hangs.
            parker.park();
        }
        timers.finish_park();
        assert!(!timers.is_empty());
        assert_eq!(timers.prepare_park(), Some(HOUR));
        other.join().unwrap();
    });
}

#[test]
fn an_earlier_deadline_from_another_thread_shortens_the_sleep() {
    model(|| {
        let mut parker = Parker::new();
        let unparker = parker.unparker().clone();
        let timers = paused_timers(move || unparker.unpark());
        let (_, waker) = Counter::new();
        let mut later = alarm_after(&timers, 3 * HOUR);
        assert!(poll(&mut later, &waker).is_pending());
        let mut moved = alarm_after(&timers, 3 * HOUR);
        assert!(poll(&mut moved, &waker).is_pending());
        let other = thread::spawn(move || {
            // A reset counts as much as a new entry.
            moved.reset(moved.deadline() - 2 * HOUR);
            moved
        });
        if timers.prepare_park().unwrap() > 2 * HOUR {
            parker.park();
        }
        timers.finish_park();
        assert_eq!(timers.prepare_park(), Some(HOUR));
        other.join().unwrap();
    });
}

#[test]
fn a_timer_that_is_polled_first_during_shutdown_is_woken_or_refused() {
    model(|| {
        let timers = paused_timers(|| ());
        let (counter, waker) = Counter::new();
        let deadline = timers.clock().now() + HOUR;
        let other = {
            let timers = timers.clone();
            thread::spawn(move || matches!(timers.insert(deadline, waker), Insert::Waiting(_)))
        };
        let mut batch = WakeBatch::new();
        timers.shutdown(&mut batch);
        batch.wake_all();
        let went_in = other.join().unwrap();
        assert_eq!(counter.count(), usize::from(went_in));
        assert!(timers.is_empty());
    });
}

#[cfg(not(rt_loom))]
mod plain {
    use super::*;

    fn counting_timers() -> (Arc<Timers>, Arc<Counter>) {
        let counter = Arc::new(Counter::default());
        let unparks = counter.clone();
        (paused_timers(move || Wake::wake_by_ref(&unparks)), counter)
    }

    #[test]
    fn only_an_earlier_deadline_unparks_and_only_a_parked_owner() {
        let (timers, unparks) = counting_timers();
        let (_, waker) = Counter::new();
        let insert = |hours: u32| {
            let mut alarm = alarm_after(&timers, hours * HOUR);
            assert!(poll(&mut alarm, &waker).is_pending());
            alarm
        };
        let mut alarms = vec![insert(5)];
        assert_eq!(unparks.count(), 0, "the owner is awake");
        timers.prepare_park();
        alarms.push(insert(6));
        assert_eq!(unparks.count(), 0, "the deadline is later");
        alarms.push(insert(5));
        assert_eq!(unparks.count(), 0, "the deadline is the same");
        alarms.push(insert(4));
        assert_eq!(unparks.count(), 1);
        alarms.push(insert(4));
        assert_eq!(
            unparks.count(),
            1,
            "the owner is awake for this one already"
        );
        alarms.push(insert(3));
        assert_eq!(unparks.count(), 2);
        timers.finish_park();
        alarms.push(insert(1));
        assert_eq!(unparks.count(), 2, "the owner is awake");
    }

    #[test]
    fn the_sleep_ends_exactly_when_the_first_timer_is_due() {
        let (timers, _) = counting_timers();
        let (counter, waker) = Counter::new();
        assert_eq!(timers.prepare_park(), None);
        timers.finish_park();
        let mut alarm = alarm_after(&timers, Duration::from_micros(2_500));
        assert!(poll(&mut alarm, &waker).is_pending());
        let sleep = Duration::from_millis(3);
        assert_eq!(timers.prepare_park(), Some(sleep));
        timers.finish_park();

        assert!(timers.clock().auto_advance(sleep - Duration::from_nanos(1)));
        expire_and_wake(&timers);
        assert_eq!(counter.count(), 0);
        assert_eq!(timers.prepare_park(), Some(Duration::from_nanos(1)));
        timers.finish_park();
        assert!(timers.clock().auto_advance(Duration::from_nanos(1)));
        expire_and_wake(&timers);
        assert_eq!(counter.count(), 1);
    }

    #[test]
    fn more_timers_than_fire_under_one_lock_fire_in_one_call() {
        let (timers, _) = counting_timers();
        let (counter, waker) = Counter::new();
        let mut alarms: Vec<_> = (0..3 * FIRED_PER_LOCK as u32)
            .map(|number| alarm_after(&timers, number % 7 * HOUR + HOUR))
            .collect();
        for alarm in &mut alarms {
            assert!(poll(alarm, &waker).is_pending());
        }
        timers.clock().advance(8 * HOUR);
        expire_and_wake(&timers);
        assert_eq!(counter.count(), alarms.len());
        assert!(timers.is_empty());
    }

    #[test]
    fn a_timer_goes_into_the_wheel_of_the_worker_that_polls_it_first() {
        let clock = Clock::new(true);
        let [home, worker] = [(); 2].map(|()| Timers::new(clock.clone(), Arc::new(|| ())));
        let (_, waker) = Counter::new();
        let mut alarm = alarm_after(&home, HOUR);
        {
            let _entered = current::enter(CurrentTimers::Enabled(worker.clone()));
            assert!(poll(&mut alarm, &waker).is_pending());
        }
        assert!(home.is_empty() && !worker.is_empty());
        drop(alarm);
        assert!(worker.is_empty());

        let stranger = Timers::new(Clock::new(true), Arc::new(|| ()));
        let mut alarm = alarm_after(&home, HOUR);
        let _entered = current::enter(CurrentTimers::Enabled(stranger.clone()));
        assert!(poll(&mut alarm, &waker).is_pending());
        assert!(!home.is_empty() && stranger.is_empty());
    }

    #[test]
    fn a_timer_that_is_dropped_in_time_takes_its_waker_along() {
        let (timers, _) = counting_timers();
        let (counter, waker) = Counter::new();
        let mut alarm = alarm_after(&timers, HOUR);
        assert!(timers.is_empty());
        assert!(poll(&mut alarm, &waker).is_pending());
        assert!(poll(&mut alarm, &waker).is_pending());
        assert!(!timers.is_empty());
        drop(alarm);
        assert!(timers.is_empty());
        assert_eq!(timers.prepare_park(), None);
        drop(waker);
        assert_eq!(Arc::strong_count(&counter), 1);
    }
}
