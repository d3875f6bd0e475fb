//! Any descriptor that the system can watch.
//!
//! Unlike the sockets, an [`AsyncFd`] registers when it is made, so that a descriptor which cannot be
//! watched is refused at once; and it never tries an operation before an event says that it may
//! succeed, because what the user passes may block.
//!
//! A guard carries what was known when it was made. Clearing through it has no effect if an event has
//! come in since: see `readiness`.

mod guard;
mod register_error;

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::task::{Context, Poll, ready};

use runtime_base::coop;

pub use self::guard::{AsyncFdReadyGuard, AsyncFdReadyMutGuard, TryIoError};
pub use self::register_error::AsyncFdRegisterError;

/// The former name of [`AsyncFdRegisterError`].
#[doc(hidden)]
#[deprecated = "use `AsyncFdRegisterError` instead"]
pub type AsyncFdTryNewError<T> = AsyncFdRegisterError<T>;
use crate::current;
use crate::interest::Interest;
use crate::readiness::{Direction, Seen};
use crate::source::Source;

/// Waits for the readiness of any descriptor: a device, an `eventfd`, a socket of a foreign library.
///
/// It owns the value whose descriptor is watched, and gives it back from
/// [`into_inner`](Self::into_inner). The descriptor must be open and remain the same as long as it is
/// here, and it should be non-blocking: readiness is a hint, and an operation that blocks in spite of
/// it blocks its worker.
///
/// The easiest way to use it is [`async_io`](Self::async_io). With guards one has more in hand: wait
/// with [`readable`](Self::readable) or [`writable`](Self::writable), and do the operation in the
/// guard's [`try_io`](AsyncFdReadyGuard::try_io). An operation that would block must be told, which
/// both ways do, or the next wait ends at once, for ever.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use std::os::unix::net::UnixStream;
///
/// use runtime::io::Interest;
/// use runtime::io::unix::AsyncFd;
///
/// #[runtime::main]
/// async fn main() -> std::io::Result<()> {
///     let (mut left, right) = UnixStream::pair()?;
///     right.set_nonblocking(true)?;
///     let right = AsyncFd::new(right)?;
///     left.write_all(b"ping")?;
///
///     let mut buf = [0; 16];
///     let n = right
///         .async_io(Interest::READABLE, |mut stream| stream.read(&mut buf))
///         .await?;
///     assert_eq!(&buf[..n], b"ping");
///
///     // The same with a guard.
///     left.write_all(b"pong")?;
///     let n = loop {
///         let mut guard = right.readable().await?;
///         match guard.try_io(|fd| fd.get_ref().read(&mut buf)) {
///             Ok(result) => break result?,
///             Err(_would_block) => {}
///         }
///     };
///     assert_eq!(&buf[..n], b"pong");
///     Ok(())
/// }
/// ```
pub struct AsyncFd<T: AsRawFd> {
    source: Source<T>,
}

impl<T: AsRawFd> AsyncFd<T> {
    /// Watches `inner` for reading and writing.
    ///
    /// # Errors
    ///
    /// When the system cannot watch it: Linux says `PermissionDenied` of regular files and folders,
    /// which are always ready. `inner` is dropped then; [`try_new`](Self::try_new) gives it back.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, and within one that has no I/O.
    #[track_caller]
    pub fn new(inner: T) -> io::Result<Self> {
        Ok(Self::try_new(inner)?)
    }

    /// Watches `inner` for `interest` only.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    ///
    /// # Panics
    ///
    /// Outside of a runtime, and within one that has no I/O.
    #[track_caller]
    pub fn with_interest(inner: T, interest: Interest) -> io::Result<Self> {
        Ok(Self::try_with_interest(inner, interest)?)
    }

