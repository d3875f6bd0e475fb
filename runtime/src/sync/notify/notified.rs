//! The futures that wait for a [`Notify`].

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use pin_project_lite::pin_project;
use runtime_base::sync::atomic::Ordering::{Acquire, Relaxed};
use runtime_base::trace;
use runtime_base::wait_list::{ListRef, WaitList, Waiter};

use super::{End, Notify, PERMIT, WAITERS, calls};

/// What a waiting future carries through the queue.
pub struct Turn {
    /// The count of calls when the future was made (N3).
    calls: usize,
    pub(super) got: Got,
}

/// What a future has received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Got {
    /// Nothing: not polled yet, or in the queue.
    Nothing,
    /// A notification for one, not reported yet (N4).
    One(End),
    /// A notification for all, not reported yet.
    All,
    /// Whatever it was, it was reported.
    Reported,
}

/// A reference to a [`Notify`] that a waiter can live on.
pub(super) trait NotifyRef: ListRef<Guarded = (), Data = Turn> {
    fn notify(&self) -> &Notify;
}

// SAFETY: the list is a field of what is borrowed, so it is always the same and stays in place.
unsafe impl ListRef for &Notify {
    type Guarded = ();
    type Data = Turn;

    #[inline]
    fn list(&self) -> &WaitList<(), Turn> {
        &self.waiters
    }
}

impl NotifyRef for &Notify {
    #[inline]
    fn notify(&self) -> &Notify {
        self
    }
}

/// An `Arc` that is never given out, so that nobody exchanges it.
pub(super) struct Owned(Arc<Notify>);

// SAFETY: the list is a field of what the `Arc` holds, which stays in place while the `Arc` lives;
// the field is private to this file, where nothing replaces it.
unsafe impl ListRef for Owned {
    type Guarded = ();
    type Data = Turn;

    #[inline]
    fn list(&self) -> &WaitList<(), Turn> {
        &self.0.waiters
    }
}

impl NotifyRef for Owned {
    #[inline]
    fn notify(&self) -> &Notify {
        &self.0
    }
}

/// Completes on a notification that has been or is received; without a waker it just joins the
/// queue, for [`Notified::enable`].
fn poll_turn<L: NotifyRef>(mut waiter: Pin<&mut Waiter<L>>, waker: Option<&Waker>) -> Poll<()> {
    loop {
        let Some(turn) = waiter.as_mut().data() else {
            let still_queued = match waker {
                Some(waker) => waiter.as_mut().keep_waiting(waker),
                None => waiter.is_queued(),
            };
            if still_queued {
                return Poll::Pending;
            }
            continue;
        };
        if turn.got != Got::Nothing {
            turn.got = Got::Reported;
            return Poll::Ready(());
        }
        let made_at = turn.calls;
        let notify = waiter.list().notify();
        // Acquire pairs with the Release of `notify_waiters`.
        let word = notify.word.load(Acquire);
        let ready = calls(word) != made_at
            || (word & PERMIT != 0
                // Acquire pairs with the Release of `notify`.
                && notify
                    .word
                    .compare_exchange(word, word & !PERMIT, Acquire, Relaxed)
                    .is_ok());
        if ready {
            if let Some(turn) = waiter.data() {
                turn.got = Got::Reported;
            }
            return Poll::Ready(());
        }
        if word & PERMIT == 0 && enqueue(waiter.as_mut(), made_at, waker) {
            return Poll::Pending;
        }
    }
}

/// Joins the queue, unless a notification came meanwhile.
fn enqueue<L: NotifyRef>(
    waiter: Pin<&mut Waiter<L>>,
    made_at: usize,
    waker: Option<&Waker>,
) -> bool {
    // Cloned before the lock is taken, and dropped, if need be, after it is released.
    let waker = waker.cloned();
    let locked = waiter.lock();
    let notify = locked.list().notify();
    let mut word = notify.word.load(Relaxed);
    loop {
        if calls(word) != made_at || word & PERMIT != 0 {
            return false;
        }
        // Relaxed: the lock orders us with those who will look for us in the queue. On failure the
        // caller looks at the word again.
        match notify
            .word
            .compare_exchange_weak(word, word | WAITERS, Relaxed, Relaxed)
        {
            Ok(_) => {
                locked.enqueue(waker);
                return true;
            }
            Err(current) => word = current,
        }
    }
}

