//! Room in a bounded channel that somebody keeps free.

use std::fmt;
use std::mem;

use super::bounded::Sender;
use super::channel::Channel;

/// Room for one value. Made by [`Sender::reserve`] and [`Sender::try_reserve`].
///
/// Dropping it without sending leaves the room to others.
pub struct Permit<'a, T> {
    channel: &'a Channel<T>,
}

impl<'a, T> Permit<'a, T> {
    /// For room that the caller has acquired.
    pub(super) fn new(channel: &'a Channel<T>) -> Self {
        Self { channel }
    }
}

impl<T> Permit<'_, T> {
    /// Sends the value. This never waits and never fails: a channel that was closed after the permit
    /// was handed out still takes the value. If the last receiver was dropped, nobody gets it.
    pub fn send(self, value: T) {
        let channel = self.channel;
        // Forgotten first: the room is used even if the receiver's waker panics.
        mem::forget(self);
        channel.push(value);
    }
}

impl<T> Drop for Permit<'_, T> {
    fn drop(&mut self) {
        self.channel.give_back(1);
    }
}

impl<T> fmt::Debug for Permit<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}

/// Room for one value, with the sender. Made by [`Sender::reserve_owned`] and
/// [`Sender::try_reserve_owned`].
///
/// Dropping it leaves the room to others and drops the sender.
pub struct OwnedPermit<T> {
    /// `None` once the room was used or given back.
    sender: Option<Sender<T>>,
}

impl<T> OwnedPermit<T> {
    /// For room that the caller has acquired.
    pub(super) fn new(sender: Sender<T>) -> Self {
        Self {
            sender: Some(sender),
        }
    }

    /// Sends the value and gives the sender back. This never waits and never fails, as
    /// [`Permit::send`].
    pub fn send(mut self, value: T) -> Sender<T> {
        let sender = self.take();
        sender.channel().push(value);
        sender
    }

    /// Leaves the room to others and gives the sender back.
    pub fn release(mut self) -> Sender<T> {
        let sender = self.take();
        sender.channel().give_back(1);
        sender
    }

    fn take(&mut self) -> Sender<T> {
        self.sender.take().expect("only `take` leaves no sender")
    }
}

impl<T> Drop for OwnedPermit<T> {
    fn drop(&mut self) {
        if let Some(sender) = self.sender.take() {
            sender.channel().give_back(1);
        }
    }
}

impl<T> fmt::Debug for OwnedPermit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedPermit").finish_non_exhaustive()
    }
}
