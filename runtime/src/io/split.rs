//! One stream as two halves that different tasks own.
//!
//! # How it works
//!
//! A stream can only be polled by one task at a time, so a half claims it for the length of one
//! poll. A half that finds it claimed does not block its thread: it leaves its waker and says so in
//! the state word, and the other half wakes it on release.
//!
//! ```text
//!        claim                  the other half finds it claimed
//!   0 ─────────► CLAIMED ─────────────────► CLAIMED|AWAITED
//!   ▲               │ release                    │ release, wake
//!   └───────────────┴────────────────────────────┘
//! ```
//!
//! # Invariants
//!
//! - **P1** Only the half that set the claimed bit touches the stream, until it clears it.
//! - **P2** A half stores its waker before it sets the awaited bit, and sleeps only if it set that
//!   while the stream was claimed. The release clears both bits at once and wakes if it cleared the
//!   awaited one. So a half that sleeps is woken.
//! - **P3** The stream does not move while it is pinned: it stays in its `Arc` until both halves are
//!   given back, and is then taken out only if it is `Unpin`.
//! - **P4** There are two halves, so at most one waits, and the one that waits is not the one that
//!   holds the claim. One waker cell is enough, and nobody else registers in it meanwhile.
//!
//! Polling runs foreign code under the claim, which cannot be avoided. Such code may even poll the
//! other half (a waker that runs its task at once does); it finds the stream claimed and waits.

#![allow(unsafe_code)] // The stream is guarded by the state word (P1) and pinned in its `Arc` (P3).

use std::fmt;
use std::io::{self, IoSlice};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use runtime_base::sync::Arc;
use runtime_base::sync::atomic::AtomicUsize;
use runtime_base::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use runtime_base::sync::cell::UnsafeCell;
use runtime_base::waker_cell::WakerCell;

use super::{AsyncRead, AsyncWrite, ReadBuf};

/// Nobody uses the stream.
const FREE: usize = 0;
/// One half is in a poll of the stream.
const CLAIMED: usize = 0b01;
/// The other half has left its waker. Never without [`CLAIMED`].
const AWAITED: usize = 0b10;
const CLAIMED_AND_AWAITED: usize = CLAIMED | AWAITED;

/// The reading half of a stream. Made by [`split`].
pub struct ReadHalf<T> {
    stream: Arc<Claimable<T>>,
}

/// The writing half of a stream. Made by [`split`].
///
/// Dropping it does not shut the stream down; [`shutdown`](super::AsyncWriteExt::shutdown) does.
pub struct WriteHalf<T> {
    stream: Arc<Claimable<T>>,
}

/// Divides a stream into a half for reading and one for writing.
///
/// The halves may be used by different tasks; each poll of one excludes the other for its length.
/// Types that can be divided without that, such as `TcpStream` with its `into_split`, should be.
/// [`ReadHalf::unsplit`] puts the halves together again.
///
/// # Examples
///
/// ```
/// use runtime::io::{self, AsyncReadExt, AsyncWriteExt};
///
/// #[runtime::main]
/// async fn main() -> std::io::Result<()> {
///     let (near, mut far) = io::duplex(64);
///     let (mut reader, mut writer) = io::split(near);
///     writer.write_all(b"ping").await?;
///     let mut buf = [0; 4];
///     far.read_exact(&mut buf).await?;
///     far.write_all(b"pong").await?;
///     reader.read_exact(&mut buf).await?;
///     assert_eq!(&buf, b"pong");
///     let _near = reader.unsplit(writer);
///     Ok(())
/// }
/// ```
pub fn split<T>(stream: T) -> (ReadHalf<T>, WriteHalf<T>)
where
    T: AsyncRead + AsyncWrite,
{
    let is_write_vectored = stream.is_write_vectored();
    let stream = Arc::new(Claimable::new(stream, is_write_vectored));
    (
        ReadHalf {
            stream: stream.clone(),
        },
        WriteHalf { stream },
    )
}

/// A stream that one half at a time may use.
struct Claimable<T> {
    state: AtomicUsize,
    /// Of the half that waits.
    waker: WakerCell,
    is_write_vectored: bool,
    stream: UnsafeCell<T>,
}

// SAFETY: the stream is reached by one thread at a time (P1), which amounts to sending it there and
// back.
unsafe impl<T: Send> Sync for Claimable<T> {}

// SAFETY: through a shared half nobody reaches the stream; the methods that do take it by `&mut`.
unsafe impl<T> Sync for ReadHalf<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for WriteHalf<T> {}

// A panic in a poll releases the claim; what it means for the stream is the stream's affair, as it is
// for one that was not divided.
impl<T> UnwindSafe for Claimable<T> {}
impl<T> RefUnwindSafe for Claimable<T> {}

