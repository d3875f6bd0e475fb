//! What is wrong is said at once, at the caller's line, with the remedy.

use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use runtime_timer::{
    Clock, CurrentTimers, Instant, Timers, enter, interval, interval_at, pause, resume, sleep,
    sleep_until, timeout, timeout_at,
};

/// Runs `f`, which must panic; gives the message and the file of the panic.
fn panic_of<R>(f: impl FnOnce() -> R) -> (String, String) {
    static HOOK: Mutex<()> = Mutex::new(());
    let _one_at_a_time = HOOK.lock().unwrap();
    let seen = Arc::new(Mutex::new(None));
    let hook = panic::take_hook();
    let thread = std::thread::current().id();
    let sink = seen.clone();
    panic::set_hook(Box::new(move |info| {
        if std::thread::current().id() == thread {
            let file = info.location().unwrap().file().to_owned();
            *sink.lock().unwrap() = Some((info.payload_as_str().unwrap().to_owned(), file));
        }
    }));
    let result = catch_unwind(AssertUnwindSafe(f)).map(drop);
    panic::set_hook(hook);
    assert!(result.is_err(), "it did not panic");
    seen.lock().unwrap().take().unwrap()
}

#[track_caller]
fn assert_panics_here<R>(f: impl FnOnce() -> R, expected: &str) {
    let (message, file) = panic_of(f);
    assert!(message.contains(expected), "{message}");
    assert_eq!(file, file!());
}

#[test]
fn timers_outside_of_a_runtime_are_refused_when_they_are_made() {
    let second = Duration::from_secs(1);
    let expected = "`Runtime::block_on`";
    assert_panics_here(|| sleep(second), expected);
    assert_panics_here(|| sleep_until(Instant::now()), expected);
    assert_panics_here(|| timeout(second, async {}), expected);
    assert_panics_here(|| timeout_at(Instant::now(), async {}), expected);
    assert_panics_here(|| interval(second), expected);
    assert_panics_here(|| interval_at(Instant::now(), second), expected);
    assert_panics_here(
        || {
            pause();
        },
        expected,
    );
    assert_panics_here(
        || {
            resume();
        },
        expected,
    );
}

#[test]
fn timers_in_a_runtime_without_time_are_refused_when_they_are_made() {
    let _entered = enter(CurrentTimers::Disabled);
    let second = Duration::from_secs(1);
    let expected = "Call `enable_time`";
    assert_panics_here(|| sleep(second), expected);
    assert_panics_here(|| timeout(second, async {}), expected);
    assert_panics_here(|| interval(second), expected);
    assert_panics_here(
        || {
            pause();
        },
        expected,
    );
}

#[test]
fn a_period_of_zero_is_refused() {
    assert_panics_here(|| interval(Duration::ZERO), "`period` must be non-zero");
    assert_panics_here(
        || interval_at(Instant::now(), Duration::ZERO),
        "`period` must be non-zero",
    );
}

#[test]
fn pausing_at_the_wrong_time_or_place_is_refused() {
    let clock = Clock::new(true);
    let timers = Timers::new(clock, Arc::new(|| ()));
    let entered = enter(CurrentTimers::Enabled(timers));
    assert_panics_here(
        || {
            resume();
        },
        "time is not frozen",
    );
    pause();
    assert_panics_here(
        || {
            pause();
        },
        "time is already frozen",
    );
    drop(entered);

    let timers = Timers::new(Clock::new(false), Arc::new(|| ()));
    let _entered = enter(CurrentTimers::Enabled(timers));
    assert_panics_here(
        || {
            pause();
        },
        "`current_thread` Tokio runtime",
    );
}
