//! The macros. `select!`, `join!`, `try_join!` and `pin!` run on a thread without any runtime here: they
//! need none.

#[path = "macros/entry.rs"]
mod entry;
#[path = "macros/join.rs"]
mod join;
#[path = "macros/pin.rs"]
mod pin;
#[path = "macros/select.rs"]
mod select;
#[path = "macros/try_join.rs"]
mod try_join;

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;
use std::task::{Context, Poll, Wake, Waker};

/// Runs a future that nobody but itself wakes.
///
/// A future that is pending without having woken itself would hang; it panics instead.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(wakes.clone());
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        let before = wakes.0.load(SeqCst);
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(output) => return output,
            Poll::Pending => assert_ne!(wakes.0.load(SeqCst), before, "nobody will wake the test"),
        }
    }
}

#[derive(Default)]
struct Wakes(AtomicU32);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// Polls once, with a waker that does nothing.
fn poll_once<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> Poll<T> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Ready with `value` at the `n`th poll after the first; wakes its task in between.
async fn after<T>(n: u32, value: T) -> T {
    let mut left = n;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
    value
}

/// What happened, in order.
#[derive(Default)]
struct Log(RefCell<Vec<String>>);

impl Log {
    fn note(&self, event: impl Into<String>) {
        self.0.borrow_mut().push(event.into());
    }

    /// A value that notes its drop.
    fn on_drop<'a>(&'a self, name: &'static str) -> NoteDrop<'a> {
        NoteDrop { log: self, name }
    }

    /// A future that is never ready, notes its first poll, and notes its drop.
    fn never<'a>(&'a self, name: &'static str) -> impl Future<Output = ()> + 'a {
        let drop = self.on_drop(name);
        let polled = Cell::new(false);
        poll_fn(move |_| {
            let _ = &drop;
            if !polled.replace(true) {
                self.note(format!("poll {name}"));
            }
            Poll::Pending
        })
    }

    fn take(&self) -> Vec<String> {
        self.0.take()
    }
}

struct NoteDrop<'a> {
    log: &'a Log,
    name: &'static str,
}

impl Drop for NoteDrop<'_> {
    fn drop(&mut self) {
        self.log.note(format!("drop {}", self.name));
    }
}
