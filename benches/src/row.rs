//! What a row of the comparison is.

use std::fmt;
use std::time::{Duration, Instant};

/// The scheduler that a row runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// Workers that steal from each other.
    MultiThread {
        /// How many.
        workers: usize,
    },
    /// Everything on the thread that calls `block_on`.
    CurrentThread,
}

/// What the number of a row counts. Less is better in all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Nanoseconds on the wall per operation.
    Ns,
    /// Microseconds on the wall per operation.
    Us,
    /// Nanoseconds of CPU of the whole process per operation; for work that mostly waits.
    CpuNs,
    /// Bytes of heap, or of a value.
    Bytes,
}

impl Unit {
    /// How many of this unit a duration is.
    #[must_use]
    pub fn of(self, duration: Duration) -> f64 {
        match self {
            Unit::Us => duration.as_secs_f64() * 1e6,
            Unit::Ns | Unit::CpuNs | Unit::Bytes => duration.as_secs_f64() * 1e9,
        }
    }

    /// Whether a second look sees the same, so that few rounds do.
    #[must_use]
    pub fn is_time(self) -> bool {
        self != Unit::Bytes
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unit::Ns => "ns",
            Unit::Us => "us",
            Unit::CpuNs => "cpu_ns",
            Unit::Bytes => "bytes",
        })
    }
}

/// What some iterations of a workload took.
#[derive(Clone, Copy, Debug)]
pub enum Cost {
    /// Time, all iterations together.
    Time(Duration),
    /// Bytes per operation.
    Bytes(f64),
}

impl Cost {
    /// The time that `work` takes.
    pub fn of(work: impl FnOnce()) -> Cost {
        let start = Instant::now();
        work();
        Cost::Time(start.elapsed())
    }
}

/// One runtime with everything a row needs, ready to be measured again and again.
pub struct Workload {
    operations: u64,
    run: Box<dyn FnMut(u64) -> Cost>,
}

impl Workload {
    /// `run(n)` does `n` iterations of `operations` operations each. It owns the runtime.
    #[must_use]
    pub fn new(operations: u64, run: impl FnMut(u64) -> Cost + 'static) -> Workload {
        Workload {
            operations,
            run: Box::new(run),
        }
    }

    /// Operations in one iteration.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.operations
    }

    /// Runs `iterations` and returns what they cost together.
    pub fn run(&mut self, iterations: u64) -> Cost {
        (self.run)(iterations)
    }

    /// Runs `iterations` and returns the cost of one operation.
    pub fn per_operation(&mut self, iterations: u64, unit: Unit) -> f64 {
        match self.run(iterations) {
            Cost::Time(time) => unit.of(time) / (iterations * self.operations) as f64,
            Cost::Bytes(bytes) => bytes,
        }
    }
}

impl fmt::Debug for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workload")
            .field("operations", &self.operations)
            .finish_non_exhaustive()
    }
}

/// One side of one row: how to make its workload.
pub struct Row {
    /// As it is printed and asked for.
    pub name: String,
    /// What is measured, in one sentence.
    pub about: &'static str,
    /// Of the numbers.
    pub unit: Unit,
    start: Box<dyn Fn() -> Workload>,
}

impl Row {
    /// A row whose workload `start` makes.
    pub fn new(
        name: String,
        about: &'static str,
        unit: Unit,
        start: impl Fn() -> Workload + 'static,
    ) -> Row {
        Row {
            name,
            about,
            unit,
            start: Box::new(start),
        }
    }

    /// Builds the runtime and what runs on it.
    #[must_use]
    pub fn start(&self) -> Workload {
        (self.start)()
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row")
            .field("name", &self.name)
            .field("unit", &self.unit)
            .finish_non_exhaustive()
    }
}
