//! One life of a row: all its sides built anew.
//!
//! A life that is compared with others has a process of its own. Where the system puts a program in
//! memory, and what its allocator has kept of the rows before, is decided once for a process and
//! changes short rows by some per cent: lives that share one process all have the same luck, and
//! agree where the next run of the program does not.

use std::io::BufRead;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use std::{io, thread};

use crate::child::{self, Child};
use crate::process::{Confined, Cpus, confine_to};
use crate::row::{Row, Workload};
use crate::sides::Side;

/// What a child of this kind is called.
pub const KIND: &str = "life";

/// For each side, its numbers.
pub type Round = Vec<Vec<f64>>;

/// The sides of one row, built, and ready to be measured in turns.
#[derive(Debug)]
pub enum Life {
    /// In this process.
    Here(Sides),
    /// In a process of its own.
    Apart(Child),
}

impl Life {
    /// Builds all sides in this process, for profilers.
    #[must_use]
    pub fn begin_here(rows: &[&Row], turn: usize) -> Life {
        Life::Here(Sides::build(rows, turn))
    }

    /// Builds all sides in a process of their own.
    #[must_use]
    pub fn begin_apart(name: &str, sides: &[Side], workers: usize, turn: usize) -> Life {
        let mut arguments = vec![name.to_owned(), workers.to_string(), turn.to_string()];
        arguments.extend(sides.iter().map(Side::to_string));
        Life::Apart(Child::start(KIND, &arguments))
    }

    /// Finds the number of iterations with which the slowest side takes about `slice`.
    ///
    /// # Panics
    ///
    /// If the process of this life has ended.
    pub fn calibrate(&mut self, slice: Duration) -> u64 {
        match self {
            Life::Here(sides) => sides.calibrate(slice),
            Life::Apart(child) => {
                let answer = child.ask(&format!("calibrate {}", slice.as_nanos()));
                answer.parse().expect("a number of iterations")
            }
        }
    }

    /// Measures all sides, one after the other in the order of this turn.
    ///
    /// # Panics
    ///
    /// If the process of this life has ended.
    pub fn round(&mut self, turn: usize, iterations: u64) -> Round {
        match self {
            Life::Here(sides) => sides.round(turn, iterations),
            Life::Apart(child) => {
                let answer = child.ask(&format!("round {turn} {iterations}"));
                let side = |numbers: &str| {
                    let numbers = numbers.split_whitespace();
                    numbers.map(|n| n.parse().expect("a number")).collect()
                };
                answer.split(';').map(side).collect()
            }
        }
    }

    /// Ends everything that was built, and returns when it has ended.
    pub fn end(self) {
        match self {
            Life::Here(sides) => drop(sides),
            Life::Apart(child) => child.end(),
        }
    }
}

/// What one process has of a life.
#[derive(Debug)]
pub struct Sides {
    workloads: Vec<Workload>,
    measures: &'static [crate::row::Measure],
    // Until the workloads are gone.
    _one_cpu: Option<Confined>,
}

impl Sides {
    fn build(rows: &[&Row], turn: usize) -> Sides {
        let work = rows[0].work;
        let one_cpu = work.is_confined.then(|| confine_to(Cpus::Last));
        let mut workloads = in_turns(turn, rows.len(), |side| rows[side].start());
        // The first run connects sockets, starts threads and touches memory.
        in_turns(turn, rows.len(), |side| workloads[side].run(1));
        Sides {
            workloads,
            measures: work.measures,
            _one_cpu: one_cpu,
        }
    }

    fn calibrate(&mut self, slice: Duration) -> u64 {
        let mut iterations = 1;
        loop {
            let elapsed = self
                .workloads
                .iter_mut()
                .map(|workload| time(workload, iterations))
                .max()
                .expect("at least one side");
            let growth = slice.as_secs_f64() / elapsed.as_secs_f64().max(1e-9);
            if growth < 2.0 {
                return ((iterations as f64 * growth) as u64).max(1);
            }
            iterations = (iterations as f64 * growth.min(10.0)) as u64;
        }
    }

