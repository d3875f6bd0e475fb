//! Runs the sides of a row against each other.
//!
//! A row has several *lives*, each in a process of its own. In each, all runtimes are built anew and
//! warmed up; then rounds follow, each of which measures every side, one after the other, with the same number of
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

use crate::life::{Life, Round};
use crate::row::{Pace, Row};
use crate::sides::Side;
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

/// Measures one row on all sides, each with its name. Gives, for each of the row's measures, what each
/// side came to.
///
/// Each life has a process of its own, unless there is one side only: then there is nothing to compare,
/// and all of it runs in this process, for profilers.
///
/// # Panics
///
/// If the sides do other work, or if there are none.
#[must_use]
pub fn compare(sides: &[(Side, &Row)], workers: usize, plan: Plan) -> Vec<Vec<Outcome>> {
    let (_, first) = sides.first().expect("at least one side");
    let (names, rows): (Vec<Side>, Vec<&Row>) = sides.iter().copied().unzip();
    for row in &rows {
        assert_eq!(row.name(), first.name(), "rows of different work");
    }
    let begin = |turn: usize| match names.len() {
        1 => Life::begin_here(&rows, turn),
        _ => Life::begin_apart(&first.name(), &names, workers, turn),
    };
    let lives = measure(begin, plan.at(first.work.pace));
    (0..first.work.measures.len())
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

/// The rounds of each life.
fn measure(begin: impl Fn(usize) -> Life, plan: Plan) -> Vec<Vec<Round>> {
    let start = Instant::now();
    let is_late = || start.elapsed() > plan.limit;
    let mut iterations = None;
    let mut lives = Vec::new();
    while lives.len() < plan.lives && !(lives.len() >= FEWEST_LIVES && is_late()) {
        let turn = lives.len();
        let mut life = begin(turn);
        let iterations = *iterations.get_or_insert_with(|| match plan.slice {
            Duration::ZERO => 1,
            slice => life.calibrate(slice),
        });
        if iterations > 1 {
            // To warm up.
            life.round(turn, iterations);
        }
        let mut rounds = Vec::new();
        while rounds.len() < plan.rounds && (rounds.is_empty() || !is_late()) {
            rounds.push(life.round(turn + rounds.len(), iterations));
        }
        life.end();
        lives.push(rounds);
    }
    lives
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
}
