//! The methods of every reader that has a buffer.

use std::pin::Pin;

use super::read_until::{FillBuf, ReadLine, ReadUntil};
use super::{AsyncBufRead, Lines, Split, lines, segments};

/// What can be done with every [`AsyncBufRead`].
///
/// # Examples
///
/// ```
/// use runtime::io::AsyncBufReadExt;
///
/// #[runtime::main]
/// async fn main() -> std::io::Result<()> {
///     let mut lines = (&b"one\r\ntwo"[..]).lines();
///     while let Some(line) = lines.next_line().await? {
///         assert_eq!(line.len(), 3);
///     }
///     Ok(())
/// }
/// ```
pub trait AsyncBufReadExt: AsyncBufRead {
    /// Reads up to and with the byte `byte`, or to the end, appends that to `buf` and gives the
    /// number of bytes. Zero means that the end was reached before.
    ///
    /// Memory is the only limit; put a [`take`](super::AsyncReadExt::take) before it when a stranger
    /// sends the bytes.
    ///
    /// # Errors
    ///
    /// The reader's own. What was read until then is in `buf`.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, what was read until then is in `buf`, and calling again goes on
    /// from there. The number that it gives then counts only what was read since.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::io::AsyncBufReadExt;
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let mut reader: &[u8] = b"one,two";
    ///     let mut buf = Vec::new();
    ///     assert_eq!(reader.read_until(b',', &mut buf).await?, 4);
    ///     assert_eq!(buf, b"one,");
    ///     assert_eq!(reader.read_until(b',', &mut buf).await?, 3);
    ///     assert_eq!(buf, b"one,two");
    ///     assert_eq!(reader.read_until(b',', &mut buf).await?, 0);
    ///     Ok(())
    /// }
    /// ```
    fn read_until<'a>(&'a mut self, byte: u8, buf: &'a mut Vec<u8>) -> ReadUntil<'a, Self>
    where
        Self: Unpin,
    {
        ReadUntil::new(self, byte, buf)
    }

    /// Reads up to and with the next newline (`\n`), or to the end, appends that to `buf` and gives
    /// the number of bytes. Zero means that the end was reached before.
    ///
    /// The newline is kept. [`lines`](Self::lines) removes it, and can be cancelled without loss.
    ///
    /// # Errors
    ///
    /// [`InvalidData`](super::ErrorKind::InvalidData) when the line is not UTF-8; then `buf` is as it
    /// was, and the line is lost. Otherwise the reader's own errors; what was read until then is in
    /// `buf` if it is UTF-8, and else lost.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: when the future is dropped, what was read is lost. `buf` is then as it was.
    /// Use [`read_until`](Self::read_until) or [`lines`](Self::lines) instead.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::io::AsyncBufReadExt;
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let mut reader: &[u8] = b"one\ntwo";
    ///     let mut line = String::new();
    ///     reader.read_line(&mut line).await?;
    ///     assert_eq!(line, "one\n");
    ///     Ok(())
    /// }
    /// ```
    fn read_line<'a>(&'a mut self, buf: &'a mut String) -> ReadLine<'a, Self>
    where
        Self: Unpin,
    {
        ReadLine::new(self, buf)
    }

    /// Divides what is read at each byte `byte`, which is removed.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::io::{AsyncBufReadExt, BufReader};
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let mut fields = BufReader::new(&b"a,,b"[..]).split(b',');
    ///     assert_eq!(fields.next_segment().await?, Some(b"a".to_vec()));
    ///     assert_eq!(fields.next_segment().await?, Some(b"".to_vec()));
    ///     assert_eq!(fields.next_segment().await?, Some(b"b".to_vec()));
    ///     assert_eq!(fields.next_segment().await?, None);
    ///     Ok(())
    /// }
    /// ```
    fn split(self, byte: u8) -> Split<Self>
    where
        Self: Sized + Unpin,
    {
        segments::split(self, byte)
    }

    /// Shows what is in the buffer, after a read if that is nothing. Empty means that the end is
    /// reached.
    ///
    /// The same bytes are shown again until they are [consumed](Self::consume).
    ///
    /// # Errors
    ///
    /// The reader's own.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: what was read is in the buffer.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::io::{AsyncBufReadExt, BufReader};
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let mut reader = BufReader::new(&b"hello"[..]);
    ///     assert_eq!(reader.fill_buf().await?, b"hello");
    ///     reader.consume(2);
    ///     assert_eq!(reader.fill_buf().await?, b"llo");
    ///     Ok(())
    /// }
    /// ```
    fn fill_buf(&mut self) -> FillBuf<'_, Self>
    where
        Self: Unpin,
    {
        FillBuf::new(self)
    }

    /// Removes the first `amt` bytes of what [`fill_buf`](Self::fill_buf) showed.
    fn consume(&mut self, amt: usize)
    where
        Self: Unpin,
    {
        AsyncBufRead::consume(Pin::new(self), amt);
    }

    /// Divides what is read into lines, without their line ends (`\n` or `\r\n`).
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::io::{AsyncBufReadExt, BufReader};
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let mut lines = BufReader::new(&b"one\ntwo\r\n"[..]).lines();
    ///     assert_eq!(lines.next_line().await?.as_deref(), Some("one"));
    ///     assert_eq!(lines.next_line().await?.as_deref(), Some("two"));
    ///     assert_eq!(lines.next_line().await?, None);
    ///     Ok(())
    /// }
    /// ```
    fn lines(self) -> Lines<Self>
    where
        Self: Sized,
    {
        lines::lines(self)
    }
}

impl<R: AsyncBufRead + ?Sized> AsyncBufReadExt for R {}
