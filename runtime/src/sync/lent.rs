//! For property tests: a future that has borrowed a receiver, kept across steps.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::permits::test_wakers::Counter;

/// A receiver while a future uses it. It comes back when the future ends or is dropped.
pub(crate) struct Lent<R>(Option<R>, Rc<Cell<Option<R>>>);

impl<R> Lent<R> {
    pub(crate) fn get(&mut self) -> &mut R {
        self.0.as_mut().expect("taken only by the destructor")
    }
}

impl<R> Drop for Lent<R> {
    fn drop(&mut self) {
        self.1.set(self.0.take());
    }
}

/// A future that was begun on a receiver and lives over several steps.
pub(crate) struct Wait<R, O> {
    future: Pin<Box<dyn Future<Output = O>>>,
    home: Rc<Cell<Option<R>>>,
    waker: (Arc<Counter>, Waker),
    /// How often the waker had been woken at the last poll.
    before: usize,
}

impl<R, O> Wait<R, O> {
    /// Begins, without a poll.
    pub(crate) fn new<F>(receiver: R, begin: impl FnOnce(Lent<R>) -> F) -> Self
    where
        F: Future<Output = O> + 'static,
    {
        let home = Rc::new(Cell::new(None));
        Self {
            future: Box::pin(begin(Lent(Some(receiver), home.clone()))),
            home,
            waker: Counter::new(),
            before: 0,
        }
    }

    /// Polls, with another waker than before if so said.
    pub(crate) fn poll(&mut self, new_waker: bool) -> Poll<O> {
        if new_waker {
            self.waker = Counter::new();
        }
        self.before = self.waker.0.count();
        self.future
            .as_mut()
            .poll(&mut Context::from_waker(&self.waker.1))
    }

    /// How often it was woken since the last poll.
    pub(crate) fn wakes(&self) -> usize {
        self.waker.0.count() - self.before
    }

    /// Drops the future, where it is, and gives the receiver back.
    pub(crate) fn end(self) -> R {
        let Self { future, home, .. } = self;
        drop(future);
        home.take().expect("the future has given it back")
    }
}
