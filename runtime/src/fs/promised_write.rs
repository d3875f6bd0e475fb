//! A write that happens, whatever becomes of the runtime.
//!
//! `File`'s writes are ready when the data are handed over. From then on the data must not be lost,
//! also if the runtime shuts down and its pool drops the jobs that wait. So the job writes when it is
//! dropped, too: on whichever thread shuts the pool down.
//!
//! A job may also be dropped by the very call that hands it over, because the pool is closed. Then
//! nothing is written, and the write is an error. The lock says which of the two it was.

use std::fs::File as StdFile;
use std::io::{self, Seek, SeekFrom, Write};
use std::sync::Arc;

use parking_lot::Mutex;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The pool is being asked.
    Offered,
    /// The user was told that the data are handed over.
    Promised,
    /// The pool did not want it.
    Refused,
}

/// The job.
pub(super) struct PromisedWrite {
    file: Arc<StdFile>,
    /// How far the position is ahead of where the user knows it, because of reads ahead.
    ahead: usize,
    memory: Vec<u8>,
    len: usize,
    stage: Arc<Mutex<Stage>>,
    done: bool,
}

/// What is left with the one who hands it over.
pub(super) struct Promise {
    stage: Arc<Mutex<Stage>>,
}

impl Promise {
    /// From now on the write happens. Says whether it still can.
    #[must_use]
    pub(super) fn give(self) -> bool {
        let mut stage = self.stage.lock();
        if *stage == Stage::Refused {
            return false;
        }
        *stage = Stage::Promised;
        true
    }
}

impl PromisedWrite {
    /// Writes the first `len` bytes of `memory` to `file`, `ahead` bytes before its position.
    pub(super) fn offer(
        file: Arc<StdFile>,
        ahead: usize,
        memory: Vec<u8>,
        len: usize,
    ) -> (Self, Promise) {
        let stage = Arc::new(Mutex::new(Stage::Offered));
        let write = Self {
            file,
            ahead,
            memory,
            len,
            stage: stage.clone(),
            done: false,
        };
        (write, Promise { stage })
    }

    /// Does it, and gives the memory back.
    pub(super) fn run(mut self) -> (io::Result<()>, Vec<u8>) {
        self.done = true;
        (self.write(), std::mem::take(&mut self.memory))
    }

    fn write(&self) -> io::Result<()> {
        let mut file = &*self.file;
        if self.ahead > 0 {
            file.seek(SeekFrom::Current(-(self.ahead as i64)))?;
        }
        file.write_all(&self.memory[..self.len])
    }
}

impl Drop for PromisedWrite {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let stage = std::mem::replace(&mut *self.stage.lock(), Stage::Refused);
        if stage == Stage::Promised {
            // There is nobody left to be told of an error.
            let _ = self.write();
        }
    }
}
