//! The channel with a limit.

use std::fmt;
use std::time::Duration;

use runtime_base::driving;

use super::channel::{self, Channel, Receiving, Sending, WeakReceiving, WeakSending};
use super::error::{SendError, SendTimeoutError, TryRecvError, TrySendError};
use super::permit::{OwnedPermit, Permit};

/// Creates a channel in which up to `buffer` values wait to be received; after that sending waits.
///
/// So the senders can not be faster than the receivers for long. The memory is not taken in advance.
///
/// # Panics
///
/// If `buffer` is 0, or above `Semaphore::MAX_PERMITS`.
///
/// # Examples
///
/// ```
/// use runtime::sync::mpmc;
///
/// #[runtime::main]
/// async fn main() {
///     let (sender, receiver) = mpmc::channel(16);
///     let workers = [receiver.clone(), receiver].map(|receiver| {
///         runtime::spawn(async move {
///             let mut jobs = 0;
///             while let Some(_job) = receiver.recv().await {
///                 jobs += 1;
///             }
///             jobs
///         })
///     });
///     for job in 0..100 {
///         sender.send(job).await.unwrap();
///     }
///     // The receivers end when the last sender is dropped.
///     drop(sender);
///     let mut jobs = 0;
///     for worker in workers {
///         jobs += worker.await.unwrap();
///     }
///     assert_eq!(jobs, 100);
/// }
/// ```
#[track_caller]
pub fn channel<T>(buffer: usize) -> (Sender<T>, Receiver<T>) {
    assert!(
        buffer > 0,
        "mpmc bounded channel requires buffer > 0; a capacity of 1 is the smallest"
    );
    let (sending, receiving) = channel::new(buffer);
    (Sender { sending }, Receiver { receiving })
}

/// Sends into a bounded channel. Made by [`channel`]; clone it for more senders.
///
/// When the last one is dropped, the receivers end.
pub struct Sender<T> {
    sending: Sending<T>,
}

impl<T> Sender<T> {
    /// Sends the value, and waits for room if there is none.
    ///
    /// Senders that wait get room in the order in which they began to wait. That the value was sent
    /// does not mean that it is received: the receivers may be dropped before they look.
    ///
    /// # Errors
    ///
    /// Gives the value back if the channel was closed or the last receiver dropped, before or while
    /// waiting.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, the value was not sent and is dropped with it,
    /// and the place in the queue is lost. To keep the value, wait with [`reserve`](Self::reserve)
    /// and send with the permit.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::sync::mpmc;
    ///
    /// # #[runtime::main]
    /// # async fn main() {
    /// let (sender, receiver) = mpmc::channel(1);
    /// sender.send(1).await.unwrap();
    /// drop(receiver);
    /// assert_eq!(sender.send(2).await.unwrap_err().0, 2);
    /// # }
    /// ```
    pub async fn send(&self, value: T) -> Result<(), SendError<T>> {
        match self.channel().acquire().await {
            Ok(()) => {
                self.channel().push(value);
                Ok(())
            }
            Err(_) => Err(SendError(value)),
        }
    }

