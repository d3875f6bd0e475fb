//! Patterns that look at a value and leave it where it is.
//!
//! The user's pattern may bind by value, so matching it moves. Inside of the `poll_fn` only the
//! question counts whether it would match. Bindings have to go, then, but a macro cannot tell a
//! binding `x` from a constant or a unit struct `x`; only `ref x`, `mut x` and `x @ pattern` are
//! bindings for certain. Hence two ways to look:
//!
//! - No identifier is left that may be a binding: the pattern is matched against the value itself,
//!   with exactly the types that the user's own match has.
//! - Some are left: it is matched against a reference to the value. Bindings then borrow instead of
//!   moving. A `&` in the pattern goes, because it may not be written where the match is already
//!   looking through a reference; what stands behind it sees through the reference by itself.

use proc_macro2::Span;
use syn::{Lit, Pat, PatWild, Token, token};

/// How to find out whether a value matches.
pub(super) enum Look {
    /// Every value does.
    Always,
    /// `match value { pattern => true, _ => false }`
    AtValue(Pat),
    /// `match &value { pattern => true, _ => false }`
    AtReference(Pat),
}

pub(super) fn look(pattern: &Pat) -> Look {
    if is_certain_to_match(pattern) {
        return Look::Always;
    }
    let mut pattern = pattern.clone();
    let mut looker = Looker { may_bind: false };
    looker.drop_bindings(&mut pattern);
    if looker.may_bind {
        drop_references(&mut pattern);
        Look::AtReference(pattern)
    } else {
        Look::AtValue(pattern)
    }
}

/// Whether the pattern is `_`, a binding for certain, or a tuple of such. Others may be certain to
/// match, too; it takes types to know.
pub(super) fn is_certain_to_match(pattern: &Pat) -> bool {
    match pattern {
        Pat::Wild(_) | Pat::Rest(_) => true,
        Pat::Ident(ident) => match &ident.subpat {
            Some((_, pattern)) => is_certain_to_match(pattern),
            None => ident.by_ref.is_some() || ident.mutability.is_some(),
        },
        Pat::Paren(paren) => is_certain_to_match(&paren.pat),
        Pat::Reference(reference) => is_certain_to_match(&reference.pat),
        Pat::Tuple(tuple) => tuple.elems.iter().all(is_certain_to_match),
        _ => false,
    }
}

struct Looker {
    /// An identifier was met that may be a binding or a constant.
    may_bind: bool,
}

impl Looker {
    fn drop_bindings(&mut self, pattern: &mut Pat) {
        match pattern {
            Pat::Ident(ident) => {
                if let Some((_, behind)) = ident.subpat.take() {
                    *pattern = *behind;
                    if let Pat::Paren(paren) = pattern {
                        // The user needs them behind an `@`.
                        paren.paren_token = token::Paren(Span::mixed_site());
                    }
                    self.drop_bindings(pattern);
                } else if ident.by_ref.is_some() || ident.mutability.is_some() {
                    *pattern = wild();
                } else {
                    self.may_bind = true;
                    // The user is told once, at the handler, that a binding is not used or has an
                    // odd name. The compiler says nothing about names that a macro brings in.
                    let span = Span::mixed_site().located_at(ident.ident.span());
                    ident.ident.set_span(span);
                }
            }
            Pat::Struct(pattern) => {
                for field in &mut pattern.fields {
                    if field.colon_token.is_none() {
                        // `S { ref x }` is `S { x: ref x }`.
                        field.colon_token = Some(Token![:](Span::mixed_site()));
                    }
                    self.drop_bindings(&mut field.pat);
                }
            }
            // A macro expands to what it likes.
            Pat::Macro(_) | Pat::Verbatim(_) => self.may_bind = true,
            _ => for_each_part(pattern, |part| self.drop_bindings(part)),
        }
    }
}

fn drop_references(pattern: &mut Pat) {
    while let Pat::Reference(reference) = pattern {
        if has_a_type_of_its_own(&reference.pat) {
            // Stays, and compiles in editions before 2024.
            return;
        }
        let behind = std::mem::replace(&mut *reference.pat, wild());
        *pattern = behind;
    }
    match pattern {
        Pat::Struct(pattern) => {
            for field in &mut pattern.fields {
                drop_references(&mut field.pat);
            }
        }
        _ => for_each_part(pattern, drop_references),
    }
}

/// Whether the pattern is, or may be, a constant or a string, which do not match through a reference.
fn has_a_type_of_its_own(pattern: &Pat) -> bool {
    match pattern {
        Pat::Path(_) | Pat::Const(_) | Pat::Macro(_) | Pat::Verbatim(_) => true,
        Pat::Lit(literal) => matches!(
            literal.lit,
            Lit::Str(_) | Lit::ByteStr(_) | Lit::CStr(_) | Lit::Verbatim(_)
        ),
        Pat::Ident(ident) => ident.ident.to_string().starts_with(char::is_uppercase),
        Pat::Paren(paren) => has_a_type_of_its_own(&paren.pat),
        _ => false,
    }
}

/// Calls `f` with the patterns that `pattern` is made of, for those kinds of pattern that are
/// treated by all in the same way.
fn for_each_part(pattern: &mut Pat, mut f: impl FnMut(&mut Pat)) {
    match pattern {
        Pat::Or(or) => or.cases.iter_mut().for_each(f),
        Pat::Paren(paren) => f(&mut paren.pat),
        Pat::Reference(reference) => f(&mut reference.pat),
        Pat::Slice(slice) => slice.elems.iter_mut().for_each(f),
        Pat::Tuple(tuple) => tuple.elems.iter_mut().for_each(f),
        Pat::TupleStruct(tuple) => tuple.elems.iter_mut().for_each(f),
        _ => {}
    }
}

fn wild() -> Pat {
    Pat::Wild(PatWild {
        attrs: Vec::new(),
        underscore_token: Token![_](Span::mixed_site()),
    })
}
