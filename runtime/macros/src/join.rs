//! `join!` and `try_join!`.
//!
//! All futures live in one tuple that a `poll_fn` borrows, each wrapped in a `MaybeDone`, which
//! becomes the output in place. So the size is that of the futures, a pointer, and the index of the
//! future that is polled first next time.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{format_ident, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::{Index, Result};

use crate::place;

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
    futures: Vec<TokenStream>,
}

impl Parse for Input {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let runtime = input.parse()?;
        let biased = input.parse::<Ident>()? == "biased";
        let mut futures = Vec::new();
        while !input.is_empty() {
            // Inside of the braces is exactly what the user wrote.
            futures.push(input.parse::<Group>()?.stream());
        }
        Ok(Self {
            runtime,
            biased,
            futures,
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

        // Each future gets a `let` of its own: that gives `&mut temporary()` a lifetime until the
        // end, and a local that is moved from as a whole takes no space in the surrounding future.
        let name: Vec<_> = futures
            .iter()
            .enumerate()
            .map(|(i, future)| format_ident!("__future{i}", span = place::start_of(future)))
            .collect();
        let wrapped = futures
            .iter()
            .zip(&name)
            .map(|(future, name)| quote_spanned!(place::start_of(future)=> __wrap(#name)));
        let pinned: Vec<_> = (0..count)
            .map(|i| {
                let index = Index {
                    index: i as u32,
                    span: site,
                };
                // SAFETY of the expansion: `__futures` is a reference that shadows the tuple, under
                // a name that only this expansion can write. So nobody moves out of the tuple any
                // more, and it lives until the end of the block.
                quote_spanned!(site=>
                    unsafe { #support::Pin::new_unchecked(&mut __futures.#index) }
                )
            })
            .collect();
        let poll: Vec<_> = futures
            .iter()
            .zip(&pinned)
            .map(|(future, pinned)| poll_branch(&support, until, future, pinned))
            .collect();
        let rotates = !biased && count > 1;
        let poll_all = if rotates {
            let position = 0..count;
            quote_spanned!(site=>
                for __step in 0..#count {
                    match (__first + __step) % #count {
                        #(#position => { #poll })*
                        _ => #support::unreachable!(),
                    }
                }
                __first = (__first + 1) % #count;
            )
        } else {
            quote_spanned!(site=> #(#poll)*)
        };
        let first = rotates.then(|| quote_spanned!(site=> let mut __first: usize = 0;));
        let outputs = match until {
            Until::AllDone => quote_spanned!(site=> (#(#pinned.take_output(),)*)),
            Until::FirstError => {
                quote_spanned!(site=> #support::Ok((#(#pinned.take_value(),)*)))
            }
        };
        let wrap = match until {
            Until::AllDone => quote_spanned!(site=> maybe_done),
            Until::FirstError => quote_spanned!(site=> maybe_done_or_failed),
        };
        // What is still on its way when the first error comes is dropped at the end of the block.
        quote_spanned!(site=> {
            use #support::#wrap as __wrap;
            #(let #name = #futures;)*
            let mut __futures = (#(#wrapped,)*);
            let __futures = &mut __futures;
            #first
            let __output = #support::poll_fn(move |__cx| {
                let mut __waiting = false;
                #poll_all
                if __waiting {
                    #support::Poll::Pending
                } else {
                    #support::Poll::Ready(#outputs)
                }
            })
            .await;
            __output
        })
    }
}

fn poll_branch(
    support: &TokenStream,
    until: Until,
    future: &TokenStream,
    pinned: &TokenStream,
) -> TokenStream {
    let site = Span::mixed_site();
    let ready = match until {
        Until::AllDone => quote_spanned!(site=> {}),
        Until::FirstError => {
            let error = Ident::new("__error", place::start_of(future));
            let result = quote_spanned!(place::start_of(future)=>
                ::core::result::Result::Err(#error)
            );
            quote_spanned!(site=> {
                if let #support::Some(#error) = #pinned.take_error() {
                    return #support::Poll::Ready(#result);
                }
            })
        }
    };
    quote_spanned!(site=>
        match #support::Future::poll(#pinned, __cx) {
            #support::Poll::Ready(()) => #ready
            #support::Poll::Pending => __waiting = true,
        }
    )
}
