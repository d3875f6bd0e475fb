//! Signals that the system sends to the process, Ctrl-C above all.
//!
//! [`ctrl_c`] waits for the user to end the program; [`unix::signal`] gives a listener for any
//! signal of Unix. Of Windows' events there is nothing yet: the module exists on Unix only.
//!
//! # How it works
//!
//! ```text
//!  kill(2) ─► handler: marks its slot, writes a byte ─► one pipe per process
//!                                                            │ every runtime that has listeners
//!                                                            ▼ watches a copy of the read end
//!  listener ◄─ wakes ◄─ counts in each marked slot ◄─ the reactor that saw it first
//! ```
//!
//! No thread and no task belongs to it. The handler does what a handler may: one store, one system
//! call. What follows runs on the thread that turned a reactor, and serves the listeners of *all*
//! runtimes; so it does not matter which of them takes the byte, or that one of them is shut down.
//!
//! Where to read next: `slot` holds what is known about one signal and who waits for it, `pipe` is
//! the way from the handler to the reactors, [`unix`] is the public side.

mod pipe;
mod slot;
pub mod unix;

use std::io;

/// Waits for the next Ctrl-C, which is the signal `SIGINT`.
///
/// The first call changes what Ctrl-C does, for the rest of the process's life: the system no longer
/// ends the process, whether or not anybody waits. A program that waits once and then wants the
/// second Ctrl-C to end it at once calls `ctrl_c` again, in a task that exits.
///
/// A Ctrl-C that comes between two calls is not seen by the second. Who must not miss one keeps a
/// listener: [`unix::signal`] with [`SignalKind::interrupt`](unix::SignalKind::interrupt).
///
/// # Errors
///
/// When the system refuses the handler or has no descriptors left.
///
/// # Panics
///
/// Outside of a runtime, and within one whose builder did not enable I/O.
///
/// # Cancel safety
///
/// A Ctrl-C that came before the future was dropped, and that it did not report, is lost to it.
///
/// # Examples
///
/// ```no_run
/// # async fn serve() {}
/// #[runtime::main]
/// async fn main() -> std::io::Result<()> {
///     runtime::select! {
///         _ = serve() => {}
///         result = runtime::signal::ctrl_c() => {
///             result?;
///             println!("ending");
///         }
///     }
///     Ok(())
/// }
/// ```
pub async fn ctrl_c() -> io::Result<()> {
    unix::signal(unix::SignalKind::interrupt())?.recv().await;
    Ok(())
}
