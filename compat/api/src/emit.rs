//! From a fact to a line of Rust that compiles where the fact holds.
//!
//! A function becomes one that has exactly the signature of the fact, bounds and lifetimes included,
//! and does nothing but call it. If that compiles, whoever calls Tokio's function can call this one:
//! it takes the same arguments, asks for no bound that Tokio does not ask for, and gives back what
//! goes for Tokio's result. It is called once more with arguments that have no type of their own, to see
//! that it takes nothing else, either. An `async fn` is called by an `async fn`, a `const fn` by a `const fn`.
//! An enum becomes a `match` with the variants of the fact and no other, an `impl` a bound that must
//! hold.

use crate::facts::{Fact, Impl, Within, definition, split_where};
use crate::text::{closing, find_outside, list, parameter_name, replace_word, split_generics};

/// The line for a fact; its functions are called `f{number}`. Nothing if there is nothing to check.
pub(crate) fn line(fact: &Fact, number: usize) -> Option<String> {
    let code = fact.code.as_str();
    if code.starts_with("impl") {
        return implementation(fact, number);
    }
    if let Some(path) = code.strip_prefix("pub mod ") {
        return Some(used(path, number));
    }
    if let Some(path) = code.strip_prefix("pub use ") {
        return Some(used(path, number));
    }
    if let Some(path) = code.strip_prefix("pub macro ") {
        return Some(used(path.trim_end_matches('!'), number));
    }
    if let Some(path) = definition(code, "struct") {
        return Some(structure(path, number));
    }
    if let Some(path) = definition(code, "enum") {
        return Some(enumeration(fact, path, number));
    }
    if let Some(definition) = code.strip_prefix("pub trait ") {
        return Some(trait_definition(definition, number));
    }
    if let Some(rest) = code.strip_prefix("pub type ") {
        return Some(alias(fact, rest, number));
    }
    if code.starts_with("pub ") && code.contains("fn ") && code.contains('(') {
        let fn_at = code.find("fn ").unwrap();
        if !code[..fn_at].contains("::") {
            return function(fact, &code[4..fn_at], &code[fn_at + 3..], number);
        }
    }
    if let Some(rest) = code.strip_prefix("pub const ") {
        let (path, kind) = rest.split_at(find_outside(rest, ": ", 0)?);
        return Some(format!("const F{number}{kind} = {path};"));
    }
    if let Some(rest) = code.strip_prefix("pub tokio::") {
        return Some(variant_or_field(fact, &format!("tokio::{rest}"), number));
    }
    panic!("no rule for this fact: {code}")
}

fn used(path: &str, number: usize) -> String {
    let path = if path == "tokio" { "::tokio" } else { path };
    format!("mod f{number} {{ use {path} as found; }}")
}

fn trait_definition(definition: &str, number: usize) -> String {
    let (name, bounds) = definition.split_once(": ").unwrap_or((definition, ""));
    // What seals a trait cannot be named.
    let check = if bounds.is_empty() || bounds.starts_with("sealed") {
        String::new()
    } else {
        format!("fn f<S: {bounds} + ?Sized>(_: &S) {{}} f(x)")
    };
    format!("fn f{number}<S: {name} + ?Sized>(x: &S) {{ {check} }}")
}

/// `<'a, T: Bound>` for a definition and `<'a, T>` for a use, both empty without parameters.
fn brackets(parameters: &[String]) -> (String, String) {
    if parameters.is_empty() {
        return (String::new(), String::new());
    }
    let names: Vec<_> = parameters.iter().map(|p| parameter_name(p)).collect();
    (
        format!("<{}>", parameters.join(", ")),
        format!("<{}>", names.join(", ")),
    )
}

