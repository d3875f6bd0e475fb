//! `join!`.

/// (docs follow)
#[macro_export]
macro_rules! join {
    (biased; $($future:expr),* $(,)?) => {
        $crate::macros::support::join_expression! { $crate biased $({ $future })* }
    };
    ($($future:expr),* $(,)?) => {
        $crate::macros::support::join_expression! { $crate fair $({ $future })* }
    };
}
