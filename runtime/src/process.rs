//! Child processes: start them, speak with them through pipes, wait for their end.
//!
//! [`Command`] has the methods of [`std::process::Command`], and most of its text applies; what waits
//! is async. The module exists on Unix only.
//!
//! ```
//! use runtime::process::Command;
//!
//! #[runtime::main]
//! async fn main() -> std::io::Result<()> {
//!     let output = Command::new("echo").arg("hello").output().await?;
//!     assert!(output.status.success());
//!     assert_eq!(output.stdout, b"hello\n");
//!     Ok(())
//! }
//! ```
//!
//! # How it works
//!
//! `std` starts the process. Its pipes are sources of the reactor like sockets (`pipes`). Its end is
//! heard of through a descriptor that stands for the process, on Linux, or through the signal
//! `SIGCHLD` (`exit`). A [`Child`] that is dropped before its process has ended leaves an orphan,
//! which the runtime reaps (`orphans`).
//!
//! # Signals to children
//!
//! A child inherits what its parent ignores. It does not inherit handlers, ours included: what the
//! parent listens for ends the child, as it does by default. Ctrl-C goes to all processes of the
//! terminal's foreground group; to keep it from a child, give the child a group of its own with
//! [`Command::process_group`].

#![allow(unsafe_code)] // `pre_exec` is unsafe as in `std`, and passes the contract on.

mod child;
mod exit;
mod orphans;
mod pipes;

use std::ffi::OsStr;
use std::future::Future;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command as SystemCommand, ExitStatus, Output, Stdio};

pub use self::child::Child;
pub use self::pipes::{ChildStderr, ChildStdin, ChildStdout};

/// A command, which starts as many processes as it is asked to.
///
/// # Examples
///
/// Two commands that a pipe joins, as a shell writes `echo hello | tr a-z A-Z`:
///
/// ```
/// use std::process::Stdio;
/// use runtime::process::Command;
///
/// #[runtime::main]
/// async fn main() -> std::io::Result<()> {
///     let mut echo = Command::new("echo").arg("hello").stdout(Stdio::piped()).spawn()?;
///     let pipe: Stdio = echo.stdout.take().expect("stdout is piped").try_into()?;
///     let tr = Command::new("tr").args(["a-z", "A-Z"]).stdin(pipe).output();
///
///     let (echo, output) = runtime::try_join!(echo.wait(), tr)?;
///     assert!(echo.success());
///     assert_eq!(output.stdout, b"HELLO\n");
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct Command {
    std: SystemCommand,
    kill_on_drop: bool,
}

impl Command {
    /// A command that runs `program`, which is searched for in `PATH` unless it has a slash.
    ///
    /// Unless more is said, it has no arguments, the environment and the directory of this process,
    /// and its input and outputs.
    pub fn new<S: AsRef<OsStr>>(program: S) -> Self {
        Self::from(SystemCommand::new(program))
    }

    /// The command as `std` has it, to look at.
    pub fn as_std(&self) -> &SystemCommand {
        &self.std
    }

    /// The command as `std` has it, for settings that have no method here.
    pub fn as_std_mut(&mut self) -> &mut SystemCommand {
        &mut self.std
    }

    /// The command as `std` has it. What [`kill_on_drop`](Self::kill_on_drop) said is lost.
    pub fn into_std(self) -> SystemCommand {
        self.std
    }

    /// Adds an argument. It is passed as it is: no shell splits or expands it.
    pub fn arg<S: AsRef<OsStr>>(&mut self, arg: S) -> &mut Self {
        self.std.arg(arg);
        self
    }

