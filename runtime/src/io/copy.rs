//! Copying a reader to a writer.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use runtime_base::coop;

use super::read_memory::ReadMemory;
use super::retry::{uninterrupted, unless_interrupted};
use super::{AsyncBufRead, AsyncRead, AsyncWrite, DEFAULT_BUF_SIZE};

/// Copies everything that `reader` gives to `writer`, and gives the number of bytes.
///
/// The bytes pass through a buffer of 8 KiB on the heap. While the reader has nothing the writer is
/// flushed, and once more at the end; it is not shut down. A [`BufReader`](super::BufReader) before
/// it would only copy everything once more; use [`copy_buf`] for a reader that has a buffer.
///
/// # Errors
///
/// Those of the reader and the writer, and [`WriteZero`](super::ErrorKind::WriteZero) when the writer
/// takes no more. What was copied until then is copied.
///
/// # Cancel safety
///
/// Not cancel safe: when the future is dropped, what was read and not yet written is lost.
///
/// # Examples
///
/// ```
/// use runtime::io;
///
/// #[runtime::main]
/// async fn main() -> std::io::Result<()> {
///     let mut reader: &[u8] = b"hello";
///     let mut writer = Vec::new();
///     assert_eq!(io::copy(&mut reader, &mut writer).await?, 5);
///     assert_eq!(writer, b"hello");
///     Ok(())
/// }
/// ```
pub async fn copy<'a, R, W>(reader: &'a mut R, writer: &'a mut W) -> io::Result<u64>
where
    R: AsyncRead + Unpin + ?Sized,
    W: AsyncWrite + Unpin + ?Sized,
{
    let mut transfer = Transfer::with_capacity(DEFAULT_BUF_SIZE);
    poll_fn(|cx| transfer.poll(cx, Pin::new(&mut *reader), Pin::new(&mut *writer))).await
}

/// Copies everything that `reader` gives to `writer`, straight from the reader's buffer, and gives
/// the number of bytes.
///
/// While the reader has nothing the writer is flushed, and once more at the end; it is not shut down.
///
/// # Errors
///
/// Those of the reader and the writer, and [`WriteZero`](super::ErrorKind::WriteZero) when the writer
/// takes no more. The reader then stands behind what was copied.
///
/// # Cancel safety
///
/// When the future is dropped no byte is lost: what was read and not written is still in the reader's
/// buffer. Only the count is lost.
///
/// # Examples
///
/// ```
/// use runtime::io::{self, BufReader};
///
/// #[runtime::main]
/// async fn main() -> std::io::Result<()> {
///     let mut reader = BufReader::new(&b"hello"[..]);
///     let mut writer = Vec::new();
///     assert_eq!(io::copy_buf(&mut reader, &mut writer).await?, 5);
///     assert_eq!(writer, b"hello");
///     Ok(())
/// }
/// ```
pub async fn copy_buf<'a, R, W>(reader: &'a mut R, writer: &'a mut W) -> io::Result<u64>
where
    R: AsyncBufRead + Unpin + ?Sized,
    W: AsyncWrite + Unpin + ?Sized,
{
    let mut copied = 0;
    let mut unflushed = false;
    poll_fn(|cx| {
        let mut reader = Pin::new(&mut *reader);
        let mut writer = Pin::new(&mut *writer);
        let coop = ready!(coop::poll_proceed(cx));
        loop {
            let budget = coop::mark();
            let bytes = match reader.as_mut().poll_fill_buf(cx) {
                Poll::Ready(Ok(bytes)) => bytes,
                Poll::Ready(Err(error)) => match unless_interrupted(error) {
                    Some(error) => return Poll::Ready(Err(error)),
                    None => continue,
                },
                Poll::Pending => {
                    if unflushed {
                        ready!(writer.as_mut().poll_flush(cx))?;
                        unflushed = false;
                        coop.made_progress();
                    }
                    return Poll::Pending;
                }
            };
            if bytes.is_empty() {
                ready!(writer.as_mut().poll_flush(cx))?;
                coop.made_progress();
                return Poll::Ready(Ok(copied));
            }
            let n = ready!(uninterrupted(|| writer.as_mut().poll_write(cx, bytes)))?;
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            coop.made_progress();
            unflushed = true;
            copied += n as u64;
            reader.as_mut().consume(n);
            // As in `Transfer`.
            if budget.is_unspent() {
                ready!(coop::poll_proceed(cx)).made_progress();
            }
        }
    })
    .await
}