fn structure(definition: &str, number: usize) -> String {
    let (definition, bounds) = split_where(definition);
    let bounds = where_clause(&bounds);
    let (head, fields) = match definition.find('(') {
        Some(open) if !definition[..open].contains('<') || definition[..open].ends_with('>') => (
            &definition[..open],
            list(&definition[open + 1..closing(definition, open) - 1]),
        ),
        _ => (definition, Vec::new()),
    };
    let (path, parameters) = split_generics(head);
    let (declared, used) = brackets(&parameters);
    let mut line = format!("fn f{number}{declared}(x: &{path}{used}) {bounds} {{}}");
    let public: Vec<_> = fields
        .iter()
        .filter_map(|field| field.strip_prefix("pub "))
        .collect();
    if !public.is_empty() && public.len() == fields.len() {
        let arguments: Vec<_> = public
            .iter()
            .enumerate()
            .map(|(at, kind)| format!("x{at}: {kind}"))
            .collect();
        let names: Vec<_> = (0..public.len()).map(|at| format!("x{at}")).collect();
        line += &format!(
            " fn f{number}_fields{declared}({}) -> {path}{used} {{ {path}({}) }}",
            arguments.join(", "),
            names.join(", "),
        );
    }
    line
}

fn enumeration(fact: &Fact, definition: &str, number: usize) -> String {
    let (path, parameters) = split_generics(definition);
    let (declared, used) = brackets(&parameters);
    let mut arms: String = fact
        .variants
        .iter()
        .map(|variant| format!("{path}::{variant} {{ .. }} => {{}} "))
        .collect();
    if fact.code.starts_with("#[non_exhaustive]") {
        arms += "_ => {}";
    }
    format!("fn f{number}{declared}(x: {path}{used}) {{ match x {{ {arms} }} }}")
}

fn variant_or_field(fact: &Fact, rest: &str, number: usize) -> String {
    let owner = fact.owner.as_deref().expect("a variant has an enum");
    let (path, parameters) = split_generics(owner);
    let (declared, used) = brackets(&parameters);
    let item = &rest[path.len() + 2..];
    if let Some((name, kind)) = item.split_once(": ") {
        if let Some((variant, field)) = name.split_once("::") {
            return format!(
                "fn f{number}{declared}(x: {path}{used}) {{ if let {path}::{variant} {{ {field}: \
                 y, .. }} = x {{ let y: {kind} = y; }} }}"
            );
        }
        return format!("fn f{number}{declared}(x: {path}{used}) {{ let y: {kind} = x.{name}; }}");
    }
    match item.split_once('(') {
        Some((name, kinds)) => {
            let kind = kinds.trim_end_matches(')');
            format!("fn f{number}{declared}(x: {kind}) -> {path}{used} {{ {path}::{name}(x) }}")
        }
        None => format!(
            "fn f{number}{declared}(x: {path}{used}) {{ if let {path}::{item} {{ .. }} = x {{}} }}"
        ),
    }
}

fn alias(fact: &Fact, rest: &str, number: usize) -> String {
    let rest = rest.replace("'_", "'o");
    let (path, kind) = rest.split_once(" = ").expect("an alias of something");
    match &fact.within {
        Within::Impl(Impl {
            generics,
            of: Some(of),
            on,
            bounds,
        }) if path.starts_with(on.as_str()) => {
            let name = &path[on.len() + 2..];
            let mut generics = generics.clone();
            generics.insert(0, "'x".to_owned());
            let (declared, _) = brackets(&generics);
            let bounds = where_clause(bounds);
            format!(
                "fn f{number}{declared}(x: &'x <{on} as {of}>::{name}) -> &'x {kind} {bounds} {{ x \
                 }}"
            )
        }
        _ if path.contains("<T>::") => {
            let on = &path[..path.rfind("::").unwrap()];
            format!("fn f{number}<T: Future>(x: <{on} as Future>::Output) -> {kind} {{ x }}")
        }
        _ => format!("fn f{number}(x: {path}) -> {kind} {{ x }}"),
    }
}

fn where_clause(bounds: &[String]) -> String {
    if bounds.is_empty() {
        String::new()
    } else {
        format!("where {}", bounds.join(", "))
    }
}

