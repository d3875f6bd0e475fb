//! Every value to every receiver.
//!
//! Each [`Receiver`] gets every value that is sent after it subscribed, in order. The channel keeps
//! the latest values up to its capacity. Sending never waits: it overwrites the oldest value, and
//! a receiver that had not got it yet learns how many it [missed](error::RecvError::Lagged), and
//! goes on with the oldest that is there.
//!
//! ```
//! use runtime::sync::broadcast;
//!
//! #[runtime::main]
//! async fn main() {
//!     let (sender, mut first) = broadcast::channel(16);
//!     let mut second = sender.subscribe();
//!     let task = runtime::spawn(async move {
//!         assert_eq!(first.recv().await, Ok("news"));
//!     });
//!     sender.send("news").unwrap();
//!     assert_eq!(second.recv().await, Ok("news"));
//!     task.await.unwrap();
//! }
//! ```
//!
//! A slow receiver:
//!
//! ```
//! use runtime::sync::broadcast::{self, error::RecvError};
//!
//! #[runtime::main]
//! async fn main() {
//!     let (sender, mut receiver) = broadcast::channel(2);
//!     for number in 1..=3 {
//!         sender.send(number).unwrap();
//!     }
//!     assert_eq!(receiver.recv().await, Err(RecvError::Lagged(1)));
//!     assert_eq!(receiver.recv().await, Ok(2));
//!     assert_eq!(receiver.recv().await, Ok(3));
//!     drop(sender);
//!     assert_eq!(receiver.recv().await, Err(RecvError::Closed));
//! }
//! ```
//!
//! Values are cloned as they are received, one clone at a time per value; the last receiver gets
//! the value itself. What is expensive to clone is sent in an `Arc`. `Clone` must not use the
//! channel that the value is in.
//!
//! The work is done in [`ring`].
#![allow(rustdoc::private_intra_doc_links)] // For those who read the code.

use std::fmt;
use std::future::poll_fn;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::pin;

use runtime_base::driving;
use runtime_base::sync::Arc;
use runtime_base::sync::atomic::AtomicUsize;
use runtime_base::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

use crate::sync::Notify;

pub mod error;
mod ring;

use error::{RecvError, SendError, TryRecvError};
use ring::Ring;

/// What all halves share.
struct Channel<T> {
    ring: Ring<T>,
    senders: AtomicUsize,
    weak_senders: AtomicUsize,
    /// Tells senders that the last receiver is gone.
    abandoned: Notify,
}

// A lock that unwinds is released, and every change under it is a single step.
impl<T> UnwindSafe for Channel<T> {}
impl<T> RefUnwindSafe for Channel<T> {}

/// Creates a channel that keeps the latest values, up to `capacity` of them, with one receiver.
///
/// The capacity is rounded up to a power of two.
///
/// # Panics
///
/// If `capacity` is 0, or more than half of `usize::MAX`.
///
/// # Examples
///
/// ```
/// use runtime::sync::broadcast;
///
/// # #[runtime::main]
/// # async fn main() {
/// let (sender, mut receiver) = broadcast::channel(4);
/// sender.send(1).unwrap();
/// assert_eq!(receiver.recv().await, Ok(1));
/// # }
/// ```
#[track_caller]
pub fn channel<T: Clone>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let sender = Sender::new(capacity);
    let receiver = sender.subscribe();
    (sender, receiver)
}

/// Sends to all receivers. Made by [`channel`] or [`Sender::new`]; clone it for more senders.
///
/// When the last one is dropped, the receivers end after they have received what was sent.
pub struct Sender<T> {
    channel: Arc<Channel<T>>,
}

impl<T> Sender<T> {
    /// Creates a channel as [`channel`] does, without a receiver.
    ///
    /// # Panics
    ///
    /// If `capacity` is 0, or more than half of `usize::MAX`.
    #[track_caller]
    pub fn new(capacity: usize) -> Self {
        assert!(
            capacity > 0,
            "broadcast channel capacity cannot be zero; a capacity of 1 is the smallest"
        );
        assert!(
            capacity <= usize::MAX >> 1,
            "broadcast channel capacity exceeded `usize::MAX / 2`; take a smaller one"
        );
        Self {
            channel: Arc::new(Channel {
                ring: Ring::new(capacity),
                senders: AtomicUsize::new(1),
                weak_senders: AtomicUsize::new(0),
                abandoned: Notify::new(),
            }),
        }
    }

    /// Sends the value to all receivers there are, and gives their number. This never waits, so it
    /// works in any context.
    ///
    /// That the value was sent does not mean that all get it: they may be dropped, or be too slow.
    ///
    /// # Errors
    ///
    /// Gives the value back if there is no receiver. There may be one later: see
    /// [`subscribe`](Self::subscribe).
    pub fn send(&self, value: T) -> Result<usize, SendError<T>> {
        self.channel.ring.send(value).map_err(SendError)
    }

