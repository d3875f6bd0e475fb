//! The grammar of `select!`.
//!
//! ```text
//! select   = [ "biased" ";" ] { branch } [ "else" "=>" expression [ "," ] ]
//! branch   = pattern "=" expression [ "," "if" expression ] "=>" handler
//! handler  = block [ "," ] | expression ( "," | end )
//! ```

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::discouraged::Speculative;
use syn::parse::{Parse, ParseStream};
use syn::{Error, Expr, Pat, Result, Token, token};

use super::{passed_on, pattern};

mod keyword {
    syn::custom_keyword!(biased);
}

/// One bit per branch in the largest mask.
const MAX_BRANCHES: usize = 64;

pub(super) struct Select {
    /// `$crate` of the calling macro.
    pub(super) runtime: TokenTree,
    pub(super) biased: bool,
    pub(super) branches: Vec<Branch>,
    /// What `else` gives.
    pub(super) otherwise: Option<TokenStream>,
}

pub(super) struct Branch {
    pub(super) pattern: Pat,
    pub(super) future: TokenStream,
    pub(super) condition: Option<TokenStream>,
    pub(super) handler: TokenStream,
}

impl Branch {
    pub(super) fn pattern_may_fail(&self) -> bool {
        !pattern::is_certain_to_match(&self.pattern)
    }
}

impl Parse for Select {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let runtime = input.parse()?;
        let biased = input.peek(keyword::biased) && input.peek2(Token![;]);
        if biased {
            input.parse::<keyword::biased>()?;
            input.parse::<Token![;]>()?;
        }
        let mut branches = Vec::new();
        let mut otherwise = None;
        while !input.is_empty() {
            if input.peek(Token![else]) {
                input.parse::<Token![else]>()?;
                input.parse::<Token![=>]>()?;
                otherwise = Some(handler(input)?);
                if !input.is_empty() {
                    return Err(input.error("`else` must be the last branch of `select!`"));
                }
                break;
            }
            let position = input.span();
            branches.push(input.parse::<Branch>()?);
            if branches.len() > MAX_BRANCHES {
                return Err(Error::new(
                    position,
                    format!("`select!` takes at most {MAX_BRANCHES} branches"),
                ));
            }
        }
        if branches.is_empty() && otherwise.is_none() {
            return Err(Error::new(
                Span::call_site(),
                "`select!` needs at least one branch: `pattern = future => handler`",
            ));
        }
        Ok(Self {
            runtime,
            biased,
            branches,
            otherwise,
        })
    }
}

impl Parse for Branch {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let pattern = passed_on::pattern(input)?;
        if !input.peek(Token![=]) || input.peek(Token![=>]) {
            return Err(input.error("expected `=`: a branch is `pattern = future => handler`"));
        }
        input.parse::<Token![=]>()?;
        let future = expression(input, |input| {
            input.peek(Token![=>]) || input.peek(Token![,])
        })?;
        let mut condition = None;
        if input.peek(Token![,]) && input.peek2(Token![if]) {
            input.parse::<Token![,]>()?;
            input.parse::<Token![if]>()?;
            condition = Some(expression(input, |input| input.peek(Token![=>]))?);
        }
        input.parse::<Token![=>]>()?;
        let handler = handler(input)?;
        Ok(Self {
            pattern,
            future,
            condition,
            handler,
        })
    }
}

/// A block, or an expression up to the comma or the end.
fn handler(input: ParseStream<'_>) -> Result<TokenStream> {
    if input.peek(token::Brace) {
        // The compiler parses it: its messages are better than ours would be, and it knows syntax
        // that we do not.
        let block = input.parse::<TokenTree>()?;
        input.parse::<Option<Token![,]>>()?;
        return Ok(block.into());
    }
    let handler = expression(input, |input| input.peek(Token![,]))?;
    if !input.is_empty() {
        input.parse::<Token![,]>()?;
    }
    Ok(handler)
}

/// An expression. What does not parse as one is taken as it is, up to the first token at which
/// `ends` says so: the compiler then says what is wrong with it, and an editor can complete
/// `receiver.` although it is no expression yet.
fn expression(
    input: ParseStream<'_>,
    ends: impl Fn(ParseStream<'_>) -> bool,
) -> Result<TokenStream> {
    let attempt = input.fork();
    match attempt.parse::<Expr>() {
        Ok(expression) => {
            let tokens = passed_on::between(input.cursor(), attempt.cursor());
            input.advance_to(&attempt);
            Ok(match tokens {
                Some(tokens) => passed_on::kept_whole(tokens),
                None => expression.into_token_stream(),
            })
        }
        Err(error) => {
            let mut tokens = Vec::new();
            while !input.is_empty() && !ends(input) {
                tokens.push(input.parse::<TokenTree>()?);
            }
            if tokens.is_empty() {
                Err(error)
            } else {
                Ok(passed_on::kept_whole(tokens))
            }
        }
    }
}
