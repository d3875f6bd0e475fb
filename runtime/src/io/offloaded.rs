//! Reading and writing what can only block, on the blocking pool.
//!
//! One call at a time is on its way to the pool, with a buffer that travels along. A read ahead that
//! was not fetched, because its future was dropped, is kept for the next one. A write is taken over
//! as soon as it is in the buffer, and happens even if the runtime shuts down; its error is told by the
//! next operation.

use std::io;
use std::mem;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use runtime_base::blocking::{Class, Offload, offload};
use runtime_base::shutdown::shutdown_error;

use super::{AsyncRead, AsyncWrite, ReadBuf};
use crate::promised;

/// How much is read or written by one call, in bytes. Chosen: large enough that the way to the pool
/// does not matter.
const MAX_CHUNK: usize = 2 * 1024 * 1024;

/// A source that blocks.
pub(super) trait BlockingRead: Clone + Send + Unpin + 'static {
    fn read(&self, buf: &mut [u8]) -> io::Result<usize>;
}

/// A sink that blocks.
pub(super) trait BlockingWrite: Clone + Send + Unpin + 'static {
    fn write_all(&self, buf: &[u8]) -> io::Result<()>;
    fn flush(&self) -> io::Result<()>;
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
            (this.start, this.end) = (0, 0);
            this.end = result?;
            if this.end == 0 {
                return Poll::Ready(Ok(()));
            }
        }
        if this.start == this.end && buf.remaining() > 0 {
            let source = this.source.clone();
            let len = buf.remaining().min(MAX_CHUNK);
            let mut memory = mem::take(&mut this.memory);
            this.read = Some(offload(Class::Files, move || {
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
            let sink = this.sink.clone();
            let mut memory = mem::take(&mut this.memory);
            memory.clear();
            memory.extend_from_slice(&buf[..n]);
            let (write, promise) = promised::offer(move || (sink.write_all(&memory), memory));
            let running = offload(Class::Files, move || write.run());
            if !promise.give() {
                return Poll::Ready(Err(shutdown_error()));
            }
            this.unflushed = true;
            this.write = Some(running);
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
            let sink = this.sink.clone();
            let memory = mem::take(&mut this.memory);
            this.unflushed = false;
            this.write = Some(offload(Class::Files, move || (sink.flush(), memory)));
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

#[cfg(all(test, not(rt_loom)))]
mod tests {
    use super::*;
    use crate::io::script::poll_once;
    use crate::io::{AsyncReadExt, AsyncWriteExt, ErrorKind};
    use runtime_base::blocking::{BlockingPool, Job, enter_pool};
    use runtime_base::driving::block_on;
    use runtime_base::shutdown::is_shutdown_error;
    use std::collections::VecDeque;
    use std::sync::{Arc, Mutex};

    /// A thread for each job.
    struct Threads;

    impl BlockingPool for Threads {
        fn run(self: Arc<Self>, _class: Class, job: Job) {
            std::thread::spawn(job);
        }
    }

    /// Loses every job, as a pool does that shuts down.
    struct Closed;

    impl BlockingPool for Closed {
        fn run(self: Arc<Self>, _class: Class, job: Job) {
            drop(job);
        }
    }

    /// Does what its steps say, and remembers what was written.
    #[derive(Debug, Clone)]
    struct Device {
        steps: Arc<Mutex<VecDeque<io::Result<Vec<u8>>>>>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Device {
        fn new(steps: impl IntoIterator<Item = io::Result<Vec<u8>>>) -> Self {
            Self {
                steps: Arc::new(Mutex::new(steps.into_iter().collect())),
                written: Arc::default(),
            }
        }
    }

    impl BlockingRead for Device {
        fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
            let step = self.steps.lock().unwrap().pop_front();
            let bytes = step.unwrap_or(Ok(Vec::new()))?;
            buf[..bytes.len()].copy_from_slice(&bytes);
            Ok(bytes.len())
        }
    }

    impl BlockingWrite for Device {
        fn write_all(&self, buf: &[u8]) -> io::Result<()> {
            self.steps.lock().unwrap().pop_front().transpose()?;
            self.written.lock().unwrap().extend_from_slice(buf);
            Ok(())
        }

        fn flush(&self) -> io::Result<()> {
            self.written.lock().unwrap().push(b'!');
            Ok(())
        }
    }

    #[test]
    fn reads_come_in_order_and_end() {
        let _pool = enter_pool(Arc::new(Threads));
        let device = Device::new([
            Ok(b"abc".to_vec()),
            Err(ErrorKind::Interrupted.into()),
            Ok(b"d".to_vec()),
            Err(ErrorKind::ConnectionReset.into()),
            Ok(b"e".to_vec()),
        ]);
        let mut reader = OffloadedReader::new(device);
        let mut buf = [0; 16];
        assert_eq!(block_on(reader.read(&mut buf)).unwrap(), 3);
        assert_eq!(block_on(reader.read(&mut buf)).unwrap(), 1);
        let error = block_on(reader.read(&mut buf)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_eq!(block_on(reader.read(&mut buf)).unwrap(), 1);
        assert_eq!(block_on(reader.read(&mut buf)).unwrap(), 0);
    }

    #[test]
    fn a_cancelled_read_is_given_by_the_next() {
        let _pool = enter_pool(Arc::new(Threads));
        let mut reader = OffloadedReader::new(Device::new([Ok(b"abc".to_vec())]));
        // Ready only if the thread was quicker than this.
        let mut buf = [0; 16];
        if poll_once(&mut reader.read(&mut buf)).is_pending() {
            // It was read for a large buffer, and is given to small ones.
            block_on(reader.read_exact(&mut buf[..1])).unwrap();
            block_on(reader.read_exact(&mut buf[1..3])).unwrap();
        }
        assert_eq!(&buf[..3], b"abc");
    }

    #[test]
    fn writes_come_in_order_and_an_error_is_told_by_the_next_operation() {
        let _pool = enter_pool(Arc::new(Threads));
        let device = Device::new([Ok(vec![]), Err(ErrorKind::ConnectionReset.into())]);
        let mut writer = OffloadedWriter::new(device.clone());
        block_on(async {
            writer.write_all(b"ab").await.unwrap();
            writer.write_all(b"cd").await.unwrap();
            let error = writer.write_all(b"ef").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
            writer.write_all(b"gh").await.unwrap();
            writer.flush().await.unwrap();
            writer.flush().await.unwrap();
        });
        assert_eq!(*device.written.lock().unwrap(), b"abgh!");
    }

    #[test]
    fn a_pool_that_shuts_down_is_an_error_each_time() {
        let _pool = enter_pool(Arc::new(Closed));
        let mut reader = OffloadedReader::new(Device::new([]));
        let mut writer = OffloadedWriter::new(Device::new([]));
        for _ in 0..2 {
            assert!(block_on(reader.read(&mut [0; 1])).is_err());
            let error = block_on(writer.write(b"a")).unwrap_err();
            assert!(is_shutdown_error(&error));
            block_on(writer.flush()).unwrap();
        }
    }
}
