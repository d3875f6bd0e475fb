//! The attributes, with their documentation; they themselves are in the crate `runtime-macros`.

#![expect(
    clippy::needless_doctest_main,
    reason = "an example shows what the attribute turns `main` into"
)]

/// Runs an `async fn` on a runtime of its own.
///
/// Usually the function is `main`. The attribute turns it into a plain function that builds a runtime,
/// blocks the thread on the body, gives back what it returns, and shuts the runtime down. So the body
/// itself is no task: it runs on the thread that called the function, and when it ends, tasks that
/// still run are cancelled.
///
/// It is a shorthand; programs that need other settings use [`Builder`](crate::runtime::Builder), as
/// shown below.
///
/// # Arguments
///
/// | argument | default | what it sets |
/// |---|---|---|
/// | `flavor = "multi_thread"` | yes | tasks run on several worker threads |
/// | `flavor = "current_thread"` | | tasks run on the calling thread, while it blocks on the body |
/// | `worker_threads = 4` | number of CPUs | how many worker threads; at least 1. Only for `multi_thread` |
/// | `start_paused = true` | `false` | whether the clock stands still from the beginning, see [`time::pause`](crate::time). Only for `current_thread` |
/// | `unhandled_panic = "shutdown_runtime"` | `"ignore"` | what a panic in a task does to the others. Only for `current_thread` |
/// | `name = "…"` | none | a name for the runtime |
/// | `crate = "path"` | `"runtime"` | where the expansion finds this crate |
///
/// # Panics
///
/// When the runtime cannot be built, and as [`Runtime::block_on`](crate::runtime::Runtime::block_on): when it is called from
/// within a runtime.
///
/// # Examples
///
/// ```
/// #[runtime::main]
/// async fn main() {
///     println!("Hello");
/// }
/// ```
///
/// This is the same as:
///
/// ```
/// fn main() {
///     runtime::runtime::Builder::new_multi_thread()
///         .enable_all()
///         .build()
///         .expect("Failed building the Runtime")
///         .block_on(async {
///             println!("Hello");
///         })
/// }
/// ```
///
/// Two worker threads, and an error that ends the program with a message:
///
/// ```
/// #[runtime::main(worker_threads = 2)]
/// async fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let answer = runtime::spawn(async { "42".parse::<u32>() }).await??;
///     assert_eq!(answer, 42);
///     Ok(())
/// }
/// ```
///
/// Everything on one thread:
///
/// ```
/// #[runtime::main(flavor = "current_thread")]
/// async fn main() {
///     let here = std::thread::current().id();
///     let there = runtime::spawn(async { std::thread::current().id() });
///     assert_eq!(there.await.unwrap(), here);
/// }
/// ```
///
/// The crate under another name, as a macro of another crate would need it:
///
/// ```
/// use runtime as rt;
///
/// #[rt::main(crate = "rt")]
/// async fn main() {}
/// ```
pub use runtime_macros::main;

/// Makes a test of an `async fn`, and runs it on a runtime of its own.
///
/// The runtime is of the flavor `current_thread`, unless the arguments say otherwise: then tasks that the test
/// spawns run only while the test itself waits, and its order of events does not depend on the number of CPUs.
///
/// The arguments are those of [`#[main]`](macro@crate::main), the default of `flavor` aside:
/// `worker_threads` needs `flavor = "multi_thread"`, whose default is then again the number of CPUs. Other attributes of
/// tests, such as `#[should_panic]`, stand beside this one as beside `#[test]`.
///
/// # Examples
///
/// ```no_run
/// #[runtime::test]
/// async fn a_task_gives_its_value() {
///     let task = runtime::spawn(async { 6 * 7 });
///     assert_eq!(task.await.unwrap(), 42);
/// }
/// ```
///
/// On several threads:
///
/// ```no_run
/// #[runtime::test(flavor = "multi_thread", worker_threads = 2)]
/// async fn tasks_run_while_the_test_blocks() {
///     let (sender, receiver) = std::sync::mpsc::channel();
///     runtime::spawn(async move { sender.send(1).unwrap() });
///     assert_eq!(receiver.recv(), Ok(1));
/// }
/// ```
///
/// With a clock that only moves when everybody waits for it, so that the test takes no time:
///
/// ```no_run
/// use runtime::time::{Duration, Instant, sleep};
///
/// #[runtime::test(start_paused = true)]
/// async fn an_hour_passes() {
///     let start = Instant::now();
///     sleep(Duration::from_secs(3600)).await;
///     assert!(start.elapsed() >= Duration::from_secs(3600));
/// }
/// ```
pub use runtime_macros::test;
