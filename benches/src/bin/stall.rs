//! What a task that blocks its thread does to all others, on this runtime and on Tokio.

use std::io::{self, Write};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use benches::load::{Load, OpenLoop};
use benches::stalling::{Case, Victim};
use benches::statistics::quantile;
use benches::{ours, peer};

const HELP: &str = "\
Measures what a task that blocks its thread does to the latency of all others, on this runtime and
on Tokio.

usage: stall [CASE...]

  none      no task blocks
  one_of_n  one task sleeps its thread for 50 ms of every 150
  all_of_n  as many tasks as there are workers sleep their threads for 2 s, once
  forever   one task sleeps its thread until the end
  spin      one task spins until the end

Each runtime has 2 workers and its default settings, and echoes 64 bytes to 8 clients, each of which
asks every 2 ms whether or not it was answered (open loop). The clients are one thread that knows no
runtime. The runtimes take turns, 3 times each, built anew every time; the first turn of a case
begins with this runtime, the next with Tokio.

Each case is two lines, `case NAME runtime ours|tokio p50 X p99 X p999 X max X`: percentiles of the
latency in microseconds, from the time at which a request was to be sent to its answer. A request
that is not answered after 3 s counts as 3 s.
";

const WORKERS: usize = 2;
const CLIENTS: u32 = 8;
const EVERY: Duration = Duration::from_millis(2);
/// Longer than the longest case that ends.
const PATIENCE: Duration = Duration::from_secs(3);
const TURNS: usize = 3;
/// Before the tasks of the case begin.
const PRELUDE: Duration = Duration::from_millis(300);

fn main() -> ExitCode {
    let mut cases = Vec::new();
    for argument in std::env::args().skip(1) {
        if argument == "--help" || argument == "-h" {
            return print(HELP);
        }
        let Some(case) = Case::ALL.iter().find(|case| case.to_string() == argument) else {
            eprintln!("stall: there is no case `{argument}`; try --help");
            return ExitCode::from(2);
        };
        cases.push(*case);
    }
    if cases.is_empty() {
        cases = Case::ALL.to_vec();
    }
    if cfg!(debug_assertions) {
        eprintln!("stall: this is a debug build; its numbers say nothing");
    }
    let about = format!(
        "# microseconds; a request without an answer after {0} counts as {0}\n",
        PATIENCE.as_micros()
    );
    let mut status = print(&about);
    for case in cases {
        if status == ExitCode::SUCCESS {
            status = print(&run(case));
        }
    }
    status
}

/// Measures one case and returns its lines.
fn run(case: Case) -> String {
    let (mut of_ours, mut of_tokio) = (Vec::new(), Vec::new());
    for turn in 0..TURNS {
        let mut ours = || of_ours.extend(measure(case, ours::victim(WORKERS)));
        let mut tokio = || of_tokio.extend(measure(case, peer::victim(WORKERS)));
        if turn % 2 == 0 {
            ours();
            tokio();
        } else {
            tokio();
            ours();
        }
    }
    line(case, "ours", &of_ours) + &line(case, "tokio", &of_tokio)
}

fn measure(case: Case, victim: Victim) -> Vec<f64> {
    let address = victim.address;
    let clients = thread::spawn(move || {
        OpenLoop::connect(address, CLIENTS as usize).run(Load {
            interval: EVERY / CLIENTS,
            duration: case.duration(),
            patience: PATIENCE,
        })
    });
    thread::sleep(PRELUDE);
    (victim.block)(case);
    let latencies = clients.join().expect("the clients panicked");
    (victim.end)();
    latencies
        .into_iter()
        .map(|latency| latency.as_secs_f64() * 1e6)
        .collect()
}

fn line(case: Case, runtime: &str, latencies: &[f64]) -> String {
    let at = |share| quantile(latencies, share);
    format!(
        "case {case} runtime {runtime} p50 {:.1} p99 {:.1} p999 {:.1} max {:.1}\n",
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0)
    )
}

fn print(text: &str) -> ExitCode {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
