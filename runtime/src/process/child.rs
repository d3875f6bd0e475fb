//! A process that was started.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::process::{ExitStatus, Output};
use std::sync::Arc;
use std::task::{Context, Poll};

use runtime_base::io::AsyncRead;
use runtime_net::ReactorHandle;

use super::exit::Exit;
use super::orphans;
use super::pipes::{ChildStderr, ChildStdin, ChildStdout};
use crate::io::AsyncReadExt;

/// A process that was started by [`Command::spawn`](super::Command::spawn).
///
/// # Dropping
///
/// The process goes on when its `Child` is dropped, unless the command said
/// [`kill_on_drop`](super::Command::kill_on_drop), and the runtime takes it out of the system's table
/// when it ends. Should the runtime be shut down before, that happens at the next `spawn` on any
/// runtime of the process, or when the process ends. Who wants certainty waits.
///
/// # Examples
///
/// A program is fed while its output is read:
///
/// ```
/// use std::process::Stdio;
/// use runtime::io::{AsyncReadExt, AsyncWriteExt};
/// use runtime::process::Command;
///
/// #[runtime::main]
/// async fn main() -> std::io::Result<()> {
///     let mut child = Command::new("tr")
///         .args(["a-z", "A-Z"])
///         .stdin(Stdio::piped())
///         .stdout(Stdio::piped())
///         .spawn()?;
///     let mut input = child.stdin.take().expect("stdin is piped");
///     let mut output = child.stdout.take().expect("stdout is piped");
///
///     let writing = runtime::spawn(async move {
///         input.write_all(b"quiet\n").await
///         // `input` is dropped here, so `tr` sees the end and ends.
///     });
///     let mut text = String::new();
///     output.read_to_string(&mut text).await?;
///     writing.await.expect("it does not panic")?;
///     assert_eq!(text, "QUIET\n");
///     assert!(child.wait().await?.success());
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct Child {
    life: Life,

    /// The child's standard input, if it is piped. Take it out to use it apart from the child;
    /// waiting for the child closes what is still here.
    pub stdin: Option<ChildStdin>,

    /// The child's standard output, if it is piped.
    pub stdout: Option<ChildStdout>,

    /// The child's standard error, if it is piped.
    pub stderr: Option<ChildStderr>,
}

#[derive(Debug)]
enum Life {
    /// It was not reaped yet.
    Running(Running),
    Ended(ExitStatus),
}

/// A child that somebody must reap.
#[derive(Debug)]
struct Running {
    /// `None` only while it is dropped.
    exit: Option<Exit>,
    kill_on_drop: bool,
}

impl Child {
    /// Takes a child over from `std`. If that fails the child is ended: nobody could wait for it.
    pub(super) fn new(
        mut child: std::process::Child,
        home: &Arc<ReactorHandle>,
        kill_on_drop: bool,
    ) -> io::Result<Self> {
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let exit = match Exit::new(child, home) {
            Ok(exit) => exit,
            Err((child, error)) => {
                orphans::bury(child);
                return Err(error);
            }
        };
        let mut running = Running {
            exit: Some(exit),
            // Until its pipes are in order.
            kill_on_drop: true,
        };
        let stdin = pipes.0.map(|pipe| ChildStdin::with_home(pipe, home));
        let stdout = pipes.1.map(|pipe| ChildStdout::with_home(pipe, home));
        let stderr = pipes.2.map(|pipe| ChildStderr::with_home(pipe, home));
        let (stdin, stdout, stderr) =
            (stdin.transpose()?, stdout.transpose()?, stderr.transpose()?);
        running.kill_on_drop = kill_on_drop;
        Ok(Self {
            life: Life::Running(running),
            stdin,
            stdout,
            stderr,
        })
    }

