//! The macros work through `tokio::`, with no other crate in the `Cargo.toml` of whoever uses them.

use std::future::pending;
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The answer for Tokio, which has no such function.
#[allow(dead_code)]
fn is_shim() -> bool {
    false
}

fn is_linked_with_shim() -> bool {
    #[allow(unused_imports)]
    use tokio::runtime::*;
    is_shim()
}

#[test]
fn a_program_sees_what_it_is_linked_with() {
    assert!(is_linked_with_shim());
}

#[tokio::main]
async fn on_workers() -> Result<u32, std::num::ParseIntError> {
    tokio::spawn(async { "42".parse() }).await.unwrap()
}

#[tokio::main(flavor = "current_thread")]
async fn on_this_thread() -> std::thread::ThreadId {
    tokio::spawn(async { std::thread::current().id() })
        .await
        .unwrap()
}

#[test]
fn main_runs_an_async_fn() {
    assert_eq!(on_workers(), Ok(42));
    assert_eq!(on_this_thread(), std::thread::current().id());
}

#[tokio::test(start_paused = true)]
async fn test_can_pause_the_clock() {
    let start = Instant::now();
    sleep(Duration::from_secs(1_000)).await;
    assert!(start.elapsed() >= Duration::from_secs(1_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn test_can_have_workers() {
    assert_eq!(tokio::runtime::Handle::current().metrics().num_workers(), 2);
}

#[tokio::test]
async fn futures_are_selected_and_joined() {
    let timer = sleep(Duration::from_secs(1_000));
    tokio::pin!(timer);
    let selected = tokio::select! {
        biased;
        () = &mut timer => 1,
        Some(value) = async { Some(2) }, if true => value,
        else => 3,
    };
    assert_eq!(selected, 2);
    assert_eq!(tokio::join!(async { 1 }, async { "two" }), (1, "two"));
    let failed: Result<(u8, ()), &str> = tokio::try_join!(async { Err("no") }, pending());
    assert_eq!(failed, Err("no"));
}

tokio::task_local! {
    static NUMBER: u32;
    /// With a name that others may use.
    pub static TEXT: String;
}

#[tokio::test]
async fn tasks_have_values_of_their_own() {
    let value = NUMBER
        .scope(7, async {
            TEXT.sync_scope("x".repeat(2), || TEXT.with(String::len)) + 1
        })
        .await;
    assert_eq!(value, 3);
    assert!(NUMBER.try_get().is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn threads_have_tokios_name() {
    let name = tokio::spawn(async { std::thread::current().name().map(str::to_owned) });
    assert_eq!(name.await.unwrap().as_deref(), Some("tokio-rt-worker"));
}
