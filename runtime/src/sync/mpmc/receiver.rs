//! What both receivers can do.
//!
//! [`Receiver`](super::Receiver) and [`UnboundedReceiver`](super::UnboundedReceiver) have the same
//! methods, with the same words; the macro writes them once. The work is done in
//! [`channel`](super::channel).

/// Defines a receiver and its weak form. `$new` creates the channel in examples, and `$send` sends.
macro_rules! receiver {
    ($Receiver:ident, $WeakReceiver:ident, $name:literal, $weak_name:literal, $new:literal, $send:literal) => {
        #[doc = concat!("Receives what the other [`", $name, "`]s of the channel do not.")]
        ///
        /// Clone it for more receivers. Dropping the last one closes the channel and drops what is
        /// queued.
        pub struct $Receiver<T> {
            receiving: Receiving<T>,
        }

        impl<T> $Receiver<T> {
            /// Receives the next value; `None` when the channel is closed and all values that were
            /// sent have been received.
            ///
            /// Receivers that wait get their turn in the order in which they began to wait. The
            /// channel is closed when the last sender is dropped, or by [`close`](Self::close).
            ///
            /// # Cancel safety
            ///
            /// No value is lost when the future is dropped, in `select!` for example: the turn goes
            /// to the next receiver that waits.
            ///
            /// # Examples
            ///
            /// ```
            /// use runtime::sync::mpmc;
            ///
            /// # #[runtime::main]
            /// # async fn main() {
            #[doc = concat!("let (sender, receiver) = mpmc::", $new, ";")]
            /// let other = receiver.clone();
            #[doc = concat!("sender.", $send, "(1).unwrap();")]
            #[doc = concat!("sender.", $send, "(2).unwrap();")]
            /// drop(sender);
            /// assert_eq!(receiver.recv().await, Some(1));
            /// assert_eq!(other.recv().await, Some(2));
            /// assert_eq!(receiver.recv().await, None);
            /// # }
            /// ```
            pub async fn recv(&self) -> Option<T> {
                self.receiving.channel().recv().await
            }

            /// Receives up to `limit` values and appends them to `buffer`. Gives their number, which
            /// is 0 only if `limit` is 0 or the channel is closed and all values that were sent
            /// have been received.
            ///
            /// It waits until there is at least one value, and then takes what is there and not
            /// promised to other receivers: it does not wait until the limit is reached. Other
            /// receivers may take values in between.
            ///
            /// # Cancel safety
            ///
            /// No value is lost when the future is dropped: the buffer is then as it was.
            ///
            /// # Examples
            ///
            /// ```
            /// use runtime::sync::mpmc;
            ///
            /// # #[runtime::main]
            /// # async fn main() {
            #[doc = concat!("let (sender, receiver) = mpmc::", $new, ";")]
            #[doc = concat!("sender.", $send, "(1).unwrap();")]
            #[doc = concat!("sender.", $send, "(2).unwrap();")]
            /// let mut numbers = Vec::new();
            /// assert_eq!(receiver.recv_many(&mut numbers, 10).await, 2);
            /// assert_eq!(numbers, [1, 2]);
            /// # }
            /// ```
            pub async fn recv_many(&self, buffer: &mut Vec<T>, limit: usize) -> usize {
                self.receiving.channel().recv_many(buffer, limit).await
            }

            /// Receives the next value if it is there, without waiting.
            ///
            /// # Errors
            ///
            /// - [`TryRecvError::Empty`] if there is none at the moment, or others wait for it.
            /// - [`TryRecvError::Disconnected`] if there will be none: the channel is closed.
            pub fn try_recv(&self) -> Result<T, TryRecvError> {
                self.receiving.channel().try_recv()
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
            /// use runtime::sync::mpmc;
            ///
            #[doc = concat!("let (sender, receiver) = mpmc::", $new, ";")]
            /// let thread = std::thread::spawn(move || receiver.blocking_recv());
            #[doc = concat!("sender.", $send, "(8).unwrap();")]
            /// assert_eq!(thread.join().unwrap(), Some(8));
            /// ```
            #[track_caller]
            pub fn blocking_recv(&self) -> Option<T> {
                self.receiving.blocking_recv()
            }

            /// Closes the channel for all: senders get their values back from now on.
            ///
            /// What was sent before can still be received, and in a bounded channel also what is
            /// sent with a permit that was handed out before. To lose nothing, go on receiving until
            /// [`recv`](Self::recv) gives `None`.
            pub fn close(&self) {
                self.receiving.channel().close();
            }

            /// Whether the channel is closed: by [`close`](Self::close), or because the last sender
            /// was dropped. There may still be values to receive.
            pub fn is_closed(&self) -> bool {
                self.receiving.is_closed()
            }

            /// Whether no value is queued at this moment.
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// How many values are queued at this moment.
            pub fn len(&self) -> usize {
                self.receiving.channel().len()
            }

            /// Whether both receive from the same channel.
            pub fn same_channel(&self, other: &Self) -> bool {
                self.receiving.same_channel(&other.receiving)
            }

            /// A receiver that does not keep the channel open.
            #[must_use = "downgrading has no effect on the receiver itself"]
            pub fn downgrade(&self) -> $WeakReceiver<T> {
                $WeakReceiver {
                    receiving: self.receiving.downgrade(),
                }
            }

            /// How many receivers the channel has.
            pub fn strong_count(&self) -> usize {
                self.receiving.channel().receivers.strong_count()
            }

            /// How many weak receivers the channel has.
            pub fn weak_count(&self) -> usize {
                self.receiving.channel().receivers.weak_count()
            }

            /// How many senders the channel has.
            pub fn sender_strong_count(&self) -> usize {
                self.receiving.channel().senders.strong_count()
            }

            /// How many weak senders the channel has.
            pub fn sender_weak_count(&self) -> usize {
                self.receiving.channel().senders.weak_count()
            }
        }

        impl<T> Clone for $Receiver<T> {
            fn clone(&self) -> Self {
                Self {
                    receiving: self.receiving.clone(),
                }
            }
        }

        impl<T> fmt::Debug for $Receiver<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct($name).finish_non_exhaustive()
            }
        }

        #[doc = concat!("A receiver that does not keep its channel open. Made by [`", $name, "::downgrade`].")]
        ///
        /// It receives after [`upgrade`](Self::upgrade), which works as long as another receiver
        /// exists.
        pub struct $WeakReceiver<T> {
            receiving: WeakReceiving<T>,
        }

        impl<T> $WeakReceiver<T> {
            /// A receiver, if the channel still has one.
            pub fn upgrade(&self) -> Option<$Receiver<T>> {
                let receiving = self.receiving.upgrade()?;
                Some($Receiver { receiving })
            }

            /// How many receivers the channel has.
            pub fn strong_count(&self) -> usize {
                self.receiving.ends().strong_count()
            }

            /// How many weak receivers the channel has.
            pub fn weak_count(&self) -> usize {
                self.receiving.ends().weak_count()
            }
        }

        impl<T> Clone for $WeakReceiver<T> {
            fn clone(&self) -> Self {
                Self {
                    receiving: self.receiving.clone(),
                }
            }
        }

        impl<T> fmt::Debug for $WeakReceiver<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct($weak_name).finish_non_exhaustive()
            }
        }
    };
}
