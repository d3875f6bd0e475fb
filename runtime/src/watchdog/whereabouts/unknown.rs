//! Systems that are not asked: nothing is known.

use super::{ProcessorTime, Whereabouts};

pub(super) fn current_thread_number() -> u32 {
    0
}

pub(super) fn whereabouts(_thread: u32) -> Whereabouts {
    Whereabouts::Unknown
}

pub(super) fn processor_time(_thread: u32) -> Option<ProcessorTime> {
    None
}
