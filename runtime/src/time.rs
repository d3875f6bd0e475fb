//! Waiting for time to pass.
//!
//! Deadlines are kept in milliseconds and never fire early. Tests that must not wait
//! [`pause`] the clock of a current-thread runtime; it then jumps to the next deadline whenever there
//! is nothing else to do.
//!
//! The crate `runtime-timer` holds all of it; its module documentation tells how a timer fires.

#[doc(no_inline)]
pub use std::time::Duration;

pub use runtime_timer::{
    Instant, Interval, MissedTickBehavior, Sleep, Timeout, advance, error, interval, interval_at,
    pause, resume, sleep, sleep_until, timeout, timeout_at,
};
