//! `pin!`.

/// Pins values to where they are, in variables of the same name.
///
/// A future must not move once it has been polled. Some ways to use one move it: `&mut future` can be
/// awaited, and given to [`select!`](crate::select), only if the future is [`Unpin`], which the
/// futures of `async` blocks and functions are not. `pin!(future)` moves the value into a hidden place
/// of the surrounding block and makes `future` a [`Pin`](std::pin::Pin)`<&mut _>` to it, which may be
/// used as often as one likes. Nothing is allocated; the value lives until the end of the block.
///
/// There are two forms. The first takes the names of variables. The second takes `let` statements and
/// pins what they bind; this way a future is created and pinned in one go.
///
/// Unlike [`std::pin::pin!`], which is an expression, this macro is a statement.
///
/// # Examples
///
/// Two variables that exist already:
///
/// ```
/// # fn main() {
/// # futures_block_on(async {
/// async fn add(a: u32, b: u32) -> u32 {
///     a + b
/// }
///
/// let first = add(1, 2);
/// let second = add(3, 4);
/// runtime::pin!(first, second);
///
/// assert_eq!((&mut first).await, 3);
/// assert_eq!(second.await, 7);
/// # });
/// # }
/// # fn futures_block_on(future: impl Future<Output = ()>) {
/// #     let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
/// #     assert!(std::pin::pin!(future).poll(&mut cx).is_ready());
/// # }
/// ```
///
/// A future that several rounds of a loop go on with:
///
/// ```
/// # #[cfg(feature = "macros")]
/// # {
/// use runtime::sync::mpsc;
///
/// async fn work() -> &'static str {
///     "done"
/// }
///
/// # #[runtime::main(flavor = "current_thread")]
/// # async fn main() {
/// let (sender, mut receiver) = mpsc::channel::<u32>(8);
/// # drop(sender);
///
/// runtime::pin! {
///     let work = work();
///     let deadline = std::future::pending::<()>();
/// }
///
/// let result = loop {
///     runtime::select! {
///         result = &mut work => break Some(result),
///         () = &mut deadline => break None,
///         Some(message) = receiver.recv() => println!("meanwhile: {message}"),
///     }
/// };
/// assert_eq!(result, Some("done"));
/// # }
/// # main()
/// # }
/// ```
#[macro_export]
macro_rules! pin {
    ($($variable:ident),* $(,)?) => {
        $(
            #[allow(unused_mut)]
            let mut $variable = ::core::pin::pin!($variable);
        )*
    };
    ($(let $variable:ident = $value:expr;)*) => {
        $(
            #[allow(unused_mut)]
            let mut $variable = ::core::pin::pin!($value);
        )*
    };
}
