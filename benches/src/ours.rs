//! The workloads on this runtime.

use ::runtime as rt;

#[path = "workloads/table.rs"]
mod table;

pub use table::rows;
