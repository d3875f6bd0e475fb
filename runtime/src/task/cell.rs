//! The one allocation of a task.
//!
//! ```text
//!   Header     state · vtable · id · spawn site · place in the list of owned tasks
//!   scheduler  where the task goes when it is woken
//!   stage      the future, then its output, then nothing
//!   join waker who waits for the output
//! ```
//!
//! Everything outside of this module holds a counted [`TaskRef`] to the header (`cell/references.rs`),
//! which knows the rest of the cell through its vtable; a waker is one, too (`cell/waker.rs`). Who may
//! touch the stage and the join waker, and when, is decided by [`State`](super::state); the invariants
//! T1 to T5 are written there.

#![allow(unsafe_code)] // Type erasure and manual counting; T1–T5.

use std::any::Any;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use runtime_base::sync::cell::UnsafeCell;

use super::state::{BeginPoll, Complete, EndPoll, State};
use super::{Id, JoinError, id};

mod references;
mod waker;

pub(crate) use references::{Runnable, TaskRef};
pub(crate) use waker::is_cancelled;
use waker::raw_waker;

/// Where tasks are polled, as debug information has it.
#[cfg(feature = "taskdump")]
pub(crate) const FILE: &str = file!();

/// What a task asks of its scheduler.
pub(crate) trait Schedule: Send + Sync + Sized + 'static {
    /// The task was woken: run it soon.
    ///
    /// # Safety
    ///
    /// `this` lies in the task itself and is valid until `task` is given away: from then on another
    /// thread may run the task to its end and free it, this scheduler handle included. That is why
    /// it is not a reference. In return a wake costs no second reference to the task.
    unsafe fn schedule(this: NonNull<Self>, task: Runnable);

    /// The task was woken during its own poll: run it, but let the others have their turn first.
    ///
    /// # Safety
    ///
    /// As for [`schedule`](Self::schedule).
    unsafe fn reschedule(this: NonNull<Self>, task: Runnable) {
        // SAFETY: the caller promises the same.
        unsafe { Self::schedule(this, task) };
    }

    /// The task was aborted while it was scheduled: if its runnable is not in a queue, put it there.
    fn let_go(&self, _task: Id) {}

    /// The task is complete: forget it. Says whether a reference of the list was given up for it;
    /// the caller drops that.
    fn release(&self, task: &TaskRef) -> bool;

    /// A future panicked, and a policy may ask for more than a [`JoinError`].
    fn unhandled_panic(&self) {}
}

/// What everybody may know of a task, whatever its type.
pub(crate) struct Header {
    pub(crate) state: State,
    vtable: &'static Vtable,
    pub(crate) id: Id,
    pub(crate) spawned_at: &'static Location<'static>,
    pub(crate) scheduled_at: ScheduledAt,
    /// The task's place in the list of owned tasks; written once, before the task is published.
    pub(crate) place: UnsafeCell<super::owned::Place>,
}

/// When a task went into its queue, as the time since a moment that its runtime knows. Only set where
/// that is measured. Relaxed: whoever reads it has the runnable, and got it through the queue.
#[derive(Default)]
pub(crate) struct ScheduledAt(AtomicU64);

impl ScheduledAt {
    pub(crate) fn set(&self, time: Duration) {
        // 584 years of nanoseconds.
        self.0.store(time.as_nanos() as u64, Relaxed);
    }

    pub(crate) fn get(&self) -> Duration {
        Duration::from_nanos(self.0.load(Relaxed))
    }
}

struct Vtable {
    run: unsafe fn(NonNull<Header>),
    schedule: unsafe fn(NonNull<Header>),
    let_go: unsafe fn(NonNull<Header>),
    free: unsafe fn(NonNull<Header>),
    cancel: unsafe fn(NonNull<Header>),
    /// Moves the output to `*mut Poll<Result<T, JoinError>>`.
    take_output: unsafe fn(NonNull<Header>, *mut ()),
    drop_output: unsafe fn(NonNull<Header>),
    join_waker: unsafe fn(NonNull<Header>) -> NonNull<UnsafeCell<Option<Waker>>>,
}

