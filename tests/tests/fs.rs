//! Files and directories of a real file system, on every flavour.

use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind, SeekFrom};
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use runtime::fs::{self, DirBuilder, File, FileTimes, OpenOptions};
use runtime::io::{AsyncReadExt, AsyncSeek, AsyncSeekExt, AsyncWriteExt};
use runtime::task::yield_now;
use tests::process::{in_own_process, open_descriptors};
use tests::{each_flavour, each_runtime, poll_once, within_limit};

/// A directory of its own for each test, removed in the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, SeqCst);
        let name = format!("tests-fs-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Bytes that do not repeat soon.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005);
        state = state.wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|metadata| {
        use std::os::unix::fs::MetadataExt;
        metadata.uid() == 0
    })
}

#[test]
fn functions_for_contents_and_names_do_what_those_of_std_do() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let scratch = Scratch::new();
            let (a, b) = (scratch.join("a"), scratch.join("b"));
            fs::write(&a, "hello").await.unwrap();
            assert_eq!(fs::read(&a).await.unwrap(), b"hello");
            assert_eq!(fs::read_to_string(&a).await.unwrap(), "hello");
            assert_eq!(fs::copy(&a, &b).await.unwrap(), 5);
            assert_eq!(std::fs::read(&b).unwrap(), b"hello");
            fs::write(&b, "other").await.unwrap();
            fs::rename(&b, &a).await.unwrap();
            assert_eq!(std::fs::read(&a).unwrap(), b"other");
            assert!(!fs::try_exists(&b).await.unwrap());
            fs::hard_link(&a, &b).await.unwrap();
            assert_eq!(std::fs::read(&b).unwrap(), b"other");
            fs::remove_file(&b).await.unwrap();
            fs::symlink("a", &b).await.unwrap();
            assert_eq!(fs::read_link(&b).await.unwrap(), Path::new("a"));
            assert!(fs::symlink_metadata(&b).await.unwrap().is_symlink());
            assert!(fs::metadata(&b).await.unwrap().is_file());
            assert_eq!(
                fs::canonicalize(&b).await.unwrap(),
                std::fs::canonicalize(&a).unwrap()
            );
            let mut permissions = fs::metadata(&a).await.unwrap().permissions();
            permissions.set_readonly(true);
            fs::set_permissions(&a, permissions).await.unwrap();
            assert!(std::fs::metadata(&a).unwrap().permissions().readonly());
            fs::remove_file(&a).await.unwrap();
            // A broken link does not exist.
            assert!(!fs::try_exists(&b).await.unwrap());
        });
    });
}

#[test]
fn functions_for_directories_do_what_those_of_std_do() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            use std::os::unix::fs::PermissionsExt;
            let scratch = Scratch::new();
            fs::create_dir(scratch.join("a")).await.unwrap();
            fs::create_dir_all(scratch.join("a/b/c")).await.unwrap();
            let error = fs::remove_dir(scratch.join("a")).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::DirectoryNotEmpty);
            fs::remove_dir(scratch.join("a/b/c")).await.unwrap();
            let mut builder = DirBuilder::new();
            builder.mode(0o700);
            let error = builder.create(scratch.join("x/y")).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
            builder.recursive(true);
            builder.create(scratch.join("x/y")).await.unwrap();
            let mode = std::fs::metadata(scratch.join("x/y")).unwrap();
            assert_eq!(mode.permissions().mode() & 0o777, 0o700);
            fs::remove_dir_all(scratch.join("x")).await.unwrap();
            assert!(!scratch.join("x").exists());
        });
    });
}

#[test]
fn every_entry_of_a_directory_is_given_once_though_futures_are_dropped() {
    each_runtime(|runtime| {
        let scratch = Scratch::new();
        let names: BTreeSet<_> = (0..300).map(|n| format!("entry {n}")).collect();
        for name in &names {
            std::fs::write(scratch.join(name), "").unwrap();
        }
        let found = runtime.block_on(async {
            let mut entries = fs::read_dir(&scratch.0).await.unwrap();
            let mut found = BTreeSet::new();
            loop {
                let mut cx = Context::from_waker(Waker::noop());
                // Dropped at once if it is not ready.
                let begun = poll_once(&mut pin!(entries.next_entry()), &mut cx);
                let entry = match begun {
                    Poll::Ready(entry) => entry,
                    Poll::Pending => entries.next_entry().await,
                };
                let Some(entry) = entry.unwrap() else { break };
                assert_eq!(entry.path(), scratch.join(entry.file_name()));
                assert!(entry.file_type().await.unwrap().is_file());
                assert_eq!(entry.metadata().await.unwrap().len(), 0);
                assert!(entry.ino() > 0);
                let name = entry.file_name().into_string().unwrap();
                assert!(found.insert(name), "given twice");
            }
            assert!(entries.next_entry().await.unwrap().is_none());
            found
        });
        assert_eq!(found, names);
    });
}

