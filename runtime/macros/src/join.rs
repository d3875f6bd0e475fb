//! `join!` and `try_join!`.
//!
//! All futures live in one tuple that a `poll_fn` borrows, each wrapped in a `MaybeDone`, which
//! becomes the output in place. So the size is that of the futures, a pointer, and the index of the
//! future that is polled first next time.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::{Index, Result};

/// When the macro is done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    AllDone,
    FirstError,
}

struct Input {
    /// `$crate` of the calling macro.
    runtime: TokenTree,
    biased: bool,
    futures: Vec<Group>,
}

impl Parse for Input {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        Ok(Self {
            runtime: input.parse()?,
            biased: input.parse::<Ident>()? == "biased",
            futures: {
                let mut futures = Vec::new();
                while !input.is_empty() {
                    futures.push(input.parse()?);
                }
                futures
            },
        })
    }
}

pub(crate) fn expand(until: Until, input: TokenStream) -> TokenStream {
    match syn::parse2::<Input>(input) {
        Ok(input) => input.expand(until),
        Err(error) => error.to_compile_error(),
    }
}

impl Input {
    fn expand(self, until: Until) -> TokenStream {
        let Self {
            runtime,
            biased,
            futures,
        } = self;
        let site = Span::mixed_site();
        let support = quote_spanned!(site=> #runtime::macros::support);
        let count = futures.len();
        if count == 0 {
            return match until {
                Until::AllDone => quote_spanned!(site=> async {}.await),
                Until::FirstError => quote_spanned!(site=> async { #support::Ok(()) }.await),
            };
        }

        let index: Vec<_> = (0..count)
            .map(|i| Index {
                index: i as u32,
                span: site,
            })
            .collect();
        let name: Vec<_> = (0..count)
            .map(|i| format_ident!("future{i}", span = site))
            .collect();
        // Inside of the braces is exactly what the user wrote. Each future gets a `let` of its own:
        // that gives `&mut temporary()` a lifetime until the end, and a local that is moved from as a
        // whole takes no space in the surrounding future.
        let future = futures.iter().map(Group::stream);

        let pinned: Vec<_> = index
            .iter()
            .map(|i| {
                // SAFETY of the expansion: `futures` is a reference that shadows the tuple, under a
                // name that only this expansion can write. So nobody moves out of the tuple any
                // more, and it lives until the end of the block.
                quote_spanned!(site=> unsafe { #support::Pin::new_unchecked(&mut futures.#i) })
            })
            .collect();
        let poll: Vec<_> = pinned
            .iter()
            .map(|pinned| {
                let done = match until {
                    Until::AllDone => quote_spanned!(site=> {}),
                    Until::FirstError => quote_spanned!(site=> {
                        if let #support::Some(error) = #pinned.take_error() {
                            return #support::Poll::Ready(#support::Err(error));
                        }
                    }),
                };
                quote_spanned!(site=> match #support::Future::poll(#pinned, cx) {
                    #support::Poll::Ready(()) => #done
                    #support::Poll::Pending => waiting = true,
                })
            })
            .collect();
        let poll_all = if biased || count == 1 {
            quote_spanned!(site=> #(#poll)*)
        } else {
            let position = 0..count;
            quote_spanned!(site=>
                for step in 0..#count {
                    match (first + step) % #count {
                        #(#position => #poll)*
                        _ => #support::unreachable!(),
                    }
                }
                first = (first + 1) % #count;
            )
        };
        let first =
            (!biased && count > 1).then(|| quote_spanned!(site=> let mut first: usize = 0;));
        let outputs = match until {
            Until::AllDone => quote_spanned!(site=> (#(#pinned.take_output(),)*)),
            Until::FirstError => {
                quote_spanned!(site=> #support::Ok((#(#pinned.take_value(),)*)))
            }
        };
        quote_spanned!(site=> {
            #(let #name = #future;)*
            let mut futures = (#(#support::maybe_done(#name),)*);
            let futures = &mut futures;
            #first
            let output = #support::poll_fn(move |cx| {
                let mut waiting = false;
                #poll_all
                if waiting {
                    #support::Poll::Pending
                } else {
                    #support::Poll::Ready(#outputs)
                }
            })
            .await;
            output
        })
        .into_token_stream()
    }
}
