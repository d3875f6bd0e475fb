//! Who does the work.

use std::fmt;
use std::str::FromStr;

use crate::row::Row;
use crate::{ours, peer, served, smol};

/// A runtime, or what stands in for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// This runtime.
    Ours,
    /// Tokio.
    Tokio,
    /// A bare mio loop without tasks: what no runtime can be below.
    Floor,
    /// A current-thread Tokio per CPU, which share an address.
    PerCore,
    /// smol.
    Smol,
}

/// In the order in which they are printed; the first two do every row.
pub const ALL: &[Side] = &[
    Side::Ours,
    Side::Tokio,
    Side::Floor,
    Side::PerCore,
    Side::Smol,
];

impl Side {
    /// All rows that this side does.
    #[must_use]
    pub fn rows(self, workers: usize) -> Vec<Row> {
        let mut rows = match self {
            Side::Ours => ours::rows(workers),
            Side::Tokio => peer::rows(workers),
            Side::Smol => smol::rows(workers),
            Side::Floor | Side::PerCore => Vec::new(),
        };
        rows.extend(served::rows(self, workers));
        rows
    }

    /// Whether a quick run has it.
    #[must_use]
    pub fn is_in_quick_runs(self) -> bool {
        matches!(self, Side::Ours | Side::Tokio | Side::Floor)
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Side::Ours => "ours",
            Side::Tokio => "tokio",
            Side::Floor => "floor",
            Side::PerCore => "per_core",
            Side::Smol => "smol",
        })
    }
}

impl FromStr for Side {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        ALL.iter()
            .find(|side| side.to_string() == text)
            .copied()
            .ok_or_else(|| format!("there is no side `{text}`"))
    }
}
