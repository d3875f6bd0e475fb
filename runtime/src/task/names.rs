//! The names of tasks, which only a few have.
//!
//! They are kept beside the tasks, in one table, so that a task without a name costs nothing. A name
//! is in the table as long as its task's future lives.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use pin_project_lite::pin_project;

use super::Id;

/// By the number of the task.
static NAMES: Mutex<BTreeMap<u64, Arc<str>>> = Mutex::new(BTreeMap::new());

/// An entry of the table, until it is dropped.
pub(super) struct Name(Id);

impl Name {
    pub(super) fn new(id: Id, name: &str) -> Self {
        let name = Arc::from(name);
        NAMES.lock().insert(id.number(), name);
        Self(id)
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let name = NAMES.lock().remove(&self.0.number());
        drop(name);
    }
}

/// The name of a task that has one and is not complete.
pub(crate) fn name_of(id: Id) -> Option<Arc<str>> {
    NAMES.lock().get(&id.number()).cloned()
}

pin_project! {
    /// The future of a task that has a name.
    pub(super) struct Named<F> {
        #[pin]
        future: F,
        // After the future: its destructor still has the name.
        name: Name,
    }
}

impl<F> Named<F> {
    pub(super) fn new(future: F, name: Name) -> Self {
        Self { future, name }
    }
}

impl<F: Future> Future for Named<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.project().future.poll(cx)
    }
}
