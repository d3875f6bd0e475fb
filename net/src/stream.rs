//! What every kind of stream can: TCP and Unix streams.

/// Gives `$stream`, which has a field `source`, what all streams have in common: readiness, the
/// functions named `try_…`, its halves, which are defined in the module `$halves`, `AsyncRead` and
/// `AsyncWrite`. The attributes are appended to the documentation of `split`.
macro_rules! impl_stream {
    (
        $stream:ident, $std:ty, $halves:ident;
        $(#[$split:meta])* split;
    ) => {
        impl $stream {
            /// Takes the error that the system has pending for this socket (`SO_ERROR`).
            ///
            /// # Errors
            ///
            /// When the system cannot tell.
            pub fn take_error(&self) -> std::io::Result<Option<std::io::Error>> {
                self.source.io().take_error()
            }

            /// Polls until there is something to read, or the reading side is closed.
            ///
            /// Only the latest task that called this or another function that polls to read is
            /// woken. [`readable`](Self::readable) has no such limit.
            ///
            /// # Errors
            ///
            /// As [`ready`](Self::ready).
            pub fn poll_read_ready(
                &self,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                self.source.poll_ready(cx, $crate::readiness::Direction::Read)
            }

            /// Polls until there is room to write, or the writing side is closed.
            ///
            /// Only the latest task that called this or `poll_write` is woken.
            /// [`writable`](Self::writable) has no such limit.
            ///
            /// # Errors
            ///
            /// As [`ready`](Self::ready).
            pub fn poll_write_ready(
                &self,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                self.source.poll_ready(cx, $crate::readiness::Direction::Write)
            }

            /// Reads what is there, without waiting.
            ///
            /// Gives how many bytes were read; zero if the peer ended its sending side or `buf` is
            /// empty.
            ///
            /// # Errors
            ///
            /// `WouldBlock` if there is nothing yet; see [`readable`](Self::readable) for how to
            /// wait.
            pub fn try_read(&self, buf: &mut [u8]) -> std::io::Result<usize> {
                self.source.try_recv(buf)
            }

            /// Reads what is there into several buffers, in order, without waiting.
            ///
            /// # Errors
            ///
            /// As [`try_read`](Self::try_read).
            pub fn try_read_vectored(
                &self,
                bufs: &mut [std::io::IoSliceMut<'_>],
            ) -> std::io::Result<usize> {
                self.source.try_recv_vectored(bufs)
            }

            /// Reads what is there into the spare capacity of `buf`, without waiting.
            ///
            /// # Errors
            ///
            /// As [`try_read`](Self::try_read).
            pub fn try_read_buf<B: bytes::BufMut>(&self, buf: &mut B) -> std::io::Result<usize> {
                self.source.try_recv_buf(buf)
            }

            /// Writes as much of `buf` as there is room for, without waiting, and says how much.
            ///
            /// # Errors
            ///
            /// `WouldBlock` if there is no room; see [`writable`](Self::writable) for how to wait.
            pub fn try_write(&self, buf: &[u8]) -> std::io::Result<usize> {
                self.source.try_send(buf)
            }

            /// Writes as much of several buffers, in order, as there is room for, without waiting.
            ///
            /// # Errors
            ///
            /// As [`try_write`](Self::try_write).
            pub fn try_write_vectored(
                &self,
                bufs: &[std::io::IoSlice<'_>],
            ) -> std::io::Result<usize> {
                self.source.try_send_vectored(bufs)
            }

            /// Splits the stream into a half that reads and one that writes, which borrow it.
            ///
            /// It costs nothing. Both halves stay with the task that has the stream;
            /// [`into_split`](Self::into_split) makes halves that go different ways.
            ///
            $(#[$split])*
            pub fn split(&mut self) -> ($halves::ReadHalf<'_>, $halves::WriteHalf<'_>) {
                $halves::split(self)
            }

            /// Splits the stream into a half that reads and one that writes, which may go to
            /// different tasks.
            ///
            /// Dropping the writing half ends the sending side; the connection is closed when both
            /// are dropped.
            pub fn into_split(self) -> ($halves::OwnedReadHalf, $halves::OwnedWriteHalf) {
                $halves::into_split(self)
            }

            // What the halves do, through a shared reference.

            #[inline]
            pub(crate) fn poll_read_shared(
                &self,
                cx: &mut std::task::Context<'_>,
                buf: &mut runtime_base::io::ReadBuf<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                self.source.poll_recv(cx, buf)
            }

            #[inline]
            pub(crate) fn poll_write_shared(
                &self,
                cx: &mut std::task::Context<'_>,
                buf: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.source.poll_send(cx, buf)
            }

            #[inline]
            pub(crate) fn poll_write_vectored_shared(
                &self,
                cx: &mut std::task::Context<'_>,
                bufs: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.source.poll_send_vectored(cx, bufs)
            }

            pub(crate) fn shutdown_write(&self) -> std::io::Result<()> {
                self.source.shutdown_write()
            }
        }

        impl runtime_base::io::AsyncRead for $stream {
            #[inline]
            fn poll_read(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buf: &mut runtime_base::io::ReadBuf<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                self.poll_read_shared(cx, buf)
            }
        }

        impl runtime_base::io::AsyncWrite for $stream {
            #[inline]
            fn poll_write(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buf: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.poll_write_shared(cx, buf)
            }

            #[inline]
            fn poll_write_vectored(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                bufs: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.poll_write_vectored_shared(cx, bufs)
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            /// Nothing is buffered here.
            #[inline]
            fn poll_flush(
                self: std::pin::Pin<&mut Self>,
                _cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                std::task::Poll::Ready(Ok(()))
            }

            fn poll_shutdown(
                self: std::pin::Pin<&mut Self>,
                _cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                std::task::Poll::Ready(self.shutdown_write())
            }
        }

        impl AsRef<Self> for $stream {
            fn as_ref(&self) -> &Self {
                self
            }
        }

        impl TryFrom<$std> for $stream {
            type Error = std::io::Error;

            /// The same as `from_std`.
            #[track_caller]
            fn try_from(stream: $std) -> Result<Self, Self::Error> {
                Self::from_std(stream)
            }
        }
    };
}

pub(crate) use impl_stream;
