//! A value that one task sets and others wait for: [`SetOnce`].

use std::error::Error;
use std::fmt;

use runtime_base::sync::Mutex;

use super::notify::Notify;
use super::once_cell::Slot;

/// A cell that is set once, and whose value can be awaited.
///
/// [`set`](Self::set) stores the value and wakes all who [`wait`](Self::wait). Where the waiting
/// task itself should be able to compute the value, use [`OnceCell`](crate::sync::OnceCell).
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use runtime::sync::SetOnce;
///
/// #[runtime::main]
/// async fn main() {
///     let address = Arc::new(SetOnce::new());
///     let client = runtime::spawn({
///         let address = address.clone();
///         async move { format!("calling {}", address.wait().await) }
///     });
///     address.set("10.0.0.1").unwrap();
///     assert_eq!(client.await.unwrap(), "calling 10.0.0.1");
///     assert!(address.set("10.0.0.2").is_err());
/// }
/// ```
pub struct SetOnce<T> {
    slot: Slot<T>,
    /// Held while the slot is filled: who comes second waits for the value of the first.
    setting: Mutex<()>,
    /// Tells those who wait that the slot is filled.
    filled: Notify,
}

impl<T> SetOnce<T> {
    /// An empty cell.
    pub fn new() -> Self {
        Self {
            slot: Slot::new(),
            setting: Mutex::new(()),
            filled: Notify::new(),
        }
    }

    const_unless_loom! {
        /// An empty cell, for a `static`.
        pub const fn const_new() -> Self {
            Self {
                slot: Slot::new(),
                setting: Mutex::new(()),
                filled: Notify::const_new(),
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
        /// use runtime::sync::SetOnce;
        ///
        /// static LEVEL: SetOnce<u32> = SetOnce::const_new_with(1);
        ///
        /// assert_eq!(LEVEL.get(), Some(&1));
        /// ```
        pub const fn const_new_with(value: T) -> Self {
            Self {
                slot: Slot::with(value),
                setting: Mutex::new(()),
                filled: Notify::const_new(),
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

    /// Stores `value` and wakes all who wait for it.
    ///
    /// # Errors
    ///
    /// Gives the value back if the cell has one.
    pub fn set(&self, value: T) -> Result<(), SetOnceError<T>> {
        {
            let _setting = self.setting.lock();
            self.slot.set(value).map_err(SetOnceError)?;
        }
        self.filled.notify_waiters();
        Ok(())
    }

    /// Unwraps the value, if there is one.
    pub fn into_inner(mut self) -> Option<T> {
        self.slot.take()
    }

    /// Waits until there is a value.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn wait(&self) -> &T {
        loop {
            if let Some(value) = self.get() {
                return value;
            }
            // Made before the second look: a `set` that the look misses completes it.
            let filled = self.filled.notified();
            if let Some(value) = self.get() {
                return value;
            }
            filled.await;
        }
    }
}

impl<T> Default for SetOnce<T> {
    fn default() -> SetOnce<T> {
        Self::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for SetOnce<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetOnce")
            .field("value", &self.get())
            .finish()
    }
}

impl<T: Clone> Clone for SetOnce<T> {
    fn clone(&self) -> SetOnce<T> {
        Self::new_with(self.get().cloned())
    }
}

impl<T: PartialEq> PartialEq for SetOnce<T> {
    fn eq(&self, other: &SetOnce<T>) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for SetOnce<T> {}

impl<T> From<T> for SetOnce<T> {
    fn from(value: T) -> Self {
        Self {
            slot: Slot::with(value),
            setting: Mutex::new(()),
            filled: Notify::new(),
        }
    }
}

/// The cell had a value; the one that came too late is in here.
///
/// Made by [`SetOnce::set`].
#[derive(Debug, PartialEq, Eq)]
pub struct SetOnceError<T>(pub T);

impl<T> fmt::Display for SetOnceError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SetOnceError")
    }
}

impl<T: fmt::Debug> Error for SetOnceError<T> {}

#[cfg(test)]
mod tests;
