//! Functions and lines of addresses, out of the files' debug information and symbols.
//!
//! The files are opened anew for each stack and forgotten afterwards: their indexes take many
//! megabytes, and stalls are rare.
//!
//! Full debug information knows each function by its whole path. With `line-tables-only` only symbols
//! are whole, and those are of functions that were not built into others; of the rest there is a bare
//! name such as `{closure#0}`, and the place in the source, which says more.

use std::collections::HashMap;

use addr2line::Loader;

use super::modules::Module;
use super::{Frame, origin};

/// The debug information of files, by path.
#[derive(Default)]
pub(super) struct Names {
    files: HashMap<String, Option<Loader>>,
}

/// The name of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    /// With its path, or that of foreign code.
    Whole(String),
    /// Without its path.
    Bare(String),
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
        let mut found = places(debug, own);
        if found.is_empty() {
            found.push(Place::default());
        }
        // The symbol is that of the outermost, which contains the others.
        if let Some(outermost) = found.last_mut()
            && !matches!(outermost.name, Some(Name::Whole(_)))
            && let Some(symbol) = debug.find_symbol(own)
        {
            outermost.name = Some(Name::of_symbol(symbol));
        }
        frames.extend(found.into_iter().map(|place| {
            let is_user_code = match &place.name {
                Some(Name::Whole(name)) => origin::is_user_code(Some(name), place.file.as_deref()),
                _ => origin::is_user_code(None, place.file.as_deref()),
            };
            Frame {
                is_user_code,
                function: place
                    .name
                    .map(|(Name::Whole(name) | Name::Bare(name))| name),
                file: place.file,
                line: place.line,
                ..unnamed.clone()
            }
        }));
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

/// What debug information says of one function at an address.
#[derive(Debug, Default)]
struct Place {
    name: Option<Name>,
    file: Option<String>,
    line: Option<u32>,
}

/// The functions at an address of a file, the innermost first.
fn places(debug: &Loader, address: u64) -> Vec<Place> {
    let mut places = Vec::new();
    if let Ok(mut found) = debug.find_frames(address) {
        while let Ok(Some(found)) = found.next() {
            let name = found.function.as_ref();
            let location = found.location;
            places.push(Place {
                name: name.and_then(|name| Some(Name::of_debug_info(&name.raw_name().ok()?))),
                file: location
                    .as_ref()
                    .and_then(|location| location.file)
                    .map(str::to_owned),
                line: location.and_then(|location| location.line),
            });
        }
    }
    places
}

impl Name {
    /// A symbol is whole, if it is one of Rust's. Others have no path.
    fn of_symbol(symbol: &str) -> Self {
        Self::Whole(format!("{:#}", rustc_demangle::demangle(symbol)))
    }

    fn of_debug_info(name: &str) -> Self {
        if rustc_demangle::try_demangle(name).is_ok() {
            return Self::of_symbol(name);
        }
        // Parameters would be longer than all the rest. Of the name itself nothing but this is known.
        match name.split_once('<') {
            Some((bare, _)) if !bare.is_empty() => Self::Bare(bare.to_owned()),
            _ => Self::Bare(name.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_readable() {
        let whole = |name: &str| Name::Whole(name.to_owned());
        let bare = |name: &str| Name::Bare(name.to_owned());
        for (name, readable) in [
            ("_ZN4shop5price17h0123456789abcdefE", whole("shop::price")),
            ("_RNvCs1234_4shop5price", whole("shop::price")),
            (
                "{closure#0}<shop::main::{async_block_env#0}>",
                bare("{closure#0}"),
            ),
            ("price", bare("price")),
            ("<odd", bare("<odd")),
        ] {
            assert_eq!(Name::of_debug_info(name), readable);
        }
        assert_eq!(Name::of_symbol("clock_nanosleep"), whole("clock_nanosleep"));
    }
}