#[test]
fn errors_are_those_of_the_system() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let scratch = Scratch::new();
            let (missing, file) = (scratch.join("missing"), scratch.join("file"));
            std::fs::write(&file, b"\xff").unwrap();
            let same = |ours: io::Error, theirs: io::Error| {
                assert_eq!(ours.kind(), theirs.kind());
                assert_eq!(ours.raw_os_error(), theirs.raw_os_error());
                assert_eq!(ours.to_string(), theirs.to_string());
            };
            macro_rules! fails_as_in_std {
                ($($function:ident($($argument:expr),*);)*) => {$(
                    same(
                        fs::$function($($argument),*).await.map(drop).unwrap_err(),
                        std::fs::$function($($argument),*).map(drop).unwrap_err(),
                    );
                )*};
            }
            fails_as_in_std! {
                read(&missing);
                read(&scratch.0);
                read_to_string(&file);
                write(&scratch.0, b"");
                write(missing.join("file"), b"");
                copy(&missing, &file);
                copy(&scratch.0, &file);
                canonicalize(&missing);
                create_dir(&file);
                create_dir_all(file.join("directory"));
                hard_link(&missing, &file);
                metadata(&missing);
                read_dir(&missing);
                read_dir(&file);
                read_link(&file);
                remove_dir(&file);
                remove_dir_all(&missing);
                remove_file(&missing);
                remove_file(&scratch.0);
                rename(&missing, &file);
                symlink_metadata(&missing);
                metadata("a\0b");
            }
            same(
                File::open(&missing).await.unwrap_err(),
                std::fs::File::open(&missing).unwrap_err(),
            );
            same(
                OpenOptions::new().open(&file).await.unwrap_err(),
                std::fs::OpenOptions::new().open(&file).unwrap_err(),
            );
            // A directory can be opened, but not read.
            let mut directory = File::open(&scratch.0).await.unwrap();
            let error = directory.read(&mut [0; 8]).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::IsADirectory);
            // Each in the direction for which the file is not open.
            let mut file = File::open(&file).await.unwrap();
            file.write_all(b"x").await.unwrap();
            assert_eq!(file.flush().await.unwrap_err().raw_os_error(), Some(9));
            let mut file = File::create(scratch.join("new")).await.unwrap();
            assert_eq!(file.read_u8().await.unwrap_err().raw_os_error(), Some(9));
        });
    });
}

#[test]
fn what_is_forbidden_is_an_error() {
    if is_root() {
        println!("SKIPPED: nothing is forbidden to root");
        return;
    }
    each_runtime(|runtime| {
        runtime.block_on(async {
            use std::os::unix::fs::PermissionsExt;
            let scratch = Scratch::new();
            let path = scratch.join("secret");
            fs::write(&path, "secret").await.unwrap();
            let nothing = std::fs::Permissions::from_mode(0o000);
            fs::set_permissions(&path, nothing).await.unwrap();
            let error = fs::read(&path).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::PermissionDenied);
            let error = File::open(&path).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        });
    });
}

#[test]
fn a_full_disk_is_told_by_the_operation_after_the_write() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let full = || async {
                let mut file = File::options().write(true).open("/dev/full").await.unwrap();
                file.write_all(b"x").await.unwrap();
                file
            };
            let is_full = |result: io::Result<()>| {
                assert_eq!(result.unwrap_err().kind(), ErrorKind::StorageFull);
            };
            is_full(full().await.flush().await);
            is_full(full().await.shutdown().await);
            is_full(full().await.write_all(b"y").await);
            is_full(full().await.sync_all().await);
            is_full(full().await.sync_data().await);
            // A seek does not tell it, and it is not forgotten; it is told once.
            let mut file = full().await;
            file.rewind().await.unwrap();
            is_full(file.flush().await);
            file.flush().await.unwrap();
            is_full(fs::write("/dev/full", "x").await);
        });
    });
}