    /// Watches `inner` for reading and writing, or gives it back.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), with `inner`.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, and within one that has no I/O.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::fs::File;
    /// use std::io::Read;
    ///
    /// use runtime::io::unix::AsyncFd;
    ///
    /// # #[cfg(not(target_os = "linux"))]
    /// # fn main() {}
    /// # #[cfg(target_os = "linux")]
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     // A regular file cannot be watched, and is still of use.
    ///     let file = File::open("/proc/self/exe")?;
    ///     let (mut file, error) = AsyncFd::try_new(file).unwrap_err().into_parts();
    ///     assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
    ///     file.read_exact(&mut [0; 4])
    /// }
    /// ```
    #[track_caller]
    pub fn try_new(inner: T) -> Result<Self, AsyncFdRegisterError<T>> {
        Self::try_with_interest(inner, Interest::READABLE | Interest::WRITABLE)
    }

    /// Watches `inner` for `interest` only, or gives it back.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), with `inner`.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, and within one that has no I/O.
    #[track_caller]
    pub fn try_with_interest(
        inner: T,
        interest: Interest,
    ) -> Result<Self, AsyncFdRegisterError<T>> {
        let source = Source::of_descriptor(inner, current::home(), interest);
        match source.registered() {
            Ok(source) => Ok(Self { source }),
            Err((inner, cause)) => Err(AsyncFdRegisterError::new(inner, cause)),
        }
    }

    /// Watches `inner` for reading and writing, or gives it back: [`try_new`](Self::try_new) with the
    /// contract in words.
    ///
    /// # Safety
    ///
    /// What [`AsRawFd::as_raw_fd`] of `inner` gives is an open descriptor, the same at every call, and
    /// it stays open and of the same file until the value is dropped or
    /// [taken out](Self::into_inner).
    ///
    /// # Errors
    ///
    /// As [`try_new`](Self::try_new).
    ///
    /// # Panics
    ///
    /// Outside of a runtime, and within one that has no I/O.
    #[allow(unsafe_code)] // The name and the contract are Tokio's; nothing here relies on it.
    #[track_caller]
    pub unsafe fn register(inner: T) -> Result<Self, AsyncFdRegisterError<T>> {
        Self::try_new(inner)
    }

    /// Watches `inner` for `interest` only, or gives it back:
    /// [`try_with_interest`](Self::try_with_interest) with the contract in words.
    ///
    /// # Safety
    ///
    /// As [`register`](Self::register).
    ///
    /// # Errors
    ///
    /// As [`try_new`](Self::try_new).
    ///
    /// # Panics
    ///
    /// Outside of a runtime, and within one that has no I/O.
    #[allow(unsafe_code)] // As above.
    #[track_caller]
    pub unsafe fn register_with_interest(
        inner: T,
        interest: Interest,
    ) -> Result<Self, AsyncFdRegisterError<T>> {
        Self::try_with_interest(inner, interest)
    }

    /// The value whose descriptor is watched.
    pub fn get_ref(&self) -> &T {
        self.source.io()
    }

    /// The value whose descriptor is watched. Its descriptor must not be replaced by another.
    pub fn get_mut(&mut self) -> &mut T {
        self.source.io_mut()
    }

    /// Stops watching, and gives the value back.
    pub fn into_inner(self) -> T {
        self.source.into_io_anyway()
    }

