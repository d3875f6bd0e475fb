//! The latest value, for everyone who wants to know.
//!
//! The channel holds one value. Senders replace or modify it; each [`Receiver`] can look at it at
//! any time, and wait until it has changed since it looked last. Values that are replaced before a
//! receiver looks are not seen by it: for configuration, state, progress; not for queues.
//!
//! ```
//! use runtime::sync::watch;
//!
//! #[runtime::main]
//! async fn main() {
//!     let (sender, mut receiver) = watch::channel("starting");
//!     let task = runtime::spawn(async move {
//!         while receiver.changed().await.is_ok() {
//!             println!("now {}", *receiver.borrow_and_update());
//!         }
//!         // The sender is gone; the last value stays.
//!         assert_eq!(*receiver.borrow(), "stopped");
//!     });
//!     sender.send("running").unwrap();
//!     sender.send("stopped").unwrap();
//!     drop(sender);
//!     task.await.unwrap();
//! }
//! ```
//!
//! # Looking and locking
//!
//! What [`Receiver::borrow`] gives is a read lock on the value. Keep it short, and never across
//! an `.await`, which the compiler refuses where the task has to be `Send`: senders block their
//! thread meanwhile, and so do receivers that come after a waiting sender; a thread that borrows
//! twice at the same time may wait for itself.
//!
//! # How it works
//!
//! The value is behind a reader-writer lock. Beside it, [`changes`] counts what happened to it and
//! knows who waits. A version is counted while the value is locked, so that whoever looks at the
//! value knows its version.
#![allow(rustdoc::private_intra_doc_links)] // For those who read the code.

use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

use parking_lot::{RwLock, RwLockReadGuard};
use runtime_base::coop;

use crate::sync::Notify;

mod changes;
pub mod error;

use changes::{Changes, Ended, Version};
use error::{RecvError, SendError};

/// What all halves share.
struct Channel<T> {
    value: RwLock<T>,
    changes: Changes,
    senders: AtomicUsize,
    receivers: AtomicUsize,
    /// Tells senders that the last receiver is gone.
    abandoned: Notify,
}

// A closure that panics leaves the value as it made it, and the lock free.
impl<T> UnwindSafe for Channel<T> {}
impl<T> RefUnwindSafe for Channel<T> {}

/// Creates a channel that holds `init`, with one receiver that has seen it.
///
/// # Examples
///
/// ```
/// use runtime::sync::watch;
///
/// # #[runtime::main]
/// # async fn main() {
/// let (sender, mut receiver) = watch::channel(1);
/// assert_eq!(*receiver.borrow(), 1);
/// sender.send(2).unwrap();
/// receiver.changed().await.unwrap();
/// assert_eq!(*receiver.borrow(), 2);
/// # }
/// ```
pub fn channel<T>(init: T) -> (Sender<T>, Receiver<T>) {
    let sender = Sender::new(init);
    let receiver = sender.subscribe();
    (sender, receiver)
}

/// Sets the value. Made by [`channel`] or [`Sender::new`]; clone it for more senders.
///
/// When the last one is dropped, the receivers learn of it, and keep the last value.
pub struct Sender<T> {
    channel: Arc<Channel<T>>,
}

impl<T> Sender<T> {
    /// Creates a channel that holds `init`, without a receiver.
    pub fn new(init: T) -> Self {
        Self {
            channel: Arc::new(Channel {
                value: RwLock::new(init),
                changes: Changes::new(),
                senders: AtomicUsize::new(1),
                receivers: AtomicUsize::new(0),
                abandoned: Notify::new(),
            }),
        }
    }