#[repr(C)] // The header comes first: a pointer to one is a pointer to the other.
struct Cell<F: Future, S> {
    header: Header,
    scheduler: S,
    stage: UnsafeCell<Stage<F>>,
    join_waker: UnsafeCell<Option<Waker>>,
}

enum Stage<F: Future> {
    Future(F),
    Output(Result<F::Output, JoinError>),
    Taken,
}

impl<F, S> Cell<F, S>
where
    F: Future + 'static,
    S: Schedule,
{
    const VTABLE: Vtable = Vtable {
        run: Self::run,
        schedule: Self::schedule,
        let_go: Self::let_go,
        free: Self::free,
        cancel: Self::cancel,
        take_output: Self::take_output,
        drop_output: Self::drop_output,
        join_waker: Self::join_waker,
    };

    /// # Safety
    ///
    /// `header` is of a live cell of this type.
    unsafe fn of<'a>(header: NonNull<Header>) -> &'a Self {
        // SAFETY: the header is the first field of a `repr(C)` cell of this type.
        unsafe { header.cast::<Self>().as_ref() }
    }

    /// # Safety
    ///
    /// `header` is of this type, and the caller hands over a runnable's reference.
    unsafe fn run(header: NonNull<Header>) {
        // SAFETY: the runnable's reference keeps the cell alive until it is given up below.
        let cell = unsafe { Self::of(header) };
        match cell.header.state.begin_poll() {
            BeginPoll::Poll => {}
            // SAFETY: the transition gave us RUNNING (T1), and the reference is ours.
            BeginPoll::Cancel => return unsafe { Self::drop_future_and_complete(header) },
            BeginPoll::Nothing => return,
            // SAFETY: the transition gave up the last reference.
            BeginPoll::Free => return unsafe { Self::free(header) },
        }
        // The poll borrows the runnable's reference for its waker.
        // SAFETY: `ManuallyDrop` keeps the uncounted waker from giving up a reference.
        let waker = ManuallyDrop::new(unsafe { Waker::from_raw(raw_waker(header)) });
        // SAFETY: we have RUNNING (T1).
        if unsafe { cell.poll(&mut Context::from_waker(&waker)) } {
            // SAFETY: the stage holds the output, and we have RUNNING and a reference.
            return unsafe { Self::complete(header) };
        }
        match cell.header.state.end_poll() {
            EndPoll::Nothing => {}
            EndPoll::Schedule => {
                // SAFETY: the reference goes on as the new runnable's (T3), and the cell is not
                // used after that.
                unsafe {
                    S::reschedule(NonNull::from(&cell.scheduler), Runnable::from_raw(header))
                };
            }
            // SAFETY: the transition gave up the last reference.
            EndPoll::Free => unsafe { Self::free(header) },
            // SAFETY: we still have RUNNING (T1) and the reference.
            EndPoll::Cancel => unsafe { Self::drop_future_and_complete(header) },
        }
    }

    /// Polls the future, and puts the output in its place when it is ready or panics. Says whether
    /// that happened.
    ///
    /// # Safety
    ///
    /// The caller has RUNNING (T1).
    unsafe fn poll(&self, cx: &mut Context<'_>) -> bool {
        /// Drops what the stage of a cell that is ours holds.
        struct DropStage<'a, F: Future + 'static, S: Schedule>(&'a Cell<F, S>);
        impl<F: Future + 'static, S: Schedule> Drop for DropStage<'_, F, S> {
            fn drop(&mut self) {
                // The poll's panic is the task's output; a second one goes no further.
                // SAFETY: it is made below, where RUNNING makes the stage ours (T1).
                if let Err(panic) = unsafe { self.0.drop_stage() } {
                    drop_quietly(panic);
                }
            }
        }
        let _current = id::enter(self.header.id);
        let polled = catch_unwind(AssertUnwindSafe(|| {
            // A future that panics is dropped while its thread is unwinding, as what is on the stack
            // is: a lock that it holds is poisoned, for example.
            let unwinding = DropStage(self);
            let polled = self.stage.with_mut(|stage| {
                // SAFETY: RUNNING makes the stage ours (T1).
                let Stage::Future(future) = (unsafe { &mut *stage }) else {
                    unreachable!("a task is polled only while it holds its future (T1)")
                };
                // SAFETY: the cell is on the heap and the future is dropped in its place.
                unsafe { Pin::new_unchecked(future) }.poll(cx)
            });
            std::mem::forget(unwinding);
            polled
        }));
        let output = match polled {
            Ok(Poll::Pending) => return false,
            Ok(Poll::Ready(output)) => Ok(output),
            Err(panic) => {
                self.scheduler.unhandled_panic();
                Err(JoinError::panic(self.header.id, panic))
            }
        };
        // The future is dropped before the output is stored; a panic of its drop is the output.
        // SAFETY: as above.
        let output = match unsafe { self.drop_stage() } {
            Ok(()) => output,
            Err(panic) => {
                self.scheduler.unhandled_panic();
                drop_quietly(output);
                Err(JoinError::panic(self.header.id, panic))
            }
        };
        // SAFETY: as above; the stage is `Taken`, so nothing is dropped by the assignment.
        self.stage
            .with_mut(|stage| unsafe { *stage = Stage::Output(output) });
        true
    }

    /// Drops what the stage holds, in place.
    ///
    /// # Safety
    ///
    /// The stage is the caller's (T1 or T2).
    unsafe fn drop_stage(&self) -> Result<(), Box<dyn Any + Send>> {
        /// Says that the stage is empty even if the drop before it unwinds.
        struct Empty<F: Future>(*mut Stage<F>);
        impl<F: Future> Drop for Empty<F> {
            fn drop(&mut self) {
                // SAFETY: the stage is ours, and what it held was dropped.
                unsafe { self.0.write(Stage::Taken) };
            }
        }
        catch_unwind(AssertUnwindSafe(|| {
            self.stage.with_mut(|stage| {
                let _empty = Empty(stage);
                // SAFETY: the stage is ours; it is overwritten afterwards, never dropped again.
                unsafe { std::ptr::drop_in_place(stage) };
            });
        }))
    }

    /// The task is cancelled: its future is dropped and the error is its output.
    ///
    /// # Safety
    ///
    /// The caller has RUNNING (T1), and hands over a reference.
    unsafe fn drop_future_and_complete(header: NonNull<Header>) {
        {
            // SAFETY: the reference that is handed over keeps the cell alive.
            let cell = unsafe { Self::of(header) };
            let id = cell.header.id;
            let _current = id::enter(id);
            // SAFETY: RUNNING makes the stage ours.
            let error = match unsafe { cell.drop_stage() } {
                Ok(()) => JoinError::cancelled(id),
                Err(panic) => JoinError::panic(id, panic),
            };
            // SAFETY: as above; the stage is `Taken`.
            cell.stage
                .with_mut(|stage| unsafe { *stage = Stage::Output(Err(error)) });
        }
        // SAFETY: as the caller promises.
        unsafe { Self::complete(header) };
    }

    /// # Safety
    ///
    /// The caller has RUNNING, the stage holds the output, and a reference is handed over.
    unsafe fn complete(header: NonNull<Header>) {
        // SAFETY: the reference that is handed over keeps the cell alive until it is given up.
        let cell = unsafe { Self::of(header) };
        match cell.header.state.complete() {
            Complete::DropOutput => {
                // SAFETY: nobody else wants the output (T2).
                unsafe { Self::drop_output(header) };
            }
            Complete::KeepOutput => {}
            Complete::WakeJoin => {
                let woken = catch_unwind(AssertUnwindSafe(|| {
                    cell.join_waker.with(|slot| {
                        // SAFETY: the slot is lent to us: both sides only read (T4).
                        if let Some(waker) = unsafe { &*slot } {
                            waker.wake_by_ref();
                        }
                    });
                }));
                drop_quietly(woken);
                if cell.header.state.return_join_waker() {
                    // SAFETY: the join handle is gone and left the slot to us (T4).
                    let waker = cell.join_waker.with_mut(|slot| unsafe { (*slot).take() });
                    drop_quietly(waker);
                }
            }
        }
        // Ours, and the one of the list of owned tasks if the task was still in it.
        // SAFETY: the reference that was handed over keeps the task alive.
        let task = ManuallyDrop::new(unsafe { TaskRef::from_raw(header) });
        let listed = cell.scheduler.release(&task);
        task.drop_references(if listed { 2 } else { 1 });
    }

    /// # Safety
    ///
    /// `header` is of this type, and a reference is handed over with the right to schedule (T3).
    unsafe fn schedule(header: NonNull<Header>) {
        // SAFETY: the reference handed over keeps the cell alive; it is the runnable's from here.
        unsafe {
            let scheduler = NonNull::from(&Self::of(header).scheduler);
            S::schedule(scheduler, Runnable::from_raw(header));
        }
    }

    /// # Safety
    ///
    /// `header` is of this type and alive.
    unsafe fn let_go(header: NonNull<Header>) {
        // SAFETY: as the caller promises.
        let cell = unsafe { Self::of(header) };
        cell.scheduler.let_go(cell.header.id);
    }

    /// # Safety
    ///
    /// `header` is of this type and nobody refers to it any more.
    unsafe fn free(header: NonNull<Header>) {
        // SAFETY: it came out of a box of this type, and no reference is left (T5).
        let cell = unsafe { Box::from_raw(header.cast::<Self>().as_ptr()) };
        // A task can be freed with its future inside only if it is never completed, which its
        // scheduler prevents; a panic here would leave through a waker.
        drop_quietly(cell);
    }

    /// # Safety
    ///
    /// `header` is of this type and the caller has RUNNING (T1).
    unsafe fn cancel(header: NonNull<Header>) {
        // The caller keeps its reference; completing uses up another one.
        // SAFETY: the caller's own reference keeps the cell alive.
        unsafe { header.as_ref() }.state.add_reference();
        // SAFETY: as the caller promises.
        unsafe { Self::drop_future_and_complete(header) };
    }

    /// # Safety
    ///
    /// `header` is of this type, the caller owns the output (T2), and `to` points to a
    /// `Poll<Result<F::Output, JoinError>>`.
    unsafe fn take_output(header: NonNull<Header>, to: *mut ()) {
        // SAFETY: the caller's reference keeps the cell alive.
        let cell = unsafe { Self::of(header) };
        // SAFETY: the output is the caller's (T2).
        let stage = cell
            .stage
            .with_mut(|stage| std::mem::replace(unsafe { &mut *stage }, Stage::Taken));
        let Stage::Output(output) = stage else {
            panic!("JoinHandle polled after completion; a task's output can be taken only once")
        };
        // SAFETY: the caller vouches for the type of `to`.
        unsafe { *to.cast::<Poll<Result<F::Output, JoinError>>>() = Poll::Ready(output) };
    }

    /// # Safety
    ///
    /// `header` is of this type and the caller owns the output (T2).
    unsafe fn drop_output(header: NonNull<Header>) {
        // SAFETY: the caller's reference keeps the cell alive.
        let cell = unsafe { Self::of(header) };
        let _current = id::enter(cell.header.id);
        // SAFETY: the output is the caller's (T2).
        if let Err(panic) = unsafe { cell.drop_stage() } {
            drop_quietly(panic);
        }
    }

    /// # Safety
    ///
    /// `header` is of this type and alive.
    unsafe fn join_waker(header: NonNull<Header>) -> NonNull<UnsafeCell<Option<Waker>>> {
        // SAFETY: as the caller promises.
        NonNull::from(unsafe { &Self::of(header).join_waker })
    }
}

/// Drops `value`; a panic of its drop goes no further.
fn drop_quietly<T>(value: T) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        // The payload may panic in turn when dropped; leaking a few bytes of a program that far
        // off its course is the lesser evil.
        std::mem::forget(panic);
    }
}
