//! The one loop: try, would block, wait.
//!
//! Every socket type wraps a [`Source`] and gives it closures that make one system call. The source
//! tries them, and waits when they would block:
//!
//! ```text
//!              ┌───── nothing is known (not registered, or no event yet): try ──────┐
//!              │                                                                    ▼
//!  operation ──┴─► the word: is the state set? ──── yes ──► system call ──► done, or would block
//!                    ▲   │ no: store the waker, sleep                     │ clear the state, or
//!                    └───┴──────── event ◄── reactor ◄────────────────────┘ register
//! ```
//!
//! A source registers at its first "would block", or when somebody awaits its readiness, with the
//! reactor of the thread that polls it. A connection that is served without ever waiting makes no
//! `epoll_ctl` call at all.
//!
//! # A new kind of source
//!
//! Wrap a `Source<E>` where `E` is mio's type, or anything with a descriptor on Unix. Give
//! [`Source::poll_io`] (one waker per direction), [`Source::perform`] (async, any number of tasks)
//! and [`Source::try_io`] closures that make one system call. What carries a stream of bytes through
//! a socket implements [`Socket`] by adding itself to the list in `source/stream`, and gets the
//! operations there; what carries datagrams implements [`Addressed`] too, and gets those of
//! `source/datagram`. `impl_waits` gives the public type the methods to wait for readiness.
//!
//! # Invariants
//!
//! - **S1** A source is registered at most once, for readable and writable together (or the interest
//!   it was made with), and deregistered before its descriptor is closed or given away.
//! - **S2** Registering reports what is ready already. So an operation that would block *before* the
//!   registration may wait for an event *after* it: nothing falls in between.
//! - **S3** Where events are edges (epoll, kqueue), a read that did not fill its buffer took all
//!   there was, and more bytes make a new edge: the state is cleared without another system call.
//!   `source/unix_stream` knows an exception. Another is TCP's urgent byte, before which a read
//!   ends: a TCP stream is watched for it, and is read until it would block from then on. Pipes, which
//!   may carry packets, always are.
//!
//! Where to read next: `source/stream` for the operations of byte streams, `reactor` for where the
//! events come from.

mod datagram;
pub(crate) mod memory;
mod open;
mod stream;
#[cfg_attr(unix, path = "source/unix.rs")]
#[cfg_attr(windows, path = "source/windows.rs")]
mod system;
#[cfg(unix)]
mod unix_stream;
mod waits;

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use parking_lot::Mutex;
use runtime_base::arena::Key;
use runtime_base::coop;
use runtime_base::shutdown::{poll_error, shutdown_error};

pub(crate) use self::datagram::Addressed;
pub(crate) use self::open::open_socket;
pub(crate) use self::stream::Socket;
pub(crate) use self::system::{
    Registrable, deny_blocking, impl_as_system_socket, impl_owned_system_socket,
};
pub(crate) use self::waits::impl_waits;
use crate::current;
use crate::interest::Interest;
use crate::reactor::ReactorHandle;
use crate::readiness::{Direction, Readiness, Seen};
use crate::ready::Ready;

/// Whether a short read or write says that there is no more for now (S3).
pub(crate) const SHORT_MEANS_DRAINED: bool = cfg!(any(
    target_os = "android",
    target_os = "dragonfly",
    target_os = "freebsd",
    target_os = "illumos",
    target_os = "ios",
    target_os = "linux",
    target_os = "macos",
    target_os = "netbsd",
    target_os = "openbsd",
));

/// What a system call that did not block achieved.
pub(crate) enum Done<R> {
    /// The next one may succeed at once.
    More(R),
    /// The next one would block (S3).
    Drained(R),
}

impl Done<usize> {
    /// `n` of `asked` bytes were transferred.
    #[inline]
    pub(crate) fn bytes(n: usize, asked: usize) -> Self {
        if SHORT_MEANS_DRAINED && 0 < n && n < asked {
            Self::Drained(n)
        } else {
            Self::More(n)
        }
    }
}

/// A descriptor that a reactor can watch.
pub(crate) struct Source<E: Registrable> {
    /// `None` only while the source is taken apart.
    io: Option<E>,
    interest: Interest,
    outlook: Outlook,
    /// What of the outlook was found to be wrong.
    refuted: AtomicUsize,
    /// The reactor that was current when the source was made.
    home: Arc<ReactorHandle>,
    registration: OnceLock<Registration>,
    /// Held by the one who registers (S1).
    registering: Mutex<()>,
}

/// What is assumed of a source before its first event.
#[derive(Clone, Copy)]
pub(crate) enum Outlook {
    /// Nothing. Operations are tried at once, readiness is waited for.
    Open,
    /// That it is ready for this: who asks for its readiness need not wait for the event.
    Ready(Ready),
    /// That an operation would give a wrong answer: a pipe with a name looks like one at its end until
    /// it has had a writer. Nothing is tried.
    #[cfg_attr(
        not(unix),
        expect(dead_code, reason = "pipes with names are a thing of Unix here")
    )]
    Misleading,
}

