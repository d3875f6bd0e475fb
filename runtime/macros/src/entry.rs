//! `#[main]` and `#[test]`.
//!
//! ```text
//! async fn main() -> Type { body }
//!
//! fn main() -> Type {
//!     async fn __body() -> Type { body }
//!     runtime::runtime::Builder::new_multi_thread()
//!         .enable_all()
//!         .build()
//!         .expect("Failed building the Runtime")
//!         .block_on(__body())
//! }
//! ```
//!
//! The `async fn` is still one, so all that the compiler has to say about it (a type that does not
//! match, a missing value at the end, a `?` too many) it says as always, at the user's tokens. A
//! function with arguments, a method, or one in a generic `impl` cannot be moved into another; there
//! an `async` block takes the place of `__body`.
//!
//! The body is never parsed here. Half-written code goes on to the compiler as it is, and a mistake in
//! the attribute is reported beside the expansion, not instead of it; so an editor keeps completing.

mod arguments;

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Attribute, Error, Result, ReturnType, Signature, Visibility, token};

use self::arguments::{Arguments, Flavor};
use crate::place;

/// Which of the two attributes is expanded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    Main,
    Test,
}

impl Entry {
    fn default_flavor(self) -> Flavor {
        match self {
            Self::Main => Flavor::MultiThread,
            Self::Test => Flavor::CurrentThread,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Test => "test",
        }
    }
}

pub(crate) fn expand(
    entry: Entry,
    default_crate: &str,
    arguments: TokenStream,
    function: TokenStream,
) -> TokenStream {
    let mut errors = Errors::default();
    let arguments = Arguments::parse(entry, default_crate, arguments, &mut errors);
    let function = match syn::parse2::<Function>(function.clone()) {
        Ok(parsed) => {
            parsed.check(entry, default_crate, &mut errors);
            parsed.expand(entry, &arguments)
        }
        Err(error) => {
            errors.add(error);
            function
        }
    };
    let errors = errors.into_tokens();
    quote!(#function #errors)
}

/// The mistakes found so far. All are reported, each at its place.
#[derive(Default)]
struct Errors(Option<Error>);

impl Errors {
    fn add(&mut self, error: Error) {
        match &mut self.0 {
            None => self.0 = Some(error),
            Some(first) => first.combine(error),
        }
    }

    fn into_tokens(self) -> Option<TokenStream> {
        self.0.map(|errors| errors.into_compile_error())
    }
}

/// A function whose body nobody looked at.
struct Function {
    attributes: Vec<Attribute>,
    visibility: Visibility,
    signature: Signature,
    body: Group,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        let signature = input.parse()?;
        if !input.peek(token::Brace) {
            return Err(input.error("expected the body of the function"));
        }
        let body: Group = input.parse()?;
        // `#![allow(…)]` at the top of the body is about the function.
        let split = |body: ParseStream<'_>| {
            Ok((Attribute::parse_inner(body)?, body.parse::<TokenStream>()?))
        };
        let (inner, statements) = split.parse2(body.stream())?;
        attributes.extend(inner.into_iter().map(|attribute| Attribute {
            style: syn::AttrStyle::Outer,
            ..attribute
        }));
        let mut without_attributes = Group::new(body.delimiter(), statements);
        without_attributes.set_span(body.span());
        Ok(Self {
            attributes,
            visibility,
            signature,
            body: without_attributes,
        })
    }
}

impl Function {
    fn check(&self, entry: Entry, default_crate: &str, errors: &mut Errors) {
        let attribute = format!("#[{default_crate}::{}]", entry.name());
        if self.signature.asyncness.is_none() {
            errors.add(Error::new_spanned(
                self.signature.fn_token,
                format!("the function of `{attribute}` must be async: write `async fn`"),
            ));
        }
        if entry == Entry::Main && self.is_main() && !self.signature.inputs.is_empty() {
            errors.add(Error::new_spanned(
                &self.signature.inputs,
                "the function `main` takes no arguments; the program's are in `std::env::args`",
            ));
        }
        if entry == Entry::Test {
            for second in self
                .attributes
                .iter()
                .filter(|attribute| is_test(attribute))
            {
                errors.add(Error::new_spanned(
                    second,
                    format!(
                        "the function is a test already, by `{attribute}`; remove this attribute, \
                         or move it above if it is another macro's"
                    ),
                ));
            }
        }
    }

    fn is_main(&self) -> bool {
        self.signature.ident == "main"
    }

