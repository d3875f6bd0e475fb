//! Runs the sides of a row against each other.
//!
//! A row has several *lives*. In each, all runtimes are built anew and warmed up; then rounds
//! follow, each of which measures every side, one after the other, with the same number of
//! iterations. Who comes first changes. The ratio of a row is the median of the ratios of all its
//! rounds.
//!
//! Rounds, because what slows the machine down for a while slows all sides of a round down. Lives,
//! because where the kernel puts the threads, and how clients and servers fall into step, is decided
//! early and then stays: with one life, Tokio against itself was seen at a steady ratio of 0.65.

use std::time::{Duration, Instant};

use crate::process::{Cpus, confine_to};
use crate::row::{Pace, Row, Workload};
use crate::statistics::{median, spread};

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// What one measurement of one side should take.
    pub slice: Duration,
    /// How often to build all sides.
    pub lives: usize,
    /// How often to measure all sides in one life.
    pub rounds: usize,
    /// After this time no life and no round begins any more, unless there are fewer than
    /// [`FEWEST_ROUNDS`].
    pub limit: Duration,
}

impl Plan {
    /// About two seconds per row.
    pub const QUICK: Plan = Plan {
        slice: Duration::from_millis(25),
        lives: 6,
        rounds: 4,
        limit: Duration::from_millis(2500),
    };

    /// About twelve seconds per row.
    pub const FULL: Plan = Plan {
        slice: Duration::from_millis(80),
        lives: 10,
        rounds: 6,
        limit: Duration::from_secs(15),
    };

    /// The plan for rows that are measured in another way.
    fn at(self, pace: Pace) -> Plan {
        match pace {
            Pace::Calibrated => self,
            Pace::Long => Plan {
                slice: Duration::ZERO,
                // One round of such a row takes about as long as a life of another.
                lives: self.lives / 2,
                rounds: 2,
                ..self
            },
            Pace::Once => Plan {
                slice: Duration::ZERO,
                lives: 2,
                rounds: 2,
                limit: Duration::MAX,
            },
        }
    }
}

/// Without at least so many, quartiles mean nothing.
pub const FEWEST_ROUNDS: usize = 6;

/// What one number of one side came to.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// The median over the rounds.
    pub cost: f64,
    /// The median over the rounds of the first side's number divided by this side's.
    pub ratio: f64,
    /// Half the interquartile range of that.
    pub spread: f64,
}

/// Measures one row on all `sides`. Gives, for each of the row's measures, what each side came to.
///
/// # Panics
///
/// If the sides do other work, or if there are none.
#[must_use]
pub fn compare(sides: &[&Row], plan: Plan) -> Vec<Vec<Outcome>> {
    let first = sides.first().expect("at least one side");
    for side in sides {
        assert_eq!(side.name(), first.name(), "rows of different work");
    }
    let work = first.work;
    let _one_cpu = work.is_confined.then(|| confine_to(Cpus::Last));
    let rounds = measure(sides, plan.at(work.pace));
    (0..work.measures.len())
        .map(|measure| {
            let of = |side: usize| rounds.iter().map(move |round| round[side][measure]);
            (0..sides.len())
                .map(|side| {
                    let ratios: Vec<f64> = of(0).zip(of(side)).map(ratio).collect();
                    Outcome {
                        cost: median(&of(side).collect::<Vec<_>>()),
                        ratio: median(&ratios),
                        spread: spread(&ratios),
                    }
                })
                .collect()
        })
        .collect()
}

/// Of two costs. Of nothing and nothing it is 1, and of something and nothing not infinite, so that
/// means exist.
fn ratio((ours, other): (f64, f64)) -> f64 {
    const NOTHING: f64 = 1e-6;
    ours.max(NOTHING) / other.max(NOTHING)
}

/// For each round, for each side, its numbers.
fn measure(sides: &[&Row], plan: Plan) -> Vec<Vec<Vec<f64>>> {
    let measures = sides[0].work.measures;
    let begin = Instant::now();
    let mut iterations = None;
    let mut costs = Vec::new();
    let is_late = |rounds| rounds >= FEWEST_ROUNDS && begin.elapsed() > plan.limit;
    for life in 0..plan.lives {
        if is_late(costs.len()) {
            break;
        }
        let mut workloads = in_turns(life, sides.len(), |side| sides[side].start());
        // The first run connects sockets, starts threads and touches memory.
        in_turns(life, sides.len(), |side| workloads[side].run(1));
        let iterations = *iterations.get_or_insert_with(|| calibrate(&mut workloads, plan.slice));
        if iterations > 1 {
            in_turns(life, sides.len(), |side| workloads[side].run(iterations));
        }
        for round in 0..plan.rounds {
            if is_late(costs.len()) {
                break;
            }
            costs.push(in_turns(life + round, sides.len(), |side| {
                workloads[side].per_operation(iterations, measures)
            }));
        }
    }
    costs
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

/// Finds the number of iterations with which the slowest takes about `slice`.
fn calibrate(workloads: &mut [Workload], slice: Duration) -> u64 {
    if slice.is_zero() {
        return 1;
    }
    let mut iterations = 1;
    loop {
        let elapsed = workloads
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
