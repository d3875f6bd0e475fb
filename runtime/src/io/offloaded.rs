//! Reading and writing what can only block, on the blocking pool.
//!
//! One call at a time is on its way to the pool, with a buffer that travels along. A read ahead that
//! was not fetched, because its future was dropped, is kept for the next one. A write is taken over
//! as soon as it is in the buffer; its error is told by the next operation.

use std::io;
use std::mem;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use runtime_base::blocking::{Offload, offload};

use super::{AsyncRead, AsyncWrite, ReadBuf};

/// How much is read or written by one call, in bytes. Chosen: large enough that the way to the pool
/// does not matter.
const MAX_CHUNK: usize = 2 * 1024 * 1024;

/// A source that blocks.
pub(super) trait BlockingRead: Copy + Send + Unpin + 'static {
    fn read(self, buf: &mut [u8]) -> io::Result<usize>;
}

/// A sink that blocks.
pub(super) trait BlockingWrite: Copy + Send + Unpin + 'static {
    fn write_all(self, buf: &[u8]) -> io::Result<()>;
    fn flush(self) -> io::Result<()>;
}

/// Reads a [`BlockingRead`] on the pool.
#[derive(Debug)]
pub(super) struct OffloadedReader<S> {
    source: S,
    /// `memory[start..end]` was read and not yet given out.
    memory: Vec<u8>,
    start: usize,
    end: usize,
    read: Option<Offload<(io::Result<usize>, Vec<u8>)>>,
}

impl<S: BlockingRead> OffloadedReader<S> {
    pub(super) fn new(source: S) -> Self {
        Self {
            source,
            memory: Vec::new(),
            start: 0,
            end: 0,
            read: None,
        }
    }
}

impl<S: BlockingRead> AsyncRead for OffloadedReader<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Some(read) = &mut this.read {
            let done = ready!(Pin::new(read).poll(cx));
            this.read = None;
            let (result, memory) = done?;
            this.memory = memory;
            this.start = 0;
            this.end = result?;
            if this.end == 0 {
                return Poll::Ready(Ok(()));
            }
        }
        if this.start == this.end && buf.remaining() > 0 {
            let (source, len) = (this.source, buf.remaining().min(MAX_CHUNK));
            let mut memory = mem::take(&mut this.memory);
            this.read = Some(offload(move || {
                // What was initialised once is not zeroed again.
                if memory.len() < len {
                    memory.resize(len, 0);
                }
                let result = loop {
                    match source.read(&mut memory[..len]) {
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        result => break result,
                    }
                };
                (result, memory)
            }));
            return Pin::new(this).poll_read(cx, buf);
        }
        let n = (this.end - this.start).min(buf.remaining());
        buf.put_slice(&this.memory[this.start..this.start + n]);
        this.start += n;
        Poll::Ready(Ok(()))
    }
}

/// Writes to a [`BlockingWrite`] on the pool.
#[derive(Debug)]
pub(super) struct OffloadedWriter<S> {
    sink: S,
    memory: Vec<u8>,
    write: Option<Offload<(io::Result<()>, Vec<u8>)>>,
    unflushed: bool,
}

impl<S: BlockingWrite> OffloadedWriter<S> {
    pub(super) fn new(sink: S) -> Self {
        Self {
            sink,
            memory: Vec::new(),
            write: None,
            unflushed: false,
        }
    }

    /// Waits for the call that is on its way, if any, and gives its error.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(write) = &mut self.write {
            let done = ready!(Pin::new(write).poll(cx));
            self.write = None;
            let (result, memory) = done?;
            self.memory = memory;
            result?;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: BlockingWrite> AsyncWrite for OffloadedWriter<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_idle(cx))?;
        let n = buf.len().min(MAX_CHUNK);
        if n > 0 {
            let sink = this.sink;
            let mut memory = mem::take(&mut this.memory);
            memory.clear();
            memory.extend_from_slice(&buf[..n]);
            this.unflushed = true;
            this.write = Some(offload(move || (sink.write_all(&memory), memory)));
        }
        Poll::Ready(Ok(n))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            ready!(this.poll_idle(cx))?;
            if !this.unflushed {
                return Poll::Ready(Ok(()));
            }
            let sink = this.sink;
            let memory = mem::take(&mut this.memory);
            this.unflushed = false;
            this.write = Some(offload(move || (sink.flush(), memory)));
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

// The work reports its panics; nothing here is half done by one.
impl<S> UnwindSafe for OffloadedReader<S> {}
impl<S> RefUnwindSafe for OffloadedReader<S> {}
impl<S> UnwindSafe for OffloadedWriter<S> {}
impl<S> RefUnwindSafe for OffloadedWriter<S> {}