/// One direction of a copy: a buffer between a reader and a writer.
///
/// ```text
/// memory: [ written | read, not written | free ]
///                   ^ start             ^ end
/// ```
#[derive(Debug)]
pub(super) struct Transfer {
    memory: ReadMemory,
    start: usize,
    end: usize,
    copied: u64,
    reader_is_done: bool,
    /// Something was written since the last flush.
    unflushed: bool,
}

impl Transfer {
    /// A transfer through a buffer of `capacity` bytes; not zero.
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self {
            memory: ReadMemory::with_capacity(capacity.max(1)),
            start: 0,
            end: 0,
            copied: 0,
            reader_is_done: false,
            unflushed: false,
        }
    }

    /// Reads and writes until the end was read and everything is written and flushed. Gives the
    /// number of bytes.
    pub(super) fn poll<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        mut reader: Pin<&mut R>,
        mut writer: Pin<&mut W>,
    ) -> Poll<io::Result<u64>>
    where
        R: AsyncRead + ?Sized,
        W: AsyncWrite + ?Sized,
    {
        let coop = ready!(coop::poll_proceed(cx));
        loop {
            let budget = coop::mark();
            if self.end < self.memory.capacity() && !self.reader_is_done {
                match self.poll_read(cx, reader.as_mut()) {
                    Poll::Ready(result) => {
                        coop.made_progress();
                        result?;
                    }
                    Poll::Pending if self.start < self.end => {}
                    Poll::Pending => {
                        // The other side may have to see what was written before it answers.
                        if self.unflushed {
                            ready!(writer.as_mut().poll_flush(cx))?;
                            self.unflushed = false;
                            coop.made_progress();
                        }
                        return Poll::Pending;
                    }
                }
            }
            while self.start < self.end {
                match self.poll_write(cx, reader.as_mut(), writer.as_mut()) {
                    Poll::Ready(result) => {
                        coop.made_progress();
                        result?;
                    }
                    Poll::Pending => return Poll::Pending,
                }
            }
            self.start = 0;
            self.end = 0;
            if self.reader_is_done {
                ready!(writer.as_mut().poll_flush(cx))?;
                coop.made_progress();
                return Poll::Ready(Ok(self.copied));
            }
            // Memory is always ready, and its readers and writers know no budget: a round for which
            // neither side has paid is paid for here.
            if budget.is_unspent() {
                ready!(coop::poll_proceed(cx)).made_progress();
            }
        }
    }

    /// Reads into the free part.
    fn poll_read<R: AsyncRead + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        mut reader: Pin<&mut R>,
    ) -> Poll<io::Result<()>> {
        let end = ready!(uninterrupted(|| {
            self.memory.poll_read(self.end, reader.as_mut(), cx)
        }))?;
        self.reader_is_done = end == self.end;
        self.end = end;
        Poll::Ready(Ok(()))
    }

    /// Writes some of what was read. A writer that is not ready is a good moment to read more.
    fn poll_write<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        reader: Pin<&mut R>,
        mut writer: Pin<&mut W>,
    ) -> Poll<io::Result<()>>
    where
        R: AsyncRead + ?Sized,
        W: AsyncWrite + ?Sized,
    {
        let bytes = self.memory.bytes(self.start..self.end);
        let write = uninterrupted(|| writer.as_mut().poll_write(cx, bytes));
        let Poll::Ready(result) = write else {
            if !self.reader_is_done && self.end < self.memory.capacity() {
                ready!(self.poll_read(cx, reader))?;
            }
            return Poll::Pending;
        };
        let n = result?;
        if n == 0 {
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::WriteZero,
                "write zero byte into writer",
            )));
        }
        self.start += n;
        self.copied += n as u64;
        self.unflushed = true;
        Poll::Ready(Ok(()))
    }
}

