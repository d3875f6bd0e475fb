//! What both receivers can do.
//!
//! [`Receiver`](super::Receiver) and [`UnboundedReceiver`](super::UnboundedReceiver) have the same
//! methods, with the same words; the macro writes them once. The work is done in
//! [`channel`](super::channel).

/// Implements the methods and traits that both receivers have. `$new` creates the channel in
/// examples, and `$send` sends.
macro_rules! receiver_methods {
    ($Receiver:ident, $name:literal, $new:literal, $send:literal, $Sender:literal, $WeakSender:literal) => {
        impl<T> $Receiver<T> {
            /// Receives the next value; `None` when the channel is closed and all values that were
            /// sent have been received.
            ///
            /// The channel is closed when the last sender is dropped, or by
            /// [`close`](Self::close).
            ///
            /// # Cancel safety
            ///
            /// No value is lost when the future is dropped, in `select!` for example.
            ///
            /// # Examples
            ///
            /// ```
            /// use runtime::sync::mpsc;
            ///
            /// #[runtime::main]
            /// async fn main() {
            #[doc = concat!("    let (sender, mut receiver) = mpsc::", $new, ";")]
            ///     runtime::spawn(async move {
            ///         for number in 1..=3 {
            #[doc = concat!("            sender.", $send, "(number).unwrap();")]
            ///         }
            ///     });
            ///     while let Some(number) = receiver.recv().await {
            ///         println!("received {number}");
            ///     }
            /// }
            /// ```
            pub async fn recv(&mut self) -> Option<T> {
                poll_fn(|cx| self.receiving.poll_recv(cx)).await
            }

            /// Receives up to `limit` values and appends them to `buffer`. Gives their number, which
            /// is 0 only if `limit` is 0 or the channel is closed and all values that were sent
            /// have been received.
            ///
            /// It waits until there is at least one value, and then takes what is there: it does
            /// not wait until the limit is reached. The buffer grows as needed; with a capacity of
            /// `limit` it does not.
            ///
            /// # Cancel safety
            ///
            /// No value is lost when the future is dropped: the buffer is then as it was.
            ///
            /// # Examples
            ///
            /// ```
            /// use runtime::sync::mpsc;
            ///
            /// # #[runtime::main]
            /// # async fn main() {
            #[doc = concat!("let (sender, mut receiver) = mpsc::", $new, ";")]
            #[doc = concat!("sender.", $send, "(\"one\").unwrap();")]
            #[doc = concat!("sender.", $send, "(\"two\").unwrap();")]
            /// let mut lines = Vec::with_capacity(10);
            /// assert_eq!(receiver.recv_many(&mut lines, 10).await, 2);
            /// assert_eq!(lines, ["one", "two"]);
            /// # }
            /// ```
            pub async fn recv_many(&mut self, buffer: &mut Vec<T>, limit: usize) -> usize {
                poll_fn(|cx| self.receiving.poll_recv_many(cx, buffer, limit)).await
            }

            /// Receives the next value if it is there, without waiting.
            ///
            /// Every value whose sending was over before this call is found. While another sender is
            /// in the middle of a send, the thread waits for the few instructions that this takes.
            ///
            /// # Errors
            ///
            /// - [`TryRecvError::Empty`] if there is none yet: try again later.
            /// - [`TryRecvError::Disconnected`] if there will be none: the channel is closed.
            pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
                self.receiving.try_recv()
            }

            /// Receives the next value, blocking the thread until there is one; `None` as in
            /// [`recv`](Self::recv).
            ///
            /// For the synchronous side of a program.
            ///
            /// # Panics
            ///
            /// On a thread that drives asynchronous tasks.
            ///
            /// # Examples
            ///
            /// ```
            /// use runtime::sync::mpsc;
            ///
            #[doc = concat!("let (sender, mut receiver) = mpsc::", $new, ";")]
            /// let thread = std::thread::spawn(move || receiver.blocking_recv());
            #[doc = concat!("sender.", $send, "(8).unwrap();")]
            /// assert_eq!(thread.join().unwrap(), Some(8));
            /// ```
            #[track_caller]
            pub fn blocking_recv(&mut self) -> Option<T> {
                driving::block_on(self.recv())
            }

            /// Receives up to `limit` values, blocking the thread until there is at least one; as
            /// [`recv_many`](Self::recv_many) otherwise.
            ///
            /// # Panics
            ///
            /// On a thread that drives asynchronous tasks.
            #[track_caller]
            pub fn blocking_recv_many(&mut self, buffer: &mut Vec<T>, limit: usize) -> usize {
                driving::block_on(self.recv_many(buffer, limit))
            }

            /// Closes the channel: senders get their values back from now on.
            ///
            /// What was sent before can still be received, and in a bounded channel also what is
            /// sent with a permit that was handed out before. To lose nothing, go on receiving until
            /// [`recv`](Self::recv) gives `None`.
            pub fn close(&mut self) {
                self.receiving.close();
            }

            /// Whether the channel is closed: by [`close`](Self::close), or because the last sender
            /// was dropped. There may still be values to receive.
            pub fn is_closed(&self) -> bool {
                self.receiving.is_closed()
            }

            /// Whether there is no value to receive at this moment.
            pub fn is_empty(&self) -> bool {
                self.receiving.len() == 0
            }

            /// How many values there are to receive at this moment.
            pub fn len(&self) -> usize {
                self.receiving.len()
            }

            /// Polls for the next value.
            ///
            /// If there is none yet, the waker of `cx` is woken when there is one, or when the
            /// channel is closed. Only the waker of the last call is kept.
            pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
                self.receiving.poll_recv(cx)
            }

            /// Polls for up to `limit` values and appends them to `buffer`; as
            /// [`recv_many`](Self::recv_many) and [`poll_recv`](Self::poll_recv).
            pub fn poll_recv_many(
                &mut self,
                cx: &mut Context<'_>,
                buffer: &mut Vec<T>,
                limit: usize,
            ) -> Poll<usize> {
                self.receiving.poll_recv_many(cx, buffer, limit)
            }

            #[doc = concat!("How many [`", $Sender, "`]s the channel has.")]
            pub fn sender_strong_count(&self) -> usize {
                self.receiving.channel().strong_count()
            }

            #[doc = concat!("How many [`", $WeakSender, "`]s the channel has.")]
            pub fn sender_weak_count(&self) -> usize {
                self.receiving.channel().weak_count()
            }
        }

        impl<T> fmt::Debug for $Receiver<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct($name).finish_non_exhaustive()
            }
        }
    };
}
