//! The futures of the timer layer, driven by hand: no runtime, a paused clock.

#![cfg(not(rt_loom))]

mod harness;
mod interval;
mod misuse;
mod paused;
mod sleep;
mod timeout;