    /// The number of the process; `None` after its end was reported by a function of this type, for
    /// then the number may be another's.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        match &self.life {
            Life::Running(running) => Some(running.exit().id()),
            Life::Ended(_) => None,
        }
    }

    /// Ends the process with `SIGKILL`, without waiting for the end.
    ///
    /// It stays in the system's table until somebody waits for it or drops the `Child`. A process
    /// that has ended already is left alone: no other that got its number is hit.
    ///
    /// # Errors
    ///
    /// When the system refuses, most often because the process runs as another user.
    pub fn start_kill(&mut self) -> io::Result<()> {
        match &mut self.life {
            Life::Running(running) => running.exit_mut().kill(),
            Life::Ended(_) => Ok(()),
        }
    }

    /// Ends the process with `SIGKILL` and waits for the end.
    ///
    /// A process that has ended already is no error. To end a process in another way, send it a
    /// signal by its [`id`](Self::id) and [`wait`](Self::wait).
    ///
    /// # Errors
    ///
    /// Those of [`start_kill`](Self::start_kill) and [`wait`](Self::wait).
    ///
    /// # Cancel safety
    ///
    /// The signal was sent if the future was polled; dropping it only ends the waiting.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::process::Command;
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let mut child = Command::new("sleep").arg("60").spawn()?;
    ///     child.kill().await?;
    ///     assert_eq!(child.id(), None);
    ///     Ok(())
    /// }
    /// ```
    pub async fn kill(&mut self) -> io::Result<()> {
        self.start_kill()?;
        self.wait().await?;
        Ok(())
    }

    /// Closes the standard input and waits for the process to end.
    ///
    /// What the process writes into its pipes is not read meanwhile, and a process whose pipe is full
    /// waits for a reader: read until the end first, or use
    /// [`wait_with_output`](Self::wait_with_output). The status stays; calling again gives it again.
    ///
    /// # Errors
    ///
    /// When the status is not there to be had, because the process ignores `SIGCHLD` or something
    /// else in it waits for all children; when the runtime was shut down.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing; but the standard input is closed, if the future was polled.
    /// Take it out before to keep it open.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::process::Command;
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let mut child = Command::new("sh").args(["-c", "exit 3"]).spawn()?;
    ///     assert_eq!(child.wait().await?.code(), Some(3));
    ///     assert_eq!(child.wait().await?.code(), Some(3));
    ///     Ok(())
    /// }
    /// ```
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        // A child that reads until the end of its input would wait for us.
        drop(self.stdin.take());
        poll_fn(|cx| self.life.poll_wait(cx)).await
    }

    /// The status if the process has ended, and `None` if it has not. The standard input stays as it
    /// is.
    ///
    /// # Errors
    ///
    /// As for [`wait`](Self::wait).
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        let status = match &mut self.life {
            Life::Running(running) => running.exit_mut().try_wait()?,
            Life::Ended(status) => return Ok(Some(*status)),
        };
        if let Some(status) = status {
            self.life = Life::Ended(status);
        }
        Ok(status)
    }

    /// Closes the standard input, reads what the process writes into its pipes, and waits for it to
    /// end.
    ///
    /// Of what is not piped the output is empty.
    ///
    /// # Errors
    ///
    /// When reading fails, and as for [`wait`](Self::wait).
    ///
    /// # Cancel safety
    ///
    /// None: the child and what was read so far are dropped with the future.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::process::Stdio;
    /// use runtime::process::Command;
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let child = Command::new("echo").arg("hello").stdout(Stdio::piped()).spawn()?;
    ///     let output = child.wait_with_output().await?;
    ///     assert_eq!(output.stdout, b"hello\n");
    ///     Ok(())
    /// }
    /// ```
    pub async fn wait_with_output(mut self) -> io::Result<Output> {
        // The pipes are dropped last: a child that still writes is not to be hit by `SIGPIPE` before
        // it was waited for.
        let (mut stdout, mut stderr) = (self.stdout.take(), self.stderr.take());
        let mut reading_stdout = pin!(read_to_end(&mut stdout));
        let mut reading_stderr = pin!(read_to_end(&mut stderr));
        let mut waiting = pin!(self.wait());
        let (mut stdout, mut stderr, mut status) = (None, None, None);
        poll_fn(|cx| {
            // All three go on; the first error ends it.
            let pending = [
                poll_into(&mut stdout, reading_stdout.as_mut(), cx)?,
                poll_into(&mut stderr, reading_stderr.as_mut(), cx)?,
                poll_into(&mut status, waiting.as_mut(), cx)?,
            ];
            if pending.contains(&Poll::Pending) {
                return Poll::Pending;
            }
            Poll::Ready(io::Result::Ok(()))
        })
        .await?;
        Ok(Output {
            status: status.expect("all are there"),
            stdout: stdout.expect("all are there"),
            stderr: stderr.expect("all are there"),
        })
    }
}

/// Polls `future` unless its output is there already.
fn poll_into<T>(
    output: &mut Option<T>,
    future: Pin<&mut impl Future<Output = io::Result<T>>>,
    cx: &mut Context<'_>,
) -> io::Result<Poll<()>> {
    if output.is_none() {
        match future.poll(cx)? {
            Poll::Ready(value) => *output = Some(value),
            Poll::Pending => return Ok(Poll::Pending),
        }
    }
    Ok(Poll::Ready(()))
}

async fn read_to_end(pipe: &mut Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

impl Life {
    fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<ExitStatus>> {
        let status = match self {
            Self::Running(running) => std::task::ready!(running.exit_mut().poll_wait(cx))?,
            Self::Ended(status) => return Poll::Ready(Ok(*status)),
        };
        *self = Self::Ended(status);
        Poll::Ready(Ok(status))
    }
}

impl Running {
    fn exit(&self) -> &Exit {
        self.exit.as_ref().expect("it is taken by the drop only")
    }

    fn exit_mut(&mut self) -> &mut Exit {
        self.exit.as_mut().expect("it is taken by the drop only")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(mut exit) = self.exit.take() else {
            return;
        };
        // After its end was reported this is what is replaced by the status, and there is nothing to
        // do: `std` remembers the end.
        if self.kill_on_drop && matches!(exit.try_wait(), Ok(None)) {
            // Nobody is left to be told of an error.
            let _ = exit.kill();
        }
        orphans::adopt(exit);
    }
}
