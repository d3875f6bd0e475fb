//! Values that belong to a task, as a `thread_local!` belongs to a thread.
//!
//! # How it works
//!
//! A key is backed by a slot of the thread. [`TaskLocalFuture`] keeps the value while its future does
//! not run; it swaps value and slot before every poll, and back after it, also when the poll unwinds.
//! So scopes nest, and two tasks of one thread never see each other's values.
//!
//! # Invariant
//!
//! - **L1** No code of a user runs while the slot is borrowed mutably: the swap moves two values and
//!   drops neither.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;

use pin_project_lite::pin_project;

/// Declares keys whose values belong to a task: see [`LocalKey`](crate::task::LocalKey).
///
/// Any number of keys may stand in one call, with attributes and visibilities of their own. They have
/// no initial value; it comes with the [`scope`](crate::task::LocalKey::scope).
///
/// ```
/// runtime::task_local! {
///     /// Which request the task works for.
///     pub static REQUEST: u64;
///     static USER: String;
/// }
///
/// # #[runtime::main(flavor = "current_thread")]
/// # async fn main() {
/// REQUEST
///     .scope(7, async {
///         assert_eq!(REQUEST.get(), 7);
///         assert!(USER.try_get().is_err());
///     })
///     .await;
/// # }
/// ```
#[macro_export]
macro_rules! task_local {
    () => {};
    ($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty; $($rest:tt)*) => {
        $crate::task_local!($(#[$attribute])* $visibility static $name: $type);
        $crate::task_local!($($rest)*);
    };
    ($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty) => {
        $(#[$attribute])*
        $visibility static $name: $crate::task::LocalKey<$type> = {
            ::std::thread_local! {
                static SLOT: ::std::cell::RefCell<::std::option::Option<$type>> =
                    const { ::std::cell::RefCell::new(::std::option::Option::None) };
            }
            $crate::task::LocalKey::__new(SLOT)
        };
    };
}

/// A key made by [`task_local!`](crate::task_local). Its value is set for the length of a future.
///
/// The value is there while the future of [`scope`](Self::scope) is polled, and while it is dropped.
/// It is not inherited: a task spawned inside of the scope does not have it.
///
/// ```
/// runtime::task_local! {
///     static NUMBER: u32;
/// }
///
/// # #[runtime::main(flavor = "current_thread")]
/// # async fn main() {
/// NUMBER
///     .scope(1, async {
///         assert_eq!(NUMBER.get(), 1);
///         NUMBER.scope(2, async { assert_eq!(NUMBER.get(), 2) }).await;
///         assert_eq!(NUMBER.get(), 1);
///     })
///     .await;
/// # }
/// ```
pub struct LocalKey<T: 'static> {
    slot: thread::LocalKey<RefCell<Option<T>>>,
}

/// The key has no value here: the caller is outside of every scope of it.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct AccessError(());

/// Why a scope could not begin.
enum ScopeError {
    /// The value is being looked at, by a function given to [`LocalKey::with`].
    Borrowed,
    /// The thread is ending.
    Destroyed,
}

impl ScopeError {
    #[track_caller]
    fn panic(self) -> ! {
        match self {
            Self::Borrowed => panic!(
                "cannot enter a task-local scope while the task-local storage is borrowed; leave \
                 `LocalKey::with` first"
            ),
            Self::Destroyed => panic!(
                "cannot enter a task-local scope during or after destruction of the underlying \
                 thread-local; use task-locals before the thread ends"
            ),
        }
    }
}

impl<T: 'static> LocalKey<T> {
    /// What [`task_local!`](crate::task_local) calls. Not for anybody else.
    #[doc(hidden)]
    pub const fn __new(slot: thread::LocalKey<RefCell<Option<T>>>) -> Self {
        Self { slot }
    }

    /// Sets the value to `value` while `future` runs, and while it is dropped.
    ///
    /// # Panics
    ///
    /// Polling the future panics inside of a [`with`](Self::with) of the same key.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops `future` with the value set, and then the value.
    pub fn scope<F>(&'static self, value: T, future: F) -> TaskLocalFuture<T, F>
    where
        F: Future,
    {
        TaskLocalFuture {
            key: self,
            value: Some(value),
            future: Some(future),
            _pinned: PhantomPinned,
        }
    }

    /// Sets the value to `value` while `f` runs.
    ///
    /// # Panics
    ///
    /// Inside of a [`with`](Self::with) of the same key.
    ///
    /// ```
    /// runtime::task_local! {
    ///     static NUMBER: u32;
    /// }
    ///
    /// assert_eq!(NUMBER.sync_scope(1, || NUMBER.get()), 1);
    /// ```
    #[track_caller]
    pub fn sync_scope<F, R>(&'static self, value: T, f: F) -> R
    where
        F: FnOnce() -> R,
    {
        let mut value = Some(value);
        match self.enter(&mut value, f) {
            Ok(output) => output,
            Err(error) => error.panic(),
        }
    }

    /// Calls `f` with `value` in the slot, and swaps back afterwards.
    fn enter<R>(
        &'static self,
        value: &mut Option<T>,
        f: impl FnOnce() -> R,
    ) -> Result<R, ScopeError> {
        struct SwapBack<'a, T: 'static> {
            key: &'static LocalKey<T>,
            value: &'a mut Option<T>,
        }
        impl<T: 'static> Drop for SwapBack<'_, T> {
            fn drop(&mut self) {
                // Neither can fail: the slot was there and free when the scope began, and `f` has
                // given up what it borrowed by returning or unwinding. Were it otherwise, a panic
                // in this place would end the process.
                let _ = self.key.swap(self.value);
            }
        }
        self.swap(value)?;
        let _swap_back = SwapBack { key: self, value };
        Ok(f())
    }

    fn swap(&'static self, value: &mut Option<T>) -> Result<(), ScopeError> {
        self.slot
            .try_with(|slot| {
                let mut slot = slot.try_borrow_mut().map_err(|_| ScopeError::Borrowed)?;
                std::mem::swap(&mut *slot, value);
                Ok(())
            })
            .unwrap_or(Err(ScopeError::Destroyed))
    }

    /// Calls `f` with the value.
    ///
    /// # Panics
    ///
    /// Outside of a scope of this key; see [`try_with`](Self::try_with).
    #[track_caller]
    pub fn with<F, R>(&'static self, f: F) -> R
    where
        F: FnOnce(&T) -> R,
    {
        match self.try_with(f) {
            Ok(output) => output,
            Err(_) => not_set(),
        }
    }

    /// Calls `f` with the value.
    ///
    /// # Errors
    ///
    /// Outside of a scope of this key.
    pub fn try_with<F, R>(&'static self, f: F) -> Result<R, AccessError>
    where
        F: FnOnce(&T) -> R,
    {
        self.slot
            .try_with(|slot| slot.borrow().as_ref().map(f))
            .ok()
            .flatten()
            .ok_or(AccessError(()))
    }
}

impl<T: Clone + 'static> LocalKey<T> {
    /// A clone of the value.
    ///
    /// # Panics
    ///
    /// Outside of a scope of this key; see [`try_get`](Self::try_get).
    #[track_caller]
    pub fn get(&'static self) -> T {
        match self.try_get() {
            Ok(value) => value,
            Err(_) => not_set(),
        }
    }

    /// A clone of the value.
    ///
    /// # Errors
    ///
    /// Outside of a scope of this key.
    pub fn try_get(&'static self) -> Result<T, AccessError> {
        self.try_with(T::clone)
    }
}

#[cold]
#[track_caller]
fn not_set() -> ! {
    panic!(
        "cannot access a task-local storage value without setting it first; run this inside of \
         `LocalKey::scope`"
    )
}

impl<T: 'static> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").finish_non_exhaustive()
    }
}

impl fmt::Debug for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessError").finish()
    }
}

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("task-local value not set")
    }
}

