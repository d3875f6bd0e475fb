//! Rules of the house that a program can check: pages that name files name files that exist, every
//! source file says what it is for, and what the README promises is what the checks run.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders with code of the workspace.
const CODE: &[&str] = &[
    "runtime", "net", "timer", "examples", "benches", "tests", "compat",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the package lies in the workspace")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All files under `folder` with this extension, relative to the root, in order.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if path.file_name().is_some_and(|name| name != "target") {
                    walk(&path, extension, found);
                }
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), extension, &mut found);
    found.sort();
    found
}

/// The source files of the workspace, but for the programs that are wrong on purpose.
fn sources() -> Vec<PathBuf> {
    let found: Vec<_> = CODE
        .iter()
        .flat_map(|folder| files(folder, "rs"))
        .filter(|path| !path.starts_with("tests/tests/ui"))
        .collect();
    assert!(found.len() > 100, "most source files were not found");
    found
}

/// The pages for people.
fn pages() -> Vec<PathBuf> {
    let mut pages = files("docs", "md");
    pages.extend(["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(PathBuf::from));
    pages
}

/// What stands between backticks and looks like the path of a file.
fn named_paths(page: &str) -> BTreeSet<&str> {
    page.split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| {
            let path = Path::new(word);
            let known = ["rs", "md", "sh", "toml"];
            word.contains('/')
                && !word.contains([' ', '\n', '<', '*'])
                && path
                    .extension()
                    .is_some_and(|extension| known.iter().any(|known| extension == *known))
        })
        .collect()
}

/// Fails with all complaints, if there are any.
fn expect_none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn every_file_that_a_page_names_exists() {
    let mut count = 0;
    let mut complaints = Vec::new();
    for page in pages() {
        let text = read(&page);
        for path in named_paths(&text) {
            count += 1;
            if !root().join(path).is_file() {
                complaints.push(format!("{} names {path}, which is gone", page.display()));
            }
        }
    }
    expect_none(complaints);
    assert!(count > 60, "the pages name only {count} files");
}

#[test]
fn every_local_link_of_a_page_leads_somewhere() {
    let mut complaints = Vec::new();
    for page in pages() {
        let text = read(&page);
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let folder = root().join(&page).parent().unwrap().to_owned();
            if !link.contains("://") && !folder.join(link).exists() {
                complaints.push(format!("{} links to {link}, which is gone", page.display()));
            }
        }
    }
    expect_none(complaints);
}

#[test]
fn every_source_file_says_what_it_is_for() {
    expect_none(
        sources()
            .into_iter()
            .filter(|path| !read(path).starts_with("//! "))
            .map(|path| format!("{} does not begin with a module doc", path.display()))
            .collect(),
    );
}

#[test]
fn every_file_with_unsafe_code_says_why() {
    let mut complaints = Vec::new();
    for path in sources() {
        for (number, line) in read(&path).lines().enumerate() {
            let allows = line.trim_start().starts_with("#![allow(unsafe_code)]");
            if allows && !line.contains("//") {
                complaints.push(format!("{}:{}: why?", path.display(), number + 1));
            }
        }
    }
    expect_none(complaints);
}

#[test]
fn modules_are_files_beside_their_folder() {
    expect_none(
        sources()
            .into_iter()
            .filter(|path| path.ends_with("mod.rs"))
            .map(|path| format!("{}: name the file after the module", path.display()))
            .collect(),
    );
}

#[test]
fn no_test_is_switched_off() {
    let attribute = concat!("#[", "ignore");
    expect_none(
        sources()
            .into_iter()
            .filter(|path| read(path).contains(attribute))
            .map(|path| format!("{}: a test that is ignored checks nothing", path.display()))
            .collect(),
    );
}

/// A line of a file's list of invariants, `//! - **T1** …`, has the letter `T`.
fn invariant(line: &str) -> Option<char> {
    let line = line
        .strip_prefix("//! - **")
        .or_else(|| line.strip_prefix("/// - **"))?;
    let name = line.split("**").next()?;
    let number = name.strip_prefix(|letter: char| letter.is_ascii_uppercase())?;
    number.parse::<u32>().ok()?;
    name.chars().next()
}

#[test]
fn the_table_of_invariants_is_complete() {
    let page = read("docs/architecture.md");
    let mut complaints = Vec::new();
    for path in sources() {
        let Some(letter) = read(&path).lines().find_map(invariant) else {
            continue;
        };
        let row = format!("| `{}` | {letter}, ", path.display());
        if !page.lines().any(|line| line.starts_with(&row)) {
            complaints.push(format!(
                "docs/architecture.md: the table of invariants has no row that begins with `{row}`"
            ));
        }
    }
    expect_none(complaints);
}

#[test]
fn the_commands_of_the_readme_are_those_that_are_checked() {
    let readme = read("README.md");
    let commands: Vec<_> = readme
        .split("```sh\n")
        .skip(1)
        .filter_map(|rest| rest.split("\n```").next())
        .collect();
    let [serve, test] = commands[..] else {
        panic!("the README has two commands, not {commands:?}")
    };
    assert_eq!(serve, "cargo run --release --example web");
    assert!(
        read("tests/ci/examples.sh").contains("cargo run --release --quiet --example"),
        "tests/ci/examples.sh does not run the first"
    );
    assert!(
        read("tests/ci/test.sh").lines().any(|line| line == test),
        "tests/ci/test.sh does not run the second, {test}"
    );
}

#[test]
fn every_check_is_run_and_described() {
    /// Too long for every change.
    const APART: &[&str] = &["miri", "long-loom", "long-fs", "long-suites"];
    let run = read(".ci/run");
    let contributing = read("CONTRIBUTING.md");
    let scripts = files("tests/ci", "sh");
    assert!(!scripts.is_empty());
    for script in scripts {
        let name = script.file_stem().unwrap().to_str().unwrap();
        assert_eq!(
            run.contains(&format!("    \"{name} ")),
            !APART.contains(&name),
            ".ci/run and {name}"
        );
        assert!(
            contributing.contains(&format!("`tests/ci/{name}.sh`")),
            "CONTRIBUTING.md does not describe {name}"
        );
    }
}

#[test]
fn every_decision_has_a_number_of_its_own_and_is_listed() {
    let list = read("docs/decisions/README.md");
    let mut numbers = BTreeSet::new();
    for page in files("docs/decisions", "md") {
        let name = page.file_name().unwrap().to_str().unwrap();
        if name == "README.md" {
            continue;
        }
        let number = name.split('-').next().unwrap().to_owned();
        let title = format!("# {number} ");
        assert!(
            read(&page).starts_with(&title),
            "{name} begins with `{title}`"
        );
        assert!(list.contains(&format!("]({name})")), "{name} is not listed");
        assert!(numbers.insert(number), "{name} has the number of another");
    }
    assert!(!numbers.is_empty());
}

#[test]
fn every_feature_is_described() {
    let manifest = read("runtime/Cargo.toml");
    let crate_doc = read("runtime/src/lib.rs");
    let features = manifest.split("[features]\n").nth(1).unwrap();
    let features = features.split("\n[").next().unwrap();
    let mut count = 0;
    for line in features.lines() {
        let Some((name, _)) = line.split_once(" = ") else {
            continue;
        };
        if line.starts_with('#') || name == "default" {
            continue;
        }
        count += 1;
        assert!(
            crate_doc.contains(&format!("`{name}`")),
            "runtime/src/lib.rs does not describe the feature `{name}`"
        );
    }
    assert!(count > 0);
}
