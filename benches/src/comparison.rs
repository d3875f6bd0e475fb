//! Runs the two sides of a row against each other.
//!
//! Both workloads are made, warmed up and calibrated to the same number of iterations; then rounds
//! follow, each of which measures both sides, one after the other, in an order that alternates. The
//! ratio of a row is the median of the ratios of its rounds: what slows the machine down for a
//! while slows both sides of a round down.

use std::time::{Duration, Instant};

use crate::row::{Row, Unit, Workload};
use crate::statistics::{median, spread};

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// What one measurement of one side should take.
    pub slice: Duration,
    /// How many rounds to run.
    pub rounds: usize,
    /// After this time no round begins any more, unless there are fewer than [`FEWEST_ROUNDS`].
    pub limit: Duration,
}

impl Plan {
    /// About two seconds per row.
    pub const QUICK: Plan = Plan {
        slice: Duration::from_millis(30),
        rounds: 21,
        limit: Duration::from_millis(2500),
    };

    /// About ten seconds per row.
    pub const FULL: Plan = Plan {
        slice: Duration::from_millis(100),
        rounds: 51,
        limit: Duration::from_secs(12),
    };
}

/// Without at least so many, quartiles mean nothing.
pub const FEWEST_ROUNDS: usize = 5;

/// Bytes do not vary by themselves.
const ROUNDS_FOR_BYTES: usize = 3;

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
    let begin = Instant::now();
    let mut ours = ours.start();
    let mut peer = peer.start();
    let (iterations, rounds) = if unit.is_time() {
        (calibrate(&mut ours, &mut peer, plan.slice), plan.rounds)
    } else {
        (1, ROUNDS_FOR_BYTES)
    };

    let mut costs = (Vec::new(), Vec::new());
    for round in 0..rounds {
        if round >= FEWEST_ROUNDS && begin.elapsed() > plan.limit {
            break;
        }
        let (of_ours, of_peer) = measure_both(&mut ours, &mut peer, iterations, unit, round);
        costs.0.push(of_ours);
        costs.1.push(of_peer);
    }
    let ratios: Vec<f64> = costs.0.iter().zip(&costs.1).map(|(x, y)| x / y).collect();
    Outcome {
        ours: median(&costs.0),
        peer: median(&costs.1),
        ratio: median(&ratios),
        spread: spread(&ratios),
    }
}

fn measure_both(
    ours: &mut Workload,
    peer: &mut Workload,
    iterations: u64,
    unit: Unit,
    round: usize,
) -> (f64, f64) {
    if round.is_multiple_of(2) {
        let of_ours = ours.per_operation(iterations, unit);
        (of_ours, peer.per_operation(iterations, unit))
    } else {
        let of_peer = peer.per_operation(iterations, unit);
        (ours.per_operation(iterations, unit), of_peer)
    }
}

/// Warms both up and finds the number of iterations with which the slower takes about `slice`.
fn calibrate(ours: &mut Workload, peer: &mut Workload, slice: Duration) -> u64 {
    // The first run connects sockets, starts threads and touches memory.
    ours.run(1);
    peer.run(1);
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