#[cfg(all(test, not(rt_loom)))]
mod tests {
    use super::*;
    use crate::io::script::{
        Fail, Give, ScriptReader, ScriptWriter, Step, Take, Wait, give, poll_once,
    };
    use crate::io::{
        AsyncReadExt, AsyncWriteExt, BufReader, BufWriter, ErrorKind, ReadBuf, duplex, repeat, sink,
    };
    use proptest::prelude::*;
    use runtime_base::driving::block_on;
    use std::pin::pin;
    use std::task::Waker;

    fn reads() -> impl Strategy<Value = Vec<Step>> {
        let bytes = prop::collection::vec(any::<u8>(), 1..30);
        prop::collection::vec(prop_oneof![bytes.prop_map(Give), Just(Wait)], 0..20)
    }

    fn writes() -> impl Strategy<Value = Vec<Step>> {
        prop::collection::vec(prop_oneof![(1_usize..20).prop_map(Take), Just(Wait)], 0..30)
    }

    proptest! {
        #[test]
        fn everything_is_copied_and_flushed(
            reads in reads(),
            writes in writes(),
            capacity in 1_usize..16,
            from_buffer in any::<bool>(),
        ) {
            let expected: Vec<u8> = reads
                .iter()
                .flat_map(|step| match step {
                    Give(bytes) => bytes.clone(),
                    _ => Vec::new(),
                })
                .collect();
            let mut reader = ScriptReader::new(reads);
            let mut writer = ScriptWriter::new(writes);
            let n = if from_buffer {
                let mut reader = BufReader::with_capacity(capacity, reader);
                block_on(copy_buf(&mut reader, &mut writer))
            } else {
                let mut transfer = Transfer::with_capacity(capacity);
                block_on(poll_fn(|cx| {
                    transfer.poll(cx, Pin::new(&mut reader), Pin::new(&mut writer))
                }))
            };
            prop_assert_eq!(n.unwrap(), expected.len() as u64);
            prop_assert_eq!(&writer.flushed, &expected);
            prop_assert_eq!(&writer.written, &expected);
        }
    }

    #[test]
    fn the_writer_is_flushed_while_the_reader_has_nothing() {
        let mut writer = BufWriter::new(ScriptWriter::default());
        let mut reader = ScriptReader::new([give(b"ab"), Wait, give(b"c")]);
        let mut copying = Box::pin(copy(&mut reader, &mut writer));
        assert!(poll_once(&mut copying).is_pending());
        drop(copying);
        assert_eq!(writer.get_ref().flushed, b"ab");

        let mut writer = BufWriter::new(ScriptWriter::default());
        let mut reader = BufReader::new(ScriptReader::new([give(b"ab"), Wait, give(b"c")]));
        let mut copying = Box::pin(copy_buf(&mut reader, &mut writer));
        assert!(poll_once(&mut copying).is_pending());
        drop(copying);
        assert_eq!(writer.get_ref().flushed, b"ab");
    }

