//! Line after line.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::read_until::poll_read_piece;
use super::{AsyncBufRead, text};

pin_project! {
    /// The lines of a reader. Made by [`AsyncBufReadExt::lines`](super::AsyncBufReadExt::lines).
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct Lines<R> {
        #[pin]
        reader: R,
        // What of the next line was read. Here, not in the future, so that cancelling loses nothing.
        line: Vec<u8>,
    }
}

pub(super) fn lines<R>(reader: R) -> Lines<R> {
    Lines {
        reader,
        line: Vec::new(),
    }
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    /// Reads the next line and removes its end (`\n` or `\r\n`). `None` means that the end is reached.
    ///
    /// # Errors
    ///
    /// [`InvalidData`](super::ErrorKind::InvalidData) when the line is not UTF-8: its bytes, without the
    /// end of the line, are in the [`FromUtf8Error`](std::string::FromUtf8Error) within, and calling
    /// again reads the line after it. Otherwise the reader's own errors.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: when the future is dropped, what was read of the line is kept for the next call.
    pub async fn next_line(&mut self) -> io::Result<Option<String>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next_line(cx)).await
    }

    /// The reader below.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// The reader below.
    // Mutable only because it has always been so in the API that this one follows.
    pub fn get_ref(&mut self) -> &R {
        &self.reader
    }

    /// Gives the reader back. A line that was read in part is lost.
    pub fn into_inner(self) -> R {
        self.reader
    }
}

impl<R: AsyncBufRead> Lines<R> {
    /// Tries to read the next line; as [`next_line`](Self::next_line).
    ///
    /// # Errors
    ///
    /// As [`next_line`](Self::next_line).
    pub fn poll_next_line(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Option<String>>> {
        let this = self.project();
        let Some(mut line) = ready!(poll_read_piece(this.reader, cx, b'\n', this.line))? else {
            return Poll::Ready(Ok(None));
        };
        if line.is_delimited {
            line.bytes.pop_if(|byte| *byte == b'\r');
        }
        Poll::Ready(match String::from_utf8(line.bytes) {
            Ok(line) => Ok(Some(line)),
            Err(error) => Err(text::invalid_utf8(error)),
        })
    }
}
