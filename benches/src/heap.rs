//! A global allocator that counts live bytes while it is told to.
//!
//! It hands everything to the system's allocator. While nobody counts, it costs one load and a
//! branch that is always predicted: both sides of a row pay the same, and next to nothing.
#![allow(unsafe_code)] // `GlobalAlloc` is an unsafe trait.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering::Relaxed};

static COUNTING: AtomicBool = AtomicBool::new(false);
static LIVE: AtomicIsize = AtomicIsize::new(0);

/// The allocator; `#[global_allocator] static HEAP: Counted = Counted;` in the program.
#[derive(Debug)]
pub struct Counted;

/// Counts from now on, from zero.
///
/// Bytes are those that were asked for, without the allocator's own rounding.
pub fn start_counting() {
    LIVE.store(0, Relaxed);
    COUNTING.store(true, Relaxed);
}

/// Stops and returns the bytes allocated less the bytes freed since [`start_counting`], on all
/// threads.
pub fn stop_counting() -> isize {
    COUNTING.store(false, Relaxed);
    LIVE.load(Relaxed)
}

/// Relaxed is enough: the counts are read after the threads that allocated were waited for.
#[inline]
fn count(bytes: isize) {
    if COUNTING.load(Relaxed) {
        LIVE.fetch_add(bytes, Relaxed);
    }
}

// SAFETY: every call goes to `System` with the caller's own arguments, so its contract is the
// caller's; counting neither allocates nor panics.
unsafe impl GlobalAlloc for Counted {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller keeps the contract of `alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as in `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: `pointer` came from this allocator, so from `System`, with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        // SAFETY: as in `dealloc`; the caller vouches for `size`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
