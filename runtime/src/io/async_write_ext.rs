//! The methods that every writer has.

use std::io::IoSlice;

use bytes::Buf;

use super::AsyncWrite;
use super::number::{BigEndian, LittleEndian, WriteNumber};
use super::write_futures::{
    Flush, Shutdown, Write, WriteAll, WriteAllBuf, WriteBuf, WriteVectored,
};

/// Declares the methods that write a number.
macro_rules! write_numbers {
    ($($name:ident: $number:ident, $order:ident, $what:literal, $example:literal;)*) => {$(
        #[doc = concat!("Writes ", $what, ".")]
        ///
        /// # Errors
        ///
        /// [`WriteZero`](super::ErrorKind::WriteZero) when the writer takes no more; otherwise the
        /// writer's own errors.
        ///
        /// # Cancel safety
        ///
        /// When the future is dropped, some of the bytes may have been written (a single byte was
        /// not).
        ///
        /// # Examples
        ///
        /// ```
        /// use runtime::io::AsyncWriteExt;
        ///
        /// #[runtime::main]
        /// async fn main() -> std::io::Result<()> {
        ///     let mut writer = Vec::new();
        #[doc = concat!("    ", $example)]
        ///     Ok(())
        /// }
        /// ```
        fn $name(&mut self, n: $number) -> WriteNumber<'_, Self, $order<$number>>
        where
            Self: Unpin,
        {
            WriteNumber::new(self, n)
        }
    )*};
}

/// What can be done with every [`AsyncWrite`].
///
/// Import it (`use runtime::io::AsyncWriteExt;`) to call its methods. A writer with a buffer, such
/// as [`BufWriter`](super::BufWriter) or standard output, must be [flushed](Self::flush) after the
/// last write: dropping it cannot wait for that.
///
/// # Examples
///
/// ```
/// use runtime::io::AsyncWriteExt;
///
/// #[runtime::main]
/// async fn main() -> std::io::Result<()> {
///     let mut writer = Vec::new();
///     writer.write_u16(5).await?;
///     writer.write_all(b"hello").await?;
///     writer.flush().await?;
///     assert_eq!(writer, b"\x00\x05hello");
///     Ok(())
/// }
/// ```
pub trait AsyncWriteExt: AsyncWrite {
    /// Writes some of `src` and gives the number of bytes.
    ///
    /// Zero means that the writer takes no more, or that `src` is empty. To write all of it, use
    /// [`write_all`](Self::write_all).
    ///
    /// # Errors
    ///
    /// The writer's own. Then nothing was written.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: when the future is dropped before it was ready, nothing was written.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::io::AsyncWriteExt;
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let mut memory = [0; 3];
    ///     let mut writer = std::io::Cursor::new(&mut memory[..]);
    ///     assert_eq!(writer.write(b"hello").await?, 3);
    ///     assert_eq!(&memory, b"hel");
    ///     Ok(())
    /// }
    /// ```
    fn write<'a>(&'a mut self, src: &'a [u8]) -> Write<'a, Self>
    where
        Self: Unpin,
    {
        Write::new(self, src)
    }

