//! Errors of the runtime itself.

use std::error::Error;
use std::fmt;

use runtime_base::misuse;

/// There is no current runtime. Returned by [`Handle::try_current`](super::Handle::try_current).
#[derive(Debug)]
pub struct TryCurrentError {
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    NoContext,
    ThreadLocalDestroyed,
}

impl TryCurrentError {
    pub(crate) fn missing_context() -> Self {
        Self {
            kind: Kind::NoContext,
        }
    }

    pub(crate) fn thread_local_destroyed() -> Self {
        Self {
            kind: Kind::ThreadLocalDestroyed,
        }
    }

    /// Whether the thread is not inside of a runtime.
    pub fn is_missing_context(&self) -> bool {
        self.kind == Kind::NoContext
    }

    /// Whether the thread is ending and its knowledge of a runtime already gone.
    pub fn is_thread_local_destroyed(&self) -> bool {
        self.kind == Kind::ThreadLocalDestroyed
    }
}

impl fmt::Display for TryCurrentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::NoContext => misuse::NO_RUNTIME,
            Kind::ThreadLocalDestroyed => misuse::THREAD_ENDS,
        })
    }
}

impl Error for TryCurrentError {}
