//! Wakers for the tests of this folder's primitives: one that counts, one that misbehaves.

use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::task::{RawWaker, RawWakerVTable, Wake, Waker};

/// Counts how often it was woken.
#[derive(Default)]
pub(crate) struct Counter {
    wakes: AtomicUsize,
}

impl Counter {
    pub(crate) fn new() -> (Arc<Self>, Waker) {
        let counter = Arc::new(Self::default());
        (counter.clone(), Waker::from(counter))
    }

    pub(crate) fn count(&self) -> usize {
        self.wakes.load(SeqCst)
    }
}

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.wakes.fetch_add(1, SeqCst);
    }
}

type Hook = Box<dyn Fn(Touch) + Send + Sync>;

/// What is done to a waker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Touch {
    Clone,
    Wake,
    Drop,
}

/// A waker that calls `hook` whenever it is cloned, woken or dropped.
pub(crate) fn hooked(hook: impl Fn(Touch) + Send + Sync + 'static) -> Waker {
    static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_hook);

    // SAFETY of all four: the pointer comes from `Arc::into_raw`, one count per waker.
    unsafe fn clone(data: *const ()) -> RawWaker {
        // SAFETY: see above; the count of the waker that is cloned stays its own.
        let hook = ManuallyDrop::new(unsafe { Arc::from_raw(data.cast::<Hook>()) });
        hook(Touch::Clone);
        RawWaker::new(Arc::into_raw(Arc::clone(&hook)).cast(), &VTABLE)
    }
    unsafe fn wake(data: *const ()) {
        // SAFETY: see above; waking consumes the count.
        let hook = unsafe { Arc::from_raw(data.cast::<Hook>()) };
        hook(Touch::Wake);
    }
    unsafe fn wake_by_ref(data: *const ()) {
        // SAFETY: see above.
        let hook = ManuallyDrop::new(unsafe { Arc::from_raw(data.cast::<Hook>()) });
        hook(Touch::Wake);
    }
    unsafe fn drop_hook(data: *const ()) {
        // SAFETY: see above; dropping consumes the count.
        let hook = unsafe { Arc::from_raw(data.cast::<Hook>()) };
        hook(Touch::Drop);
    }

    let data = Arc::into_raw(Arc::new(Box::new(hook) as Hook)).cast();
    // SAFETY: the functions keep the contract of wakers: each owns one count of an `Arc`.
    unsafe { Waker::from_raw(RawWaker::new(data, &VTABLE)) }
}
