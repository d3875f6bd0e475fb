//! The channel with a limit.

use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::task::{Context, Poll};
use std::time::Duration;

use runtime_base::driving;
use runtime_base::wait_list::Wakers;

use super::channel::{self, Channel, Limit, Receiving, Sending, WeakSending};
use super::error::{SendError, SendTimeoutError, TryRecvError, TrySendError};
use super::permit::{OwnedPermit, Permit, PermitIterator};
use super::queue::{Head, Queue};
use crate::sync::permits::{Permits, TryAcquireError};

/// One permit per value that may be queued. A permit is taken before the value is pushed and given
/// back when it is taken out.
pub(super) struct Bounded {
    permits: Permits,
    capacity: usize,
}

impl Limit for Bounded {
    #[inline]
    fn taken(&self, n: usize) {
        self.permits.release(n);
    }

    // The queue stays open: permits that were handed out before are promises.
    fn close<T>(&self, _queue: &Queue<T>, _head: &mut Head<T>, wakers: &mut Wakers) {
        self.permits.close_into(wakers);
    }

    fn is_closed<T>(&self, _queue: &Queue<T>) -> bool {
        self.permits.is_closed()
    }

    fn is_exhausted<T>(&self, _queue: &Queue<T>, _head: &Head<T>) -> bool {
        self.is_exhausted()
    }
}

impl Bounded {
    /// Whether no permit is handed out any more and all are back: nothing is queued, and nobody can
    /// send.
    fn is_exhausted(&self) -> bool {
        self.permits.is_closed() && self.permits.available() == self.capacity
    }
}

impl<T> Channel<T, Bounded> {
    /// Pushes the value of somebody who has a permit.
    #[inline]
    pub(super) fn push_with_permit(&self, value: T) {
        // The queue of a bounded channel is never closed.
        let _ = self.push(value);
    }

    /// Takes back `n` permits that were not used.
    pub(super) fn give_back(&self, n: usize) {
        self.limit.permits.release(n);
        self.wake_receiver_if_exhausted();
    }

    /// The receiver of a closed channel waits for the last permit.
    fn wake_receiver_if_exhausted(&self) {
        if self.limit.is_exhausted() {
            self.wake_receiver();
        }
    }

    /// Waits for `n` permits, which the caller owns afterwards.
    async fn acquire(&self, n: usize) -> Result<(), SendError<()>> {
        /// Looks after the future below is dropped: it may have been the last to hold permits.
        struct Leave<'a, T>(&'a Channel<T, Bounded>);

        impl<T> Drop for Leave<'_, T> {
            fn drop(&mut self) {
                self.0.wake_receiver_if_exhausted();
            }
        }

        if n > self.limit.capacity {
            return Err(SendError(()));
        }
        let leave = Leave(self);
        if self.limit.permits.acquire(n).await.is_err() {
            return Err(SendError(()));
        }
        mem::forget(leave);
        Ok(())
    }

    fn try_acquire(&self, n: usize) -> Result<(), TrySendError<()>> {
        if n > self.limit.capacity {
            return Err(TrySendError::Full(()));
        }
        self.limit
            .permits
            .try_acquire(n)
            .map_err(|error| match error {
                TryAcquireError::Closed => TrySendError::Closed(()),
                TryAcquireError::NoPermits => TrySendError::Full(()),
            })
    }
}

