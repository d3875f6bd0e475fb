//! A reader with a buffer.

use std::fmt;
use std::io::{self, IoSlice, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::read_memory::ReadMemory;
use super::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, DEFAULT_BUF_SIZE, ReadBuf};

pin_project! {
    /// Reads in large pieces and gives out small ones.
    ///
    /// Every read of a socket or file is a system call. With a buffer between, a program that reads
    /// lines or single numbers makes few of them. It does not help where the reads are large already,
    /// or where the bytes are in memory.
    ///
    /// What is in the buffer is lost when the `BufReader` is dropped or taken apart; several of them
    /// over one reader lose each other's bytes. Writing, where the reader can also write, passes
    /// through unbuffered; see [`BufStream`](super::BufStream).
    ///
    /// Moving the position ([`AsyncSeek`]) always throws the buffer away, even if the new position
    /// lies within it.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::io::{AsyncBufReadExt, BufReader};
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let mut lines = BufReader::new(&b"one\ntwo\n"[..]).lines();
    ///     assert_eq!(lines.next_line().await?.as_deref(), Some("one"));
    ///     assert_eq!(lines.next_line().await?.as_deref(), Some("two"));
    ///     assert_eq!(lines.next_line().await?, None);
    ///     Ok(())
    /// }
    /// ```
    pub struct BufReader<R> {
        #[pin]
        pub(super) reader: R,
        pub(super) buffered: Buffered,
        pub(super) seek: SeekProgress,
    }
}

/// The buffer of a [`BufReader`]: `memory[start..end]` was read and not yet consumed.
///
/// While a move of the position is underway, nothing is in it for the reader: what it held before is
/// hidden, and shown again if the move fails.
pub(super) struct Buffered {
    memory: ReadMemory,
    start: usize,
    end: usize,
    /// So many bytes before `start` are hidden.
    hidden: usize,
}

impl Buffered {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self {
            memory: ReadMemory::with_capacity(capacity),
            start: 0,
            end: 0,
            hidden: 0,
        }
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        self.memory.bytes(self.start..self.end)
    }

    #[inline]
    fn len(&self) -> usize {
        self.end - self.start
    }

    #[inline]
    fn discard(&mut self) {
        self.start = 0;
        self.end = 0;
        self.hidden = 0;
    }

    /// A move has begun.
    fn hide(&mut self) {
        self.hidden = self.len();
        self.start = self.end;
    }

    /// The move has failed. What was read in the meantime stays.
    fn show(&mut self) {
        self.start -= std::mem::take(&mut self.hidden);
    }

    /// The move has succeeded. What was read in the meantime stays.
    fn forget_hidden(&mut self) {
        self.hidden = 0;
    }

    /// Out of line, so that a look at what is there stays short.
    #[inline(never)]
    fn poll_fill<R: AsyncRead>(
        &mut self,
        reader: Pin<&mut R>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        self.discard();
        self.end = ready!(self.memory.poll_read(0, reader, cx))?;
        Poll::Ready(Ok(()))
    }

    #[inline]
    fn consume(&mut self, n: usize) {
        self.start = self.end.min(self.start.saturating_add(n));
    }
}

impl fmt::Debug for Buffered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.len(), self.memory.capacity())
    }
}

/// How far a move of the position has come.
#[derive(Debug, Clone, Copy)]
pub(super) enum SeekProgress {
    Idle,
    /// Asked for; the reader below does not know yet.
    Requested(SeekFrom),
    /// A move from the current position was so far back that it had to be made in two parts: first
    /// back over the buffer, which is on the way, then by this.
    BackOverBuffer(i64),
    /// The reader below is on the way.
    Underway,
}

impl<R: AsyncRead> BufReader<R> {
    /// Puts a buffer of 8 KiB before `inner`.
    pub fn new(inner: R) -> Self {
        Self::with_capacity(DEFAULT_BUF_SIZE, inner)
    }

    /// Puts a buffer of `capacity` bytes before `inner`.
    ///
    /// # Panics
    ///
    /// When `capacity` is zero: nothing could ever be read.
    #[track_caller]
    pub fn with_capacity(capacity: usize, inner: R) -> Self {
        assert!(
            capacity > 0,
            "capacity must be greater than zero, or nothing could ever be read; pass at least 1"
        );
        Self {
            reader: inner,
            buffered: Buffered::with_capacity(capacity),
            seek: SeekProgress::Idle,
        }
    }

    /// The reader below.
    pub fn get_ref(&self) -> &R {
        &self.reader
    }

    /// The reader below. Reading from it directly passes over what is in the buffer.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// The reader below, pinned. Reading from it directly passes over what is in the buffer.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut R> {
        self.project().reader
    }

    /// Gives the reader back. What is in the buffer is lost.
    pub fn into_inner(self) -> R {
        self.reader
    }

    /// What is in the buffer. Unlike [`fill_buf`](super::AsyncBufReadExt::fill_buf) this does not
    /// read when there is nothing.
    pub fn buffer(&self) -> &[u8] {
        self.buffered.bytes()
    }
}

