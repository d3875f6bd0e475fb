//! The methods of everything that has a position.

use std::future::Future;
use std::io::{self, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::AsyncSeek;

/// What can be done with every [`AsyncSeek`].
///
/// # Examples
///
/// ```
/// use runtime::io::{AsyncReadExt, AsyncSeekExt, SeekFrom};
/// use std::io::Cursor;
///
/// #[runtime::main]
/// async fn main() -> std::io::Result<()> {
///     let mut file = Cursor::new(b"hello world");
///     assert_eq!(file.seek(SeekFrom::End(-5)).await?, 6);
///     let mut text = String::new();
///     file.read_to_string(&mut text).await?;
///     assert_eq!(text, "world");
///     Ok(())
/// }
/// ```
pub trait AsyncSeekExt: AsyncSeek {
    /// Moves the position and gives the new one, in bytes from the start.
    ///
    /// A move that was begun before is completed first. A position behind the end is allowed; what it
    /// means is up to the implementation.
    ///
    /// # Errors
    ///
    /// Those of the implementation. A position before the start is an error.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped the move may have been begun; it then goes on, and the next move
    /// waits for it.
    fn seek(&mut self, pos: SeekFrom) -> Seek<'_, Self>
    where
        Self: Unpin,
    {
        Seek {
            stream: self,
            to: Some(pos),
        }
    }

    /// Moves to the start: `seek(SeekFrom::Start(0))`.
    ///
    /// # Errors
    ///
    /// As [`seek`](Self::seek).
    ///
    /// # Cancel safety
    ///
    /// As [`seek`](Self::seek).
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::io::{AsyncSeekExt, AsyncWriteExt};
    /// use std::io::Cursor;
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let mut file = Cursor::new(Vec::new());
    ///     file.write_all(b"jello").await?;
    ///     file.rewind().await?;
    ///     file.write_all(b"h").await?;
    ///     assert_eq!(file.into_inner(), b"hello");
    ///     Ok(())
    /// }
    /// ```
    fn rewind(&mut self) -> Seek<'_, Self>
    where
        Self: Unpin,
    {
        self.seek(SeekFrom::Start(0))
    }

    /// Gives the position, in bytes from the start: `seek(SeekFrom::Current(0))`.
    ///
    /// # Errors
    ///
    /// As [`seek`](Self::seek).
    ///
    /// # Cancel safety
    ///
    /// As [`seek`](Self::seek).
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::io::{AsyncReadExt, AsyncSeekExt};
    /// use std::io::Cursor;
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let mut file = Cursor::new(b"hello");
    ///     file.read_u16().await?;
    ///     assert_eq!(file.stream_position().await?, 2);
    ///     Ok(())
    /// }
    /// ```
    fn stream_position(&mut self) -> Seek<'_, Self>
    where
        Self: Unpin,
    {
        self.seek(SeekFrom::Current(0))
    }
}

impl<S: AsyncSeek + ?Sized> AsyncSeekExt for S {}

/// The future of [`AsyncSeekExt::seek`] and its kind.
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Seek<'a, S: ?Sized> {
    stream: &'a mut S,
    /// Where to, until the move is begun.
    to: Option<SeekFrom>,
}

impl<S: AsyncSeek + Unpin + ?Sized> Future for Seek<'_, S> {
    type Output = io::Result<u64>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let this = self.get_mut();
        if let Some(to) = this.to {
            // An earlier move may be underway, and two at a time are an error.
            ready!(Pin::new(&mut *this.stream).poll_complete(cx))?;
            Pin::new(&mut *this.stream).start_seek(to)?;
            this.to = None;
        }
        Pin::new(&mut *this.stream).poll_complete(cx)
    }
}
