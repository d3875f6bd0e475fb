//! An open file.

use std::fmt;
use std::fs::{File as StdFile, Metadata, Permissions};
use std::io::{self, IoSlice, SeekFrom};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use super::cursor::Cursor;
use super::page_cache::PageCache;
use super::{FileTimes, OpenOptions, on_pool};
use crate::io::{AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};
use crate::sync::Mutex;

/// How much is read or written by one operation if the user does not say, in bytes; Tokio's figure.
const DEFAULT_MAX_BUF_SIZE: usize = 2 * 1024 * 1024;

/// An open file: the asynchronous counterpart of [`std::fs::File`].
///
/// It is read, written and sought through [`AsyncReadExt`](crate::io::AsyncReadExt),
/// [`AsyncWriteExt`](crate::io::AsyncWriteExt) and [`AsyncSeekExt`](crate::io::AsyncSeekExt). For a
/// whole file at once the functions of [`fs`](super) are shorter and faster.
///
/// # Writing
///
/// A write is ready as soon as its data are handed to the blocking pool: at most
/// [`max_buf_size`](Self::max_buf_size) bytes. The system writes them in the background, in order.
/// The next operation on the file waits for that; an error is told by the next write,
/// [`flush`](crate::io::AsyncWriteExt::flush), [`sync_all`](Self::sync_all) or
/// [`sync_data`](Self::sync_data). So `flush` before the file is dropped, or the error of the last
/// write is lost:
///
/// ```
/// # #[runtime::main]
/// # async fn main() -> std::io::Result<()> {
/// use runtime::fs::File;
/// use runtime::io::AsyncWriteExt;
///
/// # let path = std::env::temp_dir().join(format!("file-{}", std::process::id()));
/// let mut file = File::create(&path).await?;
/// file.write_all(b"hello, world").await?;
/// file.flush().await?;
/// # runtime::fs::remove_file(&path).await
/// # }
/// ```
///
/// The data themselves are not lost when the file is dropped, nor when the runtime shuts down: what
/// was handed over is written. To flush does not bring the data to the disk; `sync_all` does.
///
/// # Closing
///
/// When the file is dropped it is closed at once, or when the operation ends that is going on; flush
/// first if the moment matters.
///
/// # Reading
///
/// What the system has in memory is read at once, where it can tell: on Linux, from regular files on
/// most local file systems, if the file was opened by this type and has not been cloned. All else is
/// read on the blocking pool.
///
/// # Cancel safety
///
/// A read that is dropped loses nothing: what it reads is given by the next one. A write that is
/// dropped while it waits has written nothing of its data. A seek that is dropped may go on.
///
/// # Panics
///
/// Every operation panics outside of a runtime, if it needs the pool.
pub struct File {
    file: Arc<StdFile>,
    /// Held during operations that borrow the file shared.
    cursor: Mutex<Cursor>,
    max_buf_size: usize,
}

