//! `try_join!`.

/// (docs follow)
#[macro_export]
macro_rules! try_join {
    (biased; $($future:expr),* $(,)?) => {
        $crate::macros::support::try_join_expression! { $crate biased $({ $future })* }
    };
    ($($future:expr),* $(,)?) => {
        $crate::macros::support::try_join_expression! { $crate fair $({ $future })* }
    };
}
