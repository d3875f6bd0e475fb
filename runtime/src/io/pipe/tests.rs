//! Tests of the streams in memory.

use crate::io::script::{Wakes, poll_once, waker_fn};
use crate::io::{
    AsyncRead, AsyncReadExt, AsyncWriteExt, DuplexStream, ErrorKind, ReadBuf, duplex, simplex,
};
use proptest::prelude::*;
use runtime_base::coop;
use runtime_base::driving::block_on;
use std::collections::VecDeque;
use std::io::IoSlice;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

#[derive(Debug, Clone)]
enum Op {
    Write(Vec<u8>),
    Vectored(Vec<Vec<u8>>),
    Read(usize),
    Shutdown,
    DropReader,
}

fn op() -> impl Strategy<Value = Op> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..9);
    prop_oneof![
        10 => bytes().prop_map(Op::Write),
        5 => prop::collection::vec(bytes(), 0..4).prop_map(Op::Vectored),
        15 => (0_usize..9).prop_map(Op::Read),
        1 => Just(Op::Shutdown),
        1 => Just(Op::DropReader),
    ]
}

proptest! {
    #[test]
    fn it_is_a_bounded_queue(ops in prop::collection::vec(op(), 0..60), room in 1_usize..12) {
        let (mut near, far) = duplex(room);
        let mut far = Some(far);
        let mut queue = VecDeque::new();
        let mut closed = false;
        for op in ops {
            let bytes = match &op {
                Op::Write(bytes) => bytes.clone(),
                Op::Vectored(bufs) => bufs.concat(),
                _ => Vec::new(),
            };
            match op {
                Op::Write(_) | Op::Vectored(_) => {
                    let written = if let Op::Vectored(bufs) = &op {
                        let slices: Vec<_> = bufs.iter().map(|buf| IoSlice::new(buf)).collect();
                        poll_once(&mut near.write_vectored(&slices))
                    } else {
                        poll_once(&mut near.write(&bytes))
                    };
                    let n = bytes.len().min(room - queue.len());
                    match written {
                        Poll::Ready(Err(error)) => {
                            prop_assert!(closed);
                            prop_assert_eq!(error.kind(), ErrorKind::BrokenPipe);
                        }
                        Poll::Ready(Ok(written)) => {
                            prop_assert!(!closed);
                            prop_assert_eq!(written, n);
                            prop_assert!(n > 0 || bytes.is_empty());
                            queue.extend(&bytes[..n]);
                        }
                        Poll::Pending => prop_assert!(!closed && n == 0 && !bytes.is_empty()),
                    }
                }
                Op::Read(len) => {
                    let Some(far) = &mut far else { continue };
                    let mut buf = vec![0; len];
                    let n = len.min(queue.len());
                    match poll_once(&mut far.read(&mut buf)) {
                        Poll::Ready(read) => {
                            prop_assert_eq!(read.unwrap(), n);
                            let expected: Vec<u8> = queue.drain(..n).collect();
                            prop_assert_eq!(&buf[..n], expected);
                            prop_assert!(n > 0 || len == 0 || closed);
                        }
                        Poll::Pending => prop_assert!(!closed && queue.is_empty() && len > 0),
                    }
                }
                Op::Shutdown => {
                    prop_assert!(poll_once(&mut near.shutdown()).is_ready());
                    closed = true;
                }
                Op::DropReader => {
                    far = None;
                    closed = true;
                }
            }
        }
    }
}

fn poll_read_with(stream: &mut DuplexStream, waker: &Waker, buf: &mut [u8]) -> Poll<usize> {
    let mut buf = ReadBuf::new(buf);
    Pin::new(stream)
        .poll_read(&mut Context::from_waker(waker), &mut buf)
        .map(|result| {
            result.unwrap();
            buf.filled().len()
        })
}