    /// Adds several arguments.
    pub fn args<I, S>(&mut self, args: I) -> &mut Self
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        self.std.args(args);
        self
    }

    /// Sets the name by which the program is told that it was called, its argument 0.
    pub fn arg0<S>(&mut self, arg: S) -> &mut Self
    where
        S: AsRef<OsStr>,
    {
        self.std.arg0(arg);
        self
    }

    /// Sets a variable of the environment.
    pub fn env<K, V>(&mut self, key: K, val: V) -> &mut Self
    where
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        self.std.env(key, val);
        self
    }

    /// Sets several variables of the environment.
    pub fn envs<I, K, V>(&mut self, vars: I) -> &mut Self
    where
        I: IntoIterator<Item = (K, V)>,
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        self.std.envs(vars);
        self
    }

    /// Removes a variable from the environment.
    pub fn env_remove<K: AsRef<OsStr>>(&mut self, key: K) -> &mut Self {
        self.std.env_remove(key);
        self
    }

    /// Removes all variables from the environment; those that are set afterwards stay.
    pub fn env_clear(&mut self) -> &mut Self {
        self.std.env_clear();
        self
    }

    /// Sets the directory that the process starts in.
    ///
    /// Whether a relative path of the program is looked up from there depends on the system: use an
    /// absolute one.
    pub fn current_dir<P: AsRef<Path>>(&mut self, dir: P) -> &mut Self {
        self.std.current_dir(dir);
        self
    }

    /// Sets the standard input. [`Stdio::piped`] gives [`Child::stdin`].
    pub fn stdin<T: Into<Stdio>>(&mut self, cfg: T) -> &mut Self {
        self.std.stdin(cfg);
        self
    }

    /// Sets the standard output. [`Stdio::piped`] gives [`Child::stdout`].
    pub fn stdout<T: Into<Stdio>>(&mut self, cfg: T) -> &mut Self {
        self.std.stdout(cfg);
        self
    }

    /// Sets the standard error. [`Stdio::piped`] gives [`Child::stderr`].
    pub fn stderr<T: Into<Stdio>>(&mut self, cfg: T) -> &mut Self {
        self.std.stderr(cfg);
        self
    }

    /// Whether dropping the [`Child`] ends its process, with `SIGKILL`. It does not unless this is
    /// said.
    ///
    /// The drop does not wait for the end; the runtime does, as [`Child`] describes. The futures of
    /// [`status`](Self::status) and [`output`](Self::output) hold a `Child`, and so does every future
    /// that waits for one: with this, the process does not outlive a timeout around it.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use runtime::process::Command;
    /// use runtime::time::timeout;
    ///
    /// #[runtime::main]
    /// async fn main() {
    ///     let mut command = Command::new("sleep");
    ///     command.arg("60").kill_on_drop(true);
    ///     let result = timeout(Duration::from_millis(10), command.status()).await;
    ///     // The future was dropped with the timeout, and nothing sleeps any more.
    ///     assert!(result.is_err());
    /// }
    /// ```
    pub fn kill_on_drop(&mut self, kill_on_drop: bool) -> &mut Self {
        self.kill_on_drop = kill_on_drop;
        self
    }

    /// What [`kill_on_drop`](Self::kill_on_drop) said.
    pub fn get_kill_on_drop(&self) -> bool {
        self.kill_on_drop
    }

    /// Sets the user that the process runs as. Its supplementary groups are dropped, if this process
    /// may do so.
    pub fn uid(&mut self, id: u32) -> &mut Self {
        self.std.uid(id);
        self
    }

    /// Sets the group that the process runs as.
    pub fn gid(&mut self, id: u32) -> &mut Self {
        self.std.gid(id);
        self
    }

    /// Puts the process into the process group `pgroup`; 0 is a new group that has its number.
    ///
    /// A process in a group of its own is not hit by a Ctrl-C that is meant for its parent, and the
    /// group can be sent signals as a whole.
    pub fn process_group(&mut self, pgroup: i32) -> &mut Self {
        self.std.process_group(pgroup);
        self
    }

    /// Has the new process call `f` just before it executes the program. If `f` fails, so does
    /// [`spawn`](Self::spawn), with the number of its error.
    ///
    /// Several closures are called in the order they were added, each time a process is started.
    ///
    /// # Safety
    ///
    /// `f` runs in a process that was forked from one with many threads, of which only one is left:
    /// locks may be held by threads that no longer exist, that of the allocator among them. It may do
    /// what a signal handler may do, and must not allocate, lock or panic.
    pub unsafe fn pre_exec<F>(&mut self, f: F) -> &mut Self
    where
        F: FnMut() -> io::Result<()> + Send + Sync + 'static,
    {
        // SAFETY: the caller promises what `std` asks for, in the same words.
        unsafe { self.std.pre_exec(f) };
        self
    }

    /// Starts the process.
    ///
    /// The thread is busy until the new process has executed the program: that is how the system
    /// tells whether it can.
    ///
    /// # Errors
    ///
    /// Those of the system: the program or the directory does not exist
    /// ([`NotFound`](io::ErrorKind::NotFound)) or must not be executed
    /// ([`PermissionDenied`](io::ErrorKind::PermissionDenied), for a directory, too); there are too
    /// many processes or descriptors. If a process was started already it is ended again.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, and within one whose builder did not enable I/O. No process is started
    /// then.
    #[track_caller]
    pub fn spawn(&mut self) -> io::Result<Child> {
        self.spawn_with(SystemCommand::spawn)
    }

    /// Starts the process by a function of the caller's, which gets the command as `std` has it.
    ///
    /// # Errors
    ///
    /// Those of the function and of [`spawn`](Self::spawn).
    ///
    /// # Panics
    ///
    /// As [`spawn`](Self::spawn).
    #[track_caller]
    pub fn spawn_with(
        &mut self,
        with: impl FnOnce(&mut SystemCommand) -> io::Result<std::process::Child>,
    ) -> io::Result<Child> {
        // First, so that a panic leaves no process behind.
        let home = runtime_net::current_reactor();
        orphans::reap_forgotten();
        Child::new(with(&mut self.std)?, &home, self.kill_on_drop)
    }

    /// Starts the process now and gives a future that waits for its end.
    ///
    /// Input and outputs are those of this process unless set otherwise. Those that are piped are
    /// closed.
    ///
    /// # Errors
    ///
    /// The future gives those of [`spawn`](Self::spawn) and [`Child::wait`].
    ///
    /// # Panics
    ///
    /// As [`spawn`](Self::spawn).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the [`Child`]; the process goes on, unless
    /// [`kill_on_drop`](Self::kill_on_drop) was said.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::process::Command;
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let status = Command::new("test").args(["-d", "/"]).status().await?;
    ///     assert!(status.success());
    ///     Ok(())
    /// }
    /// ```
    #[track_caller]
    pub fn status(&mut self) -> impl Future<Output = io::Result<ExitStatus>> + use<> {
        let child = self.spawn();
        async {
            let mut child = child?;
            // A child that waits for the other end of a pipe would wait for us.
            (child.stdin, child.stdout, child.stderr) = (None, None, None);
            child.wait().await
        }
    }

    /// Starts the process now and gives a future that reads its outputs and waits for its end.
    ///
    /// Both outputs are piped, whatever was set before. The input is that of this process unless set
    /// otherwise.
    ///
    /// # Errors
    ///
    /// The future gives those of [`spawn`](Self::spawn) and [`Child::wait_with_output`]. That the
    /// process failed is no error: look at the status.
    ///
    /// # Panics
    ///
    /// As [`spawn`](Self::spawn).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the [`Child`] and what was read; the process goes on, unless
    /// [`kill_on_drop`](Self::kill_on_drop) was said, and finds its outputs closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::process::Command;
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let output = Command::new("sh").args(["-c", "echo no >&2; exit 1"]).output().await?;
    ///     assert_eq!(output.status.code(), Some(1));
    ///     assert_eq!(output.stderr, b"no\n");
    ///     Ok(())
    /// }
    /// ```
    #[track_caller]
    pub fn output(&mut self) -> impl Future<Output = io::Result<Output>> + use<> {
        self.std.stdout(Stdio::piped());
        self.std.stderr(Stdio::piped());
        let child = self.spawn();
        async { child?.wait_with_output().await }
    }
}

impl From<SystemCommand> for Command {
    fn from(std: SystemCommand) -> Self {
        Self {
            std,
            kill_on_drop: false,
        }
    }
}