    /// Sends the value if there is room, without waiting.
    ///
    /// # Errors
    ///
    /// Gives the value back: [`TrySendError::Full`] if there is no room at the moment, or others
    /// wait for it; [`TrySendError::Closed`] if the channel was closed or the last receiver dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::sync::mpmc::{self, error::TrySendError};
    ///
    /// let (sender, receiver) = mpmc::channel(1);
    /// assert!(sender.try_send(1).is_ok());
    /// assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
    /// drop(receiver);
    /// assert_eq!(sender.try_send(3), Err(TrySendError::Closed(3)));
    /// ```
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        match self.channel().try_acquire() {
            Ok(()) => {
                self.channel().push(message);
                Ok(())
            }
            Err(TrySendError::Full(())) => Err(TrySendError::Full(message)),
            Err(TrySendError::Closed(())) => Err(TrySendError::Closed(message)),
        }
    }

    /// Sends the value, and waits for room for `timeout` at most.
    ///
    /// # Errors
    ///
    /// Gives the value back: [`SendTimeoutError::Timeout`] if there was no room in time,
    /// [`SendTimeoutError::Closed`] if the channel was closed or the last receiver dropped.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, or if its clock is disabled.
    ///
    /// # Cancel safety
    ///
    /// As [`send`](Self::send).
    pub async fn send_timeout(
        &self,
        value: T,
        timeout: Duration,
    ) -> Result<(), SendTimeoutError<T>> {
        match runtime_timer::timeout(timeout, self.reserve()).await {
            Ok(Ok(permit)) => {
                permit.send(value);
                Ok(())
            }
            Ok(Err(_)) => Err(SendTimeoutError::Closed(value)),
            Err(_) => Err(SendTimeoutError::Timeout(value)),
        }
    }

    /// Sends the value, blocking the thread until there is room.
    ///
    /// For the synchronous side of a program.
    ///
    /// # Errors
    ///
    /// Gives the value back if the channel was closed or the last receiver dropped.
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
    /// let (sender, receiver) = mpmc::channel(1);
    /// let thread = std::thread::spawn(move || {
    ///     sender.blocking_send("one").unwrap();
    ///     sender.blocking_send("two").unwrap();
    /// });
    /// assert_eq!(receiver.blocking_recv(), Some("one"));
    /// assert_eq!(receiver.blocking_recv(), Some("two"));
    /// thread.join().unwrap();
    /// ```
    #[track_caller]
    pub fn blocking_send(&self, value: T) -> Result<(), SendError<T>> {
        driving::block_on(self.send(value))
    }

    /// Waits for room for one value and keeps it free: the [`Permit`] sends without waiting.
    ///
    /// For values that should be made only when there is room for them. A permit that is dropped
    /// leaves the room to others.
    ///
    /// # Errors
    ///
    /// [`SendError`] if the channel was closed or the last receiver dropped, before or while
    /// waiting.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped the place in the queue is lost, and nothing else.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::sync::mpmc;
    ///
    /// # #[runtime::main]
    /// # async fn main() {
    /// let (sender, receiver) = mpmc::channel(1);
    /// let permit = sender.reserve().await.unwrap();
    /// // The only room is ours.
    /// assert!(sender.try_send(1).is_err());
    /// permit.send(2);
    /// assert_eq!(receiver.recv().await, Some(2));
    /// # }
    /// ```
    pub async fn reserve(&self) -> Result<Permit<'_, T>, SendError<()>> {
        self.channel().acquire().await?;
        Ok(Permit::new(self.channel()))
    }

    /// Waits for room for one value and keeps it free, as [`reserve`](Self::reserve); the permit
    /// owns the sender instead of borrowing it, and gives it back when it is used.
    ///
    /// # Errors
    ///
    /// [`SendError`] if the channel was closed or the last receiver dropped, before or while
    /// waiting. The sender is dropped then.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the sender is dropped with it, and the place in the queue is lost.
    pub async fn reserve_owned(self) -> Result<OwnedPermit<T>, SendError<()>> {
        self.channel().acquire().await?;
        Ok(OwnedPermit::new(self))
    }

    /// Keeps room for one value, if there is any at the moment.
    ///
    /// # Errors
    ///
    /// As [`try_send`](Self::try_send).
    pub fn try_reserve(&self) -> Result<Permit<'_, T>, TrySendError<()>> {
        self.channel().try_acquire()?;
        Ok(Permit::new(self.channel()))
    }

    /// Keeps room for one value, if there is any at the moment; the permit owns the sender.
    ///
    /// # Errors
    ///
    /// Gives the sender back, otherwise as [`try_send`](Self::try_send).
    pub fn try_reserve_owned(self) -> Result<OwnedPermit<T>, TrySendError<Self>> {
        match self.channel().try_acquire() {
            Ok(()) => Ok(OwnedPermit::new(self)),
            Err(TrySendError::Full(())) => Err(TrySendError::Full(self)),
            Err(TrySendError::Closed(())) => Err(TrySendError::Closed(self)),
        }
    }

    /// For how many values there is room at the moment: neither used nor reserved.
    pub fn capacity(&self) -> usize {
        self.channel().available()
    }

    /// For how many values there is room when the channel is empty: the number that
    /// [`channel`] was called with.
    pub fn max_capacity(&self) -> usize {
        self.channel().capacity()
    }

    #[inline]
    pub(super) fn channel(&self) -> &Channel<T> {
        self.sending.channel()
    }
}

sender_methods!(
    Sender,
    WeakSender,
    "Sender",
    "WeakSender",
    "channel(8)",
    "try_send"
);

receiver!(
    Receiver,
    WeakReceiver,
    "Receiver",
    "WeakReceiver",
    "channel(8)",
    "try_send"
);

impl<T> Receiver<T> {
    /// For how many values there is room at the moment: neither used nor reserved.
    pub fn capacity(&self) -> usize {
        self.receiving.channel().available()
    }

    /// For how many values there is room when the channel is empty: the number that
    /// [`channel`] was called with.
    pub fn max_capacity(&self) -> usize {
        self.receiving.channel().capacity()
    }
}
