//! What code that was written for Tokio relies on, beyond names and types.
//!
//! Each test is a habit: something that programs and libraries do because it has always worked, from
//! the moment at which a future is dropped to the sentence that a panic begins with.

#[path = "habits/ends.rs"]
mod ends;
#[path = "habits/readiness.rs"]
mod readiness;
#[path = "habits/schedule.rs"]
mod schedule;
#[path = "habits/texts.rs"]
mod texts;
#[path = "habits/waiting.rs"]
mod waiting;
