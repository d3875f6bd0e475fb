//! The facts: which public items Tokio has, one per line.
//!
//! The files come from a lister of public items, see their first lines. They give a trait's methods
//! below the trait, and the items of an `impl` below the `impl`; the file of what Tokio has under
//! `tokio_unstable` is sorted instead. Private modules of `std` and of Tokio show in the paths;
//! [`public_paths`] puts the public ones in their place.

use crate::text::{find_outside, list, split_generics};

/// What an item stands below.
#[derive(Clone, Debug, Default)]
pub(crate) enum Within {
    #[default]
    Nothing,
    Trait(String),
    Impl(Impl),
}

/// The first line of an `impl`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Impl {
    pub(crate) generics: Vec<String>,
    pub(crate) of: Option<String>,
    pub(crate) on: String,
    pub(crate) bounds: Vec<String>,
}

/// One line, and what it takes to understand it.
#[derive(Debug)]
pub(crate) struct Fact {
    /// As it stands in the file.
    pub(crate) text: String,
    /// With paths that can be named.
    pub(crate) code: String,
    pub(crate) within: Within,
    /// Of an enum: its variants.
    pub(crate) variants: Vec<String>,
    /// The definition of the type to which a variant or a field belongs.
    pub(crate) owner: Option<String>,
}

/// All facts of a file, in its order. A sorted one does not have the items of an `impl` below it.
pub(crate) fn parse(file: &str, is_sorted: bool) -> Vec<Fact> {
    let lines: Vec<(&str, String)> = file
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("# "))
        .map(|line| (line, public_paths(line)))
        .collect();
    let mut within = Within::Nothing;
    let mut facts = Vec::new();
    for (text, code) in &lines {
        if let Some(header) = parse_impl(code) {
            within = Within::Impl(header);
        } else if let Some(definition) = code.strip_prefix("pub trait ") {
            let end = find_outside(definition, ": ", 0).unwrap_or(definition.len());
            within = Within::Trait(definition[..end].to_owned());
        } else if ["struct", "enum", "mod"]
            .iter()
            .any(|kind| is_definition(code, kind))
        {
            within = Within::Nothing;
        }
        if is_sorted && code.starts_with("pub ") {
            within = Within::Nothing;
        }
        let variants = definition(code, "enum")
            .map(|path| {
                let prefix = format!("pub {}::", split_generics(path).0);
                lines
                    .iter()
                    .filter_map(|(_, other)| other.strip_prefix(&prefix))
                    .filter(|rest| !rest.contains("::") || rest.contains('('))
                    .map(|rest| rest.split('(').next().unwrap().to_owned())
                    .filter(|name| name.starts_with(char::is_uppercase))
                    .collect()
            })
            .unwrap_or_default();
        let owner = code
            .strip_prefix("pub tokio::")
            .and_then(|_| owner_of(code, lines.iter().map(|(_, code)| code.as_str())));
        facts.push(Fact {
            text: (*text).to_owned(),
            code: code.clone(),
            within: within.clone(),
            variants,
            owner,
        });
    }
    facts
}

/// The path, with its generics, that a line `pub struct …` or `pub enum …` defines.
pub(crate) fn definition<'a>(code: &'a str, kind: &str) -> Option<&'a str> {
    let code = code.strip_prefix("#[non_exhaustive] ").unwrap_or(code);
    code.strip_prefix("pub ")?
        .strip_prefix(kind)?
        .strip_prefix(' ')
}

fn is_definition(code: &str, kind: &str) -> bool {
    definition(code, kind).is_some()
}

/// The longest path of a type that `code`, a variant or a field, begins with.
fn owner_of<'a>(code: &str, lines: impl Iterator<Item = &'a str>) -> Option<String> {
    lines
        .filter_map(|line| definition(line, "enum").or_else(|| definition(line, "struct")))
        .filter(|path| {
            let bare = split_generics(path).0;
            code.strip_prefix("pub ")
                .and_then(|code| code.strip_prefix(bare))
                .is_some_and(|rest| rest.starts_with("::"))
        })
        .max_by_key(|path| path.len())
        .map(str::to_owned)
}