impl std::error::Error for AccessError {}

pin_project! {
    /// Runs a future with the value of a task-local set. Made by [`LocalKey::scope`].
    ///
    /// # Panics
    ///
    /// When polled after it was ready.
    #[must_use = "futures do nothing unless awaited"]
    pub struct TaskLocalFuture<T, F>
    where
        T: 'static,
    {
        key: &'static LocalKey<T>,
        // Ours while the future does not run; during a poll, what was in the slot before.
        value: Option<T>,
        // `None` once it is ready: it is dropped inside of the scope.
        #[pin]
        future: Option<F>,
        #[pin]
        _pinned: PhantomPinned,
    }

    impl<T: 'static, F> PinnedDrop for TaskLocalFuture<T, F> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            let mut future = this.future;
            if std::mem::needs_drop::<F>() && future.is_some() {
                // Where there is no slot to put the value in, the future is dropped without it, with
                // the other fields.
                let _ = this.key.enter(this.value, || future.set(None));
            }
        }
    }
}

impl<T, F> TaskLocalFuture<T, F>
where
    T: 'static,
{
    /// Takes the value out; the future goes on without it.
    ///
    /// ```
    /// # use std::pin::Pin;
    /// runtime::task_local! {
    ///     static NUMBERS: std::cell::RefCell<Vec<u32>>;
    /// }
    ///
    /// # #[runtime::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let collecting = NUMBERS.scope(Default::default(), async {
    ///     NUMBERS.with(|numbers| numbers.borrow_mut().push(1));
    /// });
    /// let mut collecting = Box::pin(collecting);
    /// collecting.as_mut().await;
    /// assert_eq!(collecting.as_mut().take_value().unwrap().into_inner(), [1]);
    /// # }
    /// ```
    pub fn take_value(self: Pin<&mut Self>) -> Option<T> {
        self.project().value.take()
    }
}