impl<R: AsyncRead> AsyncRead for BufReader<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // A read that is at least as large as the buffer gains nothing from it.
        if self.buffered.len() == 0 && buf.remaining() >= self.buffered.memory.capacity() {
            let this = self.project();
            this.buffered.discard();
            return this.reader.poll_read(cx, buf);
        }
        let bytes = ready!(self.as_mut().poll_fill_buf(cx))?;
        let n = bytes.len().min(buf.remaining());
        buf.put_slice(&bytes[..n]);
        self.consume(n);
        Poll::Ready(Ok(()))
    }
}

impl<R: AsyncRead> AsyncBufRead for BufReader<R> {
    #[inline]
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.project();
        if this.buffered.len() == 0 {
            ready!(this.buffered.poll_fill(this.reader, cx))?;
        }
        Poll::Ready(Ok(this.buffered.bytes()))
    }

    #[inline]
    fn consume(self: Pin<&mut Self>, amt: usize) {
        self.project().buffered.consume(amt);
    }
}

/// The position below is ahead of what the user has seen by what is in the buffer, so a move from
/// the current position is corrected by that.
impl<R: AsyncRead + AsyncSeek> AsyncSeek for BufReader<R> {
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        // The reader below is told in `poll_complete`, since it may take two moves.
        *self.project().seek = SeekProgress::Requested(position);
        Ok(())
    }

    /// Gives the new position. Without a move that was begun it gives that of the reader below,
    /// which is ahead by what is in the buffer.
    fn poll_complete(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        use SeekProgress::{BackOverBuffer, Idle, Requested, Underway};
        let mut this = self.project();
        loop {
            let next = match *this.seek {
                Idle => return this.reader.poll_complete(cx),
                Requested(SeekFrom::Current(by)) => {
                    // A buffer is never larger than `isize::MAX`.
                    let ahead = this.buffered.len() as i64;
                    match by.checked_sub(ahead) {
                        Some(by) => (SeekFrom::Current(by), Underway),
                        None => (SeekFrom::Current(-ahead), BackOverBuffer(by)),
                    }
                }
                Requested(position) => (position, Underway),
                BackOverBuffer(by) => {
                    let result = ready!(this.reader.as_mut().poll_complete(cx));
                    *this.seek = Idle;
                    if let Err(error) = result {
                        this.buffered.show();
                        return Poll::Ready(Err(error));
                    }
                    this.buffered.discard();
                    (SeekFrom::Current(by), Underway)
                }
                Underway => {
                    let result = ready!(this.reader.as_mut().poll_complete(cx));
                    *this.seek = Idle;
                    match result {
                        Ok(_) => this.buffered.forget_hidden(),
                        Err(_) => this.buffered.show(),
                    }
                    return Poll::Ready(result);
                }
            };
            // A move that the reader below refuses at once is over.
            *this.seek = Idle;
            this.reader.as_mut().start_seek(next.0)?;
            *this.seek = next.1;
            // Now, since the move goes on also if nobody waits for its end.
            this.buffered.hide();
        }
    }
}

impl<R: AsyncRead + AsyncWrite> AsyncWrite for BufReader<R> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_pin_mut().poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_pin_mut().poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.reader.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_pin_mut().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_pin_mut().poll_shutdown(cx)
    }
}

impl<R: fmt::Debug> fmt::Debug for BufReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufReader")
            .field("reader", &self.reader)
            .field("buffer", &self.buffered)
            .finish()
    }
}

#[cfg(all(test, not(rt_loom)))]
mod tests {
    use super::*;
    use crate::io::script::poll_once;
    use crate::io::{AsyncBufReadExt, AsyncReadExt, AsyncSeekExt};
    use proptest::prelude::*;
    use runtime_base::driving::block_on;
    use std::io::{BufRead, Cursor, Read, Seek};

