//! The methods that every reader has.

use bytes::BufMut;

use super::number::{BigEndian, LittleEndian, ReadNumber};
use super::read_futures::{Read, ReadExact, ReadIntoBuf};
use super::read_to_end::{ReadToEnd, ReadToString};
use super::{AsyncRead, Chain, Take, chain, take};

/// Declares the methods that read a number.
macro_rules! read_numbers {
    ($($name:ident: $number:ident, $order:ident, $what:literal, $example:literal;)*) => {$(
        #[doc = concat!("Reads ", $what, ".")]
        ///
        /// # Errors
        ///
        /// [`UnexpectedEof`](super::ErrorKind::UnexpectedEof) when the end comes before the last of
        /// its bytes; otherwise the reader's own errors.
        ///
        /// # Cancel safety
        ///
        /// When the future is dropped, the bytes that it has read already are lost (a single byte
        /// cannot be).
        ///
        /// # Examples
        ///
        /// ```
        /// use runtime::io::AsyncReadExt;
        ///
        /// #[runtime::main]
        /// async fn main() -> std::io::Result<()> {
        #[doc = concat!("    ", $example)]
        ///     Ok(())
        /// }
        /// ```
        fn $name(&mut self) -> ReadNumber<'_, Self, $order<$number>>
        where
            Self: Unpin,
        {
            ReadNumber::new(self)
        }
    )*};
}

/// What can be done with every [`AsyncRead`].
///
/// Import it (`use runtime::io::AsyncReadExt;`) to call its methods. They read from `self` where it
/// stands: what one has read, the next does not see.
///
/// # Examples
///
/// ```
/// use runtime::io::AsyncReadExt;
///
/// #[runtime::main]
/// async fn main() -> std::io::Result<()> {
///     let mut reader: &[u8] = b"\x00\x05hello and the rest";
///     let length = reader.read_u16().await?;
///     let mut word = vec![0; usize::from(length)];
///     reader.read_exact(&mut word).await?;
///     assert_eq!(word, b"hello");
///     Ok(())
/// }
/// ```
pub trait AsyncReadExt: AsyncRead {
    /// Puts another reader behind this one: when the end of this one is reached, reading goes on
    /// there.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::io::AsyncReadExt;
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let mut both = (&b"one, "[..]).chain(&b"two"[..]);
    ///     let mut text = String::new();
    ///     both.read_to_string(&mut text).await?;
    ///     assert_eq!(text, "one, two");
    ///     Ok(())
    /// }
    /// ```
    fn chain<R>(self, next: R) -> Chain<Self, R>
    where
        Self: Sized,
        R: AsyncRead,
    {
        chain::chain(self, next)
    }

    /// Reads some bytes into `buf` and gives their number.
    ///
    /// As many as are there, at least one, at most `buf.len()`. Zero means that the end is reached,
    /// or that `buf` is empty. To fill the buffer, use [`read_exact`](Self::read_exact).
    ///
    /// # Errors
    ///
    /// The reader's own. Then nothing was read.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: when the future is dropped before it was ready, nothing was read.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::io::AsyncReadExt;
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let mut reader: &[u8] = b"hello";
    ///     let mut buf = [0; 64];
    ///     let n = reader.read(&mut buf).await?;
    ///     assert_eq!(&buf[..n], b"hello");
    ///     assert_eq!(reader.read(&mut buf).await?, 0);
    ///     Ok(())
    /// }
    /// ```
    fn read<'a>(&'a mut self, buf: &'a mut [u8]) -> Read<'a, Self>
    where
        Self: Unpin,
    {
        Read::new(self, buf)
    }

