//! Errors of the runtime itself.

use std::error::Error;
use std::fmt;

/// There is no current runtime. Returned by [`Handle::try_current`](super::Handle::try_current).
#[derive(Debug)]
pub struct TryCurrentError {
    reason: Reason,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    MissingContext,
    ThreadLocalDestroyed,
}

impl TryCurrentError {
    pub(crate) fn missing_context() -> Self {
        Self {
            reason: Reason::MissingContext,
        }
    }

    pub(crate) fn thread_local_destroyed() -> Self {
        Self {
            reason: Reason::ThreadLocalDestroyed,
        }
    }

    /// Whether the thread is not inside of a runtime.
    pub fn is_missing_context(&self) -> bool {
        self.reason == Reason::MissingContext
    }

    /// Whether the thread is ending and its knowledge of a runtime already gone.
    pub fn is_thread_local_destroyed(&self) -> bool {
        self.reason == Reason::ThreadLocalDestroyed
    }
}

impl fmt::Display for TryCurrentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.reason {
            Reason::MissingContext => {
                "there is no reactor running, must be called from the context of a runtime: from \
                 an async task, from `Runtime::block_on`, or while the guard of `Handle::enter` is \
                 held"
            }
            Reason::ThreadLocalDestroyed => {
                "the thread is ending and its knowledge of the runtime is gone; keep a `Handle` \
                 and call its methods instead"
            }
        })
    }
}

impl Error for TryCurrentError {}