    #[derive(Debug, Clone)]
    enum Op {
        Read(usize),
        Fill,
        Consume(usize),
        Seek(SeekFrom),
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            (0_usize..20).prop_map(Op::Read),
            Just(Op::Fill),
            (0_usize..9).prop_map(Op::Consume),
            (0_u64..60).prop_map(|n| Op::Seek(SeekFrom::Start(n))),
            (-60_i64..20).prop_map(|n| Op::Seek(SeekFrom::End(n))),
            (-30_i64..30).prop_map(|n| Op::Seek(SeekFrom::Current(n))),
            Just(Op::Seek(SeekFrom::Current(i64::MIN))),
            Just(Op::Seek(SeekFrom::Current(i64::MAX))),
        ]
    }

    proptest! {
        #[test]
        fn it_reads_and_moves_as_that_of_std(
            ops in prop::collection::vec(op(), 0..40),
            capacity in 1_usize..10,
        ) {
            let bytes: Vec<u8> = (0..50).collect();
            let mut std = std::io::BufReader::with_capacity(capacity, Cursor::new(bytes.clone()));
            let mut ours = BufReader::with_capacity(capacity, Cursor::new(bytes));
            for op in ops {
                match op {
                    Op::Read(len) => {
                        let (mut expected, mut found) = (vec![0; len], vec![0; len]);
                        let n = std.read(&mut expected).unwrap();
                        prop_assert_eq!(block_on(ours.read(&mut found)).unwrap(), n);
                        prop_assert_eq!(found, expected);
                    }
                    Op::Fill => {
                        let expected = std.fill_buf().unwrap();
                        prop_assert_eq!(block_on(ours.fill_buf()).unwrap(), expected);
                    }
                    Op::Consume(n) => {
                        BufRead::consume(&mut std, n);
                        AsyncBufReadExt::consume(&mut ours, n);
                    }
                    Op::Seek(to) => {
                        let expected = std.seek(to).map_err(|error| error.kind());
                        let found = block_on(ours.seek(to)).map_err(|error| error.kind());
                        prop_assert_eq!(found, expected);
                    }
                }
                prop_assert_eq!(ours.buffer(), std.buffer());
            }
        }
    }

    /// Refuses every move.
    struct Stubborn(Cursor<Vec<u8>>);

    impl AsyncRead for Stubborn {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_read(cx, buf)
        }
    }

    impl AsyncSeek for Stubborn {
        fn start_seek(self: Pin<&mut Self>, _position: SeekFrom) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }

        fn poll_complete(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
            Poll::Ready(Ok(self.0.position()))
        }
    }

    /// Takes its time to move, or to find that it cannot, and reads after that only.
    struct Slow {
        bytes: Cursor<Vec<u8>>,
        move_to: Option<SeekFrom>,
        has_waited: bool,
        fails: bool,
    }

    impl Slow {
        fn new(fails: bool) -> Self {
            Self {
                bytes: Cursor::new((0..50).collect()),
                move_to: None,
                has_waited: false,
                fails,
            }
        }

        fn finish_move(&mut self) -> io::Result<u64> {
            match self.move_to.take() {
                Some(_) if self.fails => Err(io::ErrorKind::StaleNetworkFileHandle.into()),
                Some(position) => Seek::seek(&mut self.bytes, position),
                None => Ok(self.bytes.position()),
            }
        }
    }

    impl AsyncRead for Slow {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let _ = self.finish_move();
            Pin::new(&mut self.bytes).poll_read(cx, buf)
        }
    }

    impl AsyncSeek for Slow {
        fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
            self.move_to = Some(position);
            self.has_waited = false;
            Ok(())
        }

        fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
            if self.move_to.is_some() && !std::mem::replace(&mut self.has_waited, true) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(self.finish_move())
        }
    }

    #[test]
    fn after_a_cancelled_move_it_reads_where_that_went() {
        let mut reader = BufReader::with_capacity(8, Slow::new(false));
        let mut buf = [0; 2];
        block_on(reader.read_exact(&mut buf)).unwrap();
        assert!(poll_once(&mut reader.seek(SeekFrom::Start(20))).is_pending());
        block_on(reader.read_exact(&mut buf)).unwrap();
        assert_eq!(buf, [20, 21]);
        // What was read since is not thrown away.
        assert_eq!(block_on(reader.stream_position()).unwrap(), 22);
        block_on(reader.read_exact(&mut buf)).unwrap();
        assert_eq!(buf, [22, 23]);
    }

    #[test]
    fn a_move_that_fails_after_a_while_keeps_the_buffer() {
        let mut reader = BufReader::with_capacity(8, Slow::new(true));
        let mut buf = [0; 2];
        block_on(reader.read_exact(&mut buf)).unwrap();
        for position in [SeekFrom::Start(20), SeekFrom::Current(i64::MIN)] {
            let error = block_on(reader.seek(position)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::StaleNetworkFileHandle);
        }
        block_on(reader.read_exact(&mut buf)).unwrap();
        assert_eq!(buf, [2, 3]);
    }

    #[test]
    #[should_panic(expected = "capacity must be greater than zero")]
    fn a_reader_without_room_is_refused() {
        BufReader::with_capacity(0, &b""[..]);
    }

    #[test]
    fn a_refused_move_keeps_the_buffer_and_is_over() {
        let mut reader = BufReader::new(Stubborn(Cursor::new(b"hello".to_vec())));
        assert_eq!(block_on(reader.read_u8()).unwrap(), b'h');
        let error = block_on(reader.seek(SeekFrom::Start(0))).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Unsupported);
        assert_eq!(reader.buffer(), b"ello");
        assert_eq!(
            block_on(std::future::poll_fn(
                |cx| Pin::new(&mut reader).poll_complete(cx)
            ))
            .unwrap(),
            5
        );
    }
}