/// A source's place with a reactor.
struct Registration {
    reactor: Arc<ReactorHandle>,
    key: Key,
    readiness: Arc<Readiness>,
}

impl<E: Registrable> Source<E> {
    /// A source that belongs to the reactor of this thread.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, and within one that has no I/O.
    #[track_caller]
    pub(crate) fn new(io: E) -> io::Result<Self> {
        Self::with_home(io, current::home())
    }

    /// A source that belongs to the runtime of `home`. The descriptor does not block.
    pub(crate) fn with_home(io: E, home: Arc<ReactorHandle>) -> io::Result<Self> {
        Self::with_interest(io, home, Interest::READABLE | Interest::WRITABLE)
    }

    /// A source that is watched for `interest` only.
    pub(crate) fn with_interest(
        io: E,
        home: Arc<ReactorHandle>,
        interest: Interest,
    ) -> io::Result<Self> {
        if home.is_shut_down() {
            return Err(shutdown_error());
        }
        let mut source = Self::of_descriptor(io, home, interest);
        system::made(&mut source)?;
        Ok(source)
    }

    /// The same source, of which this is assumed.
    pub(crate) fn assuming(mut self, outlook: Outlook) -> Self {
        self.outlook = outlook;
        self
    }

    /// The same before the system was told, where it must be told.
    pub(crate) fn of_descriptor(io: E, home: Arc<ReactorHandle>, interest: Interest) -> Self {
        Self {
            io: Some(io),
            interest,
            outlook: Outlook::Open,
            refuted: AtomicUsize::new(0),
            home,
            registration: OnceLock::new(),
            registering: Mutex::new(()),
        }
    }

    /// The reactor whose runtime the source belongs to.
    pub(crate) fn home(&self) -> &Arc<ReactorHandle> {
        &self.home
    }

    /// The descriptor.
    #[inline]
    pub(crate) fn io(&self) -> &E {
        self.io.as_ref().expect("the source was taken apart")
    }

    /// The descriptor, to be changed. It must remain the same descriptor (S1).
    #[cfg(unix)]
    pub(crate) fn io_mut(&mut self) -> &mut E {
        self.io.as_mut().expect("the source was taken apart")
    }

    /// What is known about the source; `None` if that is nothing, so that only trying can tell.
    #[inline]
    fn known(&self) -> Option<&Readiness> {
        let readiness = &*self.registration.get()?.readiness;
        (!readiness.is_fresh()).then_some(readiness)
    }

    /// The registration; it is made if there is none.
    ///
    /// # Errors
    ///
    /// When the system refuses, and when the runtime was shut down.
    #[inline]
    fn register(&self) -> io::Result<&Registration> {
        match self.registration.get() {
            Some(registration) => Ok(registration),
            None => self.register_slow(),
        }
    }

    /// The readiness for somebody who waits for it without having tried anything.
    fn outlook(&self) -> io::Result<&Readiness> {
        if let Some(registration) = self.registration.get() {
            return Ok(&registration.readiness);
        }
        let registration = self.register()?;
        if let Outlook::Ready(ready) = self.outlook {
            // Relaxed: the tasks of one source agree on who tries and who waits.
            let refuted = Ready::from_bits(self.refuted.load(Relaxed));
            registration.readiness.presume(ready - refuted);
        }
        Ok(&registration.readiness)
    }

    /// Whether nothing is known and an operation should be tried.
    #[inline]
    fn should_try(&self) -> bool {
        self.known().is_none() && !matches!(self.outlook, Outlook::Misleading)
    }

    /// Registers although nothing has blocked yet.
    #[cfg(unix)]
    pub(crate) fn register_now(&self) -> io::Result<()> {
        self.register().map(drop)
    }

    #[cold]
    fn register_slow(&self) -> io::Result<&Registration> {
        let _registering = self.registering.lock();
        // Another task may have been faster.
        if let Some(registration) = self.registration.get() {
            return Ok(registration);
        }
        let reactor = current::nearest(&self.home);
        let (key, readiness) = system::register(&reactor, self.io(), self.interest)?;
        Ok(self.registration.get_or_init(|| Registration {
            reactor,
            key,
            readiness,
        }))
    }

