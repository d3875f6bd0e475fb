//! The smallest executor that can drive a reactor: one future, one thread.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{AcqRel, Release};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use runtime_base::io::{AsyncRead, AsyncWrite, ReadBuf};
use runtime_base::wake_batch::WakeBatch;
use runtime_net::{CurrentReactor, Reactor, ReactorHandle, TcpListener, TcpStream, enter};

/// No test waits longer than this.
const LIMIT: Duration = Duration::from_secs(10);

/// One thread's reactor.
pub(crate) struct Executor {
    pub(crate) reactor: Reactor,
    pub(crate) batch: WakeBatch,
}

/// Marks the future and ends the turn.
struct Signal {
    is_woken: AtomicBool,
    reactor: Arc<ReactorHandle>,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.is_woken.store(true, Release);
        self.reactor.wake();
    }
}

impl Executor {
    pub(crate) fn new() -> Self {
        Self::in_group(1)
    }

    pub(crate) fn in_group(group: u64) -> Self {
        Self {
            reactor: Reactor::new(group, 64).unwrap(),
            batch: WakeBatch::new(),
        }
    }

    pub(crate) fn handle(&self) -> &Arc<ReactorHandle> {
        self.reactor.handle()
    }

    pub(crate) fn enter(&self) -> impl Drop + use<> {
        enter(CurrentReactor::Enabled(self.handle().clone()))
    }

    /// Polls `future` and turns the reactor until it is ready.
    pub(crate) fn block_on<F: Future>(&mut self, future: F) -> F::Output {
        let mut future = pin!(future);
        let end = Instant::now() + LIMIT;
        let signal = Arc::new(Signal {
            is_woken: AtomicBool::new(true),
            reactor: self.handle().clone(),
        });
        let waker = Waker::from(signal.clone());
        loop {
            if signal.is_woken.swap(false, AcqRel) {
                let _entered = self.enter();
                let mut cx = Context::from_waker(&waker);
                if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
                    return output;
                }
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the future is not ready after {LIMIT:?}");
            self.reactor.turn(Some(left), &mut self.batch).unwrap();
            self.batch.wake_all();
        }
    }

    /// Takes whatever events there are, without waiting.
    pub(crate) fn take_events(&mut self) -> usize {
        let count = self
            .reactor
            .turn(Some(Duration::ZERO), &mut self.batch)
            .unwrap();
        self.batch.wake_all();
        count
    }

    /// Polls `future` once, with a waker that does nothing.
    pub(crate) fn poll_once<F: Future + ?Sized>(&self, future: Pin<&mut F>) -> Poll<F::Output> {
        let _entered = self.enter();
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    /// Two ends of a connection through the loopback interface: client and server.
    pub(crate) fn connection(&mut self) -> (TcpStream, TcpStream) {
        self.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let client = TcpStream::connect(listener.local_addr().unwrap())
                .await
                .unwrap();
            let (server, _) = listener.accept().await.unwrap();
            // It is taken to be readable until that is found to be wrong.
            let nothing = server.try_read(&mut [0]).unwrap_err();
            assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock);
            (client, server)
        })
    }
}

/// Runs two futures in turn until both are ready.
pub(crate) async fn join<A: Future, B: Future>(a: A, b: B) -> (A::Output, B::Output) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut left, mut right) = (None, None);
    poll_fn(|cx| {
        if left.is_none()
            && let Poll::Ready(output) = a.as_mut().poll(cx)
        {
            left = Some(output);
        }
        if right.is_none()
            && let Poll::Ready(output) = b.as_mut().poll(cx)
        {
            right = Some(output);
        }
        match (left.is_some(), right.is_some()) {
            (true, true) => Poll::Ready(()),
            _ => Poll::Pending,
        }
    })
    .await;
    (left.unwrap(), right.unwrap())
}

/// Reads once.
pub(crate) async fn read(
    reader: &mut (impl AsyncRead + Unpin),
    buf: &mut [u8],
) -> io::Result<usize> {
    let mut buf = ReadBuf::new(buf);
    poll_fn(|cx| Pin::new(&mut *reader).poll_read(cx, &mut buf)).await?;
    Ok(buf.filled().len())
}

/// Reads until the buffer is full.
pub(crate) async fn read_exact(
    reader: &mut (impl AsyncRead + Unpin),
    buf: &mut [u8],
) -> io::Result<()> {
    let mut filled = 0;
    while filled < buf.len() {
        match read(reader, &mut buf[filled..]).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => filled += n,
        }
    }
    Ok(())
}

/// Reads until the end.
pub(crate) async fn read_to_end(reader: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    let mut buf = [0; 4096];
    loop {
        match read(reader, &mut buf).await? {
            0 => return Ok(all),
            n => all.extend_from_slice(&buf[..n]),
        }
    }
}

/// Writes once.
pub(crate) async fn write(writer: &mut (impl AsyncWrite + Unpin), buf: &[u8]) -> io::Result<usize> {
    poll_fn(|cx| Pin::new(&mut *writer).poll_write(cx, buf)).await
}

/// Writes everything.
pub(crate) async fn write_all(
    writer: &mut (impl AsyncWrite + Unpin),
    mut buf: &[u8],
) -> io::Result<()> {
    while !buf.is_empty() {
        let n = write(writer, buf).await?;
        buf = &buf[n..];
    }
    Ok(())
}

/// Ends the sending side.
pub(crate) async fn shutdown(writer: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    poll_fn(|cx| Pin::new(&mut *writer).poll_shutdown(cx)).await
}