    /// Replaces the value and wakes the receivers that wait for a change. It does not wait, save
    /// for those who [borrow](Receiver::borrow) the value at the moment.
    ///
    /// # Errors
    ///
    /// Gives the value back, and changes nothing, if there is no receiver. To set the value
    /// nevertheless, for receivers that [subscribe](Self::subscribe) later, use
    /// [`send_replace`](Self::send_replace).
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        if self.is_closed() {
            return Err(SendError(value));
        }
        self.send_replace(value);
        Ok(())
    }

    /// Modifies the value in place and wakes the receivers that wait for a change, if there are
    /// any receivers or not.
    ///
    /// The value is locked while `modify` runs: it must not use the channel.
    ///
    /// # Panics
    ///
    /// When `modify` panics. What it did to the value stays, and nobody is woken for it.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::sync::watch;
    ///
    /// let (sender, receiver) = watch::channel(vec![1]);
    /// sender.send_modify(|list| list.push(2));
    /// assert_eq!(*receiver.borrow(), [1, 2]);
    /// assert!(receiver.has_changed().unwrap());
    /// ```
    pub fn send_modify<F>(&self, modify: F)
    where
        F: FnOnce(&mut T),
    {
        self.send_if_modified(|value| {
            modify(value);
            true
        });
    }

    /// Modifies the value in place, and wakes the receivers that wait for a change only if
    /// `modify` says that it did. Gives what `modify` said.
    ///
    /// The value is locked while `modify` runs: it must not use the channel.
    ///
    /// # Panics
    ///
    /// When `modify` panics. What it did to the value stays, and nobody is woken for it.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::sync::watch;
    ///
    /// let (sender, receiver) = watch::channel(10);
    /// let raise_to = |new: i32| {
    ///     sender.send_if_modified(|value| {
    ///         let higher = new > *value;
    ///         *value = new.max(*value);
    ///         higher
    ///     })
    /// };
    /// assert!(!raise_to(5));
    /// assert!(!receiver.has_changed().unwrap());
    /// assert!(raise_to(15));
    /// assert!(receiver.has_changed().unwrap());
    /// ```
    pub fn send_if_modified<F>(&self, modify: F) -> bool
    where
        F: FnOnce(&mut T) -> bool,
    {
        let mut value = self.channel.value.write();
        if !modify(&mut value) {
            return false;
        }
        // Counted while the value is locked, woken when it is not.
        let waiting = self.channel.changes.count();
        drop(value);
        waiting.wake();
        true
    }

    /// Replaces the value, if there are receivers or not, and gives the old one. Wakes the receivers
    /// that wait for a change.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::sync::watch;
    ///
    /// let sender = watch::Sender::new(1);
    /// assert_eq!(sender.send_replace(2), 1);
    /// assert_eq!(*sender.borrow(), 2);
    /// ```
    pub fn send_replace(&self, mut value: T) -> T {
        // The old value leaves the lock before anybody drops it.
        self.send_modify(|old| mem::swap(old, &mut value));
        value
    }

    /// A look at the value; see [Looking and locking](self#looking-and-locking).
    pub fn borrow(&self) -> Ref<'_, T> {
        Ref {
            value: self.channel.value.read(),
            has_changed: false,
        }
    }

    /// Whether there is no receiver, so that [`send`](Self::send) fails. There may be one later.
    pub fn is_closed(&self) -> bool {
        self.receiver_count() == 0
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
    /// use runtime::sync::watch;
    ///
    /// # #[runtime::main]
    /// # async fn main() {
    /// let (sender, receiver) = watch::channel(1);
    /// runtime::spawn(async move { drop(receiver) });
    /// sender.closed().await;
    /// # }
    /// ```
    pub async fn closed(&self) {
        let closed = async {
            loop {
                // Made before the look, so that a departure in between reaches it.
                let abandoned = self.channel.abandoned.notified();
                if self.is_closed() {
                    return;
                }
                abandoned.await;
            }
        };
        coop::cooperative(closed).await
    }

    /// A receiver that has seen the value as it is now.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::sync::watch;
    ///
    /// let sender = watch::Sender::new(1);
    /// let receiver = sender.subscribe();
    /// assert!(!receiver.has_changed().unwrap());
    /// sender.send(2).unwrap();
    /// assert!(receiver.has_changed().unwrap());
    /// ```
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver::new(self.channel.clone(), self.channel.changes.version())
    }

    /// How many receivers there are.
    pub fn receiver_count(&self) -> usize {
        // Acquire pairs with the end of a receiver.
        self.channel.receivers.load(Acquire)
    }

    /// How many senders there are.
    pub fn sender_count(&self) -> usize {
        // Relaxed: nothing hangs on the number.
        self.channel.senders.load(Relaxed)
    }

    /// Whether both send into the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.channel, &other.channel)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
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
            self.channel.changes.close().wake();
        }
    }
}

impl<T: Default> Default for Sender<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("watch::Sender")
            .field("value", &self.channel.value)
            .finish_non_exhaustive()
    }
}

/// Sees the value. Made by [`channel`] and [`Sender::subscribe`]; a clone has seen what its
/// original has seen.
pub struct Receiver<T> {
    channel: Arc<Channel<T>>,
    /// What this receiver has seen.
    seen: Version,
    /// Where it waits.
    shard: usize,
}

impl<T> Receiver<T> {
    fn new(channel: Arc<Channel<T>>, seen: Version) -> Self {
        // Relaxed: a receiver or sender at hand keeps the channel from changing its mind.
        channel.receivers.fetch_add(1, Relaxed);
        let shard = channel.changes.deal_shard();
        Self {
            channel,
            seen,
            shard,
        }
    }

