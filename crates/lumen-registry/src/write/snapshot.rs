//! The files of a registry that a writer has read, so that it reads each file once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use lumen_core::Key;

use crate::storage::{Revision, Storage, StorageError};

/// A registry as one writer sees it: a file that was read is read again only when another
/// writer was seen to have changed something.
///
/// A remembered file may be old. So use it only where the write compares it: with the
/// revision of the file itself, or with that of `log/head`, which other writers replace
/// before they change anything else.
#[derive(Debug)]
pub(crate) struct Snapshot<'a> {
    storage: &'a Storage,
    files: Mutex<HashMap<Key, Known>>,
}

#[derive(Debug, Clone)]
struct Known {
    bytes: Option<Arc<Vec<u8>>>,
    /// The revision of these bytes; nothing where this writer wrote them, which does not tell.
    revision: Option<Option<Revision>>,
}

impl<'a> Snapshot<'a> {
    /// Nothing read yet.
    pub(crate) fn of(storage: &'a Storage) -> Self {
        Self {
            storage,
            files: Mutex::default(),
        }
    }

    /// The host.
    pub(crate) const fn storage(&self) -> &'a Storage {
        self.storage
    }

    /// A file of at most `limit` bytes, as it was read or written last; `None`: there is none.
    ///
    /// # Errors
    /// As [`Storage::get`].
    pub(crate) async fn get(
        &self,
        key: &Key,
        limit: u64,
    ) -> Result<Option<Arc<Vec<u8>>>, StorageError> {
        let known = self.files().get(key).cloned();
        let fits = |bytes: &Arc<Vec<u8>>| bytes.len() as u64 <= limit;
        match known {
            Some(Known { bytes, .. }) if bytes.as_ref().is_none_or(fits) => Ok(bytes),
            _ => Ok(self.read(key, limit).await?.0),
        }
    }

    /// A file and its revision. `true`: as it was read before.
    pub(super) async fn with_revision(
        &self,
        key: &Key,
        limit: u64,
    ) -> Result<(Option<Arc<Vec<u8>>>, Option<Revision>, bool), StorageError> {
        let known = self.files().get(key).cloned();
        if let Some(Known {
            bytes,
            revision: Some(revision),
        }) = known
        {
            return Ok((bytes, revision, true));
        }
        let (bytes, revision) = self.read(key, limit).await?;
        Ok((bytes, revision, false))
    }

    async fn read(
        &self,
        key: &Key,
        limit: u64,
    ) -> Result<(Option<Arc<Vec<u8>>>, Option<Revision>), StorageError> {
        let (bytes, revision) = self.storage.get(key, limit).await?.unzip();
        let bytes = bytes.map(Arc::new);
        let known = Known {
            bytes: bytes.clone(),
            revision: Some(revision.clone()),
        };
        self.files().insert(key.clone(), known);
        Ok((bytes, revision))
    }

    /// Notes the bytes that this writer wrote.
    pub(super) fn wrote(&self, key: &Key, bytes: &[u8]) {
        let known = Known {
            bytes: Some(Arc::new(bytes.to_vec())),
            revision: None,
        };
        self.files().insert(key.clone(), known);
    }

    /// Forgets everything: another writer changed something.
    pub(crate) fn forget(&self) {
        self.files().clear();
    }

    fn files(&self) -> MutexGuard<'_, HashMap<Key, Known>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
