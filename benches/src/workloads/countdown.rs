//! Lets many tasks say together that they are done.

use std::sync::atomic::{AtomicUsize, Ordering::AcqRel};
use std::sync::{Arc, Mutex};

use super::rt::sync::oneshot;

/// Tells its receiver when it was counted down to zero.
#[derive(Clone)]
pub(super) struct Countdown {
    state: Arc<State>,
}

struct State {
    left: AtomicUsize,
    done: Mutex<Option<oneshot::Sender<()>>>,
}

impl Countdown {
    pub(super) fn new(count: usize) -> (Countdown, oneshot::Receiver<()>) {
        let (sender, receiver) = oneshot::channel();
        let state = Arc::new(State {
            left: AtomicUsize::new(count),
            done: Mutex::new(Some(sender)),
        });
        (Countdown { state }, receiver)
    }

    pub(super) fn count_down(&self) {
        if self.state.left.fetch_sub(1, AcqRel) == 1 {
            let done = self.state.done.lock().unwrap().take();
            // The receiver may have gone with a panic, which is the louder message.
            let _ = done.expect("counted down too often").send(());
        }
    }
}
