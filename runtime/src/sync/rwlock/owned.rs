//! The rights to read and write that keep their lock alive.

use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::Arc;

use super::RwLock;

/// One permit of a lock, as a value that moves from guard to guard.
struct Reading<T: ?Sized>(Arc<RwLock<T>>);

/// All permits of a lock, as a value that moves from guard to guard.
struct Writing<T: ?Sized>(Arc<RwLock<T>>);

impl<T: ?Sized> Writing<T> {
    /// Gives back all permits but one.
    fn downgrade(self) -> Reading<T> {
        let this = ManuallyDrop::new(self);
        // SAFETY: the `Arc` is read out once, of a value that is not dropped.
        let reading = Reading(unsafe { std::ptr::read(&this.0) });
        // The new right exists by now: should a waker panic, it gives its permit back.
        let lock = &reading.0;
        lock.permits.release(lock.max_readers as usize - 1);
        reading
    }
}

impl<T: ?Sized> Drop for Reading<T> {
    #[inline]
    fn drop(&mut self) {
        self.0.permits.release(1);
    }
}

impl<T: ?Sized> Drop for Writing<T> {
    #[inline]
    fn drop(&mut self) {
        self.0.permits.release(self.0.max_readers as usize);
    }
}

/// The right to read the value of a [`RwLock`], or a part of it, without a lifetime. Dropping it
/// unlocks.
///
/// Made by [`RwLock::read_owned`].
#[clippy::has_significant_drop]
pub struct OwnedRwLockReadGuard<T: ?Sized, U: ?Sized = T> {
    /// Points into the value of the lock, which stays while `locked` has it.
    value: NonNull<U>,
    locked: Reading<T>,
}

// SAFETY: the guard is as good as the `&U` it gives, and drops the lock with its `T`.
unsafe impl<T: ?Sized + Send + Sync, U: ?Sized + Sync> Send for OwnedRwLockReadGuard<T, U> {}
// SAFETY: a shared guard is as good as a `&U`; the bound on `U: Send` is Tokio's.
unsafe impl<T: ?Sized + Send + Sync, U: ?Sized + Send + Sync> Sync for OwnedRwLockReadGuard<T, U> {}

impl<T: ?Sized> OwnedRwLockReadGuard<T> {
    /// The caller has a permit and hands it over (R1).
    pub(super) fn new(lock: Arc<RwLock<T>>) -> Self {
        // SAFETY: the permit in hand excludes writers (R1).
        let value = NonNull::from(unsafe { &*lock.value.get() });
        Self {
            value,
            locked: Reading(lock),
        }
    }
}

impl<T: ?Sized, U: ?Sized> OwnedRwLockReadGuard<T, U> {
    /// Narrows the guard to a part of the value; the lock stays locked.
    ///
    /// This is an associated function so that it hides no method of the value.
    pub fn map<F, V: ?Sized>(this: Self, f: F) -> OwnedRwLockReadGuard<T, V>
    where
        F: FnOnce(&U) -> &V,
    {
        let value = NonNull::from(f(&*this));
        this.hand_on(value)
    }

    /// Narrows the guard to a part of the value, if there is one.
    ///
    /// # Errors
    ///
    /// Gives the guard back if `f` gives `None`.
    pub fn try_map<F, V: ?Sized>(this: Self, f: F) -> Result<OwnedRwLockReadGuard<T, V>, Self>
    where
        F: FnOnce(&U) -> Option<&V>,
    {
        match f(&*this).map(NonNull::from) {
            Some(value) => Ok(this.hand_on(value)),
            None => Err(this),
        }
    }

    /// The lock that this guard holds.
    pub fn rwlock(this: &Self) -> &Arc<RwLock<T>> {
        &this.locked.0
    }

    fn hand_on<V: ?Sized>(self, value: NonNull<V>) -> OwnedRwLockReadGuard<T, V> {
        OwnedRwLockReadGuard {
            value,
            locked: self.locked,
        }
    }
}

impl<T: ?Sized, U: ?Sized> Deref for OwnedRwLockReadGuard<T, U> {
    type Target = U;

    #[inline]
    fn deref(&self) -> &U {
        // SAFETY: the pointer comes from a reference into the value of the lock, which the `Arc`
        // keeps in place, and the guard has a permit, so nobody writes (R1).
        unsafe { self.value.as_ref() }
    }
}

show_as_value!([T: ?Sized,] OwnedRwLockReadGuard<T, U>, U);

/// The right to write the value of a [`RwLock`], without a lifetime. Dropping it unlocks.
///
/// Made by [`RwLock::write_owned`].
#[clippy::has_significant_drop]
pub struct OwnedRwLockWriteGuard<T: ?Sized> {
    /// Sent and shared exactly where the value may be, both ways.
    locked: Writing<T>,
}

impl<T: ?Sized> OwnedRwLockWriteGuard<T> {
    /// The caller has all permits and hands them over (R1).
    pub(super) fn new(lock: Arc<RwLock<T>>) -> Self {
        Self {
            locked: Writing(lock),
        }
    }

