//! What the integration tests share: every flavour of the runtime, a limit of time, a look at panics
//! and wakers.
//!
//! - [`each_runtime`] and [`each_flavour`] run one body on every flavour, [`within_limit`] runs it
//!   once; a body that hangs fails its test with a message that says where.
//! - [`panic_of`] says what a body panicked with and at which line.
//! - [`wakers`] makes wakers that misbehave, [`process`] looks at the process and runs a test in a
//!   process of its own.

#![deny(unsafe_code)]

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use runtime::{Builder, Runtime};

mod panics;
pub mod process;
pub mod wakers;

pub use panics::{Panic, panic_of, with_quiet_panics};

/// No test takes longer, on all flavours together: one that does hangs. Far above what any needs,
/// because the machine may be busy with something else. Miri interprets, which is slow.
const LIMIT: Duration = Duration::from_secs(if cfg!(miri) { 300 } else { 40 });

/// A kind of runtime.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// Everything on one thread.
    CurrentThread,
    /// So many workers.
    MultiThread(usize),
}

impl Flavour {
    /// All that the tests run on.
    pub const ALL: [Self; 4] = [
        Self::CurrentThread,
        Self::MultiThread(1),
        Self::MultiThread(2),
        Self::MultiThread(4),
    ];

    /// Those with workers.
    pub const WITH_WORKERS: [Self; 3] = [
        Self::MultiThread(1),
        Self::MultiThread(2),
        Self::MultiThread(4),
    ];

    /// A builder with everything enabled.
    pub fn builder(self) -> Builder {
        let mut builder = match self {
            Self::CurrentThread => Builder::new_current_thread(),
            Self::MultiThread(workers) => {
                let mut builder = Builder::new_multi_thread();
                builder.worker_threads(workers);
                builder
            }
        };
        builder.enable_all();
        builder
    }

    /// A runtime with everything enabled.
    pub fn build(self) -> Runtime {
        self.builder()
            .build()
            .expect("the system has descriptors and threads")
    }
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CurrentThread => f.write_str("current-thread"),
            Self::MultiThread(workers) => write!(f, "multi-thread with {workers} workers"),
        }
    }
}

/// Runs `body` with a runtime of every flavour, and drops the runtime. No task may be left then.
#[track_caller]
pub fn each_runtime(body: impl Fn(&Runtime) + Send + 'static) {
    each_flavour(move |flavour| {
        let runtime = flavour.build();
        body(&runtime);
        let metrics = runtime.metrics();
        drop(runtime);
        assert_eq!(metrics.num_alive_tasks(), 0, "tasks are left after the end");
    });
}

/// Runs `body` with every flavour.
#[track_caller]
pub fn each_flavour(body: impl Fn(Flavour) + Send + 'static) {
    each_of(&Flavour::ALL, body);
}

/// Runs `body` with each of some flavours.
#[track_caller]
pub fn each_of(flavours: &'static [Flavour], body: impl Fn(Flavour) + Send + 'static) {
    limited(move |place| {
        for &flavour in flavours {
            *place.lock().expect("nobody panics with it") = Some(flavour);
            body(flavour);
        }
    });
}

/// Runs `body`, which must end within the limit of a test.
#[track_caller]
pub fn within_limit(body: impl FnOnce() + Send + 'static) {
    limited(move |_| body());
}

type Place = std::sync::Arc<std::sync::Mutex<Option<Flavour>>>;

/// Runs `body` on a thread of its own, and fails when it hangs; the thread is left behind then.
#[track_caller]
fn limited(body: impl FnOnce(&Place) + Send + 'static) {
    let caller = Location::caller();
    let name = thread::current().name().unwrap_or("a test").to_owned();
    let place = Place::default();
    let (ended, end) = channel();
    let place_of_body = place.clone();
    let thread = thread::Builder::new()
        .name(name.clone())
        .spawn(move || {
            let result = catch_unwind(AssertUnwindSafe(|| body(&place_of_body)));
            let _ = ended.send(());
            result
        })
        .expect("the system gives a thread");
    let timed_out = end.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout);
    let flavour = place.lock().map_or(None, |place| *place);
    let on = flavour.map_or(String::new(), |flavour| format!(" on {flavour}"));
    assert!(!timed_out, "`{name}` ({caller}) hangs{on}");
    if let Ok(Err(panic)) | Err(panic) = thread.join() {
        eprintln!("`{name}` ({caller}) failed{on}");
        resume_unwind(panic);
    }
}

/// Runs its function when dropped.
pub struct OnDrop<F: FnMut()>(pub F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Pending `polls` times, woken by itself each time: unlike `yield_now` it comes back at once.
pub async fn wake_self(polls: u32) {
    let mut left = polls;
    std::future::poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Polls `future` once with `cx` and says what it said.
pub fn poll_once<F: Future + Unpin>(future: &mut F, cx: &mut Context<'_>) -> Poll<F::Output> {
    std::pin::Pin::new(future).poll(cx)
}
