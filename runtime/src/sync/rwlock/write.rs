//! The rights to write that borrow their lock.

use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::panic::RefUnwindSafe;
use std::ptr::NonNull;

use super::{RwLock, RwLockReadGuard};
use crate::sync::permits::Permits;

/// The right to write the value of a [`RwLock`]. Dropping it unlocks.
///
/// Made by [`RwLock::write`].
#[clippy::has_significant_drop]
#[must_use = "if unused the RwLock will immediately unlock"]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    /// As a reference this is sent and shared exactly where the value may be, both ways.
    lock: &'a RwLock<T>,
}

// A shared guard shows the value and nothing else of the lock.
impl<T: ?Sized + RefUnwindSafe> RefUnwindSafe for RwLockWriteGuard<'_, T> {}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// The caller has all permits and hands them over (R1).
    pub(super) fn new(lock: &'a RwLock<T>) -> Self {
        Self { lock }
    }

    /// Narrows the guard to a part of the value; the lock stays locked for writing.
    ///
    /// This is an associated function so that it hides no method of the value.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::sync::{RwLock, RwLockWriteGuard};
    ///
    /// #[runtime::main]
    /// async fn main() {
    ///     let pair = RwLock::new((1, 2));
    ///     let mut second = RwLockWriteGuard::map(pair.write().await, |pair| &mut pair.1);
    ///     *second += 1;
    ///     drop(second);
    ///     assert_eq!(*pair.read().await, (1, 3));
    /// }
    /// ```
    pub fn map<F, U: ?Sized>(mut this: Self, f: F) -> RwLockMappedWriteGuard<'a, U>
    where
        F: FnOnce(&mut T) -> &mut U,
    {
        let value = NonNull::from(f(&mut *this));
        this.hand_on(value)
    }

    /// Narrows the guard to a part of the value, if there is one.
    ///
    /// # Errors
    ///
    /// Gives the guard back if `f` gives `None`.
    pub fn try_map<F, U: ?Sized>(
        mut this: Self,
        f: F,
    ) -> Result<RwLockMappedWriteGuard<'a, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        match f(&mut *this).map(NonNull::from) {
            Some(value) => Ok(this.hand_on(value)),
            None => Err(this),
        }
    }

    /// Makes it the guard of a part, namely the whole: for code that takes only mapped guards.
    pub fn into_mapped(this: Self) -> RwLockMappedWriteGuard<'a, T> {
        Self::map(this, |value| value)
    }

    /// Becomes a reader without letting anybody write in between. Readers that wait next in the
    /// queue get the lock too.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::sync::RwLock;
    ///
    /// #[runtime::main]
    /// async fn main() {
    ///     let lock = RwLock::new(1);
    ///     let mut writer = lock.write().await;
    ///     *writer += 1;
    ///     let reader = writer.downgrade();
    ///     assert_eq!(*lock.read().await, 2);
    ///     assert_eq!(*reader, 2);
    /// }
    /// ```
    pub fn downgrade(self) -> RwLockReadGuard<'a, T> {
        let lock = ManuallyDrop::new(self).lock;
        // The guard first: should a waker panic, it gives the permit back.
        let reader = RwLockReadGuard::new(lock);
        lock.permits.release(lock.max_readers as usize - 1);
        reader
    }

    /// Becomes a reader of a part of the value without letting anybody write in between.
    pub fn downgrade_map<F, U: ?Sized>(this: Self, f: F) -> RwLockReadGuard<'a, U>
    where
        F: FnOnce(&T) -> &U,
    {
        let value = NonNull::from(f(&*this));
        this.downgrade().hand_on(value)
    }

    /// Becomes a reader of a part of the value, if there is one, without letting anybody write in
    /// between.
    ///
    /// # Errors
    ///
    /// Gives the guard back, still for writing, if `f` gives `None`.
    pub fn try_downgrade_map<F, U: ?Sized>(this: Self, f: F) -> Result<RwLockReadGuard<'a, U>, Self>
    where
        F: FnOnce(&T) -> Option<&U>,
    {
        let Some(value) = f(&*this).map(NonNull::from) else {
            return Err(this);
        };
        Ok(this.downgrade().hand_on(value))
    }

    /// Ends this guard without unlocking; the permits go to the new one.
    fn hand_on<U: ?Sized>(self, value: NonNull<U>) -> RwLockMappedWriteGuard<'a, U> {
        let lock = ManuallyDrop::new(self).lock;
        RwLockMappedWriteGuard {
            permits: &lock.permits,
            max_readers: lock.max_readers,
            value,
            _value: PhantomData,
        }
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard has all permits (R1) and is borrowed.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard has all permits (R1) and is borrowed exclusively.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T: ?Sized> Drop for RwLockWriteGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.permits.release(self.lock.max_readers as usize);
    }
}

show_as_value!([] RwLockWriteGuard<'_, T>, T);

/// The right to write a part of the value of a [`RwLock`]. Dropping it unlocks.
///
/// Made by [`RwLockWriteGuard::map`].
#[clippy::has_significant_drop]
pub struct RwLockMappedWriteGuard<'a, T: ?Sized> {
    permits: &'a Permits,
    max_readers: u32,
    /// Points into the value, which stays while the lock is borrowed.
    value: NonNull<T>,
    _value: PhantomData<&'a mut T>,
}

// SAFETY: the guard is as good as the `&mut T` it gives.
unsafe impl<T: ?Sized + Send + Sync> Send for RwLockMappedWriteGuard<'_, T> {}
// SAFETY: a shared guard is as good as a `&T`.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLockMappedWriteGuard<'_, T> {}

impl<'a, T: ?Sized> RwLockMappedWriteGuard<'a, T> {
    /// Narrows the guard further; the lock stays locked for writing.
    pub fn map<F, U: ?Sized>(mut this: Self, f: F) -> RwLockMappedWriteGuard<'a, U>
    where
        F: FnOnce(&mut T) -> &mut U,
    {
        let value = NonNull::from(f(&mut *this));
        this.hand_on(value)
    }

    /// Narrows the guard further, if the part is there.
    ///
    /// # Errors
    ///
    /// Gives the guard back if `f` gives `None`.
    pub fn try_map<F, U: ?Sized>(
        mut this: Self,
        f: F,
    ) -> Result<RwLockMappedWriteGuard<'a, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        match f(&mut *this).map(NonNull::from) {
            Some(value) => Ok(this.hand_on(value)),
            None => Err(this),
        }
    }

    /// Ends this guard without unlocking; the permits go to the new one.
    fn hand_on<U: ?Sized>(self, value: NonNull<U>) -> RwLockMappedWriteGuard<'a, U> {
        let this = ManuallyDrop::new(self);
        RwLockMappedWriteGuard {
            permits: this.permits,
            max_readers: this.max_readers,
            value,
            _value: PhantomData,
        }
    }
}

impl<T: ?Sized> Deref for RwLockMappedWriteGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the pointer comes from a `&mut` into the value of a lock that is borrowed for
        // longer than the guard lives, and the guard has all permits (R1).
        unsafe { self.value.as_ref() }
    }
}

impl<T: ?Sized> DerefMut for RwLockMappedWriteGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as for `deref`, and the guard is borrowed exclusively.
        unsafe { self.value.as_mut() }
    }
}

impl<T: ?Sized> Drop for RwLockMappedWriteGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.permits.release(self.max_readers as usize);
    }
}

show_as_value!([] RwLockMappedWriteGuard<'_, T>, T);
