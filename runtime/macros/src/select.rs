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
mod pattern;

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::Index;

use self::branches::{Branch, Select};
use self::pattern::Look;

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
            return quote!({ #otherwise });
        }

        let count = branches.len();
        let future_name: Vec<_> = numbered("future", count);
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
            Some(quote_spanned!(site=>
                let enabled: bool = #condition;
                if !enabled {
                    disabled |= #bit;
                }
            ))
        });
        let future = branches.iter().map(|branch| &branch.future);
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
                let first = #support::thread_rng_n(#count);
                for step in 0..#count {
                    match (first + step) % #count {
                        #(#position => { #poll })*
                        _ => #support::unreachable!(),
                    }
                }
            )
        };

        let pattern = branches.iter().map(|branch| &branch.pattern);
        let handler = branches.iter().map(|branch| &branch.handler);
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
            let output = {
                let mut disabled: #mask = 0;
                #(#conditions)*
                // Each future gets a `let` of its own: that gives `&mut temporary()` a lifetime until
                // the end of the block, and a local that is moved from as a whole takes no space in
                // the surrounding future.
                #(let #future_name = #future;)*
                let mut futures = (#(#support::IntoFuture::into_future(#future_name),)*);
                let futures = &mut futures;
                let output = #support::poll_fn(move |cx| {
                    if #support::poll_budget_available(cx).is_pending() {
                        return #support::Poll::Pending;
                    }
                    let mut waiting = false;
                    #poll_all
                    if waiting {
                        #support::Poll::Pending
                    } else {
                        #support::Poll::Ready(__SelectOutput::NoBranchLeft)
                    }
                })
                .await;
                output
            };
            match output {
                #(__SelectOutput::#variant(#pattern) => #handler,)*
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
            quote_spanned!(site=> match value { #pattern => true, _ => false })
        }
        Look::AtReference(pattern) => {
            quote_spanned!(site=> match &value { #pattern => true, _ => false })
        }
    };
    // SAFETY of the expansion: `futures` is a reference that shadows the tuple, under a name that
    // only this expansion can write. So nobody moves out of the tuple any more, and it lives until
    // the end of the block.
    quote_spanned!(site=>
        if disabled & #bit == 0 {
            let future = unsafe { #support::Pin::new_unchecked(&mut futures.#index) };
            match #support::Future::poll(future, cx) {
                #support::Poll::Ready(value) => {
                    disabled |= #bit;
                    if #matches {
                        return #support::Poll::Ready(__SelectOutput::#variant(value));
                    }
                }
                #support::Poll::Pending => waiting = true,
            }
        }
    )
}

fn bit(position: usize) -> Literal {
    Literal::u64_unsuffixed(1 << position)
}

fn numbered(name: &str, count: usize) -> Vec<Ident> {
    (0..count)
        .map(|i| format_ident!("{name}{i}", span = Span::mixed_site()))
        .collect()
}
