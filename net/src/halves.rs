//! The halves of a stream that was split, for every kind of stream.
//!
//! A half is a shared reference to the stream, or a share of it, that shows one direction only. Each
//! kind of stream has types of its own for them, with the same names, in a module of its own.

/// What borrowed and owned halves have in common; `$path` leads from `self` to the stream.
macro_rules! impl_read_half {
    ($stream:ident, $address:ty, $type:ty, |$this:ident| $path:expr) => {
        impl $type {
            fn stream(&self) -> &$stream {
                let $this = self;
                $path
            }

            /// Waits until the stream is ready for one of `interest`.
            ///
            /// # Errors
            ///
            /// When the system refuses to watch the stream, and when the runtime shuts down.
            ///
            /// # Cancel safety
            ///
            /// Nothing is lost.
            pub async fn ready(
                &self,
                interest: $crate::interest::Interest,
            ) -> std::io::Result<$crate::ready::Ready> {
                self.stream().ready(interest).await
            }

            /// Waits until there is something to read.
            ///
            /// # Errors
            ///
            /// As [`ready`](Self::ready).
            ///
            /// # Cancel safety
            ///
            /// Nothing is lost.
            pub async fn readable(&self) -> std::io::Result<()> {
                self.stream().readable().await
            }

            /// Reads what is there, without waiting.
            ///
            /// # Errors
            ///
            /// `WouldBlock` if there is nothing yet.
            pub fn try_read(&self, buf: &mut [u8]) -> std::io::Result<usize> {
                self.stream().try_read(buf)
            }

            /// Reads what is there into several buffers.
            ///
            /// # Errors
            ///
            /// As [`try_read`](Self::try_read).
            pub fn try_read_vectored(
                &self,
                bufs: &mut [std::io::IoSliceMut<'_>],
            ) -> std::io::Result<usize> {
                self.stream().try_read_vectored(bufs)
            }

            /// Reads what is there into the spare capacity of `buf`.
            ///
            /// # Errors
            ///
            /// As [`try_read`](Self::try_read).
            pub fn try_read_buf<B: bytes::BufMut>(&self, buf: &mut B) -> std::io::Result<usize> {
                self.stream().try_read_buf(buf)
            }

            /// The address of the other side.
            ///
            /// # Errors
            ///
            /// `NotConnected` if the connection is gone.
            pub fn peer_addr(&self) -> std::io::Result<$address> {
                self.stream().peer_addr()
            }

            /// The address of this side.
            ///
            /// # Errors
            ///
            /// What the system says.
            pub fn local_addr(&self) -> std::io::Result<$address> {
                self.stream().local_addr()
            }
        }

        impl runtime_base::io::AsyncRead for $type {
            #[inline]
            fn poll_read(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buf: &mut runtime_base::io::ReadBuf<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                self.stream().poll_read_shared(cx, buf)
            }
        }

        impl AsRef<$stream> for $type {
            fn as_ref(&self) -> &$stream {
                self.stream()
            }
        }
    };
}

/// As [`impl_read_half`]; the method `ended` is called when the sending side was ended.
macro_rules! impl_write_half {
    ($stream:ident, $address:ty, $type:ty, |$this:ident| $path:expr) => {
        impl $type {
            fn stream(&self) -> &$stream {
                let $this = self;
                $path
            }

            /// Waits until the stream is ready for one of `interest`.
            ///
            /// # Errors
            ///
            /// When the system refuses to watch the stream, and when the runtime shuts down.
            ///
            /// # Cancel safety
            ///
            /// Nothing is lost.
            pub async fn ready(
                &self,
                interest: $crate::interest::Interest,
            ) -> std::io::Result<$crate::ready::Ready> {
                self.stream().ready(interest).await
            }

            /// Waits until there is room to write.
            ///
            /// # Errors
            ///
            /// As [`ready`](Self::ready).
            ///
            /// # Cancel safety
            ///
            /// Nothing is lost.
            pub async fn writable(&self) -> std::io::Result<()> {
                self.stream().writable().await
            }

            /// Writes as much as there is room for, without waiting.
            ///
            /// # Errors
            ///
            /// `WouldBlock` if there is no room.
            pub fn try_write(&self, buf: &[u8]) -> std::io::Result<usize> {
                self.stream().try_write(buf)
            }

            /// Writes as much of several buffers as there is room for.
            ///
            /// # Errors
            ///
            /// As [`try_write`](Self::try_write).
            pub fn try_write_vectored(
                &self,
                bufs: &[std::io::IoSlice<'_>],
            ) -> std::io::Result<usize> {
                self.stream().try_write_vectored(bufs)
            }

            /// The address of the other side.
            ///
            /// # Errors
            ///
            /// `NotConnected` if the connection is gone.
            pub fn peer_addr(&self) -> std::io::Result<$address> {
                self.stream().peer_addr()
            }

            /// The address of this side.
            ///
            /// # Errors
            ///
            /// What the system says.
            pub fn local_addr(&self) -> std::io::Result<$address> {
                self.stream().local_addr()
            }
        }

        impl runtime_base::io::AsyncWrite for $type {
            #[inline]
            fn poll_write(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buf: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.stream().poll_write_shared(cx, buf)
            }

            #[inline]
            fn poll_write_vectored(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                bufs: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.stream().poll_write_vectored_shared(cx, bufs)
            }

            fn is_write_vectored(&self) -> bool {
                self.stream().is_write_vectored()
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
                let result = self.stream().shutdown_write();
                if result.is_ok() {
                    self.get_mut().ended();
                }
                std::task::Poll::Ready(result)
            }
        }

        impl AsRef<$stream> for $type {
            fn as_ref(&self) -> &$stream {
                self.stream()
            }
        }
    };
}

/// Defines `ReadHalf` and `WriteHalf`, which borrow a `$stream`, and how it is split into them.
macro_rules! borrowed_halves {
    ($stream:ident, $address:ty) => {
        /// The reading half of a borrowed stream. Made by `split`.
        #[derive(Debug)]
        pub struct ReadHalf<'a>(&'a $stream);

        /// The writing half of a borrowed stream. Made by `split`.
        ///
        /// Shutting it down as an `AsyncWrite` ends the sending side; dropping it does nothing.
        #[derive(Debug)]
        pub struct WriteHalf<'a>(&'a $stream);

        pub(super) fn split(stream: &mut $stream) -> (ReadHalf<'_>, WriteHalf<'_>) {
            (ReadHalf(stream), WriteHalf(stream))
        }

        $crate::halves::impl_read_half!($stream, $address, ReadHalf<'_>, |this| this.0);
        $crate::halves::impl_write_half!($stream, $address, WriteHalf<'_>, |this| this.0);

        impl WriteHalf<'_> {
            /// Nothing depends on it: dropping a borrowed half ends nothing.
            fn ended(&mut self) {}
        }
    };
}

/// Defines `OwnedReadHalf` and `OwnedWriteHalf`, which own a `$stream` together, how it is split
/// into them, and the error when they do not fit together again. The attributes are appended to the
/// documentation of `OwnedReadHalf`.
macro_rules! owned_halves {
    ($stream:ident, $address:ty; $(#[$read_half:meta])*) => {
        /// The reading half of a stream. Made by `into_split`.
        $(#[$read_half])*
        #[derive(Debug)]
        pub struct OwnedReadHalf {
            stream: std::sync::Arc<$stream>,
        }

        /// The writing half of a stream. Made by `into_split`.
        ///
        /// Dropping it ends the sending side, unless it is [forgotten](Self::forget).
        #[derive(Debug)]
        pub struct OwnedWriteHalf {
            stream: std::sync::Arc<$stream>,
            ends_when_dropped: bool,
        }

        pub(super) fn into_split(stream: $stream) -> (OwnedReadHalf, OwnedWriteHalf) {
            let stream = std::sync::Arc::new(stream);
            let reader = OwnedReadHalf {
                stream: stream.clone(),
            };
            let writer = OwnedWriteHalf {
                stream,
                ends_when_dropped: true,
            };
            (reader, writer)
        }

        fn reunite(reader: OwnedReadHalf, writer: OwnedWriteHalf) -> Result<$stream, ReuniteError> {
            if !std::sync::Arc::ptr_eq(&reader.stream, &writer.stream) {
                return Err(ReuniteError(reader, writer));
            }
            writer.forget();
            // The halves are the only owners, and one is left.
            let stream = std::sync::Arc::into_inner(reader.stream);
            Ok(stream.expect("a stream has two halves"))
        }

        impl OwnedReadHalf {
            /// Puts the two halves of one stream together again.
            ///
            /// # Errors
            ///
            /// Gives the halves back if they are of different streams.
            pub fn reunite(self, other: OwnedWriteHalf) -> Result<$stream, ReuniteError> {
                reunite(self, other)
            }
        }

        impl OwnedWriteHalf {
            /// Puts the two halves of one stream together again.
            ///
            /// # Errors
            ///
            /// Gives the halves back if they are of different streams.
            pub fn reunite(self, other: OwnedReadHalf) -> Result<$stream, ReuniteError> {
                reunite(other, self)
            }

            /// Drops the half without ending the sending side.
            pub fn forget(mut self) {
                self.ends_when_dropped = false;
            }

            /// Once is enough.
            fn ended(&mut self) {
                self.ends_when_dropped = false;
            }
        }

        impl Drop for OwnedWriteHalf {
            fn drop(&mut self) {
                if self.ends_when_dropped {
                    // The connection may be gone; then it has ended anyway.
                    let _ = self.stream.shutdown_write();
                }
            }
        }

        $crate::halves::impl_read_half!($stream, $address, OwnedReadHalf, |this| &this.stream);
        $crate::halves::impl_write_half!($stream, $address, OwnedWriteHalf, |this| &this.stream);

        /// Two halves that are not of the same stream. They can be taken out.
        #[derive(Debug)]
        pub struct ReuniteError(pub OwnedReadHalf, pub OwnedWriteHalf);

        impl std::fmt::Display for ReuniteError {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("tried to reunite halves that are not from the same socket")
            }
        }

        impl std::error::Error for ReuniteError {}
    };
}

pub(crate) use {borrowed_halves, impl_read_half, impl_write_half, owned_halves};
