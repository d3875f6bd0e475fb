//! The workloads on Tokio.

use ::tokio as rt;

#[path = "workloads/table.rs"]
mod table;

pub use table::rows;
