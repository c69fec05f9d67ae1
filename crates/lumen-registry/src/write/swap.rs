//! Read, edit, compare-and-swap, again: with patience, and with answers that got lost.

use futures::TryStreamExt as _;
use lumen_core::{
    Key,
    json::JsonError,
    limits::{MAX_CONFLICTS, MAX_FAILURES, MAX_WAITS},
};
use lumen_durable::{Busy, NoLock};

use super::{PublishError, Snapshot, malformed};
use crate::{
    progress::{Watch, advance},
    storage::{Revision, Storage, StorageError},
};

/// Files of one writer that are on their way at once.
const AT_ONCE: usize = 16;

/// A file that is being changed by compare-and-swap.
pub(crate) struct Swap<'a> {
    storage: &'a Storage,
    /// The files that this writer has read already.
    snapshot: Option<&'a Snapshot<'a>>,
    key: &'a Key,
    limit: u64,
    revision: Option<Revision>,
    /// Whether the revision is that of an earlier read.
    is_remembered: bool,
    conflicts: u32,
    failures: u32,
}

impl<'a> Swap<'a> {
    pub(crate) fn new(storage: &'a Storage, key: &'a Key, limit: u64) -> Self {
        Self {
            storage,
            snapshot: None,
            key,
            limit,
            revision: None,
            is_remembered: false,
            conflicts: 0,
            failures: 0,
        }
    }

    /// The same for a writer that may have read the file already.
    pub(crate) fn on(snapshot: &'a Snapshot<'a>, key: &'a Key, limit: u64) -> Self {
        Self {
            snapshot: Some(snapshot),
            ..Self::new(snapshot.storage(), key, limit)
        }
    }

    /// The file as it is now, or as this writer read it, for which the swap has to hold, too.
    pub(crate) async fn read(&mut self) -> Result<Option<Vec<u8>>, StorageError> {
        let Some(snapshot) = self.snapshot else {
            let (bytes, revision) = self.storage.get(self.key, self.limit).await?.unzip();
            self.revision = revision;
            return Ok(bytes);
        };
        let found = snapshot.with_revision(self.key, self.limit).await?;
        (self.revision, self.is_remembered) = (found.1, found.2);
        Ok(found.0.map(|bytes| bytes.to_vec()))
    }

    /// The error for what [`Swap::read`] returned, which is malformed.
    pub(crate) fn malformed(&self, found: Option<&[u8]>, error: &JsonError) -> PublishError {
        malformed(self.storage, self.key, found.unwrap_or_default(), error)
    }

    /// Whether what [`Swap::read`] returned was read before, and not just now.
    pub(crate) const fn is_remembered(&self) -> bool {
        self.is_remembered
    }

    /// Writes the file if it did not change since it was read; `false`: read it again, edit again.
    ///
    /// A failure may hide a success (the answer got lost), so it also asks to
    /// read again: an edit that finds nothing left to do has its proof.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<bool, PublishError> {
        let written = self
            .storage
            .replace(self.key, self.revision.as_ref(), bytes)
            .await;
        if let Some(snapshot) = self.snapshot {
            match &written {
                Ok(()) => snapshot.wrote(self.key, bytes),
                Err(_) => snapshot.forget(),
            }
        }
        match written {
            Ok(()) => return Ok(true),
            // It was read a while ago: to read it now is no second try.
            Err(StorageError::Conflict { .. }) if self.is_remembered => return Ok(false),
            Err(StorageError::Conflict { .. }) => self.conflicts += 1,
            Err(error) => {
                self.failures += 1;
                if self.failures >= MAX_FAILURES || is_final(&error) {
                    return Err(error.into());
                }
            }
        }
        if self.conflicts >= MAX_CONFLICTS {
            return Err(PublishError::Busy {
                file: self.storage.describe(self.key),
                attempts: self.conflicts,
            });
        }
        wait(self.storage, self.conflicts + self.failures).await;
        Ok(false)
    }
}

/// Creates a file; an answer that got lost is asked for again.
pub(crate) async fn create(storage: &Storage, key: &Key, bytes: &[u8]) -> Result<(), StorageError> {
    let mut failures = 0;
    loop {
        match storage.create(key, bytes).await {
            Err(error) if failures + 1 < MAX_FAILURES && !is_final(&error) => {
                failures += 1;
                wait(storage, failures).await;
            }
            other => return other,
        }
    }
}

/// Creates files that do not refer to each other, many at a time.
pub(crate) async fn create_all<'f>(
    storage: &Storage,
    files: impl IntoIterator<Item = (&'f Key, &'f [u8])>,
    watch: Watch<'_>,
) -> Result<(), StorageError> {
    let creates = files.into_iter().map(Ok);
    let one = async |(key, bytes)| {
        create(storage, key, bytes).await?;
        advance(watch, key);
        Ok(())
    };
    futures::stream::iter(creates)
        .try_for_each_concurrent(AT_ONCE, one)
        .await
}

/// Whether trying the same again cannot help.
pub(crate) fn is_final(error: &StorageError) -> bool {
    match error {
        StorageError::Exists { .. }
        | StorageError::NoRoot { .. }
        | StorageError::ReadOnly { .. }
        | StorageError::Denied { .. }
        | StorageError::Inward { .. }
        | StorageError::Refused { .. }
        | StorageError::Login(_)
        | StorageError::Untrusted { .. }
        | StorageError::Authorities { .. }
        | StorageError::TooLarge { .. }
        | StorageError::Limit(_)
        | StorageError::LeftOut { .. }
        | StorageError::Settings { .. }
        | StorageError::NoCredentials { .. }
        | StorageError::NoBucket { .. }
        | StorageError::Unsafe { .. }
        // Temporary failures were tried again already.
        | StorageError::Git(_)
        | StorageError::Busy { .. }
        | StorageError::Bundle { .. }
        | StorageError::Offline { .. } => true,
        // A lock that was waited for to the end is not waited for again.
        StorageError::Io(error) => Busy::of(error).is_some() || NoLock::of(error).is_some(),
        StorageError::Answered { status, .. } => !crate::storage::is_passing(*status),
        StorageError::Conflict { .. }
        | StorageError::Status { .. }
        | StorageError::Unreachable { .. }
        | StorageError::Transfer { .. }
        | StorageError::Unclear { .. } => false,
    }
}

/// Waits a random time that grows with the attempts, so that many writers spread out.
pub(crate) async fn wait(storage: &Storage, attempt: u32) {
    let Some(most) = storage.longest_wait(attempt).await else {
        return;
    };
    let share = (crate::random::random() % 1000) as f64 / 999.0;
    tokio::time::sleep(most.mul_f64(share)).await;
}

/// Gives the writer of a batch some time to finish it, before others help. `false`: that was enough.
///
/// Where every request takes long, a batch is unfinished for a while after each commit. Many
/// helpers would only be in each other's way.
pub(crate) async fn wait_for_others(storage: &Storage, waits: u32) -> bool {
    let Some(first) = storage.first_delay() else {
        return false;
    };
    if waits >= MAX_WAITS {
        return false;
    }
    let most = first * (1 << waits);
    let wait = most.mul_f64(0.5 + (crate::random::random() % 500) as f64 / 1000.0);
    tokio::time::sleep(wait).await;
    true
}