impl File {
    /// Opens a file for reading.
    ///
    /// # Errors
    ///
    /// As [`OpenOptions::open`].
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped the file is closed again.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[runtime::main]
    /// # async fn main() -> std::io::Result<()> {
    /// use runtime::fs::File;
    /// use runtime::io::AsyncReadExt;
    ///
    /// let mut program = File::open(std::env::current_exe()?).await?;
    /// let mut beginning = [0; 4];
    /// program.read_exact(&mut beginning).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn open(path: impl AsRef<Path>) -> io::Result<File> {
        Self::options().read(true).open(path).await
    }

    /// Opens a file for writing; it is created if it does not exist, and emptied if it does.
    ///
    /// # Errors
    ///
    /// As [`OpenOptions::open`].
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped after its first poll, the file may still be created or emptied.
    pub async fn create(path: impl AsRef<Path>) -> io::Result<File> {
        let mut options = Self::options();
        options.write(true).create(true).truncate(true);
        options.open(path).await
    }

    /// Creates a file, for reading and writing.
    ///
    /// # Errors
    ///
    /// [`AlreadyExists`](io::ErrorKind::AlreadyExists) if there is a file of that name; otherwise as
    /// [`OpenOptions::open`].
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped after its first poll, the file may still be created.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[runtime::main]
    /// # async fn main() -> std::io::Result<()> {
    /// use runtime::fs::File;
    ///
    /// let error = File::create_new(std::env::current_exe()?).await.unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn create_new<P: AsRef<Path>>(path: P) -> io::Result<File> {
        let mut options = Self::options();
        options.read(true).write(true).create_new(true);
        options.open(path).await
    }

    /// Options to open a file with: `OpenOptions::new()`.
    #[must_use]
    pub fn options() -> OpenOptions {
        OpenOptions::new()
    }

    /// Wraps a file that is open already.
    ///
    /// Others may have it too, so its reads all go to the blocking pool.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[runtime::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let file = std::fs::File::open(std::env::current_exe()?)?;
    /// let file = runtime::fs::File::from_std(file);
    /// assert!(file.metadata().await?.len() > 0);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn from_std(std: StdFile) -> File {
        Self::new(std, PageCache::Avoided)
    }

    pub(super) fn new(file: StdFile, page_cache: PageCache) -> Self {
        Self {
            file: Arc::new(file),
            cursor: Mutex::new(Cursor::new(page_cache)),
            max_buf_size: DEFAULT_MAX_BUF_SIZE,
        }
    }

    /// Writes everything that is in memory to the disk, with what the system knows about the file.
    ///
    /// # Errors
    ///
    /// As [`std::fs::File::sync_all`]; also the error of a write before it that nobody was told of.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the system may still be writing.
    pub async fn sync_all(&self) -> io::Result<()> {
        self.written().await?;
        let file = self.file.clone();
        on_pool(move || file.sync_all()).await
    }

    /// Writes the data that are in memory to the disk, and of the rest only what is needed to read
    /// them.
    ///
    /// # Errors
    ///
    /// As [`sync_all`](Self::sync_all).
    ///
    /// # Cancel safety
    ///
    /// As [`sync_all`](Self::sync_all).
    pub async fn sync_data(&self) -> io::Result<()> {
        self.written().await?;
        let file = self.file.clone();
        on_pool(move || file.sync_data()).await
    }

    /// Waits until what was handed over is written.
    async fn written(&self) -> io::Result<()> {
        let mut cursor = self.cursor.lock().await;
        cursor.settle().await?;
        cursor.take_failed_write()
    }

    /// Makes the file `size` bytes long: cuts it off or fills it up with zeroes. The position stays.
    ///
    /// # Errors
    ///
    /// As [`std::fs::File::set_len`]: above all when the file is not open for writing.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped after its first poll, the length may or may not change. Operations
    /// that follow wait for that.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[runtime::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let path = std::env::temp_dir().join(format!("set-len-{}", std::process::id()));
    /// let file = runtime::fs::File::create(&path).await?;
    /// file.set_len(10).await?;
    /// assert_eq!(file.metadata().await?.len(), 10);
    /// # runtime::fs::remove_file(&path).await
    /// # }
    /// ```
    pub async fn set_len(&self, size: u64) -> io::Result<()> {
        let mut cursor = self.cursor.lock().await;
        cursor.settle().await?;
        // What was read ahead may be cut off.
        cursor.give_back_read_ahead(&self.file).await?;
        cursor.set_len(&self.file, size).await
    }

    /// Gives what the system knows about the file. Writes that are still going on may not show.
    ///
    /// # Errors
    ///
    /// As [`std::fs::File::metadata`].
    ///
    /// # Cancel safety
    ///
    /// Nothing changes when the future is dropped.
    pub async fn metadata(&self) -> io::Result<Metadata> {
        let file = self.file.clone();
        on_pool(move || file.metadata()).await
    }

    /// Makes a second one for the same open file: they share the position.
    ///
    /// Waits for the operation that is going on. From then on reads of both go to the blocking pool.
    ///
    /// # Errors
    ///
    /// As [`std::fs::File::try_clone`]: when there are too many open files.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped there is no second one.
    pub async fn try_clone(&self) -> io::Result<File> {
        let mut cursor = self.cursor.lock().await;
        cursor.settle().await?;
        cursor.give_back_read_ahead(&self.file).await?;
        cursor.share();
        let file = self.file.clone();
        let mut clone = Self::from_std(on_pool(move || file.try_clone()).await?);
        clone.max_buf_size = self.max_buf_size;
        Ok(clone)
    }

    /// Waits for the operation that is going on, and gives the file as one of `std`. What was read
    /// ahead is given back, if the file can seek.
    ///
    /// # Panics
    ///
    /// When a duplicate of the descriptor is needed, because an operation goes on whose future was
    /// dropped, and there are too many open files.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped the file is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[runtime::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let file = runtime::fs::File::open(std::env::current_exe()?).await?;
    /// let file: std::fs::File = file.into_std().await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn into_std(self) -> StdFile {
        let Self { file, cursor, .. } = self;
        let mut cursor = cursor.into_inner();
        // Errors are those of a runtime that shuts down; there is nothing more to wait for then.
        if cursor.settle().await.is_ok() {
            let _ = cursor.give_back_read_ahead(&file).await;
        }
        Arc::try_unwrap(file).unwrap_or_else(|file| {
            file.try_clone().expect(
                "the file is still in use by an operation whose future was dropped, and cannot be \
                 duplicated; raise the limit of open files or wait for the operation",
            )
        })
    }

    /// Gives the file as one of `std`, if no operation is going on. What was read ahead stays behind:
    /// the position is after it.
    ///
    /// # Errors
    ///
    /// This file, if an operation is going on.
    pub fn try_into_std(mut self) -> Result<StdFile, Self> {
        match Arc::try_unwrap(self.file) {
            Ok(file) => Ok(file),
            Err(file) => {
                self.file = file;
                Err(self)
            }
        }
    }

    /// Changes the permissions of the file.
    ///
    /// # Errors
    ///
    /// As [`std::fs::File::set_permissions`]: above all when the file belongs to somebody else.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped after its first poll, the permissions may or may not change.
    pub async fn set_permissions(&self, perm: Permissions) -> io::Result<()> {
        let file = self.file.clone();
        on_pool(move || file.set_permissions(perm)).await
    }

    /// Changes the times of the file. Waits for the operation that is going on, which would change
    /// them again.
    ///
    /// # Errors
    ///
    /// As [`std::fs::File::set_times`]: above all when the file belongs to somebody else.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped after its first poll, the times may or may not change.
    pub async fn set_times(&self, times: FileTimes) -> io::Result<()> {
        self.cursor.lock().await.settle().await?;
        let file = self.file.clone();
        on_pool(move || file.set_times(times.std)).await
    }

    /// Changes the time of the last change: `set_times(FileTimes::new().set_modified(time))`.
    ///
    /// # Errors
    ///
    /// As [`set_times`](Self::set_times).
    ///
    /// # Cancel safety
    ///
    /// As [`set_times`](Self::set_times).
    pub async fn set_modified(&self, time: SystemTime) -> io::Result<()> {
        self.set_times(FileTimes::new().set_modified(time)).await
    }

    /// Sets how much one operation reads or writes at most, in bytes; 2 MiB at first.
    ///
    /// A file keeps memory of that size, if it was ever read on the pool or written with so much at
    /// once.
    ///
    /// # Panics
    ///
    /// When it is zero.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[runtime::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut file = runtime::fs::File::open(std::env::current_exe()?).await?;
    /// file.set_max_buf_size(64 * 1024);
    /// assert_eq!(file.max_buf_size(), 64 * 1024);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn set_max_buf_size(&mut self, max_buf_size: usize) {
        assert!(
            max_buf_size > 0,
            "`max_buf_size` must be greater than 0, or nothing could be done; pass at least 1"
        );
        self.max_buf_size = max_buf_size;
    }

    /// How much one operation reads or writes at most, in bytes.
    #[must_use]
    pub fn max_buf_size(&self) -> usize {
        self.max_buf_size
    }
}

