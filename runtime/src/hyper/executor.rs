//! Spawning for hyper.

/// Spawns hyper's tasks with [`spawn`](crate::spawn), on the runtime that is current at that moment.
///
/// # Examples
///
/// ```
/// use hyper::rt::Executor;
/// use runtime::hyper::HyperExecutor;
///
/// #[runtime::main]
/// async fn main() {
///     let (sender, receiver) = runtime::sync::oneshot::channel();
///     HyperExecutor::new().execute(async { sender.send(42).unwrap() });
///     assert_eq!(receiver.await, Ok(42));
/// }
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct HyperExecutor {}

impl HyperExecutor {
    /// An executor.
    pub fn new() -> Self {
        Self {}
    }
}

/// # Panics
///
/// `execute` panics outside of a runtime.
impl<F> ::hyper::rt::Executor<F> for HyperExecutor
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        // The task goes on without its handle.
        drop(crate::task::spawn(future));
    }
}
