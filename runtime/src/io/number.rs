//! Numbers as bytes: the futures behind `read_u16_le`, `write_f64` and their kind.

use std::fmt;
use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::read_futures::poll_fill;
use super::write_futures::poll_write_all;
use super::{AsyncRead, AsyncWrite, ReadBuf};

/// How a number is laid out in bytes.
pub trait Encoding {
    /// The number's type.
    type Number;
    /// An array of as many bytes as the number has.
    type Bytes: AsRef<[u8]> + AsMut<[u8]> + Default + Unpin;

    /// The bytes of a number.
    fn encode(number: Self::Number) -> Self::Bytes;

    /// The number that bytes stand for.
    fn decode(bytes: &Self::Bytes) -> Self::Number;
}

/// The most significant byte first.
pub struct BigEndian<T>(PhantomData<fn() -> T>);

/// The least significant byte first.
pub struct LittleEndian<T>(PhantomData<fn() -> T>);

macro_rules! encodings {
    ($($number:ty)*) => {$(
        impl Encoding for BigEndian<$number> {
            type Number = $number;
            type Bytes = [u8; size_of::<$number>()];

            fn encode(number: $number) -> Self::Bytes {
                number.to_be_bytes()
            }

            fn decode(bytes: &Self::Bytes) -> $number {
                <$number>::from_be_bytes(*bytes)
            }
        }

        impl Encoding for LittleEndian<$number> {
            type Number = $number;
            type Bytes = [u8; size_of::<$number>()];

            fn encode(number: $number) -> Self::Bytes {
                number.to_le_bytes()
            }

            fn decode(bytes: &Self::Bytes) -> $number {
                <$number>::from_le_bytes(*bytes)
            }
        }
    )*};
}
encodings!(u8 u16 u32 u64 u128 i8 i16 i32 i64 i128 f32 f64);

/// The future of [`AsyncReadExt::read_u8`](super::AsyncReadExt::read_u8) and its kind.
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct ReadNumber<'a, R: ?Sized, E: Encoding> {
    reader: &'a mut R,
    bytes: E::Bytes,
    filled: u8,
}

impl<'a, R: ?Sized, E: Encoding> ReadNumber<'a, R, E> {
    pub(super) fn new(reader: &'a mut R) -> Self {
        Self {
            reader,
            bytes: E::Bytes::default(),
            filled: 0,
        }
    }
}

impl<R: AsyncRead + Unpin + ?Sized, E: Encoding> Future for ReadNumber<'_, R, E> {
    type Output = io::Result<E::Number>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let mut buf = ReadBuf::new(this.bytes.as_mut());
        buf.set_filled(usize::from(this.filled));
        // Without a text of its own, which would have to be allocated.
        let early_end = || io::ErrorKind::UnexpectedEof.into();
        let result = poll_fill(Pin::new(&mut *this.reader), cx, &mut buf, early_end);
        this.filled = buf.filled().len() as u8; // At most 16.
        ready!(result)?;
        Poll::Ready(Ok(E::decode(&this.bytes)))
    }
}

/// The future of [`AsyncWriteExt::write_u8`](super::AsyncWriteExt::write_u8) and its kind.
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct WriteNumber<'a, W: ?Sized, E: Encoding> {
    writer: &'a mut W,
    bytes: E::Bytes,
    written: u8,
}

impl<'a, W: ?Sized, E: Encoding> WriteNumber<'a, W, E> {
    pub(super) fn new(writer: &'a mut W, number: E::Number) -> Self {
        Self {
            writer,
            bytes: E::encode(number),
            written: 0,
        }
    }
}

impl<W: AsyncWrite + Unpin + ?Sized, E: Encoding> Future for WriteNumber<'_, W, E> {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let bytes = this.bytes.as_ref();
        let mut rest = &bytes[usize::from(this.written)..];
        let result = poll_write_all(Pin::new(&mut *this.writer), cx, &mut rest);
        this.written = (bytes.len() - rest.len()) as u8; // At most 16.
        result
    }
}

impl<R: ?Sized, E: Encoding> fmt::Debug for ReadNumber<'_, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadNumber")
            .field("filled", &self.filled)
            .finish_non_exhaustive()
    }
}

impl<W: ?Sized, E: Encoding> fmt::Debug for WriteNumber<'_, W, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteNumber")
            .field("written", &self.written)
            .finish_non_exhaustive()
    }
}
