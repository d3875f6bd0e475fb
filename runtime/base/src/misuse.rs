//! The sentences that programs look for.
//!
//! Programs, and tests even more, match on the texts of some panics and errors. Where code that was
//! written for Tokio may do so, the message has its sentence, word for word, and says afterwards what
//! to do. The runtime that "Tokio 1.x" means is the one at hand: this one has its API and stands in for
//! it.

/// The thread is in no runtime.
pub const NO_RUNTIME: &str =
    "there is no reactor running, must be called from the context of a Tokio 1.x runtime";

/// What to do then.
pub const ENTER_RUNTIME: &str = "call this from within this runtime: in an async task, in `Runtime::block_on`, or while the guard \
     of `Handle::enter` is held";

/// The thread is ending and has forgotten its runtime.
pub const THREAD_ENDS: &str = "The Tokio context thread-local variable has been destroyed.";

/// The runtime was shut down.
pub const SHUTTING_DOWN: &str = "A Tokio 1.x context was found, but it is being shutdown.";

/// The runtime has no reactor.
pub const NO_IO: &str = "A Tokio 1.x context was found, but IO is disabled. Call `enable_io` on the \
     runtime builder to enable IO.";

/// The runtime has no timers.
pub const NO_TIME: &str = "A Tokio 1.x context was found, but timers are disabled. Call `enable_time` on \
     the runtime builder to enable timers.";

/// Somebody wants to stop the clock of no runtime.
pub const NO_CLOCK: &str = "time cannot be frozen from outside the Tokio runtime";

/// Blocking work was lost because the runtime was shut down.
pub const WORK_LOST: &str = "background task failed";