    /// A receiver for the values that are sent from now on.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::sync::broadcast;
    ///
    /// # #[runtime::main]
    /// # async fn main() {
    /// let sender = broadcast::Sender::new(4);
    /// assert!(sender.send(1).is_err());
    /// let mut receiver = sender.subscribe();
    /// sender.send(2).unwrap();
    /// assert_eq!(receiver.recv().await, Ok(2));
    /// # }
    /// ```
    #[track_caller]
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver::new(self.channel.clone())
    }

    /// A sender that does not keep the channel open.
    #[must_use = "downgrading has no effect on the sender itself"]
    pub fn downgrade(&self) -> WeakSender<T> {
        // Relaxed: nothing hangs on the number.
        self.channel.weak_senders.fetch_add(1, Relaxed);
        WeakSender {
            channel: self.channel.clone(),
        }
    }

    /// How many values are kept for receivers that have not received them.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::sync::broadcast;
    ///
    /// # #[runtime::main]
    /// # async fn main() {
    /// let (sender, mut receiver) = broadcast::channel(4);
    /// let other = sender.subscribe();
    /// sender.send(1).unwrap();
    /// sender.send(2).unwrap();
    /// receiver.recv().await.unwrap();
    /// assert_eq!(sender.len(), 2);
    /// drop(other);
    /// assert_eq!(sender.len(), 1);
    /// # }
    /// ```
    pub fn len(&self) -> usize {
        self.channel.ring.len()
    }

    /// Whether every receiver has received every value.
    pub fn is_empty(&self) -> bool {
        self.channel.ring.is_empty()
    }

    /// How many receivers there are.
    pub fn receiver_count(&self) -> usize {
        self.channel.ring.receivers()
    }

    /// Whether both send into the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.channel, &other.channel)
    }

    /// Waits until there is no receiver. Ready at once if there is none.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::sync::broadcast;
    ///
    /// # #[runtime::main]
    /// # async fn main() {
    /// let (sender, receiver) = broadcast::channel::<u8>(1);
    /// runtime::spawn(async move { drop(receiver) });
    /// sender.closed().await;
    /// # }
    /// ```
    pub async fn closed(&self) {
        loop {
            // Made before the look, so that a departure in between reaches it.
            let abandoned = self.channel.abandoned.notified();
            if self.receiver_count() == 0 {
                return;
            }
            abandoned.await;
        }
    }

    /// How many [`Sender`]s the channel has.
    pub fn strong_count(&self) -> usize {
        self.channel.strong_count()
    }

    /// How many [`WeakSender`]s the channel has.
    pub fn weak_count(&self) -> usize {
        self.channel.weak_count()
    }
}

impl<T> Channel<T> {
    fn strong_count(&self) -> usize {
        // Acquire pairs with the end of a sender.
        self.senders.load(Acquire)
    }