#[test]
fn a_small_file_system_that_is_full_keeps_what_fitted() {
    let scratch = Arc::new(Scratch::new());
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=256k", "tests"])
        .arg(&scratch.0)
        .output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        println!("SKIPPED: a file system can be mounted by root only");
        return;
    }
    let directory = scratch.clone();
    let _unmount = tests::OnDrop(move || {
        let _ = Command::new("umount").arg(&directory.0).status();
    });
    each_runtime(move |runtime| {
        let path = scratch.join("file");
        runtime.block_on(async {
            let mut file = File::create(&path).await.unwrap();
            let block = [7; 64 * 1024];
            let error = loop {
                if let Err(error) = file.write_all(&block).await {
                    break error;
                }
            };
            assert_eq!(error.kind(), ErrorKind::StorageFull);
            let contents = fs::read(&path).await.unwrap();
            assert!(contents.len() >= 128 * 1024 && contents.iter().all(|&byte| byte == 7));
            fs::remove_file(&path).await.unwrap();
        });
    });
}

/// Writes a file of so many bytes, copies it twice, and compares the last copy.
async fn write_copy_compare(len: usize) {
    let scratch = Scratch::new();
    let (a, b, c) = (scratch.join("a"), scratch.join("b"), scratch.join("c"));
    // Not a divisor of anything.
    let pattern = noise(1_000_003);
    let mut file = File::create(&a).await.unwrap();
    let mut left = len;
    while left > 0 {
        let n = left.min(pattern.len());
        file.write_all(&pattern[..n]).await.unwrap();
        left -= n;
    }
    file.flush().await.unwrap();
    let mut reader = File::open(&a).await.unwrap();
    let mut writer = File::create(&b).await.unwrap();
    let copied = runtime::io::copy(&mut reader, &mut writer).await.unwrap();
    assert_eq!(copied, len as u64);
    writer.flush().await.unwrap();
    assert_eq!(fs::copy(&b, &c).await.unwrap(), len as u64);
    let mut reader = File::open(&c).await.unwrap();
    let mut contents = vec![0; pattern.len()];
    let mut left = len;
    while left > 0 {
        let n = left.min(pattern.len());
        reader.read_exact(&mut contents[..n]).await.unwrap();
        assert!(contents[..n] == pattern[..n], "{left} bytes before the end");
        left -= n;
    }
    assert_eq!(reader.read(&mut [0]).await.unwrap(), 0);
}

/// `tests/ci/long-fs.sh` sets the variable; without a limit of time then.
#[test]
fn a_large_file_is_written_copied_and_compared() {
    let runtime = tests::Flavour::MultiThread(2).build();
    if let Ok(mebibytes) = std::env::var("FS_TEST_MEBIBYTES") {
        let mebibytes: usize = mebibytes.parse().expect("a number");
        runtime.block_on(write_copy_compare(mebibytes << 20));
    } else {
        within_limit(move || runtime.block_on(write_copy_compare(64 << 20)));
    }
}

#[test]
fn what_was_handed_over_is_written_when_the_runtime_is_dropped() {
    each_flavour(|flavour| {
        let scratch = Scratch::new();
        let path = scratch.join("file");
        for _ in 0..20 {
            let runtime = flavour.builder().max_blocking_threads(1).build().unwrap();
            runtime.block_on(async {
                let mut file = File::create(&path).await.unwrap();
                file.write_all(b"promised").await.unwrap();
            });
            drop(runtime);
            assert_eq!(std::fs::read(&path).unwrap(), b"promised");
        }
    });
}

