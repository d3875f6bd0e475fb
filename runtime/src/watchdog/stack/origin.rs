//! Whose code a function is.
//!
//! The path of a function begins with its crate. Where the name is all there is, the source file tells:
//! dependencies lie in folders that are named after them.

#![allow(dead_code)] // Where no stacks are captured only `shortened` is called.

/// Crates whose functions only do what their caller asked for: the standard library, this runtime and
/// its peers, and what users wait with. Whoever calls them is meant.
const NO_USER_CODE: &[&str] = &[
    "alloc",
    "core",
    "panic_unwind",
    "proc_macro",
    "std",
    "test",
    // This runtime.
    "runtime",
    "runtime_base",
    "runtime_net",
    "runtime_timer",
    // Its peers, and what is built around futures.
    "async_io",
    "async_task",
    "futures",
    "futures_channel",
    "futures_core",
    "futures_executor",
    "futures_task",
    "futures_util",
    "hyper",
    "hyper_util",
    "mio",
    "polling",
    "tokio",
    "tokio_util",
    "tower",
    "tower_layer",
    "tower_service",
    "tracing",
    "tracing_core",
    // Locks, channels, data and system calls.
    "bytes",
    "crossbeam_channel",
    "crossbeam_epoch",
    "crossbeam_queue",
    "crossbeam_utils",
    "flume",
    "hashbrown",
    "libc",
    "lock_api",
    "memchr",
    "nix",
    "once_cell",
    "parking_lot",
    "parking_lot_core",
    "rustix",
    "socket2",
    "spin",
];

/// Where the source of this crate lay when it was compiled, and those of its siblings beside it.
const OWN_FOLDER: &str = env!("CARGO_MANIFEST_DIR");
const SIBLINGS: &[&str] = &["net", "timer"];

/// Whether a function is user code, as far as its whole name and its source file tell.
pub(super) fn is_user_code(function: Option<&str>, file: Option<&str>) -> bool {
    if let Some(name) = function.and_then(crate_of) {
        return !NO_USER_CODE.contains(&name);
    }
    // Foreign, exported under a plain name, or built into another function. This runtime exports none.
    file.is_some_and(|file| {
        file.ends_with(".rs")
            && !is_of_standard_library(file)
            && (function.is_some() || !is_own(file))
            && dependency_of(file).is_none_or(|name| !NO_USER_CODE.contains(&name.as_str()))
    })
}

/// The crate that a function's path begins with: `shop` for `shop::price`, `<shop::Cart as
/// core::fmt::Debug>::fmt` or `<&mut [shop::Cart]>::len`; `core` for `<T as core::fmt::Debug>::fmt`.
fn crate_of(function: &str) -> Option<&str> {
    let mut rest = function;
    loop {
        let start = rest.find(|c: char| c.is_alphanumeric() || c == '_')?;
        rest = &rest[start..];
        let end = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if after.starts_with("::") {
            return Some(word);
        }
        // `mut`, `dyn`, a parameter, a builtin type: the path comes later.
        rest = after;
    }
}

/// As the compiler names it: by its commit, or where the source is installed.
fn is_of_standard_library(file: &str) -> bool {
    file.starts_with("/rustc/") || file.contains("/rustlib/src/rust/library/")
}

fn is_own(file: &str) -> bool {
    let is_below = |folder: &str| {
        file.strip_prefix(folder)
            .is_some_and(|rest| rest.starts_with('/'))
    };
    let parent = OWN_FOLDER.rsplit_once('/').map_or("", |(parent, _)| parent);
    is_below(OWN_FOLDER)
        || SIBLINGS
            .iter()
            .any(|sibling| is_below(&format!("{parent}/{sibling}")))
}

/// The crate of a dependency: `parking_lot_core` for
/// `…/registry/src/index.crates.io-0123/parking_lot_core-0.9.1/src/lib.rs`, and the like for a folder
/// of vendored crates.
fn dependency_of(file: &str) -> Option<String> {
    let folder = match after_registry(file) {
        Some(rest) => rest,
        None => file.split_once("/vendor/")?.1,
    };
    let (folder, _) = folder.split_once('/')?;
    // The version begins at the first hyphen before a digit.
    let end = folder
        .match_indices('-')
        .map(|(at, _)| at)
        .find(|at| folder[at + 1..].starts_with(|c: char| c.is_ascii_digit()))
        .unwrap_or(folder.len());
    Some(folder[..end].replace('-', "_"))
}

