//! Who does the work.

use std::fmt;

use crate::row::Row;
use crate::{ours, peer};

/// A runtime, or what stands in for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// This runtime.
    Ours,
    /// Tokio.
    Tokio,
}

/// In the order in which they are printed; the first two do every row.
pub const ALL: &[Side] = &[Side::Ours, Side::Tokio];

impl Side {
    /// All rows that this side does.
    #[must_use]
    pub fn rows(self, workers: usize) -> Vec<Row> {
        match self {
            Side::Ours => ours::rows(workers),
            Side::Tokio => peer::rows(workers),
        }
    }

    /// Whether a quick run has it.
    #[must_use]
    pub fn is_in_quick_runs(self) -> bool {
        matches!(self, Side::Ours | Side::Tokio)
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Side::Ours => "ours",
            Side::Tokio => "tokio",
        })
    }
}
