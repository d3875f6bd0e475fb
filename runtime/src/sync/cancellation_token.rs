//! Tells many tasks, in a tree, that they are to end.
//!
//! # How it works
//!
//! The tokens that descend from one another share a tree behind one short lock. A token is a node of
//! it, with a flag and a [`Notify`] of its own, so that asking and waiting do not touch the lock; it
//! is taken to make a child, to cancel, and when the last clone of a token goes away. The children of
//! a node that goes away become children of its parent: a chain of tokens whose middle is gone costs
//! nothing.
//!
//! # Invariants
//!
//! - **X1** A node is in the tree while a clone of its token exists and it is not cancelled; its
//!   parent there is the nearest ancestor that is.
//! - **X2** Cancelling takes the whole subtree out and sets its flags under the lock, and wakes those who
//!   wait after it. So whoever finds that a node is not in the tree can rely on its flag, also if
//!   another thread is still busy cancelling it.
//! - **X3** No waker is woken and no node dropped under the lock.

use std::fmt;
use std::future::Future;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use runtime_base::arena::{Arena, Key};
use runtime_base::sync::Mutex;
use runtime_base::sync::atomic::AtomicBool;
use runtime_base::sync::atomic::Ordering::{Acquire, Release};
use runtime_base::wake_batch::for_each_despite_panics;

use super::Notify;
use super::futures::{Notified, OwnedNotified};

/// Cancels whatever waits for it, and every token made from it.
///
/// Clones are the same token. [`child_token`](Self::child_token) makes one that is cancelled with
/// this one, and may be cancelled without it.
///
/// ```
/// use runtime::sync::CancellationToken;
///
/// # #[runtime::main]
/// # async fn main() {
/// let token = CancellationToken::new();
/// let child = token.child_token();
/// let task = runtime::spawn(async move {
///     runtime::select! {
///         () = child.cancelled() => "cancelled",
///         () = std::future::pending() => "never",
///     }
/// });
/// token.cancel();
/// assert_eq!(task.await.unwrap(), "cancelled");
/// # }
/// ```
#[derive(Clone)]
pub struct CancellationToken {
    node: Arc<Node>,
}

impl UnwindSafe for CancellationToken {}
impl RefUnwindSafe for CancellationToken {}

struct Node {
    is_cancelled: AtomicBool,
    waiting: Arc<Notify>,
    tree: Arc<Tree>,
    key: Key,
}

struct Tree {
    entries: Mutex<Arena<Entry>>,
}

/// A node's place among its relatives.
struct Entry {
    node: Weak<Node>,
    parent: Option<Key>,
    first_child: Option<Key>,
    /// The other children of the same parent, in a ring-free double chain.
    next: Option<Key>,
    previous: Option<Key>,
}

impl CancellationToken {
    /// A token that descends from no other.
    pub fn new() -> Self {
        let tree = Arc::new(Tree {
            entries: Mutex::new(Arena::new()),
        });
        Self {
            node: Tree::add(&tree, None).expect("an empty tree has room for its root"),
        }
    }

    /// A token that is cancelled together with this one.
    pub fn child_token(&self) -> Self {
        match Tree::add(&self.node.tree, Some(self.node.key)) {
            Some(node) => Self { node },
            None => {
                // This one is cancelled, so the child is born so.
                let child = Self::new();
                child.cancel();
                child
            }
        }
    }

    /// Cancels this token and all that descend from it. Whoever waits for one of them is woken.
    ///
    /// When it returns they are cancelled, also if another thread cancels them at the same time.
    ///
    /// # Panics
    ///
    /// When a waker panics the others are still woken; then the first panic goes on.
    pub fn cancel(&self) {
        let nodes = self.node.tree.cancel_subtree(self.node.key);
        for_each_despite_panics(nodes.into_iter(), |node| node.waiting.notify_waiters());
    }

    /// Whether the token is cancelled.
    pub fn is_cancelled(&self) -> bool {
        // Acquire pairs with the Release in `cancel_subtree`.
        self.node.is_cancelled.load(Acquire)
    }

    /// Waits until the token is cancelled.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub fn cancelled(&self) -> WaitForCancellationFuture<'_> {
        WaitForCancellationFuture {
            token: self,
            notified: self.node.waiting.notified(),
        }
    }

    /// Waits until the token is cancelled, and owns it meanwhile.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub fn cancelled_owned(self) -> WaitForCancellationFutureOwned {
        let notified = self.node.waiting.clone().notified_owned();
        WaitForCancellationFutureOwned {
            token: self,
            notified,
        }
    }

    /// Cancels the token when the guard is dropped.
    pub fn drop_guard(self) -> DropGuard {
        DropGuard { token: Some(self) }
    }

    /// Runs `future` until it is ready, or until the token is cancelled: then it is dropped, and the
    /// result is `None`. A token that is cancelled already wins.
    ///
    /// # Cancel safety
    ///
    /// As safe as `future`.
    pub async fn run_until_cancelled<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut future = std::pin::pin!(future);
        let mut cancelled = std::pin::pin!(self.cancelled());
        std::future::poll_fn(|cx| {
            if cancelled.as_mut().poll(cx).is_ready() {
                return Poll::Ready(None);
            }
            future.as_mut().poll(cx).map(Some)
        })
        .await
    }
}

impl Default for CancellationToken {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for CancellationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancellationToken")
            .field("is_cancelled", &self.is_cancelled())
            .finish()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.tree.remove(self.key);
    }
}