    /// Writes some of several buffers, in order, as if they were one, and gives the number of bytes.
    ///
    /// A writer that cannot do this at once ([`is_write_vectored`](AsyncWrite::is_write_vectored))
    /// writes some of the first buffer that is not empty.
    ///
    /// # Errors
    ///
    /// The writer's own. Then nothing was written.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: when the future is dropped before it was ready, nothing was written.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::io::AsyncWriteExt;
    /// use std::io::IoSlice;
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let mut writer = Vec::new();
    ///     let parts = [IoSlice::new(b"hello "), IoSlice::new(b"world")];
    ///     assert_eq!(writer.write_vectored(&parts).await?, 11);
    ///     assert_eq!(writer, b"hello world");
    ///     Ok(())
    /// }
    /// ```
    fn write_vectored<'a, 'b>(&'a mut self, bufs: &'a [IoSlice<'b>]) -> WriteVectored<'a, 'b, Self>
    where
        Self: Unpin,
    {
        WriteVectored::new(self, bufs)
    }

    /// Writes some of `src`, advances it and gives the number of bytes.
    ///
    /// # Errors
    ///
    /// The writer's own. Then nothing was written and `src` was not advanced.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: when the future is dropped before it was ready, nothing was written and `src` was
    /// not advanced.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::io::AsyncWriteExt;
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let mut memory = [0; 3];
    ///     let mut writer = std::io::Cursor::new(&mut memory[..]);
    ///     let mut rest: &[u8] = b"hello";
    ///     assert_eq!(writer.write_buf(&mut rest).await?, 3);
    ///     assert_eq!(rest, b"lo");
    ///     Ok(())
    /// }
    /// ```
    fn write_buf<'a, B>(&'a mut self, src: &'a mut B) -> WriteBuf<'a, Self, B>
    where
        Self: Sized + Unpin,
        B: Buf,
    {
        WriteBuf::new(self, src)
    }

    /// Writes all of `src`, advancing it as it goes.
    ///
    /// # Errors
    ///
    /// [`WriteZero`](super::ErrorKind::WriteZero) when the writer takes no more; otherwise the
    /// writer's own errors. `src` then holds what was not written.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, `src` holds what was not written, and calling again goes on from
    /// there.
    ///
    /// # Examples
    ///
    /// ```
    /// use bytes::{Buf, Bytes};
    /// use runtime::io::AsyncWriteExt;
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let mut writer = Vec::new();
    ///     let mut src = Bytes::from_static(b"hello ").chain(&b"world"[..]);
    ///     writer.write_all_buf(&mut src).await?;
    ///     assert_eq!(writer, b"hello world");
    ///     Ok(())
    /// }
    /// ```
    fn write_all_buf<'a, B>(&'a mut self, src: &'a mut B) -> WriteAllBuf<'a, Self, B>
    where
        Self: Sized + Unpin,
        B: Buf,
    {
        WriteAllBuf::new(self, src)
    }

    /// Writes all of `src`.
    ///
    /// # Errors
    ///
    /// [`WriteZero`](super::ErrorKind::WriteZero) when the writer takes no more; otherwise the
    /// writer's own errors. It is not told how much was written until then.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: when the future is dropped, some of `src` may have been written, and it is
    /// not told how much. [`write_all_buf`](Self::write_all_buf) tells.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::io::AsyncWriteExt;
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let mut writer = Vec::new();
    ///     writer.write_all(b"hello").await?;
    ///     assert_eq!(writer, b"hello");
    ///     Ok(())
    /// }
    /// ```
    fn write_all<'a>(&'a mut self, src: &'a [u8]) -> WriteAll<'a, Self>
    where
        Self: Unpin,
    {
        WriteAll::new(self, src)
    }

    write_numbers! {
        write_u8: u8, BigEndian, "an unsigned byte",
            "writer.write_u8(42).await?; assert_eq!(writer, [42]);";
        write_i8: i8, BigEndian, "a signed byte",
            "writer.write_i8(-1).await?; assert_eq!(writer, [0xff]);";
        write_u16: u16, BigEndian, "an unsigned 16-bit integer, big-endian",
            "writer.write_u16(0x0102).await?; assert_eq!(writer, [1, 2]);";
        write_i16: i16, BigEndian, "a signed 16-bit integer, big-endian",
            "writer.write_i16(-2).await?; assert_eq!(writer, [0xff, 0xfe]);";
        write_u32: u32, BigEndian, "an unsigned 32-bit integer, big-endian",
            "writer.write_u32(0x0102_0304).await?; assert_eq!(writer, [1, 2, 3, 4]);";
        write_i32: i32, BigEndian, "a signed 32-bit integer, big-endian",
            "writer.write_i32(-7).await?; assert_eq!(writer, (-7_i32).to_be_bytes());";
        write_u64: u64, BigEndian, "an unsigned 64-bit integer, big-endian",
            "writer.write_u64(7).await?; assert_eq!(writer, 7_u64.to_be_bytes());";
        write_i64: i64, BigEndian, "a signed 64-bit integer, big-endian",
            "writer.write_i64(-7).await?; assert_eq!(writer, (-7_i64).to_be_bytes());";
        write_u128: u128, BigEndian, "an unsigned 128-bit integer, big-endian",
            "writer.write_u128(7).await?; assert_eq!(writer, 7_u128.to_be_bytes());";
        write_i128: i128, BigEndian, "a signed 128-bit integer, big-endian",
            "writer.write_i128(-7).await?; assert_eq!(writer, (-7_i128).to_be_bytes());";
        write_f32: f32, BigEndian, "a 32-bit floating point number, big-endian",
            "writer.write_f32(0.5).await?; assert_eq!(writer, 0.5_f32.to_be_bytes());";
        write_f64: f64, BigEndian, "a 64-bit floating point number, big-endian",
            "writer.write_f64(0.5).await?; assert_eq!(writer, 0.5_f64.to_be_bytes());";
        write_u16_le: u16, LittleEndian, "an unsigned 16-bit integer, little-endian",
            "writer.write_u16_le(0x0102).await?; assert_eq!(writer, [2, 1]);";
        write_i16_le: i16, LittleEndian, "a signed 16-bit integer, little-endian",
            "writer.write_i16_le(-2).await?; assert_eq!(writer, [0xfe, 0xff]);";
        write_u32_le: u32, LittleEndian, "an unsigned 32-bit integer, little-endian",
            "writer.write_u32_le(0x0102_0304).await?; assert_eq!(writer, [4, 3, 2, 1]);";
        write_i32_le: i32, LittleEndian, "a signed 32-bit integer, little-endian",
            "writer.write_i32_le(-7).await?; assert_eq!(writer, (-7_i32).to_le_bytes());";
        write_u64_le: u64, LittleEndian, "an unsigned 64-bit integer, little-endian",
            "writer.write_u64_le(7).await?; assert_eq!(writer, 7_u64.to_le_bytes());";
        write_i64_le: i64, LittleEndian, "a signed 64-bit integer, little-endian",
            "writer.write_i64_le(-7).await?; assert_eq!(writer, (-7_i64).to_le_bytes());";
        write_u128_le: u128, LittleEndian, "an unsigned 128-bit integer, little-endian",
            "writer.write_u128_le(7).await?; assert_eq!(writer, 7_u128.to_le_bytes());";
        write_i128_le: i128, LittleEndian, "a signed 128-bit integer, little-endian",
            "writer.write_i128_le(-7).await?; assert_eq!(writer, (-7_i128).to_le_bytes());";
        write_f32_le: f32, LittleEndian, "a 32-bit floating point number, little-endian",
            "writer.write_f32_le(0.5).await?; assert_eq!(writer, 0.5_f32.to_le_bytes());";
        write_f64_le: f64, LittleEndian, "a 64-bit floating point number, little-endian",
            "writer.write_f64_le(0.5).await?; assert_eq!(writer, 0.5_f64.to_le_bytes());";
    }

    /// Brings everything that was written to its destination.
    ///
    /// # Errors
    ///
    /// The writer's own: a write that a buffer had taken may fail only here.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: when the future is dropped, part of the data may have arrived; the rest stays in
    /// the writer's buffer, and flushing again goes on with it.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::io::{AsyncWriteExt, BufWriter};
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let mut writer = BufWriter::new(Vec::new());
    ///     writer.write_all(b"hello").await?;
    ///     assert_eq!(writer.get_ref(), b"");
    ///     writer.flush().await?;
    ///     assert_eq!(writer.get_ref(), b"hello");
    ///     Ok(())
    /// }
    /// ```
    fn flush(&mut self) -> Flush<'_, Self>
    where
        Self: Unpin,
    {
        Flush::new(self)
    }

    /// Flushes and ends the writing side: the reader at the other end sees the end of the stream.
    ///
    /// Afterwards nothing more may be written.
    ///
    /// # Errors
    ///
    /// The writer's own.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: shutting down again goes on where the dropped future was. In between, writing may
    /// or may not work.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::io::{AsyncReadExt, AsyncWriteExt, duplex};
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let (mut client, mut server) = duplex(64);
    ///     client.write_all(b"bye").await?;
    ///     client.shutdown().await?;
    ///     let mut text = String::new();
    ///     server.read_to_string(&mut text).await?;
    ///     assert_eq!(text, "bye");
    ///     Ok(())
    /// }
    /// ```
    fn shutdown(&mut self) -> Shutdown<'_, Self>
    where
        Self: Unpin,
    {
        Shutdown::new(self)
    }
}

impl<W: AsyncWrite + ?Sized> AsyncWriteExt for W {}