    /// Waits until the descriptor is ready for one of `interest`, and gives a guard that tells for
    /// which. Only what it was made to be watched for is ever reported, and errors, which count as
    /// something to read too.
    ///
    /// # Errors
    ///
    /// When the runtime shuts down.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: once ready, the descriptor stays ready until that is cleared.
    pub async fn ready(&self, interest: Interest) -> io::Result<AsyncFdReadyGuard<'_, T>> {
        let seen = self.source.wait_seen(interest)?.await?;
        Ok(AsyncFdReadyGuard::new(self, seen))
    }

    /// Waits until the descriptor is ready for one of `interest`, and gives a guard with mutable
    /// access.
    ///
    /// # Errors
    ///
    /// When the runtime shuts down.
    ///
    /// # Cancel safety
    ///
    /// As [`ready`](Self::ready).
    pub async fn ready_mut(
        &mut self,
        interest: Interest,
    ) -> io::Result<AsyncFdReadyMutGuard<'_, T>> {
        let seen = self.source.wait_seen(interest)?.await?;
        Ok(AsyncFdReadyMutGuard::new(self, seen))
    }

    /// Waits until there is something to read, or the reading side is closed.
    ///
    /// # Errors
    ///
    /// When the runtime shuts down.
    ///
    /// # Cancel safety
    ///
    /// As [`ready`](Self::ready).
    pub async fn readable<'a>(&'a self) -> io::Result<AsyncFdReadyGuard<'a, T>> {
        self.ready(Interest::READABLE).await
    }

    /// Waits until there is something to read, and gives a guard with mutable access.
    ///
    /// # Errors
    ///
    /// When the runtime shuts down.
    ///
    /// # Cancel safety
    ///
    /// As [`ready`](Self::ready).
    pub async fn readable_mut<'a>(&'a mut self) -> io::Result<AsyncFdReadyMutGuard<'a, T>> {
        self.ready_mut(Interest::READABLE).await
    }

    /// Waits until there is room to write, or the writing side is closed.
    ///
    /// # Errors
    ///
    /// When the runtime shuts down.
    ///
    /// # Cancel safety
    ///
    /// As [`ready`](Self::ready).
    pub async fn writable<'a>(&'a self) -> io::Result<AsyncFdReadyGuard<'a, T>> {
        self.ready(Interest::WRITABLE).await
    }

    /// Waits until there is room to write, and gives a guard with mutable access.
    ///
    /// # Errors
    ///
    /// When the runtime shuts down.
    ///
    /// # Cancel safety
    ///
    /// As [`ready`](Self::ready).
    pub async fn writable_mut<'a>(&'a mut self) -> io::Result<AsyncFdReadyMutGuard<'a, T>> {
        self.ready_mut(Interest::WRITABLE).await
    }

    /// Polls until there is something to read.
    ///
    /// Only the latest task that called this or [`poll_read_ready_mut`](Self::poll_read_ready_mut) is
    /// woken. [`readable`](Self::readable) has no such limit.
    ///
    /// # Errors
    ///
    /// When the runtime shuts down.
    pub fn poll_read_ready<'a>(
        &'a self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<AsyncFdReadyGuard<'a, T>>> {
        let seen = ready!(self.source.poll_seen(cx, Direction::Read))?;
        Poll::Ready(Ok(AsyncFdReadyGuard::new(self, seen)))
    }

    /// Polls until there is something to read, and gives a guard with mutable access.
    ///
    /// Only the latest task that called this or [`poll_read_ready`](Self::poll_read_ready) is woken.
    ///
    /// # Errors
    ///
    /// When the runtime shuts down.
    pub fn poll_read_ready_mut<'a>(
        &'a mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<AsyncFdReadyMutGuard<'a, T>>> {
        let seen = ready!(self.source.poll_seen(cx, Direction::Read))?;
        Poll::Ready(Ok(AsyncFdReadyMutGuard::new(self, seen)))
    }

    /// Polls until there is room to write.
    ///
    /// Only the latest task that called this or [`poll_write_ready_mut`](Self::poll_write_ready_mut)
    /// is woken. [`writable`](Self::writable) has no such limit.
    ///
    /// # Errors
    ///
    /// When the runtime shuts down.
    pub fn poll_write_ready<'a>(
        &'a self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<AsyncFdReadyGuard<'a, T>>> {
        let seen = ready!(self.source.poll_seen(cx, Direction::Write))?;
        Poll::Ready(Ok(AsyncFdReadyGuard::new(self, seen)))
    }

    /// Polls until there is room to write, and gives a guard with mutable access.
    ///
    /// Only the latest task that called this or [`poll_write_ready`](Self::poll_write_ready) is
    /// woken.
    ///
    /// # Errors
    ///
    /// When the runtime shuts down.
    pub fn poll_write_ready_mut<'a>(
        &'a mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<AsyncFdReadyMutGuard<'a, T>>> {
        let seen = ready!(self.source.poll_seen(cx, Direction::Write))?;
        Poll::Ready(Ok(AsyncFdReadyMutGuard::new(self, seen)))
    }

    /// Calls `f`, which does one operation, whenever the descriptor is ready for `interest`, until it
    /// does not return `WouldBlock`.
    ///
    /// `f` must return `WouldBlock` only if the system did.
    ///
    /// # Errors
    ///
    /// Those of `f`, and when the runtime shuts down.
    ///
    /// # Cancel safety
    ///
    /// The future waits only between calls of `f`: one that achieved something ends it.
    pub async fn async_io<R>(
        &self,
        interest: Interest,
        mut f: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        loop {
            let seen = self.next_round(interest).await?;
            match f(self.get_ref()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.source.clear(seen),
                result => return result,
            }
        }
    }

    /// As [`async_io`](Self::async_io), with mutable access.
    ///
    /// # Errors
    ///
    /// As [`async_io`](Self::async_io).
    ///
    /// # Cancel safety
    ///
    /// As [`async_io`](Self::async_io).
    pub async fn async_io_mut<R>(
        &mut self,
        interest: Interest,
        mut f: impl FnMut(&mut T) -> io::Result<R>,
    ) -> io::Result<R> {
        loop {
            let seen = self.next_round(interest).await?;
            match f(self.get_mut()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.source.clear(seen),
                result => return result,
            }
        }
    }

    /// Waits for a round of `async_io`. Every round costs, because a closed side makes rounds without
    /// waiting.
    async fn next_round(&self, interest: Interest) -> io::Result<Seen> {
        let seen = self.source.wait_seen(interest)?.await?;
        poll_fn(coop::poll_proceed).await.made_progress();
        Ok(seen)
    }

    /// Calls `f`, which does one operation, if the descriptor is known to be ready for `interest`.
    ///
    /// When `f` returns `WouldBlock` the descriptor is no longer ready, so it must only do so if the
    /// system did.
    ///
    /// # Errors
    ///
    /// Those of `f`, and `WouldBlock` if it was not called.
    pub fn try_io<R>(
        &self,
        interest: Interest,
        f: impl FnOnce(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        let seen = self.seen(interest)?;
        let result = f(self.get_ref());
        self.learn(seen, &result);
        result
    }

    /// As [`try_io`](Self::try_io), with mutable access.
    ///
    /// # Errors
    ///
    /// As [`try_io`](Self::try_io).
    pub fn try_io_mut<R>(
        &mut self,
        interest: Interest,
        f: impl FnOnce(&mut T) -> io::Result<R>,
    ) -> io::Result<R> {
        let seen = self.seen(interest)?;
        let result = f(self.get_mut());
        self.learn(seen, &result);
        result
    }

    /// What is known, or `WouldBlock`.
    fn seen(&self, interest: Interest) -> io::Result<Seen> {
        let seen = self.source.seen(interest)?;
        seen.ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }

    /// What an operation that relied on `seen` tells.
    fn learn<R>(&self, seen: Seen, result: &io::Result<R>) {
        if let Err(error) = result
            && error.kind() == io::ErrorKind::WouldBlock
        {
            self.source.clear(seen);
        }
    }
}

impl<T: AsRawFd> AsRawFd for AsyncFd<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.get_ref().as_raw_fd()
    }
}

#[allow(unsafe_code)] // A descriptor that is known only by its number is borrowed.
impl<T: AsRawFd> AsFd for AsyncFd<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the value is borrowed as long as the result, and what it gives is open as long as
        // it is here, as the type demands of its users.
        unsafe { BorrowedFd::borrow_raw(self.as_raw_fd()) }
    }
}

impl<T: fmt::Debug + AsRawFd> fmt::Debug for AsyncFd<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncFd")
            .field("inner", self.get_ref())
            .finish_non_exhaustive()
    }
}
