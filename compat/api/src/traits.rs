//! Which traits without methods hold: what the compiler finds out by itself, or a `derive` wrote.
//!
//! A signature does not show whether a type is [`Send`], [`Unpin`] or [`Clone`]; the compiler knows.
//! A program asks it about every public type, with parameters that are themselves `Send` or not, and
//! about the future of every `async fn`, and prints one row for each. What it printed with Tokio is
//! `facts/traits.txt`; with the shim it must print the same.

use std::collections::{BTreeMap, BTreeSet};

use crate::emit;
use crate::facts::{Fact, definition, split_where};
use crate::text::{find_outside, parameter_name, replace_word, split_generics};

/// The traits in the order of the columns; the first five are asked about futures, too.
const TRAITS: &[&str] = &[
    "Send",
    "Sync",
    "Unpin",
    "UnwindSafe",
    "RefUnwindSafe",
    "Clone",
    "Copy",
    "Debug",
    "Default",
    "PartialEq",
    "Eq",
    "PartialOrd",
    "Ord",
    "Hash",
];
const AUTO: usize = 5;

/// Types to put in for parameters: the name says what they lack.
const MARKERS: &[&str] = &[
    "Plain",
    "NotSend",
    "NotSync",
    "NotUnpin",
    "NotUnwindSafe",
    "NotDerived",
];

/// The line for a fact: a function `p{number}` that prints rows. Nothing if there are none.
pub(crate) fn line(fact: &Fact, number: usize) -> Option<String> {
    let code = fact.code.as_str();
    let rows = match definition(code, "struct").or_else(|| definition(code, "enum")) {
        Some(path) => types(path),
        None => vec![future(fact)?],
    };
    let rows: String = rows
        .iter()
        .map(|(name, traits, value)| {
            // No macro: the compiler would report errors where that is written.
            let columns: String = traits
                .iter()
                .map(|name| {
                    format!(
                        "if is.{}() {{ print!(\" {name}\"); }} ",
                        name.to_lowercase()
                    )
                })
                .collect();
            format!("let is = Is({value}); print!(\"{{}}:\", {name:?}); {columns} println!(); ")
        })
        .collect();
    Some(format!("pub fn p{number}() {{ {rows} }}"))
}

/// Name, traits to ask about, and an expression of the type `PhantomData<_>`.
type Row = (String, &'static [&'static str], String);

fn types(path: &str) -> Vec<Row> {
    let path = split_where(path).0;
    let path = match path.find('(') {
        Some(open) => &path[..open],
        None => path,
    };
    let (path, parameters) = split_generics(path);
    let lifetimes = parameters
        .iter()
        .filter(|name| name.starts_with('\''))
        .count();
    let count = parameters.len() - lifetimes;
    let mut choices = Vec::new();
    if count == 0 {
        choices.push(Vec::new());
    }
    for marker in MARKERS {
        for at in 0..count {
            let mut choice = vec!["Plain"; count];
            choice[at] = marker;
            if !choices.contains(&choice) {
                choices.push(choice);
            }
        }
    }
    choices
        .iter()
        .map(|choice| {
            let mut inside = vec!["'static"; lifetimes];
            inside.extend(choice);
            let kind = if inside.is_empty() {
                path.to_owned()
            } else {
                format!("{path}<{}>", inside.join(", "))
            };
            (
                kind.replace("'static, ", "").replace("<'static>", ""),
                TRAITS,
                format!("PhantomData::<{kind}>"),
            )
        })
        .collect()
}

/// The row of what an `async fn` gives, or a function whose future has no public name.
fn future(fact: &Fact) -> Option<Row> {
    let call = emit::call(fact)?;
    if !call.is_future {
        return None;
    }
    let mut arguments = call.arguments.join(", ");
    let mut path = call.path;
    // What is put in for one may name another: twice is enough.
    for parameter in call.generics.iter().chain(&call.generics) {
        let name = parameter_name(parameter);
        let bounds = format!(
            "{parameter} + {}",
            call.bounds
                .iter()
                .filter(|bound| parameter_name(bound) == name)
                .cloned()
                .collect::<String>()
        );
        let concrete = if name.starts_with('\'') {
            "'static".to_owned()
        } else {
            concrete(&bounds)
        };
        let put_in = |text: &str| {
            if name.starts_with('\'') {
                text.replace(name, "'static")
            } else {
                replace_word(text, name, &concrete)
            }
        };
        arguments = put_in(&arguments);
        path = put_in(&path);
    }
    let parameters: Vec<_> = crate::text::list(&arguments)
        .iter()
        .enumerate()
        .map(|(at, kind)| format!("x{at}: {}", long_lived(kind)))
        .collect();
    let values: Vec<_> = (0..parameters.len()).map(|at| format!("x{at}")).collect();
    let head = &fact.text[..find_outside(&fact.text, "(", 0)?];
    let name = head.rsplit("fn ").next()?;
    Some((
        format!("future of {name}"),
        &TRAITS[..AUTO],
        format!(
            "result_{}(|{}| {path}({}))",
            parameters.len(),
            parameters.join(", "),
            values.join(", ")
        ),
    ))
}

