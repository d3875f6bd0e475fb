//! A writer with a buffer.

use std::fmt;
use std::io::{self, IoSlice, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::retry::uninterrupted;
use super::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, DEFAULT_BUF_SIZE, ReadBuf};

pin_project! {
    /// Takes small pieces and writes large ones.
    ///
    /// Every write to a socket or file is a system call. With a buffer between, a program that writes
    /// many small pieces makes few of them. It does not help where the pieces are large already, or
    /// where the bytes go to memory.
    ///
    /// **Flush it before dropping it.** Dropping cannot wait, so what is in the buffer then is lost.
    /// Reading, where the writer can also read, passes through unbuffered; see
    /// [`BufStream`](super::BufStream).
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::io::{AsyncWriteExt, BufWriter};
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let mut writer = BufWriter::new(Vec::new());
    ///     for number in 0..3 {
    ///         writer.write_u8(number).await?;
    ///     }
    ///     writer.flush().await?;
    ///     assert_eq!(writer.into_inner(), [0, 1, 2]);
    ///     Ok(())
    /// }
    /// ```
    pub struct BufWriter<W> {
        #[pin]
        pub(super) writer: W,
        pub(super) pending: PendingBytes,
        pub(super) seek: SeekAfterFlush,
    }
}

/// The buffer of a [`BufWriter`]: the first `written` of its bytes are written already.
pub(super) struct PendingBytes {
    bytes: Vec<u8>,
    written: usize,
}

impl PendingBytes {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(capacity),
            written: 0,
        }
    }

    fn room(&self) -> usize {
        self.bytes.capacity() - self.bytes.len()
    }

    /// Appends as much as there is room for and gives its length.
    fn append(&mut self, bytes: &[u8]) -> usize {
        let n = bytes.len().min(self.room());
        self.bytes.extend_from_slice(&bytes[..n]);
        n
    }

    fn poll_write_to<W: AsyncWrite + ?Sized>(
        &mut self,
        mut writer: Pin<&mut W>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.written < self.bytes.len() {
            let rest = &self.bytes[self.written..];
            match ready!(uninterrupted(|| writer.as_mut().poll_write(cx, rest))) {
                Ok(0) => {
                    self.forget_written();
                    return Poll::Ready(Err(io::Error::new(
                        io::ErrorKind::WriteZero,
                        "failed to write the buffered data",
                    )));
                }
                Ok(n) => self.written += n,
                Err(error) => {
                    self.forget_written();
                    return Poll::Ready(Err(error));
                }
            }
        }
        self.forget_written();
        Poll::Ready(Ok(()))
    }

    fn forget_written(&mut self) {
        self.bytes.drain(..self.written);
        self.written = 0;
    }
}

impl fmt::Debug for PendingBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{}",
            self.bytes.len() - self.written,
            self.bytes.capacity()
        )
    }
}

/// How far a move of the position has come.
#[derive(Debug, Clone, Copy)]
pub(super) enum SeekAfterFlush {
    Idle,
    /// Asked for; the buffer is written first, where it belongs.
    Requested(SeekFrom),
    /// The writer below is on the way.
    Underway,
}

impl<W: AsyncWrite> BufWriter<W> {
    /// Puts a buffer of 8 KiB before `inner`.
    pub fn new(inner: W) -> Self {
        Self::with_capacity(DEFAULT_BUF_SIZE, inner)
    }

    /// Puts a buffer of `cap` bytes before `inner`.
    pub fn with_capacity(cap: usize, inner: W) -> Self {
        Self {
            writer: inner,
            pending: PendingBytes::with_capacity(cap),
            seek: SeekAfterFlush::Idle,
        }
    }

    /// The writer below.
    pub fn get_ref(&self) -> &W {
        &self.writer
    }

    /// The writer below. What is written to it directly overtakes what is in the buffer.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.writer
    }

    /// The writer below, pinned. What is written to it directly overtakes what is in the buffer.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut W> {
        self.project().writer
    }

    /// Gives the writer back. What is in the buffer is lost: flush before.
    pub fn into_inner(self) -> W {
        self.writer
    }

    /// What is in the buffer.
    pub fn buffer(&self) -> &[u8] {
        &self.pending.bytes[self.pending.written..]
    }

    fn poll_flush_buffer(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        this.pending.poll_write_to(this.writer, cx)
    }
}