impl<T: 'static, F: Future> Future for TaskLocalFuture<T, F> {
    type Output = F::Output;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut future = this.future;
        let polled = this.key.enter(this.value, || {
            let polled = future.as_mut().as_pin_mut()?.poll(cx);
            if polled.is_ready() {
                future.set(None);
            }
            Some(polled)
        });
        match polled {
            Ok(Some(polled)) => polled,
            Ok(None) => {
                panic!("`TaskLocalFuture` polled after completion; await each future only once")
            }
            Err(error) => error.panic(),
        }
    }
}

impl<T, F> fmt::Debug for TaskLocalFuture<T, F>
where
    T: fmt::Debug + 'static,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskLocalFuture")
            .field("value", &self.value)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(rt_loom)))]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::pin::pin;
    use std::rc::Rc;
    use std::task::Waker;

    crate::task_local! {
        #[allow(dead_code)]
        pub(super) static NUMBER: u32;
        static SHARED: Rc<()>
    }

    fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn the_value_comes_and_goes_with_every_poll() {
        let mut first = pin!(NUMBER.scope(1, async {
            crate::task::yield_now().await;
            NUMBER.get()
        }));
        let mut second = pin!(NUMBER.scope(2, async {
            crate::task::yield_now().await;
            NUMBER.get()
        }));
        assert!(poll(first.as_mut()).is_pending());
        assert!(NUMBER.try_get().is_err());
        assert!(poll(second.as_mut()).is_pending());
        assert_eq!(poll(first.as_mut()), Poll::Ready(1));
        assert_eq!(poll(second.as_mut()), Poll::Ready(2));
    }

    #[test]
    fn the_outer_value_is_back_after_a_panic_of_the_inner_scope() {
        NUMBER.sync_scope(1, || {
            let panicking = || NUMBER.sync_scope(2, || panic!("in the scope"));
            assert!(catch_unwind(AssertUnwindSafe(panicking)).is_err());
            assert_eq!(NUMBER.get(), 1);
            let mut future = pin!(NUMBER.scope(3, async { panic!("in the future") }));
            assert!(catch_unwind(AssertUnwindSafe(|| poll(future.as_mut()))).is_err());
            assert_eq!(NUMBER.get(), 1);
        });
        assert!(NUMBER.try_get().is_err());
    }

    /// Says what the key's value was when it was dropped.
    struct SeesAtDrop(Rc<std::cell::Cell<Option<u32>>>);

    impl Drop for SeesAtDrop {
        fn drop(&mut self) {
            self.0.set(NUMBER.try_get().ok());
        }
    }

    #[test]
    fn the_future_is_dropped_with_the_value_set_whether_ready_or_not() {
        let seen = Rc::new(std::cell::Cell::new(None));
        for ready in [false, true] {
            seen.set(None);
            let guard = SeesAtDrop(seen.clone());
            let mut future = Box::pin(NUMBER.scope(5, async move {
                let _guard = guard;
                if !ready {
                    std::future::pending::<()>().await;
                }
            }));
            assert_eq!(poll(future.as_mut()).is_ready(), ready);
            drop(future);
            assert_eq!(seen.get(), Some(5), "ready: {ready}");
        }
        let guard = SeesAtDrop(seen.clone());
        seen.set(None);
        drop(NUMBER.scope(6, async move { drop(guard) }));
        assert_eq!(seen.get(), Some(6), "never polled");
    }

    #[test]
    fn the_value_is_dropped_with_the_future_and_can_be_taken_before() {
        let shared = Rc::new(());
        let mut future = Box::pin(SHARED.scope(shared.clone(), async { 1 }));
        assert_eq!(poll(future.as_mut()), Poll::Ready(1));
        assert_eq!(Rc::strong_count(&shared), 2);
        assert!(future.as_mut().take_value().is_some());
        assert!(future.as_mut().take_value().is_none());
        assert_eq!(Rc::strong_count(&shared), 1);
        drop(SHARED.scope(shared.clone(), async {}));
        assert_eq!(Rc::strong_count(&shared), 1);
    }

    #[test]
    #[should_panic(expected = "while the task-local storage is borrowed")]
    fn a_scope_inside_of_a_look_at_the_value_is_refused() {
        NUMBER.sync_scope(1, || NUMBER.with(|_| NUMBER.sync_scope(2, || ())));
    }

    #[test]
    #[should_panic(expected = "polled after completion")]
    fn a_second_poll_after_the_output_panics() {
        let mut future = pin!(NUMBER.scope(1, async {}));
        assert!(poll(future.as_mut()).is_ready());
        let _ = poll(future.as_mut());
    }
}
