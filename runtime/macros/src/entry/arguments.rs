//! What stands in the parentheses of `#[main(…)]` and `#[test(…)]`.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Error, Expr, ExprLit, Ident, Lit, LitBool, LitInt, LitStr, Path, Result, Token};

use super::{Entry, Errors};

const NAMES: &str =
    "`flavor`, `worker_threads`, `start_paused`, `unhandled_panic`, `name`, `crate`";

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavor {
    CurrentThread,
    MultiThread,
    Local,
}

/// How the runtime is to be built. Where an argument is wrong this holds what it would be without,
/// so that the expansion can go on.
pub(super) struct Arguments {
    crate_path: Path,
    flavor: Flavor,
    worker_threads: Option<LitInt>,
    start_paused: Option<LitBool>,
    unhandled_panic: Option<Ident>,
    name: Option<LitStr>,
}

/// `name = value`.
struct Argument {
    name: Ident,
    value: Expr,
}

impl Parse for Argument {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let name = input.call(Ident::parse_any)?;
        if input.is_empty() || input.peek(Token![,]) {
            return Err(Error::new(name.span(), without_value(&name)));
        }
        input.parse::<Token![=]>()?;
        let value = input.parse()?;
        Ok(Self { name, value })
    }
}

/// What is wrong with an argument that is a mere name.
fn without_value(name: &Ident) -> String {
    match name.to_string().as_str() {
        "multi_thread" | "threaded_scheduler" => {
            "the flavor is set with `flavor = \"multi_thread\"`".into()
        }
        "current_thread" | "single_thread" | "single_threaded" | "basic_scheduler" => {
            "the flavor is set with `flavor = \"current_thread\"`".into()
        }
        "local" => "the flavor is set with `flavor = \"local\"`".into(),
        known if NAMES.contains(&format!("`{known}`")) => {
            format!("`{known}` needs a value: `{known} = …`")
        }
        unknown => format!("unknown argument `{unknown}`; there are {NAMES}"),
    }
}

impl Arguments {
    /// Reads the arguments and adds what is wrong with them to `errors`.
    pub(super) fn parse(
        entry: Entry,
        default_crate: &str,
        tokens: TokenStream,
        errors: &mut Errors,
    ) -> Self {
        let mut reader = Reader {
            seen: Vec::new(),
            flavor: None,
            arguments: Self {
                crate_path: absolute(default_crate),
                flavor: entry.default_flavor(),
                worker_threads: None,
                start_paused: None,
                unhandled_panic: None,
                name: None,
            },
        };
        match Punctuated::<Argument, Token![,]>::parse_terminated.parse2(tokens) {
            Ok(list) => {
                for argument in list {
                    if let Err(error) = reader.read(argument) {
                        errors.add(error);
                    }
                }
                reader.check_flavor(&format!("{default_crate}::{}", entry.name()), errors);
            }
            Err(error) => errors.add(error),
        }
        reader.arguments
    }

    /// The path of the method that takes the future.
    pub(super) fn block_on(&self) -> TokenStream {
        let Self {
            crate_path,
            flavor,
            worker_threads,
            start_paused,
            unhandled_panic,
            name,
        } = self;
        let (flavor, build) = match flavor {
            Flavor::CurrentThread => (quote!(new_current_thread), quote!(build())),
            Flavor::MultiThread => (quote!(new_multi_thread), quote!(build())),
            Flavor::Local => (
                quote!(new_current_thread),
                quote!(build_local(::core::default::Default::default())),
            ),
        };
        let name = name.iter();
        let worker_threads = worker_threads.iter();
        let start_paused = start_paused.iter();
        let unhandled_panic = unhandled_panic.iter();
        quote! {
            #crate_path::runtime::Builder::#flavor()
                #(.name(#name))*
                #(.worker_threads(#worker_threads))*
                .enable_all()
                #(.start_paused(#start_paused))*
                #(.unhandled_panic(#crate_path::runtime::UnhandledPanic::#unhandled_panic))*
                .#build
                .expect("Failed building the Runtime")
                .block_on
        }
    }
}