    fn expand(mut self, entry: Entry, arguments: &Arguments) -> TokenStream {
        // Not if it is there already: that was reported, and the compiler would report two again.
        if entry == Entry::Test && !self.attributes.iter().any(is_test) {
            // Behind the attributes of the user, so that macros which look for another `#[test]`
            // below them still find it.
            self.attributes
                .push(syn::parse_quote_spanned!(Span::call_site()=> #[::core::prelude::v1::test]));
        }
        let statements = match self.signature.asyncness {
            Some(_) if self.can_be_moved(entry) => self.block_on_function(entry, arguments),
            Some(_) => self.block_on_block(arguments),
            None => self.body.stream(),
        };
        self.signature.asyncness = None;
        let Self {
            attributes,
            visibility,
            signature,
            mut body,
        } = self;
        let span = body.span();
        body = Group::new(body.delimiter(), statements);
        body.set_span(span);
        quote!(#(#attributes)* #visibility #signature #body)
    }

    /// Whether the function means the same inside of another function: nothing in it can refer to
    /// what surrounds an associated function, and there is nothing to hand over.
    fn can_be_moved(&self, entry: Entry) -> bool {
        let Signature {
            constness: None,
            unsafety: None,
            abi: None,
            generics,
            inputs,
            ..
        } = &self.signature
        else {
            return false;
        };
        // Tests are free functions. So is the program's `main`; another one, like any other name, may be in
        // an `impl`, and then as a rule it says `Self`.
        let is_free = entry == Entry::Test || (self.is_main() && !self.says_self());
        is_free
            && inputs.is_empty()
            && generics.params.is_empty()
            && generics.where_clause.is_none()
    }

    fn says_self(&self) -> bool {
        fn is_in(tokens: TokenStream) -> bool {
            tokens.into_iter().any(|token| match token {
                TokenTree::Ident(ident) => ident == "Self",
                TokenTree::Group(group) => is_in(group.stream()),
                TokenTree::Punct(_) | TokenTree::Literal(_) => false,
            })
        }
        is_in(self.signature.output.to_token_stream()) || is_in(self.body.stream())
    }

    fn block_on_function(&self, entry: Entry, arguments: &Arguments) -> TokenStream {
        let name = format_ident!("__body", span = self.signature.ident.span());
        let signature = Signature {
            ident: name.clone(),
            ..self.signature.clone()
        };
        let body = &self.body;
        let site = Span::mixed_site();
        let block_on = arguments.block_on();
        let future = match self.output_type() {
            // One copy of `block_on` serves all tests that return the same.
            Some(output) if entry == Entry::Test => quote_spanned! {site=>
                let __future: ::core::pin::Pin<
                    &mut dyn ::core::future::Future<Output = #output>
                > = ::core::pin::pin!(#name());
            },
            _ => quote_spanned!(site=> let __future = #name();),
        };
        let future_name = format_ident!("__future", span = site);
        quote! {
            // The user did not ask for this function, and may well not await.
            #[allow(clippy::unused_async)]
            #signature #body
            #future
            #block_on(#future_name)
        }
    }

    fn block_on_block(&self, arguments: &Arguments) -> TokenStream {
        let site = Span::mixed_site();
        // A block cannot say what it returns. The first `return` in it does, and then the compiler
        // compares everything else with that, at the user's tokens.
        let output_position = match &self.signature.output {
            ReturnType::Default => place::start_of(&self.signature.ident.to_token_stream()),
            ReturnType::Type(_, output) => place::start_of(&output.to_token_stream()),
        };
        let returns = self.output_type().map(|output| {
            quote_spanned! {output_position=>
                if let ::core::option::Option::Some(__output) =
                    ::core::option::Option::None::<#output>
                {
                    return __output;
                }
            }
        });
        let statements = self.body.stream();
        let mut body = Group::new(self.body.delimiter(), quote!(#returns #statements));
        body.set_span(self.body.span());
        let block_on = arguments.block_on();
        quote_spanned! {site=>
            let __future = async move #body;
            #block_on(__future)
        }
    }

    /// What the function returns, if it is a type that may stand anywhere, unlike `!` and
    /// `impl Trait`.
    fn output_type(&self) -> Option<TokenStream> {
        match &self.signature.output {
            ReturnType::Default => Some(quote!(())),
            ReturnType::Type(_, output) => {
                let output = output.to_token_stream();
                can_stand_anywhere(output.clone()).then_some(output)
            }
        }
    }
}

fn can_stand_anywhere(type_: TokenStream) -> bool {
    type_.into_iter().all(|token| match token {
        TokenTree::Ident(ident) => ident != "impl",
        TokenTree::Punct(punct) => punct.as_char() != '!',
        TokenTree::Group(group) => can_stand_anywhere(group.stream()),
        TokenTree::Literal(_) => true,
    })
}

/// Whether the attribute makes a test: `#[test]`, or the same by its path in `core` or `std`.
fn is_test(attribute: &Attribute) -> bool {
    let path: Vec<_> = attribute
        .path()
        .segments
        .iter()
        .map(|s| s.ident.to_string())
        .collect();
    match path.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["test"] => true,
        [library, "prelude", _, "test"] => library == "core" || library == "std",
        _ => false,
    }
}
