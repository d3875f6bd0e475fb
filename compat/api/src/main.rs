//! Proves that every public item of Tokio resolves in the shim, with a compatible signature.
//!
//! `cargo run -p api-check` in `compat`. The facts are in `facts`, what is not like Tokio in
//! `exceptions.txt`, each with its reason. The program fails when a fact does not hold that is no
//! exception, when an exception holds after all, and when more than 2 % are exceptions. With
//! `--real-tokio` it puts Tokio itself to the same test, to see whether the test is right.

mod compile;
mod emit;
mod exceptions;
mod facts;
mod text;
mod traits;

use std::path::Path;
use std::process::ExitCode;

use exceptions::Exceptions;
use facts::Fact;

/// How many facts may be exceptions.
const PERCENT: f64 = 2.0;

fn main() -> ExitCode {
    let has = |option: &str| std::env::args().any(|argument| argument == option);
    let real = has("--real-tokio");
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut facts = facts::parse(include_str!("../facts/stable.txt"), false);
    facts.extend(facts::parse(include_str!("../facts/more.txt"), false));
    facts.extend(facts::parse(include_str!("../facts/unstable.txt"), true));
    let exceptions = if real {
        Exceptions::default()
    } else {
        Exceptions::parse(include_str!("../exceptions.txt"))
    };

    let tokio = if real {
        r#"version = "=1.54.1", features = ["full", "test-util", "tracing", "taskdump", "schedule-latency"]"#
            .to_owned()
    } else {
        format!(
            "path = {:?}, features = [\"taskdump\"]",
            here.parent().unwrap().join("tokio")
        )
    };
    let manifest = format!(
        "[package]\nname = \"uses\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n\
         [dependencies]\nbytes = \"1\"\ntokio = {{ {tokio} }}\n"
    );
    let folder = std::env::temp_dir().join(format!("api-check-{}", std::process::id()));

    if !real {
        // The versions that are tried elsewhere.
        std::fs::create_dir_all(&folder).expect("the folder can be written");
        std::fs::copy(here.join("../Cargo.lock"), folder.join("Cargo.lock"))
            .expect("the workspace has a lock file");
    }

    let lines = numbered(&facts, emit::line);
    let count = lines.iter().flatten().count();
    let mut failing: Vec<(String, String)> = compile::failures(&folder, &manifest, "", &lines)
        .into_iter()
        .map(|(number, message)| (facts[number].text.clone(), message))
        .collect();

    let lines = numbered(&facts, traits::line);
    let not_there = compile::failures(&folder, &manifest, &traits::prelude(), &lines);
    if has("--verbose") {
        for (number, message) in &not_there {
            println!("no row: {}\n    {message}", facts[*number].text);
        }
    }
    let asked = lines
        .iter()
        .enumerate()
        .filter(|(number, line)| line.is_some() && !not_there.contains_key(number))
        .map(|(number, _)| format!("p{number}"));
    let found = compile::output(&folder, asked);
    if has("--record-traits") {
        let head = "# Traits of the public types and futures of tokio 1.54.1, as printed by \
                    `api-check --real-tokio --record-traits`.\n";
        std::fs::write(here.join("facts/traits.txt"), format!("{head}{found}"))
            .expect("the facts can be written");
    }
    let rows = traits::Rows::parse(&found);
    let facts_of_traits = std::fs::read_to_string(here.join("facts/traits.txt"))
        .expect("the facts of traits are there");
    let expected = traits::Rows::parse(&facts_of_traits);
    failing.extend(expected.differences(&rows));
    let _ = std::fs::remove_dir_all(&folder);

    let count = count + expected.len();
    let mut complaints = 0;
    let mut excepted = 0;
    for (fact, message) in &failing {
        if exceptions.contains(fact) {
            excepted += 1;
        } else {
            complaints += 1;
            println!("does not hold: {fact}\n    {message}");
        }
    }
    for fact in exceptions.iter() {
        if !failing.iter().any(|(failing, _)| failing == fact) {
            complaints += 1;
            println!("is no exception (any more): {fact}");
        }
    }
    let percent = 100.0 * f64::from(excepted) / count as f64;
    println!("{count} facts, {excepted} exceptions ({percent:.2} %), {complaints} complaints");
    if complaints > 0 || percent > PERCENT {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn numbered(facts: &[Fact], line: impl Fn(&Fact, usize) -> Option<String>) -> Vec<Option<String>> {
    facts
        .iter()
        .enumerate()
        .map(|(number, fact)| line(fact, number))
        .collect()
}
