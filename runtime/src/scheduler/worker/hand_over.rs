//! A thread that says that it is going to block gives its seat away.

use std::rc::Rc;

use runtime_base::wake_batch::WakeBatch;

use super::{WORKER, Worker, wake_all};
use crate::contained::contained;
use crate::runtime::dump::requests::{self, Untold};
use crate::task::Id;

/// Takes the seat back when dropped, if nobody has begun to run it. Made by [`hand_over`].
pub(crate) struct HandedOver {
    worker: Option<Rc<Worker>>,
    /// Whether the thread blocks within a poll: wakers and hooks may do so outside of one.
    in_poll: bool,
    /// The task of that poll, which dumps are not to wait for.
    task: Option<Id>,
}

/// Gives this thread's seat, if it has one, to another thread: this one is going to block.
pub(crate) fn hand_over() -> HandedOver {
    let worker = WORKER.try_with(|current| current.borrow().clone());
    let Some(worker) = worker.ok().flatten() else {
        // A thread in `block_on`: nobody else depends on it.
        return HandedOver::NOTHING;
    };
    let Some(mut seat) = worker.holder.take() else {
        // Handed over already: blocking inside of blocking. Or taken away already.
        return HandedOver::NOTHING;
    };
    // From now on nobody waits for this thread.
    let in_poll = worker.post.leave();
    // What is in the slot must be reachable for the others.
    if let Some(task) = seat.next.take() {
        seat.push_last(&worker.scheduler, task);
    }
    // Whoever yielded is woken before this thread blocks, not when the other one gets round to it.
    let mut yielded = WakeBatch::new();
    seat.deferred
        .drain(..)
        .for_each(|waker| yielded.push(waker));
    let was_searching = std::mem::replace(&mut seat.searching, false);
    let was_last_searcher = was_searching && worker.scheduler.idle().end_search();
    // A waker of a batch that blocks: what the batch has brought so far has woken nobody yet.
    let was_delivering = std::mem::replace(&mut seat.delivering, false);
    if was_last_searcher || was_delivering {
        worker.scheduler.wake_one();
    }
    *worker.remote().seat.lock() = Some(seat);
    // From here on the seat comes back, also if what follows panics: the code of subscribers and wakers.
    let handed_over = HandedOver {
        worker: Some(worker.clone()),
        in_poll,
        task: worker.post.task().filter(|_| in_poll),
    };
    let untold = handed_over.task.and_then(requests::task_held_up);
    if let Err(error) = worker.scheduler.replace_thread(worker.index) {
        // Others can take its tasks, also the one that was in the slot; the rest waits.
        contained(|| {
            tracing::error!(
                target: "runtime::worker", %error,
                "no thread takes over from a task that blocks in place; its worker waits"
            );
        });
        worker.scheduler.wake_one();
        worker.scheduler.attend_for(worker.index);
    }
    // Without the seat: their code may block, too.
    wake_all(&mut yielded);
    untold.into_iter().for_each(Untold::tell);
    handed_over
}

impl HandedOver {
    const NOTHING: Self = Self {
        worker: None,
        in_poll: false,
        task: None,
    };
}

impl Drop for HandedOver {
    fn drop(&mut self) {
        let Some(worker) = self.worker.take() else {
            return;
        };
        if let Some(seat) = worker.remote().seat.lock().take() {
            worker.counters().set_thread();
            worker.holder.put(seat);
            // The seat may have been with other threads meanwhile, which were watched then.
            worker.become_incumbent();
            if self.in_poll {
                worker.post.come_back();
            }
            self.task.into_iter().for_each(requests::task_came_back);
        } else {
            worker.held_up.set(self.task);
        }
    }
}
