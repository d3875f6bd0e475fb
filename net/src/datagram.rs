//! What every kind of socket for datagrams can: UDP and Unix datagrams.

/// Gives `$type`, which has a field `source`, what all sockets for datagrams have in common: their
/// readiness, and to send and to receive. The attributes are appended to the documentation of
/// `recv_buf`.
macro_rules! impl_datagram {
    (
        $type:ty, $address:ty, $std:ty;
        $(#[$recv_buf:meta])* recv_buf;
    ) => {
        impl $type {
            /// Polls until there is a datagram to receive.
            ///
            /// Only the latest task that called this or another function named `poll_recv…` is
            /// woken. [`readable`](Self::readable) has no such limit.
            ///
            /// # Errors
            ///
            /// As [`ready`](Self::ready).
            pub fn poll_recv_ready(
                &self,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                self.source.poll_ready(cx, $crate::readiness::Direction::Read)
            }

            /// Polls until there is room to send.
            ///
            /// Only the latest task that called this or another function named `poll_send…` is
            /// woken. [`writable`](Self::writable) has no such limit.
            ///
            /// # Errors
            ///
            /// As [`ready`](Self::ready).
            pub fn poll_send_ready(
                &self,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                self.source.poll_ready(cx, $crate::readiness::Direction::Write)
            }

            /// Sends a datagram to the address that the socket is connected to. Gives how many
            /// bytes were sent, which is all of them.
            ///
            /// # Errors
            ///
            /// What the system says: not connected, the datagram is too large, or an earlier one
            /// was refused (`ConnectionRefused`).
            ///
            /// # Cancel safety
            ///
            /// If the future is dropped before it is ready, nothing was sent.
            pub async fn send(&self, buf: &[u8]) -> std::io::Result<usize> {
                self.source.send_datagram(buf).await
            }

            /// Polls to send a datagram to the address that the socket is connected to.
            ///
            /// Only the latest task that called this or another function named `poll_send…` is
            /// woken.
            ///
            /// # Errors
            ///
            /// As [`send`](Self::send).
            pub fn poll_send(
                &self,
                cx: &mut std::task::Context<'_>,
                buf: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.source.poll_send(cx, buf)
            }

            /// Sends a datagram to the address that the socket is connected to, without waiting.
            ///
            /// # Errors
            ///
            /// As [`send`](Self::send), and `WouldBlock` if there is no room; see
            /// [`writable`](Self::writable) for how to wait.
            pub fn try_send(&self, buf: &[u8]) -> std::io::Result<usize> {
                self.source.try_send(buf)
            }

            /// Receives a datagram from the address that the socket is connected to. Gives how many
            /// bytes it has.
            ///
            /// # Errors
            ///
            /// What the system says, such as `ConnectionRefused` if a datagram that was sent
            /// earlier found nobody; and when the runtime shuts down.
            ///
            /// # Cancel safety
            ///
            /// If the future is dropped before it is ready, nothing was received.
            pub async fn recv(&self, buf: &mut [u8]) -> std::io::Result<usize> {
                self.source.recv_datagram(buf).await
            }

            /// Polls to receive a datagram into the unfilled part of `buf`.
            ///
            /// Only the latest task that called this or another function named `poll_recv…` is
            /// woken.
            ///
            /// # Errors
            ///
            /// As [`recv`](Self::recv).
            pub fn poll_recv(
                &self,
                cx: &mut std::task::Context<'_>,
                buf: &mut runtime_base::io::ReadBuf<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                self.source.poll_recv_datagram(cx, buf)
            }

            /// Receives a datagram that is there, without waiting.
            ///
            /// # Errors
            ///
            /// As [`recv`](Self::recv), and `WouldBlock` if there is none; see
            /// [`readable`](Self::readable) for how to wait.
            pub fn try_recv(&self, buf: &mut [u8]) -> std::io::Result<usize> {
                self.source.try_recv(buf)
            }

            /// Receives a datagram into the spare capacity of `buf`, without waiting.
            ///
            /// # Errors
            ///
            /// As [`try_recv`](Self::try_recv).
            pub fn try_recv_buf<B: bytes::BufMut>(&self, buf: &mut B) -> std::io::Result<usize> {
                self.source.try_recv_buf(buf)
            }

            /// Receives a datagram into the spare capacity of `buf`, and cuts what is longer. Gives
            /// how many bytes were added.
            ///
            /// A `Vec<u8>` or `BytesMut` that is full makes room, for 64 bytes at least; otherwise
            /// `buf` is not made larger.
            ///
            /// # Errors
            ///
            /// As [`recv`](Self::recv).
            ///
            /// # Cancel safety
            ///
            /// If the future is dropped before it is ready, nothing was received.
            $(#[$recv_buf])*
            pub async fn recv_buf<B: bytes::BufMut>(&self, buf: &mut B) -> std::io::Result<usize> {
                self.source.recv_datagram_buf(buf).await
            }

            /// Receives a datagram into the spare capacity of `buf`, without waiting. Gives how
            /// many bytes were added, and who sent them.
            ///
            /// # Errors
            ///
            /// As [`try_recv`](Self::try_recv).
            pub fn try_recv_buf_from<B: bytes::BufMut>(
                &self,
                buf: &mut B,
            ) -> std::io::Result<(usize, $address)> {
                self.source.try_recv_datagram_buf_from(buf)
            }

            /// Receives a datagram into the spare capacity of `buf`, as [`recv_buf`](Self::recv_buf).
            /// Gives how many bytes were added, and who sent them.
            ///
            /// # Errors
            ///
            /// As [`recv`](Self::recv).
            ///
            /// # Cancel safety
            ///
            /// If the future is dropped before it is ready, nothing was received.
            pub async fn recv_buf_from<B: bytes::BufMut>(
                &self,
                buf: &mut B,
            ) -> std::io::Result<(usize, $address)> {
                self.source.recv_datagram_buf_from(buf).await
            }

            /// Receives a datagram. Gives how many bytes it has, and who sent it.
            ///
            /// # Errors
            ///
            /// What the system says, and when the runtime shuts down.
            ///
            /// # Cancel safety
            ///
            /// If the future is dropped before it is ready, nothing was received.
            pub async fn recv_from(&self, buf: &mut [u8]) -> std::io::Result<(usize, $address)> {
                self.source.recv_datagram_from(buf).await
            }

            /// Polls to receive a datagram into the unfilled part of `buf`. Gives who sent it.
            ///
            /// Only the latest task that called this or another function named `poll_recv…` is
            /// woken.
            ///
            /// # Errors
            ///
            /// As [`recv_from`](Self::recv_from).
            pub fn poll_recv_from(
                &self,
                cx: &mut std::task::Context<'_>,
                buf: &mut runtime_base::io::ReadBuf<'_>,
            ) -> std::task::Poll<std::io::Result<$address>> {
                self.source.poll_recv_datagram_from(cx, buf)
            }

            /// Receives a datagram that is there, without waiting. Gives how many bytes it has, and
            /// who sent it.
            ///
            /// # Errors
            ///
            /// As [`recv_from`](Self::recv_from), and `WouldBlock` if there is none; see
            /// [`readable`](Self::readable) for how to wait.
            pub fn try_recv_from(&self, buf: &mut [u8]) -> std::io::Result<(usize, $address)> {
                self.source.try_recv_datagram_from(buf)
            }
        }

        impl TryFrom<$std> for $type {
            type Error = std::io::Error;

            /// The same as `from_std`.
            #[track_caller]
            fn try_from(socket: $std) -> Result<Self, Self::Error> {
                Self::from_std(socket)
            }
        }
    };
}

pub(crate) use impl_datagram;
