//! The methods that every socket has to wait for its readiness.

/// Gives `$type`, which has a field `source`, the methods `ready`, `readable`, `writable`, `try_io`
/// and `async_io`, and the conversion to text. The attributes are appended to the documentation of
/// `ready` and `readable`.
macro_rules! impl_waits {
    (
        $type:ty;
        $(#[$ready:meta])* ready;
        $(#[$readable:meta])* readable;
    ) => {
        impl $type {
            /// Waits until the socket is ready for one of `interest`, and says for which.
            ///
            /// A state that is reported may be out of date by the time it is used: follow it by one
            /// of the functions named `try_…`, and wait again if that would block.
            ///
            /// # Errors
            ///
            /// When the system refuses to watch the socket, and when the runtime shuts down.
            ///
            /// # Cancel safety
            ///
            /// Nothing is lost: once ready, the socket stays ready until an operation would block.
            $(#[$ready])*
            pub async fn ready(
                &self,
                interest: $crate::interest::Interest,
            ) -> std::io::Result<$crate::ready::Ready> {
                self.source.ready(interest).await
            }

            /// Waits until there is something to receive, or the receiving side is closed.
            ///
            /// # Errors
            ///
            /// As [`ready`](Self::ready).
            ///
            /// # Cancel safety
            ///
            /// As [`ready`](Self::ready).
            $(#[$readable])*
            pub async fn readable(&self) -> std::io::Result<()> {
                self.ready($crate::interest::Interest::READABLE)
                    .await
                    .map(drop)
            }

            /// Waits until there is room to send, or the sending side is closed.
            ///
            /// # Errors
            ///
            /// As [`ready`](Self::ready).
            ///
            /// # Cancel safety
            ///
            /// As [`ready`](Self::ready).
            pub async fn writable(&self) -> std::io::Result<()> {
                self.ready($crate::interest::Interest::WRITABLE)
                    .await
                    .map(drop)
            }

            /// Calls `f`, which does one operation on the socket, if the socket is ready for
            /// `interest`.
            ///
            /// A socket that nobody has waited for yet may not be known to be ready: await
            /// [`ready`](Self::ready) before.
            ///
            /// When `f` returns `WouldBlock` the socket is no longer ready for `interest`, so it must
            /// only do so if the system did. `f` must not call the methods of this socket.
            ///
            /// # Errors
            ///
            /// Those of `f`, and `WouldBlock` if it was not called.
            pub fn try_io<R>(
                &self,
                interest: $crate::interest::Interest,
                f: impl FnOnce() -> std::io::Result<R>,
            ) -> std::io::Result<R> {
                use $crate::source::Socket as _;
                self.source
                    .try_io_when_ready(interest, |socket| socket.attempt(f))
            }

            /// Calls `f`, which does one operation on the socket, whenever the socket is ready for
            /// `interest`, until it does not return `WouldBlock`.
            ///
            /// `f` must return `WouldBlock` only if the system did, and must not call the methods of
            /// this socket.
            ///
            /// # Errors
            ///
            /// Those of `f`, and those of [`ready`](Self::ready).
            ///
            /// # Cancel safety
            ///
            /// The future waits only between calls of `f`: one that achieved something ends it.
            pub async fn async_io<R>(
                &self,
                interest: $crate::interest::Interest,
                mut f: impl FnMut() -> std::io::Result<R>,
            ) -> std::io::Result<R> {
                use $crate::source::Socket as _;
                self.source
                    .async_io(interest, |socket| socket.attempt(&mut f))
                    .await
            }
        }

        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.source.fmt(f)
            }
        }
    };
}

pub(crate) use impl_waits;