/// Creates a channel in which up to `buffer` values wait to be received; after that sending waits.
///
/// So the senders can not be faster than the receiver for long. The memory is not taken in advance.
///
/// # Panics
///
/// If `buffer` is 0, or above `Semaphore::MAX_PERMITS`.
///
/// # Examples
///
/// ```
/// use runtime::sync::mpsc;
///
/// #[runtime::main]
/// async fn main() {
///     let (sender, mut receiver) = mpsc::channel(16);
///     for worker in 0..3 {
///         let sender = sender.clone();
///         runtime::spawn(async move {
///             sender.send(worker).await.unwrap();
///         });
///     }
///     // The receiver ends when the last sender is dropped.
///     drop(sender);
///     let mut sum = 0;
///     while let Some(worker) = receiver.recv().await {
///         sum += worker;
///     }
///     assert_eq!(sum, 3);
/// }
/// ```
#[track_caller]
pub fn channel<T>(buffer: usize) -> (Sender<T>, Receiver<T>) {
    assert!(
        buffer > 0,
        "mpsc bounded channel requires buffer > 0; a capacity of 1 is the smallest"
    );
    let (sending, receiving) = channel::new(Bounded {
        permits: Permits::new(buffer),
        capacity: buffer,
    });
    (Sender { sending }, Receiver { receiving })
}

/// Sends into a bounded channel. Made by [`channel`]; clone it for more senders.
///
/// When the last one is dropped, the receiver ends.
pub struct Sender<T> {
    sending: Sending<T, Bounded>,
}

