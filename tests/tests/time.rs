//! Timers through the runtime, and a clock that stands still.

use std::future::{Future, pending, poll_fn, ready};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use runtime::sync::Notify;
use runtime::task::{spawn_blocking, yield_now};
use runtime::time::{
    Instant, MissedTickBehavior, advance, interval, interval_at, pause, resume, sleep, sleep_until,
    timeout, timeout_at,
};
use runtime::{Builder, Handle, Runtime};
use tests::wakers::Counting;
use tests::{each_runtime, within_limit};

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// A runtime whose clock stands still from the beginning.
fn paused() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap()
}

#[test]
fn a_sleep_never_ends_early() {
    each_runtime(|runtime| {
        let tasks: Vec<_> = (0..50)
            .map(|number| {
                runtime.spawn(async move {
                    let duration = Duration::from_micros(137 * number);
                    let begin = std::time::Instant::now();
                    sleep(duration).await;
                    assert!(begin.elapsed() >= duration);
                })
            })
            .collect();
        runtime.block_on(async {
            let begin = std::time::Instant::now();
            sleep(3 * MILLISECOND).await;
            assert!(begin.elapsed() >= 3 * MILLISECOND);
            for task in tasks {
                task.await.unwrap();
            }
        });
    });
}

#[test]
fn a_sleep_of_no_length_and_one_in_the_past_end_at_once() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            sleep(Duration::ZERO).await;
            let past = Instant::now();
            sleep(MILLISECOND).await;
            sleep_until(past).await;
            timeout_at(past, pending::<()>()).await.unwrap_err();
        });
    });
}

#[test]
fn the_longest_durations_neither_overflow_nor_end() {
    each_runtime(|runtime| {
        let task = runtime.spawn(async {
            let far = || sleep(Duration::MAX);
            timeout(MILLISECOND, far()).await.unwrap_err();
            timeout(MILLISECOND, timeout(Duration::MAX, pending::<()>()))
                .await
                .unwrap_err();
            assert_eq!(timeout(Duration::MAX, ready(7)).await.unwrap(), 7);
            let mut ticks = interval(Duration::MAX);
            ticks.tick().await;
            timeout(MILLISECOND, ticks.tick()).await.unwrap_err();
            let mut reset = Box::pin(sleep(Duration::MAX));
            timeout(MILLISECOND, &mut reset).await.unwrap_err();
            reset.as_mut().reset(Instant::now() + MILLISECOND);
            reset.await;
            // Centuries, and the ends of common counters.
            for bits in [31, 32, 40, 53, 63] {
                let sleep = sleep(Duration::from_millis(1 << bits));
                timeout(Duration::ZERO, sleep).await.unwrap_err();
            }
        });
        runtime.block_on(task).unwrap();
    });
}

#[test]
fn the_longest_durations_under_a_clock_that_stands_still() {
    within_limit(|| {
        paused().block_on(async {
            timeout(HOUR, sleep(Duration::MAX)).await.unwrap_err();
            // The clock may jump as far as it can count, and the timer fires or waits; no panic.
            let _ = timeout(Duration::from_secs(1 << 33), sleep(Duration::MAX)).await;
        });
    });
}

#[test]
fn thousands_of_timers_fire_in_their_order() {
    within_limit(|| {
        paused().block_on(async {
            let fired = Arc::new(std::sync::Mutex::new(Vec::new()));
            let tasks: Vec<_> = (0..5_000_u64)
                .map(|number| {
                    let fired = fired.clone();
                    // A scrambled order over some minutes.
                    let after = Duration::from_millis(number * 7_919 % 300_000);
                    runtime::spawn(async move {
                        sleep(after).await;
                        fired.lock().unwrap().push(after);
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            let fired = fired.lock().unwrap();
            assert_eq!(fired.len(), 5_000);
            assert!(fired.is_sorted());
        });
    });
}

#[test]
fn a_timer_that_was_dropped_does_not_fire() {
    each_runtime(|runtime| {
        let (count, waker) = Counting::new();
        runtime.block_on(async {
            for _ in 0..100 {
                let mut sleep = Box::pin(sleep(MILLISECOND));
                let polled = sleep.as_mut().poll(&mut Context::from_waker(&waker));
                assert!(polled.is_pending());
            }
            // Due after all of those.
            sleep(3 * MILLISECOND).await;
        });
        assert_eq!(count.count(), 0);
        drop(waker);
        assert_eq!(Arc::strong_count(&count), 1);
    });
}

#[test]
#[allow(clippy::async_yields_async)] // The timer is handed on, not awaited.
fn a_timer_moves_to_other_tasks_and_threads() {
    each_runtime(|runtime| {
        let task = runtime.spawn(async {
            let mut timer = Box::pin(sleep(3 * MILLISECOND));
            for _ in 0..3 {
                // Polled there, and brought back unfinished.
                timer = runtime::spawn(async move {
                    let _ = timeout(Duration::ZERO, &mut timer).await;
                    timer
                })
                .await
                .unwrap();
            }
            timer.await;
            let far = Box::pin(sleep(HOUR));
            let reset = runtime::spawn(async move {
                let mut far = far;
                let _ = timeout(Duration::ZERO, &mut far).await;
                far.as_mut().reset(Instant::now() + MILLISECOND);
                far.await;
            });
            reset.await.unwrap();
        });
        runtime.block_on(task).unwrap();
    });
}

#[test]
fn a_timer_dropped_on_a_thread_without_a_runtime_lets_go_of_its_waker() {
    each_runtime(|runtime| {
        let (count, waker) = Counting::new();
        let mut timers = Vec::new();
        runtime.block_on(async {
            for _ in 0..10 {
                let mut timer = Box::pin(sleep(HOUR));
                assert!(
                    timer
                        .as_mut()
                        .poll(&mut Context::from_waker(&waker))
                        .is_pending()
                );
                timers.push(timer);
            }
        });
        thread::spawn(move || drop(timers)).join().unwrap();
        drop(waker);
        assert_eq!(Arc::strong_count(&count), 1);
    });
}

#[test]
fn a_timeout_gives_the_output_or_elapses() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            assert_eq!(timeout(HOUR, async { 7 }).await.unwrap(), 7);
            // What is ready wins over a timeout that is due.
            assert_eq!(timeout(Duration::ZERO, ready(7)).await.unwrap(), 7);
            let error = timeout(MILLISECOND, pending::<()>()).await.unwrap_err();
            assert_eq!(
                std::io::Error::from(error).kind(),
                std::io::ErrorKind::TimedOut
            );
        });
    });
}

