//! A bounded queue of bytes in memory, with one reader and one writer that wait for each other.
//!
//! Under [`DuplexStream`](super::DuplexStream) there are two of these, under
//! [`SimplexStream`](super::SimplexStream) one.
//!
//! Bytes and wakers are under one lock: whoever finds that it cannot go on leaves its waker before it
//! unlocks, and whoever changes something takes the other's waker with it. Wakers are foreign code, so
//! none is cloned, woken or dropped under the lock. A side that read the last byte or took the last room
//! will probably have to wait the next time, so it clones its waker before it locks; a side that has to
//! wait and did not expect it unlocks, clones and looks again.

use std::fmt;
use std::io::{self, IoSlice};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::task::{Context, Poll, Waker, ready};

use parking_lot::Mutex;
use runtime_base::coop;

use super::ReadBuf;
use super::byte_queue::ByteQueue;

/// At most one task reads and one writes at a time: their owners see to that.
pub(super) struct Pipe {
    state: Mutex<PipeState>,
    /// How many bytes it holds at most.
    capacity: usize,
}

#[derive(Default)]
struct PipeState {
    bytes: ByteQueue,
    /// By either side: no more may be written, and what is left may be read.
    is_closed: bool,
    /// Who waits for bytes.
    reader: Option<Waker>,
    /// Who waits for room.
    writer: Option<Waker>,
}

impl Pipe {
    #[track_caller]
    pub(super) fn new(capacity: usize) -> Self {
        assert!(
            capacity > 0,
            "`max_buf_size` must be greater than 0, or nothing could ever be written; pass at least 1"
        );
        Self {
            state: Mutex::default(),
            capacity,
        }
    }

    /// Reads unless there is nothing and there may be later. Reading nothing always succeeds.
    ///
    /// `expects_to_wait` is the reader's to keep between its calls; it is a guess.
    pub(super) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        expects_to_wait: &mut bool,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let coop = ready!(coop::poll_proceed(cx));
        if buf.remaining() == 0 {
            coop.made_progress();
            return Poll::Ready(Ok(()));
        }
        let mut clone = std::mem::take(expects_to_wait).then(|| cx.waker().clone());
        loop {
            let mut state = self.state.lock();
            if state.bytes.len() > 0 {
                state.bytes.pop_into(buf);
                *expects_to_wait = state.bytes.len() == 0;
                let writer = state.writer.take();
                drop(state);
                coop.made_progress();
                wake(writer);
                return Poll::Ready(Ok(()));
            }
            if state.is_closed {
                coop.made_progress();
                return Poll::Ready(Ok(()));
            }
            if leave(&mut state.reader, cx, &mut clone) {
                // What was replaced, if anything, is in `clone`, which is dropped after the lock.
                return Poll::Pending;
            }
            drop(state);
            clone = Some(cx.waker().clone());
        }
    }

    /// Writes unless there is no room and there may be later. Writing nothing fails only when closed.
    ///
    /// `expects_to_wait` is the writer's to keep between its calls; it is a guess.
    pub(super) fn poll_write(
        &self,
        cx: &mut Context<'_>,
        expects_to_wait: &mut bool,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_push(cx, expects_to_wait, buf.is_empty(), |bytes, room| {
            bytes.push(&buf[..buf.len().min(room)]);
        })
    }

    /// As [`poll_write`](Self::poll_write), from several buffers.
    pub(super) fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        expects_to_wait: &mut bool,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let is_empty = bufs.iter().all(|buf| buf.is_empty());
        self.poll_push(cx, expects_to_wait, is_empty, |bytes, mut room| {
            for buf in bufs {
                let part = &buf[..buf.len().min(room)];
                bytes.push(part);
                room -= part.len();
            }
        })
    }

    /// Calls `push` with the room there is, which is not zero unless there is nothing to write.
    #[inline]
    fn poll_push(
        &self,
        cx: &mut Context<'_>,
        expects_to_wait: &mut bool,
        is_empty: bool,
        push: impl Fn(&mut ByteQueue, usize),
    ) -> Poll<io::Result<usize>> {
        let coop = ready!(coop::poll_proceed(cx));
        let mut clone = std::mem::take(expects_to_wait).then(|| cx.waker().clone());
        loop {
            let mut state = self.state.lock();
            if state.is_closed {
                coop.made_progress();
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            if is_empty {
                coop.made_progress();
                return Poll::Ready(Ok(0));
            }
            let before = state.bytes.len();
            if before < self.capacity {
                push(&mut state.bytes, self.capacity - before);
                let after = state.bytes.len();
                *expects_to_wait = after == self.capacity;
                let reader = state.reader.take();
                drop(state);
                coop.made_progress();
                wake(reader);
                return Poll::Ready(Ok(after - before));
            }
            if leave(&mut state.writer, cx, &mut clone) {
                // As in `poll_read`.
                return Poll::Pending;
            }
            drop(state);
            clone = Some(cx.waker().clone());
        }
    }

    /// The writer will write no more: the reader sees the end after what is left.
    pub(super) fn close_by_writer(&self) {
        let reader = {
            let mut state = self.state.lock();
            state.is_closed = true;
            state.reader.take()
        };
        wake(reader);
    }

    /// The reader will read no more: writing fails from now on.
    pub(super) fn close_by_reader(&self) {
        let writer = {
            let mut state = self.state.lock();
            state.is_closed = true;
            state.writer.take()
        };
        wake(writer);
    }
}

/// Leaves the task's waker in `slot`: `clone`, unless one is there already. What is to be dropped is
/// in `clone` afterwards. Without a clone there is nothing to leave, and this gives `false`.
#[inline]
fn leave(slot: &mut Option<Waker>, cx: &Context<'_>, clone: &mut Option<Waker>) -> bool {
    if slot.as_ref().is_some_and(|old| old.will_wake(cx.waker())) {
        return true;
    }
    if clone.is_none() {
        return false;
    }
    std::mem::swap(slot, clone);
    true
}

#[inline]
fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

// No lock is held while foreign code runs, so a panic leaves nothing half done.
impl UnwindSafe for Pipe {}
impl RefUnwindSafe for Pipe {}

impl fmt::Debug for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("Pipe");
        f.field("capacity", &self.capacity);
        if let Some(state) = self.state.try_lock() {
            f.field("len", &state.bytes.len())
                .field("is_closed", &state.is_closed);
        }
        f.finish_non_exhaustive()
    }
}

#[cfg(all(test, not(rt_loom)))]
mod tests;