    fn round(&mut self, turn: usize, iterations: u64) -> Round {
        in_turns(turn, self.workloads.len(), |side| {
            self.workloads[side].per_operation(iterations, self.measures)
        })
    }
}

/// In a child: lives one life, and does what the parent asks for meanwhile.
///
/// # Panics
///
/// If the parent asks for what does not exist.
pub fn run(arguments: &[String]) {
    let [name, workers, turn, sides @ ..] = arguments else {
        panic!("a life needs a row, a number of workers, a turn and sides");
    };
    let workers = workers.parse().expect("a number of workers");
    let turn = turn.parse().expect("a turn");
    let rows: Vec<Row> = sides
        .iter()
        .map(|side| {
            let side: Side = side.parse().expect("a side");
            let mut rows = side.rows(workers).into_iter();
            rows.find(|row| row.name() == *name).expect("a row")
        })
        .collect();
    let questions = questions();
    let mut sides = Sides::build(&rows.iter().collect::<Vec<_>>(), turn);
    for question in questions {
        let words: Vec<&str> = question.split_whitespace().collect();
        let number = |place: usize| words[place].parse::<u64>().expect("a number");
        child::say(&match words[0] {
            "calibrate" => sides.calibrate(Duration::from_nanos(number(1))).to_string(),
            "round" => {
                let side = |numbers: Vec<f64>| {
                    let numbers: Vec<String> = numbers.iter().map(f64::to_string).collect();
                    numbers.join(" ")
                };
                let round = sides.round(number(1) as usize, number(2));
                round.into_iter().map(side).collect::<Vec<_>>().join(";")
            }
            _ => panic!("a life does not know `{question}`"),
        });
    }
}

/// What the parent asks. If it has ended the row may be stuck, and must end nevertheless.
fn questions() -> mpsc::Receiver<String> {
    const PATIENCE: Duration = Duration::from_secs(20);
    let (ask, questions) = mpsc::channel();
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            // The receiver is gone when this process ends.
            let _ = ask.send(line);
        }
        drop(ask);
        thread::sleep(PATIENCE);
        eprintln!("a row does not end");
        std::process::exit(1);
    });
    questions
}

/// Does `what` for each side, in an order that `turn` turns round, and gives the results in the
/// order of the sides.
fn in_turns<T>(turn: usize, sides: usize, mut what: impl FnMut(usize) -> T) -> Vec<T> {
    let mut results: Vec<Option<T>> = (0..sides).map(|_| None).collect();
    for place in 0..sides {
        // Backwards every other time: so each side follows and precedes each other one.
        let place = if turn.is_multiple_of(2) {
            place
        } else {
            sides - 1 - place
        };
        let side = (place + turn / 2) % sides;
        results[side] = Some(what(side));
    }
    results.into_iter().flatten().collect()
}

/// On the wall, whatever the unit of the row: it is to end in time.
fn time(workload: &mut Workload, iterations: u64) -> Duration {
    let start = Instant::now();
    workload.run(iterations);
    start.elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_side_has_its_turn_and_its_result() {
        for turn in 0..8 {
            for sides in 1..5 {
                let mut order = Vec::new();
                let results = in_turns(turn, sides, |side| {
                    order.push(side);
                    side
                });
                assert!(results.into_iter().eq(0..sides));
                order.sort_unstable();
                assert!(order.into_iter().eq(0..sides));
            }
        }
    }

    #[test]
    fn of_two_sides_each_comes_first_in_every_other_turn() {
        let firsts: Vec<usize> = (0..4)
            .map(|turn| {
                let mut first = None;
                in_turns(turn, 2, |side| *first.get_or_insert(side));
                first.unwrap()
            })
            .collect();
        assert_eq!(firsts.iter().filter(|side| **side == 0).count(), 2);
    }
}
