//! What the reads, writes and seeks of one file share.
//!
//! # How it works
//!
//! One operation at a time is on its way to the pool. A read brings its data in [`Cursor::memory`],
//! from where they are copied to the reader; what is not fetched, because the reader was dropped or
//! wants less now, stays for the next read. A write takes its data along in the same memory, and is
//! over for the writer when it is handed to the pool.
//!
//! # Invariants
//!
//! - **F1** `memory[start..end]` was read ahead: the system's position is `end - start` bytes behind
//!   the one that the user knows. A write and a relative seek correct that.
//! - **F2** While an operation runs nothing else touches the file's position.
//! - **F3** A failed write is told once: by the operation that waits for it, if that is one that
//!   writes, flushes or syncs, else by the next such one.

use std::fs::File as StdFile;
use std::future::poll_fn;
use std::io::{self, IoSlice, Read, Seek, SeekFrom, Write};
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use runtime_base::blocking::{Class, Offload, offload};
use runtime_base::coop::poll_proceed;
use runtime_base::misuse;

use super::page_cache::PageCache;
use crate::io::ReadBuf;
use crate::promised;

/// The state of a file between its operations.
#[derive(Debug)]
pub(super) struct Cursor {
    /// Reused by all operations; as long as it ever was, so that it is zeroed only once.
    memory: Vec<u8>,
    start: usize,
    end: usize,
    running: Option<Offload<Outcome>>,
    failed_write: Option<io::Error>,
    /// What the last seek gave.
    position: u64,
    /// The last seek needed no trip, and nobody was told of its end.
    moved_at_once: bool,
    page_cache: PageCache,
}

/// How an operation ended. Memory that went along comes back.
#[derive(Debug)]
enum Outcome {
    Read(io::Result<usize>, Vec<u8>),
    Write(io::Result<()>, Vec<u8>),
    Seek(io::Result<u64>),
    SetLen(io::Result<()>),
}

impl Cursor {
    pub(super) fn new(page_cache: PageCache) -> Self {
        Self {
            memory: Vec::new(),
            start: 0,
            end: 0,
            running: None,
            failed_write: None,
            position: 0,
            moved_at_once: false,
            page_cache,
        }
    }

    #[cfg(all(test, not(rt_loom)))]
    pub(super) fn memory(&self) -> &[u8] {
        &self.memory
    }

    /// Others may move the position from now on.
    pub(super) fn share(&mut self) {
        self.page_cache = PageCache::Avoided;
    }

    /// Whether an operation is on its way, as far as is known.
    pub(super) fn is_busy(&self) -> bool {
        self.running.is_some()
    }

    /// How much was read ahead.
    fn ahead(&self) -> usize {
        self.end - self.start
    }

    fn forget_read_ahead(&mut self) {
        (self.start, self.end) = (0, 0);
    }

    /// Waits for the operation that runs, if any, and takes over what it brings.
    fn poll_running(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Outcome>>> {
        let Some(running) = &mut self.running else {
            return Poll::Ready(Ok(None));
        };
        let coop = ready!(poll_proceed(cx));
        let done = ready!(Pin::new(running).poll(cx));
        coop.made_progress();
        self.running = None;
        let mut outcome = done?;
        match &mut outcome {
            Outcome::Read(result, memory) => {
                self.memory = mem::take(memory);
                if let Ok(n) = *result {
                    (self.start, self.end) = (0, n);
                }
            }
            Outcome::Write(_, memory) => self.memory = mem::take(memory),
            Outcome::Seek(Ok(position)) => {
                self.position = *position;
                self.forget_read_ahead();
            }
            Outcome::Seek(Err(_)) | Outcome::SetLen(_) => {}
        }
        Poll::Ready(Ok(Some(outcome)))
    }

    /// As [`poll_running`](Self::poll_running), for operations that do not tell the error of a write.
    fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Outcome>>> {
        Poll::Ready(match ready!(self.poll_running(cx)) {
            Ok(Some(Outcome::Write(Err(error), _))) => {
                self.failed_write = Some(error);
                Ok(None)
            }
            settled => settled,
        })
    }

    /// Waits for the operation that runs; an error of a write is kept for the next one.
    pub(super) async fn settle(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_settled(cx)).await.map(drop)
    }

