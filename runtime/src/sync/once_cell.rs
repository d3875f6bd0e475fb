//! A value that is computed at most once, by an asynchronous function: [`OnceCell`].
//!
//! The value is in a `Slot`. One permit is the right to fill it: who fails, panics or is
//! cancelled gives it to the next, who succeeds closes the counter, which tells all who wait that
//! the value is there.

mod slot;

use std::error::Error;
use std::fmt;
use std::future::Future;

pub(crate) use self::slot::Slot;
use super::permits::{Permits, TryAcquireError};

/// A cell that is written once.
///
/// [`get_or_init`](Self::get_or_init) gives the value, and computes it first if nobody has. When
/// several tasks come at the same time, one computes and the others wait for it; should it panic or
/// be cancelled, the next one computes.
///
/// # Examples
///
/// ```
/// use runtime::sync::OnceCell;
///
/// static CONFIG: OnceCell<String> = OnceCell::const_new();
///
/// async fn config() -> &'static str {
///     CONFIG
///         .get_or_init(|| async {
///             // Here a file would be read, or a server asked.
///             "verbose".to_owned()
///         })
///         .await
/// }
///
/// #[runtime::main]
/// async fn main() {
///     assert!(!CONFIG.initialized());
///     assert_eq!(config().await, "verbose");
///     assert_eq!(CONFIG.get().unwrap(), "verbose");
/// }
/// ```
pub struct OnceCell<T> {
    slot: Slot<T>,
    /// The right to fill the slot; closed once it is filled.
    permits: Permits,
}

impl<T> OnceCell<T> {
    /// An empty cell.
    pub fn new() -> Self {
        Self {
            slot: Slot::new(),
            permits: Permits::new(1),
        }
    }

    const_unless_loom! {
        /// An empty cell, for a `static`.
        pub const fn const_new() -> Self {
            Self {
                slot: Slot::new(),
                permits: Permits::new(1),
            }
        }
    }

    /// A cell with that value, or an empty one.
    pub fn new_with(value: Option<T>) -> Self {
        match value {
            Some(value) => Self::from(value),
            None => Self::new(),
        }
    }

    const_unless_loom! {
        /// A cell with a value, for a `static`.
        ///
        /// # Examples
        ///
        /// ```
        /// use runtime::sync::OnceCell;
        ///
        /// static LEVEL: OnceCell<u32> = OnceCell::const_new_with(1);
        ///
        /// assert_eq!(LEVEL.get(), Some(&1));
        /// ```
        pub const fn const_new_with(value: T) -> Self {
            Self {
                slot: Slot::with(value),
                permits: Permits::new_closed(),
            }
        }
    }

    /// Whether there is a value.
    pub fn initialized(&self) -> bool {
        self.slot.is_set()
    }

    /// The value, if there is one.
    pub fn get(&self) -> Option<&T> {
        self.slot.get()
    }

    /// The value, if there is one, to be changed.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.slot.get_mut()
    }

    /// Stores `value`.
    ///
    /// # Errors
    ///
    /// Gives the value back if the cell has one, or if somebody computes one.
    pub fn set(&self, value: T) -> Result<(), SetError<T>> {
        if self.initialized() {
            return Err(SetError::AlreadyInitializedError(value));
        }
        match self.permits.try_acquire(1) {
            Ok(()) => {
                self.fill(value, Turn(&self.permits));
                Ok(())
            }
            Err(TryAcquireError::NoPermits) => Err(SetError::InitializingError(value)),
            Err(TryAcquireError::Closed) => Err(SetError::AlreadyInitializedError(value)),
        }
    }

    /// Gives the value; if there is none, calls `f` and stores what its future gives.
    ///
    /// If somebody else computes the value, this waits. If that one panics or is cancelled, `f` may
    /// be called after all. `f` must not use the cell: it would wait for itself.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops that of `f`; the cell stays empty, and the next computes.
    pub async fn get_or_init<F, Fut>(&self, f: F) -> &T
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = T>,
    {
        if let Some(value) = self.get() {
            return value;
        }
        match self.permits.acquire(1).await {
            Ok(()) => {
                let turn = Turn(&self.permits);
                let value = f().await;
                self.fill(value, turn)
            }
            Err(_) => self.filled_by_another(),
        }
    }

    /// Gives the value; if there is none, calls `f` and stores what its future gives, unless that
    /// is an error.
    ///
    /// If somebody else computes the value, this waits. If that one fails, panics or is cancelled,
    /// `f` may be called after all. `f` must not use the cell: it would wait for itself.
    ///
    /// # Errors
    ///
    /// That of `f`. The cell stays empty then, and the next computes.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops that of `f`; the cell stays empty, and the next computes.
    pub async fn get_or_try_init<E, F, Fut>(&self, f: F) -> Result<&T, E>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        if let Some(value) = self.get() {
            return Ok(value);
        }
        match self.permits.acquire(1).await {
            Ok(()) => {
                let turn = Turn(&self.permits);
                let value = f().await?;
                Ok(self.fill(value, turn))
            }
            Err(_) => Ok(self.filled_by_another()),
        }
    }

    /// Unwraps the value, if there is one.
    pub fn into_inner(mut self) -> Option<T> {
        self.slot.take()
    }

    /// Takes the value out, if there is one; the cell is empty afterwards and may be filled again.
    pub fn take(&mut self) -> Option<T> {
        std::mem::take(self).into_inner()
    }

    /// Fills the slot, which only the one with the permit does, and tells those who wait.
    fn fill(&self, value: T, turn: Turn<'_>) -> &T {
        if self.slot.set(value).is_err() {
            unreachable!("only one can have the right to fill the cell");
        }
        // The right is used up.
        std::mem::forget(turn);
        self.permits.close();
        self.filled_by_another()
    }

    fn filled_by_another(&self) -> &T {
        match self.get() {
            Some(value) => value,
            None => unreachable!("the cell is closed after it is filled"),
        }
    }
}

/// The right to fill the slot. Dropping it gives the right to the next.
struct Turn<'a>(&'a Permits);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.release(1);
    }
}

impl<T> Default for OnceCell<T> {
    fn default() -> OnceCell<T> {
        Self::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for OnceCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceCell")
            .field("value", &self.get())
            .finish()
    }
}

impl<T: Clone> Clone for OnceCell<T> {
    fn clone(&self) -> OnceCell<T> {
        Self::new_with(self.get().cloned())
    }
}

impl<T: PartialEq> PartialEq for OnceCell<T> {
    fn eq(&self, other: &OnceCell<T>) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for OnceCell<T> {}

impl<T> From<T> for OnceCell<T> {
    fn from(value: T) -> Self {
        Self {
            slot: Slot::with(value),
            permits: Permits::new_closed(),
        }
    }
}

/// Why [`OnceCell::set`] did not store the value, which it gives back.
#[derive(Debug, PartialEq, Eq)]
pub enum SetError<T> {
    /// The cell has a value.
    AlreadyInitializedError(T),
    /// Somebody computes a value at the moment.
    InitializingError(T),
}

impl<T> SetError<T> {
    /// Whether the cell has a value.
    pub fn is_already_init_err(&self) -> bool {
        matches!(self, Self::AlreadyInitializedError(_))
    }

    /// Whether somebody computes a value at the moment.
    pub fn is_initializing_err(&self) -> bool {
        matches!(self, Self::InitializingError(_))
    }
}

impl<T> fmt::Display for SetError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadyInitializedError(_) => "AlreadyInitializedError",
            Self::InitializingError(_) => "InitializingError",
        })
    }
}

impl<T: fmt::Debug> Error for SetError<T> {}

#[cfg(test)]
mod tests;
