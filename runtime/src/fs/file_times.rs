//! The times of a file.

use std::time::SystemTime;

/// Times to be given to a file by [`File::set_times`](super::File::set_times); those that are not
/// set stay as they are.
///
/// # Examples
///
/// ```
/// # #[runtime::main]
/// # async fn main() -> std::io::Result<()> {
/// use runtime::fs::{File, FileTimes};
/// use std::time::{Duration, SystemTime};
///
/// # let path = std::env::temp_dir().join(format!("file-times-{}", std::process::id()));
/// let yesterday = SystemTime::now() - Duration::from_secs(24 * 60 * 60);
/// let file = File::create(&path).await?;
/// file.set_times(FileTimes::new().set_accessed(yesterday).set_modified(yesterday)).await?;
/// assert!(file.metadata().await?.modified()?.elapsed().unwrap() > Duration::from_secs(60 * 60));
/// # runtime::fs::remove_file(&path).await
/// # }
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "they have to be given to `File::set_times`"]
pub struct FileTimes {
    pub(super) std: std::fs::FileTimes,
}

impl FileTimes {
    /// Times of which none is set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the time of the last read.
    pub fn set_accessed(mut self, t: SystemTime) -> Self {
        self.std = self.std.set_accessed(t);
        self
    }

    /// Sets the time of the last change.
    pub fn set_modified(mut self, t: SystemTime) -> Self {
        self.std = self.std.set_modified(t);
        self
    }
}
