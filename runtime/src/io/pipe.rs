//! A bounded queue of bytes in memory, with one reader and one writer that wait for each other.
//!
//! Under [`DuplexStream`](super::DuplexStream) there are two of these, under
//! [`SimplexStream`](super::SimplexStream) one.
//!
//! A side that cannot go on registers its waker and then tries once more; the other side changes the
//! bytes first and takes the waker afterwards. One of the two sees the other: that is what
//! [`WakerCell`] promises. The lock is held for the copying only; no waker is touched under it.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, IoSlice};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::task::{Context, Poll, ready};

use parking_lot::Mutex;
use runtime_base::coop;
use runtime_base::waker_cell::WakerCell;

use super::ReadBuf;

/// At most one task reads and one writes at a time: their owners see to that.
pub(super) struct Pipe {
    state: Mutex<PipeState>,
    reader: WakerCell,
    writer: WakerCell,
    /// How many bytes it holds at most.
    capacity: usize,
}

#[derive(Default)]
struct PipeState {
    bytes: VecDeque<u8>,
    /// By either side: no more may be written, and what is left may be read.
    is_closed: bool,
}

impl Pipe {
    #[track_caller]
    pub(super) fn new(capacity: usize) -> Self {
        assert!(
            capacity > 0,
            "a stream in memory that holds nothing can never be written to; pass a `max_buf_size` \
             greater than 0"
        );
        Self {
            state: Mutex::default(),
            reader: WakerCell::new(),
            writer: WakerCell::new(),
            capacity,
        }
    }

    pub(super) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let coop = ready!(coop::poll_proceed(cx));
        if !self.try_read(buf) {
            self.reader.register(cx.waker());
            if !self.try_read(buf) {
                return Poll::Pending;
            }
        }
        coop.made_progress();
        Poll::Ready(Ok(()))
    }

    /// Reads unless there is nothing and there may be later. Reading nothing always succeeds.
    fn try_read(&self, buf: &mut ReadBuf<'_>) -> bool {
        if buf.remaining() == 0 {
            return true;
        }
        {
            let mut state = self.state.lock();
            if state.bytes.is_empty() {
                return state.is_closed;
            }
            let n = state.bytes.len().min(buf.remaining());
            let (front, back) = state.bytes.as_slices();
            let from_front = front.len().min(n);
            buf.put_slice(&front[..from_front]);
            buf.put_slice(&back[..n - from_front]);
            state.bytes.drain(..n);
        }
        self.writer.wake();
        true
    }

    pub(super) fn poll_write(
        &self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let coop = ready!(coop::poll_proceed(cx));
        let result = match self.try_write(bufs) {
            Some(result) => result,
            None => {
                self.writer.register(cx.waker());
                match self.try_write(bufs) {
                    Some(result) => result,
                    None => return Poll::Pending,
                }
            }
        };
        coop.made_progress();
        Poll::Ready(result)
    }

    /// Writes unless there is no room and there may be later. Writing nothing fails only when closed.
    fn try_write(&self, bufs: &[IoSlice<'_>]) -> Option<io::Result<usize>> {
        let n = {
            let mut state = self.state.lock();
            if state.is_closed {
                return Some(Err(io::ErrorKind::BrokenPipe.into()));
            }
            let mut room = self.capacity - state.bytes.len();
            if room == 0 && bufs.iter().any(|buf| !buf.is_empty()) {
                return None;
            }
            let before = room;
            for buf in bufs {
                let part = &buf[..buf.len().min(room)];
                state.bytes.extend(part);
                room -= part.len();
            }
            before - room
        };
        if n > 0 {
            self.reader.wake();
        }
        Some(Ok(n))
    }

    /// The writer will write no more: the reader sees the end after what is left.
    pub(super) fn close_by_writer(&self) {
        self.state.lock().is_closed = true;
        self.reader.wake();
    }

    /// The reader will read no more: writing fails from now on.
    pub(super) fn close_by_reader(&self) {
        self.state.lock().is_closed = true;
        self.writer.wake();
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