fn long_lived(kind: &str) -> String {
    if let Some(open) = kind.find("fn(") {
        // The arguments of a function pointer have lifetimes of their own.
        return kind[..open].replace('&', "&'static ") + &kind[open..];
    }
    let kind = kind.replace("'_", "'static").replace("&'static ", "&");
    kind.replace('&', "&'static ")
}

/// A type that has these bounds.
fn concrete(bounds: &str) -> String {
    let has = |what: &str| bounds.contains(what);
    if has("Path>") || has("OsStr>") || has("ToSocketAddrs") {
        "&'static str".to_owned()
    } else if has("AsRef<[u8]>") || has("bytes::Buf") && !has("BufMut") {
        "&'static [u8]".to_owned()
    } else if has("BufMut") {
        "Vec<u8>".to_owned()
    } else if let Some(at) = bounds.find("core::ops::Fn") {
        let signature = &bounds[at + bounds[at..].find('(').unwrap()..];
        format!("fn{}", signature.trim_end_matches(" + "))
    } else if let Some((_, output)) = bounds.split_once("Future<Output = ") {
        let end = find_outside(output, ">", 0).unwrap_or(output.len());
        format!("std::future::Ready<{}>", &output[..end])
    } else if has("tokio::io::Async") {
        "tokio::io::Empty".to_owned()
    } else {
        "Plain".to_owned()
    }
}

/// What all lines need.
pub(crate) fn prelude() -> String {
    let mut out = String::from(
        "use std::marker::{PhantomData, PhantomPinned}; use std::panic::*; use std::fmt::Debug; \
         use std::hash::Hash; struct Is<T>(PhantomData<T>); ",
    );
    for name in TRAITS {
        let method = name.to_lowercase();
        out += &format!(
            "trait No{name} {{ fn {method}(&self) -> bool {{ false }} }} impl<T> No{name} for \
             Is<T> {{}} impl<T: {name}> Is<T> {{ fn {method}(&self) -> bool {{ true }} }} "
        );
    }
    for count in 0..6 {
        let names: Vec<_> = (0..count).map(|at| format!("A{at}")).collect();
        let names = names.join(", ");
        let comma = if count == 0 { "" } else { ", " };
        out += &format!(
            "fn result_{count}<{names}{comma}R>(_: impl FnOnce({names}) -> R) -> PhantomData<R> \
             {{ PhantomData }} "
        );
    }
    let derived =
        "#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)] pub struct";
    out += &format!(
        "{derived} Plain; {derived} NotSend(PhantomData<*const ()>); unsafe impl Sync for NotSend \
         {{}} impl UnwindSafe for NotSend {{}} impl RefUnwindSafe for NotSend {{}} {derived} \
         NotSync(PhantomData<*const ()>); unsafe impl Send for NotSync {{}} impl UnwindSafe for \
         NotSync {{}} impl RefUnwindSafe for NotSync {{}} {derived} NotUnpin(PhantomPinned); \
         #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)] pub struct \
         NotUnwindSafe(PhantomData<*const std::cell::UnsafeCell<u8>>); unsafe impl Send for \
         NotUnwindSafe {{}} unsafe impl Sync for NotUnwindSafe {{}} pub struct NotDerived; "
    );
    for marker in MARKERS {
        out += &format!(
            "impl Future for {marker} {{ type Output = (); fn poll(self: std::pin::Pin<&mut Self>, \
             _: &mut std::task::Context<'_>) -> std::task::Poll<()> {{ panic!() }} }} impl \
             std::os::fd::AsRawFd for {marker} {{ fn as_raw_fd(&self) -> i32 {{ -1 }} }} "
        );
    }
    out
}

/// Which traits each type or future has.
pub(crate) struct Rows(BTreeMap<String, BTreeSet<String>>);

impl Rows {
    pub(crate) fn parse(text: &str) -> Self {
        Self(
            text.lines()
                .filter(|line| !line.starts_with('#'))
                .filter_map(|line| line.rsplit_once(':'))
                .map(|(name, traits)| {
                    let traits = traits.split_whitespace().map(str::to_owned).collect();
                    (name.to_owned(), traits)
                })
                .collect(),
        )
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Rows in which `found` lacks a trait, and those it does not have at all. What has more than it
    /// must is no difference: nothing stops compiling.
    pub(crate) fn differences(&self, found: &Self) -> Vec<(String, String)> {
        let mut out = Vec::new();
        for (name, expected) in &self.0 {
            let fact = format!("traits of {name}");
            match found.0.get(name) {
                None => out.push((fact, "is not there, or is not a future".to_owned())),
                Some(found) => {
                    let lacks: Vec<_> = expected.difference(found).cloned().collect();
                    let has: Vec<_> = found.difference(expected).cloned().collect();
                    if !lacks.is_empty() {
                        out.push((fact, format!("lacks {}", lacks.join(", "))));
                    } else if std::env::args().any(|argument| argument == "--more")
                        && !has.is_empty()
                    {
                        println!("{name} also has {}", has.join(", "));
                    }
                }
            }
        }
        out
    }
}
