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

impl Flavour {
    /// With a worker less, for a runtime beside a thread that is always busy. With a worker for each CPU
    /// they would be more busy threads than CPUs, and the figures those of the system's scheduler.
    #[must_use]
    pub fn leaving_a_cpu(self) -> Flavour {
        match self {
            Flavour::MultiThread { workers } => Flavour::MultiThread {
                workers: workers.saturating_sub(1).max(1),
            },
            Flavour::CurrentThread => Flavour::CurrentThread,
        }
    }
}

/// What a number counts. Less is better in all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Nanoseconds on the wall per operation.
    Ns,
    /// Microseconds on the wall per operation.
    Us,
    /// Nanoseconds of CPU of the whole process per operation; for work that mostly waits.
    CpuNs,
    /// Microseconds of the server's CPU per request; the same number as seconds per million.
    CpuUs,
    /// Bytes: of heap, of a value, or resident.
    Bytes,
    /// How often something happens, per operation or per second.
    Times,
}

impl Unit {
    /// How many of this unit a duration is.
    #[must_use]
    pub fn of(self, duration: Duration) -> f64 {
        match self {
            Unit::Us | Unit::CpuUs => duration.as_secs_f64() * 1e6,
            Unit::Ns | Unit::CpuNs | Unit::Bytes | Unit::Times => duration.as_secs_f64() * 1e9,
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unit::Ns => "ns",
            Unit::Us => "us",
            Unit::CpuNs => "cpu_ns",
            Unit::CpuUs => "cpu_us",
            Unit::Bytes => "bytes",
            Unit::Times => "times",
        })
    }
}

/// One number that a row gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// What follows the row's name where it is printed; empty if the row gives one number only, or
    /// for its first.
    pub suffix: &'static str,
    /// What it counts.
    pub unit: Unit,
}

impl Measure {
    /// The only number of a row.
    #[must_use]
    pub const fn only(unit: Unit) -> Measure {
        Measure { suffix: "", unit }
    }
}

/// How often a row is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As often as the plan says, with as many iterations as make a slice of time.
    Calibrated,
    /// A second look sees the same: few rounds of one iteration. For bytes.
    Once,
    /// One iteration is one round, and takes what it takes.
    Long,
}

/// What is measured, whichever runtime does it.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// Without the flavour.
    pub name: &'static str,
    /// What one operation is, in one sentence.
    pub about: &'static str,
    /// The numbers that one round gives.
    pub measures: &'static [Measure],
    /// How often.
    pub pace: Pace,
    /// Whether the mean of the micro rows counts it: the runtime's own work, not the system's.
    pub is_micro: bool,
    /// Whether only the full run has it, because it takes long or much memory.
    pub is_heavy: bool,
    /// Whether everything runs on one CPU; see [`confined`](Self::confined).
    pub is_confined: bool,
}

impl Work {
    /// A micro row.
    #[must_use]
    pub const fn new(
        name: &'static str,
        measures: &'static [Measure],
        about: &'static str,
    ) -> Work {
        Work {
            name,
            about,
            measures,
            pace: Pace::Calibrated,
            is_micro: true,
            is_heavy: false,
            is_confined: false,
        }
    }

    /// Most of the time goes to the system: sockets, files, processes.
    #[must_use]
    pub const fn system(mut self) -> Work {
        self.is_micro = false;
        self
    }

    /// Not in a quick run.
    #[must_use]
    pub const fn heavy(mut self) -> Work {
        self.is_heavy = true;
        self
    }

    /// On one CPU. For one conversation at a time: the system puts both its ends on one CPU or on
    /// two, early and for good, and waking a CPU that sleeps takes longer than the whole exchange.
    /// With the choice taken away, what is left is the runtime's.
    #[must_use]
    pub const fn confined(mut self) -> Work {
        self.is_confined = true;
        self
    }

    /// At this pace.
    #[must_use]
    pub const fn at(mut self, pace: Pace) -> Work {
        self.pace = pace;
        self
    }
}

/// What some iterations of a workload took.
#[derive(Clone, Debug)]
pub enum Cost {
    /// Time, all iterations together.
    Time(Duration),
    /// What clients and server took, all iterations together.
    Served {
        /// On the wall, until the last answer.
        wall: Duration,
        /// Of the server's process.
        cpu: Duration,
        /// Context switches in the server's process.
        switches: u64,
    },
    /// The row's numbers themselves.
    Values(Vec<f64>),
}

impl Cost {
    /// The time that `work` takes.
    pub fn of(work: impl FnOnce()) -> Cost {
        let start = Instant::now();
        work();
        Cost::Time(start.elapsed())
    }

    /// One number.
    #[must_use]
    pub fn value(value: f64) -> Cost {
        Cost::Values(vec![value])
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

    /// Runs `iterations` and returns what they cost together.
    pub fn run(&mut self, iterations: u64) -> Cost {
        (self.run)(iterations)
    }

    /// Runs `iterations` and returns the cost of one operation, a number for each measure.
    ///
    /// # Panics
    ///
    /// If the workload gives another number of numbers.
    pub fn per_operation(&mut self, iterations: u64, measures: &[Measure]) -> Vec<f64> {
        let cost = self.run(iterations);
        let operations = (iterations * self.operations) as f64;
        let values = match cost {
            Cost::Time(time) => vec![measures[0].unit.of(time) / operations],
            Cost::Served {
                wall,
                cpu,
                switches,
            } => vec![
                measures[0].unit.of(wall) / operations,
                measures[1].unit.of(cpu) / operations,
                switches as f64 / operations,
            ],
            Cost::Values(values) => values,
        };
        assert_eq!(values.len(), measures.len(), "a row gives other numbers");
        values
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
    /// What is measured.
    pub work: Work,
    /// What follows the name for another flavour than the default: empty, or `_ct`.
    pub flavour: &'static str,
    start: Box<dyn Fn() -> Workload>,
}

impl Row {
    /// A row whose workload `start` makes.
    pub fn new(work: Work, flavour: &'static str, start: impl Fn() -> Workload + 'static) -> Row {
        Row {
            work,
            flavour,
            start: Box::new(start),
        }
    }

    /// As it is asked for.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}{}", self.work.name, self.flavour)
    }

    /// As one of its numbers is printed.
    #[must_use]
    pub fn name_of(&self, measure: Measure) -> String {
        format!("{}{}{}", self.work.name, measure.suffix, self.flavour)
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
            .field("work", &self.work)
            .field("flavour", &self.flavour)
            .finish_non_exhaustive()
    }
}