    fn weak_count(&self) -> usize {
        // Relaxed: nothing hangs on the number.
        self.weak_senders.load(Relaxed)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        // Relaxed: the sender at hand keeps the count above 0.
        self.channel.senders.fetch_add(1, Relaxed);
        Self {
            channel: self.channel.clone(),
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        // AcqRel: what other senders did comes before the close.
        if self.channel.senders.fetch_sub(1, AcqRel) == 1 {
            self.channel.ring.close();
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broadcast::Sender")
    }
}

/// A sender that does not keep its channel open. Made by [`Sender::downgrade`].
///
/// It sends after [`upgrade`](Self::upgrade), which works as long as another sender exists.
///
/// # Examples
///
/// ```
/// use runtime::sync::broadcast;
///
/// let (sender, _receiver) = broadcast::channel(1);
/// let weak = sender.downgrade();
/// weak.upgrade().unwrap().send(1).unwrap();
/// drop(sender);
/// assert!(weak.upgrade().is_none());
/// ```
pub struct WeakSender<T> {
    channel: Arc<Channel<T>>,
}

impl<T> WeakSender<T> {
    /// A sender, if the channel still has one.
    #[must_use = "the sender is dropped again if it is not used"]
    pub fn upgrade(&self) -> Option<Sender<T>> {
        let mut senders = self.channel.senders.load(Relaxed);
        while senders != 0 {
            // Relaxed: the count alone decides.
            match self
                .channel
                .senders
                .compare_exchange_weak(senders, senders + 1, Relaxed, Relaxed)
            {
                Ok(_) => {
                    return Some(Sender {
                        channel: self.channel.clone(),
                    });
                }
                Err(actual) => senders = actual,
            }
        }
        None
    }

    /// How many [`Sender`]s the channel has.
    pub fn strong_count(&self) -> usize {
        self.channel.strong_count()
    }

    /// How many [`WeakSender`]s the channel has.
    pub fn weak_count(&self) -> usize {
        self.channel.weak_count()
    }
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> WeakSender<T> {
        // Relaxed: nothing hangs on the number.
        self.channel.weak_senders.fetch_add(1, Relaxed);
        Self {
            channel: self.channel.clone(),
        }
    }
}

impl<T> Drop for WeakSender<T> {
    fn drop(&mut self) {
        // Relaxed: nothing hangs on the number.
        self.channel.weak_senders.fetch_sub(1, Relaxed);
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broadcast::WeakSender")
    }
}

/// Receives what is sent from its making on. Made by [`channel`], [`Sender::subscribe`] and
/// [`Receiver::resubscribe`].
pub struct Receiver<T> {
    channel: Arc<Channel<T>>,
    /// The position of the next value to receive.
    next: u64,
}

impl<T> Receiver<T> {
    #[track_caller]
    fn new(channel: Arc<Channel<T>>) -> Self {
        let next = channel.ring.add_receiver();
        Self { channel, next }
    }

    /// How many values were sent and not received by this receiver: more than the channel's
    /// capacity if some have been overwritten.
    pub fn len(&self) -> usize {
        self.channel.ring.distance(self.next)
    }

    /// Whether this receiver has received everything that was sent so far.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether both receive from the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.channel, &other.channel)
    }

    /// How many [`Sender`]s the channel has.
    pub fn sender_strong_count(&self) -> usize {
        self.channel.strong_count()
    }

    /// How many [`WeakSender`]s the channel has.
    pub fn sender_weak_count(&self) -> usize {
        self.channel.weak_count()
    }

    /// Whether the last sender is gone. There may still be values to receive.
    pub fn is_closed(&self) -> bool {
        self.channel.strong_count() == 0
    }
}

impl<T: Clone> Receiver<T> {
    /// Receives the next value.
    ///
    /// # Errors
    ///
    /// - [`RecvError::Closed`] if the last sender is gone and this receiver has everything.
    /// - [`RecvError::Lagged`] if values were overwritten before this receiver got them. The next
    ///   call gives the oldest that is still there.
    ///
    /// # Cancel safety
    ///
    /// No value is lost when the future is dropped.
    pub async fn recv(&mut self) -> Result<T, RecvError> {
        let Self { channel, next } = self;
        let mut place = pin!(channel.ring.place());
        poll_fn(|cx| channel.ring.poll_recv(next, place.as_mut(), cx)).await
    }

    /// Receives the next value if it is there, without waiting.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv); and [`TryRecvError::Empty`] if there is no value yet.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::sync::broadcast::{self, error::TryRecvError};
    ///
    /// let (sender, mut receiver) = broadcast::channel(2);
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    /// sender.send(1).unwrap();
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// drop(sender);
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    /// ```
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        self.channel.ring.try_recv(&mut self.next)
    }

    /// Receives the next value, blocking the thread until there is one.
    ///
    /// For the synchronous side of a program.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    ///
    /// # Panics
    ///
    /// On a thread that drives asynchronous tasks.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::sync::broadcast;
    ///
    /// let (sender, mut receiver) = broadcast::channel(2);
    /// let thread = std::thread::spawn(move || receiver.blocking_recv());
    /// sender.send(4).unwrap();
    /// assert_eq!(thread.join().unwrap(), Ok(4));
    /// ```
    #[track_caller]
    pub fn blocking_recv(&mut self) -> Result<T, RecvError> {
        driving::block_on(self.recv())
    }

    /// Another receiver of the same channel, for the values that are sent from now on.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::sync::broadcast;
    ///
    /// # #[runtime::main]
    /// # async fn main() {
    /// let (sender, first) = broadcast::channel(2);
    /// sender.send(1).unwrap();
    /// let mut second = first.resubscribe();
    /// sender.send(2).unwrap();
    /// assert_eq!(second.recv().await, Ok(2));
    /// # }
    /// ```
    #[track_caller]
    pub fn resubscribe(&self) -> Self {
        Self::new(self.channel.clone())
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        /// Tells the senders, even if the destructor of a value panics.
        struct Tell<'a>(&'a Notify);

        impl Drop for Tell<'_> {
            fn drop(&mut self) {
                self.0.notify_waiters();
            }
        }

        let tell = Tell(&self.channel.abandoned);
        if !self.channel.ring.remove_receiver(self.next) {
            std::mem::forget(tell);
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broadcast::Receiver")
    }
}

#[cfg(test)]
mod tests;
