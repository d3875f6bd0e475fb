//! Bytes on their way to becoming a `String`.
//!
//! A string that is read into gives its bytes away for that time, because they may be invalid in
//! between: a character may arrive in two parts. These functions bring them home.

use std::error::Error;
use std::io;

/// Puts `bytes` into `output`, provided that what was appended to the first `original_len` bytes is
/// UTF-8; otherwise puts back those and gives an error. Gives the number of appended bytes.
pub(super) fn append_valid(
    output: &mut String,
    bytes: Vec<u8>,
    original_len: usize,
) -> io::Result<usize> {
    let appended = bytes.len() - original_len;
    match String::from_utf8(bytes) {
        Ok(string) => {
            *output = string;
            Ok(appended)
        }
        Err(error) => {
            let place = error.utf8_error();
            restore(output, error.into_bytes(), original_len);
            Err(invalid_utf8(place))
        }
    }
}

/// Puts the first `original_len` of `bytes` into `output`, where they came from.
pub(super) fn restore(output: &mut String, mut bytes: Vec<u8>, original_len: usize) {
    bytes.truncate(original_len);
    // They were a string, so this cannot fail; should it, losing them is better than a panic in a
    // destructor.
    *output = String::from_utf8(bytes).unwrap_or_default();
}

/// Not UTF-8; `cause` tells where, and can be taken out of the error.
pub(super) fn invalid_utf8(cause: impl Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, cause)
}

/// Puts `bytes` into `output` if they are UTF-8, otherwise the first `original_len` of them.
pub(super) fn append_if_valid(output: &mut String, bytes: Vec<u8>, original_len: usize) {
    match String::from_utf8(bytes) {
        Ok(string) => *output = string,
        Err(error) => restore(output, error.into_bytes(), original_len),
    }
}