    #[test]
    fn errors_end_the_copy() {
        let mut reader = ScriptReader::new([give(b"ab"), Fail(ErrorKind::ConnectionReset)]);
        let mut writer = ScriptWriter::default();
        let error = block_on(copy(&mut reader, &mut writer)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_eq!(writer.written, b"ab");

        let mut writer = ScriptWriter::new([Take(0)]);
        let error = block_on(copy(&mut &b"ab"[..], &mut writer)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WriteZero);

        let mut reader = BufReader::new(&b"abc"[..]);
        let mut writer = ScriptWriter::new([Take(1), Fail(ErrorKind::ConnectionReset)]);
        let error = block_on(copy_buf(&mut reader, &mut writer)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_eq!(reader.buffer(), b"bc");
    }

    #[test]
    fn a_cancelled_copy_from_a_buffer_loses_nothing() {
        let mut reader = BufReader::new(ScriptReader::new([give(b"abc"), Wait, give(b"d")]));
        let mut writer = ScriptWriter::new([Take(1), Wait, Take(1), Wait]);
        loop {
            let mut copying = Box::pin(copy_buf(&mut reader, &mut writer));
            if poll_once(&mut copying).is_ready() {
                break;
            }
        }
        assert_eq!(writer.written, b"abcd");
    }

    /// Always ready, and knows no budget.
    struct Endless;

    impl AsyncRead for Endless {
        fn poll_read(
            self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            buf.initialize_unfilled();
            buf.advance(buf.remaining());
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn an_endless_copy_gives_way_to_others() {
        let is_pending = |copying: &mut (dyn Future<Output = io::Result<u64>> + Unpin)| {
            coop::with_budget(|| Pin::new(copying).poll(&mut Context::from_waker(Waker::noop())))
                .is_pending()
        };
        let mut reader = BufReader::new(Endless);
        assert!(is_pending(&mut pin!(copy(&mut Endless, &mut Swallow))));
        assert!(is_pending(&mut pin!(copy_buf(&mut reader, &mut Swallow))));
        assert!(is_pending(&mut pin!(copy(&mut repeat(0), &mut Swallow))));

        /// Takes everything, and knows no budget.
        struct Swallow;
        impl AsyncWrite for Swallow {
            fn poll_write(
                self: Pin<&mut Self>,
                _cx: &mut Context<'_>,
                buf: &[u8],
            ) -> Poll<io::Result<usize>> {
                Poll::Ready(Ok(buf.len()))
            }
            fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }
            fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }
        }
    }

    #[test]
    fn a_copy_pays_only_for_rounds_that_cost_neither_side_anything() {
        let source = vec![7; 100 * DEFAULT_BUF_SIZE];
        coop::with_budget(|| {
            // 101 units are the sink's, one for the flush, and one is the copy's.
            let copied = poll_once(&mut Box::pin(copy(&mut &source[..], &mut sink())));
            assert!(matches!(copied, Poll::Ready(Ok(_))));
            for _ in 102..coop::INITIAL {
                assert!(poll_once(&mut sink().write(b"a")).is_ready());
            }
            assert!(!coop::has_budget_remaining());
        });
    }

    #[test]
    fn an_end_on_one_side_shuts_the_other_down_and_the_way_back_goes_on() {
        let (mut client, mut proxy_in) = duplex(4);
        let (mut proxy_out, mut server) = duplex(4);
        let mut copying = pin!(crate::io::copy_bidirectional(&mut proxy_in, &mut proxy_out));
        assert!(poll_once(&mut client.write(b"ask")).is_ready());
        assert!(poll_once(&mut client.shutdown()).is_ready());
        assert!(poll_once(&mut copying).is_pending());
        let mut asked = String::new();
        assert!(poll_once(&mut server.read_to_string(&mut asked)).is_ready());
        assert_eq!(asked, "ask");
        assert!(poll_once(&mut server.write(b"tell")).is_ready());
        assert!(poll_once(&mut copying).is_pending());
        drop(server);
        let Poll::Ready(copied) = poll_once(&mut copying) else {
            panic!("both ways have ended")
        };
        assert_eq!(copied.unwrap(), (3, 4));
        let mut told = String::new();
        assert!(poll_once(&mut client.read_to_string(&mut told)).is_ready());
        assert_eq!(told, "tell");
    }
}
