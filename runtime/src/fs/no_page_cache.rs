//! For systems that cannot tell whether a read would wait: every read goes to the pool.

use std::fs::File as StdFile;
use std::io::{self, SeekFrom};

use crate::io::ReadBuf;

/// What is known about a file and the page cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PageCache {
    /// Everything goes to the pool.
    Avoided,
}

impl PageCache {
    /// Of a file that was just opened.
    pub(super) fn of_own(_file: &StdFile) -> Self {
        Self::Avoided
    }

    /// Reads nothing.
    pub(super) fn try_read(&mut self, _: &StdFile, _: &mut ReadBuf<'_>, _max: usize) -> bool {
        false
    }

    /// Moves nothing.
    pub(super) fn try_seek(self, _: &StdFile, _: SeekFrom) -> Option<io::Result<u64>> {
        None
    }
}
