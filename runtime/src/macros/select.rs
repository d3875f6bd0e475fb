//! `select!`.

/// Waits for several futures at once, goes on with the first that is ready, and drops the others.
///
/// Each branch is a pattern, a future, and a handler:
///
/// ```text
/// select! {
///     [ biased; ]
///     <pattern> = <future> [ , if <precondition> ] => <handler>,
///     …
///     [ else => <expression> ]
/// }
/// ```
///
/// The handler of the branch that wins gives the value of the whole, so all handlers have the same
/// type. There may be up to 64 branches. The comma behind a handler in braces may be left out. The
/// macro stands where `.await` could stand: in `async` functions, closures and blocks.
///
/// 1. All preconditions are evaluated, in the order of the branches. A branch whose precondition is
///    `false` is *disabled* for this run of the macro.
/// 2. The expressions for the futures are evaluated, in order, also those of disabled branches; but a
///    disabled future is never polled. What has [`IntoFuture`] will do.
/// 3. The futures of the enabled branches are polled until one of them is ready.
/// 4. Its output is matched with the pattern. If it does not match, the output is dropped, the
///    branch is disabled, and the wait goes on.
/// 5. If it matches, **all** futures are dropped; then the handler runs. It may use whatever the futures had
///    borrowed, and `?`, `break`, `continue`, `return` and `.await` in it mean what they mean around
///    the macro.
/// 6. If all branches are disabled, `else` is evaluated.
///
/// The futures run on the current task: concurrently, not in parallel, and a future that blocks the
/// thread stops them all. [Spawn](crate::spawn) them and select on the handles where that matters.
/// Nothing is allocated.
///
/// # Fairness
///
/// The branch that is polled first is chosen at random each time, so that in a loop no branch starves
/// the others by always being ready. `biased;` at the beginning polls them in the order in which
/// they are written. That saves the random number, and makes sense where the order is part of the
/// program: a signal to shut down is looked at before the next message. The author then sees to it
/// that a busy branch at the top does not keep those below from ever being polled.
///
/// A task whose [cooperative budget](crate::task) is spent gives way at the next `select!`, even if a
/// branch is ready.
///
/// # Panics
///
/// When all branches are disabled and there is no `else`.
///
/// # Cancel safety
///
/// The futures of the branches that lose are dropped, maybe in the middle of their work. That is fine
/// for futures that lose nothing when they are dropped, and each async function of this crate says
/// under this heading whether it is one of them. Receiving from a channel is, and `accept`, and `read`.
/// `read_exact`, `read_to_end` and `write_all` are not: they may have moved some bytes already, and nobody
/// learns how many. Waiting for a lock or a permit loses the place in the queue.
///
/// An `async` block is as safe as what it does between two awaits. If a value is taken in one step and used
/// in the next, dropping the block in between loses it. Such work is created and [pinned](crate::pin!)
/// outside of the loop and given to `select!` as `&mut future`: then it is not dropped but goes on in
/// the next round.
///
/// # Examples
///
/// Whichever channel speaks first:
///
/// ```
/// use runtime::sync::{mpsc, oneshot};
///
/// # #[runtime::main(flavor = "current_thread")]
/// # async fn main() {
/// let (numbers, mut numbers_in) = mpsc::channel::<u32>(8);
/// let (stop, mut stop_in) = oneshot::channel::<()>();
///
/// runtime::spawn(async move {
///     for n in 1..=3 {
///         numbers.send(n).await.unwrap();
///     }
///     // Keep the channel open until the other side has seen all.
///     numbers.closed().await;
///     drop(stop);
/// });
///
/// let mut sum = 0;
/// while sum < 6 {
///     runtime::select! {
///         Some(n) = numbers_in.recv() => sum += n,
///         _ = &mut stop_in => break,
///         else => break,
///     }
/// }
/// assert_eq!(sum, 6);
/// # }
/// ```
///
/// Preconditions and `else`: two futures, each of which runs to its end.
///
/// ```
/// # #[runtime::main(flavor = "current_thread")]
/// # async fn main() {
/// async fn add(a: u32, b: u32) -> u32 {
///     a + b
/// }
///
/// let first = add(1, 2);
/// let second = add(3, 4);
/// runtime::pin!(first, second);
///
/// let (mut a, mut b) = (None, None);
/// let sum = loop {
///     runtime::select! {
///         value = &mut first, if a.is_none() => a = Some(value),
///         value = &mut second, if b.is_none() => b = Some(value),
///         else => break a.unwrap() + b.unwrap(),
///     }
/// };
/// assert_eq!(sum, 10);
/// # }
/// ```
///
/// A precondition does not keep the expression from being evaluated. What may only be computed under the
/// condition goes into an `async` block, which does nothing before it is polled:
///
/// ```
/// # #[runtime::main(flavor = "current_thread")]
/// # async fn main() {
/// let task: Option<runtime::task::JoinHandle<u32>> = None;
///
/// let result = runtime::select! {
///     result = async { task.unwrap().await }, if task.is_some() => result.ok(),
///     else => None,
/// };
/// assert_eq!(result, None);
/// # }
/// ```
///
/// A fixed order: once `stop` is there, no message is taken any more, even if some are waiting.
///
/// ```
/// use runtime::sync::{mpsc, oneshot};
///
/// # #[runtime::main(flavor = "current_thread")]
/// # async fn main() {
/// let (messages, mut messages_in) = mpsc::channel(8);
/// let (stop, mut stop_in) = oneshot::channel();
/// messages.send("one").await.unwrap();
/// messages.send("two").await.unwrap();
/// let mut stop = Some(stop);
///
/// let mut taken = Vec::new();
/// loop {
///     runtime::select! {
///         biased;
///         _ = &mut stop_in => break,
///         Some(message) = messages_in.recv() => {
///             taken.push(message);
///             if let Some(stop) = stop.take() {
///                 stop.send(()).unwrap();
///             }
///         }
///     }
/// }
/// assert_eq!(taken, ["one"]);
/// # }
/// ```
#[macro_export]
macro_rules! select {
    ($($branches:tt)*) => {
        $crate::macros::support::select_expression! { $crate $($branches)* }
    };
}
