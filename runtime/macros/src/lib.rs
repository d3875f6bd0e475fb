//! The attribute macros of the runtime, and the parts of its other macros that `macro_rules!`
//! cannot express.
//!
//! Users do not depend on this crate: `runtime` re-exports [`macro@main`] and [`macro@test`], and
//! its `select!`, `join!` and `try_join!` call the hidden macros of this crate. They pass their
//! `$crate` as the first token, so that the expansion finds the runtime under any name.
//!
//! - `entry.rs`: the attributes; `entry/arguments.rs` reads what stands in their parentheses.
//! - `select.rs`: `select!`; `select/branches.rs` parses it, `select/pattern.rs` makes the patterns
//!   fit for a look at a value that is not moved yet, `select/passed_on.rs` keeps together what came as
//!   one expression or pattern.
//! - `join.rs`: `join!` and `try_join!`.
//! - `place.rs`: where in the user's code the compiler reports a mistake in an expansion.
//!
//! Names that an expansion introduces have the span [`Span::mixed_site`], so that the user's code
//! cannot see them. For constants and unit structs that is not enough: a local variable may not have
//! the name of one. So these names start with two underscores. All that the user wrote keeps its own
//! span, so that the compiler's messages point at it.
//!
//! [`Span::mixed_site`]: proc_macro2::Span::mixed_site

mod entry;
mod join;
mod place;
mod select;

use proc_macro::TokenStream;

use crate::entry::Entry;

/// Runs an `async fn` on a runtime of its own.
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, function: TokenStream) -> TokenStream {
    entry::expand(Entry::Main, "runtime", arguments.into(), function.into()).into()
}

/// Makes a test of an `async fn`, and runs it on a runtime of its own.
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, function: TokenStream) -> TokenStream {
    entry::expand(Entry::Test, "runtime", arguments.into(), function.into()).into()
}

/// [`macro@main`] for a runtime that is called `tokio`.
#[doc(hidden)]
#[proc_macro_attribute]
pub fn tokio_main(arguments: TokenStream, function: TokenStream) -> TokenStream {
    entry::expand(Entry::Main, "tokio", arguments.into(), function.into()).into()
}

/// [`macro@test`] for a runtime that is called `tokio`.
#[doc(hidden)]
#[proc_macro_attribute]
pub fn tokio_test(arguments: TokenStream, function: TokenStream) -> TokenStream {
    entry::expand(Entry::Test, "tokio", arguments.into(), function.into()).into()
}

/// What `select!` expands to: `$crate`, then the branches.
#[doc(hidden)]
#[proc_macro]
pub fn select_expression(input: TokenStream) -> TokenStream {
    select::expand(input.into()).into()
}

/// What `join!` expands to: `$crate`, `biased` or `fair`, then each future in braces.
#[doc(hidden)]
#[proc_macro]
pub fn join_expression(input: TokenStream) -> TokenStream {
    join::expand(join::Until::AllDone, input.into()).into()
}

/// What `try_join!` expands to; the input is that of [`join_expression!`].
#[doc(hidden)]
#[proc_macro]
pub fn try_join_expression(input: TokenStream) -> TokenStream {
    join::expand(join::Until::FirstError, input.into()).into()
}