#[test]
fn a_pipe_without_a_writer_holds_up_neither_other_tasks_nor_the_end() {
    each_flavour(|flavour| {
        let scratch = Scratch::new();
        let path = scratch.join("pipe");
        assert!(
            Command::new("mkfifo")
                .arg(&path)
                .status()
                .unwrap()
                .success()
        );
        // Open for both, so that opening waits for nobody.
        let pipe = std::fs::File::options().read(true).write(true).clone();
        let mut pipe = pipe.open(&path).unwrap();
        let runtime = flavour.build();
        let mut reader = runtime.block_on(File::open(&path)).unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        let reading = runtime.spawn(async move {
            let first = reader.read_u8().await.unwrap();
            tell.send(first).unwrap();
            reader.read_u8().await
        });
        runtime.block_on(async {
            // Of another path through the same pool.
            fs::metadata(&scratch.0).await.unwrap();
            yield_now().await;
        });
        io::Write::write_all(&mut pipe, b"x").unwrap();
        if flavour == tests::Flavour::CurrentThread {
            runtime.block_on(async {
                while told.try_recv().is_err() {
                    yield_now().await;
                }
            });
        } else {
            assert_eq!(told.recv(), Ok(b'x'));
        }
        // The second read goes on for ever, on its thread.
        runtime.shutdown_background();
        let bystander = tests::Flavour::CurrentThread.build();
        match bystander.block_on(reading) {
            // The pool was closed before the second read came to it.
            Ok(second) => assert_eq!(second.unwrap_err().kind(), ErrorKind::Other),
            Err(error) => assert!(error.is_cancelled()),
        }
        // Let the thread go.
        io::Write::write_all(&mut pipe, b"y").unwrap();
    });
}

#[test]
fn a_task_that_reads_what_is_in_memory_lets_others_run() {
    each_runtime(|runtime| {
        let scratch = Scratch::new();
        let path = scratch.join("file");
        std::fs::write(&path, "0123456789").unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let reading = runtime.spawn(async move {
            let mut file = File::open(path).await.unwrap();
            let mut buf = [0; 10];
            while !stopped.load(SeqCst) {
                file.rewind().await.unwrap();
                file.read_exact(&mut buf).await.unwrap();
            }
        });
        let rewinding = {
            let (path, stopped) = (scratch.join("file"), stop.clone());
            runtime.spawn(async move {
                let mut file = File::open(path).await.unwrap();
                file.read_u8().await.unwrap();
                while !stopped.load(SeqCst) {
                    file.rewind().await.unwrap();
                }
            })
        };
        runtime.block_on(async {
            let end = runtime::spawn(async move {
                for _ in 0..10 {
                    yield_now().await;
                }
                stop.store(true, SeqCst);
            });
            end.await.unwrap();
            reading.await.unwrap();
            rewinding.await.unwrap();
        });
    });
}

#[test]
fn files_that_only_seem_regular_and_devices_can_be_read() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let status = fs::read_to_string("/proc/self/status").await.unwrap();
            assert!(status.contains("VmPeak"));
            let mut status = String::new();
            let mut file = File::open("/proc/self/status").await.unwrap();
            file.read_to_string(&mut status).await.unwrap();
            assert!(status.contains("VmPeak"));
            let mut buf = [1; 8];
            let mut zeroes = File::open("/dev/zero").await.unwrap();
            zeroes.read_exact(&mut buf).await.unwrap();
            assert_eq!(buf, [0; 8]);
            let mut nothing = File::open("/dev/null").await.unwrap();
            assert_eq!(nothing.read(&mut buf).await.unwrap(), 0);
        });
    });
}

#[test]
fn a_clone_shares_the_position_also_after_a_read_ahead() {
    each_runtime(|runtime| {
        let scratch = Scratch::new();
        let path = scratch.join("file");
        std::fs::write(&path, "0123456789").unwrap();
        runtime.block_on(async {
            let mut file = File::from_std(std::fs::File::open(&path).unwrap());
            let mut cx = Context::from_waker(Waker::noop());
            let mut buf = [0; 8];
            if poll_once(&mut pin!(file.read(&mut buf)), &mut cx).is_pending() {
                // Eight bytes come, and two are wanted.
                file.read_exact(&mut buf[..2]).await.unwrap();
            } else {
                file.seek(SeekFrom::Start(2)).await.unwrap();
            }
            let mut clone = file.try_clone().await.unwrap();
            assert_eq!(clone.read_u8().await.unwrap(), b'2');
            assert_eq!(file.read_u8().await.unwrap(), b'3');
            assert_eq!(clone.stream_position().await.unwrap(), 4);
            drop(clone);
            assert_eq!(file.read_u8().await.unwrap(), b'4');
        });
    });
}

