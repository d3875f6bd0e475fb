//! A large file that several sides read.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};

/// A file in the system's directory for temporary ones; removed when the last one who wants a file
/// of this size is gone.
#[derive(Debug)]
pub struct SharedFile {
    mebibytes: usize,
    path: PathBuf,
}

static FILES: Mutex<Vec<Weak<SharedFile>>> = Mutex::new(Vec::new());

impl SharedFile {
    /// A file of this size, made now if there is none.
    ///
    /// # Panics
    ///
    /// If it cannot be written.
    #[must_use]
    pub fn of(mebibytes: usize) -> Arc<SharedFile> {
        let mut files = FILES.lock().expect("making a file has failed before");
        files.retain(|file| file.strong_count() > 0);
        let known = files.iter().filter_map(Weak::upgrade);
        if let Some(file) = known.into_iter().find(|file| file.mebibytes == mebibytes) {
            return file;
        }
        let name = format!("benches-{}-{mebibytes}", std::process::id());
        let file = Arc::new(SharedFile {
            mebibytes,
            path: std::env::temp_dir().join(name),
        });
        file.fill().expect("cannot write a temporary file");
        files.push(Arc::downgrade(&file));
        file
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn fill(&self) -> std::io::Result<()> {
        let mut file = File::create(&self.path)?;
        let piece = vec![7; 1 << 20];
        for _ in 0..self.mebibytes {
            file.write_all(&piece)?;
        }
        Ok(())
    }
}

impl Drop for SharedFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
