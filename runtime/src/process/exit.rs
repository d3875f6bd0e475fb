//! Waits for the end of one child process, and takes it out of the system's table.
//!
//! An [`Exit`] owns the process: as long as it exists nobody else reaps it, so its number belongs to
//! it and no signal can hit another process. How it learns that the child has ended is its
//! [`Notice`]:
//!
//! - On Linux a descriptor stands for the process (`pidfd_open(2)`, Linux 5.3) and becomes readable
//!   when it ends: one event for the one who waits.
//! - Where there is none, or no descriptor is left, a listener for `SIGCHLD`. The system sends that
//!   signal for every child, several at a time perhaps as one, so everybody who waits looks again.
//!
//! Either way the answer comes from `waitpid(2)`, which `std` calls; a notice only says when to ask.

#[cfg_attr(
    any(target_os = "linux", target_os = "android"),
    path = "exit/pidfd.rs"
)]
#[cfg_attr(
    not(any(target_os = "linux", target_os = "android")),
    path = "exit/no_pidfd.rs"
)]
mod pidfd;

use std::io::{self, ErrorKind};
use std::process::ExitStatus;
use std::sync::Arc;
use std::task::{Context, Poll};

use runtime_base::shutdown::is_shutdown_error;
use runtime_net::{Descriptor, Interest, ReactorHandle, try_current_reactor};

use self::pidfd::Pidfd;
use crate::signal::unix::{Signal, SignalKind};

/// A child process that was not reaped yet, as far as we know.
#[derive(Debug)]
pub(super) struct Exit {
    child: std::process::Child,
    notice: Notice,
}

/// What tells that the child may have ended.
#[derive(Debug)]
enum Notice {
    Pidfd(Descriptor<Pidfd>),
    Signal(Signal),
}

impl Exit {
    /// Takes a child over.
    ///
    /// # Errors
    ///
    /// When there is no way to learn of its end, which is: no descriptor is left. The child comes
    /// back with the error.
    pub(super) fn new(
        child: std::process::Child,
        home: &Arc<ReactorHandle>,
    ) -> Result<Self, (std::process::Child, io::Error)> {
        match Notice::new(child.id(), home) {
            Ok(notice) => Ok(Self { child, notice }),
            Err(error) => Err((child, error)),
        }
    }

    /// The number of the process.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The status if the child has ended.
    pub(super) fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Ends the child. It is no error if it has ended already.
    pub(super) fn kill(&mut self) -> io::Result<()> {
        if let Notice::Pidfd(pidfd) = &self.notice {
            match pidfd.io().kill() {
                Ok(()) => return Ok(()),
                // Somebody else reaped it, and its number may be another's by now.
                Err(error) if error.raw_os_error() == Some(libc::ESRCH) => return Ok(()),
                Err(_) => {}
            }
        }
        // By number, which is still the child's; a sandbox may allow this and not the other.
        self.child.kill()
    }

    /// Waits for the end of the child. The latest caller is woken.
    pub(super) fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<ExitStatus>> {
        // The end of the runtime that started the child is no event to a listener.
        if let Notice::Signal(signal) = &self.notice
            && let Some(home) = try_current_reactor()
        {
            signal.share_with(&home)?;
        }
        match self.poll_notice(cx) {
            // The runtime that started the child is gone, and the one that waits now takes its place,
            // if it can.
            Poll::Ready(Err(error)) if is_shutdown_error(&error) => {
                let Some(home) = try_current_reactor() else {
                    return Poll::Ready(Err(error));
                };
                self.notice = Notice::new(self.child.id(), &home)?;
                self.poll_notice(cx)
            }
            polled => polled,
        }
    }

    /// The same, but gives the error of a runtime that is gone, and runs nothing of anybody else's
    /// except for the drop of the latest waker.
    pub(super) fn poll_notice(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<ExitStatus>> {
        let child = &mut self.child;
        match &mut self.notice {
            Notice::Pidfd(pidfd) => pidfd.poll_read_with(cx, |_| match child.try_wait()? {
                Some(status) => Ok(status),
                None => Err(ErrorKind::WouldBlock.into()),
            }),
            Notice::Signal(signal) => loop {
                // The listener first: a child that ends after the question is heard of.
                let came = signal.poll_recv(cx);
                if let Some(status) = child.try_wait()? {
                    return Poll::Ready(Ok(status));
                }
                if came.is_pending() {
                    return Poll::Pending;
                }
            },
        }
    }

    /// Whether the end is heard of only while some runtime watches for signals.
    pub(super) fn depends_on_signals(&self) -> bool {
        matches!(self.notice, Notice::Signal(_))
    }
}

impl Notice {
    fn new(process: u32, home: &Arc<ReactorHandle>) -> io::Result<Self> {
        let pidfd = Pidfd::open(process)
            .and_then(|pidfd| Descriptor::new(pidfd, home.clone(), Interest::READABLE));
        match pidfd {
            Ok(pidfd) => Ok(Self::Pidfd(pidfd)),
            // An old kernel, a sandbox, or no descriptor is left; a listener may need none.
            Err(_) => Ok(Self::Signal(Signal::with_home(SignalKind::child(), home)?)),
        }
    }
}
