//! What the outside holds of a task: a counted reference, and the right to run it.

use std::future::Future;
use std::mem::ManuallyDrop;
use std::panic::Location;
use std::ptr::NonNull;
use std::task::{Poll, Waker};

use runtime_base::sync::cell::UnsafeCell;

use super::{Cell, Header, Schedule, ScheduledAt, Stage, drop_quietly};
use crate::task::owned::Place;
#[cfg(feature = "taskdump")]
use crate::task::state::Wake;
use crate::task::state::{Abort, State};
use crate::task::{Id, JoinError};

/// A counted reference to a task.
pub(crate) struct TaskRef {
    header: NonNull<Header>,
}

// SAFETY: through a reference only the state and what it guards are reached; the future and the
// output are `Send`, or the scheduler sees to it that they stay on their thread.
unsafe impl Send for TaskRef {}
// SAFETY: as above.
unsafe impl Sync for TaskRef {}

/// A task that is to be run: the only one of its kind while the task is scheduled (T3).
#[must_use = "a runnable that is dropped leaves its task asleep for ever"]
pub(crate) struct Runnable {
    task: TaskRef,
}

impl TaskRef {
    /// Allocates a task. The three references are for the list of owned tasks, the queue, and the
    /// join handle.
    pub(crate) fn allocate<F, S>(
        future: F,
        scheduler: S,
        id: Id,
        spawned_at: &'static Location<'static>,
    ) -> (Self, Runnable, Self)
    where
        F: Future + 'static,
        S: Schedule,
    {
        let cell = Box::new(Cell::<F, S> {
            header: Header {
                state: State::new(),
                vtable: &Cell::<F, S>::VTABLE,
                id,
                spawned_at,
                scheduled_at: ScheduledAt::default(),
                place: UnsafeCell::new(Place::NONE),
            },
            scheduler,
            stage: UnsafeCell::new(Stage::Future(future)),
            join_waker: UnsafeCell::new(None),
        });
        // SAFETY: a box's pointer is not null.
        let header = unsafe { NonNull::new_unchecked(Box::into_raw(cell).cast::<Header>()) };
        let reference = || Self { header };
        (reference(), Runnable { task: reference() }, reference())
    }

    pub(crate) fn header(&self) -> &Header {
        // SAFETY: the reference is counted, so the cell is alive (T5).
        unsafe { self.header.as_ref() }
    }

    /// The reference as a pointer, for queues that hold words.
    pub(crate) fn into_raw(self) -> NonNull<Header> {
        ManuallyDrop::new(self).header
    }

    /// The reference that [`into_raw`](Self::into_raw) gave.
    ///
    /// # Safety
    ///
    /// Each pointer is turned back at most once.
    pub(crate) unsafe fn from_raw(header: NonNull<Header>) -> Self {
        Self { header }
    }

    /// Asks that the future be dropped instead of polled.
    pub(crate) fn abort(&self) {
        match self.header().state.abort() {
            // SAFETY: the transition counted a reference for the runnable.
            Abort::Schedule => unsafe { (self.header().vtable.schedule)(self.header) },
            // SAFETY: the cell is alive (T5).
            Abort::LetGo => unsafe { (self.header().vtable.let_go)(self.header) },
            Abort::Nothing => {}
        }
    }

    /// Wakes the task.
    #[cfg(feature = "taskdump")]
    pub(crate) fn wake(&self) {
        match self.header().state.wake_by_ref() {
            // SAFETY: the transition counted a reference for the runnable.
            Wake::Schedule => unsafe { (self.header().vtable.schedule)(self.header) },
            Wake::Nothing | Wake::Free => {}
        }
    }

    /// Cancels the task because its runtime shuts down; drops the future unless somebody polls it
    /// right now, who will then drop it.
    pub(crate) fn shutdown(&self) {
        if self.header().state.shutdown() {
            // SAFETY: the transition gave us RUNNING (T1).
            unsafe { (self.header().vtable.cancel)(self.header) };
        }
    }

    /// A waker for this task.
    #[cfg(test)]
    pub(crate) fn waker(&self) -> Waker {
        self.header().state.add_reference();
        // SAFETY: the reference just counted is the waker's.
        unsafe { Waker::from_raw(super::waker::raw_waker(self.header)) }
    }

