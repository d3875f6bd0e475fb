//! Two readers, one after the other.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::{AsyncBufRead, AsyncRead, ReadBuf};

pin_project! {
    /// Reads one reader to its end, then another. Made by
    /// [`AsyncReadExt::chain`](super::AsyncReadExt::chain).
    #[derive(Debug)]
    #[must_use = "readers do nothing unless polled"]
    pub struct Chain<T, U> {
        #[pin]
        first: T,
        #[pin]
        second: U,
        first_is_done: bool,
    }
}

pub(super) fn chain<T, U>(first: T, second: U) -> Chain<T, U> {
    Chain {
        first,
        second,
        first_is_done: false,
    }
}

impl<T: AsyncRead, U: AsyncRead> Chain<T, U> {
    /// Both readers.
    pub fn get_ref(&self) -> (&T, &U) {
        (&self.first, &self.second)
    }

    /// Both readers. What is read from the first one directly does not change which one is read
    /// next.
    pub fn get_mut(&mut self) -> (&mut T, &mut U) {
        (&mut self.first, &mut self.second)
    }

    /// Both readers, pinned.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> (Pin<&mut T>, Pin<&mut U>) {
        let this = self.project();
        (this.first, this.second)
    }

    /// Gives both readers back.
    pub fn into_inner(self) -> (T, U) {
        (self.first, self.second)
    }
}

impl<T: AsyncRead, U: AsyncRead> AsyncRead for Chain<T, U> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.project();
        if !*this.first_is_done {
            let before = buf.remaining();
            ready!(this.first.poll_read(cx, buf))?;
            // Without room nothing can be read, which says nothing about the end.
            if buf.remaining() != before || before == 0 {
                return Poll::Ready(Ok(()));
            }
            *this.first_is_done = true;
        }
        this.second.poll_read(cx, buf)
    }
}

impl<T: AsyncBufRead, U: AsyncBufRead> AsyncBufRead for Chain<T, U> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.project();
        if !*this.first_is_done {
            let bytes = ready!(this.first.poll_fill_buf(cx))?;
            if !bytes.is_empty() {
                return Poll::Ready(Ok(bytes));
            }
            *this.first_is_done = true;
        }
        this.second.poll_fill_buf(cx)
    }

    fn consume(self: Pin<&mut Self>, amt: usize) {
        let this = self.project();
        if *this.first_is_done {
            this.second.consume(amt);
        } else {
            this.first.consume(amt);
        }
    }
}

#[cfg(all(test, not(rt_loom)))]
mod tests {
    use crate::io::script::{ScriptReader, Wait, give};
    use crate::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
    use runtime_base::driving::block_on;

    #[test]
    fn a_read_without_room_does_not_end_the_first_reader() {
        let mut both = (&b"ab"[..]).chain(&b"cd"[..]);
        assert_eq!(block_on(both.read(&mut [])).unwrap(), 0);
        let mut buf = Vec::new();
        block_on(both.read_to_end(&mut buf)).unwrap();
        assert_eq!(buf, b"abcd");
    }

    #[test]
    fn pieces_go_over_the_seam() {
        let first = BufReader::new(ScriptReader::new([give(b"a\nb"), Wait]));
        let second = BufReader::new(ScriptReader::new([Wait, give(b"c\nd")]));
        let mut lines = first.chain(second).lines();
        for expected in [Some("a"), Some("bc"), Some("d"), None] {
            let line = block_on(lines.next_line()).unwrap();
            assert_eq!(line.as_deref(), expected);
        }
    }
}
