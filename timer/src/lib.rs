//! Clock, timer wheel, and the futures that wait for a deadline.
//!
//! Users reach this crate as `runtime::time`; what only a scheduler needs is public here and not
//! re-exported there.
//!
//! # The life of a timer
//!
//! 1. [`sleep`] takes the time from the [`Clock`] and remembers the [`Timers`] of its thread.
//! 2. Its first poll puts an entry into the wheel of the worker that polls it ([`Timers`], the
//!    module `timers`; the wheel itself is the module `wheel`).
//! 3. Most timers are dropped before their deadline, because what they guard came in time: the entry
//!    is taken out again. Both ways cost one short lock.
//! 4. Otherwise the worker parks no longer than [`Timers::prepare_park`] says, and
//!    [`Timers::expire`] hands out the waker of every due entry.
//!
//! [`Sleep`], [`Timeout`] and [`Interval`] stand on one state machine, the module `alarm`.
//!
//! # Resolution
//!
//! A deadline is rounded up to the next whole millisecond since the start of the runtime. Nothing
//! fires early.
//!
//! # Paused time
//!
//! Tests [`pause`] the clock of a current-thread runtime. It then moves only by [`advance`], and by
//! itself to the next deadline whenever the runtime has nothing else to do.

#![forbid(unsafe_code)]

mod alarm;
mod clock;
mod current;
pub mod error;
mod instant;
mod interval;
mod pause;
mod sleep;
mod tick;
mod timeout;
mod timers;
mod wheel;

pub use clock::{AutoAdvanceGuard, Clock};
pub use current::{CurrentTimers, enter, enter_asking, saw_time};
pub use instant::Instant;
pub use interval::{Interval, MissedTickBehavior, interval, interval_at};
pub use pause::{advance, pause, resume};
pub use sleep::{Sleep, sleep, sleep_until};
pub use timeout::{Timeout, timeout, timeout_at};
pub use timers::Timers;