#[test]
fn the_rest_of_a_file_does_what_that_of_std_does() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            use std::os::fd::{AsFd, AsRawFd, OwnedFd};
            use std::os::unix::fs::{MetadataExt, PermissionsExt};
            let scratch = Scratch::new();
            let path = scratch.join("file");
            let mut file = File::create_new(&path).await.unwrap();
            let error = File::create_new(&path).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AlreadyExists);
            let parts = [io::IoSlice::new(b"ab"), io::IoSlice::new(b"cd")];
            assert_eq!(file.write_vectored(&parts).await.unwrap(), 4);
            let (one, two) = runtime::join!(file.sync_all(), file.sync_data());
            one.and(two).unwrap();
            file.set_len(6).await.unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), b"abcd\0\0");
            let mode = std::fs::Permissions::from_mode(0o600);
            file.set_permissions(mode).await.unwrap();
            assert_eq!(file.metadata().await.unwrap().mode() & 0o777, 0o600);
            let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
            file.set_times(FileTimes::new().set_accessed(then).set_modified(then))
                .await
                .unwrap();
            let times = file.metadata().await.unwrap();
            assert_eq!(times.accessed().unwrap(), then);
            assert_eq!(times.modified().unwrap(), then);
            file.write_all(b"e").await.unwrap();
            file.set_modified(then).await.unwrap();
            let times = file.metadata().await.unwrap();
            assert_eq!(times.modified().unwrap(), then);
            assert_eq!(file.as_fd().as_raw_fd(), file.as_raw_fd());
            let fd = OwnedFd::from(file.try_into_std().unwrap());
            let mut file = File::from(fd);
            // Nothing is there to be read; the position is at the fifth byte.
            assert_eq!(file.stream_position().await.unwrap(), 5);
            assert!(format!("{file:?}").starts_with("tokio::fs::File"));
            let mut mode = OpenOptions::new();
            mode.mode(0o640).write(true).create(true);
            let new = mode.open(scratch.join("new")).await.unwrap();
            assert_eq!(new.metadata().await.unwrap().mode() & 0o137, 0);
        });
    });
}

#[test]
fn a_seek_cannot_begin_while_something_goes_on() {
    each_runtime(|runtime| {
        let scratch = Scratch::new();
        runtime.block_on(async {
            let mut file = File::create(scratch.join("file")).await.unwrap();
            file.write_all(b"x").await.unwrap();
            let busy = Pin::new(&mut file).start_seek(SeekFrom::Start(0));
            assert!(busy.is_err());
            let Err(mut file) = file.try_into_std() else {
                // It was quicker than this.
                return;
            };
            let position = poll_fn(|cx| Pin::new(&mut file).poll_complete(cx));
            assert_eq!(position.await.unwrap(), 0);
            assert_eq!(file.seek(SeekFrom::Current(0)).await.unwrap(), 1);
        });
    });
}

/// Polls `future` some times, each time when it is woken, and drops it.
async fn some_polls<F: Future>(future: F, polls: usize) {
    let mut future = pin!(future);
    let mut polled = 0;
    poll_fn(|cx| {
        polled += 1;
        if polled > polls || future.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        Poll::Pending
    })
    .await;
}

#[test]
fn no_descriptor_is_left_by_futures_that_are_dropped() {
    if !in_own_process("no_descriptor_is_left_by_futures_that_are_dropped", &[]) {
        return;
    }
    let before = open_descriptors();
    each_runtime(|runtime| {
        let scratch = Scratch::new();
        let path = scratch.join("file");
        std::fs::write(&path, noise(10_000)).unwrap();
        for polls in 0..8 {
            runtime.block_on(some_polls(
                async {
                    let mut file = File::options().read(true).write(true).clone();
                    let mut file = file.append(false).open(&path).await.unwrap();
                    file.read_u8().await.unwrap();
                    let mut clone = file.try_clone().await.unwrap();
                    clone.read_u8().await.unwrap();
                    clone.write_all(b"x").await.unwrap();
                    clone.flush().await.unwrap();
                    let mut entries = fs::read_dir(&scratch.0).await.unwrap();
                    entries.next_entry().await.unwrap().unwrap();
                    drop(file.into_std().await);
                    fs::copy(&path, scratch.join("copy")).await.unwrap();
                },
                polls,
            ));
        }
    });
    assert_eq!(open_descriptors(), before);
}
