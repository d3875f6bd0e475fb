//! How many instructions the short ways through this runtime and through Tokio take.
//!
//! Counts do not depend on what else the machine does. They are taken by callgrind from a child: once
//! for so many turns and once for three times as many, so that start and end cancel out.

use std::process::{Command, ExitCode};

use benches::paths::Path;
use benches::row::Flavour;
use benches::{ours, peer};

const HELP: &str = "\
Counts the instructions that short ways through this runtime and through Tokio take. Needs valgrind.

usage: instructions [PATH...]

  PATH  spawn_join, wake, mpsc_send_recv, timer_insert_drop, echo_turn, duplex, lines or copy; all if
        none is given

Each is one line per flavour, `instructions PATH FLAVOUR ours X tokio Y ratio R`: the instructions of
one turn in user space. FLAVOUR is `ct`, current-thread, or `mt`, multi-thread with one worker.
";

const TURNS: usize = 2_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [mark, side, flavour, path, turns] = &arguments[..]
        && mark == "--child"
    {
        walk(side, flavour, path, turns.parse().expect("a number"));
        return ExitCode::SUCCESS;
    }
    if arguments
        .iter()
        .any(|word| word == "--help" || word == "-h")
    {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    if let Some(name) = arguments.iter().find(|name| path_named(name).is_none()) {
        eprintln!("instructions: there is no path `{name}`; try --help");
        return ExitCode::from(2);
    }
    for path in Path::ALL {
        if !arguments.is_empty() && !arguments.contains(&path.to_string()) {
            continue;
        }
        for flavour in ["ct", "mt"] {
            let counts = ["ours", "tokio"].map(|side| per_turn(side, flavour, *path));
            let [ours, tokio] = match counts {
                [Ok(ours), Ok(tokio)] => [ours, tokio],
                [Err(complaint), _] | [_, Err(complaint)] => {
                    eprintln!("instructions: {complaint}");
                    return ExitCode::FAILURE;
                }
            };
            println!(
                "instructions {path} {flavour} ours {ours:.0} tokio {tokio:.0} ratio {:.3}",
                ours / tokio
            );
        }
    }
    ExitCode::SUCCESS
}

fn path_named(name: &str) -> Option<Path> {
    let mut paths = Path::ALL.iter();
    paths.find(|path| path.to_string() == name).copied()
}

fn walk(side: &str, flavour: &str, path: &str, turns: usize) {
    let flavour = match flavour {
        "ct" => Flavour::CurrentThread,
        _ => Flavour::MultiThread { workers: 1 },
    };
    let path = path_named(path).expect("the parent knows the paths");
    match side {
        "ours" => ours::walk(path, flavour, turns),
        _ => peer::walk(path, flavour, turns),
    }
}

fn per_turn(side: &str, flavour: &str, path: Path) -> Result<f64, String> {
    let few = count(side, flavour, path, TURNS)?;
    let many = count(side, flavour, path, 3 * TURNS)?;
    Ok((many as f64 - few as f64) / (2 * TURNS) as f64)
}

/// What callgrind counts for a child.
fn count(side: &str, flavour: &str, path: Path, turns: usize) -> Result<u64, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["--child", side, flavour, &path.to_string()])
        .arg(turns.to_string())
        .output()
        .map_err(|error| format!("cannot run valgrind: {error}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    text.lines()
        .find_map(|line| line.split_once("Collected : "))
        .and_then(|(_, number)| number.trim().parse().ok())
        .filter(|_| output.status.success())
        .ok_or_else(|| format!("callgrind has failed:\n{text}"))
}
