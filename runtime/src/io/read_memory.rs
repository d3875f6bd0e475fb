//! The memory of a buffered reader or of a copy.
//!
//! It is zeroed when it is made. A reader may say `ReadBuf::advance` of bytes that it did not write, if
//! they are initialised, and readers that were written for Tokio rely on it that here they are.

use std::fmt;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::uninit::REPLACED;
use super::{AsyncRead, ReadBuf};

/// Memory of a fixed size that readers fill again and again.
pub(super) struct ReadMemory {
    memory: Box<[u8]>,
}

impl ReadMemory {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self {
            memory: vec![0; capacity].into_boxed_slice(),
        }
    }

    #[inline]
    pub(super) fn capacity(&self) -> usize {
        self.memory.len()
    }

    /// A part of what was filled.
    #[inline]
    pub(super) fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.memory[range]
    }

    /// Reads behind the first `filled` bytes and gives how many are filled then.
    pub(super) fn poll_read<R: AsyncRead + ?Sized>(
        &mut self,
        filled: usize,
        reader: Pin<&mut R>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let mut buf = ReadBuf::new(&mut self.memory);
        buf.set_filled(filled);
        let start = buf.filled().as_ptr();
        ready!(reader.poll_read(cx, &mut buf))?;
        assert_eq!(buf.filled().as_ptr(), start, "{REPLACED}");
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
    use crate::io::script::{Replacing, poll_once};
    use crate::io::{AsyncBufReadExt, AsyncReadExt, BufReader, copy, sink};

    /// Says of some bytes that they were read, and writes none.
    struct Advancing(usize);

    impl AsyncRead for Advancing {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            buf.advance(std::mem::take(&mut self.0));
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn a_reader_may_rely_on_it_that_its_room_is_initialised() {
        let mut reader = BufReader::new(Advancing(3));
        let mut room = [7; 8];
        let read = poll_once(&mut Box::pin(reader.read(&mut room)));
        assert_eq!(read.map(Result::unwrap), Poll::Ready(3));
        assert_eq!(room, [0, 0, 0, 7, 7, 7, 7, 7]);
        let mut sink = sink();
        let copied = poll_once(&mut Box::pin(copy(&mut Advancing(5), &mut sink)));
        assert_eq!(copied.map(Result::unwrap), Poll::Ready(5));
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
}
