//! What both senders can do, beside sending.
//!
//! As [`receiver`](super::receiver) for [`Sender`](super::Sender) and
//! [`UnboundedSender`](super::UnboundedSender).

/// Implements what both senders have, and defines the weak form. `$new` creates the channel in
/// examples, and `$send` sends.
macro_rules! sender_methods {
    ($Sender:ident, $WeakSender:ident, $name:literal, $weak_name:literal, $new:literal, $send:literal) => {
        impl<T> $Sender<T> {
            /// Waits until the channel is closed or the last receiver dropped: nobody needs more
            /// values.
            ///
            /// # Cancel safety
            ///
            /// Nothing is lost when the future is dropped.
            pub async fn closed(&self) {
                self.sending.channel().closed().await;
            }

            /// Whether the channel was closed or the last receiver dropped, so that sending fails.
            pub fn is_closed(&self) -> bool {
                self.sending.channel().is_closed()
            }

            /// Whether no value is queued at this moment.
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// How many values are queued at this moment.
            pub fn len(&self) -> usize {
                self.sending.channel().len()
            }

            /// Whether both send into the same channel.
            pub fn same_channel(&self, other: &Self) -> bool {
                self.sending.same_channel(&other.sending)
            }

            /// A sender that does not keep the channel open.
            #[must_use = "downgrading has no effect on the sender itself"]
            pub fn downgrade(&self) -> $WeakSender<T> {
                $WeakSender {
                    sending: self.sending.downgrade(),
                }
            }

            /// How many senders the channel has.
            pub fn strong_count(&self) -> usize {
                self.sending.channel().senders.strong_count()
            }

            /// How many weak senders the channel has.
            pub fn weak_count(&self) -> usize {
                self.sending.channel().senders.weak_count()
            }

            /// How many receivers the channel has.
            pub fn receiver_count(&self) -> usize {
                self.sending.channel().receivers.strong_count()
            }
        }

        impl<T> Clone for $Sender<T> {
            fn clone(&self) -> Self {
                Self {
                    sending: self.sending.clone(),
                }
            }
        }

        impl<T> fmt::Debug for $Sender<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct($name).finish_non_exhaustive()
            }
        }

        #[doc = concat!("A sender that does not keep its channel open. Made by [`", $name, "::downgrade`].")]
        ///
        /// It sends after [`upgrade`](Self::upgrade), which works as long as another sender exists.
        ///
        /// # Examples
        ///
        /// ```
        /// use runtime::sync::mpmc;
        ///
        #[doc = concat!("let (sender, _receiver) = mpmc::", $new, ";")]
        /// let weak = sender.downgrade();
        #[doc = concat!("weak.upgrade().unwrap().", $send, "(1).unwrap();")]
        /// drop(sender);
        /// assert!(weak.upgrade().is_none());
        /// ```
        pub struct $WeakSender<T> {
            sending: WeakSending<T>,
        }

        impl<T> $WeakSender<T> {
            /// A sender, if the channel still has one.
            pub fn upgrade(&self) -> Option<$Sender<T>> {
                let sending = self.sending.upgrade()?;
                Some($Sender { sending })
            }

            /// How many senders the channel has.
            pub fn strong_count(&self) -> usize {
                self.sending.ends().strong_count()
            }

            /// How many weak senders the channel has.
            pub fn weak_count(&self) -> usize {
                self.sending.ends().weak_count()
            }
        }

        impl<T> Clone for $WeakSender<T> {
            fn clone(&self) -> Self {
                Self {
                    sending: self.sending.clone(),
                }
            }
        }

        impl<T> fmt::Debug for $WeakSender<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct($weak_name).finish_non_exhaustive()
            }
        }
    };
}
