//! A stream with a buffer in each direction.

use std::io::{self, IoSlice, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::{
    AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, BufReader, BufWriter, DEFAULT_BUF_SIZE, ReadBuf,
};

pin_project! {
    /// A [`BufReader`] and a [`BufWriter`] around one stream.
    ///
    /// What is written must be flushed, for instance before waiting for the answer to it.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::io::{AsyncBufReadExt, AsyncWriteExt, BufStream, duplex};
    ///
    /// #[runtime::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let (near, far) = duplex(64);
    ///     let (mut near, mut far) = (BufStream::new(near), BufStream::new(far));
    ///     near.write_all(b"hello\n").await?;
    ///     near.flush().await?;
    ///     let mut line = String::new();
    ///     far.read_line(&mut line).await?;
    ///     assert_eq!(line, "hello\n");
    ///     Ok(())
    /// }
    /// ```
    #[derive(Debug)]
    pub struct BufStream<RW> {
        #[pin]
        stream: BufReader<BufWriter<RW>>,
    }
}

impl<RW: AsyncRead + AsyncWrite> BufStream<RW> {
    /// Puts buffers of 8 KiB around `stream`.
    pub fn new(stream: RW) -> BufStream<RW> {
        Self::with_capacity(DEFAULT_BUF_SIZE, DEFAULT_BUF_SIZE, stream)
    }

    /// Puts a buffer of `reader_capacity` bytes for reading and one of `writer_capacity` bytes for
    /// writing around `stream`.
    ///
    /// # Panics
    ///
    /// When `reader_capacity` is zero: nothing could ever be read.
    #[track_caller]
    pub fn with_capacity(
        reader_capacity: usize,
        writer_capacity: usize,
        stream: RW,
    ) -> BufStream<RW> {
        let writer = BufWriter::with_capacity(writer_capacity, stream);
        BufStream {
            stream: BufReader::with_capacity(reader_capacity, writer),
        }
    }

    /// The stream within.
    pub fn get_ref(&self) -> &RW {
        self.stream.get_ref().get_ref()
    }

    /// The stream within. Using it directly passes over the buffers.
    pub fn get_mut(&mut self) -> &mut RW {
        self.stream.get_mut().get_mut()
    }

    /// The stream within, pinned. Using it directly passes over the buffers.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut RW> {
        self.project().stream.get_pin_mut().get_pin_mut()
    }

    /// Gives the stream back. What is in the buffers is lost.
    pub fn into_inner(self) -> RW {
        self.stream.into_inner().into_inner()
    }
}

impl<RW> From<BufReader<BufWriter<RW>>> for BufStream<RW> {
    fn from(stream: BufReader<BufWriter<RW>>) -> Self {
        BufStream { stream }
    }
}

impl<RW> From<BufWriter<BufReader<RW>>> for BufStream<RW> {
    fn from(writer: BufWriter<BufReader<RW>>) -> Self {
        // The same layers the other way round; each buffer goes along.
        let BufWriter {
            writer: reader,
            pending,
            seek: writer_seek,
        } = writer;
        let BufReader {
            reader: stream,
            buffered,
            seek: reader_seek,
        } = reader;
        BufStream {
            stream: BufReader {
                reader: BufWriter {
                    writer: stream,
                    pending,
                    seek: writer_seek,
                },
                buffered,
                seek: reader_seek,
            },
        }
    }
}

impl<RW: AsyncRead + AsyncWrite> AsyncWrite for BufStream<RW> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.project().stream.poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.project().stream.poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().stream.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().stream.poll_shutdown(cx)
    }
}

impl<RW: AsyncRead + AsyncWrite> AsyncRead for BufStream<RW> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.project().stream.poll_read(cx, buf)
    }
}

impl<RW: AsyncRead + AsyncWrite> AsyncBufRead for BufStream<RW> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        self.project().stream.poll_fill_buf(cx)
    }

    fn consume(self: Pin<&mut Self>, amt: usize) {
        self.project().stream.consume(amt);
    }
}

/// Moving the position writes the write buffer and throws the read buffer away.
impl<RW: AsyncRead + AsyncWrite + AsyncSeek> AsyncSeek for BufStream<RW> {
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        self.project().stream.start_seek(position)
    }

    fn poll_complete(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        self.project().stream.poll_complete(cx)
    }
}
