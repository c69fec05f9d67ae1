//! Conditional writes, and the meaning of their answers.
//!
//! An answer only tells the result of the request that it answers. A request whose answer
//! got lost may have been carried out; then the host refuses the same request when a proxy
//! or we send it again. So after any but a clear answer to the first request, we read the
//! file itself.

use lumen_core::Key;
use object_store::{Attribute, Attributes, ObjectStoreExt as _, PutMode, PutOptions, PutPayload};

use super::{Action, ObjectStorage, client::Trace};
use crate::storage::{Revision, StorageError, http::Failure};

/// The result of a conditional write.
pub(super) enum Written {
    Yes,
    /// The condition does not hold.
    Refused,
    /// Anything else.
    Unclear(Failure),
}

impl ObjectStorage {
    pub(in crate::storage) async fn create(
        &self,
        key: &Key,
        bytes: &[u8],
    ) -> Result<(), StorageError> {
        self.may_write().await?;
        let payload = PutPayload::from(bytes.to_vec());
        let mut tries = self.write_tries();
        loop {
            let failure = match self.put(key, &payload, PutMode::Create).await {
                Written::Yes => return Ok(()),
                Written::Unclear(failure) if failure.is_final() => return Err(failure.error),
                Written::Unclear(failure) => failure,
                Written::Refused => Failure::again(StorageError::Unclear {
                    file: self.file(key),
                    reason: "the host says that it exists, but it does not".into(),
                }),
            };
            match self.compare(key, bytes).await? {
                Some((true, revision)) => {
                    if self.freshen_same(key, &payload, &revision).await? {
                        return Ok(());
                    }
                }
                Some((false, _)) => {
                    return Err(StorageError::Exists {
                        file: self.file(key),
                    });
                }
                None => tries.wait(failure).await?,
            }
        }
    }

    pub(in crate::storage) async fn replace(
        &self,
        key: &Key,
        expected: Option<&Revision>,
        bytes: &[u8],
    ) -> Result<(), StorageError> {
        self.may_write().await?;
        let payload = PutPayload::from(bytes.to_vec());
        let conflict = || StorageError::Conflict {
            file: self.file(key),
        };
        let mut tries = self.write_tries();
        let mut first = true;
        loop {
            let mode = match expected {
                None => PutMode::Create,
                Some(revision) => PutMode::Update(revision.to_update()),
            };
            let failure = match self.put(key, &payload, mode).await {
                Written::Yes => return Ok(()),
                // No proxy repeated our request, so the file is from another writer.
                Written::Refused if first => return Err(conflict()),
                Written::Unclear(failure) if failure.is_final() => return Err(failure.error),
                Written::Unclear(failure) => failure,
                Written::Refused => Failure::again(conflict()),
            };
            first = false;
            match self.compare(key, bytes).await? {
                Some((true, _)) => return Ok(()),
                found if found.as_ref().map(|(_, revision)| revision) == expected => {
                    tries.wait(failure).await?;
                }
                _ => return Err(conflict()),
            }
        }
    }

    /// Sends a conditional write once.
    pub(super) async fn put(&self, key: &Key, payload: &PutPayload, mode: PutMode) -> Written {
        let _permit = self.permit().await;
        let path = match self.path(key) {
            Ok(path) => path,
            Err(error) => return Written::Unclear(Failure::final_(error)),
        };
        let trace = Trace::default();
        let creates = mode == PutMode::Create;
        let attributes = [
            (Attribute::ContentType, key.content_type()),
            (Attribute::CacheControl, key.mutability().cache_control()),
        ];
        let mut options = PutOptions {
            mode,
            attributes: Attributes::from_iter(attributes),
            ..PutOptions::default()
        };
        options.extensions.insert(trace.clone());
        let put = self.inner.store.put_opts(&path, payload.clone(), options);
        let Err(error) = put.await else {
            return Written::Yes;
        };
        let seen = trace.seen();
        let no_bucket = super::is_no_bucket(seen.code.as_deref());
        match seen.status {
            Some(412) => Written::Refused,
            // Azure says so of a file that exists; S3 of two requests at the same time.
            Some(409) if creates && seen.code.as_deref() == Some("BlobAlreadyExists") => {
                Written::Refused
            }
            // S3's answer to `If-Match` for a file that does not exist.
            Some(404) if !creates && !no_bucket => Written::Refused,
            _ => Written::Unclear(self.failure(Action::Write, self.file(key), &error, &trace)),
        }
    }

    pub(in crate::storage) async fn delete(&self, key: &Key) -> Result<(), StorageError> {
        let _permit = self.permit().await;
        let path = self.path(key)?;
        match self.inner.store.delete(&path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => {
                let failure =
                    self.failure(Action::Delete, self.file(key), &error, &Trace::default());
                Err(failure.error)
            }
        }
    }
}
