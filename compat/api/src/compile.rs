//! Compiles the lines, and says which of them do not compile.
//!
//! The compiler does not report everything at once: while a name is not found it does not look at
//! types, and while a type is wrong not at lifetimes. So lines with an error are taken out and the
//! rest is compiled again, until it compiles.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

/// cargo in `folder`, which keeps what it builds from one run to the next.
fn cargo(folder: &Path) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(folder);
    if env::var_os("CARGO_TARGET_DIR").is_none() {
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/api-check");
        cargo.env("CARGO_TARGET_DIR", target);
    }
    cargo
}

/// What the compiler said about each line that it did not accept; lines count from 0.
pub(crate) fn failures(
    folder: &Path,
    manifest: &str,
    prelude: &str,
    lines: &[Option<String>],
) -> BTreeMap<usize, String> {
    fs::create_dir_all(folder.join("src")).expect("the folder can be written");
    fs::write(folder.join("Cargo.toml"), manifest).expect("the folder can be written");
    let mut failures = BTreeMap::new();
    loop {
        let mut source = format!("#![allow(warnings)] {prelude}\n");
        for (at, line) in lines.iter().enumerate() {
            if let (Some(line), false) = (line, failures.contains_key(&at)) {
                source += line;
            }
            source.push('\n');
        }
        fs::write(folder.join("src/lib.rs"), source).expect("the folder can be written");
        let output = cargo(folder)
            .args(["check", "--quiet", "--message-format=short"])
            .output()
            .expect("cargo can be started");
        if output.status.success() {
            return failures;
        }
        let messages = String::from_utf8_lossy(&output.stderr);
        let before = failures.len();
        for message in messages.lines() {
            if let Some((line, text)) = parse(message) {
                failures.entry(line).or_insert(text);
            }
        }
        assert!(
            failures.len() > before,
            "this is not about one of the lines:\n{messages}"
        );
    }
}

/// Builds a program that calls these functions of the library, and gives what it prints.
pub(crate) fn output(folder: &Path, functions: impl Iterator<Item = String>) -> String {
    let calls: String = functions.map(|name| format!("uses::{name}();\n")).collect();
    fs::write(
        folder.join("src/main.rs"),
        format!("fn main() {{\n{calls}}}\n"),
    )
    .expect("the folder can be written");
    let output = cargo(folder)
        .args(["run", "--quiet"])
        .output()
        .expect("cargo can be started");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("names are text")
}

/// `src/lib.rs:12:3: error[E0425]: …`, and the line counted from 0.
fn parse(message: &str) -> Option<(usize, String)> {
    let (place, text) = message.split_once(": error")?;
    let mut place = place.strip_prefix("src/lib.rs:")?.split(':');
    let line: usize = place.next()?.parse().ok()?;
    Some((line.checked_sub(2)?, format!("error{text}")))
}