/// Releases the claim when dropped, also when the stream's poll panics.
struct Claim<'a, T>(&'a Claimable<T>);

impl<T> Claimable<T> {
    fn new(stream: T, is_write_vectored: bool) -> Self {
        Self {
            state: AtomicUsize::new(FREE),
            waker: WakerCell::new(),
            is_write_vectored,
            stream: UnsafeCell::new(stream),
        }
    }

    /// Claims the stream, or leaves `waker` to be woken when it is released.
    fn poll_claim(&self, waker: &Waker) -> Poll<Claim<'_, T>> {
        // Acquire pairs with the release of the last claim: the stream as that left it. Relaxed on
        // failure: nothing is read then.
        let claim = || self.state.compare_exchange(FREE, CLAIMED, Acquire, Relaxed);
        if claim().is_ok() {
            return Poll::Ready(Claim(self));
        }
        self.waker.register(waker);
        loop {
            // Release publishes the stored waker to the half that releases (P2). It may be set
            // already, by an earlier poll of this half.
            let claimed =
                self.state
                    .compare_exchange(CLAIMED, CLAIMED_AND_AWAITED, Release, Relaxed);
            if matches!(claimed, Ok(_) | Err(CLAIMED_AND_AWAITED)) {
                return Poll::Pending;
            }
            // Released in the meantime; only this half can claim it again, or the other half does so
            // and the loop goes round.
            if claim().is_ok() {
                return Poll::Ready(Claim(self));
            }
        }
    }

    /// Calls `poll` with the stream as soon as this half can have it for itself.
    fn poll_with<R>(
        &self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(Pin<&mut T>, &mut Context<'_>) -> Poll<R>,
    ) -> Poll<R> {
        let Poll::Ready(_claim) = self.poll_claim(cx.waker()) else {
            return Poll::Pending;
        };
        self.stream.with_mut(|stream| {
            // SAFETY: claimed until `_claim` is dropped (P1), and pinned (P3).
            poll(unsafe { Pin::new_unchecked(&mut *stream) }, cx)
        })
    }
}

impl<T> Drop for Claim<'_, T> {
    fn drop(&mut self) {
        // AcqRel: Release gives the stream to the next claim; Acquire pairs with the Release of the
        // half that waits, so that its waker is seen (P2).
        if self.0.state.swap(FREE, AcqRel) & AWAITED != 0 {
            self.0.waker.wake();
        }
    }
}

impl<T> ReadHalf<T> {
    /// Whether `other` is the other half of the same stream.
    pub fn is_pair_of(&self, other: &WriteHalf<T>) -> bool {
        Arc::ptr_eq(&self.stream, &other.stream)
    }

    /// Puts the halves together again and gives the stream back.
    ///
    /// # Panics
    ///
    /// When they are halves of different streams.
    #[track_caller]
    pub fn unsplit(self, wr: WriteHalf<T>) -> T
    where
        T: Unpin,
    {
        assert!(
            self.is_pair_of(&wr),
            "Unrelated `split::Write` passed to `split::Read::unsplit`: give it the half of the \
             same `split` (see `is_pair_of`)"
        );
        drop(wr);
        let Ok(claimable) = Arc::try_unwrap(self.stream) else {
            unreachable!("a stream has two halves and both are here")
        };
        claimable.stream.into_inner()
    }
}

impl<T> WriteHalf<T> {
    /// Whether `other` is the other half of the same stream.
    pub fn is_pair_of(&self, other: &ReadHalf<T>) -> bool {
        other.is_pair_of(self)
    }
}

impl<T: AsyncRead> AsyncRead for ReadHalf<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream
            .poll_with(cx, |stream, cx| stream.poll_read(cx, buf))
    }
}

impl<T: AsyncWrite> AsyncWrite for WriteHalf<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream
            .poll_with(cx, |stream, cx| stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream
            .poll_with(cx, |stream, cx| stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream
            .poll_with(cx, |stream, cx| stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream
            .poll_with(cx, |stream, cx| stream.poll_shutdown(cx))
    }
}

impl<T: fmt::Debug> fmt::Debug for ReadHalf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The stream may be in use by the other half.
        f.debug_struct("split::ReadHalf").finish()
    }
}

