//! Functions for the contents of a whole file. Each is one trip to the pool.

use std::io;
use std::path::Path;

use super::on_pool;

/// Reads a whole file.
///
/// Opens, reads and closes it in one trip to the blocking pool.
///
/// # Errors
///
/// As [`std::fs::read`]: above all when the file does not exist, when it may not be read, and when
/// it is a directory.
///
/// # Cancel safety
///
/// When the future is dropped, what was read is dropped; the file is not changed.
///
/// # Examples
///
/// ```
/// # #[runtime::main]
/// # async fn main() -> std::io::Result<()> {
/// let program = runtime::fs::read(std::env::current_exe()?).await?;
/// assert!(!program.is_empty());
/// # Ok(())
/// # }
/// ```
pub async fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let path = path.as_ref().to_owned();
    on_pool(move || std::fs::read(path)).await
}

/// Reads a whole file as text.
///
/// # Errors
///
/// As [`read`], and [`InvalidData`](io::ErrorKind::InvalidData) if the contents are not UTF-8.
///
/// # Cancel safety
///
/// As [`read`].
///
/// # Examples
///
/// ```
/// # #[runtime::main]
/// # async fn main() -> std::io::Result<()> {
/// let error = runtime::fs::read_to_string("no such file").await.unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
/// # Ok(())
/// # }
/// ```
pub async fn read_to_string(path: impl AsRef<Path>) -> io::Result<String> {
    let path = path.as_ref().to_owned();
    on_pool(move || std::fs::read_to_string(path)).await
}

/// Makes `contents` the whole contents of a file, which is created if it does not exist.
///
/// The contents are copied for the trip to the pool. When the future is ready they have been
/// written, as far as the system tells; nothing needs to be flushed.
///
/// # Errors
///
/// As [`std::fs::write`]. If writing fails, a part may have been written.
///
/// # Cancel safety
///
/// When the future was polled and is then dropped, the write goes on to its end, unless the runtime
/// shuts down before it has begun. Wait for it if the contents matter.
///
/// # Examples
///
/// ```
/// # #[runtime::main]
/// # async fn main() -> std::io::Result<()> {
/// let path = std::env::temp_dir().join(format!("write-{}", std::process::id()));
/// runtime::fs::write(&path, b"hello").await?;
/// assert_eq!(runtime::fs::read(&path).await?, b"hello");
/// # runtime::fs::remove_file(&path).await
/// # }
/// ```
pub async fn write(path: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    let contents = contents.as_ref().to_owned();
    on_pool(move || std::fs::write(path, contents)).await
}

/// Copies the contents and permissions of the file `from` to `to`, which is created or overwritten,
/// and gives the number of bytes.
///
/// The system copies where it can, so that the bytes do not pass through this process.
///
/// # Errors
///
/// As [`std::fs::copy`]: above all when `from` is not a regular file or may not be read, or when
/// there is no permission to write `to`.
///
/// # Cancel safety
///
/// When the future was polled and is then dropped, the copying goes on to its end, unless the
/// runtime shuts down before it has begun.
///
/// # Examples
///
/// ```
/// # #[runtime::main]
/// # async fn main() -> std::io::Result<()> {
/// # let from = std::env::temp_dir().join(format!("copy-from-{}", std::process::id()));
/// # let to = std::env::temp_dir().join(format!("copy-to-{}", std::process::id()));
/// use runtime::fs;
/// fs::write(&from, "hello").await?;
/// assert_eq!(fs::copy(&from, &to).await?, 5);
/// assert_eq!(fs::read(&to).await?, b"hello");
/// # fs::remove_file(&from).await?;
/// # fs::remove_file(&to).await
/// # }
/// ```
pub async fn copy(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<u64> {
    let from = from.as_ref().to_owned();
    let to = to.as_ref().to_owned();
    on_pool(move || std::fs::copy(from, to)).await
}