    /// The loop, for functions named `poll_…`: calls `operate` until it does not block. The latest
    /// caller of each direction is woken. Takes one unit of the cooperative budget.
    #[inline]
    pub(crate) fn poll_io<R>(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        mut operate: impl FnMut(&E) -> io::Result<Done<R>>,
    ) -> Poll<io::Result<R>> {
        let coop = ready!(coop::poll_proceed(cx));
        if self.should_try() {
            match operate(self.io()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => {
                    coop.made_progress();
                    return Poll::Ready(result.map(Done::into_result));
                }
            }
        }
        let readiness = match self.register() {
            Ok(registration) => &*registration.readiness,
            Err(error) => return poll_error(cx, error),
        };
        loop {
            let seen = ready!(readiness.poll_seen(cx, direction))?;
            if let Some(result) = attempt(readiness, seen, || operate(self.io())) {
                coop.made_progress();
                return Poll::Ready(result);
            }
        }
    }

    /// The loop, for async functions: any number of tasks may wait. Takes one unit of the
    /// cooperative budget.
    pub(crate) async fn perform<R>(
        &self,
        interest: Interest,
        mut operate: impl FnMut(&E) -> io::Result<Done<R>>,
    ) -> io::Result<R> {
        if self.should_try() {
            let coop = poll_fn(coop::poll_proceed).await;
            match operate(self.io()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => {
                    coop.made_progress();
                    return result.map(Done::into_result);
                }
            }
        }
        let readiness = self.register().map(|registration| &*registration.readiness);
        let readiness = match readiness.map_err(failed) {
            Ok(readiness) => readiness,
            Err(failed) => return failed.await,
        };
        loop {
            let seen = readiness.wait(interest).await?;
            let coop = poll_fn(coop::poll_proceed).await;
            if let Some(result) = attempt(readiness, seen, || operate(self.io())) {
                coop.made_progress();
                return result;
            }
        }
    }

    /// [`perform`](Self::perform) for closures of users, which may say "would block" for reasons of
    /// their own: a closed side stays closed.
    pub(crate) async fn async_io<R>(
        &self,
        interest: Interest,
        mut operate: impl FnMut(&E) -> io::Result<R>,
    ) -> io::Result<R> {
        loop {
            // Every round costs, because a closed side makes rounds without waiting.
            poll_fn(coop::poll_proceed).await.made_progress();
            self.ready(interest).await?;
            match self.try_io_when_ready(interest, &mut operate) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
        }
    }

    /// [`try_io`](Self::try_io) for closures of users, who rely on it that the source was seen ready,
    /// and may say "would block" for reasons of their own: a closed side stays closed.
    pub(crate) fn try_io_when_ready<R>(
        &self,
        interest: Interest,
        operate: impl FnOnce(&E) -> io::Result<R>,
    ) -> io::Result<R> {
        let readiness = self.outlook()?;
        self.try_io_seen(readiness.seen_last(interest), operate, |seen| {
            readiness.clear(seen)
        })
    }

    /// Calls `operate` unless it is known that it would block.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if it is known, or if `operate` says so; and every other error of `operate`.
    pub(crate) fn try_io<R>(
        &self,
        interest: Interest,
        operate: impl FnOnce(&E) -> io::Result<R>,
    ) -> io::Result<R> {
        if self.should_try() {
            let result = operate(self.io());
            if let Err(error) = &result
                && error.kind() == io::ErrorKind::WouldBlock
            {
                // Who waits next must not be told what was just refuted. There is no need to register
                // for that: whoever waits will.
                self.refuted.fetch_or(interest.mask().to_bits(), Relaxed);
            }
            return result;
        }
        let readiness = &*self.register()?.readiness;
        self.try_io_seen(readiness.seen_last(interest), operate, |seen| {
            readiness.refute(seen)
        })
    }

    /// Calls `operate` if anything was seen, and `forget` with that if it would block.
    fn try_io_seen<R>(
        &self,
        seen: Option<Seen>,
        operate: impl FnOnce(&E) -> io::Result<R>,
        forget: impl FnOnce(Seen),
    ) -> io::Result<R> {
        let Some(seen) = seen else {
            return Err(io::ErrorKind::WouldBlock.into());
        };
        let result = operate(self.io());
        if let Err(error) = &result
            && error.kind() == io::ErrorKind::WouldBlock
        {
            forget(seen);
        }
        result
    }

