//! Artifacts, many at once, in bounded memory.

use lumen_core::{
    Digest, Key,
    index::{Artifact, Difference},
    limits::{MAX_BELIEVED_BYTES, MAX_MIRRORED_ARTIFACT_BYTES, MIRROR_MEMORY},
};
use tokio::sync::Semaphore;

use super::{CONCURRENCY, Job, MirrorError};
use crate::{
    file_list::{Reading, Wanted},
    reader::ReadError,
    storage::StorageError,
};

/// Memory for artifacts, in KiB; one that is larger is held alone.
const BUDGET: u32 = (MIRROR_MEMORY >> 10) as u32;

/// The memory that each transfer may hold.
pub(super) struct Transfers {
    slots: Semaphore,
    budget: Semaphore,
}

impl Transfers {
    pub(super) fn new() -> Self {
        Self {
            slots: Semaphore::new(CONCURRENCY),
            budget: Semaphore::new(BUDGET as usize),
        }
    }
}

impl Job<'_> {
    /// Copies an artifact that the mirror lacks, if it has the size and hash that it should.
    /// The mirror makes the wanted file list from the tar, and does not fetch it.
    pub(super) async fn copy(
        &self,
        key: &Key,
        artifact: &Artifact,
        wanted: Wanted,
    ) -> Result<(), MirrorError> {
        let is_there = match self.options.full {
            true => self.target.is_intact(key, artifact).await?,
            false => self.target.has(key).await?,
        };
        let lacks_list = match wanted {
            Wanted::Named(named) => !self.target.has(&named.key()).await?,
            // An archive that has none would be read again and again.
            Wanted::Unnamed | Wanted::No => false,
        };
        if is_there && !lacks_list {
            return Ok(());
        }
        let size = artifact.size;
        if size > MAX_MIRRORED_ARTIFACT_BYTES {
            let file = self.file(key);
            return Err(MirrorError::TooLarge { file, size });
        }
        let held = u32::try_from(size.div_ceil(1024)).unwrap_or(BUDGET);
        // The semaphores are never closed.
        let _slot = self.transfers.slots.acquire().await.ok();
        let budget = &self.transfers.budget;
        let _budget = budget.acquire_many(held.clamp(1, BUDGET)).await.ok();
        let mut bytes =
            Vec::with_capacity(usize::try_from(size.min(MAX_BELIEVED_BYTES)).unwrap_or(0));
        let changed = |difference| {
            let file = self.file(key);
            MirrorError::Read(ReadError::Changed { file, difference })
        };
        let read = self.source.storage().read_to(key, size, &mut bytes).await;
        match read {
            Ok(Some(_)) => {}
            Ok(None) => {
                let file = self.file(key);
                return Err(ReadError::Missing { file }.into());
            }
            Err(StorageError::TooLarge { .. }) => {
                return Err(changed(Difference::Larger { expected: size }));
            }
            Err(error) => return Err(error.into()),
        }
        let mut reading = Reading::of(wanted);
        reading.update(&bytes);
        let (actual, list) = reading.finish();
        let expected = artifact.hash;
        if bytes.len() as u64 != size {
            return Err(changed(Difference::Smaller {
                expected: size,
                actual: bytes.len() as u64,
            }));
        }
        if actual != expected {
            return Err(changed(Difference::Hash { expected, actual }));
        }
        if !is_there {
            self.target.create_again(key, bytes).await?;
        }
        match (wanted, list) {
            (Wanted::Named(named), Some(Ok(list))) => self.target.create(&named.key(), list).await,
            (Wanted::Unnamed, Some(Ok(list))) => {
                let key = Key::unsigned_file_list(&artifact.hash);
                self.target.put(&key, &list, |_| false).await
            }
            (_, Some(Err(_))) => {
                self.noted.false_list(self.file(key));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    pub(super) fn other_hash(&self, key: &Key, expected: Digest, actual: Digest) -> MirrorError {
        let file = self.file(key);
        MirrorError::Read(ReadError::Hash {
            file,
            expected,
            actual,
        })
    }
}
