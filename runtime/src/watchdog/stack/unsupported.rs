//! Where no stacks can be had.

use std::time::Duration;

use super::{Cause, Stack};

/// There is none.
#[derive(Debug)]
pub(super) enum Trace {}

impl Trace {
    pub(super) fn resolve(self) -> Stack {
        match self {}
    }
}

pub(super) fn trace(_thread: u32, _limit: Duration) -> Result<Trace, Cause> {
    Err(Cause::Unsupported)
}
