//! Readers and writers for tests that do, poll after poll, what a script says.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::task::{Context, Poll, Wake, Waker};

use super::{AsyncRead, AsyncWrite, ReadBuf};

/// What a poll does.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Gives these bytes, or as many as fit; the rest next time.
    Give(Vec<u8>),
    /// Takes so many bytes at most.
    Take(usize),
    /// Wakes the task and is pending.
    Wait,
    Fail(ErrorKind),
}
pub(crate) use Step::{Fail, Give, Take, Wait};

pub(crate) fn give(bytes: &[u8]) -> Step {
    Give(bytes.to_vec())
}

/// A reader that puts another buffer in the place of the one it was given.
pub(crate) struct Replacing;

impl AsyncRead for Replacing {
    fn poll_read(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        *buf = ReadBuf::new(&mut []);
        Poll::Ready(Ok(()))
    }
}

/// A reader that follows its script and is at its end afterwards.
#[derive(Debug)]
pub(crate) struct ScriptReader(VecDeque<Step>);

impl ScriptReader {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self(steps.into_iter().collect())
    }
}

impl AsyncRead for ScriptReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.0.pop_front() {
            None => {}
            Some(Give(mut bytes)) => {
                let n = bytes.len().min(buf.remaining());
                buf.put_slice(&bytes[..n]);
                bytes.drain(..n);
                if !bytes.is_empty() {
                    self.0.push_front(Give(bytes));
                }
            }
            Some(Wait) => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Some(Fail(kind)) => return Poll::Ready(Err(kind.into())),
            Some(Take(_)) => panic!("a reader takes nothing"),
        }
        Poll::Ready(Ok(()))
    }
}

/// A writer that follows its script and takes everything afterwards.
#[derive(Debug, Default)]
pub(crate) struct ScriptWriter {
    steps: VecDeque<Step>,
    pub(crate) written: Vec<u8>,
    /// What `written` was at the last flush.
    pub(crate) flushed: Vec<u8>,
    pub(crate) is_shut_down: bool,
    pub(crate) vectored: bool,
}

impl ScriptWriter {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            ..Self::default()
        }
    }
}

impl AsyncWrite for ScriptWriter {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let n = match self.steps.pop_front() {
            None => buf.len(),
            Some(Take(n)) => n.min(buf.len()),
            Some(Wait) => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Some(Fail(kind)) => return Poll::Ready(Err(kind.into())),
            Some(Give(_)) => panic!("a writer gives nothing"),
        };
        self.written.extend_from_slice(&buf[..n]);
        Poll::Ready(Ok(n))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let all: Vec<u8> = bufs.iter().flat_map(|buf| buf.iter().copied()).collect();
        self.poll_write(cx, &all)
    }

    fn is_write_vectored(&self) -> bool {
        self.vectored
    }

    fn poll_flush(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.flushed = self.written.clone();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.is_shut_down = true;
        self.poll_flush(cx)
    }
}

/// Polls `future` once, with a waker that does nothing.
pub(crate) fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls each future that `make` makes once and drops it, until one is ready: every await point is
/// one where it was cancelled.
pub(crate) fn cancel_until_ready<S, T>(
    state: &mut S,
    mut make: impl FnMut(&mut S, &mut Context<'_>) -> Poll<T>,
) -> T {
    runtime_base::driving::block_on(poll_fn(|cx| make(state, cx)))
}

/// Counts how often it is woken.
#[derive(Debug, Default)]
pub(crate) struct Wakes(AtomicUsize);

impl Wakes {
    pub(crate) fn count(&self) -> usize {
        self.0.load(SeqCst)
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// A waker that calls a closure.
pub(crate) fn waker_fn(f: impl Fn() + Send + Sync + 'static) -> Waker {
    struct Call<F>(F);
    impl<F: Fn() + Send + Sync> Wake for Call<F> {
        fn wake(self: Arc<Self>) {
            (self.0)();
        }
    }
    Waker::from(Arc::new(Call(f)))
}
