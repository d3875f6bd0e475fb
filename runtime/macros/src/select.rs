//! `select!`.
//!
//! The expansion polls all futures from one `poll_fn` and gives what the winner returned to a
//! `match` with the user's patterns and handlers. Three things shape it:
//!
//! - The futures end before the handler starts, so that the handler may use what they borrowed.
//!   They live in a block of their own, and only an enum with their outputs leaves it.
//! - Whether the pattern matches is decided while the others may still go on, so inside of the
//!   `poll_fn`; the value is moved into the pattern's bindings later. [`pattern`] makes a version of
//!   the pattern that only looks.
//! - Handlers stand outside of every closure, so that `?`, `break`, `continue`, `return` and `await`
//!   mean there what they mean around the macro.

mod branches;
mod passed_on;
mod pattern;

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote_spanned};
use syn::{Index, Token};

use self::branches::{Branch, Select};
use self::pattern::Look;
use crate::place;

pub(crate) fn expand(input: TokenStream) -> TokenStream {
    match syn::parse2::<Select>(input) {
        Ok(select) => select.expand(),
        Err(error) => error.to_compile_error(),
    }
}

impl Select {
    fn expand(self) -> TokenStream {
        let Self {
            runtime,
            biased,
            branches,
            otherwise,
        } = self;
        let site = Span::mixed_site();
        let support = quote_spanned!(site=> #runtime::macros::support);
        if branches.is_empty() {
            // As an arm, because there `else => { … }` may have its braces.
            return quote_spanned!(site=> match () { () => #otherwise });
        }

        let count = branches.len();
        let variant: Vec<_> = numbered("Branch", count);
        let parameter: Vec<_> = numbered("T", count);
        let mask = match count {
            0..=8 => quote_spanned!(site=> u8),
            9..=16 => quote_spanned!(site=> u16),
            17..=32 => quote_spanned!(site=> u32),
            _ => quote_spanned!(site=> u64),
        };

        let conditions = branches.iter().enumerate().filter_map(|(i, branch)| {
            let condition = branch.condition.as_ref()?;
            let bit = bit(i);
            let end = semicolon_after(condition);
            Some(quote_spanned!(site=>
                let __enabled: bool = #condition #end
                if !__enabled {
                    __disabled |= #bit;
                }
            ))
        });
        let future_name: Vec<_> = branches
            .iter()
            .enumerate()
            .map(|(i, branch)| format_ident!("__future{i}", span = place::start_of(&branch.future)))
            .collect();
        let make = branches.iter().zip(&future_name).map(|(branch, name)| {
            let future = &branch.future;
            let end = semicolon_after(future);
            // Parentheses that mean something to the user's eye mean nothing here.
            quote_spanned!(site=> #[allow(unused_parens)] let #name = #future #end)
        });
        let into_future = branches.iter().zip(&future_name).map(|(branch, name)| {
            quote_spanned!(place::start_of(&branch.future)=> ::core::future::IntoFuture::into_future(#name))
        });
        let poll: Vec<_> = branches
            .iter()
            .enumerate()
            .map(|(i, branch)| poll_branch(&support, i, branch))
            .collect();
        let poll_all = if biased || count == 1 {
            quote_spanned!(site=> #(#poll)*)
        } else {
            let position = 0..count as u32;
            let count = Literal::u32_suffixed(count as u32);
            quote_spanned!(site=>
                let __first = #support::thread_rng_n(#count);
                for __step in 0..#count {
                    match (__first + __step) % #count {
                        #(#position => { #poll })*
                        _ => #support::unreachable!(),
                    }
                }
            )
        };

        let pattern = branches.iter().map(|branch| &branch.pattern);
        let handler = branches.iter().map(|branch| {
            let handler = &branch.handler;
            let end = comma_after(handler);
            quote_spanned!(site=> #handler #end)
        });
        let otherwise =
            otherwise.unwrap_or_else(|| quote_spanned!(site=> #support::no_branch_left()));
        // A pattern that looks and matches also matches when it takes, but the compiler cannot know.
        let rest = branches
            .iter()
            .any(|branch| branch.pattern_may_fail())
            .then(|| quote_spanned!(site=> _ => #support::unreachable!(),));

        quote_spanned!(site=> {
            enum __SelectOutput<#(#parameter),*> {
                #(#variant(#parameter),)*
                NoBranchLeft,
            }
            // Mutable, so that patterns may say `ref mut`.
            let mut __output = {
                let mut __disabled: #mask = 0;
                #(#conditions)*
                // Each future gets a `let` of its own: that gives `&mut temporary()` a lifetime until
                // the end of the block, and a local that is moved from as a whole takes no space in
                // the surrounding future.
                #(#make)*
                let mut __futures = (#(#into_future,)*);
                let __futures = &mut __futures;
                let __output = #support::poll_fn(move |__cx| {
                    if #support::poll_budget_available(__cx).is_pending() {
                        return #support::Poll::Pending;
                    }
                    let mut __waiting = false;
                    #poll_all
                    if __waiting {
                        #support::Poll::Pending
                    } else {
                        #support::Poll::Ready(__SelectOutput::NoBranchLeft)
                    }
                })
                .await;
                __output
            };
            match __output {
                #(__SelectOutput::#variant(#pattern) => #handler)*
                __SelectOutput::NoBranchLeft => #otherwise,
                #rest
            }
        })
    }
}

/// Polls one branch unless it is disabled, and leaves the `poll_fn` if its output matches.
fn poll_branch(support: &TokenStream, position: usize, branch: &Branch) -> TokenStream {
    let site = Span::mixed_site();
    let bit = bit(position);
    let index = Index {
        index: position as u32,
        span: site,
    };
    let variant = format_ident!("Branch{position}", span = site);
    let matches = match pattern::look(&branch.pattern) {
        Look::Always => quote_spanned!(site=> true),
        Look::AtValue(pattern) => {
            quote_spanned!(site=> match __value { #pattern => true, _ => false })
        }
        Look::AtReference(pattern) => {
            quote_spanned!(site=> match &__value { #pattern => true, _ => false })
        }
    };
    // SAFETY of the expansion: `__futures` is a reference that shadows the tuple, under a name that
    // only this expansion can write. So nobody moves out of the tuple any more, and it lives until
    // the end of the block.
    quote_spanned!(site=>
        '__branch: {
            if __disabled & #bit != 0 {
                break '__branch;
            }
            let __future = unsafe { #support::Pin::new_unchecked(&mut __futures.#index) };
            let __value = match #support::Future::poll(__future, __cx) {
                #support::Poll::Ready(__value) => __value,
                #support::Poll::Pending => {
                    __waiting = true;
                    // The arm without a value also decides the type where nothing else does: of
                    // `poll_fn(|_| panic!())`, say.
                    break '__branch;
                }
            };
            __disabled |= #bit;
            if #matches {
                return #support::Poll::Ready(__SelectOutput::#variant(__value));
            }
        }
    )
}

/// Where the user's expression is half-written the compiler reports the token behind it; so that
/// token has to be in the right place.
fn semicolon_after(expression: &TokenStream) -> Token![;] {
    Token![;](place::end_of(expression))
}

/// As [`semicolon_after`].
fn comma_after(expression: &TokenStream) -> Token![,] {
    Token![,](place::end_of(expression))
}

fn bit(position: usize) -> Literal {
    Literal::u64_unsuffixed(1 << position)
}

fn numbered(name: &str, count: usize) -> Vec<Ident> {
    (0..count)
        .map(|i| format_ident!("{name}{i}", span = Span::mixed_site()))
        .collect()
}
