//! `join!`.

/// Runs several futures concurrently and gives all their outputs, as a tuple, when the last is ready.
///
/// The macro stands where `.await` could stand: in `async` functions, closures and blocks. Its
/// operands are futures or what has [`IntoFuture`]; there may be any number of them. All of them run
/// to their end, whatever their outputs are; [`try_join!`](crate::try_join) stops at the first error.
///
/// The futures run on the current task: concurrently, not in parallel, and one that blocks the
/// thread stops them all. [Spawn](crate::spawn) them and join the handles where that matters.
/// Nothing is allocated: futures and outputs share their place in the surrounding future.
///
/// # Fairness
///
/// Each time the task is woken, polling starts one future further on, so that none is always the last.
/// `biased;` at the beginning polls in the order in which the futures are written, always; use it where
/// that order is part of the program.
///
/// # Cancel safety
///
/// When the future around it is dropped all futures are dropped, and with them the outputs of those
/// that were ready already.
///
/// # Examples
///
/// ```
/// async fn length(text: &str) -> usize {
///     text.len()
/// }
///
/// # #[runtime::main(flavor = "current_thread")]
/// # async fn main() {
/// let (length, sum) = runtime::join!(length("four"), async { 1 + 2 });
/// assert_eq!((length, sum), (4, 3));
///
/// let outputs = runtime::join!(
///     biased;
///     async { "polled first, always" },
///     async { "polled second" },
/// );
/// assert_eq!(outputs.1, "polled second");
/// # }
/// ```
#[macro_export]
macro_rules! join {
    (biased; $($future:expr),* $(,)?) => {
        $crate::macros::support::join_expression! { $crate biased $({ $future })* }
    };
    ($($future:expr),* $(,)?) => {
        $crate::macros::support::join_expression! { $crate fair $({ $future })* }
    };
}