    /// A look at the value, which still counts as unseen if it was; see
    /// [Looking and locking](self#looking-and-locking).
    ///
    /// In a loop with [`changed`](Self::changed) use [`borrow_and_update`](Self::borrow_and_update):
    /// a value that arrives between the two calls would otherwise be handled twice.
    pub fn borrow(&self) -> Ref<'_, T> {
        let value = self.channel.value.read();
        // The version cannot change while the value is locked.
        let has_changed = self.seen != self.channel.changes.version();
        Ref { value, has_changed }
    }

    /// A look at the value, which counts as seen from then on; see
    /// [Looking and locking](self#looking-and-locking).
    pub fn borrow_and_update(&mut self) -> Ref<'_, T> {
        let value = self.channel.value.read();
        // The version cannot change while the value is locked.
        let version = self.channel.changes.version();
        let has_changed = mem::replace(&mut self.seen, version) != version;
        Ref { value, has_changed }
    }

    /// Whether the value has changed since this receiver has seen it.
    ///
    /// # Errors
    ///
    /// [`RecvError`] if the last sender is gone, even if there is a change that was not seen.
    pub fn has_changed(&self) -> Result<bool, RecvError> {
        if self.is_closed() {
            return Err(RecvError(()));
        }
        Ok(self.seen != self.channel.changes.version())
    }

    /// Makes the value count as unseen.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::sync::watch;
    ///
    /// # #[runtime::main]
    /// # async fn main() {
    /// // The loop shall handle the first value as it handles later ones.
    /// let (sender, mut receiver) = watch::channel(1);
    /// receiver.mark_changed();
    /// receiver.changed().await.unwrap();
    /// assert_eq!(*receiver.borrow_and_update(), 1);
    /// # drop(sender);
    /// # }
    /// ```
    pub fn mark_changed(&mut self) {
        self.seen = self.channel.changes.version().outdated();
    }

    /// Makes the value, as it is now, count as seen.
    pub fn mark_unchanged(&mut self) {
        self.seen = self.channel.changes.version();
    }

    /// Waits until the value has changed since this receiver has seen it. It counts as seen
    /// afterwards.
    ///
    /// # Errors
    ///
    /// [`RecvError`] if the last sender is gone, and this receiver has seen the last value.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, nothing counts as seen.
    pub async fn changed(&mut self) -> Result<(), RecvError> {
        let changed = self.channel.changes.changed(&mut self.seen, self.shard);
        changed.await.map_err(|Ended| RecvError(()))
    }

    /// Waits until the value is as `condition` wants it, and gives a look at it; see
    /// [Looking and locking](self#looking-and-locking). It counts as seen then.
    ///
    /// The value as it is at the time of the call counts as well, seen or not. The value is locked
    /// while `condition` looks: it must not use the channel.
    ///
    /// # Errors
    ///
    /// [`RecvError`] if the last sender is gone, and the last value is not wanted.
    ///
    /// # Panics
    ///
    /// When `condition` panics.
    ///
    /// # Cancel safety
    ///
    /// Values that `condition` has refused count as seen; otherwise nothing is lost when the future
    /// is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::sync::watch;
    ///
    /// #[runtime::main]
    /// async fn main() {
    ///     let (sender, mut receiver) = watch::channel(0);
    ///     runtime::spawn(async move {
    ///         for percent in 1..=100 {
    ///             sender.send_replace(percent);
    ///         }
    ///     });
    ///     let done = *receiver.wait_for(|percent| *percent == 100).await.unwrap();
    ///     assert_eq!(done, 100);
    /// }
    /// ```
    pub async fn wait_for(
        &mut self,
        mut condition: impl FnMut(&T) -> bool,
    ) -> Result<Ref<'_, T>, RecvError> {
        let Channel { value, changes, .. } = &*self.channel;
        let mut ended = false;
        // What is found at once has its price too.
        poll_fn(coop::poll_proceed).await.made_progress();
        loop {
            {
                let value = value.read();
                // The version cannot change while the value is locked.
                let version = changes.version();
                let has_changed = mem::replace(&mut self.seen, version) != version;
                // After the end a value is tried again only if it is another one.
                if (!ended || has_changed) && condition(&value) {
                    return Ok(Ref { value, has_changed });
                }
            }
            if ended {
                return Err(RecvError(()));
            }
            ended = changes.changed(&mut self.seen, self.shard).await.is_err();
        }
    }

    /// Whether the last sender is gone.
    pub fn is_closed(&self) -> bool {
        self.channel.changes.is_closed()
    }

    /// Whether both see the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.channel, &other.channel)
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Self::new(self.channel.clone(), self.seen)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        // AcqRel: who finds no receiver has all that they did behind it.
        if self.channel.receivers.fetch_sub(1, AcqRel) == 1 {
            self.channel.abandoned.notify_waiters();
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("watch::Receiver")
            .field("value", &self.channel.value)
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}

/// A look at the value: a read lock, which ends when this is dropped.
///
/// See [Looking and locking](self#looking-and-locking).
#[derive(Debug)]
pub struct Ref<'a, T> {
    value: RwLockReadGuard<'a, T>,
    has_changed: bool,
}

impl<T> Ref<'_, T> {
    /// Whether the receiver had not seen this value when it was borrowed. Always `false` for a
    /// [`Sender`]'s.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::sync::watch;
    ///
    /// let (sender, mut receiver) = watch::channel(1);
    /// sender.send(2).unwrap();
    /// assert!(receiver.borrow().has_changed());
    /// assert!(receiver.borrow_and_update().has_changed());
    /// assert!(!receiver.borrow().has_changed());
    /// ```
    pub fn has_changed(&self) -> bool {
        self.has_changed
    }
}

impl<T> Deref for Ref<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

#[cfg(test)]
mod tests;