fn implementation(fact: &Fact, number: usize) -> Option<String> {
    let Within::Impl(header) = &fact.within else {
        unreachable!("an `impl` is within itself")
    };
    let (declared, _) = brackets(&header.generics);
    let bounds = where_clause(&header.bounds);
    let on = &header.on;
    let Some(of) = header.of.as_deref() else {
        return Some(format!("fn f{number}{declared}(x: &{on}) {bounds} {{}}"));
    };
    // Nobody can ask whether a type has a destructor of its own. What pin-project-lite writes cannot
    // be said in other words; the table of auto traits has it.
    if of == "core::ops::Drop" || fact.code.contains("__pin") {
        return None;
    }
    let maybe_unsized = fact.code.contains("?core::marker::Sized")
        && !of.contains('<')
        && !header
            .generics
            .iter()
            .any(|parameter| parameter.starts_with('\''));
    let is_unsized = on == "str"
        || maybe_unsized
        || on.starts_with('[')
        || header
            .generics
            .iter()
            .any(|parameter| parameter_name(parameter) == on);
    if is_unsized {
        return Some(format!(
            "fn f{number}{declared}() {bounds} {{ fn f<X: {of} + ?Sized>() {{}} f::<{on}>() }}"
        ));
    }
    // An operator without a right side has its own type there.
    let operand =
        if of.starts_with("core::ops::") && !of.contains(['<', '(']) && !of.contains("Deref")
            || of == "core::cmp::PartialEq"
        {
            format!("<{on}>")
        } else {
            String::new()
        };
    Some(format!(
        "fn f{number}{declared}(x: {on}) -> impl {of}{operand} {bounds} {{ x }}"
    ))
}

/// What a method is called on, and what that takes.
struct Receiver {
    generics: Vec<String>,
    bounds: Vec<String>,
    /// What `Self` stands for.
    itself: String,
    /// Before `::name` in the call.
    call: String,
}

impl Receiver {
    fn of(fact: &Fact, owner: &str) -> Self {
        let named = owner.replace("'_", "'o");
        match &fact.within {
            Within::Trait(path) if path == owner => Self {
                generics: vec!["S: ?Sized".to_owned()],
                bounds: vec![format!("S: {path}")],
                itself: "S".to_owned(),
                call: format!("<S as {path}>"),
            },
            Within::Impl(header) if header.on == named => Self {
                generics: header.generics.clone(),
                bounds: header.bounds.clone(),
                itself: header.on.clone(),
                call: match &header.of {
                    Some(of) => format!("<{} as {of}>", header.on),
                    None => format!("<{}>", header.on),
                },
            },
            // A free function, or a method in a file that is not in the order of the `impl`s.
            _ => {
                let generics = split_generics(owner).1;
                let is_type = owner
                    .rsplit("::")
                    .next()
                    .is_some_and(|name| name.starts_with(char::is_uppercase));
                Self {
                    bounds: generics
                        .iter()
                        .filter(|parameter| !parameter.starts_with('\''))
                        .map(|parameter| {
                            // Which bounds its `impl` has is not said in a sorted file.
                            let is_future = owner.ends_with("dump::Root<T>");
                            let bound = if is_future { "Future" } else { "'static" };
                            format!("{parameter}: {bound}")
                        })
                        .collect(),
                    generics,
                    itself: owner.to_owned(),
                    call: if is_type {
                        format!("<{owner}>")
                    } else {
                        owner.to_owned()
                    },
                }
            }
        }
    }
}

impl Receiver {
    /// A method of `impl<R> … for R` may have a parameter `R` of its own.
    fn rename_what_is_shadowed(&mut self, own: &[String]) {
        let itself = self.itself.clone();
        if own
            .iter()
            .any(|parameter| parameter_name(parameter) == itself)
        {
            let rename = |text: &str| replace_word(text, &itself, "Outer");
            self.generics = self.generics.iter().map(|text| rename(text)).collect();
            self.bounds = self.bounds.iter().map(|text| rename(text)).collect();
            self.call = rename(&self.call);
            self.itself = "Outer".to_owned();
        }
    }
}

/// A function of which one wants to know the result's type.
pub(crate) struct Call {
    /// With their bounds, lifetimes among them.
    pub(crate) generics: Vec<String>,
    /// The bounds behind `where`.
    pub(crate) bounds: Vec<String>,
    /// Types, the receiver's first.
    pub(crate) arguments: Vec<String>,
    pub(crate) path: String,
    pub(crate) is_future: bool,
}

