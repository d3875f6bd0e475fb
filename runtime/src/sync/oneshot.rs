//! One value from one task to another, once.
//!
//! The usual way to answer a request: the asking side puts the [`Sender`] into its message and
//! awaits the [`Receiver`]. Sending never waits. Whichever side goes away is noticed by the other:
//! the receiver gets [`RecvError`], the sender its value back.
//!
//! ```
//! use runtime::sync::oneshot;
//!
//! #[runtime::main]
//! async fn main() {
//!     let (answer, question) = oneshot::channel();
//!     runtime::spawn(async move {
//!         // Nobody waits for the answer any more if this fails.
//!         let _ = answer.send(6 * 7);
//!     });
//!     assert_eq!(question.await, Ok(42));
//! }
//! ```
//!
//! A [`Sender`] that has to be given up at the end of a scope that only lends it, in `Drop` say, is
//! kept in an `Option` and taken out: [`Sender::send`] consumes it.
//!
//! # How it works
//!
//! Both halves share one allocation: a state word, the value and a waker for each side. The bits of
//! the state word say who may touch what.
//!
//! ```text
//!                 send, drop of the sender
//!        OPEN ──────────────────────────────► DONE     the value, if any, is the receiver's
//!          │
//!          └──────────────────────────────► CLOSED     no value will ever be sent
//!                 close, drop of the receiver
//! ```
//!
//! `CLOSED` may be added after `DONE`, never the other way round: a value that was sent before the
//! receiver closed is still received.
//!
//! # Invariants
//!
//! - **O1** The value is the sender's until it sets `DONE`, and the receiver's from then on.
//! - **O2** The receiver's waker is the receiver's while `RECEIVER_WAITS` is not set. If the bit is
//!   set at the moment the sender sets `DONE`, the waker is the sender's for ever; if `CLOSED` is
//!   set before `DONE`, it is the receiver's for ever.
//! - **O3** The sender's waker is the sender's while `SENDER_WAITS` is not set. If the bit is set at
//!   the moment the receiver sets `CLOSED`, the waker is the receiver's for ever; if `DONE` is set
//!   before `CLOSED`, it is the sender's for ever.
//! - **O4** No waker is cloned, woken or dropped while a slot is borrowed: that is foreign code, and
//!   it may panic or come back here.
//!
//! The models in `oneshot/tests.rs` explore all of it.

#![allow(unsafe_code)] // The slots are guarded by the state word; see O1 to O3.

use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use runtime_base::sync::Arc;
use runtime_base::sync::atomic::AtomicUsize;
use runtime_base::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use runtime_base::sync::cell::UnsafeCell;
use runtime_base::{coop, driving};

pub mod error;

use error::{RecvError, TryRecvError};

/// The sender is through: it has sent, or was dropped.
const DONE: usize = 0b0001;
/// The receiver takes no value any more that was not sent before.
const CLOSED: usize = 0b0010;
/// The receiver's waker is in its slot.
const RECEIVER_WAITS: usize = 0b0100;
/// The sender's waker is in its slot.
const SENDER_WAITS: usize = 0b1000;

/// What the two halves share.
struct Channel<T> {
    state: AtomicUsize,
    value: UnsafeCell<Option<T>>,
    receiver_waker: UnsafeCell<Option<Waker>>,
    sender_waker: UnsafeCell<Option<Waker>>,
}

// SAFETY: the state word gives every slot to one side at a time (O1 to O3), the value moves from
// one thread to the other, and wakers may be sent between threads.
unsafe impl<T: Send> Send for Channel<T> {}
// SAFETY: as above; no two threads ever hold a reference to the value at the same time.
unsafe impl<T: Send> Sync for Channel<T> {}
// No user code runs while a slot is half changed.
impl<T> UnwindSafe for Channel<T> {}
impl<T> RefUnwindSafe for Channel<T> {}

/// Creates a channel for one value.
///
/// ```
/// use runtime::sync::oneshot;
///
/// # #[runtime::main]
/// # async fn main() {
/// let (sender, receiver) = oneshot::channel();
/// sender.send("hello").unwrap();
/// assert_eq!(receiver.await, Ok("hello"));
/// # }
/// ```
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let channel = Arc::new(Channel {
        state: AtomicUsize::new(0),
        value: UnsafeCell::new(None),
        receiver_waker: UnsafeCell::new(None),
        sender_waker: UnsafeCell::new(None),
    });
    let sender = Sender {
        channel: Some(channel.clone()),
    };
    let receiver = Receiver {
        channel: Some(channel),
    };
    (sender, receiver)
}

