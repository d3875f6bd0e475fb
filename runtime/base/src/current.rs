//! The "current X of this thread" slot.
//!
//! A socket that is awaited must find its reactor, a sleep its wheel, a spawn its scheduler, without
//! being handed any of them. Each layer declares one [`Slot`] in a `thread_local!`; the scheduler
//! fills the slots of its threads once, and [`enter`] fills them for a scope. A scope that is often
//! entered, and in which seldom anybody looks, fills them by [`enter_asking`]: with whom to ask, which
//! costs no count of a reference.

#![allow(unsafe_code)] // A guard may be looked at from other threads, as it shows them nothing.

use std::cell::RefCell;
use std::fmt;

/// Holds the current value of one thread, and is meant to be declared in a `thread_local!`.
#[derive(Debug)]
pub struct Slot<T: 'static> {
    content: RefCell<Option<Content<T>>>,
}

/// What a [`Slot`] holds.
#[derive(Debug)]
pub enum Content<T: 'static> {
    /// The current value.
    Value(T),
    /// Whoever knows the current value.
    Ask(Ask<T>),
}

/// Calls its argument with the current value, once.
pub type Ask<T> = fn(&mut dyn FnMut(Option<&T>));

impl<T: Clone + 'static> Slot<T> {
    /// An empty slot.
    pub const fn new() -> Self {
        Self {
            content: RefCell::new(None),
        }
    }

    /// Calls `f` with the current value. `f` must not fill the slot.
    #[inline]
    pub fn with<R>(&self, f: impl FnOnce(Option<&T>) -> R) -> R {
        let ask = match &*self.content.borrow() {
            Some(Content::Value(value)) => return f(Some(value)),
            Some(Content::Ask(ask)) => *ask,
            None => return f(None),
        };
        let (mut f, mut result) = (Some(f), None);
        ask(&mut |value| result = f.take().map(|f| f(value)));
        result.expect("who is asked answers once")
    }

    /// A clone of the current value.
    pub fn get(&self) -> Option<T> {
        self.with(|value| value.cloned())
    }

    /// Puts `content` in and returns what was there, for [`restore`](Self::restore).
    pub fn replace(&self, content: Option<Content<T>>) -> Option<Content<T>> {
        self.content.replace(content)
    }

    /// Puts back what [`replace`](Self::replace) returned. What leaves is dropped after the slot is
    /// usable again: its drop may look at the slot.
    pub fn restore(&self, previous: Option<Content<T>>) {
        drop(self.content.replace(previous));
    }
}

impl<T: Clone + 'static> Default for Slot<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// Restores a thread's [`Slot`] when dropped. Made by [`enter`].
///
/// Guards of one slot must be dropped in the reverse order of their making; it cannot be sent to
/// another thread.
#[must_use = "the value is current only while the guard lives"]
pub struct EnterGuard<T: Clone + 'static> {
    key: &'static std::thread::LocalKey<Slot<T>>,
    previous: Option<Content<T>>,
    // A guard belongs to the thread whose slot it restores.
    _not_send: std::marker::PhantomData<*mut ()>,
}

// SAFETY: a shared guard gives access to nothing inside. Only its drop does, and it cannot be sent.
unsafe impl<T: Clone + 'static> Sync for EnterGuard<T> {}

impl<T: Clone + 'static> fmt::Debug for EnterGuard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnterGuard").finish_non_exhaustive()
    }
}

/// Makes `value` the current one of `key` on this thread until the guard is dropped.
pub fn enter<T: Clone + 'static>(
    key: &'static std::thread::LocalKey<Slot<T>>,
    value: T,
) -> EnterGuard<T> {
    fill(key, Content::Value(value))
}

/// Makes `ask` the one who knows the current value of `key` on this thread, until the guard is dropped.
pub fn enter_asking<T: Clone + 'static>(
    key: &'static std::thread::LocalKey<Slot<T>>,
    ask: Ask<T>,
) -> EnterGuard<T> {
    fill(key, Content::Ask(ask))
}

fn fill<T: Clone + 'static>(
    key: &'static std::thread::LocalKey<Slot<T>>,
    content: Content<T>,
) -> EnterGuard<T> {
    // A thread that is ending has no slots any more, and nothing becomes current there.
    let previous = key.try_with(|slot| slot.replace(Some(content)));
    EnterGuard {
        key,
        previous: previous.ok().flatten(),
        _not_send: std::marker::PhantomData,
    }
}

impl<T: Clone + 'static> Drop for EnterGuard<T> {
    fn drop(&mut self) {
        let previous = self.previous.take();
        // The thread may be ending and its slots be gone; then there is nothing to restore.
        let _ = self.key.try_with(|slot| slot.restore(previous));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    thread_local! {
        static CURRENT: Slot<u32> = const { Slot::new() };
    }

    #[test]
    fn guards_restore_what_was_current_before_them() {
        let outer = enter(&CURRENT, 1);
        {
            let _inner = enter(&CURRENT, 2);
            assert_eq!(CURRENT.with(Slot::get), Some(2));
        }
        assert_eq!(CURRENT.with(Slot::get), Some(1));
        {
            let _asking = enter_asking(&CURRENT, |answer| answer(Some(&3)));
            assert_eq!(CURRENT.with(Slot::get), Some(3));
            let _nobody = enter_asking(&CURRENT, |answer| answer(None));
            assert_eq!(CURRENT.with(Slot::get), None);
        }
        assert_eq!(CURRENT.with(Slot::get), Some(1));
        drop(outer);
        assert_eq!(CURRENT.with(Slot::get), None);
    }
}
