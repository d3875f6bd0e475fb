//! Writing.

use std::io::{self, IoSlice};
use std::ops::DerefMut;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Writes bytes without blocking the thread.
///
/// `Poll::Pending` means that nothing was written and that the task is woken when writing may
/// succeed. A sink that buffers writes the rest on [`poll_flush`](Self::poll_flush).
pub trait AsyncWrite {
    /// Tries to write some of `buf`, and says how many bytes were taken. Zero for a buffer that is
    /// not empty means that the sink takes no more.
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>>;

    /// Tries to bring everything that was taken to its destination.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Tries to flush and then to end the writing side. After it was ready no more may be written.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Like [`poll_write`](Self::poll_write), from several buffers, in order. By default the first
    /// one that is not empty is written.
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = bufs
            .iter()
            .find(|buf| !buf.is_empty())
            .map_or(&[][..], |buf| &**buf);
        self.poll_write(cx, first)
    }

    /// Whether [`poll_write_vectored`](Self::poll_write_vectored) does better than its default.
    fn is_write_vectored(&self) -> bool {
        false
    }
}

/// Forwards every method to what `self` points to.
macro_rules! forward {
    ($self:ident => $target:expr) => {
        fn poll_write(
            #[allow(unused_mut)] mut $self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &[u8],
        ) -> Poll<io::Result<usize>> {
            $target.poll_write(cx, buf)
        }

        fn poll_write_vectored(
            #[allow(unused_mut)] mut $self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bufs: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            $target.poll_write_vectored(cx, bufs)
        }

        fn is_write_vectored(&self) -> bool {
            (**self).is_write_vectored()
        }

        fn poll_flush(
            #[allow(unused_mut)] mut $self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<io::Result<()>> {
            $target.poll_flush(cx)
        }

        fn poll_shutdown(
            #[allow(unused_mut)] mut $self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<io::Result<()>> {
            $target.poll_shutdown(cx)
        }
    };
}

impl<T: ?Sized + AsyncWrite + Unpin> AsyncWrite for Box<T> {
    forward!(self => Pin::new(&mut **self));
}

impl<T: ?Sized + AsyncWrite + Unpin> AsyncWrite for &mut T {
    forward!(self => Pin::new(&mut **self));
}

impl<P> AsyncWrite for Pin<P>
where
    P: DerefMut,
    P::Target: AsyncWrite,
{
    forward!(self => self.as_deref_mut());
}

/// Sinks in memory: a write is a `std` write that cannot wait.
macro_rules! write_by_std {
    () => {
        #[inline]
        fn poll_write(
            mut self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
            buf: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(io::Write::write(&mut *self, buf))
        }

        #[inline]
        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
            bufs: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(io::Write::write_vectored(&mut *self, bufs))
        }

        #[inline]
        fn is_write_vectored(&self) -> bool {
            true
        }

        #[inline]
        fn poll_flush(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(io::Write::flush(&mut *self))
        }

        #[inline]
        fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.poll_flush(cx)
        }
    };
}

impl AsyncWrite for Vec<u8> {
    write_by_std!();
}

impl AsyncWrite for io::Cursor<&mut [u8]> {
    write_by_std!();
}

impl AsyncWrite for io::Cursor<&mut Vec<u8>> {
    write_by_std!();
}

impl AsyncWrite for io::Cursor<Vec<u8>> {
    write_by_std!();
}

impl AsyncWrite for io::Cursor<Box<[u8]>> {
    write_by_std!();
}
