//! Functions and lines of addresses, out of the files' debug information and symbols.
//!
//! The files are opened anew for each stack and forgotten afterwards: their indexes take many
//! megabytes, and stalls are rare.

use std::collections::HashMap;

use addr2line::Loader;

use super::Frame;
use super::modules::Module;

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

/// The debug information of files, by path.
#[derive(Default)]
pub(super) struct Names {
    files: HashMap<String, Option<Loader>>,
}

impl Names {
    /// Adds the functions at an address: several, if some were built into others.
    pub(super) fn look_up(
        &mut self,
        address: u64,
        module: Option<&Module>,
        frames: &mut Vec<Frame>,
    ) {
        let unnamed = Frame {
            address: address as usize,
            function: None,
            module: module.map(|module| module.path.clone()),
            file: None,
            line: None,
            is_user_code: false,
        };
        let Some((module, debug)) = module.and_then(|module| Some((module, self.file(module)?)))
        else {
            frames.push(unnamed);
            return;
        };
        let own = address.wrapping_sub(module.bias);
        let before = frames.len();
        if let Ok(mut found) = debug.find_frames(own) {
            while let Ok(Some(found)) = found.next() {
                let name = found.function.as_ref();
                let name = name.and_then(|name| Some(readable(&name.raw_name().ok()?)));
                let location = found.location;
                let file = location.as_ref().and_then(|location| location.file);
                frames.push(Frame {
                    is_user_code: is_user_code(name.as_deref(), file),
                    function: name,
                    file: file.map(str::to_owned),
                    line: location.and_then(|location| location.line),
                    ..unnamed.clone()
                });
            }
        }
        if frames.len() == before {
            let name = debug.find_symbol(own).map(readable);
            frames.push(Frame {
                is_user_code: is_user_code(name.as_deref(), None),
                function: name,
                ..unnamed
            });
        } else if let Some(outer) = frames.last_mut()
            && outer.function.is_none()
        {
            // Lines without functions. The symbol is that of the outermost.
            outer.function = debug.find_symbol(own).map(readable);
            outer.is_user_code = is_user_code(outer.function.as_deref(), outer.file.as_deref());
        }
    }

    fn file(&mut self, module: &Module) -> Option<&Loader> {
        if !self.files.contains_key(&module.path) {
            let path = module.path_of_file();
            let loader = path.and_then(|path| Loader::new(path).ok());
            self.files.insert(module.path.clone(), loader);
        }
        self.files.get(&module.path)?.as_ref()
    }
}

/// A name as people write it, without its hash.
fn readable(symbol: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(symbol))
}

/// Whether a function is neither of the crates above nor foreign code.
fn is_user_code(function: Option<&str>, file: Option<&str>) -> bool {
    match function.and_then(crate_of) {
        Some(name) => !NO_USER_CODE.contains(&name),
        // A function that is exported under a plain name has no path, but a source file.
        None => file.is_some_and(|file| file.ends_with(".rs") && !file.starts_with("/rustc/")),
    }
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

#[cfg(test)]
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
        assert!(is_user_code(Some("shop::price"), None));
        assert!(is_user_code(Some("runtime_of_mine::price"), None));
        assert!(!is_user_code(Some("std::thread::sleep"), None));
        assert!(!is_user_code(
            Some("runtime::task::spawn"),
            Some("src/task.rs")
        ));
        assert!(!is_user_code(
            Some("parking_lot::raw_mutex::lock_slow"),
            None
        ));
        assert!(!is_user_code(Some("clock_nanosleep"), None));
        assert!(!is_user_code(Some("clock_nanosleep"), Some("sleep.c")));
        assert!(is_user_code(Some("exported"), Some("src/lib.rs")));
        assert!(!is_user_code(
            Some("rust_begin_unwind"),
            Some("/rustc/1/library/std/src/lib.rs")
        ));
        assert!(!is_user_code(None, None));
    }
}
