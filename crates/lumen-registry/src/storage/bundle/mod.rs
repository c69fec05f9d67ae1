//! The files of a bundle, and behind them those of the registry that it is for.

mod file;
mod head;

use std::{
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use lumen_core::Key;

pub(crate) use self::file::Writer;
#[cfg(feature = "fuzzing")]
pub(crate) use self::file::scan;
use self::file::{BundleError, Contents, read_at};
pub use self::head::Head;
use super::{Revision, Sink, Storage, StorageError};

/// A bundle, which can only be read.
#[derive(Debug, Clone)]
pub struct BundleStorage {
    inner: Arc<Inner>,
    /// The storage with the files that the bundle lacks.
    base: Option<Arc<Storage>>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    file: Mutex<fs_err::File>,
    contents: Contents,
}

impl BundleStorage {
    /// Opens a bundle.
    ///
    /// # Errors
    /// When it cannot be read, or is no bundle.
    pub fn open(path: &Path) -> Result<Self, StorageError> {
        let mut file = fs_err::File::open(path)?;
        let contents = file::scan(&mut file).map_err(|error| refused(path, error))?;
        Ok(Self {
            inner: Arc::new(Inner {
                path: path.to_owned(),
                file: Mutex::new(file),
                contents,
            }),
            base: None,
        })
    }

    /// The bundle in front of the registry that it brings up to date.
    #[must_use]
    pub(crate) fn over(self, base: Storage) -> Self {
        Self {
            base: Some(Arc::new(base)),
            ..self
        }
    }

    /// Its head.
    pub fn head(&self) -> &Head {
        &self.inner.contents.head
    }

    pub(super) fn base(&self) -> Option<&Storage> {
        self.base.as_deref()
    }

    /// The file of the bundle; `None` when it lacks it.
    pub(super) fn get(
        &self,
        key: &Key,
        limit: u64,
    ) -> Result<Option<(Vec<u8>, Revision)>, StorageError> {
        let Some((start, size)) = self.find(key, limit)? else {
            return Ok(None);
        };
        let mut file = self.file();
        let bytes = read_at(&mut *file, start, size as usize);
        let bytes = bytes.map_err(|error| refused(&self.inner.path, error))?;
        Ok(Some(Revision::with(bytes)))
    }

    /// Copies a file of the bundle; `None` when it lacks it.
    pub(super) fn read_to(
        &self,
        key: &Key,
        limit: u64,
        out: Sink<'_>,
    ) -> Result<Option<u64>, StorageError> {
        let Some((start, size)) = self.find(key, limit)? else {
            return Ok(None);
        };
        let mut file = self.file();
        file.seek(SeekFrom::Start(start))?;
        let copied = std::io::copy(&mut file.by_ref().take(size), out)?;
        match copied == size {
            true => Ok(Some(size)),
            false => Err(refused(&self.inner.path, BundleError::Truncated)),
        }
    }

    /// The files of the bundle below a prefix.
    pub(super) fn list(&self, prefix: &str) -> Vec<Key> {
        let keys = self.inner.contents.files.keys();
        let below = keys.filter(|key| key.as_str().starts_with(prefix));
        below.cloned().collect()
    }

    pub(crate) fn read_only(&self) -> StorageError {
        StorageError::ReadOnly {
            location: self.inner.path.display().to_string(),
        }
    }

    pub(super) fn describe(&self, key: &Key) -> String {
        match (self.inner.contents.files.contains_key(key), self.base()) {
            (false, Some(base)) => base.describe(key),
            _ => format!("{}:{key}", self.inner.path.display()),
        }
    }

    fn find(&self, key: &Key, limit: u64) -> Result<Option<(u64, u64)>, StorageError> {
        match self.inner.contents.files.get(key) {
            Some((_, size)) if *size > limit => Err(StorageError::TooLarge {
                file: self.describe(key),
                limit,
            }),
            found => Ok(found.copied()),
        }
    }

    fn file(&self) -> std::sync::MutexGuard<'_, fs_err::File> {
        self.inner
            .file
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn refused(path: &Path, error: BundleError) -> StorageError {
    match error {
        BundleError::Io(error) => error.into(),
        error => StorageError::Bundle {
            file: path.display().to_string(),
            what: error.to_string(),
        },
    }
}
