//! Reading into memory that nobody has initialised yet.
//!
//! Every read into such memory passes through this file, so that the unsafe steps are made in one
//! place. They all rest on one thing: the [`ReadBuf`] that comes back from a reader still describes the
//! memory that was lent.
//!
//! - **U1** A reader gets `&mut ReadBuf` and could put another buffer in its place. After each read
//!   the start of the filled part is compared with the start of the lent memory. The memory is lent
//!   exclusively, so a buffer that starts there describes (a part of) it, and what it says to be
//!   filled or initialised is so.

#![allow(unsafe_code)] // Uninitialised memory; see U1.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BufMut;

use super::retry::uninterrupted;
use super::{AsyncRead, ReadBuf};

pub(super) const REPLACED: &str =
    "a reader replaced the `ReadBuf` it was given; it must only append to it";

/// Reads into `window`, whose filled part is empty, and holds the reader to U1.
fn poll_read_window<R: AsyncRead + ?Sized>(
    reader: Pin<&mut R>,
    cx: &mut Context<'_>,
    window: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    let start = window.filled().as_ptr();
    ready!(reader.poll_read(cx, window))?;
    assert_eq!(window.filled().as_ptr(), start, "{REPLACED}");
    Poll::Ready(Ok(()))
}

/// Reads into the next chunk of `buf` and gives the number of bytes: zero at the end, or when `buf`
/// has no room.
pub(super) fn poll_read_into<R, B>(
    reader: Pin<&mut R>,
    cx: &mut Context<'_>,
    buf: &mut B,
) -> Poll<io::Result<usize>>
where
    R: AsyncRead + ?Sized,
    B: BufMut + ?Sized,
{
    if !buf.has_remaining_mut() {
        return Poll::Ready(Ok(0));
    }
    let chunk = buf.chunk_mut();
    // SAFETY: a `ReadBuf` writes nothing uninitialised into what is initialised.
    let mut window = ReadBuf::uninit(unsafe { chunk.as_uninit_slice_mut() });
    ready!(poll_read_window(reader, cx, &mut window))?;
    let n = window.filled().len();
    // SAFETY: the first `n` bytes of the chunk are filled (U1), so they are initialised and there
    // are that many.
    unsafe { buf.advance_mut(n) };
    Poll::Ready(Ok(n))
}

/// Reads at most `limit` bytes into `buf` and gives their number.
pub(super) fn poll_read_at_most<R: AsyncRead + ?Sized>(
    reader: Pin<&mut R>,
    cx: &mut Context<'_>,
    buf: &mut ReadBuf<'_>,
    limit: usize,
) -> Poll<io::Result<usize>> {
    let mut window = buf.take(limit);
    ready!(poll_read_window(reader, cx, &mut window))?;
    let filled = window.filled().len();
    let initialized = window.initialized().len();
    // SAFETY: the window is the start of the unfilled part and says that this much of it is
    // initialised (U1).
    unsafe { buf.assume_init(initialized) };
    buf.advance(filled);
    Poll::Ready(Ok(filled))
}

/// A vector that grows while a reader is read to its end.
///
/// - **U2** The `initialized` bytes after the vector's length are initialised. Nobody else touches
///   the vector in the meantime: it is borrowed or owned here; a change of capacity resets the
///   number.
#[derive(Debug)]
pub(super) struct GrowingVec<'a> {
    target: Target<'a>,
    initialized: usize,
    /// The capacity that the vector came with: its owner may have sized it exactly.
    original_capacity: usize,
    original_len: usize,
}

#[derive(Debug)]
enum Target<'a> {
    Borrowed(&'a mut Vec<u8>),
    Owned(Vec<u8>),
}

/// The least room for a read, in bytes. Chosen: small beside an allocation, large enough that a
/// short message fits.
const PROBE: usize = 32;

impl<'a> GrowingVec<'a> {
    /// Grows the caller's vector.
    pub(super) fn borrowed(vec: &'a mut Vec<u8>) -> Self {
        let (original_capacity, original_len) = (vec.capacity(), vec.len());
        Self {
            target: Target::Borrowed(vec),
            initialized: 0,
            original_capacity,
            original_len,
        }
    }