    /// Reads some bytes into the free room of `buf`, advances it and gives their number.
    ///
    /// Like [`read`](Self::read), but the memory need not be initialised. A `Vec<u8>` or `BytesMut`
    /// makes room when it is full (its room is limited only by memory); for others zero may mean that
    /// there is no room.
    ///
    /// # Errors
    ///
    /// The reader's own. Then nothing was read.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: when the future is dropped before it was ready, nothing was read.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::io::AsyncReadExt;
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let mut reader: &[u8] = b"hello";
    ///     let mut buf = Vec::with_capacity(64);
    ///     while reader.read_buf(&mut buf).await? > 0 {}
    ///     assert_eq!(buf, b"hello");
    ///     Ok(())
    /// }
    /// ```
    fn read_buf<'a, B>(&'a mut self, buf: &'a mut B) -> ReadIntoBuf<'a, Self, B>
    where
        Self: Unpin,
        B: BufMut + ?Sized,
    {
        ReadIntoBuf::new(self, buf)
    }

    /// Reads exactly `buf.len()` bytes and gives that number.
    ///
    /// # Errors
    ///
    /// [`UnexpectedEof`](super::ErrorKind::UnexpectedEof) when the end comes before; otherwise the
    /// reader's own errors. What was read until then is in `buf`, but it is not told how much.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: when the future is dropped, `buf` holds what was read, but it is not told how
    /// much.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::io::{AsyncReadExt, ErrorKind};
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let mut reader: &[u8] = b"hello";
    ///     let mut buf = [0; 4];
    ///     reader.read_exact(&mut buf).await?;
    ///     assert_eq!(&buf, b"hell");
    ///     let error = reader.read_exact(&mut buf).await.unwrap_err();
    ///     assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    ///     Ok(())
    /// }
    /// ```
    fn read_exact<'a>(&'a mut self, buf: &'a mut [u8]) -> ReadExact<'a, Self>
    where
        Self: Unpin,
    {
        ReadExact::new(self, buf)
    }

    read_numbers! {
        read_u8: u8, BigEndian, "an unsigned byte",
            "assert_eq!((&b\"\\x2a\"[..]).read_u8().await?, 42);";
        read_i8: i8, BigEndian, "a signed byte",
            "assert_eq!((&b\"\\xff\"[..]).read_i8().await?, -1);";
        read_u16: u16, BigEndian, "an unsigned 16-bit integer, big-endian",
            "assert_eq!((&[1, 2][..]).read_u16().await?, 0x0102);";
        read_i16: i16, BigEndian, "a signed 16-bit integer, big-endian",
            "assert_eq!((&[0xff, 0xfe][..]).read_i16().await?, -2);";
        read_u32: u32, BigEndian, "an unsigned 32-bit integer, big-endian",
            "assert_eq!((&[1, 2, 3, 4][..]).read_u32().await?, 0x0102_0304);";
        read_i32: i32, BigEndian, "a signed 32-bit integer, big-endian",
            "assert_eq!((&[0xff; 4][..]).read_i32().await?, -1);";
        read_u64: u64, BigEndian, "an unsigned 64-bit integer, big-endian",
            "assert_eq!((&7_u64.to_be_bytes()[..]).read_u64().await?, 7);";
        read_i64: i64, BigEndian, "a signed 64-bit integer, big-endian",
            "assert_eq!((&(-7_i64).to_be_bytes()[..]).read_i64().await?, -7);";
        read_u128: u128, BigEndian, "an unsigned 128-bit integer, big-endian",
            "assert_eq!((&7_u128.to_be_bytes()[..]).read_u128().await?, 7);";
        read_i128: i128, BigEndian, "a signed 128-bit integer, big-endian",
            "assert_eq!((&(-7_i128).to_be_bytes()[..]).read_i128().await?, -7);";
        read_f32: f32, BigEndian, "a 32-bit floating point number, big-endian",
            "assert_eq!((&0.5_f32.to_be_bytes()[..]).read_f32().await?, 0.5);";
        read_f64: f64, BigEndian, "a 64-bit floating point number, big-endian",
            "assert_eq!((&0.5_f64.to_be_bytes()[..]).read_f64().await?, 0.5);";
        read_u16_le: u16, LittleEndian, "an unsigned 16-bit integer, little-endian",
            "assert_eq!((&[1, 2][..]).read_u16_le().await?, 0x0201);";
        read_i16_le: i16, LittleEndian, "a signed 16-bit integer, little-endian",
            "assert_eq!((&[0xfe, 0xff][..]).read_i16_le().await?, -2);";
        read_u32_le: u32, LittleEndian, "an unsigned 32-bit integer, little-endian",
            "assert_eq!((&[1, 2, 3, 4][..]).read_u32_le().await?, 0x0403_0201);";
        read_i32_le: i32, LittleEndian, "a signed 32-bit integer, little-endian",
            "assert_eq!((&(-7_i32).to_le_bytes()[..]).read_i32_le().await?, -7);";
        read_u64_le: u64, LittleEndian, "an unsigned 64-bit integer, little-endian",
            "assert_eq!((&7_u64.to_le_bytes()[..]).read_u64_le().await?, 7);";
        read_i64_le: i64, LittleEndian, "a signed 64-bit integer, little-endian",
            "assert_eq!((&(-7_i64).to_le_bytes()[..]).read_i64_le().await?, -7);";
        read_u128_le: u128, LittleEndian, "an unsigned 128-bit integer, little-endian",
            "assert_eq!((&7_u128.to_le_bytes()[..]).read_u128_le().await?, 7);";
        read_i128_le: i128, LittleEndian, "a signed 128-bit integer, little-endian",
            "assert_eq!((&(-7_i128).to_le_bytes()[..]).read_i128_le().await?, -7);";
        read_f32_le: f32, LittleEndian, "a 32-bit floating point number, little-endian",
            "assert_eq!((&0.5_f32.to_le_bytes()[..]).read_f32_le().await?, 0.5);";
        read_f64_le: f64, LittleEndian, "a 64-bit floating point number, little-endian",
            "assert_eq!((&0.5_f64.to_le_bytes()[..]).read_f64_le().await?, 0.5);";
    }