    /// Reads.
    pub(super) fn poll_read(
        &mut self,
        file: &Arc<StdFile>,
        max: usize,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            if let Some(Outcome::Read(result, _)) = ready!(self.poll_settled(cx))?
                && result? == 0
            {
                return Poll::Ready(Ok(()));
            }
            if self.ahead() > 0 || buf.remaining() == 0 {
                let n = self.ahead().min(buf.remaining());
                buf.put_slice(&self.memory[self.start..self.start + n]);
                self.start += n;
                return Poll::Ready(Ok(()));
            }
            let coop = ready!(poll_proceed(cx));
            if self.page_cache.try_read(file, buf, max) {
                coop.made_progress();
                return Poll::Ready(Ok(()));
            }
            drop(coop);
            self.start_read(file, buf.remaining().min(max));
        }
    }

    fn start_read(&mut self, file: &Arc<StdFile>, len: usize) {
        self.forget_read_ahead();
        let mut memory = mem::take(&mut self.memory);
        let file = file.clone();
        self.running = Some(offload(Class::Files, move || {
            if memory.len() < len {
                memory.resize(len, 0);
            }
            let result = loop {
                match (&*file).read(&mut memory[..len]) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    result => break result,
                }
            };
            Outcome::Read(result, memory)
        }));
    }

    /// Waits for its turn, and hands the first `max` bytes of `bufs` over.
    pub(super) fn poll_write(
        &mut self,
        file: &Arc<StdFile>,
        max: usize,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_flush(cx))?;
        if bufs.iter().all(|buf| buf.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        let ahead = self.ahead();
        self.forget_read_ahead();
        let mut memory = mem::take(&mut self.memory);
        let len = fill(&mut memory, max, bufs);
        let file = file.clone();
        let (write, promise) = promised::offer(move || {
            let result = write_at(&file, ahead, &memory[..len]);
            Outcome::Write(result, memory)
        });
        let running = offload(Class::Files, move || write.run());
        if !promise.give() {
            return Poll::Ready(Err(io::Error::other(misuse::WORK_LOST)));
        }
        self.running = Some(running);
        Poll::Ready(Ok(len))
    }

    /// Waits until what was handed over is written, and tells how it went.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(error) = self.failed_write.take() {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(match ready!(self.poll_running(cx))? {
            Some(Outcome::Write(result, _)) => result,
            _ => Ok(()),
        })
    }

    /// Begins to move.
    pub(super) fn start_seek(&mut self, file: &Arc<StdFile>, position: SeekFrom) -> io::Result<()> {
        if self.is_busy() {
            return Err(io::Error::other(
                "other file operation is pending, call poll_complete before start_seek",
            ));
        }
        let position = match position {
            // The user counts from where the reads ahead began.
            SeekFrom::Current(offset) => {
                let offset = offset.checked_sub(self.ahead() as i64);
                SeekFrom::Current(offset.ok_or(io::ErrorKind::InvalidInput)?)
            }
            absolute => absolute,
        };
        if let Some(moved) = self.page_cache.try_seek(file, position) {
            self.position = moved?;
            self.forget_read_ahead();
            self.moved_at_once = true;
            return Ok(());
        }
        let file = file.clone();
        self.running = Some(offload(Class::Files, move || {
            Outcome::Seek((&*file).seek(position))
        }));
        Ok(())
    }

    /// Waits for the end of the move.
    pub(super) fn poll_complete(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        if self.moved_at_once {
            // A task that does nothing else must give way too.
            ready!(poll_proceed(cx)).made_progress();
            self.moved_at_once = false;
        }
        Poll::Ready(match ready!(self.poll_settled(cx))? {
            Some(Outcome::Seek(result)) => result,
            _ => Ok(self.position),
        })
    }

    /// Moves the position back to where the user knows it, if there was a read ahead and the file
    /// can seek. To be called when settled.
    pub(super) async fn give_back_read_ahead(&mut self, file: &Arc<StdFile>) -> io::Result<()> {
        if self.ahead() > 0 {
            self.start_seek(file, SeekFrom::Current(0))?;
            // What cannot seek keeps what was read: this is the only one who has it.
            self.settle().await?;
        }
        Ok(())
    }

    /// Sets the length. To be called when settled.
    pub(super) async fn set_len(&mut self, file: &Arc<StdFile>, len: u64) -> io::Result<()> {
        let file = file.clone();
        self.running = Some(offload(Class::Files, move || {
            Outcome::SetLen(file.set_len(len))
        }));
        match poll_fn(|cx| self.poll_running(cx)).await? {
            Some(Outcome::SetLen(result)) => result,
            _ => Ok(()),
        }
    }

    /// The error of a write that nobody was told of.
    pub(super) fn take_failed_write(&mut self) -> io::Result<()> {
        self.failed_write.take().map_or(Ok(()), Err)
    }
}

/// Copies the first `max` bytes of `bufs` to the start of `memory`, which does not become shorter.
/// Says how many bytes these are.
fn fill(memory: &mut Vec<u8>, max: usize, bufs: &[IoSlice<'_>]) -> usize {
    let mut len = 0;
    for buf in bufs {
        let buf = &buf[..buf.len().min(max - len)];
        let (over_old, beyond) = buf.split_at(buf.len().min(memory.len() - len));
        memory[len..len + over_old.len()].copy_from_slice(over_old);
        memory.extend_from_slice(beyond);
        len += buf.len();
    }
    len
}

/// Writes `bytes` to `file`, `ahead` bytes before its position.
fn write_at(mut file: &StdFile, ahead: usize, bytes: &[u8]) -> io::Result<()> {
    if ahead > 0 {
        file.seek(SeekFrom::Current(-(ahead as i64)))?;
    }
    file.write_all(bytes)
}
