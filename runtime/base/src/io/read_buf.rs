//! The buffer that a read fills.

#![allow(unsafe_code)] // Uninitialised memory is the point; see the invariant on the struct.

use std::fmt;
use std::mem::MaybeUninit;

use bytes::BufMut;
use bytes::buf::UninitSlice;

/// A byte buffer that knows how much of it is filled and how much is initialised.
///
/// ```text
/// [             capacity              ]
/// [ filled |         unfilled         ]
/// [    initialized    | uninitialized ]
/// ```
///
/// A reader appends to the filled part; its caller then takes what is filled. Memory that was once
/// initialised is never zeroed again.
pub struct ReadBuf<'a> {
    // Invariant R1: filled <= initialized <= memory.len(), and memory[..initialized] is initialised.
    memory: &'a mut [MaybeUninit<u8>],
    filled: usize,
    initialized: usize,
}

impl<'a> ReadBuf<'a> {
    /// A buffer over initialised memory, with nothing filled.
    pub fn new(memory: &'a mut [u8]) -> Self {
        let initialized = memory.len();
        let memory = std::ptr::from_mut(memory) as *mut [MaybeUninit<u8>];
        // SAFETY: the layouts are the same, and nothing uninitialised is ever written through it:
        // what hands the memory out as `MaybeUninit` is unsafe and asks the caller for that.
        let memory = unsafe { &mut *memory };
        Self {
            memory,
            filled: 0,
            initialized,
        }
    }

    /// A buffer over memory that need not be initialised, with nothing filled.
    pub fn uninit(memory: &'a mut [MaybeUninit<u8>]) -> Self {
        Self {
            memory,
            filled: 0,
            initialized: 0,
        }
    }

    /// How much the buffer holds, in bytes.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.memory.len()
    }

    /// The part that was filled.
    #[inline]
    pub fn filled(&self) -> &[u8] {
        // SAFETY: the filled part is initialised (R1).
        unsafe { as_bytes(&self.memory[..self.filled]) }
    }

    /// The part that was filled, to change it.
    #[inline]
    pub fn filled_mut(&mut self) -> &mut [u8] {
        // SAFETY: the filled part is initialised (R1).
        unsafe { as_bytes_mut(&mut self.memory[..self.filled]) }
    }

    /// A buffer over the next `n` unfilled bytes, or over all of them if there are fewer.
    ///
    /// What is filled there is not counted as filled here: the caller says so with
    /// [`assume_init`](Self::assume_init) and [`advance`](Self::advance).
    #[inline]
    pub fn take(&mut self, n: usize) -> ReadBuf<'_> {
        let n = n.min(self.remaining());
        let initialized = (self.initialized - self.filled).min(n);
        let memory = &mut self.memory[self.filled..self.filled + n];
        ReadBuf {
            memory,
            filled: 0,
            initialized,
        }
    }

    /// The part that is known to be initialised; it contains the filled one.
    #[inline]
    pub fn initialized(&self) -> &[u8] {
        // SAFETY: R1.
        unsafe { as_bytes(&self.memory[..self.initialized]) }
    }

    /// The part that is known to be initialised, to change it.
    #[inline]
    pub fn initialized_mut(&mut self) -> &mut [u8] {
        // SAFETY: R1.
        unsafe { as_bytes_mut(&mut self.memory[..self.initialized]) }
    }

    /// The whole memory.
    ///
    /// # Safety
    ///
    /// The caller must not write uninitialised bytes into the initialised part.
    #[inline]
    pub unsafe fn inner_mut(&mut self) -> &mut [MaybeUninit<u8>] {
        self.memory
    }

    /// The unfilled part, without initialising it.
    ///
    /// # Safety
    ///
    /// The caller must not write uninitialised bytes into the part that is initialised.
    #[inline]
    pub unsafe fn unfilled_mut(&mut self) -> &mut [MaybeUninit<u8>] {
        &mut self.memory[self.filled..]
    }

    /// The unfilled part, initialised: zeroed where that had not happened before.
    #[inline]
    pub fn initialize_unfilled(&mut self) -> &mut [u8] {
        self.initialize_unfilled_to(self.remaining())
    }

    /// The first `n` bytes of the unfilled part, initialised.
    ///
    /// # Panics
    ///
    /// When fewer than `n` bytes remain.
    #[inline]
    #[track_caller]
    pub fn initialize_unfilled_to(&mut self, n: usize) -> &mut [u8] {
        assert!(self.remaining() >= n, "n overflows remaining");
        let end = self.filled + n;
        if self.initialized < end {
            self.memory[self.initialized..end].fill(MaybeUninit::new(0));
            self.initialized = end;
        }
        // SAFETY: everything before `end` is initialised now.
        unsafe { as_bytes_mut(&mut self.memory[self.filled..end]) }
    }

    /// How many bytes are unfilled.
    #[inline]
    pub fn remaining(&self) -> usize {
        self.memory.len() - self.filled
    }

    /// Forgets what was filled; the memory stays initialised.
    #[inline]
    pub fn clear(&mut self) {
        self.filled = 0;
    }

    /// Counts `n` more bytes as filled.
    ///
    /// # Panics
    ///
    /// When the filled part would reach beyond the initialised one.
    #[inline]
    #[track_caller]
    pub fn advance(&mut self, n: usize) {
        self.set_filled(self.filled.checked_add(n).expect("filled overflow"));
    }

    /// Counts the first `n` bytes as filled.
    ///
    /// # Panics
    ///
    /// When the filled part would reach beyond the initialised one.
    #[inline]
    #[track_caller]
    pub fn set_filled(&mut self, n: usize) {
        assert!(
            n <= self.initialized,
            "filled must not become larger than initialized"
        );
        self.filled = n;
    }

    /// Says that the first `n` unfilled bytes are initialised, which does not fill them.
    ///
    /// # Safety
    ///
    /// They must be.
    ///
    /// # Panics
    ///
    /// When fewer than `n` bytes remain.
    #[inline]
    #[track_caller]
    pub unsafe fn assume_init(&mut self, n: usize) {
        assert!(self.remaining() >= n, "n overflows remaining");
        self.initialized = self.initialized.max(self.filled + n);
    }

    /// Appends `bytes` to the filled part.
    ///
    /// # Panics
    ///
    /// When they do not fit.
    #[inline]
    #[track_caller]
    pub fn put_slice(&mut self, bytes: &[u8]) {
        assert!(
            self.remaining() >= bytes.len(),
            "buf.len() must fit in remaining(); buf.len() = {}, remaining() = {}",
            bytes.len(),
            self.remaining()
        );
        let end = self.filled + bytes.len();
        self.memory[self.filled..end].write_copy_of_slice(bytes);
        self.initialized = self.initialized.max(end);
        self.filled = end;
    }
}

