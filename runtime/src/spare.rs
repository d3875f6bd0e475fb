//! An `Rc` whose allocation is used again.
//!
//! What a thread makes and drops with each `block_on` would otherwise be most of its cost.

use std::cell::Cell;
use std::ops::Deref;
use std::rc::Rc;
use std::thread::LocalKey;

/// Keeps one empty `Rc`; to be declared in a `thread_local!`.
pub(crate) struct Spare<T>(Cell<Option<Rc<Option<T>>>>);

/// A shared value, of which the last owner leaves the allocation to a [`Spare`].
pub(crate) struct Recycled<T: 'static> {
    /// `None` only while it is dropped.
    shared: Option<Rc<Option<T>>>,
    spare: &'static LocalKey<Spare<T>>,
}

impl<T> Spare<T> {
    pub(crate) const fn new() -> Self {
        Self(Cell::new(None))
    }
}

impl<T: 'static> Recycled<T> {
    /// Shares `value`, in the empty `Rc` of `spare` if it has one.
    pub(crate) fn new(spare: &'static LocalKey<Spare<T>>, value: T) -> Self {
        // A thread that is ending keeps nothing.
        let kept = spare.try_with(|spare| spare.0.take()).ok().flatten();
        let mut shared = kept.unwrap_or_default();
        match Rc::get_mut(&mut shared) {
            Some(content) => *content = Some(value),
            None => unreachable!("what is kept is shared with nobody"),
        }
        Self {
            shared: Some(shared),
            spare,
        }
    }
}

impl<T> Clone for Recycled<T> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
            spare: self.spare,
        }
    }
}

impl<T> Drop for Recycled<T> {
    fn drop(&mut self) {
        if let Some(mut shared) = self.shared.take()
            && let Some(content) = Rc::get_mut(&mut shared)
        {
            let value = content.take();
            let _ = self.spare.try_with(|spare| spare.0.set(Some(shared)));
            // Last, because this may be anything.
            drop(value);
        }
    }
}

impl<T> Deref for Recycled<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        match self.shared.as_deref() {
            Some(Some(value)) => value,
            _ => unreachable!("it is emptied by its last owner"),
        }
    }
}

#[cfg(all(test, not(rt_loom)))]
mod tests {
    use super::*;

    thread_local! {
        static SPARE: Spare<String> = const { Spare::new() };
    }

    #[test]
    fn an_allocation_is_used_again_once_nobody_shares_it() {
        let address = |value: &Recycled<String>| value.shared.as_ref().map(Rc::as_ptr);
        let first = Recycled::new(&SPARE, "first".to_owned());
        let other = first.clone();
        let used = address(&first);
        drop(first);
        assert_eq!(*other, "first");
        let second = Recycled::new(&SPARE, "second".to_owned());
        assert_ne!(address(&second), used);
        drop(other);
        let third = Recycled::new(&SPARE, "third".to_owned());
        assert_eq!(address(&third), used);
        assert_eq!((&**second, &**third), ("second", "third"));
    }
}