fn absolute(name: &str) -> Path {
    let name = Ident::new(name, Span::call_site());
    syn::parse_quote!(::#name)
}

struct Reader {
    arguments: Arguments,
    seen: Vec<Ident>,
    /// Where a flavor was given, valid or not.
    flavor: Option<Given>,
}

enum Given {
    Valid,
    Invalid,
}

impl Reader {
    fn read(&mut self, Argument { name, value }: Argument) -> Result<()> {
        if self.seen.contains(&name) {
            return Err(Error::new(
                name.span(),
                format!("`{name}` is given a second time"),
            ));
        }
        self.seen.push(name.clone());
        let arguments = &mut self.arguments;
        match name.to_string().as_str() {
            "flavor" => {
                self.flavor = Some(Given::Invalid);
                arguments.flavor = flavor(&string(&name, value)?)?;
                self.flavor = Some(Given::Valid);
            }
            "worker_threads" => {
                arguments.worker_threads = Some(worker_threads(&name, value)?);
            }
            "start_paused" => arguments.start_paused = Some(boolean(&name, value)?),
            "unhandled_panic" => {
                arguments.unhandled_panic = Some(unhandled_panic(&string(&name, value)?)?);
            }
            "name" => arguments.name = Some(string(&name, value)?),
            "crate" => arguments.crate_path = path(&string(&name, value)?)?,
            "core_threads" => {
                return Err(Error::new(
                    name.span(),
                    "`core_threads` is called `worker_threads`",
                ));
            }
            unknown => {
                return Err(Error::new(
                    name.span(),
                    format!("unknown argument `{unknown}`; there are {NAMES}"),
                ));
            }
        }
        Ok(())
    }

    /// Some arguments need a certain flavor.
    fn check_flavor(&mut self, attribute: &str, errors: &mut Errors) {
        if let Some(Given::Invalid) = self.flavor {
            // Nobody knows which one was meant.
            return;
        }
        let arguments = &mut self.arguments;
        let mut refuse = |argument: Span, name: &str, needed: &str| {
            errors.add(Error::new(
                argument,
                format!(
                    "`{name}` needs the flavor `{needed}`: \
                     write `#[{attribute}(flavor = \"{needed}\", …)]`"
                ),
            ));
        };
        match arguments.flavor {
            Flavor::CurrentThread | Flavor::Local => {
                if let Some(value) = arguments.worker_threads.take() {
                    refuse(value.span(), "worker_threads", "multi_thread");
                }
            }
            Flavor::MultiThread => {
                if let Some(value) = arguments.start_paused.take() {
                    refuse(value.span(), "start_paused", "current_thread");
                }
                if let Some(value) = arguments.unhandled_panic.take() {
                    refuse(value.span(), "unhandled_panic", "current_thread");
                }
            }
        }
    }
}

fn literal(value: Expr) -> Result<Lit> {
    match value {
        Expr::Lit(ExprLit { lit, .. }) => Ok(lit),
        // What a `macro_rules!` passes on may be wrapped once more.
        Expr::Group(group) => literal(*group.expr),
        other => Err(Error::new_spanned(other, "the value must be a literal")),
    }
}

fn string(name: &Ident, value: Expr) -> Result<LitStr> {
    match literal(value)? {
        Lit::Str(string) => Ok(string),
        other => Err(Error::new(other.span(), format!("`{name}` takes a string"))),
    }
}

fn boolean(name: &Ident, value: Expr) -> Result<LitBool> {
    match literal(value)? {
        Lit::Bool(boolean) => Ok(boolean),
        other => Err(Error::new(
            other.span(),
            format!("`{name}` takes `true` or `false`"),
        )),
    }
}

fn worker_threads(name: &Ident, value: Expr) -> Result<LitInt> {
    match literal(value)? {
        Lit::Int(number) => match number.base10_parse::<usize>() {
            Ok(0) => Err(Error::new(
                number.span(),
                format!("`{name}` must be at least 1"),
            )),
            Ok(_) => Ok(number),
            Err(error) => Err(Error::new(number.span(), format!("`{name}`: {error}"))),
        },
        other => Err(Error::new(
            other.span(),
            format!("`{name}` takes a whole number"),
        )),
    }
}

fn flavor(value: &LitStr) -> Result<Flavor> {
    let problem = match value.value().as_str() {
        "current_thread" => return Ok(Flavor::CurrentThread),
        "multi_thread" => return Ok(Flavor::MultiThread),
        "local" => return Ok(Flavor::Local),
        "single_thread" | "single_threaded" | "basic_scheduler" => {
            "this flavor is called `current_thread`".into()
        }
        "threaded_scheduler" => "this flavor is called `multi_thread`".into(),
        other => {
            format!(
                "unknown flavor `{other}`; there are `current_thread`, `local` and `multi_thread`"
            )
        }
    };
    Err(Error::new(value.span(), problem))
}

fn unhandled_panic(value: &LitStr) -> Result<Ident> {
    let variant = match value.value().as_str() {
        "ignore" => "Ignore",
        "shutdown_runtime" => "ShutdownRuntime",
        other => {
            return Err(Error::new(
                value.span(),
                format!("unknown behaviour `{other}`; there are `ignore` and `shutdown_runtime`"),
            ));
        }
    };
    Ok(Ident::new(variant, value.span()))
}

fn path(value: &LitStr) -> Result<Path> {
    value.parse_with(Path::parse_mod_style).map_err(|_| {
        Error::new(
            value.span(),
            format!("`crate` takes a path, and `{}` is none", value.value()),
        )
    })
}