/// How to call the function of a fact, if it is one that can be called.
pub(crate) fn call(fact: &Fact) -> Option<Call> {
    let at = fact.code.find("fn ")?;
    let rest = &fact.code[at + 3..];
    if !fact.code.starts_with("pub ") || fact.code[..at].contains("::") || !rest.contains('(') {
        return None;
    }
    let open = find_outside(rest, "(", 0)?;
    let close = closing(rest, open);
    let (head, own) = split_generics(&rest[..open]);
    let (owner, name) = head.rsplit_once("::")?;
    let (result, bounds) = split_where(&rest[close..]);
    let result = result.trim().trim_start_matches("-> ");
    let mut receiver = Receiver::of(fact, owner);
    receiver.rename_what_is_shadowed(&own);
    let mut generics = receiver.generics.clone();
    generics.extend(own);
    let arguments = list(&rest[open + 1..close - 1])
        .iter()
        .enumerate()
        .map(|(at, argument)| {
            let mut argument = self_argument(argument);
            if let Some(bounds) = argument.strip_prefix("impl ") {
                generics.push(format!("X{at}: {bounds}"));
                argument = format!("X{at}");
            }
            replace_word(&argument, "Self", &receiver.itself)
        })
        .collect();
    receiver.bounds.extend(bounds);
    Some(Call {
        generics,
        bounds: receiver
            .bounds
            .iter()
            .map(|bound| replace_word(bound, "Self", &receiver.itself))
            .collect(),
        arguments,
        path: format!("{}::{name}", receiver.call),
        is_future: fact.code[..at].contains("async")
            || future_output(result).is_some()
            || result.starts_with("impl core::future::Future"),
    })
}

fn function(fact: &Fact, qualifiers: &str, rest: &str, number: usize) -> Option<String> {
    let open = find_outside(rest, "(", 0).unwrap();
    let close = closing(rest, open);
    let (head, own_generics) = split_generics(&rest[..open]);
    let (owner, name) = head.rsplit_once("::").expect("a path");
    let (result, own_bounds) = split_where(&rest[close..]);
    let mut result = result.trim().trim_start_matches("-> ").to_owned();
    if name == "drop" && own_generics.is_empty() {
        // A destructor cannot be called.
        return None;
    }
    if name == "fmt" && matches!(fact.within, Within::Nothing) {
        // In the sorted file it is not said of which trait; the `impl` is a fact of its own.
        return None;
    }

    let mut receiver = Receiver::of(fact, owner);
    receiver.rename_what_is_shadowed(&own_generics);
    if matches!(fact.within, Within::Nothing) && ["extend", "from_iter"].contains(&name) {
        // Their `impl` has a parameter that does not show in the path.
        receiver.generics.push("F".to_owned());
        let bound = "F: Future<Output = T> + Send + 'static, T: Send";
        receiver.bounds.push(bound.to_owned());
    }
    let mut arguments = list(&rest[open + 1..close - 1]);
    let is_generic = own_generics
        .iter()
        .any(|parameter| !parameter.starts_with('\''))
        || arguments
            .iter()
            .any(|argument| argument.starts_with("impl "));
    let mut generics: Vec<String> = receiver.generics.clone();
    generics.extend(own_generics);
    for (at, argument) in arguments.iter_mut().enumerate() {
        // A parameter that can be named, for `use<…>`.
        if let Some(bounds) = argument.strip_prefix("impl ") {
            generics.push(format!("X{at}: {bounds}"));
            *argument = format!("X{at}");
        }
    }

    // Without a lifetime the result borrows from the receiver.
    let borrows = arguments.first().is_some_and(|first| {
        first.ends_with("self") && first.starts_with('&') && !first.starts_with("&'")
            || first.starts_with("core::pin::Pin<&mut Self>")
    });
    if borrows && (result.contains("'_") || has_plain_reference(&result)) {
        generics.push("'s".to_owned());
        arguments[0] = arguments[0].replacen('&', "&'s ", 1);
        result = name_lifetimes(&result);
    }
    for argument in &mut arguments {
        *argument = self_argument(argument);
    }

    if let Some(output) = future_output(&result) {
        result = format!("impl Future<Output = {output}>");
    } else if result.starts_with("impl ") && !qualifiers.contains("async") {
        // Of the parameters it holds the types only, but for lifetimes that it names.
        let mut held: Vec<_> = generics
            .iter()
            .map(|parameter| parameter_name(parameter).to_owned())
            .collect();
        held.retain(|name| !name.starts_with('\'') || result.contains(name.as_str()));
        held.sort_by_key(|name| !name.starts_with('\''));
        result += &format!(" + use<{}>", held.join(", "));
    }

    generics.sort_by_key(|parameter| !parameter.starts_with('\''));
    generics.dedup();
    let mut bounds = receiver.bounds.clone();
    bounds.extend(own_bounds);
    let declared = brackets(&generics).0;
    let parameters: Vec<_> = arguments
        .iter()
        .enumerate()
        .map(|(at, kind)| format!("x{at}: {kind}"))
        .collect();
    let values: Vec<_> = (0..arguments.len()).map(|at| format!("x{at}")).collect();
    let arrow = if result.is_empty() { "" } else { " -> " };
    let mut call = format!("{}::{name}({})", receiver.call, values.join(", "));
    if qualifiers.contains("unsafe") {
        call = format!("unsafe {{ {call} }}");
    }
    // Where Tokio's function says which types it takes, so must this one: an argument whose type
    // follows from the call would have none otherwise. `From` has a parameter that says it.
    let inferred = if is_generic || qualifiers.contains("const") || name == "from" {
        String::new()
    } else {
        let any = vec!["any()"; arguments.len()].join(", ");
        format!(
            "if false {{ fn any<X>() -> X {{ loop {{}} }} let _ = unsafe {{ {}::{name}({any}) }}; }} ",
            receiver.call,
        )
    };
    if qualifiers.contains("async") {
        call += ".await";
    }
    let line = format!(
        "{qualifiers}fn f{number}{declared}({}){arrow}{result} {} {{ {inferred}{call} }}",
        parameters.join(", "),
        where_clause(&bounds),
    );
    let itself = match &fact.within {
        Within::Impl(Impl {
            of: Some(of), on, ..
        }) if *on == receiver.itself => {
            // An associated type of the trait, or of the one above it.
            let of = of.replace("DerefMut", "Deref");
            let line = line.replace("Self::", &format!("<{on} as {of}>::"));
            return Some(replace_word(&line, "Self", &receiver.itself));
        }
        _ => receiver.itself,
    };
    let line = line.replace("Self::Output", &format!("<{itself} as Future>::Output"));
    Some(replace_word(&line, "Self", &itself))
}

