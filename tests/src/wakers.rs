//! Wakers that count, wakers that panic, and wakers that do anything when they are touched.

#![allow(unsafe_code)] // A waker whose clone panics needs a vtable.

use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{RawWaker, RawWakerVTable, Wake, Waker};

/// Counts how often it was woken.
#[derive(Debug, Default)]
pub struct Counting(AtomicUsize);

impl Counting {
    /// A count and its waker.
    pub fn new() -> (Arc<Self>, Waker) {
        let counting = Arc::new(Self::default());
        (counting.clone(), Waker::from(counting))
    }

    /// How often it was woken.
    pub fn count(&self) -> usize {
        self.0.load(SeqCst)
    }
}

impl Wake for Counting {
    fn wake(self: Arc<Self>) {
        Self::wake_by_ref(&self);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// At what a waker panics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PanicsAt {
    /// Either kind of wake.
    Wake,
    /// A clone.
    Clone,
    /// A drop of a clone; the first waker may be dropped.
    Drop,
}

impl PanicsAt {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Wake, Self::Clone, Self::Drop];

    /// The address of one of these is what the waker carries.
    fn as_data(self) -> *const () {
        static WAKE: PanicsAt = PanicsAt::Wake;
        static CLONE: PanicsAt = PanicsAt::Clone;
        static DROP: PanicsAt = PanicsAt::Drop;
        let at: &'static Self = match self {
            Self::Wake => &WAKE,
            Self::Clone => &CLONE,
            Self::Drop => &DROP,
        };
        std::ptr::from_ref(at).cast()
    }
}

/// A waker that panics at `at`. It refers to nothing, so that nothing can leak.
pub fn panicking(at: PanicsAt) -> Waker {
    // SAFETY: the vtable only reads the static that the pointer points to.
    unsafe { Waker::from_raw(RawWaker::new(at.as_data(), &ORIGINAL)) }
}

/// For the waker itself: it may be dropped.
static ORIGINAL: RawWakerVTable = RawWakerVTable::new(clone, wake, wake, |_| {});
/// For its clones.
static CLONED: RawWakerVTable = RawWakerVTable::new(clone, wake, wake, drop_clone);

unsafe fn at(data: *const ()) -> PanicsAt {
    // SAFETY: the pointer comes from `as_data`.
    unsafe { *data.cast() }
}

unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: the pointer is the waker's.
    if unsafe { at(data) } == PanicsAt::Clone {
        panic!("the waker panics when it is cloned");
    }
    RawWaker::new(data, &CLONED)
}

unsafe fn wake(data: *const ()) {
    // SAFETY: the pointer is the waker's.
    if unsafe { at(data) } == PanicsAt::Wake {
        panic!("the waker panics when it is woken");
    }
}

unsafe fn drop_clone(data: *const ()) {
    // SAFETY: the pointer is the waker's.
    if unsafe { at(data) } == PanicsAt::Drop {
        panic!("the waker panics when it is dropped");
    }
}

/// What is done to a waker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touch {
    /// It is cloned.
    Clone,
    /// It is woken, in either way.
    Wake,
    /// It is dropped.
    Drop,
}

type Hook = Box<dyn Fn(Touch) + Send + Sync>;

/// A waker that calls `hook` whenever it is touched.
pub fn hooked(hook: impl Fn(Touch) + Send + Sync + 'static) -> Waker {
    let data = Arc::into_raw(Arc::new(Box::new(hook) as Hook)).cast();
    // SAFETY: each waker owns one count of the `Arc`, and the functions keep that.
    unsafe { Waker::from_raw(RawWaker::new(data, &HOOKED)) }
}

static HOOKED: RawWakerVTable = RawWakerVTable::new(
    |data| {
        // SAFETY: the waker that is cloned owns a count and keeps it.
        let hook = ManuallyDrop::new(unsafe { Arc::from_raw(data.cast::<Hook>()) });
        hook(Touch::Clone);
        RawWaker::new(Arc::into_raw(Arc::clone(&hook)).cast(), &HOOKED)
    },
    |data| {
        // SAFETY: waking consumes the waker's count.
        let hook = unsafe { Arc::from_raw(data.cast::<Hook>()) };
        hook(Touch::Wake);
    },
    |data| {
        // SAFETY: the waker owns a count and keeps it.
        let hook = ManuallyDrop::new(unsafe { Arc::from_raw(data.cast::<Hook>()) });
        hook(Touch::Wake);
    },
    |data| {
        // SAFETY: dropping consumes the waker's count.
        let hook = unsafe { Arc::from_raw(data.cast::<Hook>()) };
        hook(Touch::Drop);
    },
);