impl<T> Sender<T> {
    /// Sends the value, and waits for room if there is none.
    ///
    /// Senders that wait get room in the order in which they began to wait. That the value was sent
    /// does not mean that it is received: the receiver may be dropped before it looks.
    ///
    /// # Errors
    ///
    /// Gives the value back if the receiver was closed or dropped, before or while waiting.
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
    /// use runtime::sync::mpsc;
    ///
    /// # #[runtime::main]
    /// # async fn main() {
    /// let (sender, receiver) = mpsc::channel(1);
    /// sender.send(1).await.unwrap();
    /// drop(receiver);
    /// assert_eq!(sender.send(2).await.unwrap_err().0, 2);
    /// # }
    /// ```
    pub async fn send(&self, value: T) -> Result<(), SendError<T>> {
        match self.channel().acquire(1).await {
            Ok(()) => {
                self.channel().push_with_permit(value);
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
    /// wait for it; [`TrySendError::Closed`] if the receiver was closed or dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::sync::mpsc::{self, error::TrySendError};
    ///
    /// let (sender, receiver) = mpsc::channel(1);
    /// assert!(sender.try_send(1).is_ok());
    /// assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
    /// drop(receiver);
    /// assert_eq!(sender.try_send(3), Err(TrySendError::Closed(3)));
    /// ```
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        match self.channel().try_acquire(1) {
            Ok(()) => {
                self.channel().push_with_permit(message);
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
    /// [`SendTimeoutError::Closed`] if the receiver was closed or dropped.
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
    /// Gives the value back if the receiver was closed or dropped.
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
    /// let (sender, mut receiver) = mpsc::channel(1);
    /// let thread = std::thread::spawn(move || {
    ///     for line in ["one", "two", "three"] {
    ///         sender.blocking_send(line).unwrap();
    ///     }
    /// });
    /// assert_eq!(receiver.blocking_recv(), Some("one"));
    /// assert_eq!(receiver.blocking_recv(), Some("two"));
    /// assert_eq!(receiver.blocking_recv(), Some("three"));
    /// thread.join().unwrap();
    /// ```
    #[track_caller]
    pub fn blocking_send(&self, value: T) -> Result<(), SendError<T>> {
        driving::block_on(self.send(value))
    }

    /// Waits until the receiver is closed or dropped: nobody needs more values.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::sync::mpsc;
    ///
    /// # #[runtime::main]
    /// # async fn main() {
    /// let (sender, receiver) = mpsc::channel::<u8>(1);
    /// runtime::spawn(async move { drop(receiver) });
    /// sender.closed().await;
    /// # }
    /// ```
    pub async fn closed(&self) {
        self.channel().closed().await;
    }

    /// Whether the receiver was closed or dropped, so that sending fails.
    pub fn is_closed(&self) -> bool {
        self.channel().is_closed()
    }

    /// Waits for room for one value and keeps it free: the [`Permit`] sends without waiting.
    ///
    /// For values that should be made only when there is room for them. A permit that is dropped
    /// leaves the room to others.
    ///
    /// # Errors
    ///
    /// [`SendError`] if the receiver was closed or dropped, before or while waiting.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped the place in the queue is lost, and nothing else.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::sync::mpsc;
    ///
    /// # #[runtime::main]
    /// # async fn main() {
    /// let (sender, mut receiver) = mpsc::channel(1);
    /// let permit = sender.reserve().await.unwrap();
    /// // The only room is ours.
    /// assert!(sender.try_send(1).is_err());
    /// permit.send(2);
    /// assert_eq!(receiver.recv().await, Some(2));
    /// # }
    /// ```
    pub async fn reserve(&self) -> Result<Permit<'_, T>, SendError<()>> {
        self.channel().acquire(1).await?;
        Ok(Permit::new(self.channel()))
    }

    /// Waits for room for `n` values and keeps it free; the iterator gives a [`Permit`] for each.
    ///
    /// Permits that are not taken out of the iterator are given back with it.
    ///
    /// # Errors
    ///
    /// [`SendError`] if the receiver was closed or dropped, before or while waiting; and if `n` is
    /// more than the channel can ever hold.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped the place in the queue is lost, and nothing else.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::sync::mpsc;
    ///
    /// # #[runtime::main]
    /// # async fn main() {
    /// let (sender, mut receiver) = mpsc::channel(8);
    /// for (permit, word) in sender.reserve_many(2).await.unwrap().zip(["all", "or none"]) {
    ///     permit.send(word);
    /// }
    /// assert_eq!(receiver.recv().await, Some("all"));
    /// assert_eq!(receiver.recv().await, Some("or none"));
    /// # }
    /// ```
    pub async fn reserve_many(&self, n: usize) -> Result<PermitIterator<'_, T>, SendError<()>> {
        self.channel().acquire(n).await?;
        Ok(PermitIterator::new(self.channel(), n))
    }

    /// Waits for room for one value and keeps it free, as [`reserve`](Self::reserve); the permit
    /// owns the sender instead of borrowing it, and gives it back when it is used.
    ///
    /// # Errors
    ///
    /// [`SendError`] if the receiver was closed or dropped, before or while waiting. The sender is
    /// dropped then.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the sender is dropped with it, and the place in the queue is lost.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::sync::mpsc;
    ///
    /// # #[runtime::main]
    /// # async fn main() {
    /// let (sender, mut receiver) = mpsc::channel(1);
    /// let permit = sender.reserve_owned().await.unwrap();
    /// let sender = permit.send(1);
    /// assert_eq!(receiver.recv().await, Some(1));
    /// # drop(sender);
    /// # }
    /// ```
    pub async fn reserve_owned(self) -> Result<OwnedPermit<T>, SendError<()>> {
        self.channel().acquire(1).await?;
        Ok(OwnedPermit::new(self))
    }

    /// Keeps room for one value, if there is any at the moment.
    ///
    /// # Errors
    ///
    /// As [`try_send`](Self::try_send).
    pub fn try_reserve(&self) -> Result<Permit<'_, T>, TrySendError<()>> {
        self.channel().try_acquire(1)?;
        Ok(Permit::new(self.channel()))
    }

    /// Keeps room for `n` values, if there is as much at the moment; the iterator gives a
    /// [`Permit`] for each.
    ///
    /// # Errors
    ///
    /// As [`try_send`](Self::try_send); [`TrySendError::Full`] also if `n` is more than the channel
    /// can ever hold.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::sync::mpsc;
    ///
    /// let (sender, _receiver) = mpsc::channel::<u8>(4);
    /// let mut permits = sender.try_reserve_many(3).unwrap();
    /// assert_eq!(sender.capacity(), 1);
    /// permits.next().unwrap().send(1);
    /// drop(permits);
    /// assert_eq!(sender.capacity(), 3);
    /// ```
    pub fn try_reserve_many(&self, n: usize) -> Result<PermitIterator<'_, T>, TrySendError<()>> {
        self.channel().try_acquire(n)?;
        Ok(PermitIterator::new(self.channel(), n))
    }

    /// Keeps room for one value, if there is any at the moment; the permit owns the sender.
    ///
    /// # Errors
    ///
    /// Gives the sender back: [`TrySendError::Full`] if there is no room at the moment,
    /// [`TrySendError::Closed`] if the receiver was closed or dropped.
    pub fn try_reserve_owned(self) -> Result<OwnedPermit<T>, TrySendError<Self>> {
        match self.channel().try_acquire(1) {
            Ok(()) => Ok(OwnedPermit::new(self)),
            Err(TrySendError::Full(())) => Err(TrySendError::Full(self)),
            Err(TrySendError::Closed(())) => Err(TrySendError::Closed(self)),
        }
    }

    /// Whether both send into the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        self.sending.same_channel(&other.sending)
    }

