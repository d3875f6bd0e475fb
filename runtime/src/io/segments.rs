//! Pieces between delimiters.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::AsyncBufRead;
use super::read_until::poll_read_piece;

pin_project! {
    /// What a reader gives, divided at a byte. Made by
    /// [`AsyncBufReadExt::split`](super::AsyncBufReadExt::split).
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct Split<R> {
        #[pin]
        reader: R,
        delimiter: u8,
        // What of the next piece was read. Here, not in the future, so that cancelling loses nothing.
        segment: Vec<u8>,
    }
}

pub(super) fn split<R>(reader: R, delimiter: u8) -> Split<R> {
    Split {
        reader,
        delimiter,
        segment: Vec::new(),
    }
}

impl<R: AsyncBufRead + Unpin> Split<R> {
    /// Reads the next piece and removes the delimiter. `None` means that the end is reached.
    ///
    /// # Errors
    ///
    /// The reader's own.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: when the future is dropped, what was read of the piece is kept for the next call.
    pub async fn next_segment(&mut self) -> io::Result<Option<Vec<u8>>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next_segment(cx)).await
    }
}

impl<R: AsyncBufRead> Split<R> {
    /// Tries to read the next piece; as [`next_segment`](Self::next_segment).
    ///
    /// # Errors
    ///
    /// As [`next_segment`](Self::next_segment).
    pub fn poll_next_segment(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Option<Vec<u8>>>> {
        let this = self.project();
        let segment = poll_read_piece(this.reader, cx, *this.delimiter, this.segment);
        segment.map_ok(|segment| segment.map(|segment| segment.bytes))
    }
}