    /// Grows a vector of its own.
    pub(super) fn owned(vec: Vec<u8>) -> GrowingVec<'static> {
        let (original_capacity, original_len) = (vec.capacity(), vec.len());
        GrowingVec {
            target: Target::Owned(vec),
            initialized: 0,
            original_capacity,
            original_len,
        }
    }

    /// The length that the vector came with.
    pub(super) fn original_len(&self) -> usize {
        self.original_len
    }

    /// How many bytes were appended.
    pub(super) fn appended(&self) -> usize {
        match &self.target {
            Target::Borrowed(vec) => vec.len() - self.original_len,
            Target::Owned(vec) => vec.len() - self.original_len,
        }
    }

    /// Takes the bytes out, if they are owned here.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.initialized = 0;
        match &mut self.target {
            Target::Borrowed(_) => Vec::new(),
            Target::Owned(vec) => {
                self.original_len = 0;
                std::mem::take(vec)
            }
        }
    }

    /// Reads until the end.
    pub(super) fn poll_read_to_end<R: AsyncRead + ?Sized>(
        &mut self,
        mut reader: Pin<&mut R>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while ready!(uninterrupted(|| self.poll_read_some(reader.as_mut(), cx)))? > 0 {}
        Poll::Ready(Ok(()))
    }

    fn poll_read_some<R: AsyncRead + ?Sized>(
        &mut self,
        reader: Pin<&mut R>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let vec = match &mut self.target {
            Target::Borrowed(vec) => &mut **vec,
            Target::Owned(vec) => vec,
        };
        if vec.capacity() - vec.len() < PROBE {
            if vec.capacity() == self.original_capacity && vec.capacity() >= PROBE {
                // The owner reserved room and it is nearly full, perhaps because it was known how
                // much there is. Look for the end before the vector is doubled for nothing.
                let mut probe = [MaybeUninit::uninit(); PROBE];
                let mut window = ReadBuf::uninit(&mut probe);
                ready!(poll_read_window(reader, cx, &mut window))?;
                vec.extend_from_slice(window.filled());
                self.initialized = 0;
                return Poll::Ready(Ok(window.filled().len()));
            }
            vec.reserve(PROBE);
            self.initialized = 0;
        }
        let mut window = ReadBuf::uninit(vec.spare_capacity_mut());
        // SAFETY: U2.
        unsafe { window.assume_init(self.initialized) };
        let result = poll_read_window(reader, cx, &mut window);
        if result.is_pending() {
            // A reader that initialised the room and then had to wait need not do so again; but it
            // has only promised U1 when it is ready.
            return Poll::Pending;
        }
        ready!(result)?;
        let filled = window.filled().len();
        self.initialized = window.initialized().len() - filled;
        let len = vec.len() + filled;
        // SAFETY: the window is the spare capacity and its filled part is initialised (U1).
        unsafe { vec.set_len(len) };
        Poll::Ready(Ok(filled))
    }
}

#[cfg(all(test, not(rt_loom)))]
mod tests {
    use super::*;
    use crate::io::AsyncReadExt;
    use crate::io::script::{Fail, Give, Replacing, ScriptReader, Step, Wait, give};
    use proptest::prelude::*;
    use runtime_base::driving::block_on;
    use std::io::ErrorKind;

    /// Initialises all the room it gets and fills one byte of it.
    struct Initializing {
        left: usize,
        zeroed: usize,
    }

    impl AsyncRead for Initializing {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            self.zeroed += buf.capacity() - buf.initialized().len();
            buf.initialize_unfilled();
            if self.left > 0 {
                self.left -= 1;
                buf.put_slice(b"x");
            }
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn reading_to_the_end_zeroes_memory_once() {
        let mut reader = Initializing {
            left: 4_000,
            zeroed: 0,
        };
        let mut buf = Vec::with_capacity(8_000);
        assert_eq!(block_on(reader.read_to_end(&mut buf)).unwrap(), 4_000);
        assert_eq!(buf, [b'x'; 4_000]);
        assert_eq!(reader.zeroed, 8_000);
    }

    #[test]
    fn a_vector_of_the_right_size_does_not_grow() {
        for len in [32, 33, 64, 1_000] {
            let bytes = vec![7; len];
            let mut buf = Vec::with_capacity(len);
            block_on((&bytes[..]).read_to_end(&mut buf)).unwrap();
            assert_eq!((&buf, buf.capacity()), (&bytes, len));
        }
    }

    #[test]
    fn an_error_leaves_what_was_read() {
        let mut reader = ScriptReader::new([give(b"ab"), Wait, Fail(ErrorKind::ConnectionReset)]);
        let mut buf = b"0".to_vec();
        let error = block_on(reader.read_to_end(&mut buf)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_eq!(buf, b"0ab");
    }

    #[test]
    #[should_panic(expected = "a reader replaced the `ReadBuf`")]
    fn a_reader_that_replaces_the_buffer_is_caught_by_read_buf() {
        let _ = block_on(Replacing.read_buf(&mut Vec::with_capacity(64)));
    }

    #[test]
    #[should_panic(expected = "a reader replaced the `ReadBuf`")]
    fn a_reader_that_replaces_the_buffer_is_caught_by_read_to_end() {
        let _ = block_on(Replacing.read_to_end(&mut Vec::with_capacity(64)));
    }

    #[test]
    #[should_panic(expected = "a reader replaced the `ReadBuf`")]
    fn a_reader_that_replaces_the_buffer_is_caught_by_take() {
        let _ = block_on(Replacing.take(8).read(&mut [0; 64]));
    }

    pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
        let bytes = prop::collection::vec(any::<u8>(), 1..80);
        prop::collection::vec(
            prop_oneof![3 => bytes.prop_map(Give), 1 => Just(Wait)],
            0..20,
        )
    }

    proptest! {
        #[test]
        fn everything_is_read_whatever_the_pieces(
            steps in steps(),
            capacity in 0_usize..200,
            before in prop::collection::vec(any::<u8>(), 0..50),
        ) {
            let mut expected = before.clone();
            for step in &steps {
                if let Give(bytes) = step {
                    expected.extend(bytes);
                }
            }
            let mut buf = before;
            buf.reserve_exact(capacity);
            // Cancelled at every wait, and begun again.
            let mut reader = ScriptReader::new(steps);
            crate::io::script::cancel_until_ready(&mut reader, |reader, cx| {
                Pin::new(&mut reader.read_to_end(&mut buf)).poll(cx)
            })
            .unwrap();
            prop_assert_eq!(buf, expected);
        }
    }
}
