//! Copying both ways between two streams.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::copy::Transfer;
use super::{AsyncRead, AsyncWrite, DEFAULT_BUF_SIZE};

/// Copies both ways between `a` and `b` until both have ended, and gives the number of bytes from
/// `a` to `b` and from `b` to `a`.
///
/// When the end of one stream is read, the other is shut down for writing, and the opposite direction
/// goes on. This is what a proxy does. Each direction has a buffer of 8 KiB.
///
/// # Errors
///
/// The first error of either stream ends both directions. What was read and not yet written is lost.
///
/// # Cancel safety
///
/// Not cancel safe: when the future is dropped, what was read and not yet written is lost.
///
/// # Examples
///
/// ```
/// use runtime::io::{self, AsyncReadExt, AsyncWriteExt, duplex};
///
/// #[runtime::main]
/// async fn main() -> std::io::Result<()> {
///     let (mut client, mut proxy_in) = duplex(64);
///     let (mut proxy_out, mut server) = duplex(64);
///     client.write_all(b"ping").await?;
///     client.shutdown().await?;
///     server.write_all(b"hello").await?;
///     server.shutdown().await?;
///     let sent = io::copy_bidirectional(&mut proxy_in, &mut proxy_out).await?;
///     assert_eq!(sent, (4, 5));
///     let mut text = String::new();
///     client.read_to_string(&mut text).await?;
///     assert_eq!(text, "hello");
///     Ok(())
/// }
/// ```
pub async fn copy_bidirectional<A, B>(a: &mut A, b: &mut B) -> io::Result<(u64, u64)>
where
    A: AsyncRead + AsyncWrite + Unpin + ?Sized,
    B: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    copy_bidirectional_with_sizes(a, b, DEFAULT_BUF_SIZE, DEFAULT_BUF_SIZE).await
}

/// Like [`copy_bidirectional`], with buffers of `a_to_b_buf_size` and `b_to_a_buf_size` bytes.
///
/// # Errors
///
/// As [`copy_bidirectional`].
///
/// # Panics
///
/// When it is first polled, if one of the sizes is zero: nothing could ever be copied.
///
/// # Cancel safety
///
/// As [`copy_bidirectional`].
pub async fn copy_bidirectional_with_sizes<A, B>(
    a: &mut A,
    b: &mut B,
    a_to_b_buf_size: usize,
    b_to_a_buf_size: usize,
) -> io::Result<(u64, u64)>
where
    A: AsyncRead + AsyncWrite + Unpin + ?Sized,
    B: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    assert!(
        a_to_b_buf_size > 0,
        "`a_to_b_buf_size` must be greater than 0, or nothing could ever be copied"
    );
    assert!(
        b_to_a_buf_size > 0,
        "`b_to_a_buf_size` must be greater than 0, or nothing could ever be copied"
    );
    let mut a_to_b = Direction::Running(Transfer::with_capacity(a_to_b_buf_size));
    let mut b_to_a = Direction::Running(Transfer::with_capacity(b_to_a_buf_size));
    poll_fn(|cx| {
        // Both are polled before either is waited for.
        let there = a_to_b.poll(cx, Pin::new(&mut *a), Pin::new(&mut *b))?;
        let back = b_to_a.poll(cx, Pin::new(&mut *b), Pin::new(&mut *a))?;
        Poll::Ready(Ok((ready!(there), ready!(back))))
    })
    .await
}

/// One of the two ways.
enum Direction {
    Running(Transfer),
    /// Everything is written; the number of bytes.
    ShuttingDown(u64),
    Done(u64),
}

impl Direction {
    fn poll<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        mut reader: Pin<&mut R>,
        mut writer: Pin<&mut W>,
    ) -> Poll<io::Result<u64>>
    where
        R: AsyncRead + ?Sized,
        W: AsyncWrite + ?Sized,
    {
        loop {
            *self = match self {
                Self::Running(transfer) => {
                    let copied = ready!(transfer.poll(cx, reader.as_mut(), writer.as_mut()))?;
                    Self::ShuttingDown(copied)
                }
                Self::ShuttingDown(copied) => {
                    ready!(writer.as_mut().poll_shutdown(cx))?;
                    Self::Done(*copied)
                }
                Self::Done(copied) => return Poll::Ready(Ok(*copied)),
            };
        }
    }
}
