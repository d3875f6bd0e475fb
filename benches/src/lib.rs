//! The same work on this runtime and on Tokio, side by side.
//!
//! [`ours`] and [`peer`] are two instances of *one* source, `workloads/table.rs` and the files
//! beside it: the two runtimes have the same names, so the crate that the name `rt` stands for is
//! all that differs. Each instance gives its [`rows`](ours::rows); the program `compare` runs them
//! interleaved and prints ratios, the bench `rows` gives them to criterion.
//!
//! A new row is one function in a file of `workloads/` and one line of its table.
//!
//! - [`row`]: what a row is, and what a workload returns.
//! - [`heap`]: a global allocator that counts while it is told to.
//! - [`load`]: the clients of the socket rows, which know neither runtime.
//! - [`process`]: CPU time and descriptors of this process.
//! - [`comparison`]: how often, and what it comes to.
//! - [`life`]: all sides of a row, built anew, and measured in turns.
//! - [`sides`]: who does the work.
//! - [`child`]: processes that a program starts from itself.
//! - [`serving`], [`served`]: servers, each in a process of its own, and the rows with them.
//! - [`floor`], [`smol`]: others that do some of the work.
//! - [`stalling`]: tasks that misbehave, for the program `stall`.
//! - [`paths`]: short ways through a runtime, for the program `instructions`.
//! - [`statistics`]: medians and the like.

#![deny(unsafe_code)]
// The two instances of the workloads are what this crate is for.
#![allow(clippy::duplicate_mod)]

pub mod child;
pub mod comparison;
pub mod floor;
pub mod heap;
pub mod life;
pub mod load;
pub mod ours;
pub mod paths;
pub mod peer;
pub mod process;
pub mod row;
pub mod served;
pub mod serving;
pub mod sides;
pub mod smol;
pub mod stalling;
pub mod statistics;
