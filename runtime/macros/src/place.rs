//! Spans for what an expansion puts around the user's code: names resolve where the expansion is, and
//! messages point at the user's tokens.
//!
//! The compiler shows a message at such a span only if the whole call or path that it is about has it.
//! A path that starts with the `$crate` of another macro has not, so what is likely to be called with
//! something of the wrong type goes by a name without one.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};

/// At the first token. Stable compilers cannot join spans.
pub(crate) fn start_of(tokens: &TokenStream) -> Span {
    at(tokens.clone().into_iter().next(), start_of)
}

/// At the last token.
pub(crate) fn end_of(tokens: &TokenStream) -> Span {
    at(tokens.clone().into_iter().last(), end_of)
}

fn at(token: Option<TokenTree>, part: impl Fn(&TokenStream) -> Span) -> Span {
    let site = Span::mixed_site();
    match token {
        // The compiler wraps what a `macro_rules!` passes on; the wrap is nowhere.
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::None => {
            part(&group.stream())
        }
        Some(token) => site.located_at(token.span()),
        None => site,
    }
}
