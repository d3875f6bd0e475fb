//! Expressions that another `macro_rules!` passes on.
//!
//! Where a `macro_rules!` writes its `$e` the compiler puts a group without delimiters around what `$e`
//! stands for, so that `$e * 2` is twice the whole also if that is `1 + 2`. But it takes no notice of
//! such a group when a proc macro gives it back: then this is `1 + 2 * 2`. What stands in braces,
//! parentheses or brackets is safe as long as nobody takes it apart, so tokens are given back as they
//! came and not as `syn` prints what it has parsed. Groups in the open get parentheses.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use syn::Expr;
use syn::buffer::Cursor;

/// The tokens from `start` to `end`. Nothing if `end` is inside of a group.
pub(super) fn between(start: Cursor<'_>, end: Cursor<'_>) -> Option<TokenStream> {
    let mut tokens = Vec::new();
    let mut at = start;
    while at != end {
        let (token, next) = at.token_tree()?;
        tokens.push(token);
        at = next;
    }
    Some(kept_whole(tokens))
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
                let mut whole = Group::new(Delimiter::Parenthesis, group.stream());
                whole.set_span(Span::mixed_site().located_at(group.span()));
                whole.into()
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
