//! The workloads on this runtime.

// Until the executor is there, the workloads are checked on Tokio; see `IS_THERE`.
use ::tokio as rt;

#[path = "workloads/table.rs"]
mod table;

pub use table::rows;

/// Whether `rows` are this runtime's own.
pub const IS_THERE: bool = false;