    /// For how many values there is room at the moment: neither used nor reserved.
    pub fn capacity(&self) -> usize {
        self.channel().limit.permits.available()
    }

    /// For how many values there is room when the channel is empty: the number that
    /// [`channel`] was called with.
    pub fn max_capacity(&self) -> usize {
        self.channel().limit.capacity
    }

    /// A sender that does not keep the channel open.
    #[must_use = "downgrading has no effect on the sender itself"]
    pub fn downgrade(&self) -> WeakSender<T> {
        WeakSender {
            sending: self.sending.downgrade(),
        }
    }

    /// How many [`Sender`]s the channel has.
    pub fn strong_count(&self) -> usize {
        self.channel().strong_count()
    }

    /// How many [`WeakSender`]s the channel has.
    pub fn weak_count(&self) -> usize {
        self.channel().weak_count()
    }

    #[inline]
    pub(super) fn channel(&self) -> &Channel<T, Bounded> {
        self.sending.channel()
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self {
            sending: self.sending.clone(),
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}

/// A sender that does not keep its bounded channel open. Made by [`Sender::downgrade`].
///
/// It sends after [`upgrade`](Self::upgrade), which works as long as another sender exists: for a
/// registry of senders, say, that must not keep the receivers running.
///
/// # Examples
///
/// ```
/// use runtime::sync::mpsc;
///
/// let (sender, _receiver) = mpsc::channel(1);
/// let weak = sender.downgrade();
/// weak.upgrade().unwrap().try_send(1).unwrap();
/// drop(sender);
/// assert!(weak.upgrade().is_none());
/// ```
pub struct WeakSender<T> {
    sending: WeakSending<T, Bounded>,
}

impl<T> WeakSender<T> {
    /// A sender, if the channel still has one.
    pub fn upgrade(&self) -> Option<Sender<T>> {
        let sending = self.sending.upgrade()?;
        Some(Sender { sending })
    }

    /// How many [`Sender`]s the channel has.
    pub fn strong_count(&self) -> usize {
        self.sending.channel().strong_count()
    }

    /// How many [`WeakSender`]s the channel has.
    pub fn weak_count(&self) -> usize {
        self.sending.channel().weak_count()
    }
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> Self {
        Self {
            sending: self.sending.clone(),
        }
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakSender").finish()
    }
}

/// Receives from a bounded channel. Made by [`channel`].
///
/// Dropping it closes the channel and drops what is queued.
pub struct Receiver<T> {
    receiving: Receiving<T, Bounded>,
}

impl<T> Receiver<T> {
    /// For how many values there is room at the moment: neither used nor reserved.
    pub fn capacity(&self) -> usize {
        self.receiving.channel().limit.permits.available()
    }

    /// For how many values there is room when the channel is empty: the number that
    /// [`channel`] was called with.
    pub fn max_capacity(&self) -> usize {
        self.receiving.channel().limit.capacity
    }
}

receiver_methods!(
    Receiver,
    "Receiver",
    "channel(8)",
    "try_send",
    "Sender",
    "WeakSender"
);
