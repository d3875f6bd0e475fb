//! The macros, and what their expansions call.
//!
//! The macros themselves are exported at the root of the crate: [`pin!`](crate::pin), and with the
//! feature `macros` also [`select!`](crate::select), [`join!`](crate::join),
//! [`try_join!`](crate::try_join), [`main`](macro@crate::main) and [`test`](macro@crate::test). What
//! `macro_rules!` can say stands here, one file per macro; what needs a proc macro is in the crate
//! `runtime-macros`. Expansions name everything through `support`, never through the names that
//! happen to be in scope at the user's.

mod pin;

#[cfg(feature = "macros")]
mod entry;
#[cfg(feature = "macros")]
mod join;
#[cfg(feature = "macros")]
mod maybe_done;
#[cfg(feature = "macros")]
mod select;
#[cfg(feature = "macros")]
pub mod support;
#[cfg(feature = "macros")]
mod try_join;

#[cfg(feature = "macros")]
pub use entry::{main, test};
