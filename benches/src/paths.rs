//! The short ways through a runtime whose instructions the program `instructions` counts.

use std::fmt;

/// What is done again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// A task spawned by a task, and joined.
    SpawnJoin,
    /// A task woken by another through its waker.
    Wake,
    /// A value sent and received in one task.
    Mpsc,
    /// A sleep polled once and dropped.
    Timer,
    /// 64 bytes from a task to another over TCP, and back.
    Echo,
    /// 64 bytes through a duplex of 256, from task to task.
    Duplex,
    /// A line of 40 bytes from a buffered reader over memory.
    Lines,
    /// 64 KiB from memory to a sink.
    Copy,
}

impl Path {
    /// All that are counted.
    pub const ALL: &[Path] = &[
        Path::SpawnJoin,
        Path::Wake,
        Path::Mpsc,
        Path::Timer,
        Path::Echo,
        Path::Duplex,
        Path::Lines,
        Path::Copy,
    ];
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Path::SpawnJoin => "spawn_join",
            Path::Wake => "wake",
            Path::Mpsc => "mpsc_send_recv",
            Path::Timer => "timer_insert_drop",
            Path::Echo => "echo_turn",
            Path::Duplex => "duplex",
            Path::Lines => "lines",
            Path::Copy => "copy",
        })
    }
}
