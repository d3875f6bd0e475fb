//! Runs the rows on this runtime and on Tokio, interleaved, and prints the ratios.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use benches::comparison::{Plan, compare};
use benches::heap::Counted;
use benches::row::Row;
use benches::statistics::geometric_mean;
use benches::{ours, peer, process};

#[global_allocator]
static HEAP: Counted = Counted;

const HELP: &str = "\
Runs the same work on this runtime and on Tokio and prints how they compare.

usage: compare [--quick] [--null] [--workers N] [ROW...]
       compare --list | --help

  ROW          a row to run, as --list names it; all if none is given
  --quick      about 2 seconds per row instead of about 10
  --null       Tokio against Tokio: shows what noise is on this machine
  --workers N  workers of the multi-thread runtimes; as many as there are CPUs if not given
  --list       the rows, with what one operation of each is
  --help       this text

Each row is one line, `row NAME ours X tokio Y unit U ratio R spread S`:
  X, Y    cost of one operation, the median over the rounds. Units: ns and us (on the wall),
          cpu_ns (CPU time of the process), bytes. Less is better in all of them.
  R       the median over the rounds of ours/tokio. Below 1 this runtime is the better one.
  S       half the interquartile range of ours/tokio over the rounds: half of the rounds were
          within about R-S and R+S.
The last line, `geomean R worst NAME R`, is the geometric mean of the ratios and the highest.

A name that ends in _ct is the row on the current-thread runtime; the others are on the
multi-thread runtime. Both runtimes have their default settings, live through the whole row and
take turns; what is not measured sleeps. Run it on an otherwise idle machine, built with --release.
";

/// What the command line asks for.
struct Request {
    plan: Plan,
    null: bool,
    workers: usize,
    names: Vec<String>,
    list: bool,
}

fn main() -> ExitCode {
    let request = match parse(std::env::args().skip(1)) {
        Ok(Some(request)) => request,
        Ok(None) => return print(HELP),
        Err(complaint) => return misuse(&complaint),
    };
    let theirs = peer::rows(request.workers);
    if request.list {
        let width = theirs.iter().map(|row| row.name.len()).max().unwrap_or(0);
        let lines = theirs.iter().map(|row| {
            let (name, unit) = (&row.name, row.unit.to_string());
            format!("{name:width$}  {unit:6}  {}\n", row.about)
        });
        return print(&lines.collect::<String>());
    }
    let ours = if request.null {
        peer::rows(request.workers)
    } else {
        ours::rows(request.workers)
    };
    if let Some(name) = request
        .names
        .iter()
        .find(|name| !ours.iter().any(|row| row.name == **name))
    {
        let names: Vec<_> = ours.iter().map(|row| row.name.as_str()).collect();
        return misuse(&format!(
            "there is no row `{name}`; the rows are: {}",
            names.join(" ")
        ));
    }
    if cfg!(debug_assertions) {
        eprintln!("compare: this is a debug build; its numbers say nothing");
    }
    process::raise_descriptor_limit();
    run(&request, &ours, &theirs)
}

fn run(request: &Request, ours: &[Row], theirs: &[Row]) -> ExitCode {
    let mut ratios = Vec::new();
    let mut worst: Option<(&str, f64)> = None;
    for (ours, theirs) in ours.iter().zip(theirs) {
        let name = ours.name.as_str();
        if !request.names.is_empty() && !request.names.iter().any(|asked| asked == name) {
            continue;
        }
        let watched = end_if_stuck(name);
        let outcome = compare(ours, theirs, request.plan);
        drop(watched);
        let line = format!(
            "row {name} ours {:.2} tokio {:.2} unit {} ratio {:.3} spread {:.3}\n",
            outcome.ours, outcome.peer, ours.unit, outcome.ratio, outcome.spread
        );
        if print(&line) != ExitCode::SUCCESS {
            return ExitCode::FAILURE;
        }
        ratios.push(outcome.ratio);
        if worst.is_none_or(|(_, ratio)| outcome.ratio > ratio) {
            worst = Some((name, outcome.ratio));
        }
    }
    let (name, ratio) = worst.expect("names were checked, so at least one row ran");
    let mean = geometric_mean(&ratios);
    print(&format!("geomean {mean:.3} worst {name} {ratio:.3}\n"))
}

/// Ends the process with a message if the row does not end; a lost wake-up would hang it for ever.
fn end_if_stuck(name: &str) -> mpsc::Sender<()> {
    const PATIENCE: Duration = Duration::from_secs(120);
    let name = name.to_owned();
    let (ended, end) = mpsc::channel();
    thread::spawn(move || {
        if end.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            eprintln!("compare: row {name} is still not done after {PATIENCE:?}; giving up");
            std::process::exit(1);
        }
    });
    ended
}

/// `None` asks for help.
fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Option<Request>, String> {
    let mut request = Request {
        plan: Plan::FULL,
        null: false,
        workers: thread::available_parallelism().map_or(1, usize::from),
        names: Vec::new(),
        list: false,
    };
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--help" | "-h" => return Ok(None),
            "--list" => request.list = true,
            "--quick" => request.plan = Plan::QUICK,
            "--null" => request.null = true,
            "--workers" => {
                let number = arguments.next().unwrap_or_default();
                request.workers = match number.parse() {
                    Ok(workers @ 1..=1024) => workers,
                    _ => {
                        return Err(format!(
                            "--workers takes a number from 1 to 1024, not `{number}`"
                        ));
                    }
                };
            }
            option if option.starts_with('-') => {
                return Err(format!("there is no option `{option}`; try --help"));
            }
            _ => request.names.push(argument),
        }
    }
    Ok(Some(request))
}

fn misuse(complaint: &str) -> ExitCode {
    eprintln!("compare: {complaint}");
    ExitCode::from(2)
}

/// A reader that went away, `compare | head -1`, is no reason to panic.
fn print(text: &str) -> ExitCode {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