impl<W: AsyncWrite> AsyncWrite for BufWriter<W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if buf.len() > self.pending.room() {
            ready!(self.as_mut().poll_flush_buffer(cx))?;
        }
        let this = self.project();
        if buf.len() >= this.pending.bytes.capacity() {
            // The buffer is empty now, and this would fill it at once.
            return this.writer.poll_write(cx, buf);
        }
        Poll::Ready(Ok(this.pending.append(buf)))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let total = bufs
            .iter()
            .fold(0, |sum: usize, buf| sum.saturating_add(buf.len()));
        if !self.writer.is_write_vectored() && total > self.pending.room() {
            // The writer below would take the first buffer only: gather them here instead, unless
            // the first one is too large for that.
            let Some(first) = bufs.iter().find(|buf| !buf.is_empty()) else {
                return Poll::Ready(Ok(0));
            };
            if first.len() > self.pending.room() {
                ready!(self.as_mut().poll_flush_buffer(cx))?;
            }
            let this = self.project();
            if first.len() >= this.pending.bytes.capacity() {
                return this.writer.poll_write(cx, first);
            }
            // The last one may fit in part: that is a short write.
            return Poll::Ready(Ok(bufs.iter().map(|buf| this.pending.append(buf)).sum()));
        }
        if total > self.pending.room() {
            ready!(self.as_mut().poll_flush_buffer(cx))?;
        }
        let this = self.project();
        if total >= this.pending.bytes.capacity() {
            return this.writer.poll_write_vectored(cx, bufs);
        }
        Poll::Ready(Ok(bufs.iter().map(|buf| this.pending.append(buf)).sum()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush_buffer(cx))?;
        self.get_pin_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush_buffer(cx))?;
        self.get_pin_mut().poll_shutdown(cx)
    }
}

/// The buffer is written before the position moves, so that its bytes land where they were meant.
impl<W: AsyncWrite + AsyncSeek> AsyncSeek for BufWriter<W> {
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        *self.project().seek = SeekAfterFlush::Requested(position);
        Ok(())
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        if let SeekAfterFlush::Requested(position) = self.seek {
            let flushed = ready!(self.as_mut().poll_flush_buffer(cx));
            let mut this = self.as_mut().project();
            let settled = match flushed {
                // A file still works on what it was given just now, and refuses to move meanwhile.
                Ok(()) => ready!(this.writer.as_mut().poll_complete(cx)).map(drop),
                failed => failed,
            };
            // A move that fails before it has begun is over.
            *this.seek = SeekAfterFlush::Idle;
            settled?;
            this.writer.start_seek(position)?;
            *this.seek = SeekAfterFlush::Underway;
        }
        let this = self.project();
        let result = ready!(this.writer.poll_complete(cx));
        *this.seek = SeekAfterFlush::Idle;
        Poll::Ready(result)
    }
}

impl<W: AsyncWrite + AsyncRead> AsyncRead for BufWriter<W> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.get_pin_mut().poll_read(cx, buf)
    }
}

impl<W: AsyncWrite + AsyncBufRead> AsyncBufRead for BufWriter<W> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        self.get_pin_mut().poll_fill_buf(cx)
    }

    fn consume(self: Pin<&mut Self>, amt: usize) {
        self.get_pin_mut().consume(amt);
    }
}

impl<W: fmt::Debug> fmt::Debug for BufWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufWriter")
            .field("writer", &self.writer)
            .field("buffer", &self.pending)
            .finish()
    }
}

#[cfg(all(test, not(rt_loom)))]
mod tests {
    use super::*;
    use crate::io::script::{Fail, ScriptWriter, Step, Take, Wait, cancel_until_ready};
    use crate::io::{AsyncSeekExt, AsyncWriteExt, BufReader, BufStream, ErrorKind};
    use proptest::prelude::*;
    use runtime_base::driving::block_on;
    use std::io::{Cursor, Seek, Write};

    #[derive(Debug, Clone)]
    enum Op {
        Write(Vec<u8>),
        Vectored(Vec<Vec<u8>>),
        Flush,
        Seek(SeekFrom),
    }

    fn op() -> impl Strategy<Value = Op> {
        let bytes = || prop::collection::vec(any::<u8>(), 0..8);
        prop_oneof![
            bytes().prop_map(Op::Write),
            prop::collection::vec(bytes(), 0..4).prop_map(Op::Vectored),
            Just(Op::Flush),
            (0_u64..30).prop_map(|n| Op::Seek(SeekFrom::Start(n))),
            (-9_i64..9).prop_map(|n| Op::Seek(SeekFrom::Current(n))),
        ]
    }

