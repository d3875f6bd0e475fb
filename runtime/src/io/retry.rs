//! Polls that a signal interrupted are made again.
//!
//! [`Interrupted`](io::ErrorKind::Interrupted) says that nothing happened and that the operation may
//! be repeated. Futures that consist of several reads or writes do so, as the loops of `std` do;
//! those that stand for one read or write pass it on.

use std::io;
use std::task::Poll;

/// Calls `poll` until it gives something else than [`Interrupted`](io::ErrorKind::Interrupted).
#[inline]
pub(super) fn uninterrupted<T>(
    mut poll: impl FnMut() -> Poll<io::Result<T>>,
) -> Poll<io::Result<T>> {
    loop {
        match poll() {
            Poll::Ready(Err(error)) => {
                if let Some(error) = unless_interrupted(error) {
                    return Poll::Ready(Err(error));
                }
            }
            result => return result,
        }
    }
}

/// Gives `error` back, or drops it if it says that the operation was interrupted. Out of line: looking
/// at errors and dropping them is much code for what happens seldom.
#[cold]
#[inline(never)]
pub(super) fn unless_interrupted(error: io::Error) -> Option<io::Error> {
    (error.kind() != io::ErrorKind::Interrupted).then_some(error)
}

#[cfg(all(test, not(rt_loom)))]
mod tests {
    use crate::io::script::{Fail, ScriptReader, ScriptWriter, Step, Take, Wait, give};
    use crate::io::{
        AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, BufWriter, ErrorKind,
    };
    use crate::io::{copy, copy_bidirectional, copy_buf, join};
    use runtime_base::driving::block_on;

    const INTERRUPTED: Step = Fail(ErrorKind::Interrupted);

    fn reader() -> ScriptReader {
        ScriptReader::new([
            INTERRUPTED,
            give(b"ab"),
            INTERRUPTED,
            Wait,
            INTERRUPTED,
            give(b"c\n"),
            INTERRUPTED,
        ])
    }

    fn writer() -> ScriptWriter {
        ScriptWriter::new([INTERRUPTED, Take(1), INTERRUPTED, Wait, INTERRUPTED])
    }

    #[test]
    fn reads_of_several_steps_go_on_after_an_interruption() {
        block_on(async {
            let mut exact = [0; 4];
            reader().read_exact(&mut exact).await.unwrap();
            assert_eq!(&exact, b"abc\n");
            assert_eq!(
                reader().read_u32().await.unwrap(),
                u32::from_be_bytes(*b"abc\n")
            );
            let mut bytes = Vec::new();
            assert_eq!(reader().read_to_end(&mut bytes).await.unwrap(), 4);
            assert_eq!(bytes, b"abc\n");
            let mut text = String::new();
            assert_eq!(reader().read_to_string(&mut text).await.unwrap(), 4);
            assert_eq!(text, "abc\n");
        });
    }

    #[test]
    fn lines_go_on_after_an_interruption() {
        block_on(async {
            let mut bytes = Vec::new();
            let mut buffered = BufReader::new(reader());
            assert_eq!(buffered.read_until(b'c', &mut bytes).await.unwrap(), 3);
            assert_eq!(bytes, b"abc");
            let mut line = String::new();
            let mut buffered = BufReader::new(reader());
            assert_eq!(buffered.read_line(&mut line).await.unwrap(), 4);
            assert_eq!(line, "abc\n");
            let mut lines = BufReader::new(reader()).lines();
            assert_eq!(lines.next_line().await.unwrap().unwrap(), "abc");
            assert_eq!(lines.next_line().await.unwrap(), None);
            let mut segments = AsyncBufReadExt::split(BufReader::new(reader()), b'c');
            assert_eq!(segments.next_segment().await.unwrap().unwrap(), b"ab");
            assert_eq!(segments.next_segment().await.unwrap().unwrap(), b"\n");
        });
    }

    #[test]
    fn writes_of_several_steps_go_on_after_an_interruption() {
        block_on(async {
            let mut all = writer();
            all.write_all(b"abcd").await.unwrap();
            assert_eq!(all.written, b"abcd");
            let mut number = writer();
            number.write_u32(0x6162_6364).await.unwrap();
            assert_eq!(number.written, b"abcd");
            for vectored in [false, true] {
                let mut buf = writer();
                buf.vectored = vectored;
                buf.write_all_buf(&mut &b"abcd"[..]).await.unwrap();
                assert_eq!(buf.written, b"abcd");
            }
            let mut buffered = BufWriter::new(writer());
            buffered.write_all(b"abcd").await.unwrap();
            buffered.flush().await.unwrap();
            assert_eq!(buffered.get_ref().written, b"abcd");
        });
    }

    #[test]
    fn copies_go_on_after_an_interruption() {
        block_on(async {
            let mut to = writer();
            assert_eq!(copy(&mut reader(), &mut to).await.unwrap(), 4);
            assert_eq!(to.written, b"abc\n");
            let mut to = writer();
            let mut from = BufReader::new(reader());
            assert_eq!(copy_buf(&mut from, &mut to).await.unwrap(), 4);
            assert_eq!(to.written, b"abc\n");
            let (mut a, mut b) = (join(reader(), writer()), join(reader(), writer()));
            assert_eq!(copy_bidirectional(&mut a, &mut b).await.unwrap(), (4, 4));
            assert_eq!(b.into_inner().1.written, b"abc\n");
        });
    }

    #[test]
    fn a_single_read_or_write_passes_an_interruption_on() {
        block_on(async {
            let error = reader().read(&mut [0; 4]).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Interrupted);
            let error = writer().write(b"a").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Interrupted);
        });
    }
}
