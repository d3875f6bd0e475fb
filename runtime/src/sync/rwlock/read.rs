//! The right to read that borrows its lock.

use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr::NonNull;

use super::RwLock;
use crate::sync::permits::Permits;

/// The right to read the value of a [`RwLock`], or a part of it. Dropping it unlocks.
///
/// Made by [`RwLock::read`].
#[clippy::has_significant_drop]
#[must_use = "if unused the RwLock will immediately unlock"]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    permits: &'a Permits,
    /// Points into the value, which stays while the lock is borrowed.
    value: NonNull<T>,
    _value: PhantomData<&'a T>,
}

// SAFETY: the guard is as good as the `&T` it gives.
unsafe impl<T: ?Sized + Sync> Send for RwLockReadGuard<'_, T> {}
// SAFETY: a shared guard gives `&T`; the bound is stricter than that needs, as Tokio's is.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLockReadGuard<'_, T> {}

impl<'a, T: ?Sized> RwLockReadGuard<'a, T> {
    /// The caller has a permit and hands it over (R1).
    pub(super) fn new(lock: &'a RwLock<T>) -> Self {
        // SAFETY: the permit in hand excludes writers (R1).
        let value = unsafe { &*lock.value.get() };
        Self {
            permits: &lock.permits,
            value: NonNull::from(value),
            _value: PhantomData,
        }
    }

    /// Narrows the guard to a part of the value; the lock stays locked.
    ///
    /// This is an associated function so that it hides no method of the value.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::sync::{RwLock, RwLockReadGuard};
    ///
    /// #[runtime::main]
    /// async fn main() {
    ///     let pair = RwLock::new((1, "one"));
    ///     let name = RwLockReadGuard::map(pair.read().await, |pair| &pair.1);
    ///     assert_eq!(*name, "one");
    /// }
    /// ```
    pub fn map<F, U: ?Sized>(this: Self, f: F) -> RwLockReadGuard<'a, U>
    where
        F: FnOnce(&T) -> &U,
    {
        let value = NonNull::from(f(&*this));
        this.hand_on(value)
    }

    /// Narrows the guard to a part of the value, if there is one.
    ///
    /// # Errors
    ///
    /// Gives the guard back if `f` gives `None`.
    pub fn try_map<F, U: ?Sized>(this: Self, f: F) -> Result<RwLockReadGuard<'a, U>, Self>
    where
        F: FnOnce(&T) -> Option<&U>,
    {
        match f(&*this).map(NonNull::from) {
            Some(value) => Ok(this.hand_on(value)),
            None => Err(this),
        }
    }

    /// Ends this guard without unlocking; the permit goes to the new one.
    pub(super) fn hand_on<U: ?Sized>(self, value: NonNull<U>) -> RwLockReadGuard<'a, U> {
        RwLockReadGuard {
            permits: ManuallyDrop::new(self).permits,
            value,
            _value: PhantomData,
        }
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the pointer comes from a reference into the value of a lock that is borrowed for
        // longer than the guard lives, and the guard has a permit, so nobody writes (R1).
        unsafe { self.value.as_ref() }
    }
}

impl<T: ?Sized> Drop for RwLockReadGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.permits.release(1);
    }
}

show_as_value!([] RwLockReadGuard<'_, T>, T);
