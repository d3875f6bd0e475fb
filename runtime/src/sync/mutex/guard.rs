//! The rights to a locked value that borrow their mutex.

use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use super::Mutex;
use crate::sync::permits::Permits;

/// The right to the value of a locked [`Mutex`]. Dropping it unlocks.
///
/// It may be held across an `await`, and sent to another thread if the value may.
#[clippy::has_significant_drop]
#[must_use = "if unused the Mutex will immediately unlock"]
pub struct MutexGuard<'a, T: ?Sized> {
    mutex: &'a Mutex<T>,
}

// SAFETY: a shared guard gives `&T` only, so `T: Sync` is what it takes; `T: Send` because the
// mutex can be reached through it.
unsafe impl<T: ?Sized + Send + Sync> Sync for MutexGuard<'_, T> {}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// The caller has the permit and hands it over (M1).
    pub(super) fn new(mutex: &'a Mutex<T>) -> Self {
        Self { mutex }
    }

    /// Narrows the guard to a part of the value; the mutex stays locked.
    ///
    /// This is an associated function so that it hides no method of the value.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::sync::{Mutex, MutexGuard};
    ///
    /// #[runtime::main]
    /// async fn main() {
    ///     let pair = Mutex::new((1, "one".to_owned()));
    ///     let mut name = MutexGuard::map(pair.lock().await, |pair| &mut pair.1);
    ///     name.push('!');
    ///     drop(name);
    ///     assert_eq!(pair.lock().await.1, "one!");
    /// }
    /// ```
    pub fn map<U, F>(mut this: Self, f: F) -> MappedMutexGuard<'a, U>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> &mut U,
    {
        let value = NonNull::from(f(&mut *this));
        MappedMutexGuard {
            permits: this.hand_on(),
            value,
            _value: PhantomData,
        }
    }

    /// Narrows the guard to a part of the value, if there is one.
    ///
    /// # Errors
    ///
    /// Gives the guard back if `f` gives `None`.
    pub fn try_map<U, F>(mut this: Self, f: F) -> Result<MappedMutexGuard<'a, U>, Self>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        let Some(value) = f(&mut *this).map(NonNull::from) else {
            return Err(this);
        };
        Ok(MappedMutexGuard {
            permits: this.hand_on(),
            value,
            _value: PhantomData,
        })
    }

    /// The mutex that this guard locks.
    pub fn mutex(this: &Self) -> &'a Mutex<T> {
        this.mutex
    }

    /// Ends the guard without unlocking; the permit goes to who gets this.
    fn hand_on(self) -> &'a Permits {
        &ManuallyDrop::new(self).mutex.permits
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard has the permit (M1) and is borrowed.
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard has the permit (M1) and is borrowed exclusively.
        unsafe { &mut *self.mutex.value.get() }
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.mutex.permits.release(1);
    }
}

show_as_value!([] MutexGuard<'_, T>, T);

/// The right to a part of the value of a locked [`Mutex`]. Dropping it unlocks.
///
/// Made by [`MutexGuard::map`].
#[clippy::has_significant_drop]
#[must_use = "if unused the Mutex will immediately unlock"]
pub struct MappedMutexGuard<'a, T: ?Sized> {
    permits: &'a Permits,
    /// Points into the value, which stays while the mutex is borrowed.
    value: NonNull<T>,
    _value: PhantomData<&'a mut T>,
}

// SAFETY: the guard is as good as the `&mut T` it gives.
unsafe impl<'a, T: ?Sized + Send + 'a> Send for MappedMutexGuard<'a, T> {}
// SAFETY: a shared guard is as good as a `&T`.
unsafe impl<'a, T: ?Sized + Sync + 'a> Sync for MappedMutexGuard<'a, T> {}

impl<'a, T: ?Sized> MappedMutexGuard<'a, T> {
    /// Narrows the guard further; the mutex stays locked.
    pub fn map<U, F>(mut this: Self, f: F) -> MappedMutexGuard<'a, U>
    where
        F: FnOnce(&mut T) -> &mut U,
    {
        let value = NonNull::from(f(&mut *this));
        MappedMutexGuard {
            permits: this.hand_on(),
            value,
            _value: PhantomData,
        }
    }

    /// Narrows the guard further, if the part is there.
    ///
    /// # Errors
    ///
    /// Gives the guard back if `f` gives `None`.
    pub fn try_map<U, F>(mut this: Self, f: F) -> Result<MappedMutexGuard<'a, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        let Some(value) = f(&mut *this).map(NonNull::from) else {
            return Err(this);
        };
        Ok(MappedMutexGuard {
            permits: this.hand_on(),
            value,
            _value: PhantomData,
        })
    }

    /// Ends the guard without unlocking; the permit goes to who gets this.
    fn hand_on(self) -> &'a Permits {
        ManuallyDrop::new(self).permits
    }
}

impl<T: ?Sized> Deref for MappedMutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the pointer comes from a `&mut T` into the value of a mutex that is borrowed for
        // longer than the guard lives, and the guard has the permit (M1).
        unsafe { self.value.as_ref() }
    }
}

impl<T: ?Sized> DerefMut for MappedMutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as for `deref`, and the guard is borrowed exclusively.
        unsafe { self.value.as_mut() }
    }
}

impl<T: ?Sized> Drop for MappedMutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.permits.release(1);
    }
}

show_as_value!([] MappedMutexGuard<'_, T>, T);
