//! A [`File`] against one of `std`, and what becomes of it when things go wrong.

use std::fs::File as StdFile;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use proptest::prelude::*;
use runtime_base::blocking::{BlockingPool, Class, Job, enter_pool};
use runtime_base::driving::block_on;

use super::cursor::Cursor;
use super::{File, OpenOptions};
use crate::io::script::poll_once;
use crate::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

/// A thread for each job.
struct Threads;

impl BlockingPool for Threads {
    fn run(self: Arc<Self>, _class: Class, job: Job) {
        std::thread::spawn(job);
    }
}

/// Loses every job, as a pool does that shuts down.
struct Closed;

impl BlockingPool for Closed {
    fn run(self: Arc<Self>, _class: Class, job: Job) {
        drop(job);
    }
}

/// Keeps every job, and drops all of them at once.
#[derive(Default)]
struct Keeps(parking_lot::Mutex<Vec<Job>>);

impl Keeps {
    fn close(&self) {
        let jobs = std::mem::take(&mut *self.0.lock());
        drop(jobs);
    }
}

impl BlockingPool for Keeps {
    fn run(self: Arc<Self>, _class: Class, job: Job) {
        self.0.lock().push(job);
    }
}

/// A name in the directory for temporary files, removed in the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(contents: &[u8]) -> Self {
        // Relaxed: nothing but a number of its own for each.
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Relaxed);
        let name = format!("runtime-fs-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, contents).unwrap();
        Self(path)
    }

    fn contents(&self) -> Vec<u8> {
        std::fs::read(&self.0).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn read_and_write() -> OpenOptions {
    let mut options = File::options();
    options.read(true).write(true);
    options
}

/// What is done with a file.
#[derive(Debug, Clone)]
enum Step {
    Read(usize),
    /// Polled once and dropped; then nothing may be missing.
    BeginRead(usize),
    Write(Vec<u8>),
    Flush,
    Seek(SeekFrom),
    SetLen(u64),
    Clone,
    MaxBufSize(usize),
    Sync,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let seek = prop_oneof![
        (0..300_u64).prop_map(SeekFrom::Start),
        (-300..300_i64).prop_map(SeekFrom::Current),
        (-300..100_i64).prop_map(SeekFrom::End),
    ];
    let step = prop_oneof![
        6 => (0..100_usize).prop_map(Step::Read),
        4 => (0..100_usize).prop_map(Step::BeginRead),
        6 => prop::collection::vec(any::<u8>(), 0..100).prop_map(Step::Write),
        2 => Just(Step::Flush),
        4 => seek.prop_map(Step::Seek),
        1 => (0..400_u64).prop_map(Step::SetLen),
        1 => Just(Step::Clone),
        1 => (1..64_usize).prop_map(Step::MaxBufSize),
        1 => Just(Step::Sync),
    ];
    prop::collection::vec(step, 1..40)
}

/// Does `steps` with a file and with one of `std`, which must not differ.
async fn compare(steps: Vec<Step>, mut file: File, mut model: StdFile) -> io::Result<()> {
    for step in steps {
        match step {
            Step::Read(len) => {
                let mut expected = vec![0; len];
                let n = model.read(&mut expected)?;
                let mut found = vec![0; n];
                // In pieces, if there was a read ahead or the buffer is small.
                file.read_exact(&mut found).await?;
                assert_eq!(found, expected[..n]);
                if n < len {
                    assert_eq!(file.read(&mut [0]).await?, 0, "the end is not the end");
                }
            }
            Step::BeginRead(len) => {
                let mut buf = vec![0; len];
                let begun = poll_once(&mut file.read(&mut buf));
                if let std::task::Poll::Ready(n) = begun {
                    let mut expected = vec![0; n?];
                    model.read_exact(&mut expected)?;
                    assert_eq!(buf[..expected.len()], expected);
                }
            }
            Step::Write(bytes) => {
                model.write_all(&bytes)?;
                file.write_all(&bytes).await?;
            }
            Step::Flush => file.flush().await?,
            Step::Seek(to) => match model.seek(to) {
                Ok(position) => assert_eq!(file.seek(to).await?, position),
                Err(expected) => {
                    let error = file.seek(to).await.unwrap_err();
                    assert_eq!(error.kind(), expected.kind());
                }
            },
            Step::SetLen(len) => {
                model.set_len(len)?;
                file.set_len(len).await?;
            }
            Step::Clone => file = file.try_clone().await?,
            Step::MaxBufSize(size) => file.set_max_buf_size(size),
            Step::Sync => file.sync_all().await?,
        }
    }
    assert_eq!(file.stream_position().await?, model.stream_position()?);
    file.flush().await?;
    let mut file = file.into_std().await;
    assert_eq!(file.stream_position()?, model.stream_position()?);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_file_is_like_one_of_std(
        steps in steps(),
        contents in prop::collection::vec(any::<u8>(), 0..300),
        on_the_pool in any::<bool>(),
    ) {
        let _pool = enter_pool(Arc::new(Threads));
        let (ours, theirs) = (Scratch::new(&contents), Scratch::new(&contents));
        let model = StdFile::options().read(true).write(true).open(&theirs.0).unwrap();
        block_on(async {
            let mut file = read_and_write().open(&ours.0).await.unwrap();
            if on_the_pool {
                file = File::from_std(file.into_std().await);
            }
            compare(steps, file, model).await.unwrap();
        });
        prop_assert_eq!(ours.contents(), theirs.contents());
    }
}

#[test]
fn a_write_that_was_handed_over_is_written_though_the_pool_closes() {
    let scratch = Scratch::new(b"");
    let pool = Arc::new(Keeps::default());
    let std = StdFile::options().write(true).open(&scratch.0).unwrap();
    let mut file = File::from_std(std);
    let _pool = enter_pool(pool.clone());
    assert_eq!(block_on(file.write(b"promised")).unwrap(), 8);
    assert_eq!(scratch.contents(), b"");
    pool.close();
    assert_eq!(scratch.contents(), b"promised");
    // Nobody knows how it went.
    assert!(block_on(file.flush()).is_err());
}

#[test]
fn a_closed_pool_is_an_error_each_time_and_nothing_is_written() {
    let scratch = Scratch::new(b"contents");
    let _pool = enter_pool(Arc::new(Closed));
    let options = StdFile::options().read(true).write(true).clone();
    let mut file = File::from_std(options.open(&scratch.0).unwrap());
    block_on(async {
        for _ in 0..2 {
            assert!(file.read(&mut [0; 4]).await.is_err());
            assert!(file.write(b"lost").await.is_err());
            assert!(file.seek(SeekFrom::Start(0)).await.is_err());
            assert!(file.set_len(0).await.is_err());
            assert!(file.sync_all().await.is_err());
            assert!(file.metadata().await.is_err());
            assert!(file.try_clone().await.is_err());
            file.flush().await.unwrap();
        }
        assert!(File::open(&scratch.0).await.is_err());
        drop(file.into_std().await);
    });
    assert_eq!(scratch.contents(), b"contents");
}

#[test]
fn what_is_in_memory_is_read_without_the_pool_until_the_file_is_cloned() {
    let scratch = Scratch::new(b"0123456789");
    let mut file = {
        let _pool = enter_pool(Arc::new(Threads));
        let mut file = block_on(File::open(&scratch.0)).unwrap();
        block_on(file.read_u8()).unwrap();
        file
    };
    let pool = Arc::new(Keeps::default());
    let _pool = enter_pool(pool.clone());
    let mut buf = [0; 4];
    if poll_once(&mut file.read(&mut buf)).is_pending() {
        println!("SKIPPED: this file system cannot tell whether a read would wait");
        return;
    }
    assert_eq!(&buf, b"1234");
    block_on(file.seek(SeekFrom::Current(-2))).unwrap();
    block_on(file.read_exact(&mut buf)).unwrap();
    assert_eq!(&buf, b"3456");
    assert!(pool.0.lock().is_empty());
    // Dropped here: somebody may have the second file nevertheless.
    assert!(poll_once(&mut Box::pin(file.try_clone())).is_pending());
    assert!(poll_once(&mut file.read(&mut buf)).is_pending());
    assert_eq!(pool.0.lock().len(), 2);
}

#[test]
fn memory_is_reused_and_does_not_shrink() {
    let scratch = Scratch::new(b"");
    let _pool = enter_pool(Arc::new(Threads));
    let std = StdFile::options().read(true).write(true).open(&scratch.0);
    let file = Arc::new(std.unwrap());
    let mut cursor = Cursor::new(super::page_cache::PageCache::Avoided);
    let mut write = |bytes: &[u8]| {
        block_on(std::future::poll_fn(|cx| {
            cursor.poll_write(&file, usize::MAX, cx, &[io::IoSlice::new(bytes)])
        }))
        .unwrap();
        block_on(cursor.settle()).unwrap();
        (cursor.memory().as_ptr(), cursor.memory().len())
    };
    let first = write(&[1; 1000]);
    assert_eq!(write(&[2; 10]), first);
    assert_eq!(write(&[3; 1000]), first);
    let expected = [&[1; 1000][..], &[2; 10], &[3; 1000]].concat();
    assert_eq!(scratch.contents(), expected);
}