    /// Narrows the guard to a part of the value; the lock stays locked for writing.
    ///
    /// This is an associated function so that it hides no method of the value.
    pub fn map<F, U: ?Sized>(mut this: Self, f: F) -> OwnedRwLockMappedWriteGuard<T, U>
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
    ) -> Result<OwnedRwLockMappedWriteGuard<T, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        match f(&mut *this).map(NonNull::from) {
            Some(value) => Ok(this.hand_on(value)),
            None => Err(this),
        }
    }

    /// Makes it the guard of a part, namely the whole: for code that takes only mapped guards.
    pub fn into_mapped(this: Self) -> OwnedRwLockMappedWriteGuard<T> {
        Self::map(this, |value| value)
    }

    /// Becomes a reader without letting anybody write in between. Readers that wait next in the
    /// queue get the lock too.
    pub fn downgrade(self) -> OwnedRwLockReadGuard<T> {
        Self::downgrade_map(self, |value| value)
    }

    /// Becomes a reader of a part of the value without letting anybody write in between.
    pub fn downgrade_map<F, U: ?Sized>(this: Self, f: F) -> OwnedRwLockReadGuard<T, U>
    where
        F: FnOnce(&T) -> &U,
    {
        let value = NonNull::from(f(&*this));
        this.hand_on_for_reading(value)
    }

    /// Becomes a reader of a part of the value, if there is one, without letting anybody write in
    /// between.
    ///
    /// # Errors
    ///
    /// Gives the guard back, still for writing, if `f` gives `None`.
    pub fn try_downgrade_map<F, U: ?Sized>(
        this: Self,
        f: F,
    ) -> Result<OwnedRwLockReadGuard<T, U>, Self>
    where
        F: FnOnce(&T) -> Option<&U>,
    {
        match f(&*this).map(NonNull::from) {
            Some(value) => Ok(this.hand_on_for_reading(value)),
            None => Err(this),
        }
    }

    /// The lock that this guard holds.
    pub fn rwlock(this: &Self) -> &Arc<RwLock<T>> {
        &this.locked.0
    }

    fn hand_on<U: ?Sized>(self, value: NonNull<U>) -> OwnedRwLockMappedWriteGuard<T, U> {
        OwnedRwLockMappedWriteGuard {
            value,
            locked: self.locked,
            _value: PhantomData,
        }
    }

    fn hand_on_for_reading<U: ?Sized>(self, value: NonNull<U>) -> OwnedRwLockReadGuard<T, U> {
        OwnedRwLockReadGuard {
            value,
            locked: self.locked.downgrade(),
        }
    }
}

impl<T: ?Sized> Deref for OwnedRwLockWriteGuard<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard has all permits (R1) and is borrowed.
        unsafe { &*self.locked.0.value.get() }
    }
}

impl<T: ?Sized> DerefMut for OwnedRwLockWriteGuard<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard has all permits (R1) and is borrowed exclusively.
        unsafe { &mut *self.locked.0.value.get() }
    }
}

show_as_value!([] OwnedRwLockWriteGuard<T>, T);

/// The right to write a part of the value of a [`RwLock`], without a lifetime. Dropping it unlocks.
///
/// Made by [`OwnedRwLockWriteGuard::map`].
#[clippy::has_significant_drop]
pub struct OwnedRwLockMappedWriteGuard<T: ?Sized, U: ?Sized = T> {
    /// Points into the value of the lock, which stays while `locked` has it.
    value: NonNull<U>,
    locked: Writing<T>,
    _value: PhantomData<*mut U>,
}

// SAFETY: the guard is as good as the `&mut U` it gives, and drops the lock with its `T`.
unsafe impl<T: ?Sized + Send + Sync, U: ?Sized + Send + Sync> Send
    for OwnedRwLockMappedWriteGuard<T, U>
{
}
// SAFETY: a shared guard is as good as a `&U`.
unsafe impl<T: ?Sized + Send + Sync, U: ?Sized + Send + Sync> Sync
    for OwnedRwLockMappedWriteGuard<T, U>
{
}

impl<T: ?Sized, U: ?Sized> OwnedRwLockMappedWriteGuard<T, U> {
    /// Narrows the guard further; the lock stays locked for writing.
    pub fn map<F, V: ?Sized>(mut this: Self, f: F) -> OwnedRwLockMappedWriteGuard<T, V>
    where
        F: FnOnce(&mut U) -> &mut V,
    {
        let value = NonNull::from(f(&mut *this));
        this.hand_on(value)
    }

    /// Narrows the guard further, if the part is there.
    ///
    /// # Errors
    ///
    /// Gives the guard back if `f` gives `None`.
    pub fn try_map<F, V: ?Sized>(
        mut this: Self,
        f: F,
    ) -> Result<OwnedRwLockMappedWriteGuard<T, V>, Self>
    where
        F: FnOnce(&mut U) -> Option<&mut V>,
    {
        match f(&mut *this).map(NonNull::from) {
            Some(value) => Ok(this.hand_on(value)),
            None => Err(this),
        }
    }

    /// The lock that this guard holds.
    pub fn rwlock(this: &Self) -> &Arc<RwLock<T>> {
        &this.locked.0
    }

    fn hand_on<V: ?Sized>(self, value: NonNull<V>) -> OwnedRwLockMappedWriteGuard<T, V> {
        OwnedRwLockMappedWriteGuard {
            value,
            locked: self.locked,
            _value: PhantomData,
        }
    }
}

impl<T: ?Sized, U: ?Sized> Deref for OwnedRwLockMappedWriteGuard<T, U> {
    type Target = U;

    #[inline]
    fn deref(&self) -> &U {
        // SAFETY: the pointer comes from a `&mut` into the value of the lock, which the `Arc` keeps
        // in place, and the guard has all permits (R1).
        unsafe { self.value.as_ref() }
    }
}

impl<T: ?Sized, U: ?Sized> DerefMut for OwnedRwLockMappedWriteGuard<T, U> {
    #[inline]
    fn deref_mut(&mut self) -> &mut U {
        // SAFETY: as for `deref`, and the guard is borrowed exclusively.
        unsafe { self.value.as_mut() }
    }
}

show_as_value!([T: ?Sized,] OwnedRwLockMappedWriteGuard<T, U>, U);