/// A file below Cargo's registry, from the crate's folder on.
fn after_registry(file: &str) -> Option<&str> {
    let (_, rest) = file.split_once("/registry/src/")?;
    Some(rest.split_once('/')?.1)
}

/// A file without what is the same for all: `library/std/…` for the standard library's, and from the
/// crate's folder on for a dependency's.
pub(super) fn shortened(file: &str) -> &str {
    if let Some((_, path)) = file
        .strip_prefix("/rustc/")
        .and_then(|rest| rest.split_once('/'))
    {
        return path;
    }
    match file.split_once("/rustlib/src/rust/") {
        Some((_, path)) => path,
        None => after_registry(file).unwrap_or(file),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_crate_of_a_function_is_found_in_its_path() {
        for (function, name) in [
            ("shop::price", "shop"),
            ("shop::main::{{closure}}", "shop"),
            ("<shop::Cart as core::fmt::Debug>::fmt", "shop"),
            ("<T as shop::Price>::price", "shop"),
            ("<&mut [shop::Cart]>::len", "shop"),
            ("<dyn shop::Price>::price", "shop"),
            (
                "<alloc::boxed::Box<F> as core::ops::FnOnce<A>>::call_once",
                "alloc",
            ),
            ("<(A, B) as core::fmt::Debug>::fmt", "core"),
            ("shop::<impl core::fmt::Debug for shop::Cart>::fmt", "shop"),
            ("_shop::price", "_shop"),
        ] {
            assert_eq!(crate_of(function), Some(name), "{function}");
        }
        for function in ["main", "__libc_start_call_main", "", "<>", "<&mut T>"] {
            assert_eq!(crate_of(function), None, "{function}");
        }
    }

    #[test]
    fn user_code_is_what_is_nobody_elses() {
        for name in ["shop::price", "runtime_of_mine::price"] {
            assert!(is_user_code(Some(name), None), "{name}");
        }
        for name in ["std::thread::sleep", "parking_lot::raw_mutex::lock_slow"] {
            assert!(!is_user_code(Some(name), Some("src/shop.rs")), "{name}");
        }
        assert!(!is_user_code(Some("clock_nanosleep"), None));
        assert!(!is_user_code(Some("clock_nanosleep"), Some("sleep.c")));
        assert!(!is_user_code(None, None));
    }

    #[test]
    fn without_a_path_the_file_tells_whose_it_is() {
        let registry = "/home/me/.cargo/registry/src/index.crates.io-0123456789abcdef";
        let own = format!("{OWN_FOLDER}/src/task/cell.rs");
        let sibling = format!("{OWN_FOLDER}/../net/src/reactor.rs").replace("/runtime/..", "");
        for file in [
            "src/lib.rs",
            "/home/me/shop/src/price.rs",
            "/home/me/shop/runtime/src/price.rs",
            &format!("{registry}/sqlx-core-0.8.0/src/pool.rs"),
        ] {
            assert!(is_user_code(None, Some(file)), "{file}");
            assert!(is_user_code(Some("exported"), Some(file)), "{file}");
        }
        for file in [
            "/rustc/59807616e1fa/library/std/src/thread/mod.rs",
            "/opt/rust/lib/rustlib/src/rust/library/core/src/ops/function.rs",
            &format!("{registry}/mio-1.2.5/src/poll.rs"),
            &format!("{registry}/crossbeam-channel-0.5.15-rc.1/src/lib.rs"),
            "/home/me/shop/vendor/parking_lot_core/src/lib.rs",
            &own,
            &sibling,
        ] {
            assert!(!is_user_code(None, Some(file)), "{file}");
        }
    }

    #[test]
    fn files_are_told_without_what_is_the_same_for_all() {
        for (file, short) in [
            ("/rustc/123abc/library/std/a.rs", "library/std/a.rs"),
            ("/rustc/", "/rustc/"),
            ("/home/rustc/a.rs", "/home/rustc/a.rs"),
            (
                "/x/lib/rustlib/src/rust/library/std/a.rs",
                "library/std/a.rs",
            ),
            (
                "/x/registry/src/index-1/mio-1.2.5/src/lib.rs",
                "mio-1.2.5/src/lib.rs",
            ),
        ] {
            assert_eq!(shortened(file), short);
        }
    }
}