impl<T: fmt::Debug> fmt::Debug for WriteHalf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("split::WriteHalf").finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime_base::sync::{model, thread};
    use std::sync::atomic::AtomicUsize as Count;
    use std::sync::atomic::Ordering::SeqCst;
    use std::task::Wake;

    #[derive(Default)]
    struct Wakes(Count);

    impl Wake for Wakes {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
        }
    }

    /// Uses the stream once, or is pending and has its waker left behind.
    fn use_once(claimable: &Claimable<u32>, wakes: &std::sync::Arc<Wakes>) -> bool {
        let waker = Waker::from(wakes.clone());
        let mut cx = Context::from_waker(&waker);
        claimable
            .poll_with(&mut cx, |mut stream, _| {
                let before = *stream;
                *stream = before + 1;
                Poll::Ready(())
            })
            .is_ready()
    }

    #[test]
    fn the_stream_is_used_by_one_half_at_a_time_and_a_half_that_waits_is_woken() {
        model(|| {
            let claimable = Arc::new(Claimable::new(0, false));
            let run = |claimable: Arc<Claimable<u32>>| {
                let wakes = std::sync::Arc::new(Wakes::default());
                let mut uses = 0;
                for _ in 0..2 {
                    let woken_before = wakes.0.load(SeqCst);
                    if use_once(&claimable, &wakes) {
                        uses += 1;
                    } else {
                        // The other half has it, and wakes this one at the end of its poll.
                        return (uses, Some((wakes, woken_before)));
                    }
                }
                (uses, None)
            };
            let other = {
                let claimable = claimable.clone();
                thread::spawn(move || run(claimable))
            };
            let (mut uses, waiting) = run(claimable.clone());
            let (other_uses, other_waiting) = other.join().unwrap();
            uses += other_uses;
            for (wakes, woken_before) in [waiting, other_waiting].into_iter().flatten() {
                assert!(
                    wakes.0.load(SeqCst) > woken_before,
                    "the half sleeps for ever"
                );
            }
            // Nobody has it now.
            let wakes = std::sync::Arc::new(Wakes::default());
            assert!(use_once(&claimable, &wakes));
            let Ok(claimable) = Arc::try_unwrap(claimable) else {
                unreachable!("the other thread has ended")
            };
            assert_eq!(claimable.stream.into_inner(), uses + 1);
        });
    }

    #[cfg(not(rt_loom))]
    mod on_std {
        use super::super::*;
        use crate::io::script::{poll_once, waker_fn};
        use crate::io::{AsyncReadExt, AsyncWriteExt, duplex, simplex};
        use runtime_base::driving::block_on;
        use std::sync::Mutex;

        #[test]
        fn a_waker_may_poll_the_other_half_during_a_poll() {
            // The pipe wakes its reader from within the writer's poll, under the claim.
            let (reader, mut writer) = simplex(8);
            let reader = std::sync::Arc::new(Mutex::new((reader, 0)));
            let poll_reader = {
                let reader = reader.clone();
                move |waker: &Waker| {
                    let mut reader = reader.lock().unwrap();
                    let mut buf = [0; 8];
                    let mut cx = Context::from_waker(waker);
                    if let Poll::Ready(n) = Pin::new(&mut reader.0.read(&mut buf)).poll(&mut cx) {
                        reader.1 += n.unwrap();
                    }
                }
            };
            // Woken twice: by the write, when the stream is still claimed, and by the release.
            let waker = waker_fn({
                let poll_reader = poll_reader.clone();
                let again = waker_fn({
                    let poll_reader = poll_reader.clone();
                    move || poll_reader(Waker::noop())
                });
                move || poll_reader(&again)
            });
            poll_reader(&waker);
            assert!(poll_once(&mut writer.write(b"ab")).is_ready());
            assert_eq!(reader.lock().unwrap().1, 2);
        }

        struct Panicking;

        impl AsyncRead for Panicking {
            fn poll_read(
                self: Pin<&mut Self>,
                _cx: &mut Context<'_>,
                _buf: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                panic!("as planned")
            }
        }

        impl AsyncWrite for Panicking {
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

        #[test]
        fn a_panic_in_one_half_leaves_the_other_usable() {
            let (mut reader, mut writer) = split(Panicking);
            let read = std::panic::AssertUnwindSafe(|| poll_once(&mut reader.read(&mut [0; 1])));
            assert!(std::panic::catch_unwind(read).is_err());
            assert_eq!(block_on(writer.write(b"a")).unwrap(), 1);
        }

        #[test]
        fn halves_know_each_other_and_unite() {
            let (near, mut far) = duplex(8);
            let (reader, mut writer) = split(near);
            let (other_reader, other_writer) = split(duplex(8).0);
            assert!(reader.is_pair_of(&writer) && writer.is_pair_of(&reader));
            assert!(!reader.is_pair_of(&other_writer) && !writer.is_pair_of(&other_reader));
            block_on(writer.write_all(b"a")).unwrap();
            drop(reader.unsplit(writer));
            assert_eq!(block_on(far.read(&mut [0; 8])).unwrap(), 1);
            assert_eq!(block_on(far.read(&mut [0; 8])).unwrap(), 0);
        }

        #[test]
        #[should_panic(expected = "Unrelated `split::Write` passed")]
        fn strangers_do_not_unite() {
            let _ = split(duplex(8).0).0.unsplit(split(duplex(8).0).1);
        }
    }
}
