//! The rights to a locked value that keep their mutex alive.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::Arc;

use super::Mutex;

/// The right to the value of a locked [`Mutex`], without a lifetime. Dropping it unlocks.
///
/// Made by [`Mutex::lock_owned`].
#[clippy::has_significant_drop]
pub struct OwnedMutexGuard<T: ?Sized> {
    locked: Locked<T>,
}

/// The permit of the mutex, as a value that moves from guard to guard.
struct Locked<T: ?Sized>(Arc<Mutex<T>>);

impl<T: ?Sized> Drop for Locked<T> {
    #[inline]
    fn drop(&mut self) {
        self.0.permits.release(1);
    }
}

// SAFETY: a shared guard gives `&T` only, so `T: Sync` is what it takes; `T: Send` because the
// mutex can be reached through it.
unsafe impl<T: ?Sized + Send + Sync> Sync for OwnedMutexGuard<T> {}

impl<T: ?Sized> OwnedMutexGuard<T> {
    /// The caller has the permit and hands it over (M1).
    pub(super) fn new(mutex: Arc<Mutex<T>>) -> Self {
        Self {
            locked: Locked(mutex),
        }
    }

    /// Narrows the guard to a part of the value; the mutex stays locked.
    ///
    /// This is an associated function so that it hides no method of the value.
    pub fn map<U, F>(mut this: Self, f: F) -> OwnedMappedMutexGuard<T, U>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> &mut U,
    {
        let value = NonNull::from(f(&mut *this));
        OwnedMappedMutexGuard {
            value,
            locked: this.locked,
            _value: PhantomData,
        }
    }

    /// Narrows the guard to a part of the value, if there is one.
    ///
    /// # Errors
    ///
    /// Gives the guard back if `f` gives `None`.
    pub fn try_map<U, F>(mut this: Self, f: F) -> Result<OwnedMappedMutexGuard<T, U>, Self>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        let Some(value) = f(&mut *this).map(NonNull::from) else {
            return Err(this);
        };
        Ok(OwnedMappedMutexGuard {
            value,
            locked: this.locked,
            _value: PhantomData,
        })
    }

    /// The mutex that this guard locks.
    pub fn mutex(this: &Self) -> &Arc<Mutex<T>> {
        &this.locked.0
    }
}

impl<T: ?Sized> Deref for OwnedMutexGuard<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard has the permit (M1) and is borrowed.
        unsafe { &*self.locked.0.value.get() }
    }
}

impl<T: ?Sized> DerefMut for OwnedMutexGuard<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard has the permit (M1) and is borrowed exclusively.
        unsafe { &mut *self.locked.0.value.get() }
    }
}

show_as_value!([] OwnedMutexGuard<T>, T);

/// The right to a part of the value of a locked [`Mutex`], without a lifetime. Dropping it unlocks.
///
/// Made by [`OwnedMutexGuard::map`].
#[clippy::has_significant_drop]
#[must_use = "if unused the Mutex will immediately unlock"]
pub struct OwnedMappedMutexGuard<T: ?Sized, U: ?Sized = T> {
    /// Points into the value of the mutex, which stays while `locked` has it.
    value: NonNull<U>,
    locked: Locked<T>,
    _value: PhantomData<*mut U>,
}

// SAFETY: the guard is as good as the `&mut U` it gives, and drops the mutex with its `T`.
unsafe impl<T: ?Sized + Send, U: ?Sized + Send> Send for OwnedMappedMutexGuard<T, U> {}
// SAFETY: a shared guard is as good as a `&U`.
unsafe impl<T: ?Sized + Send + Sync, U: ?Sized + Send + Sync> Sync for OwnedMappedMutexGuard<T, U> {}

impl<T: ?Sized, U: ?Sized> OwnedMappedMutexGuard<T, U> {
    /// Narrows the guard further; the mutex stays locked.
    pub fn map<S, F>(mut this: Self, f: F) -> OwnedMappedMutexGuard<T, S>
    where
        F: FnOnce(&mut U) -> &mut S,
    {
        let value = NonNull::from(f(&mut *this));
        OwnedMappedMutexGuard {
            value,
            locked: this.locked,
            _value: PhantomData,
        }
    }

    /// Narrows the guard further, if the part is there.
    ///
    /// # Errors
    ///
    /// Gives the guard back if `f` gives `None`.
    pub fn try_map<S, F>(mut this: Self, f: F) -> Result<OwnedMappedMutexGuard<T, S>, Self>
    where
        F: FnOnce(&mut U) -> Option<&mut S>,
    {
        let Some(value) = f(&mut *this).map(NonNull::from) else {
            return Err(this);
        };
        Ok(OwnedMappedMutexGuard {
            value,
            locked: this.locked,
            _value: PhantomData,
        })
    }
}

impl<T: ?Sized, U: ?Sized> Deref for OwnedMappedMutexGuard<T, U> {
    type Target = U;

    #[inline]
    fn deref(&self) -> &U {
        // SAFETY: the pointer comes from a `&mut U` into the value of the mutex, which the `Arc`
        // keeps in place, and the guard has the permit (M1).
        unsafe { self.value.as_ref() }
    }
}

impl<T: ?Sized, U: ?Sized> DerefMut for OwnedMappedMutexGuard<T, U> {
    #[inline]
    fn deref_mut(&mut self) -> &mut U {
        // SAFETY: as for `deref`, and the guard is borrowed exclusively.
        unsafe { self.value.as_mut() }
    }
}

show_as_value!([T: ?Sized,] OwnedMappedMutexGuard<T, U>, U);
