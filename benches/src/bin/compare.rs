//! Runs the rows on this runtime and on others, interleaved, and prints the ratios.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use benches::comparison::{Outcome, Plan, Verdict, compare};
use benches::heap::Counted;
use benches::row::{Row, Unit};
use benches::sides::{self, Side};
use benches::statistics::geometric_mean;
use benches::{child, process};

#[global_allocator]
static HEAP: Counted = Counted;

const HELP: &str = "\
Runs the same work on this runtime and on Tokio and prints how they compare.

usage: compare [--quick] [--all] [--null] [--only SIDE] [--workers N] [ROW...]
       compare --list | --help

  ROW          a row to run, as --list names it; all if none is given
  --quick      about 2 seconds per row instead of about 15, without the heavy rows and with Tokio and
               the floor alone; within 5 minutes
  --all        with --quick: the heavy rows and all peers nevertheless; about 17 minutes
  --null       Tokio against Tokio: shows what noise is on this machine
  --only SIDE  one side alone, for profilers: ours, tokio, floor, per_core or smol
  --workers N  workers of the multi-thread runtimes; as many as there are CPUs if not given
  --list       the rows, with what one operation of each is
  --help       this text

Each number is one line, `row NAME ours X tokio Y unit U ratio R spread S`:
  X, Y    cost of one operation, the median over all rounds. Less is better in all units: ns and us
          (on the wall), cpu_ns (CPU time of the process), cpu_us (CPU time of the server, which is
          a process of its own), bytes, times (how often something happens).
  R       ours/tokio, the median over several lives of their medians; for each life both runtimes are
          built anew, in a process of its own. Below 1 this runtime is the better one.
  S       half the distance between the best of the lives and the worst. There are eight in a quick
          run, ten in a full one, and fewer for rows that take long. A row is ahead if R+S is below 1,
          behind if R-S is above 1, and otherwise level.
Where others do the same work, a line follows for each of them, `peer NAME WHO X unit U ratio R
spread S`, with R as ours/WHO. WHO is `floor` (a bare mio loop on one thread, without tasks),
`per_core` (one current-thread Tokio per CPU, with SO_REUSEPORT) or `smol`.
The last lines are `verdicts ahead A level L behind B NAME...`, how many rows are what and which are
behind; `geomean_system R`, the geometric mean of the ratios of the rows in which most of the time goes
to the system; and `geomean R worst NAME R`: the mean of the others, and the highest ratio of all.
Numbers of the unit `times` are in none of these.

A name that ends in _ct is the row on the current-thread runtime; the others are on the
multi-thread runtime. All runtimes have their default settings, live through the whole row and
take turns; what is not measured sleeps. A row marked `one CPU` is confined to one, because its
conversation would be as fast as the system happens to place its ends. Run it on an otherwise idle
machine, built with --release.
";

/// What the command line asks for.
struct Request {
    is_quick: bool,
    is_all: bool,
    is_null: bool,
    only: Option<Side>,
    workers: usize,
    names: Vec<String>,
    list: bool,
}

/// What all rows of a quick run may take together, with a reserve to the five minutes promised.
const QUICK_BUDGET: Duration = Duration::from_secs(270);

fn main() -> ExitCode {
    child::run_if_asked();
    let request = match parse(std::env::args().skip(1)) {
        Ok(Some(request)) => request,
        Ok(None) => return print(HELP),
        Err(complaint) => return misuse(&complaint),
    };
    let theirs = Side::Tokio.rows(request.workers);
    if request.list {
        return list(&theirs);
    }
    let known: Vec<String> = theirs.iter().map(Row::name).collect();
    if let Some(name) = request.names.iter().find(|name| !known.contains(name)) {
        return misuse(&format!("there is no row `{name}`; --list shows the rows"));
    }
    if cfg!(debug_assertions) {
        eprintln!("compare: this is a debug build; its numbers say nothing");
    }
    process::raise_descriptor_limit();
    run(&request, &known)
}

fn list(rows: &[Row]) -> ExitCode {
    let width = rows.iter().map(|row| row.name().len()).max().unwrap_or(0);
    let lines = rows.iter().map(|row| {
        let units: Vec<_> = row
            .work
            .measures
            .iter()
            .map(|m| m.unit.to_string())
            .collect();
        let mut marks = String::new();
        if row.work.is_heavy {
            marks += " [not in --quick]";
        }
        if row.work.is_confined {
            marks += " [one CPU]";
        }
        let (name, about) = (row.name(), row.work.about);
        format!("{name:width$}  {:6}  {about}{marks}\n", units.join(","))
    });
    print(&lines.collect::<String>())
}