impl<T> Channel<T> {
    /// Takes the value out. Only for the receiver, after it has seen `DONE`.
    ///
    /// # Safety
    ///
    /// The caller is the receiver and has loaded `DONE` with Acquire, which pairs with the Release
    /// in [`finish`](Self::finish).
    unsafe fn take_value(&self) -> Option<T> {
        // SAFETY: `DONE` gives the slot to the receiver (O1), which is the caller.
        self.value.with_mut(|value| unsafe { (*value).take() })
    }

    /// Sets `DONE` unless the channel is closed, says whether it did, and wakes the receiver. Only
    /// for the sender.
    fn finish(&self) -> bool {
        let mut state = self.state.load(Relaxed);
        loop {
            if state & CLOSED != 0 {
                return false;
            }
            // Release publishes the value and pairs with the receiver's loads; Acquire makes the
            // receiver's waker visible.
            match self
                .state
                .compare_exchange_weak(state, state | DONE, AcqRel, Relaxed)
            {
                Ok(_) => break,
                Err(actual) => state = actual,
            }
        }
        let own_waker = (state & SENDER_WAITS != 0).then(|| {
            // SAFETY: `DONE` came before `CLOSED`, so the slot is the sender's (O3).
            self.sender_waker.with_mut(|slot| unsafe { (*slot).take() })
        });
        if state & RECEIVER_WAITS != 0 {
            // SAFETY: the bit was set when we set `DONE`, so the slot is the sender's (O2).
            let waker = self
                .receiver_waker
                .with_mut(|slot| unsafe { (*slot).take() });
            if let Some(waker) = waker {
                waker.wake();
            }
        }
        drop(own_waker);
        true
    }

    /// Sets `CLOSED` and wakes the sender. Only for the receiver. Gives the state from before.
    fn close(&self) -> usize {
        // Acquire pairs with `finish`: the caller may take the value if `DONE` is set; and it makes
        // the sender's waker visible. Release publishes what the receiver did before.
        let state = self.state.fetch_or(CLOSED, AcqRel);
        if state & (DONE | CLOSED) != 0 {
            return state;
        }
        let own_waker = (state & RECEIVER_WAITS != 0).then(|| {
            // SAFETY: `CLOSED` came before `DONE`, so the slot is the receiver's (O2).
            self.receiver_waker
                .with_mut(|slot| unsafe { (*slot).take() })
        });
        if state & SENDER_WAITS != 0 {
            // SAFETY: the bit was set when we set `CLOSED`, so the slot is the receiver's (O3).
            let waker = self.sender_waker.with_mut(|slot| unsafe { (*slot).take() });
            if let Some(waker) = waker {
                waker.wake();
            }
        }
        drop(own_waker);
        state
    }

    /// Stores `waker` in `slot` under the bit `waits`, and gives the state afterwards. If that has
    /// the bit `ends`, the wait is over and the waker may never be woken.
    ///
    /// # Safety
    ///
    /// The caller is the receiver, with its slot, its bit and `DONE`; or the sender, with its slot,
    /// its bit and `CLOSED`. `state` was loaded by the caller and has neither `DONE` nor `CLOSED`
    /// if it is the receiver, and not `CLOSED` if it is the sender.
    unsafe fn register(
        &self,
        slot: &UnsafeCell<Option<Waker>>,
        waits: usize,
        ends: usize,
        mut state: usize,
        waker: &Waker,
    ) -> usize {
        let mut old = None;
        if state & waits != 0 {
            // While the bit is set the other side may take the waker at any moment: claim it back.
            // Acquire pairs with the other side's end, Release continues its chain.
            state = self.state.fetch_and(!waits, AcqRel);
            if state & ends != 0 {
                // The other side has the slot (O2, O3).
                return state;
            }
            // SAFETY: the bit is cleared before the other side came to its end, so the slot is ours
            // (O2, O3).
            old = slot.with_mut(|slot| unsafe { (*slot).take() });
        }
        let clone = match old {
            Some(ref current) if current.will_wake(waker) => old.take(),
            _ => Some(waker.clone()),
        };
        // SAFETY: as above; or the bit was never set, and the slot is ours all the more.
        slot.with_mut(|slot| unsafe { *slot = clone });
        // Release publishes the waker, Acquire pairs with the other side's end.
        let state = self.state.fetch_or(waits, AcqRel) | waits;
        // Foreign code, so it comes last (O4).
        drop(old);
        state
    }
}

