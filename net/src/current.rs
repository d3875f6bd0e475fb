//! The reactor of this thread.

use std::sync::Arc;

use runtime_base::current::{self, Ask, EnterGuard, Slot};
use runtime_base::misuse;

use crate::reactor::ReactorHandle;

/// What a socket that is made or polled on this thread finds.
#[derive(Debug, Clone)]
pub enum CurrentReactor {
    /// A runtime with I/O.
    Enabled(Arc<ReactorHandle>),
    /// A runtime whose builder did not enable I/O.
    Disabled,
}

thread_local! {
    static CURRENT: Slot<CurrentReactor> = const { Slot::new() };
}

/// Makes `current` the reactor of this thread until the guard is dropped.
pub fn enter(current: CurrentReactor) -> EnterGuard<CurrentReactor> {
    current::enter(&CURRENT, current)
}

/// Makes `ask` the one who knows the reactor of this thread until the guard is dropped.
pub fn enter_asking(ask: Ask<CurrentReactor>) -> EnterGuard<CurrentReactor> {
    current::enter_asking(&CURRENT, ask)
}

/// The reactor that a socket made now belongs to.
///
/// # Panics
///
/// Outside of a runtime, and within one that has no I/O.
#[track_caller]
pub fn home() -> Arc<ReactorHandle> {
    match here() {
        Some(CurrentReactor::Enabled(reactor)) => reactor,
        Some(CurrentReactor::Disabled) => panic!("{}", misuse::NO_IO),
        None => panic!("{}; {}", misuse::NO_RUNTIME, misuse::ENTER_RUNTIME),
    }
}

/// The same, or `None` where that panics.
pub fn try_home() -> Option<Arc<ReactorHandle>> {
    match here() {
        Some(CurrentReactor::Enabled(reactor)) => Some(reactor),
        Some(CurrentReactor::Disabled) | None => None,
    }
}

/// As [`home`], or `other` where that panics.
pub(crate) fn home_or(other: &Arc<ReactorHandle>) -> Arc<ReactorHandle> {
    try_home().unwrap_or_else(|| other.clone())
}

fn here() -> Option<CurrentReactor> {
    // A thread that is ending is in no runtime.
    CURRENT.try_with(Slot::get).ok().flatten()
}

/// The reactor of this thread if it belongs to the same runtime as `home`, else `home`.
///
/// A task that moved to another worker takes the sockets along that are not registered yet.
pub(crate) fn nearest(home: &Arc<ReactorHandle>) -> Arc<ReactorHandle> {
    let here = CURRENT.try_with(|slot| {
        slot.with(|current| match current {
            Some(CurrentReactor::Enabled(reactor)) if reactor.group() == home.group() => {
                Some(reactor.clone())
            }
            _ => None,
        })
    });
    // A thread that is ending has no reactor.
    here.ok().flatten().unwrap_or_else(|| home.clone())
}