#[test]
fn a_timeout_stops_a_future_that_is_always_ready_to_go_on() {
    each_runtime(|runtime| {
        let endless = async {
            loop {
                runtime::task::consume_budget().await;
            }
        };
        let task = runtime.spawn(async { timeout(MILLISECOND, endless).await });
        runtime.block_on(task).unwrap().unwrap_err();
    });
}

#[test]
fn a_clock_that_stands_still_jumps_when_there_is_nothing_else_to_do() {
    within_limit(|| {
        let real = std::time::Instant::now();
        paused().block_on(async {
            let begin = Instant::now();
            let task = runtime::spawn(async {
                sleep(HOUR).await;
                Instant::now()
            });
            sleep(2 * HOUR).await;
            assert_eq!(begin.elapsed(), 2 * HOUR);
            assert_eq!(task.await.unwrap() - begin, HOUR);
            timeout(HOUR, pending::<()>()).await.unwrap_err();
            assert_eq!(begin.elapsed(), 3 * HOUR);
        });
        assert!(real.elapsed() < Duration::from_secs(9));
    });
}

#[test]
fn a_clock_that_stands_still_waits_for_blocking_work() {
    within_limit(|| {
        paused().block_on(async {
            let begin = Instant::now();
            let (release, released) = channel::<()>();
            let work = spawn_blocking(move || {
                let _ = released.recv();
                7
            });
            // The timer would be due at once if the clock jumped.
            let releasing = thread::spawn(move || {
                thread::sleep(20 * MILLISECOND);
                drop(release);
            });
            assert_eq!(timeout(HOUR, work).await.unwrap().unwrap(), 7);
            assert!(begin.elapsed() < HOUR);
            releasing.join().unwrap();
            // Nobody works any more: it jumps again.
            sleep(HOUR).await;
        });
    });
}

#[test]
fn a_clock_that_stands_still_waits_until_somebody_is_told_of_the_end_of_blocking_work() {
    /// Keeps the runtime busy with something else before it passes a wake on.
    struct Slow(Handle, Waker);
    impl Wake for Slow {
        fn wake(self: Arc<Self>) {
            drop(self.0.spawn(async {}));
            thread::sleep(20 * MILLISECOND);
            self.1.wake_by_ref();
        }
    }

    within_limit(|| {
        paused().block_on(async {
            let begin = Instant::now();
            let (release, released) = channel();
            let mut work = spawn_blocking(move || released.recv().unwrap());
            let output = poll_fn(|cx| {
                let slow = Slow(Handle::current(), cx.waker().clone());
                let waker = Waker::from(Arc::new(slow));
                let polled = Pin::new(&mut work).poll(&mut Context::from_waker(&waker));
                // It has begun to wait, or has ended.
                let _ = release.send(7);
                polled
            });
            // The timer would be due at once if the clock jumped.
            assert_eq!(timeout(HOUR, output).await.unwrap().unwrap(), 7);
            assert!(begin.elapsed() < HOUR);
        });
    });
}

