//! Ages of files, and removing those that no writer relies on.

use lumen_core::Key;
use object_store::{GetOptions, ObjectMeta, PutMode, PutPayload};

use super::{ObjectStorage, read::Answer, write::Written};
use crate::storage::{Listed, Revision, StorageError, http::Failure, upkeep::is_young};

impl ObjectStorage {
    /// As [`crate::Storage::list_files`].
    pub(in crate::storage) async fn list_files(
        &self,
        prefix: &str,
    ) -> Result<Vec<Listed>, StorageError> {
        let objects = self.list_objects(prefix).await?;
        let listed = |(key, meta): (Key, ObjectMeta)| listed(key, &meta);
        Ok(objects.into_iter().map(listed).collect())
    }

    /// As [`crate::Storage::remove`].
    pub(in crate::storage) async fn remove(&self, file: &Listed) -> Result<bool, StorageError> {
        let now = self.meta(&file.key).await?;
        if now.map(|meta| listed(file.key.clone(), &meta)).as_ref() != Some(file) {
            return Ok(false);
        }
        self.delete(&file.key).await?;
        Ok(true)
    }

    /// As [`crate::Storage::freshen`].
    pub(in crate::storage) async fn freshen(&self, key: &Key) -> Result<bool, StorageError> {
        let Some(meta) = self.meta(key).await? else {
            return Ok(false);
        };
        if is_young(meta.last_modified.into()) {
            return Ok(true);
        }
        let Some((bytes, revision)) = self.get(key, u64::MAX).await? else {
            return Ok(false);
        };
        self.write_again(key, &PutPayload::from(bytes), &revision)
            .await;
        Ok(self.meta(key).await?.is_some())
    }

    /// Makes a file young that was found to have these bytes. Returns whether it is there.
    pub(super) async fn freshen_same(
        &self,
        key: &Key,
        payload: &PutPayload,
        revision: &Revision,
    ) -> Result<bool, StorageError> {
        match self.meta(key).await? {
            None => return Ok(false),
            Some(meta) if is_young(meta.last_modified.into()) => return Ok(true),
            Some(_) => self.write_again(key, payload, revision).await,
        }
        Ok(self.meta(key).await?.is_some())
    }

    /// Writes the same again, which gives a file a new time.
    async fn write_again(&self, key: &Key, payload: &PutPayload, revision: &Revision) {
        let mode = PutMode::Update(revision.to_update());
        if let Written::Unclear(failure) = self.put(key, payload, mode).await {
            // Where released files cannot be written, they cannot be removed either.
            tracing::debug!(error = %failure.error, "the file keeps its age");
        }
    }

    async fn meta(&self, key: &Key) -> Result<Option<ObjectMeta>, StorageError> {
        let mut tries = self.tries(&self.file(key));
        loop {
            match tries.once(self.meta_once(key)).await {
                Ok(meta) => return Ok(meta),
                Err(failure) => tries.wait(failure).await?,
            }
        }
    }

    async fn meta_once(&self, key: &Key) -> Result<Option<ObjectMeta>, Failure> {
        let _permit = self.permit().await;
        let options = GetOptions {
            head: true,
            ..GetOptions::default()
        };
        Ok(match self.ask(key, options).await? {
            Answer::Found(found) => Some(found.meta),
            Answer::Absent | Answer::NotModified => None,
        })
    }
}

/// Listings and single answers may have times of different precision.
fn listed(key: Key, meta: &ObjectMeta) -> Listed {
    let seconds = u64::try_from(meta.last_modified.timestamp()).unwrap_or_default();
    Listed {
        key,
        size: meta.size,
        modified: std::time::UNIX_EPOCH.checked_add(std::time::Duration::from_secs(seconds)),
    }
}
