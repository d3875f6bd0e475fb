//! Memory that is not initialised, lent to the system to be filled.

#![allow(unsafe_code)] // To fill memory that is not initialised.

use std::io;
use std::mem::MaybeUninit;

use bytes::BufMut;
use runtime_base::io::ReadBuf;

/// Calls `receive_some`, which lets the system fill the memory it is given from the start, with the
/// unfilled part of `buf`. It says how many bytes are there now, and gives a result of its own.
///
/// Every `receive_some` ends in one system call, and says what the system said.
pub(crate) fn receive<R>(
    buf: &mut ReadBuf<'_>,
    receive_some: impl FnOnce(&mut [MaybeUninit<u8>]) -> io::Result<(usize, R)>,
) -> io::Result<R> {
    // SAFETY: receiving writes what was received and nothing else.
    let memory = unsafe { buf.unfilled_mut() };
    let (n, result) = receive_some(memory)?;
    // SAFETY: the system has written `n` bytes at the start of the unfilled part.
    unsafe { buf.assume_init(n) };
    buf.advance(n);
    Ok(result)
}

/// Calls `fill` with the spare capacity of `buf`, and adds what was filled to `buf`.
pub(crate) fn into_spare<B: BufMut + ?Sized, R>(
    buf: &mut B,
    fill: impl FnOnce(&mut ReadBuf<'_>) -> io::Result<R>,
) -> io::Result<R> {
    // SAFETY: a `ReadBuf` never makes initialised bytes uninitialised.
    let memory = unsafe { buf.chunk_mut().as_uninit_slice_mut() };
    let mut memory = ReadBuf::uninit(memory);
    let result = fill(&mut memory)?;
    let n = memory.filled().len();
    // SAFETY: the filled part of the `ReadBuf` is the start of the chunk, and it is initialised.
    unsafe { buf.advance_mut(n) };
    Ok(result)
}
