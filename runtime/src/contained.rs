//! Code of others that must not take a thread of the runtime away with its panic: jobs, and the
//! subscribers of what the runtime logs.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Calls `f`. Its panic ends here, after the program's panic hook has told of it.
pub(crate) fn contained(f: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(f)) {
        // Dropping the payload could panic again.
        std::mem::forget(panic);
    }
}
