//! Expressions and patterns that another `macro_rules!` passes on.
//!
//! Where a `macro_rules!` writes its `$e` the compiler puts a group without delimiters around what `$e`
//! stands for, so that `$e * 2` is twice the whole also if that is `1 + 2`. But it takes no notice of
//! such a group when a proc macro gives it back: then this is `1 + 2 * 2`. What stands in braces,
//! parentheses or brackets is safe as long as nobody takes it apart, so tokens are given back as they
//! came and not as `syn` prints what it has parsed. Groups in the open get parentheses.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use syn::buffer::Cursor;
use syn::parse::discouraged::Speculative;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, Pat, Result};

/// A pattern. Other than an expression it is taken apart later, so it gets its parentheses throughout.
pub(super) fn pattern(input: ParseStream<'_>) -> Result<Pat> {
    let attempt = input.fork();
    let pattern = Pat::parse_multi_with_leading_vert(&attempt)?;
    let tokens = between(input.cursor(), attempt.cursor());
    input.advance_to(&attempt);
    match tokens.and_then(|tokens| alternatives_kept_whole(tokens.into_iter().collect())) {
        Some(tokens) => Pat::parse_multi_with_leading_vert.parse2(tokens),
        None => Ok(pattern),
    }
}

/// The tokens of a pattern, with parentheses around groups of which `@`, `&` or `mut` would otherwise
/// get a part only. Nothing if there are none.
fn alternatives_kept_whole(tokens: TokenStream) -> Option<TokenStream> {
    let mut changed = false;
    let mut takes_one = false;
    let tokens = tokens
        .into_iter()
        .map(|token| {
            let is_taken = std::mem::take(&mut takes_one);
            match token {
                TokenTree::Group(group) => {
                    let inner = alternatives_kept_whole(group.stream());
                    let needs_parentheses = is_taken
                        && group.delimiter() == Delimiter::None
                        && matches!(
                            Pat::parse_multi_with_leading_vert.parse2(group.stream()),
                            Ok(Pat::Or(_) | Pat::Range(_))
                        );
                    changed |= needs_parentheses || inner.is_some();
                    let tokens = inner.unwrap_or_else(|| group.stream());
                    if needs_parentheses {
                        in_parentheses(&group, tokens)
                    } else {
                        let mut same = Group::new(group.delimiter(), tokens);
                        same.set_span(group.span());
                        same.into()
                    }
                }
                TokenTree::Punct(punct) => {
                    takes_one = matches!(punct.as_char(), '@' | '&');
                    punct.into()
                }
                TokenTree::Ident(ident) => {
                    takes_one = ident == "mut";
                    ident.into()
                }
                literal @ TokenTree::Literal(_) => literal,
            }
        })
        .collect();
    changed.then_some(tokens)
}

fn in_parentheses(group: &Group, tokens: TokenStream) -> TokenTree {
    let mut whole = Group::new(Delimiter::Parenthesis, tokens);
    whole.set_span(Span::mixed_site().located_at(group.span()));
    whole.into()
}

/// The tokens from `start` to `end`. Nothing if `end` is inside of a group.
pub(super) fn between(start: Cursor<'_>, end: Cursor<'_>) -> Option<Vec<TokenTree>> {
    let mut tokens = Vec::new();
    let mut at = start;
    while at != end {
        let (token, next) = at.token_tree()?;
        tokens.push(token);
        at = next;
    }
    Some(tokens)
}

/// The tokens, with parentheses where two parts of a group could otherwise belong to different
/// neighbours.
pub(super) fn kept_whole(tokens: Vec<TokenTree>) -> TokenStream {
    let has_neighbours = tokens.len() > 1;
    tokens
        .into_iter()
        .map(|token| match token {
            TokenTree::Group(group)
                if has_neighbours
                    && group.delimiter() == Delimiter::None
                    && can_fall_apart(group.stream()) =>
            {
                in_parentheses(&group, group.stream())
            }
            token => token,
        })
        .collect()
}

/// Whether this is an expression with an operator that is not in any braces. Others get no parentheses:
/// they need none, and it may be a type, a path or a block, which may not have them everywhere.
fn can_fall_apart(tokens: TokenStream) -> bool {
    let Ok(mut expression) = syn::parse2::<Expr>(tokens) else {
        return false;
    };
    while let Expr::Group(group) = expression {
        expression = *group.expr;
    }
    matches!(
        expression,
        Expr::Assign(_)
            | Expr::Binary(_)
            | Expr::Break(_)
            | Expr::Cast(_)
            | Expr::Closure(_)
            | Expr::Range(_)
            | Expr::RawAddr(_)
            | Expr::Reference(_)
            | Expr::Return(_)
            | Expr::Unary(_)
    )
}