fn self_argument(argument: &str) -> String {
    match argument {
        "self" | "mut self" => "Self".to_owned(),
        _ => match argument.strip_suffix("self") {
            Some(reference) if reference.starts_with('&') => format!("{reference}Self"),
            _ => argument.to_owned(),
        },
    }
}

fn has_plain_reference(text: &str) -> bool {
    text.match_indices('&')
        .any(|(at, _)| !text[at + 1..].starts_with('\''))
}

/// Gives the lifetime `'s` to whatever has none.
fn name_lifetimes(text: &str) -> String {
    let text = text.replace("'_", "'s");
    let mut out = String::new();
    for (at, c) in text.char_indices() {
        out.push(c);
        if c == '&' && !text[at + 1..].starts_with('\'') {
            out.push_str("'s ");
        }
    }
    out
}

/// What a future of Tokio that cannot be named gives.
fn future_output(result: &str) -> Option<String> {
    let io = |output: &str| Some(format!("std::io::Result<{output}>"));
    if result.starts_with("tokio::io::seek::Seek<") {
        return io("u64");
    }
    if let Some(rest) = result.strip_prefix("tokio::io::util::") {
        let name = rest.split('<').next()?.rsplit("::").next()?;
        return match name {
            "FillBuf" => io("&'s [u8]"),
            "Flush" | "Shutdown" | "WriteAll" | "WriteAllBuf" => io("()"),
            _ => io("usize"),
        };
    }
    if let Some(rest) = result
        .strip_prefix("Read")
        .filter(|rest| rest.contains("<&"))
    {
        let number = rest.split('<').next()?.trim_end_matches("Le");
        return io(&number.to_lowercase());
    }
    result.starts_with("Write").then(|| io("()"))?
}
