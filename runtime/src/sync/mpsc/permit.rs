//! Room in a bounded channel that somebody keeps free.

use std::fmt;
use std::iter::FusedIterator;
use std::mem;

use super::bounded::{Bounded, Sender};
use super::channel::Channel;

/// Room for one value. Made by [`Sender::reserve`], [`Sender::try_reserve`] and
/// [`PermitIterator`].
///
/// Dropping it without sending leaves the room to others.
pub struct Permit<'a, T> {
    channel: &'a Channel<T, Bounded>,
}

impl<'a, T> Permit<'a, T> {
    /// For one permit that the caller has acquired.
    pub(super) fn new(channel: &'a Channel<T, Bounded>) -> Self {
        Self { channel }
    }
}

impl<T> Permit<'_, T> {
    /// Sends the value. This never waits and never fails: a receiver that was closed after the
    /// permit was handed out still gets the value, one that was dropped does not.
    pub fn send(self, value: T) {
        let channel = self.channel;
        // Forgotten first, even if the receiver's waker panics: the receiver gives the permit back
        // when it takes the value out.
        mem::forget(self);
        channel.push_with_permit(value);
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

/// Room for several values, as an iterator of [`Permit`]s. Made by [`Sender::reserve_many`] and
/// [`Sender::try_reserve_many`].
///
/// Dropping it leaves the room for the permits that were not taken out to others.
pub struct PermitIterator<'a, T> {
    channel: &'a Channel<T, Bounded>,
    left: usize,
}

impl<'a, T> PermitIterator<'a, T> {
    /// For `n` permits that the caller has acquired.
    pub(super) fn new(channel: &'a Channel<T, Bounded>, n: usize) -> Self {
        Self { channel, left: n }
    }
}

impl<'a, T> Iterator for PermitIterator<'a, T> {
    type Item = Permit<'a, T>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        Some(Permit::new(self.channel))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T> ExactSizeIterator for PermitIterator<'_, T> {}
impl<T> FusedIterator for PermitIterator<'_, T> {}

impl<T> Drop for PermitIterator<'_, T> {
    fn drop(&mut self) {
        if self.left > 0 {
            self.channel.give_back(self.left);
        }
    }
}

impl<T> fmt::Debug for PermitIterator<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PermitIterator")
            .field("capacity", &self.left)
            .finish_non_exhaustive()
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
    /// For one permit that the caller has acquired.
    pub(super) fn new(sender: Sender<T>) -> Self {
        Self {
            sender: Some(sender),
        }
    }

    /// Sends the value and gives the sender back. This never waits and never fails, as
    /// [`Permit::send`].
    pub fn send(mut self, value: T) -> Sender<T> {
        let sender = self.take();
        // The receiver gives the permit back when it takes the value out.
        sender.channel().push_with_permit(value);
        sender
    }

    /// Leaves the room to others and gives the sender back.
    pub fn release(mut self) -> Sender<T> {
        let sender = self.take();
        sender.channel().give_back(1);
        sender
    }

    /// Whether both are for the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        self.sender().same_channel(other.sender())
    }

    /// Whether the permit is for the channel that `sender` sends into.
    pub fn same_channel_as_sender(&self, sender: &Sender<T>) -> bool {
        self.sender().same_channel(sender)
    }

    fn sender(&self) -> &Sender<T> {
        self.sender.as_ref().expect("only `take` leaves no sender")
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
