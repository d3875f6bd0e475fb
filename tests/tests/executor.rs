//! The executor: builder, tasks, blocking work, panics, shutdown, fairness.

#[path = "executor/blocking.rs"]
mod blocking;
#[path = "executor/fairness.rs"]
mod fairness;
#[path = "executor/misuse.rs"]
mod misuse;
#[path = "executor/panics.rs"]
mod panics;
#[path = "executor/reentrancy.rs"]
mod reentrancy;
#[path = "executor/shutdown.rs"]
mod shutdown;
#[path = "executor/tasks.rs"]
mod tasks;
#[path = "executor/threads.rs"]
mod threads;
#[path = "executor/two_runtimes.rs"]
mod two_runtimes;
