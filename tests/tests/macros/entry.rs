//! The attributes, on the real runtime.

use runtime::runtime::{Handle, RuntimeFlavor};
use std::time::Duration;

fn flavor() -> RuntimeFlavor {
    Handle::current().runtime_flavor()
}

#[runtime::test]
async fn a_test_runs_on_the_current_thread() {
    assert_eq!(flavor(), RuntimeFlavor::CurrentThread);
    let here = std::thread::current().id();
    let task = runtime::spawn(async { std::thread::current().id() });
    assert_eq!(task.await.unwrap(), here);
}

#[runtime::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_test_may_have_worker_threads() {
    assert_eq!(flavor(), RuntimeFlavor::MultiThread);
    assert_eq!(Handle::current().metrics().num_workers(), 3);
}

#[runtime::test]
async fn a_test_may_return_a_result() -> Result<(), Box<dyn std::error::Error>> {
    let number: u32 = "42".parse()?;
    assert_eq!(number, 42);
    Ok(())
}

#[runtime::test]
#[should_panic(expected = "on purpose")]
async fn other_attributes_of_tests_are_kept() {
    panic!("on purpose");
}

#[runtime::test(start_paused = true)]
async fn a_paused_clock_lets_hours_pass_in_no_time() {
    let (real, paused) = (std::time::Instant::now(), runtime::time::Instant::now());
    runtime::time::sleep(Duration::from_secs(3600)).await;
    assert!(paused.elapsed() >= Duration::from_secs(3600));
    assert!(real.elapsed() < Duration::from_secs(60));
}

#[runtime::main]
async fn default_main() -> RuntimeFlavor {
    flavor()
}

#[runtime::main(flavor = "current_thread")]
async fn current_thread_main(left: u32, right: &str) -> Result<u32, std::num::ParseIntError> {
    assert_eq!(flavor(), RuntimeFlavor::CurrentThread);
    Ok(left + right.parse::<u32>()?)
}

#[runtime::main(worker_threads = 2)]
async fn two_workers() -> usize {
    Handle::current().metrics().num_workers()
}

struct Counter {
    count: u32,
}

impl Counter {
    #[runtime::main(flavor = "current_thread")]
    async fn increment(&mut self) -> &mut u32 {
        runtime::task::yield_now().await;
        self.count += 1;
        &mut self.count
    }

    #[runtime::main(flavor = "current_thread")]
    async fn main() -> Self {
        Self { count: 1 }
    }
}

#[test]
fn main_may_be_any_function() {
    assert_eq!(default_main(), RuntimeFlavor::MultiThread);
    assert_eq!(current_thread_main(1, "2"), Ok(3));
    assert!(current_thread_main(1, "two").is_err());
    assert_eq!(two_workers(), 2);
    let mut counter = Counter::main();
    *counter.increment() += 1;
    assert_eq!(counter.count, 3);
}

mod main_function {
    #[runtime::main(flavor = "current_thread")]
    async fn main() -> Result<u32, String> {
        let value = runtime::spawn(async { 5 })
            .await
            .map_err(|error| error.to_string())?;
        if value == 5 {
            return Ok(value);
        }
        Err("no".into())
    }

    #[test]
    fn main_gives_back_what_its_body_returns() {
        assert_eq!(main(), Ok(5));
    }
}

/// A branch that is always ready and does not consume the budget itself must not keep the task
/// running for ever: `select!` gives way.
#[runtime::test]
async fn a_select_in_a_loop_lets_other_tasks_run() {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    use std::sync::atomic::Ordering::Relaxed;

    let stop = Arc::new(AtomicBool::new(false));
    let other = runtime::spawn({
        let stop = stop.clone();
        async move { stop.store(true, Relaxed) }
    });
    let mut rounds = 0;
    while !stop.load(Relaxed) {
        rounds += 1;
        assert!(rounds < 1_000_000, "the other task had no turn");
        runtime::select! {
            biased;
            () = runtime::task::coop::consume_budget() => {}
            () = std::future::ready(()) => {}
        }
    }
    other.await.unwrap();
}