    fn writer_steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            (1_usize..6).prop_map(Take),
            Just(Wait),
            Just(Fail(ErrorKind::ConnectionReset))
        ];
        prop::collection::vec(step, 0..30)
    }

    proptest! {
        #[test]
        fn it_writes_and_moves_as_that_of_std(
            ops in prop::collection::vec(op(), 0..30),
            capacity in 1_usize..10,
        ) {
            let cursor = || Cursor::new(Vec::new());
            let mut std = std::io::BufWriter::with_capacity(capacity, cursor());
            let mut ours = BufWriter::with_capacity(capacity, cursor());
            for op in ops {
                match op {
                    Op::Write(bytes) => {
                        std.write_all(&bytes).unwrap();
                        block_on(ours.write_all(&bytes)).unwrap();
                    }
                    Op::Vectored(bufs) => {
                        let slices: Vec<_> = bufs.iter().map(|buf| IoSlice::new(buf)).collect();
                        let n = block_on(ours.write_vectored(&slices)).unwrap();
                        std.write_all(&bufs.concat()[..n]).unwrap();
                    }
                    Op::Flush => {
                        std.flush().unwrap();
                        block_on(ours.flush()).unwrap();
                        prop_assert_eq!(ours.get_ref(), std.get_ref());
                    }
                    Op::Seek(to) => {
                        let expected = std.seek(to).map_err(|error| error.kind());
                        let found = block_on(ours.seek(to)).map_err(|error| error.kind());
                        prop_assert_eq!(found, expected);
                    }
                }
            }
            std.flush().unwrap();
            block_on(ours.flush()).unwrap();
            prop_assert_eq!(ours.get_ref(), std.get_ref());
        }

        #[test]
        fn what_is_written_arrives_once_and_in_order(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..8), 0..20),
            steps in writer_steps(),
            vectored in any::<bool>(),
            capacity in 0_usize..10,
        ) {
            let mut below = ScriptWriter::new(steps);
            below.vectored = vectored;
            let mut writer = BufWriter::with_capacity(capacity, below);
            let mut expected = Vec::new();
            for (index, piece) in pieces.iter().enumerate() {
                // A failed write took nothing. Each wait is cancelled and begun again.
                let result = cancel_until_ready(&mut writer, |writer, cx| {
                    if index % 2 == 0 {
                        Pin::new(&mut writer.write(piece)).poll(cx)
                    } else {
                        let (front, back) = piece.split_at(piece.len() / 2);
                        let parts = [IoSlice::new(front), IoSlice::new(back)];
                        Pin::new(&mut writer.write_vectored(&parts)).poll(cx)
                    }
                });
                if let Ok(n) = result {
                    expected.extend_from_slice(&piece[..n]);
                }
            }
            while cancel_until_ready(&mut writer, |writer, cx| {
                Pin::new(&mut writer.flush()).poll(cx)
            })
            .is_err()
            {}
            prop_assert_eq!(&writer.get_ref().written, &expected);
            prop_assert_eq!(&writer.get_ref().flushed, &expected);
        }
    }

    #[test]
    fn a_writer_that_takes_no_more_is_an_error_and_the_rest_is_kept() {
        let mut writer = BufWriter::new(ScriptWriter::new([Take(1), Take(0)]));
        block_on(writer.write_all(b"abc")).unwrap();
        let error = block_on(writer.flush()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WriteZero);
        assert_eq!(writer.buffer(), b"bc");
        block_on(writer.shutdown()).unwrap();
        assert_eq!(writer.get_ref().written, b"abc");
        assert!(writer.get_ref().is_shut_down);
    }

    /// A file whose first write fails.
    struct FailsOnce {
        file: Cursor<Vec<u8>>,
        has_failed: bool,
    }

    impl AsyncWrite for FailsOnce {
        fn poll_write(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &[u8],
        ) -> Poll<io::Result<usize>> {
            if !std::mem::replace(&mut self.has_failed, true) {
                return Poll::Ready(Err(ErrorKind::StorageFull.into()));
            }
            Pin::new(&mut self.file).poll_write(cx, buf)
        }

        fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncSeek for FailsOnce {
        fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
            Pin::new(&mut self.file).start_seek(position)
        }

        fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
            Pin::new(&mut self.file).poll_complete(cx)
        }
    }

    #[test]
    fn a_move_that_failed_is_not_made_later() {
        let mut writer = BufWriter::new(FailsOnce {
            file: Cursor::new(Vec::new()),
            has_failed: false,
        });
        block_on(async {
            writer.write_all(b"abc").await.unwrap();
            let error = writer.rewind().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::StorageFull);
            writer.flush().await.unwrap();
            assert_eq!(writer.stream_position().await.unwrap(), 3);
        });
    }

    #[test]
    fn layers_keep_their_buffers_when_they_change_places() {
        let (near, mut far) = crate::io::duplex(64);
        let mut layers = BufWriter::new(BufReader::new(near));
        block_on(async {
            use crate::io::{AsyncBufReadExt, AsyncReadExt};
            layers.write_all(b"out").await.unwrap();
            far.write_all(b"in").await.unwrap();
            layers.fill_buf().await.unwrap();
            let mut stream = BufStream::from(layers);
            let mut buf = [0; 3];
            stream.read_exact(&mut buf[..2]).await.unwrap();
            assert_eq!(&buf[..2], b"in");
            stream.flush().await.unwrap();
            far.read_exact(&mut buf).await.unwrap();
            assert_eq!(&buf, b"out");
        });
    }
}