    /// Waits until the source is ready for one of `interest`, and says for which.
    pub(crate) async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        match self.outlook().map_err(failed) {
            Ok(readiness) => Ok(readiness.wait(interest).await?.ready),
            Err(failed) => failed.await,
        }
    }

    /// Waits until the source is ready for `direction`. The latest caller of each direction is
    /// woken. Takes one unit of the cooperative budget.
    pub(crate) fn poll_ready(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
    ) -> Poll<io::Result<()>> {
        let coop = ready!(coop::poll_proceed(cx));
        let readiness = match self.outlook() {
            Ok(readiness) => readiness,
            Err(error) => return poll_error(cx, error),
        };
        ready!(readiness.poll_seen(cx, direction))?;
        coop.made_progress();
        Poll::Ready(Ok(()))
    }

    /// Registers now rather than when it first blocks.
    ///
    /// # Errors
    ///
    /// As [`register`](Self::register), and the descriptor.
    #[cfg(unix)]
    pub(crate) fn registered(mut self) -> Result<Self, (E, io::Error)> {
        match self.register() {
            Ok(_) => Ok(self),
            Err(error) => Err((self.io.take().expect("a new source is complete"), error)),
        }
    }

    /// Waits until the source is ready for one of `interest`, and gives what is needed to
    /// [`clear`](Self::clear) that.
    #[cfg(unix)]
    pub(crate) fn wait_seen(&self, interest: Interest) -> io::Result<crate::readiness::Wait<'_>> {
        // Not async: a future that only waits knows nothing of the descriptor, which need not be `Sync`.
        Ok(self.register()?.readiness.wait(interest))
    }

    /// The same for functions named `poll_…`. Takes one unit of the cooperative budget.
    #[cfg(unix)]
    pub(crate) fn poll_seen(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
    ) -> Poll<io::Result<Seen>> {
        let coop = ready!(coop::poll_proceed(cx));
        let seen = ready!(self.register()?.readiness.poll_seen(cx, direction))?;
        coop.made_progress();
        Poll::Ready(Ok(seen))
    }

    /// What is ready now.
    #[cfg(unix)]
    pub(crate) fn seen(&self, interest: Interest) -> io::Result<Option<Seen>> {
        Ok(self.register()?.readiness.seen_last(interest))
    }

    /// A user's operation that relied on `seen` would block.
    #[cfg(unix)]
    pub(crate) fn clear(&self, seen: Seen) {
        if let Some(registration) = self.registration.get() {
            registration.readiness.clear(seen);
        }
    }

    /// Gives the descriptor back, which no reactor watches any more if the system can help it.
    #[cfg(unix)]
    pub(crate) fn into_io_anyway(mut self) -> E {
        let mut io = self.io.take().expect("the source was taken apart");
        // As when it is dropped.
        let _ = self.deregister(&mut io);
        io
    }

    /// Gives the descriptor back, which no reactor watches any more.
    pub(crate) fn into_io(mut self) -> io::Result<E> {
        let mut io = self.io.take().expect("the source was taken apart");
        self.deregister(&mut io)?;
        Ok(io)
    }

    fn deregister(&mut self, io: &mut E) -> io::Result<()> {
        match self.registration.take() {
            Some(registration) => system::deregister(&registration.reactor, registration.key, io),
            None => Ok(()),
        }
    }
}

impl<R> Done<R> {
    #[inline]
    pub(crate) fn into_result(self) -> R {
        match self {
            Self::More(result) | Self::Drained(result) => result,
        }
    }

    #[inline]
    pub(crate) fn result(&self) -> &R {
        match self {
            Self::More(result) | Self::Drained(result) => result,
        }
    }
}

/// The error of an operation, for a task that can make something of it.
#[cold]
fn failed<R>(error: io::Error) -> impl Future<Output = io::Result<R>> {
    // An error is handed out or not, and never changed: the futures of operations stay unwind safe.
    let mut error = AssertUnwindSafe(Some(error));
    poll_fn(move |cx| match error.take() {
        Some(error) => poll_error(cx, error),
        None => Poll::Pending,
    })
}

/// One round of the loop: `None` means that the operation would block and the states are cleared.
#[inline]
fn attempt<R>(
    readiness: &Readiness,
    seen: Seen,
    operate: impl FnOnce() -> io::Result<Done<R>>,
) -> Option<io::Result<R>> {
    match operate() {
        Ok(Done::More(result)) => Some(Ok(result)),
        Ok(Done::Drained(result)) => {
            readiness.drained(seen);
            Some(Ok(result))
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            readiness.refute(seen);
            None
        }
        // The states stay: nothing was learnt about them. After `EMFILE` the next `accept` tries
        // again at once instead of waiting for an edge that already was.
        Err(error) => Some(Err(error)),
    }
}

impl<E: Registrable> Drop for Source<E> {
    fn drop(&mut self) {
        if let Some(mut io) = self.io.take() {
            // S1. The system forgets the descriptor with its last copy anyway; what can fail here is
            // only that it has done so already.
            let _ = self.deregister(&mut io);
        }
    }
}

// What a panic can leave half-done is the system's; the source itself is in order whenever foreign
// code runs.
impl<E: Registrable> UnwindSafe for Source<E> {}
impl<E: Registrable> RefUnwindSafe for Source<E> {}

impl<E: Registrable + fmt::Debug> fmt::Debug for Source<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.io {
            Some(io) => io.fmt(f),
            None => f.write_str("(gone)"),
        }
    }
}
