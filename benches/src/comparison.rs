//! Runs the sides of a row against each other.
//!
//! A row has several *lives*. In each, all runtimes are built anew and warmed up; then rounds
//! follow, each of which measures every side, one after the other, with the same number of
//! iterations. Who comes first changes. The ratio of a life is the median of the ratios of its
//! rounds, and the ratio of the row that of its lives.
//!
//! Rounds, because what slows the machine down for a while slows all sides of a round down. Lives,
//! because where the kernel puts the threads, and how clients and servers fall into step, is decided
//! early and then stays: with one life, Tokio against itself was seen at a steady ratio of 0.65.
//!
//! So the rounds of one life say little about the next one, and the spread of a row is that of its
//! lives: half of what lies between the best of them and the worst. A ratio is beyond its spread if all
//! lives agree on who was the better one, or nearly. Of two sides that are equal each is the better one
//! by chance, as a coin falls, so eight lives agree by chance in one row of 128 (the sign test).

use std::fmt;
use std::time::{Duration, Instant};

use crate::process::{Cpus, confine_to};
use crate::row::{Pace, Row, Workload};
use crate::statistics::{half_range, median};

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// What one measurement of one side should take.
    pub slice: Duration,
    /// How often to build all sides.
    pub lives: usize,
    /// How often to measure all sides in one life.
    pub rounds: usize,
    /// After this time no round begins any more but the first of a life, and no life unless there
    /// are fewer than [`FEWEST_LIVES`].
    pub limit: Duration,
}

impl Plan {
    /// About two seconds per row.
    pub const QUICK: Plan = Plan {
        slice: Duration::from_millis(25),
        lives: 8,
        rounds: 3,
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
                rounds: 1,
                ..self
            },
            Pace::Once => Plan {
                slice: Duration::ZERO,
                lives: 3,
                rounds: 1,
                limit: Duration::MAX,
            },
        }
    }
}

/// Fewer agree by chance too often.
pub const FEWEST_LIVES: usize = 6;

/// What one number of one side came to.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// The median over the rounds.
    pub cost: f64,
    /// The first side's number divided by this side's: the median over the lives of their medians.
    pub ratio: f64,
    /// Half the distance between the lowest of those and the highest.
    pub spread: f64,
}

/// Who is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The first side, by more than the spread.
    Ahead,
    /// Neither, as far as can be told.
    Level,
    /// The other side, by more than the spread.
    Behind,
}

impl Outcome {
    /// Of two costs for each round of each life.
    fn of(lives: &[Vec<(f64, f64)>]) -> Outcome {
        let rounds = || lives.iter().flatten();
        let ratios: Vec<f64> = lives
            .iter()
            .map(|life| median(&life.iter().map(ratio).collect::<Vec<_>>()))
            .collect();
        Outcome {
            cost: median(&rounds().map(|(_, cost)| *cost).collect::<Vec<_>>()),
            ratio: median(&ratios),
            spread: half_range(&ratios),
        }
    }

    /// What the first side is beside this one.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if self.ratio + self.spread < 1.0 {
            Verdict::Ahead
        } else if self.ratio - self.spread > 1.0 {
            Verdict::Behind
        } else {
            Verdict::Level
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Ahead => "ahead",
            Verdict::Level => "level",
            Verdict::Behind => "behind",
        })
    }
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
    let lives = measure(sides, plan.at(work.pace));
    (0..work.measures.len())
        .map(|measure| {
            let outcome = |side: usize| {
                let costs = |round: &Round| (round[0][measure], round[side][measure]);
                let lives: Vec<Vec<_>> = lives
                    .iter()
                    .map(|life| life.iter().map(costs).collect())
                    .collect();
                Outcome::of(&lives)
            };
            (0..sides.len()).map(outcome).collect()
        })
        .collect()
}

/// Of two costs. Of nothing and nothing it is 1, and of something and nothing not infinite, so that
/// means exist.
fn ratio(&(ours, other): &(f64, f64)) -> f64 {
    const NOTHING: f64 = 1e-6;
    ours.max(NOTHING) / other.max(NOTHING)
}

/// For each side, its numbers.
type Round = Vec<Vec<f64>>;

/// The rounds of each life.
fn measure(sides: &[&Row], plan: Plan) -> Vec<Vec<Round>> {
    let measures = sides[0].work.measures;
    let begin = Instant::now();
    let is_late = || begin.elapsed() > plan.limit;
    let mut iterations = None;
    let mut lives = Vec::new();
    while lives.len() < plan.lives && !(lives.len() >= FEWEST_LIVES && is_late()) {
        let turn = lives.len();
        let mut workloads = in_turns(turn, sides.len(), |side| sides[side].start());
        // The first run connects sockets, starts threads and touches memory.
        in_turns(turn, sides.len(), |side| workloads[side].run(1));
        let iterations = *iterations.get_or_insert_with(|| calibrate(&mut workloads, plan.slice));
        if iterations > 1 {
            in_turns(turn, sides.len(), |side| workloads[side].run(iterations));
        }
        let mut rounds = Vec::new();
        while rounds.len() < plan.rounds && (rounds.is_empty() || !is_late()) {
            rounds.push(in_turns(turn + rounds.len(), sides.len(), |side| {
                workloads[side].per_operation(iterations, measures)
            }));
        }
        lives.push(rounds);
    }
    lives
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
    fn a_verdict_needs_all_lives() {
        let outcome = |costs: [f64; 3]| {
            // Whatever a single round was.
            let life = |cost: f64| vec![(cost, 100.0), (2.0 * cost, 200.0), (100.0, cost)];
            Outcome::of(&costs.map(life))
        };
        assert_eq!(outcome([80.0, 90.0, 99.0]).verdict(), Verdict::Ahead);
        assert_eq!(outcome([80.0, 90.0, 101.0]).verdict(), Verdict::Level);
        assert_eq!(outcome([95.0, 105.0, 110.0]).verdict(), Verdict::Level);
        assert_eq!(outcome([101.0, 110.0, 119.0]).verdict(), Verdict::Behind);
        assert_eq!(outcome([100.0; 3]).verdict(), Verdict::Level);
    }

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