/// Leaves the queue, and passes on what was received for one and not reported (N4).
#[inline]
fn drop_turn<L: NotifyRef>(mut waiter: Pin<&mut Waiter<L>>) {
    let got = match waiter.as_mut().data() {
        Some(turn) => turn.got,
        None => leave_queue(waiter.as_mut()),
    };
    if let Got::One(end) = got {
        waiter.list().notify().notify(end);
    }
}

#[cold]
#[inline(never)]
fn leave_queue<L: NotifyRef>(waiter: Pin<&mut Waiter<L>>) -> Got {
    let mut locked = waiter.lock();
    if !locked.is_queued() {
        return locked.data().got;
    }
    let notify = locked.list().notify();
    let (locked, own_waker) = locked.remove();
    if locked.is_empty() {
        notify.clear_waiters();
    }
    drop(locked);
    drop(own_waker);
    Got::Nothing
}

pin_project! {
    /// Waits for a notification. Made by [`Notify::notified`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Notified<'a> {
        #[pin]
        waiter: Waiter<&'a Notify, Turn>,
    }

    impl PinnedDrop for Notified<'_> {
        #[inline]
        fn drop(this: Pin<&mut Self>) {
            drop_turn(this.project().waiter);
        }
    }
}

impl<'a> Notified<'a> {
    #[inline]
    pub(super) fn new(notify: &'a Notify, calls: usize) -> Self {
        let turn = Turn {
            calls,
            got: Got::Nothing,
        };
        Self {
            waiter: Waiter::new(notify, turn),
        }
    }
}

impl Notified<'_> {
    /// Joins the queue without being awaited, and says whether a notification is there already.
    ///
    /// After `false`, a [`notify_one`](Notify::notify_one) reaches this future as if it had been
    /// polled. After `true` the notification is this future's, and awaiting it ends at once. With
    /// several tasks that each wait for one notification, enable the future before looking at the
    /// condition:
    ///
    /// ```
    /// use std::pin::pin;
    /// use std::sync::Mutex;
    /// use runtime::sync::Notify;
    ///
    /// async fn pop(stack: &Mutex<Vec<u32>>, pushed: &Notify) -> u32 {
    ///     loop {
    ///         let mut notified = pin!(pushed.notified());
    ///         notified.as_mut().enable();
    ///         if let Some(number) = stack.lock().unwrap().pop() {
    ///             return number;
    ///         }
    ///         notified.await;
    ///     }
    /// }
    ///
    /// #[runtime::main]
    /// async fn main() {
    ///     let (stack, pushed) = (Mutex::new(vec![1]), Notify::new());
    ///     assert_eq!(pop(&stack, &pushed).await, 1);
    /// }
    /// ```
    pub fn enable(self: Pin<&mut Self>) -> bool {
        poll_turn(self.project().waiter, None).is_ready()
    }
}

impl Future for Notified<'_> {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        ready!(trace::poll_leaf(cx));
        poll_turn(self.project().waiter, Some(cx.waker()))
    }
}

impl fmt::Debug for Notified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notified")
            .field("notify", self.waiter.list())
            .field("queued", &self.waiter.is_queued())
            .finish()
    }
}

pin_project! {
    /// Waits for a notification, without a lifetime. Made by [`Notify::notified_owned`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct OwnedNotified {
        #[pin]
        waiter: Waiter<Owned>,
    }

    impl PinnedDrop for OwnedNotified {
        #[inline]
        fn drop(this: Pin<&mut Self>) {
            drop_turn(this.project().waiter);
        }
    }
}

impl OwnedNotified {
    #[inline]
    pub(super) fn new(notify: Arc<Notify>, calls: usize) -> Self {
        let turn = Turn {
            calls,
            got: Got::Nothing,
        };
        Self {
            waiter: Waiter::new(Owned(notify), turn),
        }
    }

    /// Joins the queue without being awaited, as [`Notified::enable`].
    pub fn enable(self: Pin<&mut Self>) -> bool {
        poll_turn(self.project().waiter, None).is_ready()
    }
}

impl Future for OwnedNotified {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        ready!(trace::poll_leaf(cx));
        poll_turn(self.project().waiter, Some(cx.waker()))
    }
}

impl fmt::Debug for OwnedNotified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedNotified")
            .field("notify", self.waiter.list().notify())
            .field("queued", &self.waiter.is_queued())
            .finish()
    }
}