#[test]
fn advance_moves_the_clock_and_fires_what_is_due() {
    within_limit(|| {
        paused().block_on(async {
            let begin = Instant::now();
            let fired = Arc::new(AtomicUsize::new(0));
            let tasks: Vec<_> = (1..=3)
                .map(|seconds| {
                    let fired = fired.clone();
                    runtime::spawn(async move {
                        sleep(seconds * SECOND).await;
                        fired.fetch_add(1, SeqCst);
                    })
                })
                .collect();
            yield_now().await;
            for seconds in 1..=3 {
                advance(SECOND).await;
                while fired.load(SeqCst) < seconds as usize {
                    assert_eq!(
                        begin.elapsed(),
                        seconds * SECOND,
                        "the clock moved by itself"
                    );
                    yield_now().await;
                }
            }
            for task in tasks {
                task.await.unwrap();
            }
            assert_eq!(begin.elapsed(), 3 * SECOND);
        });
    });
}

#[test]
fn what_is_reset_to_a_time_that_is_over_is_due_at_once() {
    paused().block_on(async {
        advance(SECOND).await;
        let over = Instant::now();
        let (count, waker) = Counting::new();
        let mut cx = Context::from_waker(&waker);
        let mut waiting = pin!(sleep(HOUR));
        assert!(waiting.as_mut().poll(&mut cx).is_pending());
        waiting.as_mut().reset(over);
        assert!(waiting.is_elapsed());
        assert_eq!(count.count(), 1);
        assert!(waiting.as_mut().poll(&mut cx).is_ready());

        let mut ticks = interval_at(over + HOUR, HOUR);
        assert!(ticks.poll_tick(&mut cx).is_pending());
        ticks.reset_immediately();
        assert_eq!(count.count(), 2);
        assert_eq!(ticks.poll_tick(&mut cx), Poll::Ready(over));
        assert!(ticks.poll_tick(&mut cx).is_pending());
    });
}

#[test]
fn the_clock_is_paused_and_resumed_while_it_runs() {
    within_limit(|| {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            pause();
            let begin = Instant::now();
            sleep(HOUR).await;
            assert_eq!(begin.elapsed(), HOUR);
            resume();
            let real = std::time::Instant::now();
            sleep(2 * MILLISECOND).await;
            assert!(real.elapsed() >= 2 * MILLISECOND);
            assert!(begin.elapsed() >= HOUR + 2 * MILLISECOND);
        });
    });
}

#[test]
fn a_wake_from_another_thread_comes_before_the_jump() {
    within_limit(|| {
        let runtime = paused();
        runtime.block_on(async {
            let notify = Arc::new(Notify::new());
            let other = thread::spawn({
                let notify = notify.clone();
                move || notify.notify_one()
            });
            other.join().unwrap();
            let begin = Instant::now();
            timeout(HOUR, notify.notified()).await.unwrap();
            assert_eq!(begin.elapsed(), Duration::ZERO);
        });
    });
}

#[test]
fn an_interval_ticks_on_time_and_catches_up_as_it_is_told() {
    within_limit(|| {
        paused().block_on(async {
            let begin = Instant::now();
            let mut ticks = interval(SECOND);
            for number in 0..5 {
                assert_eq!(ticks.tick().await - begin, number * SECOND);
            }
            // The tick of 2 s is late: it comes at 3.5 s.
            for (behaviour, expected) in [
                (MissedTickBehavior::Burst, [1_000, 3_500, 3_500, 4_000]),
                (MissedTickBehavior::Delay, [1_000, 3_500, 4_500, 5_500]),
                (MissedTickBehavior::Skip, [1_000, 3_500, 4_000, 5_000]),
            ] {
                let begin = Instant::now();
                let mut ticks = interval_at(begin + SECOND, SECOND);
                ticks.set_missed_tick_behavior(behaviour);
                ticks.tick().await;
                advance(Duration::from_millis(2_500)).await;
                let mut at = vec![1_000];
                for _ in 0..3 {
                    ticks.tick().await;
                    at.push(begin.elapsed().as_millis());
                }
                assert_eq!(at, expected, "{behaviour:?}");
            }
        });
    });
}

#[test]
fn timers_of_two_threads_that_block_on_one_runtime_all_fire() {
    each_runtime(|runtime| {
        thread::scope(|scope| {
            for number in 1..=4 {
                scope.spawn(move || {
                    for _ in 0..10 {
                        runtime
                            .block_on(async { sleep(Duration::from_micros(300 * number)).await });
                    }
                });
            }
        });
    });
}

#[test]
fn a_near_timer_set_from_outside_wakes_a_runtime_that_sleeps_long() {
    each_runtime(|runtime| {
        let far = runtime.spawn(async { sleep(HOUR).await });
        // Rests on a timer an hour away, or on nothing.
        let handle = runtime.handle().clone();
        let near = thread::spawn(move || {
            let task = handle.spawn(async {
                sleep(MILLISECOND).await;
                7
            });
            drop(handle);
            task
        });
        let near = near.join().unwrap();
        assert_eq!(runtime.block_on(near).unwrap(), 7);
        far.abort();
        assert!(runtime.block_on(far).unwrap_err().is_cancelled());
    });
}
