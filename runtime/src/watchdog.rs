//! Sees tasks that block their thread, and says what they do.

#![allow(dead_code, unreachable_pub)] // until the monitor asks

pub(crate) mod stack;
pub(crate) mod whereabouts;