#[test]
fn a_waker_may_use_the_streams_while_it_is_woken() {
    let (mut near, far) = duplex(4);
    let far = Arc::new(Mutex::new((far, Vec::new())));
    let waker = waker_fn({
        let far = far.clone();
        move || {
            let mut far = far.lock().unwrap();
            let mut buf = [0; 4];
            while let Poll::Ready(n @ 1..) = poll_read_with(&mut far.0, Waker::noop(), &mut buf) {
                far.1.extend_from_slice(&buf[..n]);
            }
            // And write back, all within the other side's write.
            assert!(poll_once(&mut far.0.write(b"ok")).is_ready());
        }
    });
    assert!(poll_read_with(&mut far.lock().unwrap().0, &waker, &mut [0; 4]).is_pending());
    assert!(poll_once(&mut near.write(b"ping")).is_ready());
    assert_eq!(far.lock().unwrap().1, b"ping");
    let mut buf = [0; 2];
    block_on(near.read_exact(&mut buf)).unwrap();
    assert_eq!(&buf, b"ok");
}

#[test]
fn a_waker_that_panics_leaves_the_stream_usable() {
    let (mut near, mut far) = duplex(4);
    let waker = waker_fn(|| panic!("as planned"));
    assert!(poll_read_with(&mut far, &waker, &mut [0; 4]).is_pending());
    let write = std::panic::AssertUnwindSafe(|| poll_once(&mut near.write(b"ab")));
    assert!(std::panic::catch_unwind(write).is_err());
    let mut buf = [0; 4];
    assert_eq!(
        poll_read_with(&mut far, Waker::noop(), &mut buf),
        Poll::Ready(2)
    );
    assert!(poll_once(&mut near.write(b"cd")).is_ready());
}

#[test]
fn only_the_last_waker_is_woken() {
    let (mut near, mut far) = duplex(4);
    let (old, new) = (Arc::new(Wakes::default()), Arc::new(Wakes::default()));
    for wakes in [&old, &new] {
        let waker = Waker::from(wakes.clone());
        assert!(poll_read_with(&mut far, &waker, &mut [0; 4]).is_pending());
    }
    assert!(poll_once(&mut near.write(b"a")).is_ready());
    assert_eq!((old.count(), new.count()), (0, 1));
}

#[test]
fn dropping_an_end_wakes_the_other() {
    let (near, mut far) = duplex(1);
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(wakes.clone());
    let mut cx = Context::from_waker(&waker);
    assert!(poll_once(&mut far.write(b"a")).is_ready());
    assert!(Pin::new(&mut far.write(b"b")).poll(&mut cx).is_pending());
    assert!(
        Pin::new(&mut far.read(&mut [0; 1]))
            .poll(&mut cx)
            .is_pending()
    );
    drop(near);
    assert_eq!(wakes.count(), 2);
    assert_eq!(block_on(far.read(&mut [0; 1])).unwrap(), 0);
    let error = block_on(far.write(b"b")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
}

#[test]
fn two_threads_pass_everything_through_a_narrow_stream() {
    let bytes: Vec<u8> = (0..20_000_u32).map(|n| n as u8).collect();
    let (mut reader, mut writer) = simplex(7);
    let sender = {
        let bytes = bytes.clone();
        std::thread::spawn(move || {
            block_on(async {
                writer.write_all(&bytes).await?;
                writer.shutdown().await
            })
        })
    };
    let mut received = Vec::new();
    block_on(reader.read_to_end(&mut received)).unwrap();
    sender.join().unwrap().unwrap();
    assert!(received == bytes);
}

#[test]
fn the_budget_is_taken_by_progress_alone() {
    let (mut near, mut far) = duplex(1_000);
    coop::with_budget(|| {
        for _ in 0..1_000 {
            assert!(poll_once(&mut far.read(&mut [0; 1])).is_pending());
        }
        for _ in 0..coop::INITIAL / 2 {
            assert!(poll_once(&mut near.write(b"a")).is_ready());
            assert!(poll_once(&mut far.read(&mut [0; 1])).is_ready());
        }
        assert!(!coop::has_budget_remaining());
        assert!(poll_once(&mut near.write(b"a")).is_pending());
    });
    assert!(poll_once(&mut near.write(b"a")).is_ready());
}

#[test]
#[should_panic(expected = "`max_buf_size` must be greater than 0")]
fn a_stream_without_room_is_refused() {
    let _ = duplex(0);
}
