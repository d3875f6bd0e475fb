//! The waker of a task: a counted reference behind the standard library's vtable.

use std::ptr::{self, NonNull};
use std::task::{RawWaker, RawWakerVTable, Waker};

use super::{Header, TaskRef};
use crate::task::state::Wake;

/// # Safety
///
/// The caller counted a reference for the waker, or never drops it.
pub(super) unsafe fn raw_waker(header: NonNull<Header>) -> RawWaker {
    RawWaker::new(header.as_ptr().cast_const().cast(), &WAKER)
}

static WAKER: RawWakerVTable =
    RawWakerVTable::new(clone_waker, wake_by_value, wake_by_ref, drop_waker);

/// Whether `waker` is that of a task that somebody cancelled. A task of another crate is none.
pub(crate) fn is_cancelled(waker: &Waker) -> bool {
    if !ptr::eq(waker.vtable(), &WAKER) {
        return false;
    }
    // SAFETY: the vtable is private to this file, so the waker comes from `raw_waker`, and it has or
    // borrows a reference.
    unsafe { header_of(waker.data()).as_ref() }
        .state
        .is_cancelled()
}

/// # Safety
///
/// `data` comes from [`raw_waker`].
unsafe fn header_of(data: *const ()) -> NonNull<Header> {
    // SAFETY: it is a header's address, which is not null.
    unsafe { NonNull::new_unchecked(data.cast_mut().cast()) }
}

unsafe fn clone_waker(data: *const ()) -> RawWaker {
    // SAFETY: called on a waker, which holds a reference.
    unsafe {
        header_of(data).as_ref().state.add_reference();
        raw_waker(header_of(data))
    }
}

unsafe fn wake_by_value(data: *const ()) {
    // SAFETY: the waker hands over its reference; `state` says what became of it.
    unsafe {
        let header = header_of(data);
        match header.as_ref().state.wake_by_value() {
            Wake::Nothing => {}
            Wake::Schedule => (header.as_ref().vtable.schedule)(header),
            Wake::Free => (header.as_ref().vtable.free)(header),
        }
    }
}

unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: the waker keeps its reference; the transition counts one for the runnable.
    unsafe {
        let header = header_of(data);
        match header.as_ref().state.wake_by_ref() {
            Wake::Schedule => (header.as_ref().vtable.schedule)(header),
            Wake::Nothing | Wake::Free => {}
        }
    }
}

unsafe fn drop_waker(data: *const ()) {
    // SAFETY: the waker gives up its reference.
    drop(unsafe { TaskRef::from_raw(header_of(data)) });
}