impl Tree {
    /// Adds a node below `parent`; none if that is no longer in the tree, because it is cancelled.
    fn add(tree: &Arc<Self>, parent: Option<Key>) -> Option<Arc<Node>> {
        let mut entries = tree.entries.lock();
        if let Some(parent) = parent {
            entries.get(parent)?;
        }
        let mut node = None;
        let key = entries.insert_with(|key| {
            let new = Arc::new(Node {
                is_cancelled: AtomicBool::new(false),
                waiting: Arc::new(Notify::new()),
                tree: tree.clone(),
                key,
            });
            let entry = Entry {
                node: Arc::downgrade(&new),
                parent: None,
                first_child: None,
                next: None,
                previous: None,
            };
            node = Some(new);
            entry
        });
        if let Some(parent) = parent {
            adopt(&mut entries, parent, key);
        }
        node
    }

    /// Takes a node and its descendants out, marks those that are alive, and gives them: who waits for
    /// them is to be woken (X2).
    #[must_use]
    fn cancel_subtree(&self, root: Key) -> Vec<Arc<Node>> {
        let mut nodes = Vec::new();
        let mut entries = self.entries.lock();
        unlink(&mut entries, root);
        let mut left = vec![root];
        while let Some(key) = left.pop() {
            let Some(entry) = entries.remove(key) else {
                continue;
            };
            if let Some(node) = entry.node.upgrade() {
                // Release: what the canceller did before is visible to who sees the flag. A waiter
                // makes its `Notified` before it looks at the flag, so it sees one of the two.
                node.is_cancelled.store(true, Release);
                nodes.push(node);
            }
            let mut child = entry.first_child;
            while let Some(key) = child {
                left.push(key);
                child = entries.get(key).and_then(|entry| entry.next);
            }
        }
        nodes
    }

    /// Takes a node out, and gives its children to its parent (X1).
    fn remove(&self, key: Key) {
        let mut entries = self.entries.lock();
        unlink(&mut entries, key);
        let Some(entry) = entries.remove(key) else {
            return;
        };
        let mut child = entry.first_child;
        while let Some(key) = child {
            let Some(orphan) = entries.get_mut(key) else {
                break;
            };
            child = orphan.next.take();
            orphan.previous = None;
            orphan.parent = None;
            if let Some(parent) = entry.parent {
                adopt(&mut entries, parent, key);
            }
        }
    }
}

/// Makes `child` the first child of `parent`.
fn adopt(entries: &mut Arena<Entry>, parent: Key, child: Key) {
    let Some(parent_entry) = entries.get_mut(parent) else {
        return;
    };
    let sibling = parent_entry.first_child.replace(child);
    if let Some(sibling) = sibling.and_then(|key| entries.get_mut(key)) {
        sibling.previous = Some(child);
    }
    if let Some(entry) = entries.get_mut(child) {
        entry.parent = Some(parent);
        entry.next = sibling;
    }
}

/// Takes `key` out of its parent's chain of children.
fn unlink(entries: &mut Arena<Entry>, key: Key) {
    let Some(entry) = entries.get_mut(key) else {
        return;
    };
    let (parent, previous, next) = (
        entry.parent.take(),
        entry.previous.take(),
        entry.next.take(),
    );
    if let Some(next) = next.and_then(|key| entries.get_mut(key)) {
        next.previous = previous;
    }
    match previous {
        Some(previous) => {
            if let Some(previous) = entries.get_mut(previous) {
                previous.next = next;
            }
        }
        None => {
            if let Some(parent) = parent.and_then(|key| entries.get_mut(key)) {
                parent.first_child = next;
            }
        }
    }
    // `remove` still needs the parent.
    if let Some(entry) = entries.get_mut(key) {
        entry.parent = parent;
    }
}

/// Cancels a token when dropped. Made by [`CancellationToken::drop_guard`].
#[derive(Debug)]
#[must_use = "dropping the guard cancels the token"]
pub struct DropGuard {
    token: Option<CancellationToken>,
}

impl DropGuard {
    /// Gives the token back without cancelling it.
    pub fn disarm(mut self) -> CancellationToken {
        self.token
            .take()
            .expect("a guard has its token until it is dropped")
    }
}

impl Drop for DropGuard {
    fn drop(&mut self) {
        if let Some(token) = self.token.take() {
            token.cancel();
        }
    }
}

pin_project! {
    /// Waits for a token. Made by [`CancellationToken::cancelled`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct WaitForCancellationFuture<'a> {
        token: &'a CancellationToken,
        #[pin]
        notified: Notified<'a>,
    }
}

impl Future for WaitForCancellationFuture<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        if !this.token.is_cancelled() {
            // Only cancelling notifies.
            ready!(this.notified.poll(cx));
        }
        Poll::Ready(())
    }
}

impl fmt::Debug for WaitForCancellationFuture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitForCancellationFuture")
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// Waits for a token that it owns. Made by [`CancellationToken::cancelled_owned`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct WaitForCancellationFutureOwned {
        token: CancellationToken,
        #[pin]
        notified: OwnedNotified,
    }
}

impl Future for WaitForCancellationFutureOwned {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        if !this.token.is_cancelled() {
            ready!(this.notified.poll(cx));
        }
        Poll::Ready(())
    }
}

impl fmt::Debug for WaitForCancellationFutureOwned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitForCancellationFutureOwned")
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