/// The sending half of a oneshot channel. Made by [`channel`].
///
/// Dropping it without sending lets the receiver end with an error.
pub struct Sender<T> {
    /// `None` once the value is sent.
    channel: Option<Arc<Channel<T>>>,
}

impl<T> Sender<T> {
    /// Sends the value. This never waits, so it works in any context.
    ///
    /// That the value was sent does not mean that it is received: the receiver may be dropped
    /// before it looks; the value is then dropped with it.
    ///
    /// # Errors
    ///
    /// Gives the value back if the receiver was closed or dropped before.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::sync::oneshot;
    ///
    /// let (sender, receiver) = oneshot::channel();
    /// drop(receiver);
    /// assert_eq!(sender.send(7), Err(7));
    /// ```
    pub fn send(mut self, value: T) -> Result<(), T> {
        let channel = self.channel.take().expect("a sender sends once");
        // SAFETY: `DONE` is set by the sender alone, below, so the slot is ours (O1).
        channel
            .value
            .with_mut(|slot| unsafe { *slot = Some(value) });
        if channel.finish() {
            return Ok(());
        }
        // SAFETY: `DONE` was not set, so the slot still is ours (O1).
        let value = channel.value.with_mut(|slot| unsafe { (*slot).take() });
        Err(value.expect("nobody else takes a value that was not sent"))
    }

    /// Waits until the receiver is closed or dropped: the answer is not needed any more.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    ///
    /// # Examples
    ///
    /// Stop working for somebody who has gone:
    ///
    /// ```
    /// use runtime::sync::oneshot;
    ///
    /// #[runtime::main]
    /// async fn main() {
    ///     let (mut sender, receiver) = oneshot::channel::<u64>();
    ///     let worker = runtime::spawn(async move {
    ///         sender.closed().await;
    ///         "gave up"
    ///     });
    ///     drop(receiver);
    ///     assert_eq!(worker.await.unwrap(), "gave up");
    /// }
    /// ```
    pub async fn closed(&mut self) {
        poll_fn(|cx| self.poll_closed(cx)).await;
    }

    /// Whether the receiver is closed or dropped, so that [`send`](Self::send) would fail.
    pub fn is_closed(&self) -> bool {
        // Acquire pairs with `close`.
        self.channel().state.load(Acquire) & CLOSED != 0
    }

    /// Polls for the receiver being closed or dropped, as [`closed`](Self::closed) does.
    ///
    /// If it is not, the waker of `cx` is woken when it is. Only the waker of the last call is
    /// kept.
    pub fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let coop = ready!(coop::poll_proceed(cx));
        let channel = self.channel();
        // Acquire pairs with `close`.
        let mut state = channel.state.load(Acquire);
        if state & CLOSED == 0 {
            // SAFETY: this is the sender, its slot and bits, and `CLOSED` is not set.
            state = unsafe {
                let slot = &channel.sender_waker;
                channel.register(slot, SENDER_WAITS, CLOSED, state, cx.waker())
            };
        }
        if state & CLOSED == 0 {
            return Poll::Pending;
        }
        coop.made_progress();
        Poll::Ready(())
    }

    fn channel(&self) -> &Channel<T> {
        self.channel.as_ref().expect("a sender sends once")
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if let Some(channel) = &self.channel {
            channel.finish();
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("oneshot::Sender").finish_non_exhaustive()
    }
}

/// The receiving half of a oneshot channel: a future of the value. Made by [`channel`].
///
/// It ends with [`RecvError`] if the sender is dropped without sending. Dropping
/// the receiver drops a value that was sent and not received.
///
/// # Panics
///
/// Polling it again after it was ready panics.
///
/// # Cancel safety
///
/// Awaiting `&mut receiver`, in `select!` say, loses nothing when the other branch wins.
pub struct Receiver<T> {
    /// `None` once the outcome was handed out.
    channel: Option<Arc<Channel<T>>>,
}

