//! What programs implement rather than call: the I/O traits, with the methods that Tokio requires and
//! no others.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{
    AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncSeek, AsyncSeekExt, AsyncWrite,
    AsyncWriteExt, ReadBuf, SeekFrom,
};

/// Bytes to read and to write over, in memory.
#[derive(Default)]
struct Memory {
    bytes: Vec<u8>,
    at: usize,
}

impl AsyncRead for Memory {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let rest = &self.bytes[self.at..];
        let count = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..count]);
        self.at += count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncBufRead for Memory {
    fn poll_fill_buf(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        Poll::Ready(Ok(&this.bytes[this.at..]))
    }

    fn consume(mut self: Pin<&mut Self>, amt: usize) {
        self.at += amt;
    }
}

impl AsyncWrite for Memory {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let at = self.at;
        self.bytes.truncate(at);
        self.bytes.extend_from_slice(buf);
        self.at += buf.len();
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncSeek for Memory {
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        match position {
            SeekFrom::Start(at) => self.at = at as usize,
            _ => return Err(io::ErrorKind::Unsupported.into()),
        }
        Ok(())
    }

    fn poll_complete(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Poll::Ready(Ok(self.at as u64))
    }
}

#[tokio::test]
async fn a_type_of_ones_own_gets_all_that_is_built_on_the_traits() {
    let mut memory = Memory::default();
    memory.write_all(b"one\ntwo\n").await.unwrap();
    memory.write_u16(0x0304).await.unwrap();
    memory.flush().await.unwrap();
    assert_eq!(memory.seek(SeekFrom::Start(0)).await.unwrap(), 0);
    let mut line = String::new();
    assert_eq!(memory.read_line(&mut line).await.unwrap(), 4);
    let mut rest = Vec::new();
    memory.read_to_end(&mut rest).await.unwrap();
    assert_eq!((line.as_str(), &rest[..]), ("one\n", &b"two\n\x03\x04"[..]));
    memory.shutdown().await.unwrap();

    let mut object: Box<dyn AsyncRead + Unpin + Send> = Box::new(memory);
    assert_eq!(object.read(&mut [0; 4]).await.unwrap(), 0);
}