fn run(request: &Request, names: &[String]) -> ExitCode {
    let sides: Vec<(Side, Vec<Row>)> = match request.only {
        Some(side) => vec![side],
        None if request.is_null => vec![Side::Tokio, Side::Tokio],
        None => sides::ALL.to_vec(),
    }
    .into_iter()
    .map(|side| (side, side.rows(request.workers)))
    .collect();
    let is_short = request.is_quick && !request.is_all;
    let wanted: Vec<&String> = names
        .iter()
        .filter(|name| {
            let row = sides[0].1.iter().find(|row| row.name() == **name);
            row.is_some_and(|row| match request.names.is_empty() {
                true => !(is_short && row.work.is_heavy),
                false => request.names.contains(name),
            })
        })
        .collect();
    let begin = Instant::now();
    let mut ratios = Ratios::default();
    for (done, name) in wanted.iter().enumerate() {
        let participants: Vec<(Side, &Row)> = sides
            .iter()
            .filter(|(side, _)| !is_short || side.is_in_quick_runs() || request.only.is_some())
            .filter_map(|(side, rows)| {
                let row = rows.iter().find(|row| row.name() == **name)?;
                Some((*side, row))
            })
            .collect();
        let mut plan = if request.is_quick {
            Plan::QUICK
        } else {
            Plan::FULL
        };
        if is_short {
            let left = QUICK_BUDGET.saturating_sub(begin.elapsed());
            plan.limit = plan.limit.min(left / (wanted.len() - done) as u32);
        }
        let watched = end_if_stuck(name);
        let text = measure(&participants, request.workers, plan, &mut ratios);
        drop(watched);
        if print(&text) != ExitCode::SUCCESS {
            return ExitCode::FAILURE;
        }
    }
    print(&ratios.summary())
}

/// Measures one row and returns its lines.
fn measure(
    participants: &[(Side, &Row)],
    workers: usize,
    plan: Plan,
    ratios: &mut Ratios,
) -> String {
    let (_, row) = participants[0];
    let outcomes = compare(participants, workers, plan);
    let mut text = String::new();
    for (measure, outcomes) in row.work.measures.iter().zip(&outcomes) {
        let (name, unit) = (row.name_of(*measure), measure.unit);
        let ours = outcomes[0].cost;
        if ours.is_nan() {
            eprintln!("compare: {name} cannot be measured here");
            continue;
        }
        let Some(tokio) = outcomes.get(1) else {
            text += &format!("only {name} {} {ours:.2} unit {unit}\n", participants[0].0);
            continue;
        };
        text += &format!(
            "row {name} ours {ours:.2} tokio {:.2} unit {unit} ratio {:.3} spread {:.3}\n",
            tokio.cost, tokio.ratio, tokio.spread
        );
        // How often something happens is told for those who look, and makes no mean.
        if unit != Unit::Times {
            ratios.add(&name, row.work.is_micro, tokio);
        }
        for ((side, _), outcome) in participants.iter().zip(outcomes).skip(2) {
            text += &format!(
                "peer {name} {side} {:.2} unit {unit} ratio {:.3} spread {:.3}\n",
                outcome.cost, outcome.ratio, outcome.spread
            );
        }
    }
    text
}

/// The ratios of all rows so far.
#[derive(Default)]
struct Ratios {
    micro: Vec<f64>,
    system: Vec<f64>,
    worst: Option<(String, f64)>,
    ahead: usize,
    level: usize,
    behind: Vec<String>,
}

impl Ratios {
    fn add(&mut self, name: &str, is_micro: bool, outcome: &Outcome) {
        match outcome.verdict() {
            Verdict::Ahead => self.ahead += 1,
            Verdict::Level => self.level += 1,
            Verdict::Behind => self.behind.push(name.to_owned()),
        }
        let ratio = outcome.ratio;
        if is_micro {
            self.micro.push(ratio);
        } else {
            self.system.push(ratio);
        }
        if self.worst.as_ref().is_none_or(|(_, worst)| ratio > *worst) {
            self.worst = Some((name.to_owned(), ratio));
        }
    }

    /// The last lines. Where all rows are of one kind, there is one mean.
    fn summary(&self) -> String {
        let Some((name, worst)) = &self.worst else {
            return String::new();
        };
        let (ahead, level, behind) = (self.ahead, self.level, self.behind.len());
        let mut text = format!("verdicts ahead {ahead} level {level} behind {behind}");
        for name in &self.behind {
            text += " ";
            text += name;
        }
        text += "\n";
        let mut last = &self.system;
        if !self.micro.is_empty() {
            if !self.system.is_empty() {
                text += &format!("geomean_system {:.3}\n", geometric_mean(&self.system));
            }
            last = &self.micro;
        }
        text + &format!(
            "geomean {:.3} worst {name} {worst:.3}\n",
            geometric_mean(last)
        )
    }
}

/// Ends the process with a message if the row does not end; a lost wake-up would hang it for ever.
fn end_if_stuck(name: &str) -> mpsc::Sender<()> {
    const PATIENCE: Duration = Duration::from_secs(180);
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
        is_quick: false,
        is_all: false,
        is_null: false,
        only: None,
        workers: thread::available_parallelism().map_or(1, usize::from),
        names: Vec::new(),
        list: false,
    };
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--help" | "-h" => return Ok(None),
            "--list" => request.list = true,
            "--quick" => request.is_quick = true,
            "--all" => request.is_all = true,
            "--null" => request.is_null = true,
            "--only" => {
                let name = arguments.next().unwrap_or_default();
                request.only = Some(name.parse()?);
            }
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
