//! Listeners for the signals of Unix.

use std::fmt;
use std::io;
use std::os::raw::c_int;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use runtime_net::ReactorHandle;

use super::pipe;
use super::slot::{Place, Slot};

/// The number of a signal.
///
/// The common ones have names; every other, the real-time signals among them, is made with
/// [`from_raw`](Self::from_raw).
///
/// # Examples
///
/// ```
/// use runtime::signal::unix::SignalKind;
///
/// assert_eq!(SignalKind::from_raw(15), SignalKind::terminate());
/// assert_eq!(SignalKind::hangup().as_raw_value(), 1);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SignalKind(c_int);

impl SignalKind {
    /// The signal of this number.
    ///
    /// Every number makes a value. Whether the system has such a signal, and lets a program listen
    /// for it, is found out by [`signal`].
    ///
    /// # Examples
    ///
    /// A real-time signal:
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use runtime::signal::unix::{SignalKind, signal};
    ///
    /// # #[runtime::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let listener = signal(SignalKind::from_raw(libc::SIGRTMIN() + 1));
    /// assert!(listener.is_ok());
    /// # }
    /// # main();
    /// # }
    /// ```
    pub const fn from_raw(signum: c_int) -> Self {
        Self(signum)
    }

    /// The number.
    pub const fn as_raw_value(&self) -> c_int {
        self.0
    }

    /// `SIGALRM`: a timer of the system has run out. Ends a process that does not handle it.
    pub const fn alarm() -> Self {
        Self(libc::SIGALRM)
    }

    /// `SIGCHLD`: a child of the process has ended, stopped or gone on. Ignored if not handled.
    pub const fn child() -> Self {
        Self(libc::SIGCHLD)
    }

    /// `SIGHUP`: the terminal is gone; daemons reload their configuration. Ends a process that does
    /// not handle it.
    pub const fn hangup() -> Self {
        Self(libc::SIGHUP)
    }

    /// `SIGINT`: the user has pressed Ctrl-C. Ends a process that does not handle it.
    pub const fn interrupt() -> Self {
        Self(libc::SIGINT)
    }

    /// `SIGIO`: a descriptor is ready. Ends a process that does not handle it, on Linux.
    pub const fn io() -> Self {
        Self(libc::SIGIO)
    }

    /// `SIGPIPE`: the process has written to a pipe that nobody reads. Programs in Rust ignore it
    /// from their start.
    pub const fn pipe() -> Self {
        Self(libc::SIGPIPE)
    }

    /// `SIGQUIT`: the user has pressed Ctrl-\. Ends a process that does not handle it, with a core
    /// dump.
    pub const fn quit() -> Self {
        Self(libc::SIGQUIT)
    }

    /// `SIGTERM`: the process is asked to end. Ends a process that does not handle it.
    pub const fn terminate() -> Self {
        Self(libc::SIGTERM)
    }

    /// `SIGUSR1`: what the program makes of it. Ends a process that does not handle it.
    pub const fn user_defined1() -> Self {
        Self(libc::SIGUSR1)
    }

    /// `SIGUSR2`: what the program makes of it. Ends a process that does not handle it.
    pub const fn user_defined2() -> Self {
        Self(libc::SIGUSR2)
    }

    /// `SIGWINCH`: the window of the terminal has another size. Ignored if not handled.
    pub const fn window_change() -> Self {
        Self(libc::SIGWINCH)
    }
}

impl From<c_int> for SignalKind {
    fn from(signum: c_int) -> Self {
        Self::from_raw(signum)
    }
}

impl From<SignalKind> for c_int {
    fn from(kind: SignalKind) -> Self {
        kind.as_raw_value()
    }
}

/// Makes a listener for signals of one kind.
///
/// The listener gets every signal that comes after this function returned. Any number of listeners
/// may listen for the same kind, in one runtime or in several, and each of them gets it.
///
/// The first listener of a kind installs a handler, which stays for the rest of the process's life:
/// what the system does by default, such as ending the process, it does no more, even when all
/// listeners are gone. Handlers that other libraries installed before are called too.
///
/// # Errors
///
/// When there is no such signal; for `SIGKILL` and `SIGSTOP`, which no process can handle, and for
/// `SIGILL`, `SIGFPE` and `SIGSEGV`, from whose handler there is no return; when the
/// process has no descriptors left, and when the runtime was shut down.
///
/// # Panics
///
/// Outside of a runtime, and within one whose builder did not enable I/O.
///
/// # Examples
///
/// ```
/// use runtime::signal::unix::{SignalKind, signal};
///
/// #[runtime::main]
/// async fn main() -> std::io::Result<()> {
///     let mut reloads = signal(SignalKind::hangup())?;
///     // As `kill -HUP` would.
///     unsafe { libc::raise(libc::SIGHUP) };
///     reloads.recv().await;
///     println!("reading the configuration again");
///     Ok(())
/// }
/// ```
#[track_caller]
pub fn signal(kind: SignalKind) -> io::Result<Signal> {
    Signal::with_home(kind, &runtime_net::current_reactor())
}

/// A listener for signals of one kind. Made by [`signal`].
///
/// # Signals become one
///
/// The system does not count signals: one that comes while another of its kind is not yet handled is
/// the same as none. The listener does likewise: however many came since it last reported one, it
/// reports one. What it promises is that after every signal it reports at least once. (This holds
/// for real-time signals, too, which the system itself does count.)
///
/// # Shutdown and forks
///
/// A listener belongs to the runtime in whose context it was made. After that was shut down it may
/// wait for ever.
///
/// A child process that was forked without executing a program may make a runtime and listeners of
/// its own; those of its parent are dead there.
#[must_use = "a listener does nothing unless awaited"]
pub struct Signal {
    kind: SignalKind,
    slot: Arc<Slot>,
    place: Place,
}

impl Signal {
    /// A listener that belongs to the runtime of `home`.
    pub(crate) fn with_home(kind: SignalKind, home: &Arc<ReactorHandle>) -> io::Result<Self> {
        let slot = pipe::listen(kind.as_raw_value(), home)?;
        let place = slot.place();
        Ok(Self { kind, slot, place })
    }

    /// Sees to it that the runtime of `home` watches for signals, too: it waits for this one, and the
    /// listener's own may end meanwhile.
    pub(crate) fn share_with(&self, home: &Arc<ReactorHandle>) -> io::Result<()> {
        pipe::watch(home)
    }

    /// Waits for the next signal.
    ///
    /// The result is always `Some(())`; the type is that of a stream.
    ///
    /// # Cancel safety
    ///
    /// A signal that was not reported because the future was dropped is reported by the next call.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use runtime::signal::unix::{SignalKind, signal};
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let mut endings = signal(SignalKind::terminate())?;
    ///     endings.recv().await;
    ///     println!("somebody asked the process to end");
    ///     Ok(())
    /// }
    /// ```
    pub async fn recv(&mut self) -> Option<()> {
        std::future::poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Whether a signal came since the last that was reported; if not, the task is woken by the
    /// next. Of several tasks the one that called last is woken.
    ///
    /// The result is always `Some(())`; the type is that of a stream.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<()>> {
        ready!(self.slot.poll(&mut self.place, cx));
        Poll::Ready(Some(()))
    }
}

impl Drop for Signal {
    fn drop(&mut self) {
        self.slot.leave(&mut self.place);
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signal")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}
