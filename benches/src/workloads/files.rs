//! Files in the system's directory for temporary ones. What is read is in the page cache; what is
//! written need not reach the disk while it is measured.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::repeat;
use super::rt::fs::{self, File};
use super::rt::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use super::rt::runtime::Runtime;
use crate::load::SharedFile;
use crate::row::Workload;

/// The size of what is small, in bytes.
const SMALL: usize = 4 * 1024;

/// A file that is removed when the workload is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new(len: usize) -> Self {
        // Relaxed: nothing but a number of its own for each.
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Relaxed);
        let name = format!("{}-{}-{number}", module_path!(), std::process::id());
        let path = std::env::temp_dir().join(name.replace("::", "-"));
        std::fs::write(&path, vec![7; len]).expect("cannot write a temporary file");
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A file that stays open, read from its start each time.
pub(super) fn fs_read_small(runtime: Runtime) -> Workload {
    const READS: usize = 100;
    let scratch = Scratch::new(SMALL);
    Workload::new(READS as u64, move |iterations| {
        repeat(&runtime, iterations, || {
            let path = scratch.0.clone();
            async move {
                let mut file = File::open(path).await.unwrap();
                let mut buffer = [0; SMALL];
                for _ in 0..READS {
                    file.rewind().await.unwrap();
                    file.read_exact(&mut buffer).await.unwrap();
                }
                assert_eq!(buffer, [7; SMALL]);
            }
        })
    })
}

/// The function for a whole file.
pub(super) fn fs_read_whole(runtime: Runtime) -> Workload {
    const READS: usize = 20;
    let scratch = Scratch::new(SMALL);
    Workload::new(READS as u64, move |iterations| {
        repeat(&runtime, iterations, || {
            let path = scratch.0.clone();
            async move {
                for _ in 0..READS {
                    assert_eq!(fs::read(&path).await.unwrap().len(), SMALL);
                }
            }
        })
    })
}

/// A file that stays open, written and flushed.
pub(super) fn fs_write_small(runtime: Runtime) -> Workload {
    const WRITES: usize = 100;
    let scratch = Scratch::new(0);
    Workload::new(WRITES as u64, move |iterations| {
        repeat(&runtime, iterations, || {
            let path = scratch.0.clone();
            async move {
                let mut file = File::options().write(true).open(path).await.unwrap();
                for _ in 0..WRITES {
                    file.write_all(&[7; SMALL]).await.unwrap();
                    file.flush().await.unwrap();
                }
            }
        })
    })
}

/// A large file from its start to its end, 64 KiB at a time.
pub(super) fn fs_read_big(runtime: Runtime) -> Workload {
    read_whole_file(runtime, 64)
}

/// The same of a file that fills caches.
pub(super) fn fs_read_1g(runtime: Runtime) -> Workload {
    read_whole_file(runtime, 1024)
}

fn read_whole_file(runtime: Runtime, mebibytes: usize) -> Workload {
    let scratch = SharedFile::of(mebibytes);
    Workload::new(mebibytes as u64, move |iterations| {
        repeat(&runtime, iterations, || {
            let path = scratch.path().to_owned();
            async move {
                let mut file = File::open(path).await.unwrap();
                let mut buffer = vec![0; 64 * 1024];
                let mut len = 0;
                while let n @ 1.. = file.read(&mut buffer).await.unwrap() {
                    len += n;
                }
                assert_eq!(len, mebibytes << 20);
            }
        })
    })
}