    /// Reads everything up to the end, appends it to `buf` and gives the number of bytes.
    ///
    /// The vector grows as needed; memory is the only limit, so put a [`take`](Self::take) before it
    /// when a stranger sends the bytes.
    ///
    /// # Errors
    ///
    /// The reader's own. What was read until then is in `buf`.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, what was read until then is in `buf`, and calling again goes on
    /// from there.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::io::AsyncReadExt;
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let mut reader: &[u8] = b"world";
    ///     let mut buf = b"hello ".to_vec();
    ///     assert_eq!(reader.read_to_end(&mut buf).await?, 5);
    ///     assert_eq!(buf, b"hello world");
    ///     Ok(())
    /// }
    /// ```
    fn read_to_end<'a>(&'a mut self, buf: &'a mut Vec<u8>) -> ReadToEnd<'a, Self>
    where
        Self: Unpin,
    {
        ReadToEnd::new(self, buf)
    }

    /// Reads everything up to the end, appends it to `dst` and gives the number of bytes.
    ///
    /// # Errors
    ///
    /// [`InvalidData`](super::ErrorKind::InvalidData) when what was read is not UTF-8; otherwise the
    /// reader's own errors. Then `dst` is as it was, and what was read is lost.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: when the future is dropped, what was read is lost. `dst` is then as it was.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::io::AsyncReadExt;
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let mut reader = "wörld".as_bytes();
    ///     let mut text = String::from("hello ");
    ///     assert_eq!(reader.read_to_string(&mut text).await?, 6);
    ///     assert_eq!(text, "hello wörld");
    ///     Ok(())
    /// }
    /// ```
    fn read_to_string<'a>(&'a mut self, dst: &'a mut String) -> ReadToString<'a, Self>
    where
        Self: Unpin,
    {
        ReadToString::new(self, dst)
    }

    /// Limits the reader: after `limit` bytes it says that the end is reached.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::io::AsyncReadExt;
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let mut reader: &[u8] = b"hello world";
    ///     let mut text = String::new();
    ///     (&mut reader).take(5).read_to_string(&mut text).await?;
    ///     assert_eq!(text, "hello");
    ///     assert_eq!(reader, b" world");
    ///     Ok(())
    /// }
    /// ```
    fn take(self, limit: u64) -> Take<Self>
    where
        Self: Sized,
    {
        take::take(self, limit)
    }
}

impl<R: AsyncRead + ?Sized> AsyncReadExt for R {}