    /// Moves the output out if the task is complete; otherwise sees to it that `waker` is woken
    /// when it is.
    ///
    /// # Safety
    ///
    /// Only the join handle calls this, whose output type is `T`, and never again after it was
    /// ready.
    pub(crate) unsafe fn poll_join<T>(&self, waker: &Waker) -> Poll<Result<T, JoinError>> {
        // SAFETY: the caller is the join handle.
        if !unsafe { self.watch(waker) } {
            return Poll::Pending;
        }
        let mut output = Poll::Pending;
        // SAFETY: the task is complete and the caller is its join handle (T2), of output type `T`.
        unsafe { (self.header().vtable.take_output)(self.header, (&raw mut output).cast()) };
        output
    }

    /// Says whether the task is complete, and otherwise sees to it that `waker` is woken when it is.
    ///
    /// # Safety
    ///
    /// Only the join handle calls this, on one thread at a time.
    pub(crate) unsafe fn watch(&self, waker: &Waker) -> bool {
        let state = &self.header().state;
        if state.is_complete() {
            return true;
        }
        // SAFETY: `join_waker` asks for a live cell.
        let slot = unsafe { (self.header().vtable.join_waker)(self.header).as_ref() };
        if state.is_join_waker_lent() {
            // SAFETY: while the slot is lent both sides only read it (T4).
            let same =
                slot.with(|slot| unsafe { (*slot).as_ref() }.is_some_and(|w| w.will_wake(waker)));
            if same {
                return state.is_complete();
            }
            if !state.reclaim_join_waker() {
                return true;
            }
        }
        let waker = Some(waker.clone());
        // SAFETY: the slot is not lent, so it is ours (T4).
        let old = slot.with_mut(|slot| std::mem::replace(unsafe { &mut *slot }, waker));
        drop(old);
        !state.lend_join_waker()
    }

    /// The join handle goes away; drops the output if there is one.
    ///
    /// # Safety
    ///
    /// Only the join handle calls this, once, as the last thing it does.
    pub(crate) unsafe fn drop_join(&self) {
        let header = self.header();
        if header.state.drop_join_fast() {
            // The handle's reference is given up with its interest.
            return;
        }
        let owed = header.state.drop_join();
        if owed.output {
            // SAFETY: the task is complete, and the output is the join handle's (T2).
            unsafe { (header.vtable.drop_output)(self.header) };
        }
        if owed.waker {
            // SAFETY: `join_waker` asks for a live cell.
            let slot = unsafe { (header.vtable.join_waker)(self.header).as_ref() };
            // SAFETY: the transition left the slot to us (T4).
            let waker = slot.with_mut(|slot| unsafe { (*slot).take() });
            drop_quietly(waker);
        }
        self.drop_references(1);
    }

    pub(super) fn drop_references(&self, count: usize) {
        if self.header().state.drop_references(count) {
            // SAFETY: those were the last references (T5).
            unsafe { (self.header().vtable.free)(self.header) };
        }
    }
}

impl Clone for TaskRef {
    fn clone(&self) -> Self {
        self.header().state.add_reference();
        Self {
            header: self.header,
        }
    }
}

impl Drop for TaskRef {
    fn drop(&mut self) {
        self.drop_references(1);
    }
}

impl Runnable {
    /// Polls the task once, or drops its future if it was cancelled. Never unwinds.
    #[inline]
    pub(crate) fn run(self) {
        let header = self.task.into_raw();
        // SAFETY: the reference is handed over together with the right to run (T3).
        unsafe { (header.as_ref().vtable.run)(header) };
    }

    /// What everybody may know of the task.
    pub(crate) fn header(&self) -> &Header {
        self.task.header()
    }

    /// Cancels the task instead of running it: the runtime shuts down.
    pub(crate) fn shutdown(self) {
        self.task.shutdown();
    }

    pub(crate) fn into_raw(self) -> NonNull<Header> {
        self.task.into_raw()
    }

    /// The runnable that [`into_raw`](Self::into_raw) gave.
    ///
    /// # Safety
    ///
    /// Each pointer is turned back at most once.
    pub(crate) unsafe fn from_raw(header: NonNull<Header>) -> Self {
        // SAFETY: the caller promises the same.
        let task = unsafe { TaskRef::from_raw(header) };
        Self { task }
    }
}
