//! The rows for criterion: one group per row, with both sides in it.
//!
//! `cargo bench -p benches -- echo_64` runs what matches. criterion measures one side after the
//! other; for ratios use the program `compare`, which interleaves them. Rows that count bytes
//! or take long are not for criterion.

use std::thread::available_parallelism;
use std::time::Duration;

use benches::child;
use benches::process::{self, Cpus, confine_to};
use benches::row::{Cost, Pace, Row};
use benches::sides::Side;
use criterion::{Criterion, criterion_group, criterion_main};

fn rows(criterion: &mut Criterion) {
    process::raise_descriptor_limit();
    child::start_from(env!("CARGO_BIN_EXE_compare"));
    let workers = available_parallelism().map_or(1, usize::from);
    for (ours, peer) in Side::Ours
        .rows(workers)
        .iter()
        .zip(&Side::Tokio.rows(workers))
    {
        if ours.work.pace == Pace::Calibrated && !ours.work.is_heavy {
            let _one_cpu = ours.work.is_confined.then(|| confine_to(Cpus::Last));
            let mut group = criterion.benchmark_group(ours.name());
            group.sample_size(20);
            group.measurement_time(Duration::from_secs(2));
            group.warm_up_time(Duration::from_secs(1));
            side(&mut group, "ours", ours);
            side(&mut group, "tokio", peer);
            group.finish();
        }
    }
}

type Group<'a> = criterion::BenchmarkGroup<'a, criterion::measurement::WallTime>;

fn side(group: &mut Group<'_>, name: &str, row: &Row) {
    // Made once, and only for what the command line selects; criterion calls the closure per sample.
    let mut workload = None;
    group.bench_function(name, |bencher| {
        let workload = workload.get_or_insert_with(|| row.start());
        bencher.iter_custom(|iterations| match workload.run(iterations) {
            Cost::Time(time) | Cost::Served { wall: time, .. } => time,
            Cost::Values(_) => unreachable!("rows that take no time are left out"),
        });
    });
}

criterion_group!(benches, rows);
criterion_main!(benches);
