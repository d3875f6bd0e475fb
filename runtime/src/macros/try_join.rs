//! `try_join!`.

/// Runs several futures concurrently until all have succeeded or one has failed.
///
/// Like [`join!`](crate::join), but the outputs are [`Result`]s with the same type of error. The value is `Ok` with
/// a tuple of all values, or the first error; in that case the other futures are dropped at once, and
/// so are the values that were there already.
///
/// `biased;`, the order of polling, and what runs where are as for [`join!`](crate::join).
///
/// # Cancel safety
///
/// When the future around it is dropped, or one of the futures fails, all are dropped, and with them
/// the outputs of those that were ready already.
///
/// # Examples
///
/// ```
/// use std::num::ParseIntError;
///
/// async fn parse(text: &str) -> Result<u32, ParseIntError> {
///     text.parse()
/// }
///
/// # #[runtime::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(runtime::try_join!(parse("1"), parse("2")), Ok((1, 2)));
/// assert!(runtime::try_join!(parse("1"), parse("two")).is_err());
/// # }
/// ```
///
/// Tasks that were spawned fail in two ways, by panic or by what they return:
///
/// ```
/// use runtime::task::JoinHandle;
///
/// async fn flatten<T>(task: JoinHandle<Result<T, String>>) -> Result<T, String> {
///     task.await.map_err(|error| error.to_string())?
/// }
///
/// # #[runtime::main(flavor = "current_thread")]
/// # async fn main() {
/// let first = runtime::spawn(async { Ok(1) });
/// let second = runtime::spawn(async { Err::<u32, _>("no luck".to_string()) });
///
/// let result = runtime::try_join!(flatten(first), flatten(second));
/// assert_eq!(result, Err("no luck".to_string()));
/// # }
/// ```
#[macro_export]
macro_rules! try_join {
    (biased; $($future:expr),* $(,)?) => {
        $crate::macros::support::try_join_expression! { $crate biased $({ $future })* }
    };
    ($($future:expr),* $(,)?) => {
        $crate::macros::support::try_join_expression! { $crate fair $({ $future })* }
    };
}