impl<T> Receiver<T> {
    /// Refuses values from now on and wakes a sender that waits in [`Sender::closed`].
    ///
    /// A value that was sent before can still be received; so after a close call
    /// [`try_recv`](Self::try_recv) or await the receiver if it must not be lost.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::sync::oneshot;
    ///
    /// let (sender, mut receiver) = oneshot::channel();
    /// sender.send(1).unwrap();
    /// receiver.close();
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// ```
    pub fn close(&mut self) {
        if let Some(channel) = &self.channel {
            channel.close();
        }
    }

    /// Whether the outcome was handed out already, so that awaiting the receiver would panic.
    pub fn is_terminated(&self) -> bool {
        self.channel.is_none()
    }

    /// Whether there is no value to receive at this moment.
    ///
    /// It says nothing about whether one may still come.
    pub fn is_empty(&self) -> bool {
        let Some(channel) = &self.channel else {
            return true;
        };
        // Acquire pairs with `finish`.
        if channel.state.load(Acquire) & DONE == 0 {
            return true;
        }
        // SAFETY: `DONE` gives the slot to the receiver (O1), and taking the value out needs
        // `&mut self`, so there are only readers now.
        channel.value.with(|value| unsafe { (*value).is_none() })
    }

    /// Receives the value if it is there, without waiting.
    ///
    /// # Errors
    ///
    /// - [`TryRecvError::Empty`] if none was sent yet: try again later.
    /// - [`TryRecvError::Closed`] if none will come: the sender was dropped, the receiver closed
    ///   before, or the value was received already.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::sync::oneshot::{self, error::TryRecvError};
    ///
    /// let (sender, mut receiver) = oneshot::channel();
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    /// sender.send("there").unwrap();
    /// assert_eq!(receiver.try_recv(), Ok("there"));
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    /// ```
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        let Some(channel) = &self.channel else {
            return Err(TryRecvError::Closed);
        };
        // Acquire pairs with `finish`.
        let state = channel.state.load(Acquire);
        if state & (DONE | CLOSED) == 0 {
            return Err(TryRecvError::Empty);
        }
        self.outcome(state).map_err(|_| TryRecvError::Closed)
    }

    /// Receives the value, blocking the thread until it is there.
    ///
    /// For the synchronous side of a program; inside async code await the receiver.
    ///
    /// # Errors
    ///
    /// [`RecvError`] if the sender was dropped without sending.
    ///
    /// # Panics
    ///
    /// On a thread that drives asynchronous tasks, and if the value was received already.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::sync::oneshot;
    ///
    /// let (sender, receiver) = oneshot::channel();
    /// let thread = std::thread::spawn(move || receiver.blocking_recv());
    /// sender.send(3).unwrap();
    /// assert_eq!(thread.join().unwrap(), Ok(3));
    /// ```
    #[track_caller]
    pub fn blocking_recv(self) -> Result<T, RecvError> {
        driving::block_on(self)
    }

    /// Hands out what came of it, for a state that has `DONE` or `CLOSED`.
    fn outcome(&mut self, state: usize) -> Result<T, RecvError> {
        let channel = self.channel.take().ok_or(RecvError(()))?;
        if state & DONE == 0 {
            // `CLOSED` alone: the sender can never set `DONE` any more.
            return Err(RecvError(()));
        }
        // SAFETY: this is the receiver, and the caller loaded `DONE` with Acquire.
        unsafe { channel.take_value() }.ok_or(RecvError(()))
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(channel) = &self.channel else {
            panic!(
                "called after complete: a oneshot receiver was ready already; await it once, or ask \
                 `is_terminated` first"
            );
        };
        let coop = ready!(coop::poll_proceed(cx));
        // Acquire pairs with `finish`.
        let mut state = channel.state.load(Acquire);
        if state & (DONE | CLOSED) == 0 {
            // SAFETY: this is the receiver, its slot and bits, and `DONE` is not set.
            state = unsafe {
                let slot = &channel.receiver_waker;
                channel.register(slot, RECEIVER_WAITS, DONE, state, cx.waker())
            };
        }
        if state & (DONE | CLOSED) == 0 {
            return Poll::Pending;
        }
        coop.made_progress();
        Poll::Ready(self.outcome(state))
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        if let Some(channel) = &self.channel {
            let state = channel.close();
            if state & DONE != 0 {
                // Here and now, not when the sender's thread lets go of the channel.
                // SAFETY: this is the receiver, and `close` loaded `DONE` with Acquire.
                drop(unsafe { channel.take_value() });
            }
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("oneshot::Receiver").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