/// # Safety
///
/// All of `memory` must be initialised.
unsafe fn as_bytes(memory: &[MaybeUninit<u8>]) -> &[u8] {
    // SAFETY: the layouts are the same, and the caller vouches for the contents.
    unsafe { &*(std::ptr::from_ref(memory) as *const [u8]) }
}

/// # Safety
///
/// All of `memory` must be initialised.
unsafe fn as_bytes_mut(memory: &mut [MaybeUninit<u8>]) -> &mut [u8] {
    // SAFETY: as above; `u8` cannot hold anything uninitialised.
    unsafe { &mut *(std::ptr::from_mut(memory) as *mut [u8]) }
}

// SAFETY: `chunk_mut` and `remaining_mut` speak of the same unfilled part, which only grows smaller.
unsafe impl BufMut for ReadBuf<'_> {
    fn remaining_mut(&self) -> usize {
        self.remaining()
    }

    unsafe fn advance_mut(&mut self, n: usize) {
        // SAFETY: the caller initialised the first `n` bytes of the chunk, as the trait asks.
        unsafe { self.assume_init(n) };
        self.advance(n);
    }

    fn chunk_mut(&mut self) -> &mut UninitSlice {
        UninitSlice::uninit(&mut self.memory[self.filled..])
    }
}

impl fmt::Debug for ReadBuf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadBuf")
            .field("filled", &self.filled)
            .field("initialized", &self.initialized)
            .field("capacity", &self.capacity())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initialised_memory_is_not_zeroed_again() {
        let mut memory = [MaybeUninit::uninit(); 8];
        let mut buf = ReadBuf::uninit(&mut memory);
        buf.put_slice(b"abcd");
        buf.clear();
        assert_eq!(buf.initialize_unfilled(), b"abcd\0\0\0\0");
        assert_eq!((buf.filled().len(), buf.remaining()), (0, 8));
        buf.advance(2);
        assert_eq!(buf.filled(), b"ab");
        let mut part = buf.take(3);
        part.put_slice(b"xyz");
        buf.advance(3);
        assert_eq!(buf.filled(), b"abxyz");
    }

    #[test]
    #[should_panic(expected = "filled must not become larger than initialized")]
    fn filling_uninitialised_memory_is_refused() {
        let mut memory = [MaybeUninit::uninit(); 8];
        ReadBuf::uninit(&mut memory).advance(1);
    }
}
