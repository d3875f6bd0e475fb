//! Runs the two sides of a row against each other.
//!
//! A row has several *lives*. In each, both runtimes are built anew and warmed up; then rounds
//! follow, each of which measures both sides, one after the other, with the same number of
//! iterations. The order of building and of measuring alternates. The ratio of a row is the median
//! of the ratios of all its rounds.
//!
//! Rounds, because what slows the machine down for a while slows both sides of a round down. Lives,
//! because where the kernel puts the threads, and how clients and servers fall into step, is decided
//! early and then stays: with one life, Tokio against itself was seen at a steady ratio of 0.65.

use std::time::{Duration, Instant};

use crate::row::{Row, Workload};
use crate::statistics::{median, spread};

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// What one measurement of one side should take.
    pub slice: Duration,
    /// How often to build both sides.
    pub lives: usize,
    /// How often to measure both sides in one life.
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

    /// Bytes do not vary by themselves, and a run has no length to calibrate.
    const BYTES: Plan = Plan {
        slice: Duration::ZERO,
        lives: 2,
        rounds: 2,
        limit: Duration::MAX,
    };
}

/// Without at least so many, quartiles mean nothing.
pub const FEWEST_ROUNDS: usize = 6;

/// What a row came to.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// Median cost per operation of ours.
    pub ours: f64,
    /// Median cost per operation of the peer.
    pub peer: f64,
    /// Median of ours/peer over the rounds.
    pub ratio: f64,
    /// Half the interquartile range of ours/peer over the rounds.
    pub spread: f64,
}

/// Measures one row.
#[must_use]
pub fn compare(ours: &Row, peer: &Row, plan: Plan) -> Outcome {
    assert_eq!(ours.name, peer.name, "rows of different work");
    let unit = ours.unit;
    let plan = if unit.is_time() { plan } else { Plan::BYTES };
    let begin = Instant::now();
    let mut iterations = None;
    let mut costs = (Vec::new(), Vec::new());
    let is_late = |rounds| rounds >= FEWEST_ROUNDS && begin.elapsed() > plan.limit;
    for life in 0..plan.lives {
        if is_late(costs.0.len()) {
            break;
        }
        let (mut ours, mut peer) = in_turns(life, || ours.start(), || peer.start());
        // The first run connects sockets, starts threads and touches memory.
        in_turns(life, || ours.run(1), || peer.run(1));
        let iterations =
            *iterations.get_or_insert_with(|| calibrate(&mut ours, &mut peer, plan.slice));
        if iterations > 1 {
            in_turns(life, || ours.run(iterations), || peer.run(iterations));
        }
        for round in 0..plan.rounds {
            if is_late(costs.0.len()) {
                break;
            }
            let (of_ours, of_peer) = in_turns(
                life + round,
                || ours.per_operation(iterations, unit),
                || peer.per_operation(iterations, unit),
            );
            costs.0.push(of_ours);
            costs.1.push(of_peer);
        }
    }
    let ratios: Vec<f64> = costs.0.iter().zip(&costs.1).map(|(x, y)| x / y).collect();
    Outcome {
        ours: median(&costs.0),
        peer: median(&costs.1),
        ratio: median(&ratios),
        spread: spread(&ratios),
    }
}

/// Does both, the first first if `turn` is even.
fn in_turns<A, B>(turn: usize, ours: impl FnOnce() -> A, peer: impl FnOnce() -> B) -> (A, B) {
    if turn.is_multiple_of(2) {
        let of_ours = ours();
        (of_ours, peer())
    } else {
        let of_peer = peer();
        (ours(), of_peer)
    }
}

/// Finds the number of iterations with which the slower of the two takes about `slice`.
fn calibrate(ours: &mut Workload, peer: &mut Workload, slice: Duration) -> u64 {
    let mut iterations = 1;
    loop {
        let elapsed = time(ours, iterations).max(time(peer, iterations));
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
