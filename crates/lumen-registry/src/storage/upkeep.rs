//! Operations for the operator, besides the four: removing files that are not needed.
//!
//! A publish relies on files that it created, and sometimes on files of an earlier try. So
//! a publisher gives such a file a new time ([`Storage::freshen`], and [`Storage::create`]
//! where the file exists), and [`Storage::remove`] removes only a file that is as old as
//! when it was checked.

use std::time::{Duration, SystemTime};

use lumen_core::Key;

use super::{Storage, StorageError};

/// Files younger than this are not made younger: no file of this age may be removed
/// while others publish.
pub const YOUNG: Duration = Duration::from_secs(60 * 60);

/// A file as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// Its key.
    pub key: Key,
    /// Its size in bytes.
    pub size: u64,
    /// When it was written or relied on last. None: the host does not know, and everything
    /// that belongs together appears at once there.
    pub modified: Option<SystemTime>,
}

impl Listed {
    /// Whether no writer wrote or relied on it for this long.
    pub fn is_older(&self, than: Duration, now: SystemTime) -> bool {
        let age = |modified| now.duration_since(modified).unwrap_or_default();
        self.modified.is_none_or(|modified| age(modified) >= than)
    }
}

/// Whether a time is so recent that there is nothing to make younger.
pub(super) fn is_young(modified: SystemTime) -> bool {
    modified.elapsed().is_ok_and(|age| age < YOUNG)
}

impl Storage {
    /// All files whose keys start with `prefix`, sorted. A prefix is empty or ends with `/`.
    ///
    /// # Errors
    /// As [`Storage::list`].
    pub async fn list_files(&self, prefix: &str) -> Result<Vec<Listed>, StorageError> {
        match self {
            Self::File(file) => file.list_files(prefix),
            Self::Http(http) => Err(http.read_only()),
            Self::Bundle(bundle) => Err(bundle.read_only()),
            Self::Object(object) => object.list_files(prefix).await,
            Self::Git(git) => {
                let mut files = Vec::new();
                let keys = git.list(prefix).await?;
                git.prefetch(&keys).await?;
                for key in keys {
                    let found = git.get(&key, u64::MAX).await?;
                    files.extend(found.map(|(bytes, _)| Listed {
                        key,
                        size: bytes.len() as u64,
                        modified: None,
                    }));
                }
                Ok(files)
            }
            Self::Memory(memory) => {
                memory.turn().await;
                memory.list_files(prefix)
            }
        }
    }

    /// All files whose keys start with `prefix`, sorted, with their sizes in bytes where those
    /// are known without fetching the files.
    ///
    /// # Errors
    /// As [`Storage::list_files`].
    pub async fn list_sizes(&self, prefix: &str) -> Result<Vec<(Key, Option<u64>)>, StorageError> {
        if let Self::Git(git) = self {
            return git.list_sizes(prefix).await;
        }
        let files = self.list_files(prefix).await?.into_iter();
        Ok(files.map(|file| (file.key, Some(file.size))).collect())
    }

    /// Files that are being written or were left by writers that died, where such have a name.
    ///
    /// # Errors
    /// Failures of the host.
    pub async fn list_temporary(&self) -> Result<Vec<Listed>, StorageError> {
        match self {
            Self::File(file) => file.list_temporary(),
            _ => Ok(Vec::new()),
        }
    }

    /// Removes a file, unless it was written or relied on since it was listed. Returns
    /// whether it was removed.
    ///
    /// In an object store, looking and removing are two requests.
    ///
    /// # Errors
    /// [`StorageError::ReadOnly`], and failures of the host.
    pub async fn remove(&self, file: &Listed) -> Result<bool, StorageError> {
        lumen_durable::part();
        match self {
            Self::File(folder) => folder.remove(file),
            Self::Http(http) => Err(http.read_only()),
            Self::Bundle(bundle) => Err(bundle.read_only()),
            Self::Object(object) => object.remove(file).await,
            // If another writer was faster, the push fails, and all this is done again.
            Self::Git(git) => git.delete(&file.key).await.map(|()| true),
            Self::Memory(memory) => {
                memory.turn().await;
                memory.remove(file)
            }
        }
    }

    /// Makes a file young that a write is about to rely on. Returns whether it is there.
    ///
    /// # Errors
    /// [`StorageError::ReadOnly`], and failures of the host.
    pub async fn freshen(&self, key: &Key) -> Result<bool, StorageError> {
        match self {
            Self::File(folder) => folder.freshen(key),
            Self::Http(http) => Err(http.read_only()),
            Self::Bundle(bundle) => Err(bundle.read_only()),
            Self::Object(object) => object.freshen(key).await,
            Self::Git(git) => Ok(git.get(key, u64::MAX).await?.is_some()),
            Self::Memory(memory) => {
                memory.turn().await;
                memory.freshen(key)
            }
        }
    }
}