fn parse_impl(code: &str) -> Option<Impl> {
    let rest = code.strip_prefix("impl")?;
    let (mut generics, rest) = if rest.starts_with('<') {
        let end = crate::text::closing(rest, 0);
        (list(&rest[1..end - 1]), rest[end..].trim_start())
    } else {
        (Vec::new(), rest.trim_start())
    };
    let (head, bounds) = split_where(rest);
    let (of, on) = match find_outside(head, " for ", 0) {
        Some(at) => (Some(head[..at].to_owned()), head[at + 5..].to_owned()),
        None => (None, head.to_owned()),
    };
    let mut on = on;
    if on.contains("'_") {
        // It may have to be named in a result.
        on = on.replace("'_", "'o");
        generics.insert(0, "'o".to_owned());
    }
    Some(Impl {
        generics,
        of,
        on,
        bounds,
    })
}

/// Takes the bounds behind `where` off.
pub(crate) fn split_where(text: &str) -> (&str, Vec<String>) {
    match find_outside(text, " where ", 0) {
        Some(at) => (&text[..at], list(&text[at + 7..])),
        None => (text, Vec::new()),
    }
}

/// Paths as a program can write them.
pub(crate) fn public_paths(line: &str) -> String {
    const MODULES: &[(&str, &str)] = &[
        ("core::task::wake::", "core::task::"),
        ("core::task::poll::", "core::task::"),
        ("core::future::future::", "core::future::"),
        ("core::future::into_future::", "core::future::"),
        ("core::io::cursor::", "std::io::"),
        ("core::iter::traits::collect::", "core::iter::"),
        ("core::iter::traits::exact_size::", "core::iter::"),
        ("core::iter::traits::iterator::", "core::iter::"),
        ("core::iter::traits::marker::", "core::iter::"),
        ("core::mem::maybe_uninit::", "core::mem::"),
        ("core::net::ip_addr::", "core::net::"),
        ("core::net::socket_addr::", "core::net::"),
        ("core::ops::arith::", "core::ops::"),
        ("core::ops::bit::", "core::ops::"),
        ("core::ops::deref::", "core::ops::"),
        ("core::ops::drop::", "core::ops::"),
        ("core::ops::function::", "core::ops::"),
        ("core::ops::range::", "core::ops::"),
        ("core::panic::location::", "core::panic::"),
        ("core::panic::unwind_safe::", "core::panic::"),
        ("std::ffi::os_str::", "std::ffi::"),
        ("std::io::error::", "std::io::"),
        ("std::net::tcp::", "std::net::"),
        ("std::net::udp::", "std::net::"),
        ("std::os::fd::owned::", "std::os::fd::"),
        ("std::os::fd::raw::", "std::os::fd::"),
        ("std::os::unix::net::addr::", "std::os::unix::net::"),
        ("std::os::unix::net::listener::", "std::os::unix::net::"),
        ("std::os::unix::net::stream::", "std::os::unix::net::"),
        ("std::thread::id::", "std::thread::"),
        ("alloc::", "std::"),
        ("bytes::buf::buf_impl::", "bytes::"),
        ("bytes::buf::buf_mut::", "bytes::"),
        ("bytes::buf::uninit_slice::", "bytes::buf::"),
        // Private modules of Tokio.
        ("Result<UnixDatagram>", "Result<tokio::net::UnixDatagram>"),
        (
            "core::result::Result<R, tokio::task::task_local::AccessError>",
            "core::result::Result<R, impl core::error::Error>",
        ),
        (
            "core::result::Result<T, tokio::task::task_local::AccessError>",
            "core::result::Result<T, impl core::error::Error>",
        ),
    ];
    let mut line = line.to_owned();
    for (private, public) in MODULES {
        line = line.replace(private, public);
    }
    line
}
