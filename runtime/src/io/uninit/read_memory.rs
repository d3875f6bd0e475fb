//! The memory of a buffered reader or of a copy.
//!
//! Zeroing 8 KiB takes longer than many a copy, so it is left to those readers that need it.
//!
//! - **U3** The first `initialized` bytes of the memory are initialised. The number only grows. What
//!   raises it is the [`ReadBuf`] that comes back from a reader, provided that it is the one that was
//!   lent (U1, in the file above).

#![allow(unsafe_code)] // Uninitialised memory; see U3.

use std::fmt;
use std::io;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::REPLACED;
use crate::io::{AsyncRead, ReadBuf};

/// Memory of a fixed size that readers fill again and again. It is not zeroed before.
pub(in crate::io) struct ReadMemory {
    memory: Box<[MaybeUninit<u8>]>,
    initialized: usize,
}

impl ReadMemory {
    pub(in crate::io) fn with_capacity(capacity: usize) -> Self {
        Self {
            memory: Box::new_uninit_slice(capacity),
            initialized: 0,
        }
    }

    #[inline]
    pub(in crate::io) fn capacity(&self) -> usize {
        self.memory.len()
    }

    /// A part of what was filled.
    #[inline]
    pub(in crate::io) fn bytes(&self, range: Range<usize>) -> &[u8] {
        let bytes = &self.memory[..self.initialized][range];
        // SAFETY: U3.
        unsafe { bytes.assume_init_ref() }
    }

    /// Reads behind the first `filled` bytes and gives how many are filled then.
    pub(in crate::io) fn poll_read<R: AsyncRead + ?Sized>(
        &mut self,
        filled: usize,
        reader: Pin<&mut R>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let mut buf = ReadBuf::uninit(&mut self.memory);
        // SAFETY: U3.
        unsafe { buf.assume_init(self.initialized) };
        buf.set_filled(filled);
        let start = buf.filled().as_ptr();
        let result = reader.poll_read(cx, &mut buf);
        // Also when nothing was read: a reader that initialises the room before it finds that it has
        // to wait need not do so again.
        let is_ours = buf.filled().as_ptr() == start;
        if is_ours {
            // What says so is the buffer that was lent (U1).
            self.initialized = self.initialized.max(buf.initialized().len());
        }
        ready!(result)?;
        assert!(is_ours, "{REPLACED}");
        Poll::Ready(Ok(buf.filled().len()))
    }
}

impl fmt::Debug for ReadMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadMemory")
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(rt_loom)))]
mod tests {
    use super::*;
    use crate::io::script::poll_once;
    use crate::io::{AsyncBufReadExt, BufReader, copy, sink};
    use std::future::poll_fn;

    /// Initialises all the room it gets, waits, and fills a byte of it the next time.
    #[derive(Default)]
    struct Initializing {
        polls: usize,
        zeroed: usize,
    }

    impl AsyncRead for Initializing {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            self.polls += 1;
            self.zeroed += buf.capacity() - buf.initialized().len();
            buf.initialize_unfilled();
            if self.polls % 2 == 1 {
                return Poll::Pending;
            }
            buf.put_slice(b"x");
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn memory_is_zeroed_once_and_only_for_readers_that_want_it() {
        let mut reader = Initializing::default();
        let mut memory = ReadMemory::with_capacity(100);
        for filled in 0..100 {
            let mut poll = poll_fn(|cx| {
                memory
                    .poll_read(filled, Pin::new(&mut reader), cx)
                    .map_err(drop)
            });
            assert!(poll_once(&mut poll).is_pending());
            assert_eq!(poll_once(&mut poll), Poll::Ready(Ok(filled + 1)));
        }
        assert_eq!(memory.bytes(0..100), [b'x'; 100]);
        assert_eq!(reader.zeroed, 100);

        let mut memory = ReadMemory::with_capacity(100);
        let mut poll = poll_fn(|cx| {
            memory
                .poll_read(0, Pin::new(&mut &b"ab"[..]), cx)
                .map_err(drop)
        });
        assert_eq!(poll_once(&mut poll), Poll::Ready(Ok(2)));
        assert_eq!(memory.initialized, 2);
    }

    /// Puts a buffer of its own in the place of what it was given.
    struct Replacing;

    impl AsyncRead for Replacing {
        fn poll_read(
            self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            *buf = ReadBuf::new(&mut []);
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    #[should_panic(expected = "a reader replaced the `ReadBuf`")]
    fn a_reader_that_replaces_the_buffer_is_caught_by_a_copy() {
        let mut sink = sink();
        let _ = poll_once(&mut Box::pin(copy(&mut Replacing, &mut sink)));
    }

    #[test]
    #[should_panic(expected = "a reader replaced the `ReadBuf`")]
    fn a_reader_that_replaces_the_buffer_is_caught_by_a_buffered_reader() {
        let mut reader = BufReader::new(Replacing);
        let _ = poll_once(&mut reader.fill_buf());
    }

    #[test]
    #[should_panic(expected = "out of range")]
    fn bytes_that_were_never_read_are_not_shown() {
        let memory = ReadMemory::with_capacity(100);
        let _ = memory.bytes(0..1);
    }
}