impl AsyncRead for File {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let max = self.max_buf_size;
        let Self { file, cursor, .. } = &mut *self;
        cursor.get_mut().poll_read(file, max, cx, buf)
    }
}

impl AsyncWrite for File {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let max = self.max_buf_size;
        let Self { file, cursor, .. } = &mut *self;
        cursor.get_mut().poll_write(file, max, cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.cursor.get_mut().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

impl AsyncSeek for File {
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        let Self { file, cursor, .. } = &mut *self;
        cursor.get_mut().start_seek(file, position)
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        self.cursor.get_mut().poll_complete(cx)
    }
}

impl From<StdFile> for File {
    fn from(std: StdFile) -> Self {
        Self::from_std(std)
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("tokio::fs::File")
            .field("std", &self.file)
            .finish()
    }
}

#[cfg(unix)]
mod descriptor {
    #![allow(unsafe_code)] // Implements an unsafe method by the same one of `std`.

    use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

    use super::{File, StdFile};

    impl AsRawFd for File {
        fn as_raw_fd(&self) -> RawFd {
            self.file.as_raw_fd()
        }
    }

    impl AsFd for File {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.file.as_fd()
        }
    }

    impl From<OwnedFd> for File {
        fn from(fd: OwnedFd) -> Self {
            StdFile::from(fd).into()
        }
    }

    impl FromRawFd for File {
        unsafe fn from_raw_fd(fd: RawFd) -> Self {
            // SAFETY: the caller owns the descriptor and gives it away, as is asked here too.
            unsafe { StdFile::from_raw_fd(fd) }.into()
        }
    }
}

#[cfg(windows)]
mod handle {
    #![allow(unsafe_code)] // Implements an unsafe method by the same one of `std`.

    use std::os::windows::io::{
        AsHandle, AsRawHandle, BorrowedHandle, FromRawHandle, OwnedHandle, RawHandle,
    };

    use super::{File, StdFile};

    impl AsRawHandle for File {
        fn as_raw_handle(&self) -> RawHandle {
            self.file.as_raw_handle()
        }
    }

    impl AsHandle for File {
        fn as_handle(&self) -> BorrowedHandle<'_> {
            self.file.as_handle()
        }
    }

    impl From<OwnedHandle> for File {
        fn from(handle: OwnedHandle) -> Self {
            StdFile::from(handle).into()
        }
    }

    impl FromRawHandle for File {
        unsafe fn from_raw_handle(handle: RawHandle) -> Self {
            // SAFETY: the caller owns the handle and gives it away, as is asked here too.
            unsafe { StdFile::from_raw_handle(handle) }.into()
        }
    }
}
