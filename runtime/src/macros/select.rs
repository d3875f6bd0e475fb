//! `select!`.

/// (docs follow)
#[macro_export]
macro_rules! select {
    ($($branches:tt)*) => {
        $crate::macros::support::select_expression! { $crate $($branches)* }
    };
}
