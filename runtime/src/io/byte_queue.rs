//! A growing queue of bytes.
//!
//! Like `VecDeque<u8>`, but made for slices: a write or a read is one copy, two where the memory ends.
//! Memory is not zeroed before it is written.
//!
//! # How it works
//!
//! ```text
//! in one piece: [      | start, `len` bytes | written before ] free capacity of the vector
//! in two:       [ rest |     free           | start, ...     ]
//! ```
//!
//! All of the vector counts as memory; it was written at least once. The queue goes round in it and
//! grows by appending to it, so that growing seldom copies. The memory never becomes larger than twice
//! the largest number of bytes that were in the queue at a time (and what a vector adds in growing).

use super::ReadBuf;

#[derive(Default)]
pub(super) struct ByteQueue {
    memory: Vec<u8>,
    /// Where the first byte is; zero when there is none.
    start: usize,
    len: usize,
}

impl ByteQueue {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Appends `bytes`.
    #[inline]
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let end = self.start + self.len;
        // Where the queue is in two pieces, `end` lies beyond the memory.
        if let Some(room) = self.memory.get_mut(end..)
            && let Some(room) = room.get_mut(..bytes.len())
        {
            room.copy_from_slice(bytes);
            self.len += bytes.len();
        } else {
            self.push_around_the_end(bytes);
        }
    }

    #[inline(never)]
    fn push_around_the_end(&mut self, bytes: &[u8]) {
        let size = self.memory.len();
        let end = self.start + self.len;
        if end <= size {
            let (now, rest) = bytes.split_at(size - end);
            if rest.len() <= self.start {
                self.memory[end..].copy_from_slice(now);
                self.memory[..rest.len()].copy_from_slice(rest);
            } else {
                // Afterwards more than `start` bytes lie behind the old end, so the memory is less
                // than twice as large as what is in it.
                self.memory.truncate(end);
                self.memory.extend_from_slice(bytes);
            }
        } else {
            let end = end - size;
            match self.memory[end..self.start].get_mut(..bytes.len()) {
                Some(room) => room.copy_from_slice(bytes),
                None => {
                    let needed = self.len + bytes.len();
                    let mut memory = Vec::with_capacity(needed.max(size.saturating_mul(2)));
                    memory.extend_from_slice(&self.memory[self.start..]);
                    memory.extend_from_slice(&self.memory[..end]);
                    memory.extend_from_slice(bytes);
                    self.memory = memory;
                    self.start = 0;
                }
            }
        }
        self.len += bytes.len();
    }

    /// Moves as many bytes to `buf` as there are and as have room.
    #[inline]
    pub(super) fn pop_into(&mut self, buf: &mut ReadBuf<'_>) {
        let n = self.len.min(buf.remaining());
        let behind_start = &self.memory[self.start..];
        let next = if let Some(bytes) = behind_start.get(..n) {
            buf.put_slice(bytes);
            self.start + n
        } else {
            self.copy_around_the_end(n, buf)
        };
        self.len -= n;
        // What is empty begins at the front again, where the memory is warm.
        self.start = if self.len == 0 { 0 } else { next };
    }

    /// Copies `n` bytes, which are in two pieces, and gives where the next one is.
    #[inline(never)]
    fn copy_around_the_end(&self, n: usize, buf: &mut ReadBuf<'_>) -> usize {
        let first = &self.memory[self.start..];
        let rest = &self.memory[..n - first.len()];
        buf.put_slice(first);
        buf.put_slice(rest);
        rest.len()
    }
}

#[cfg(all(test, not(rt_loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    proptest! {
        #[test]
        fn it_gives_what_it_was_given_in_order(
            steps in prop::collection::vec((0_usize..12, 0_usize..12), 0..60),
            limit in 1_usize..40,
        ) {
            let mut queue = ByteQueue::default();
            let mut expected = VecDeque::new();
            let mut next = 0_u8;
            let mut most = 0;
            for (write, read) in steps {
                let bytes: Vec<u8> = (0..write.min(limit - expected.len()))
                    .map(|_| {
                        next = next.wrapping_add(1);
                        next
                    })
                    .collect();
                queue.push(&bytes);
                expected.extend(&bytes);
                most = expected.len().max(most);
                prop_assert_eq!(queue.len(), expected.len());
                prop_assert!(queue.memory.len() <= 2 * most);
                let mut memory = [0; 12];
                let mut buf = ReadBuf::new(&mut memory[..read]);
                queue.pop_into(&mut buf);
                let n = read.min(expected.len());
                prop_assert!(buf.filled().iter().copied().eq(expected.drain(..n)));
            }
        }
    }
}
